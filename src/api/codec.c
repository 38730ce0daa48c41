/* Sentences on the wire: words behind their lengths (one to five bytes, the first one tells how
 * many), an empty word ends the sentence. */
#include "api_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct api_decoder {
    uint8_t length[5]; /* of the next word, as far as it has come */
    unsigned n_length;
    char *word;            /* NULL: a length comes first */
    size_t word_len, have; /* bytes it has, bytes that have come */
    struct api_sentence sentence;
    size_t bytes; /* of the sentence's words */
    bool bad;
};

void api_sentence_fini(struct api_sentence *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->words[i]);
    free(s->words);
    *s = (struct api_sentence){ 0 };
}

static void sentence_take(struct api_sentence *s, char *word)
{
    if ((s->n & (s->n - 1)) == 0) /* full at every power of two */
        s->words = xrealloc(s->words, (s->n ? 2 * s->n : 1) * sizeof(*s->words));
    s->words[s->n++] = word;
}

void api_sentence_add(struct api_sentence *s, const char *fmt, ...)
{
    char *word = NULL;
    va_list ap;

    va_start(ap, fmt);
    int n = vasprintf(&word, fmt, ap);
    va_end(ap);
    sentence_take(s, n < 0 ? xstrdup("") : word);
}

const char *api_sentence_get(const struct api_sentence *s, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < s->n; i++) {
        const char *w = s->words[i];
        if (w[0] == '=' && strncmp(w + 1, name, len) == 0 && w[1 + len] == '=')
            return w + len + 2;
    }
    return NULL;
}

void api_length_encode(size_t len, struct text *out)
{
    if (len >= 0x10000000)
        text_putc(out, (char)0xf0);
    if (len >= 0x200000)
        text_putc(out, (char)(len >> 24 | (len < 0x10000000 ? 0xe0 : 0)));
    if (len >= 0x4000)
        text_putc(out, (char)(len >> 16 | (len < 0x200000 ? 0xc0 : 0)));
    if (len >= 0x80)
        text_putc(out, (char)(len >> 8 | (len < 0x4000 ? 0x80 : 0)));
    text_putc(out, (char)len);
}

void api_word_encode(const char *s, size_t len, struct text *out)
{
    api_length_encode(len, out);
    text_add(out, s, len);
}

void api_sentence_encode(const struct api_sentence *s, struct text *out)
{
    for (size_t i = 0; i < s->n; i++)
        api_word_encode(s->words[i], strlen(s->words[i]), out);
    api_word_encode("", 0, out);
}

struct api_decoder *api_decoder_new(void)
{
    return xcalloc(1, sizeof(struct api_decoder));
}

void api_decoder_free(struct api_decoder *d)
{
    if (!d)
        return;
    free(d->word);
    api_sentence_fini(&d->sentence);
    free(d);
}

/* Bytes of the whole length whose first byte is FIRST; 0: reserved. */
static unsigned length_bytes(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc0)
        return 2;
    if (first < 0xe0)
        return 3;
    if (first < 0xf0)
        return 4;
    return first == 0xf0 ? 5 : 0;
}

static size_t length_value(const uint8_t *p, unsigned n)
{
    static const uint8_t mask[] = { 0, 0x7f, 0x3f, 0x1f, 0x0f, 0x00 };
    size_t v = p[0] & mask[n];

    for (unsigned i = 1; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* One byte of a length. True when it was the last one and the word may come. */
static bool on_length_byte(struct api_decoder *d, uint8_t byte)
{
    d->length[d->n_length++] = byte;
    unsigned need = length_bytes(d->length[0]);
    if (need == 0)
        d->bad = true;
    if (need == 0 || d->n_length < need)
        return false;
    d->word_len = length_value(d->length, need);
    d->n_length = 0;
    d->have = 0;
    if (d->word_len > API_WORD_MAX || d->word_len > API_SENTENCE_BYTES_MAX - d->bytes ||
        (d->word_len > 0 && d->sentence.n == API_SENTENCE_WORDS_MAX)) {
        d->bad = true;
        return false;
    }
    return true;
}

static void on_word_bytes(struct api_decoder *d, const uint8_t **p, size_t *len)
{
    size_t n = d->word_len - d->have < *len ? d->word_len - d->have : *len;

    memcpy(d->word + d->have, *p, n);
    d->have += n;
    *p += n;
    *len -= n;
    if (d->have < d->word_len)
        return;
    d->word[d->word_len] = '\0';
    d->bad = memchr(d->word, '\0', d->word_len) != NULL;
    d->bytes += d->word_len;
    sentence_take(&d->sentence, d->word);
    d->word = NULL;
}

enum api_decode api_decode(struct api_decoder *d, const uint8_t **p, size_t *len,
                           struct api_sentence *ret)
{
    while (*len > 0 && !d->bad) {
        if (d->word) {
            on_word_bytes(d, p, len);
            continue;
        }
        bool whole = on_length_byte(d, **p);
        (*p)++;
        (*len)--;
        if (!whole)
            continue;
        if (d->word_len == 0) {
            *ret = d->sentence;
            d->sentence = (struct api_sentence){ 0 };
            d->bytes = 0;
            return API_SENTENCE;
        }
        d->word = xmalloc(d->word_len + 1);
    }
    return d->bad ? API_BAD : API_MORE;
}
