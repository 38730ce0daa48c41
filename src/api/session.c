/* The daemon's side of one connection: a sentence is a command of a menu, its reply is sentences
 * too. No I/O and no state between sentences but the decoder's. */
#include "api_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct api_session {
    struct config *c;
    struct api_decoder *decoder;
};

static const struct verb {
    const char *name;
    bool (*run)(struct request *r);
} verbs[] = {
    { "print", on_print },   { "getall", on_print },   { "find", on_find },
    { "get", on_get },       { "export", on_export },  { "add", on_add },
    { "set", on_set },       { "unset", on_unset },    { "remove", on_remove },
    { "enable", on_enable }, { "disable", on_enable }, { "comment", on_comment },
    { "move", on_move },
};

void put_word(struct text *out, const char *fmt, ...)
{
    char *word = NULL;
    va_list ap;

    va_start(ap, fmt);
    int n = vasprintf(&word, fmt, ap);
    va_end(ap);
    if (n > 0)
        api_word_encode(word, (size_t)n, out);
    free(word);
}

void put_end(const struct request *r)
{
    if (r->tag)
        put_word(r->out, ".tag=%s", r->tag);
    api_word_encode("", 0, r->out);
}

void put_done(const struct request *r, const char *ret)
{
    put_word(r->out, "!done");
    if (ret)
        put_word(r->out, "=ret=%s", ret);
    put_end(r);
}

/* The argument at fault goes with !done: clients in use (librouteros) know no more words of a !trap
 * than message and category, and fail on others. */
static void put_trap(const struct request *r)
{
    put_word(r->out, "!trap");
    put_word(r->out, "=message=%s", text_get(&r->error.text));
    put_end(r);
    put_word(r->out, "!done");
    if (r->error.arg)
        put_word(r->out, "=argument=%s", r->error.arg);
    put_end(r);
}

static void put_fatal(struct text *out, const char *reason)
{
    put_word(out, "!fatal");
    put_word(out, "%s", reason);
    api_word_encode("", 0, out);
}

bool trap(struct request *r, const char *argument, const char *message)
{
    text_clear(&r->error.text);
    text_puts(&r->error.text, message);
    r->error.arg = argument;
    return false;
}

const char *arg_get(const struct request *r, const char *name)
{
    for (size_t i = 0; i < r->n_args; i++) {
        if (strcmp(r->args[i].name, name) == 0)
            return r->args[i].value;
    }
    return NULL;
}

bool only_args(struct request *r, const char *const *names)
{
    for (size_t i = 0; i < r->n_args; i++) {
        size_t n = 0;
        while (names[n] && strcmp(names[n], r->args[i].name) != 0)
            n++;
        if (names[n])
            continue;
        trap(r, r->args[i].name, "unknown parameter ");
        text_puts(&r->error.text, r->args[i].name);
        return false;
    }
    return true;
}

/* Live rows are no items: their ids are taken as they are. */
static bool item_id(const struct request *r, const char *ref, uint32_t *ret)
{
    char *end;

    if (r->m->flags & M_LIVE) {
        unsigned long v = strtoul(ref + (*ref == '*'), &end, 16);
        *ret = (uint32_t)v;
        return *ref == '*' && end > ref + 1 && !*end && v <= UINT32_MAX;
    }
    const struct item *item = config_resolve(r->c, r->m, ref);
    if (item)
        *ret = item->id;
    return item != NULL;
}

bool items_resolve(struct request *r, const char *list)
{
    char *copy = xstrdup(list), *save = NULL;
    bool ok = true;

    free(r->ids);
    r->n_ids = 0;
    r->ids = xcalloc(strlen(list) + 1, sizeof(*r->ids));
    for (char *ref = strtok_r(copy, ",", &save); ref && ok; ref = strtok_r(NULL, ",", &save)) {
        ok = item_id(r, ref, &r->ids[r->n_ids]);
        r->n_ids += ok;
    }
    free(copy);
    return ok || trap(r, "numbers", "no such item");
}

bool items_needed(struct request *r)
{
    if (r->m->flags & M_SINGLE) {
        r->ids = xcalloc(1, sizeof(*r->ids)); /* the one record has id 0 */
        r->n_ids = 1;
        return true;
    }
    if (!r->items)
        return trap(r, "numbers", "missing value(s) of argument(s) numbers");
    return items_resolve(r, r->items);
}

