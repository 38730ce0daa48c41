/* Gateways that begin with each other all at once, more of them than strangers find room. */
#include "ike.h"
#include "rng.h"
#include "text.h"
#include "unit.h"

#include <stdlib.h>

enum { PAIRS = IKE_HALF_OPEN_MAX + 300, SIDES = 2 };

struct message {
    struct ike_path path;
    uint8_t *bytes;
    size_t len;
};

struct side {
    struct ike *ike;
    struct rng *rng;
    struct message inbox[4 * PAIRS];
    size_t n_inbox;
    struct ike_job *jobs[PAIRS];
    size_t n_jobs, n_pairs;
};

static void env_random(void *ctx, void *out, size_t len)
{
    rng_bytes(((struct side *)ctx)->rng, out, len);
}

static int64_t env_wall_s(void *ctx)
{
    (void)ctx;
    return 1700000000;
}

static bool env_spi_free(void *ctx, uint8_t proto, const struct ip_addr *src,
                         const struct ip_addr *dst, uint32_t spi)
{
    (void)ctx, (void)proto, (void)src, (void)dst, (void)spi;
    return true;
}

static void env_dh_init(void *ctx, struct dh *ret, enum dh_group group)
{
    dh_init(ret, group, ((struct side *)ctx)->rng);
}

static struct ip_addr address(unsigned side, unsigned i)
{
    return ip_addr_v4((uint8_t)(10 + side), 0, (uint8_t)(i >> 8), (uint8_t)i);
}

static void configure(struct side *s, unsigned side)
{
    static struct ike_policy policies[PAIRS];
    const struct ike_peer peer = { .id = 1,
                                   .address = { { .family = IP_V4 }, 0 },
                                   .psk = { .b = "secret", .len = 6 },
                                   .cipher = CIPHER_AES_128,
                                   .hash = AUTH_SHA1,
                                   .group = DH_MODP768,
                                   .lifetime_s = 86400,
                                   .check = IKE_CHECK_OBEY };
    const struct ike_proposal proposal = { .name = "default",
                                           .auth_algs = 1u << AUTH_SHA1,
                                           .ciphers = 1u << CIPHER_AES_128,
                                           .lifetime_s = 1800 };

    for (unsigned i = 0; i < PAIRS; i++)
        policies[i] = (struct ike_policy){ .id = i + 1,
                                           .slot = i,
                                           .reqid = i + 1,
                                           .local = address(side, i),
                                           .remote = address(!side, i),
                                           .local_sel.prefix = { address(side, i), 32 },
                                           .remote_sel.prefix = { address(!side, i), 32 },
                                           .protocols = IKE_PROTO_ESP,
                                           .tunnel = true,
                                           .proposal = "default" };
    const struct ike_config config = { .peers = &peer,
                                       .n_peers = 1,
                                       .proposals = &proposal,
                                       .n_proposals = 1,
                                       .policies = policies,
                                       .n_policies = PAIRS };
    ike_configure(s->ike, 1000, &config);
}

static void message_put(struct side *to, const struct ike_action *a)
{
    struct message *m = &to->inbox[to->n_inbox++];

    assert_in_range(to->n_inbox, 1, 4 * PAIRS);
    m->path =
        (struct ike_path){ a->path.remote, a->path.local, a->path.remote_port, a->path.local_port };
    m->len = a->bytes.len;
    m->bytes = xmalloc(m->len);
    memcpy(m->bytes, a->bytes.p, m->len);
}

static void actions_take(struct side *sides, unsigned side)
{
    struct side *s = &sides[side];
    struct ike_action a;

    while (ike_action_take(s->ike, &a)) {
        if (a.type == IKE_SEND)
            message_put(&sides[!side], &a);
        else if (a.type == IKE_JOB)
            s->jobs[s->n_jobs++] = a.job;
        else if (a.type == IKE_SA_INSTALL_OUT)
            s->n_pairs++;
        ike_action_fini(&a);
    }
}

/* Everything that arrived, and only then what waited for the helper pool. */
static void turn(struct side *sides, unsigned side)
{
    struct side *s = &sides[side];
    size_t n_jobs;

    for (size_t i = 0; i < s->n_inbox; i++) {
        struct message *m = &s->inbox[i];

        ike_on_datagram(s->ike, 1000, &m->path, m->bytes, m->len);
        actions_take(sides, side);
        free(m->bytes);
    }
    s->n_inbox = 0;
    n_jobs = s->n_jobs;
    s->n_jobs = 0;
    for (size_t i = 0; i < n_jobs; i++) {
        struct ike_job *job = s->jobs[i];

        ike_job_run(job);
        ike_on_job_done(s->ike, 1000, job);
    }
    actions_take(sides, side);
}

static void thousands_that_begin_at_once_all_come_up(void **state)
{
    struct side *sides = xcalloc(SIDES, sizeof *sides);
    uint64_t drops[IKE_DROP_COUNT];

    (void)state;
    for (unsigned i = 0; i < SIDES; i++) {
        const struct ike_env env = { .ctx = &sides[i],
                                     .random = env_random,
                                     .wall_s = env_wall_s,
                                     .spi_free = env_spi_free,
                                     .dh_init = env_dh_init };
        sides[i].rng = rng_new_fixed(i + 1);
        sides[i].ike = ike_new(&env);
        configure(&sides[i], i);
    }
    for (unsigned i = 0; i < PAIRS; i++)
        ike_on_acquire(sides[0].ike, 1000, i + 1);
    actions_take(sides, 0);
    while (sides[0].n_inbox + sides[1].n_inbox > 0) {
        turn(sides, 1);
        turn(sides, 0);
    }
    for (unsigned i = 0; i < SIDES; i++) {
        ike_drops(sides[i].ike, drops);
        assert_int_equal(drops[IKE_DROP_LIMIT], 0);
        assert_int_equal(sides[i].n_pairs, PAIRS);
        ike_free(sides[i].ike);
        rng_free(sides[i].rng);
    }
    free(sides);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thousands_that_begin_at_once_all_come_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
