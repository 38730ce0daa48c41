/* Nothing secret is left in memory the engine gives back: not in SAs, exchanges, jobs that came too
 * late, configurations or actions nobody took. Threat A21. The linker puts us where secrets are
 * made and where memory is freed. */
#include "dh.h"
#include "ike_net.h"
#include "keymat.h"
#include "unit.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum { SECRETS_MAX = 512, SECRET_LEN = 16 }; /* the first bytes tell one from chance */

static uint8_t secrets[SECRETS_MAX][SECRET_LEN];
static unsigned n_secrets, n_freed, n_left;

static void secret_note(const uint8_t *b, size_t len)
{
    size_t at = 0;

    while (at < len && b[at] == 0) /* short exponents are padded */
        at++;
    if (len - at < SECRET_LEN)
        return;
    memcpy(secrets[n_secrets++ % SECRETS_MAX], b + at, SECRET_LEN);
}

void __real_free(void *p);
void __wrap_free(void *p);
void __real_dh_init(struct dh *ret, enum dh_group group, struct rng *rng);
void __wrap_dh_init(struct dh *ret, enum dh_group group, struct rng *rng);
enum dh_error __real_dh_shared(const struct dh *dh, struct slice peer, uint8_t *ret);
enum dh_error __wrap_dh_shared(const struct dh *dh, struct slice peer, uint8_t *ret);
void __real_skeyid_derive(struct skeyid *k, struct slice g_xy, const struct ike_cookies *cookies);
void __wrap_skeyid_derive(struct skeyid *k, struct slice g_xy, const struct ike_cookies *cookies);
void __real_keymat_quick(const struct skeyid *k, const struct quick_facts *f, uint8_t *ret,
                         size_t len);
void __wrap_keymat_quick(const struct skeyid *k, const struct quick_facts *f, uint8_t *ret,
                         size_t len);

void __wrap_free(void *p)
{
    unsigned known = n_secrets < SECRETS_MAX ? n_secrets : SECRETS_MAX;

    n_freed += p != NULL;
    for (unsigned i = 0; p && i < known; i++) {
        if (memmem(p, malloc_usable_size(p), secrets[i], SECRET_LEN))
            n_left++;
    }
    __real_free(p);
}

void __wrap_dh_init(struct dh *ret, enum dh_group group, struct rng *rng)
{
    __real_dh_init(ret, group, rng);
    secret_note(ret->exponent, dh_group_info[group].public_len);
}

enum dh_error __wrap_dh_shared(const struct dh *dh, struct slice peer, uint8_t *ret)
{
    enum dh_error e = __real_dh_shared(dh, peer, ret);

    if (e == DH_ERR_OK)
        secret_note(ret, dh_group_info[dh->group].public_len);
    return e;
}

void __wrap_skeyid_derive(struct skeyid *k, struct slice g_xy, const struct ike_cookies *cookies)
{
    __real_skeyid_derive(k, g_xy, cookies);
    secret_note(k->skeyid, sizeof k->skeyid);
    secret_note(k->d, sizeof k->d);
    secret_note(k->a, sizeof k->a);
    secret_note(k->e, sizeof k->e);
}

void __wrap_keymat_quick(const struct skeyid *k, const struct quick_facts *f, uint8_t *ret,
                         size_t len)
{
    __real_keymat_quick(k, f, ret, len);
    for (size_t at = 0; at + SECRET_LEN <= len; at += SECRET_LEN)
        secret_note(ret + at, SECRET_LEN);
}

static struct net *begin(void)
{
    static const char psk[SECRET_LEN + 1] = "sixteen letters.";
    struct net *n;

    n_secrets = n_freed = n_left = 0;
    n = net_new(5);
    secret_note((const uint8_t *)psk, SECRET_LEN);
    for (unsigned e = NET_A; e <= NET_B; e++) {
        n->e[e].proposals[0].pfs_group = DH_MODP768;
        memcpy(n->e[e].peers[0].psk.b, psk, SECRET_LEN);
        n->e[e].peers[0].psk.len = SECRET_LEN;
        net_configure(n, e);
    }
    return n;
}

/* The caller's own copy of the configuration is the caller's to wipe. */
static void end(struct net *n, const char *label)
{
    for (unsigned e = 0; e < NET_ENGINES; e++)
        memset(n->e[e].peers, 0, sizeof n->e[e].peers);
    net_free(n);
    if (n_left > 0 || n_freed == 0)
        fail_msg("%s: %u secrets left in %u blocks", label, n_left, n_freed);
}

static void acquire(struct net *n)
{
    ike_on_acquire(n->e[NET_A].ike, n->now_ms, 7);
    net_actions(n, NET_A);
}

static void secrets_left_behind_are_seen(void **state)
{
    uint8_t *p = malloc(64), b[SECRET_LEN];

    (void)state;
    n_secrets = n_left = 0;
    memset(b, 0x5a, sizeof b);
    secret_note(b, sizeof b);
    memcpy(p + 7, b, sizeof b);
    __asm__ volatile("" : : "r"(p) : "memory"); /* else nobody would read it */
    free(p);
    assert_int_equal(n_left, 1);
}

static void nothing_is_left_of_a_life(void **state)
{
    struct net *n = begin();

    (void)state;
    acquire(n);
    net_run(n, 100);
    assert_int_equal(n->e[NET_B].n_children, 1);
    ike_on_sa_event(n->e[NET_A].ike, n->now_ms, n->e[NET_A].children[0].id, IKE_SA_SOFT);
    net_actions(n, NET_A);
    net_run(n, 100);
    ike_on_sa_event(n->e[NET_A].ike, n->now_ms, n->e[NET_A].children[0].id, IKE_SA_FLUSHED);
    net_actions(n, NET_A);
    net_run(n, 100);
    assert_true(n_secrets > 12);
    end(n, "a life");
}

static void nothing_is_left_at_any_step(void **state)
{
    (void)state;
    for (unsigned steps = 0; steps < 24; steps++) {
        struct net *n = begin();

        acquire(n);
        for (unsigned i = 0; i < steps; i++)
            net_run(n, 1);
        ike_kill_connections(n->e[NET_A].ike, n->now_ms); /* jobs come back to nobody */
        ike_kill_connections(n->e[NET_B].ike, n->now_ms);
        end(n, "killed");
    }
}

static void nothing_is_left_of_a_secret_that_changed(void **state)
{
    struct net *n = begin();

    (void)state;
    acquire(n);
    net_run(n, 100);
    memset(n->e[NET_B].peers[0].psk.b, 'x', SECRET_LEN);
    net_configure(n, NET_B);
    net_run(n, 100);
    acquire(n);
    net_run(n, 100);
    net_advance(n, 200000);
    end(n, "another secret");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_left_behind_are_seen),
        cmocka_unit_test(nothing_is_left_of_a_life),
        cmocka_unit_test(nothing_is_left_at_any_step),
        cmocka_unit_test(nothing_is_left_of_a_secret_that_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
