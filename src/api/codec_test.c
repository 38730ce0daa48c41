/* Words and sentences on the wire: the published lengths, any portions, lies. */
#include "api_priv.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* The length bytes that the published protocol gives. */
static const struct length_case {
    size_t len;
    uint8_t bytes[5];
    size_t n;
} lengths[] = {
    { 0, { 0x00 }, 1 },
    { 1, { 0x01 }, 1 },
    { 0x7f, { 0x7f }, 1 },
    { 0x80, { 0x80, 0x80 }, 2 },
    { 0x1234, { 0x92, 0x34 }, 2 },
    { 0x3fff, { 0xbf, 0xff }, 2 },
    { 0x4000, { 0xc0, 0x40, 0x00 }, 3 },
    { 0x1fffff, { 0xdf, 0xff, 0xff }, 3 },
    { 0x200000, { 0xe0, 0x20, 0x00, 0x00 }, 4 },
    { 0xfffffff, { 0xef, 0xff, 0xff, 0xff }, 4 },
    { 0x10000000, { 0xf0, 0x10, 0x00, 0x00, 0x00 }, 5 },
};

static void lengths_are_written_as_published(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct text out = TEXT_INIT;
        api_length_encode(lengths[i].len, &out);
        assert_int_equal(out.len, lengths[i].n);
        assert_memory_equal(text_get(&out), lengths[i].bytes, lengths[i].n);
        text_fini(&out);
    }
}

/* Decodes LEN bytes in portions of STEP; the last answer. Sentences are counted and dropped. */
static enum api_decode decode(const void *bytes, size_t len, size_t step, size_t *ret_sentences,
                              struct api_sentence *ret_last)
{
    struct api_decoder *d = api_decoder_new();
    enum api_decode answer = API_MORE;
    const uint8_t *p = bytes, *end = p + len;

    *ret_sentences = 0;
    while (p < end && answer != API_BAD) {
        size_t n = (size_t)(end - p) < step ? (size_t)(end - p) : step;
        struct api_sentence s = { 0 };
        /* A copy of the exact size, so that a read past it is seen. */
        uint8_t *portion = malloc(n);
        const uint8_t *at = portion;
        memcpy(portion, p, n);
        p += n;
        while ((answer = api_decode(d, &at, &n, &s)) == API_SENTENCE) {
            ++*ret_sentences;
            api_sentence_fini(ret_last);
            *ret_last = s;
            s = (struct api_sentence){ 0 };
        }
        free(portion);
    }
    api_decoder_free(d);
    return answer;
}

static void sentences_come_back_in_any_portions(void **state)
{
    static const size_t steps[] = { 1, 2, 3, 7, 127, 128, 4096, 100000 };
    struct api_sentence s = { 0 }, back = { 0 };
    struct text wire = TEXT_INIT;
    char *word = malloc(20001);
    size_t n;

    (void)state;
    memset(word, 'w', 20000);
    word[20000] = '\0';
    api_sentence_add(&s, "/ip/ipsec/policy/print");
    api_sentence_add(&s, "=comment=%.127s", word);
    api_sentence_add(&s, "=comment=%.5000s", word);
    api_sentence_add(&s, "=x=%s", word);
    api_sentence_add(&s, "\xc3\xbc\xff");
    api_sentence_encode(&s, &wire);
    api_sentence_encode(&s, &wire);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        assert_int_equal(decode(text_get(&wire), wire.len, steps[i], &n, &back), API_MORE);
        assert_int_equal(n, 2);
        assert_int_equal(back.n, s.n);
        for (size_t w = 0; w < s.n; w++)
            assert_string_equal(back.words[w], s.words[w]);
    }
    assert_string_equal(api_sentence_get(&back, "x"), word);
    assert_null(api_sentence_get(&back, "comm"));
    api_sentence_fini(&s);
    api_sentence_fini(&back);
    text_fini(&wire);
    free(word);
}

static void every_truncation_waits_for_more(void **state)
{
    static const char wire[] = "\x06/print\x04=a=b\x00"; /* and the literal's own NUL */
    struct api_sentence last = { 0 };
    size_t n;

    (void)state;
    for (size_t len = 0; len < sizeof(wire) - 1; len++) {
        assert_int_equal(decode(wire, len, 1, &n, &last), API_MORE);
        assert_int_equal(n, 0);
    }
    assert_int_equal(decode(wire, sizeof(wire) - 1, 1, &n, &last), API_MORE);
    assert_int_equal(n, 1);
    assert_int_equal(last.n, 2);
    api_sentence_fini(&last);
}

