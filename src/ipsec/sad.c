/* The security association database: one lock-free hash table (liburcu) for both directions under
 * (source, destination, protocol, SPI), RFC 4301 4.4.2; receiving SAs in UDP have no source there.
 * The hash is keyed: SPIs and addresses come from outside. Growing is done here, by the one writer,
 * so that no background thread is needed. */
#include "engine_priv.h"

enum { SAD_MIN_BUCKETS = 64 };

struct sad_key {
    const struct ip_addr *src, *dst;
    uint32_t spi_be;
    uint8_t proto;
};

static const struct ip_addr any_source = { .family = IP_ANY_FAMILY };

static const struct ip_addr *sad_source(const struct sa *sa)
{
    return sa->inbound && sa->udp_encap ? &any_source : &sa->src;
}

static uint64_t sad_hash(const struct ipsec *e, const struct sad_key *k)
{
    size_t addr_len = ip_addr_len(k->dst->family);
    uint8_t b[2 * 16 + 8] = { 0 }, *at = b;

    memcpy(at, k->src->b, addr_len);
    memcpy(at += addr_len, k->dst->b, addr_len);
    memcpy(at += addr_len, &k->spi_be, 4);
    at[4] = k->proto;
    return hash_bytes(&e->hash_key, b, 2 * addr_len + 8);
}

static int sad_match(struct cds_lfht_node *node, const void *key)
{
    struct sa *sa = caa_container_of(node, struct sa, node);
    const struct sad_key *k = key;

    rcu_tsan_found(sa);
    return sa->spi_be == k->spi_be && sa->proto == k->proto && ip_addr_equal(&sa->dst, k->dst) &&
           ip_addr_equal(sad_source(sa), k->src);
}

bool sad_init(struct ipsec *e)
{
    e->sad_buckets = SAD_MIN_BUCKETS;
    e->sad = cds_lfht_new_flavor(SAD_MIN_BUCKETS, SAD_MIN_BUCKETS, 0, 0, &urcu_memb_flavor, NULL);
    return e->sad != NULL;
}

void sad_fini(struct ipsec *e)
{
    if (e->sad)
        cds_lfht_destroy(e->sad, NULL);
    e->sad = NULL;
}

bool sad_insert(struct ipsec *e, struct sa *sa)
{
    struct sad_key key = { sad_source(sa), &sa->dst, sa->spi_be, sa->proto };

    if (e->n_sas >= e->sad_buckets) {
        e->sad_buckets *= 2;
        cds_lfht_resize(e->sad, e->sad_buckets);
    }
    cds_lfht_node_init(&sa->node);
    rcu_tsan_publish(sa);
    urcu_memb_read_lock();
    struct cds_lfht_node *found =
        cds_lfht_add_unique(e->sad, sad_hash(e, &key), sad_match, &key, &sa->node);
    urcu_memb_read_unlock();
    return found == &sa->node;
}

void sad_remove(struct ipsec *e, struct sa *sa)
{
    urcu_memb_read_lock();
    cds_lfht_del(e->sad, &sa->node);
    urcu_memb_read_unlock();
}

struct sa *sad_lookup(const struct ipsec *e, uint8_t proto, const struct ip_addr *src,
                      const struct ip_addr *dst, uint32_t spi_be)
{
    struct sad_key key = { src, dst, spi_be, proto };
    struct cds_lfht_iter iter;

    cds_lfht_lookup(e->sad, sad_hash(e, &key), sad_match, &key, &iter);
    struct cds_lfht_node *node = cds_lfht_iter_get_node(&iter);
    return node ? caa_container_of(node, struct sa, node) : NULL;
}
