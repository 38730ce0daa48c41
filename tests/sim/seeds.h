/* Tests that run the same thing for many seeds, spread over processes.
 *
 *     SALLYPORT_SIM_RUNS=10000   so many instead of the usual number (a test may take a share of
 * it) SALLYPORT_SIM_SEED=17      this seed alone, in this process: for a debugger
 *     SALLYPORT_SIM_JOBS=4       processes; as many as there are processors otherwise
 *
 * What runs in a child process must not use cmocka's assertions, which jump: seed_check() says
 * which seed failed and why, and ends the process. */
#pragma once

#include <stdbool.h>

/* The usual number comes as the program's argument. */
void seeds_init(int argc, char **argv);
/* RUN for all seeds of this test, one in SHARE of the usual or wanted number. Fails the test when
 * one failed. */
void seeds_run(const char *what, unsigned share, void (*run)(unsigned seed));
void seed_check(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
