/* The store: what was answered is there after a restart, kill or full disk; files that are not in
 * order are refused with their name and keep every byte. */
#include "config_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLICY    "ip ipsec policy"
#define MANUAL_SA "ip ipsec manual-sa"

static struct kit_gateway gateway;
static char dir[64];  /* the state folder of the running test */
static char file[96]; /* its config.db */

static void shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *fmt, ...)
{
    char command[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(command, sizeof(command), fmt, ap);
    va_end(ap);
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    char base[] = "/tmp/store_test.XXXXXX";

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
    (void)state;
    shell("rm -rf %.*s", (int)strlen(dir) - 6, dir);
    free(gateway.seen);
    return 0;
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

static char *export_of_store(void)
{
    struct config *c = open_store();

    if (!c)
        fail_msg("refused: %s", kit_error);
    char *text = kit_export(c);
    config_close(c);
    return text;
}

static void fill(struct config *c)
{
    assert_true(kit_add(c, MANUAL_SA,
                        "name=keys ah-spi=0x101/0x100 ah-key=abcfed lifetime=1d "
                        "esp-enc-algorithm=des esp-enc-key=0123456789abcdef/1123456789abcdef"));
    assert_true(kit_add(c, POLICY,
                        "src-address=10.1.0.0/24 dst-address=10.2.0.0/24:any tunnel=yes "
                        "sa-src-address=1.0.0.1 sa-dst-address=1.0.0.2 ipsec-protocols=ah "
                        "manual-sa=keys"));
    assert_true(kit_add(c, POLICY, "sa-src-address=1.0.0.1 sa-dst-address=1.0.0.9 src-port=1701"));
    assert_true(kit_add(c, POLICY, "disabled=yes priority=-5 place-before=*1"));
    assert_true(kit_comment(c, POLICY, 2, "it's \"ours\"; \n\xc3\xbc %s"));
    assert_true(kit_set(c, "system identity", 0, "name=Router1"));
}

static void a_restart_brings_everything_back(void **state)
{
    struct config *c = open_store();

    (void)state;
    assert_non_null(c);
    fill(c);
    assert_true(kit_move(c, POLICY, 2, 3));
    kit_add(c, POLICY, "");
    assert_true(kit_remove(c, POLICY, 4));
    char *before = kit_export(c);
    config_close(c);

    c = open_store();
    char *after = kit_export(c);
    assert_string_equal(before, after);
    assert_string_equal(gateway.seen, before);
    assert_string_equal(kit_order(c, POLICY), "2 3 1");
    assert_int_equal(kit_add(c, POLICY, ""), 5); /* 4 was used, though it went again */
    /* The selector nobody typed still follows the SA address. */
    assert_true(kit_set(c, POLICY, 2, "sa-src-address=1.0.0.7"));
    assert_string_equal(kit_value(c, POLICY, 2, "src-address"), "1.0.0.7/32:1701");
    config_close(c);
    free(before);
    free(after);
}

static void dynamic_items_are_not_kept(void **state)
{
    struct config *c = open_store();

    (void)state;
    fill(c);
    config_add_dynamic(c, menu_find(POLICY), config_item_at(c, menu_find(POLICY), 0)->data);
    config_close(c);
    c = open_store();
    assert_int_equal(config_count(c, menu_find(POLICY)), 3);
    config_close(c);
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void the_files_are_ours_alone(void **state)
{
    char wal[128];
    mode_t old = umask(0);
    struct config *c = open_store();

    (void)state;
    fill(c);
    snprintf(wal, sizeof(wal), "%s-wal", file);
    assert_int_equal(mode_of(dir), 0700);
    assert_int_equal(mode_of(file), 0600);
    assert_int_equal(mode_of(wal), 0600);
    config_close(c);
    umask(old);
}

static void a_second_daemon_is_refused(void **state)
{
    struct config *c = open_store();
    pid_t pid;
    int status;

    (void)state;
    fill(c);
    if ((pid = fork()) == 0) {
        struct config *second = open_store();
        _exit(!second && strstr(kit_error, file) && strstr(kit_error, "in use") ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    assert_true(kit_add(c, POLICY, "")); /* the first one did not notice */
    config_close(c);
}

/* -- files that are not in order -- */

struct bytes {
    char *p;
    size_t len;
};

static struct bytes slurp(const char *path)
{
    struct bytes b = { NULL, 0 };
    FILE *f = fopen(path, "rb");

    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    b.len = (size_t)ftell(f);
    rewind(f);
    b.p = xmalloc(b.len + 1);
    assert_int_equal(fread(b.p, 1, b.len, f), b.len);
    fclose(f);
    return b;
}

static void spill(const char *path, const char *p, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, len), len);
    close(fd);
}

/* Refused with the file's name, and not a byte is different. */
static void assert_refused(const char *label, const char *because)
{
    struct bytes before = slurp(file), after;
    struct config *c = open_store();

    if (c)
        fail_msg("%s: accepted", label);
    if (!strstr(kit_error, file) || !strstr(kit_error, because))
        fail_msg("%s: says \"%s\"", label, kit_error);
    after = slurp(file);
    if (before.len != after.len || memcmp(before.p, after.p, before.len) != 0)
        fail_msg("%s: the file was changed", label);
    free(before.p);
    free(after.p);
}

static void make_store(void)
{
    struct config *c = open_store();

    assert_non_null(c);
    fill(c);
    config_close(c);
}

/* As another program would; no shell and no path but the store's own. */
static void run_sql(const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(chmod(file, 0600), 0);
}

static void stores_changed_by_others_are_refused(void **state)
{
    static const struct sql_case {
        const char *label, *sql, *because;
        bool fresh; /* of a file that was not there */
    } cases[] = {
        { "another program's", "create table item(x)", "is no store of ours", true },
        { "newer", "pragma user_version=2", "another version", false },
        { "older", "pragma user_version=0", "another version", false },
        { "a table more", "create table extra(x)", "other tables", false },
        { "a trigger", "create trigger t after insert on item begin select 1; end", "other tables",
          false },
        { "a value changed", "update value set value='99' where property='priority'", "is damaged",
          false },
        { "a value gone", "delete from value where property='tunnel'", "is damaged", false },
        { "an item gone, its values left", "delete from item where id=2", "is damaged", false },
        { "counter behind the ids", "update counter set next_id=1", "is damaged", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make_store();
        if (cases[i].fresh)
            assert_int_equal(unlink(file), 0);
        run_sql(cases[i].sql);
        assert_refused(cases[i].label, cases[i].because);
        shell("rm -rf %s", dir);
    }
}

static void files_that_are_no_database_are_refused(void **state)
{
    static const char zeros[4 * 4096];
    struct bytes good;

    (void)state;
    make_store();
    good = slurp(file);
    spill(file, "not a database, sorry\n", 22);
    assert_refused("text", "is damaged");
    spill(file, "", 0);
    assert_refused("empty", "is empty");
    spill(file, good.p, 1);
    assert_refused("one byte", "is no store of ours");
    spill(file, good.p, good.len / 2);
    assert_refused("half", "is damaged");
    spill(file, good.p, good.len - 1);
    assert_refused("end cut off", "is damaged");
    spill(file, zeros, sizeof(zeros));
    assert_refused("zeros", "is damaged");
    free(good.p);
}

static void files_that_are_not_ours_are_refused(void **state)
{
    static const struct guard_case {
        const char *label, *command, *because;
    } cases[] = {
        { "group can read", "chmod 640 %s/config.db", "group or others" },
        { "others can read", "chmod 604 %s/config.db", "group or others" },
        { "a link", "cd %s && mv config.db x && ln -s x config.db", "symbolic link" },
        { "a second name", "cd %s && ln config.db x", "second name" },
        { "folder open to others", "chmod 755 %s", "group or others" },
        { "folder is a link", "mv %1$s %1$sx && ln -s %1$sx %1$s", "symbolic link" },
        { "a folder in its place", "cd %s && rm config.db* && mkdir -m 700 config.db",
          "no regular file" },
        { "a pipe in its place", "cd %s && rm config.db* && mkfifo -m 600 config.db",
          "no regular file" },
        { "somebody else's", "chown 12345 %s/config.db", "another user" },
        { "folder is somebody else's", "chown 12345 %s", "another user" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char command[256];
        if (geteuid() != 0 && strstr(cases[i].command, "chown"))
            continue;
        make_store();
        snprintf(command, sizeof(command), cases[i].command, dir);
        assert_int_equal(system(command), 0);
        if (open_store() || !strstr(kit_error, cases[i].because) || !strstr(kit_error, dir))
            fail_msg("%s: \"%s\"", cases[i].label, kit_error);
        shell("rm -rf %s %sx", dir, dir);
    }
}

static void a_journal_without_its_file_is_refused(void **state)
{
    char wal[128];

    (void)state;
    make_store();
    snprintf(wal, sizeof(wal), "%s-wal", file);
    spill(wal, "x", 1);
    assert_int_equal(unlink(file), 0);
    assert_null(open_store());
    assert_non_null(strstr(kit_error, wal));
    assert_int_equal(access(file, F_OK), -1);
}

/* A flipped byte is refused, or was in a place that holds nothing: then all is as before. */
static void every_flipped_byte_is_refused_or_harmless(void **state)
{
    (void)state;
    make_store();
    char *want = export_of_store();
    struct bytes good = slurp(file);
    size_t refused = 0, harmless = 0;
    for (size_t i = 0; i < good.len; i += i < 200 ? 1 : 13) {
        good.p[i] ^= 0x21;
        spill(file, good.p, good.len);
        struct config *c = open_store();
        if (c) {
            char *have = kit_export(c);
            if (strcmp(have, want) != 0)
                fail_msg("byte %zu changed the configuration", i);
            free(have);
            config_close(c);
            harmless++;
        } else {
            assert_refused("flipped byte", "");
            refused++;
        }
        good.p[i] ^= 0x21;
    }
    assert_true(refused > 100 && harmless > 100);
    free(good.p);
    free(want);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    make_store();
    struct bytes good = slurp(file);
    for (size_t len = 0; len < good.len; len += 509) {
        spill(file, good.p, len);
        assert_refused("truncated", "");
    }
    free(good.p);
}

/* -- kills and full disks -- */

static sqlite3_syscall_ptr real_write, real_truncate;
static int calls_left; /* of the system calls that change a file */
static bool die;       /* at the last one: die in the middle, or say that the disk is full */

static bool last_call(void)
{
    return calls_left-- == 0;
}

static ssize_t faulty_pwrite(int fd, const void *p, size_t len, off_t at)
{
    if (last_call()) {
        if (die) {
            if (((ssize_t(*)(int, const void *, size_t, off_t))real_write)(fd, p, len / 2, at) < 0)
                _exit(8);
            _exit(7);
        }
        calls_left = 0; /* stays full until the next command */
        errno = ENOSPC;
        return -1;
    }
    return ((ssize_t(*)(int, const void *, size_t, off_t))real_write)(fd, p, len, at);
}

static ssize_t faulty_write(int fd, const void *p, size_t len)
{
    if (last_call()) {
        if (die) {
            if (((ssize_t(*)(int, const void *, size_t))real_write)(fd, p, len / 2) < 0)
                _exit(8);
            _exit(7);
        }
        calls_left = 0;
        errno = ENOSPC;
        return -1;
    }
    return ((ssize_t(*)(int, const void *, size_t))real_write)(fd, p, len);
}

static int faulty_truncate(int fd, off_t len)
{
    if (last_call()) {
        if (die)
            _exit(7);
        calls_left = 0;
        errno = ENOSPC;
        return -1;
    }
    return ((int (*)(int, off_t))real_truncate)(fd, len);
}

/* From now on the N-th change of a file fails. Whichever call SQLite was built to write with. */
static void faults_start(int n, bool kill)
{
    static const char *const names[] = { "pwrite64", "pwrite", "write" };
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    calls_left = n;
    die = kill;
    if (real_write)
        return;
    for (int i = 0; i < 3 && !real_write; i++) {
        real_write = vfs->xGetSystemCall(vfs, names[i]);
        if (real_write)
            vfs->xSetSystemCall(vfs, names[i],
                                i < 2 ? (sqlite3_syscall_ptr)faulty_pwrite
                                      : (sqlite3_syscall_ptr)faulty_write);
    }
    real_truncate = vfs->xGetSystemCall(vfs, "ftruncate");
    vfs->xSetSystemCall(vfs, "ftruncate", (sqlite3_syscall_ptr)faulty_truncate);
}

enum { STEPS = 9 };

static bool step(struct config *c, int i)
{
    switch (i) {
    case 0:
        return kit_add(c, MANUAL_SA, "name=keys ah-key=abcfed");
    case 1:
        return kit_add(c, POLICY, "priority=1 manual-sa=keys");
    case 2:
        return kit_add(c, POLICY, "priority=2 comment=second");
    case 3:
        return kit_set(c, POLICY, 1, "tunnel=yes level=unique");
    case 4:
        return kit_move(c, POLICY, 2, 1);
    case 5:
        return kit_set(c, MANUAL_SA, 1, "name=better");
    case 6:
        return kit_enable(c, POLICY, 2, false);
    case 7:
        return kit_remove(c, POLICY, 1);
    default:
        return kit_set(c, "system identity", 0, "name=Router1");
    }
}

/* The export after each number of steps, made in memory. */
static void expected_exports(char *want[STEPS + 1])
{
    struct config_hooks hooks = kit_hooks(&gateway);
    struct config *c = config_open_memory(&hooks);

    for (int i = 0; i <= STEPS; i++) {
        want[i] = kit_export(c);
        if (i < STEPS)
            assert_true(step(c, i));
    }
    config_close(c);
}

/* In a child: works until the N-th write kills it, telling each answered step. */
static int run_until_killed(int n, int *ret_answered)
{
    int fds[2], status;
    char told;

    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        faults_start(n, true);
        struct config *c = open_store();
        for (int i = 0; c && i < STEPS; i++) {
            if (!step(c, i) || write(fds[1], "x", 1) != 1)
                _exit(9);
        }
        if (c)
            config_close(c);
        _exit(c ? 0 : 9);
    }
    close(fds[1]);
    *ret_answered = 0;
    while (read(fds[0], &told, 1) == 1)
        ++*ret_answered;
    close(fds[0]);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_kill_at_any_write_loses_no_answered_command(void **state)
{
    char *want[STEPS + 1];
    int status = 7, kills = 0;

    (void)state;
    expected_exports(want);
    for (int n = 0; status == 7; n++) {
        int answered;
        status = run_until_killed(n, &answered);
        if (status != 0 && status != 7)
            fail_msg("write %d: child ended with %d", n, status);
        char *have = export_of_store();
        /* The command that was being written may have made it. */
        if (strcmp(have, want[answered]) != 0 &&
            (answered == STEPS || strcmp(have, want[answered + 1]) != 0))
            fail_msg("write %d, %d answered: have\n%s", n, answered, have);
        free(have);
        shell("rm -rf %s", dir);
        kills += status == 7;
    }
    assert_true(kills > 3 * STEPS);
    for (int i = 0; i <= STEPS; i++)
        free(want[i]);
}

/* In a child, because the faults stay in SQLite. */
static void full_disk_run(void)
{
    char *want[STEPS + 1];
    bool complete = false;
    int failures = 0;

    expected_exports(want);
    faults_start(INT32_MAX, false);
    for (int n = 0; !complete; n++) {
        struct config *c = open_store();
        complete = true;
        for (int i = 0; i < STEPS; i++) {
            calls_left = n;
            if (step(c, i))
                continue;
            complete = false;
            failures++;
            char *have = kit_export(c);
            if (strcmp(have, want[i]) != 0 || strcmp(gateway.seen, want[i]) != 0 ||
                !strstr(kit_error, "failure: ") || !strstr(kit_error, file))
                fail_msg("write %d, step %d: %s\nhave\n%s\nseen\n%s", n, i, kit_error, have,
                         gateway.seen);
            free(have);
            calls_left = INT32_MAX; /* room again: the same command works */
            if (!step(c, i))
                _exit(2);
        }
        calls_left = INT32_MAX;
        config_close(c);
        shell("rm -rf %s", dir);
    }
    _exit(failures > STEPS ? 0 : 3);
}

static void a_full_disk_fails_the_command_and_nothing_else(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0)
        full_disk_run();
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Copies of the files as a killed daemon leaves them, with the journal not yet played in. */
static void a_journal_left_behind_is_read(void **state)
{
    struct config *c = open_store();

    (void)state;
    fill(c);
    char *want = kit_export(c);
    shell("cp -a %s %sx", dir, dir);
    config_close(c);
    shell("rm -rf %s && mv %sx %s", dir, dir, dir);
    char *have = export_of_store();
    assert_string_equal(have, want);
    free(have);
    free(want);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_restart_brings_everything_back),
        T(dynamic_items_are_not_kept),
        T(the_files_are_ours_alone),
        T(a_second_daemon_is_refused),
        T(files_that_are_no_database_are_refused),
        T(stores_changed_by_others_are_refused),
        T(files_that_are_not_ours_are_refused),
        T(a_journal_without_its_file_is_refused),
        T(every_flipped_byte_is_refused_or_harmless),
        T(every_truncation_is_refused),
        T(a_kill_at_any_write_loses_no_answered_command),
        T(a_full_disk_fails_the_command_and_nothing_else),
        T(a_journal_left_behind_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
