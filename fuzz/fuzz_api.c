/* API bytes as a stranger on the socket would send them, in two portions, into a session over a
 * configuration in memory. Beside not crashing: every reply is whole sentences, and what the
 * configuration exports can be exported again. */
#include "api.h"
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_reply(const struct text *out)
{
    struct api_decoder *d = api_decoder_new();
    struct api_sentence s = { 0 };
    const uint8_t *p = (const uint8_t *)text_get(out);
    size_t len = out->len;
    enum api_decode answer;

    while ((answer = api_decode(d, &p, &len, &s)) == API_SENTENCE) {
        if (s.n == 0 || s.words[0][0] != '!')
            abort();
        api_sentence_fini(&s);
    }
    if (answer == API_BAD)
        abort();
    api_decoder_free(d);
}

static void fill(struct config *c)
{
    static const struct config_arg keys[] = { { "name", "keys" }, { "ah-key", "abcfed" } };
    static const struct config_arg policy[] = { { "manual-sa", "keys" }, { "comment", "x" } };
    struct config_error e = { .text = TEXT_INIT };

    config_add(c, menu_find("ip ipsec manual-sa"), keys, 2, NULL, &e);
    config_add(c, menu_find("ip ipsec policy"), policy, 2, NULL, &e);
    text_fini(&e.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct config_hooks hooks = { .default_identity = "host" };
    struct config *c = config_open_memory(&hooks);
    struct api_session *s = api_session_new(c);
    struct text out = TEXT_INIT, text = TEXT_INIT;
    size_t first = size > 0 ? data[0] % size : 0; /* where the portions part */

    fill(c);
    if (api_session_feed(s, data, first, &out))
        api_session_feed(s, data + first, size - first, &out);
    check_reply(&out);
    config_export(c, NULL, "fuzz", &text);
    text_fini(&text);
    text_fini(&out);
    api_session_free(s);
    config_close(c);
    return 0;
}