static const struct wire_case {
    const char *label;
    const char *bytes;
    size_t len;
    enum api_decode want;
    size_t sentences;
} wires[] = {
#define W(bytes) bytes, sizeof(bytes) - 1
    { "empty sentence", W("\0"), API_MORE, 1 },
    { "word of 65536 announced", W("\xc1\x00\x00"), API_MORE, 0 },
    { "word of 65537 announced", W("\xc1\x00\x01"), API_BAD, 0 },
    { "2 GiB announced", W("\xf0\x80\x00\x00\x00"), API_BAD, 0 },
    { "4 GiB announced", W("\xf0\xff\xff\xff\xff"), API_BAD, 0 },
    { "256 MiB announced", W("\xef\xff\xff\xff"), API_BAD, 0 },
    { "reserved control byte f8", W("\xf8"), API_BAD, 0 },
    { "reserved control byte ff", W("\xff\x00\x00\x00\x00"), API_BAD, 0 },
    { "reserved control byte f1", W("\xf1"), API_BAD, 0 },
    { "longer form of a short length", W("\x80\x01x\x00"), API_MORE, 1 },
    { "longest form of a short length", W("\xf0\x00\x00\x00\x01x\x00"), API_MORE, 1 },
    { "longest form of the end", W("\x01x\xf0\x00\x00\x00\x00"), API_MORE, 1 },
    { "NUL in a word",
      W("\x03"
        "a\0b\x00"),
      API_BAD, 0 },
    { "good sentence, then a lie", W("\x01x\x00\xf8"), API_BAD, 1 },
#undef W
};

static void lies_are_found_before_memory_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++) {
        for (size_t step = 1; step <= 5; step += 4) {
            struct api_sentence last = { 0 };
            size_t n;
            if (decode(wires[i].bytes, wires[i].len, step, &n, &last) != wires[i].want ||
                n != wires[i].sentences)
                fail_msg("%s: %zu sentences", wires[i].label, n);
            api_sentence_fini(&last);
        }
    }
}

static enum api_decode decode_words(size_t words, size_t word_len, size_t *ret_words)
{
    struct text wire = TEXT_INIT;
    struct api_sentence last = { 0 };
    char *word = calloc(1, word_len + 1);
    size_t n;

    memset(word, 'x', word_len);
    for (size_t i = 0; i < words; i++)
        api_word_encode(word, word_len, &wire);
    api_word_encode("", 0, &wire);
    enum api_decode d = decode(text_get(&wire), wire.len, 65536, &n, &last);
    *ret_words = last.n;
    api_sentence_fini(&last);
    text_fini(&wire);
    free(word);
    return d;
}

static void sentences_have_limits(void **state)
{
    size_t n;

    (void)state;
    assert_int_equal(decode_words(1000, 10, &n), API_MORE);
    assert_int_equal(n, 1000);
    assert_int_equal(decode_words(API_SENTENCE_WORDS_MAX, 1, &n), API_MORE);
    assert_int_equal(n, API_SENTENCE_WORDS_MAX);
    assert_int_equal(decode_words(API_SENTENCE_WORDS_MAX + 1, 1, &n), API_BAD);
    assert_int_equal(decode_words(16, API_WORD_MAX, &n), API_MORE);
    assert_int_equal(n, 16);
    assert_int_equal(decode_words(17, API_WORD_MAX, &n), API_BAD);
}

static void after_a_lie_nothing_is_read(void **state)
{
    struct api_decoder *d = api_decoder_new();
    struct api_sentence s = { 0 };
    const uint8_t bad[] = { 0xff }, good[] = { 0x01, 'x', 0x00 };
    const uint8_t *p = bad;
    size_t len = sizeof(bad);

    (void)state;
    assert_int_equal(api_decode(d, &p, &len, &s), API_BAD);
    p = good;
    len = sizeof(good);
    assert_int_equal(api_decode(d, &p, &len, &s), API_BAD);
    api_decoder_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_are_written_as_published),
        cmocka_unit_test(sentences_come_back_in_any_portions),
        cmocka_unit_test(every_truncation_waits_for_more),
        cmocka_unit_test(lies_are_found_before_memory_is_taken),
        cmocka_unit_test(sentences_have_limits),
        cmocka_unit_test(after_a_lie_nothing_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
