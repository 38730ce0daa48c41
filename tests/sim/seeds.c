#include "seeds.h"

#include "unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 64 };

static struct {
    const char *program;
    const char *what;
    unsigned usual, seed;
} now;

static bool number_from(const char *name, unsigned *ret)
{
    const char *text = getenv(name);

    if (text)
        *ret = (unsigned)strtoul(text, NULL, 10);
    return text != NULL;
}

void seeds_init(int argc, char **argv)
{
    now.program = argv[0];
    now.usual = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
    number_from("SALLYPORT_SIM_RUNS", &now.usual);
}

void seed_check(bool ok, const char *fmt, ...)
{
    va_list ap;

    if (ok)
        return;
    fprintf(stderr, "%s, seed %u: ", now.what, now.seed);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n  again: SALLYPORT_SIM_TRACE=1 SALLYPORT_SIM_SEED=%u %s\n", now.seed,
            now.program);
    fflush(stderr);
    _exit(1);
}

static void run_some(unsigned first, unsigned end, unsigned step, void (*run)(unsigned seed))
{
    for (now.seed = first; now.seed < end; now.seed += step)
        run(now.seed);
}

void seeds_run(const char *what, unsigned share, void (*run)(unsigned seed))
{
    unsigned n = now.usual / share, jobs = (unsigned)get_nprocs(), one, bad = 0;
    pid_t children[JOBS_MAX];

    now.what = what;
    if (number_from("SALLYPORT_SIM_SEED", &one)) {
        run_some(one, one + 1, 1, run);
        return;
    }
    number_from("SALLYPORT_SIM_JOBS", &jobs);
    jobs = jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : jobs;
    fflush(NULL);
    for (unsigned i = 0; i < jobs; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            run_some(i, n, jobs, run);
            exit(0);
        }
    }
    for (unsigned i = 0; i < jobs; i++) {
        int status = -1;

        if (children[i] < 0 || waitpid(children[i], &status, 0) < 0 || status != 0)
            bad++;
    }
    if (bad > 0)
        fail_msg("%s: failed in %u of %u processes", what, bad, jobs);
    print_message("%s: %u seeds\n", what, n);
}
