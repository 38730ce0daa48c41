/* Runs a fuzz target over files and folders of a corpus, for compilers without libFuzzer and for
 * the tests. Prints the file under way only when something goes wrong with reading. */
#include "target.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { INPUT_MAX = 1 << 20, PATH_LEN_MAX = 4096 };

static unsigned run_file(const char *path)
{
    static uint8_t input[INPUT_MAX];
    FILE *f = fopen(path, "rb");

    if (!f) {
        perror(path);
        exit(1);
    }
    size_t len = fread(input, 1, sizeof(input), f);
    fclose(f);
    uint8_t *exact = malloc(len ? len : 1); /* a sanitizer sees every read past the end */
    for (size_t i = 0; i < len; i++)
        exact[i] = input[i];
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    return 1;
}

static unsigned run_path(const char *path)
{
    struct stat st;
    char child[PATH_LEN_MAX];
    unsigned n = 0;

    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return run_file(path);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] != '.') {
            snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
            n += run_path(child);
        }
    if (dir)
        closedir(dir);
    return n;
}

int main(int argc, char **argv)
{
    unsigned n = 0;

    for (int i = 1; i < argc; i++)
        n += run_path(argv[i]);
    printf("%u inputs\n", n);
    return n > 0 ? 0 : 1;
}
