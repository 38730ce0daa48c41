/* Files of keys: theirs alone who put them, whole or not there. */
#include "unit.h"
#include "vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char dir[64], folder[96];
    struct vault *vault;
    struct text error;
};

static int place_make(void **state)
{
    struct place *p = calloc(1, sizeof *p);

    strcpy(p->dir, "/tmp/vault-test-XXXXXX");
    if (!mkdtemp(p->dir))
        return -1;
    snprintf(p->folder, sizeof p->folder, "%s/certificates", p->dir);
    umask(0); /* what is closed is closed by us */
    p->vault = vault_open(p->dir, &p->error);
    *state = p;
    return p->vault ? 0 : -1;
}

static int place_remove(void **state)
{
    struct place *p = *state;
    char command[128];

    vault_close(p->vault);
    text_fini(&p->error);
    snprintf(command, sizeof command, "rm -r %s", p->dir);
    free(p);
    return system(command);
}

static char *path_of(const struct place *p, const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    return path;
}

static void assert_holds(struct place *p, const char *name, const char *want)
{
    struct slice got;

    if (!vault_get(p->vault, name, 100, &got, &p->error))
        fail_msg("%s", text_get(&p->error));
    assert_true(slice_equal(got, slice_of_text(want)));
    free((void *)got.p);
}

static void what_is_put_is_there_and_closed(void **state)
{
    struct place *p = *state;
    struct stat st;

    assert_true(vault_put(p->vault, "0a0b.key", slice_of_text("secret"), &p->error));
    assert_holds(p, "0a0b.key", "secret");
    assert_int_equal(stat(path_of(p, "0a0b.key"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(p->folder, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_true(vault_put(p->vault, "0a0b.key", slice_of_text("other"), &p->error));
    assert_holds(p, "0a0b.key", "other");
    assert_true(vault_remove(p->vault, "0a0b.key", &p->error));
    assert_true(vault_remove(p->vault, "0a0b.key", &p->error));
    assert_int_not_equal(access(path_of(p, "0a0b.key"), F_OK), 0);
}

static void names_lead_nowhere_else(void **state)
{
    static const char *const names[] = { "",      "..",      "../a.key", "a/b.key", ".key",
                                         "a.",    "abc",     "A.key",    "a.Key",   "a.k2",
                                         "g.key", "a.key\n", "a b.key" };
    struct place *p = *state;
    struct slice got;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (vault_put(p->vault, names[i], slice_of_text("x"), &p->error) ||
            vault_get(p->vault, names[i], 10, &got, &p->error) ||
            vault_remove(p->vault, names[i], &p->error))
            fail_msg("\"%s\" is taken for a name", names[i]);
    }
}

static void files_that_are_not_ours_alone_are_refused(void **state)
{
    struct place *p = *state;
    struct slice got;

    assert_true(vault_put(p->vault, "aa.key", slice_of_text("secret"), &p->error));
    assert_false(vault_get(p->vault, "aa.key", 5, &got, &p->error)); /* larger than asked for */
    assert_int_equal(chmod(path_of(p, "aa.key"), 0640), 0);
    assert_false(vault_get(p->vault, "aa.key", 100, &got, &p->error));
    assert_non_null(strstr(text_get(&p->error), "chmod go="));
    assert_int_equal(symlink("aa.key", path_of(p, "bb.key")), 0);
    assert_false(vault_get(p->vault, "bb.key", 100, &got, &p->error));
    assert_int_equal(mkfifo(path_of(p, "cc.key"), 0600), 0);
    assert_false(vault_get(p->vault, "cc.key", 100, &got, &p->error)); /* and does not wait */
    assert_int_equal(close(open(path_of(p, "dd.key"), O_CREAT | O_WRONLY, 0600)), 0);
    assert_false(vault_get(p->vault, "dd.key", 100, &got, &p->error)); /* empty */
}

static void a_link_in_the_way_is_not_followed(void **state)
{
    struct place *p = *state;
    char target[128];

    snprintf(target, sizeof target, "%s/elsewhere", p->dir);
    assert_int_equal(symlink(target, path_of(p, "ee.key")), 0);
    assert_int_equal(symlink(target, path_of(p, "fresh.new")), 0);
    assert_true(vault_put(p->vault, "ee.key", slice_of_text("secret"), &p->error));
    assert_int_not_equal(access(target, F_OK), 0);
    assert_holds(p, "ee.key", "secret");
}

static void an_open_folder_is_refused(void **state)
{
    struct place *p = *state;

    assert_int_equal(chmod(p->folder, 0750), 0);
    assert_null(vault_open(p->dir, &p->error));
    assert_non_null(strstr(text_get(&p->error), p->folder));
}

static bool keep_aa(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "aa.crt") == 0;
}

static void sweeping_leaves_what_is_wanted(void **state)
{
    struct place *p = *state;

    assert_true(vault_put(p->vault, "aa.crt", slice_of_text("a"), &p->error));
    assert_true(vault_put(p->vault, "bb.crt", slice_of_text("b"), &p->error));
    assert_int_equal(close(open(path_of(p, "fresh.new"), O_CREAT | O_WRONLY, 0600)), 0);
    assert_int_equal(close(open(path_of(p, "README"), O_CREAT | O_WRONLY, 0600)), 0);
    vault_sweep(p->vault, keep_aa, NULL);
    assert_holds(p, "aa.crt", "a");
    assert_int_not_equal(access(path_of(p, "bb.crt"), F_OK), 0);
    assert_int_not_equal(access(path_of(p, "fresh.new"), F_OK), 0);
    assert_int_equal(access(path_of(p, "README"), F_OK), 0); /* not of a name of ours */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_put_is_there_and_closed, place_make, place_remove),
        cmocka_unit_test_setup_teardown(names_lead_nowhere_else, place_make, place_remove),
        cmocka_unit_test_setup_teardown(files_that_are_not_ours_alone_are_refused, place_make,
                                        place_remove),
        cmocka_unit_test_setup_teardown(a_link_in_the_way_is_not_followed, place_make,
                                        place_remove),
        cmocka_unit_test_setup_teardown(an_open_folder_is_refused, place_make, place_remove),
        cmocka_unit_test_setup_teardown(sweeping_leaves_what_is_wanted, place_make, place_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
