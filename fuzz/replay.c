/* Runs a fuzz target over the files of its corpus, without a fuzzer: the corpus as a test. */
#include "fuzz.h"
#include "text.h"

#include <stdio.h>

static int replay(const char *path)
{
    struct text input = TEXT_INIT;
    char buf[4096];
    size_t n;
    FILE *f = fopen(path, "rb");

    if (!f) {
        perror(path);
        return 1;
    }
    while ((n = fread(buf, 1, sizeof buf, f)) > 0)
        text_add(&input, buf, n);
    fclose(f);
    LLVMFuzzerTestOneInput((const uint8_t *)text_get(&input), input.len);
    text_fini(&input);
    return 0;
}

int main(int argc, char **argv)
{
    int status = 0;

    for (int i = 1; i < argc; i++)
        status |= replay(argv[i]);
    return status;
}