/* A word holds 64 KiB: a long list of items comes in several. */
static void request_items(struct request *r, const char *value)
{
    if (r->items)
        text_putc(&r->item_list, ',');
    text_puts(&r->item_list, value);
    r->items = text_get(&r->item_list);
}

/* "=name=value", cut apart in place. */
static void request_attribute(struct request *r, char *word)
{
    char *value = strchr(word, '=');

    if (value)
        *value++ = '\0';
    else
        value = word + strlen(word);
    if (strcmp(word, ".id") == 0 || strcmp(word, "numbers") == 0)
        request_items(r, value);
    else if (strcmp(word, ".proplist") == 0)
        r->proplist = value;
    else
        r->args[r->n_args++] = (struct config_arg){ word, value };
}

/* False: a word that is none of attribute, query, tag. */
static bool request_words(struct request *r, struct api_sentence *s)
{
    bool ok = true;

    for (size_t i = 1; i < s->n; i++) {
        char *word = s->words[i];
        if (word[0] == '=')
            request_attribute(r, word + 1);
        else if (word[0] == '?')
            r->queries[r->n_queries++] = word + 1;
        else if (strncmp(word, ".tag=", 5) == 0)
            r->tag = word + 5;
        else if (strncmp(word, ".proplist=", 10) == 0)
            r->proplist = word + 10;
        else
            ok = trap(r, NULL, "failure: a word is neither attribute nor query");
    }
    return ok;
}

/* "/ip/ipsec/policy/print": menu and verb. False: no such menu. */
static bool request_command(struct request *r, char *word)
{
    char *slash = strrchr(word, '/');

    if (word[0] != '/')
        return false;
    *slash = '\0';
    r->verb = slash + 1;
    r->m = menu_find(word);
    return r->m || slash == word;
}

static bool request_run(struct request *r)
{
    if (r->m && menu_command_find(r->m, r->verb))
        return on_menu_command(r);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, r->verb) == 0 && (r->m || verbs[i].run == on_export))
            return verbs[i].run(r);
    }
    return trap(r, NULL, "no such command");
}

/* Commands of the connection itself. Who may connect is the socket's business: /login agrees. */
static bool is_connection_command(const char *command)
{
    return strcmp(command, "/login") == 0 || strcmp(command, "/cancel") == 0;
}

static bool session_sentence(struct api_session *s, struct api_sentence *words, struct text *out)
{
    struct request r = { .c = s->c, .out = out };

    if (words->n == 0)
        return true;
    if (strcmp(words->words[0], "/quit") == 0) {
        put_fatal(out, "session terminated on request");
        return false;
    }
    r.args = xcalloc(words->n, sizeof(*r.args));
    r.queries = xcalloc(words->n, sizeof(*r.queries));
    bool ok = request_words(&r, words);
    if (ok && is_connection_command(words->words[0]))
        put_done(&r, NULL);
    else if (!ok || !(request_command(&r, words->words[0]) || trap(&r, NULL, "no such command")) ||
             !request_run(&r))
        put_trap(&r);
    free(r.args);
    free(r.queries);
    free(r.ids);
    text_fini(&r.item_list);
    text_fini(&r.error.text);
    return true;
}

struct api_session *api_session_new(struct config *c)
{
    struct api_session *s = xcalloc(1, sizeof(*s));

    s->c = c;
    s->decoder = api_decoder_new();
    return s;
}

void api_session_free(struct api_session *s)
{
    if (!s)
        return;
    api_decoder_free(s->decoder);
    free(s);
}

bool api_session_feed(struct api_session *s, const uint8_t *p, size_t len, struct text *out)
{
    struct api_sentence words = { 0 };
    enum api_decode d;

    while ((d = api_decode(s->decoder, &p, &len, &words)) == API_SENTENCE) {
        bool go_on = session_sentence(s, &words, out);
        api_sentence_fini(&words);
        if (!go_on)
            return false;
    }
    if (d == API_BAD)
        put_fatal(out, "not a sentence, or a longer one than this side takes");
    return d != API_BAD;
}
