/* The menus of automatic keying in the store: they come back, and the built-in proposal is there
 * also in stores that never heard of proposals. */
#include "config_kit.h"
#include "store.h"

#include <sqlite3.h>
#include <unistd.h>

#define POLICY   "ip ipsec policy"
#define PEER     "ip ipsec peer"
#define PROPOSAL "ip ipsec proposal"

static struct kit_gateway gateway;
static char dir[64];  /* the state folder of the running test */
static char file[96]; /* its config.db */

static int set_up(void **state)
{
    char base[] = "/tmp/store_keys_test.XXXXXX";

    (void)state;
    memset(&gateway, 0, sizeof(gateway));
    if (!mkdtemp(base))
        return -1;
    snprintf(dir, sizeof(dir), "%s/state", base);
    snprintf(file, sizeof(file), "%s/config.db", dir);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const tails[] = { "", "-wal", "-shm", "-journal" };
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", file, tails[i]);
        unlink(path);
    }
    rmdir(dir);
    dir[strlen(dir) - strlen("/state")] = '\0';
    free(gateway.seen);
    return rmdir(dir);
}

static struct config *open_store(void)
{
    struct config_hooks hooks = kit_hooks(&gateway);
    struct text error = TEXT_INIT;
    struct config *c = config_open(dir, &hooks, &error);

    snprintf(kit_error, sizeof(kit_error), "%s", text_get(&error));
    text_fini(&error);
    return c;
}

static void peers_and_proposals_come_back(void **state)
{
    struct config *c = open_store();

    (void)state;
    assert_int_equal(kit_add(c, PROPOSAL, "name=strong enc-algorithms=aes-256,null"), 2);
    assert_true(kit_set(c, PROPOSAL, 1, "enc-algorithms=des auth-algorithms="));
    assert_true(kit_enable(c, PROPOSAL, 1, false));
    assert_true(kit_comment(c, PROPOSAL, 1, "Cisco"));
    assert_true(kit_add(c, PEER, "address=1.0.0.0/24:501 secret=0x00ff passive=yes lifetime=8h"));
    assert_true(kit_add(c, POLICY, "sa-dst-address=1.0.0.2 proposal=strong"));
    char *before = kit_export(c);
    config_close(c);

    c = open_store();
    char *after = kit_export(c);
    assert_string_equal(before, after);
    assert_string_equal(kit_order(c, PROPOSAL), "1 2");
    assert_true(config_item_at(c, menu_find(PROPOSAL), 0)->disabled);
    assert_string_equal(config_item_at(c, menu_find(PROPOSAL), 0)->comment, "Cisco");
    assert_int_equal(kit_add(c, PROPOSAL, "name=third"), 3);
    config_close(c);
    free(before);
    free(after);
}

static size_t rows_of(const char *menu)
{
    sqlite3 *db;
    sqlite3_stmt *st;

    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT count(*) FROM item WHERE menu = ?1", -1, &st, NULL),
        SQLITE_OK);
    sqlite3_bind_text(st, 1, menu, -1, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    size_t n = (size_t)sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}

/* Stores made before there were proposals have none: the built-in one is there all the same, and
 * is in the store from its first change on. */
static void a_store_without_proposals_has_the_builtin_one(void **state)
{
    struct config *c = open_store();

    (void)state;
    assert_true(kit_add(c, POLICY, "priority=1"));
    config_close(c);
    assert_int_equal(rows_of(POLICY), 1);
    assert_int_equal(rows_of(PROPOSAL), 0);
    c = open_store();
    assert_string_equal(kit_order(c, PROPOSAL), "1");
    assert_string_equal(kit_value(c, PROPOSAL, 1, "name"), "default");
    assert_string_equal(kit_value(c, PROPOSAL, 1, "enc-algorithms"), "3des");
    assert_true(kit_set(c, PROPOSAL, 1, "enc-algorithms=des"));
    config_close(c);
    assert_int_equal(rows_of(PROPOSAL), 1);
    c = open_store();
    assert_string_equal(kit_value(c, PROPOSAL, 1, "enc-algorithms"), "des");
    config_close(c);
}

/* A row with a good checksum, as no version of ours writes it. */
static void put_proposal(uint32_t id, char *name)
{
    struct config_hooks hooks = kit_hooks(&gateway);
    struct config *c = config_open_memory(&hooks);
    struct text error = TEXT_INIT;
    struct store *s = store_open(dir, &error);
    struct cfg_proposal proposal;

    memcpy(&proposal, config_item_at(c, menu_find(PROPOSAL), 0)->data, sizeof(proposal));
    proposal.name = name;
    const struct store_item row = {
        .menu = menu_find(PROPOSAL), .id = id, .comment = "", .data = &proposal
    };
    assert_true(store_begin(s, &error) && store_put(s, &row, &error) && store_commit(s, &error));
    store_close(s);
    config_close(c);
    text_fini(&error);
}

static void a_builtin_item_in_disguise_is_refused(void **state)
{
    static char other[] = "other", builtin[] = "default";

    (void)state;
    put_proposal(1, other);
    assert_null(open_store());
    assert_non_null(strstr(kit_error, "impossible name"));
    put_proposal(1, builtin); /* replaces it */
    config_close(open_store());
    assert_string_equal(kit_error, "");
    put_proposal(7, builtin);
    assert_null(open_store());
    assert_non_null(strstr(kit_error, "impossible name"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(peers_and_proposals_come_back),
        T(a_store_without_proposals_has_the_builtin_one),
        T(a_builtin_item_in_disguise_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
