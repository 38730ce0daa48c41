#include "adds.h"

#include "verbs.h"

#include <stdlib.h>
#include <string.h>

enum {
    WAITING_MAX = 100,
    WORDS_MAX = API_SENTENCE_WORDS_MAX - 8,
    BYTES_MAX = API_SENTENCE_BYTES_MAX / 2
};

bool adds_can_wait(const struct run *r, const struct call *call)
{
    return !r->value && call->verb->run == change_add && !call_arg(call, "copy-from") &&
           !call_arg(call, "place-before");
}

static size_t words_of(const struct call *call)
{
    return call->n_args + 1;
}

static size_t bytes_of(const struct call *call)
{
    size_t bytes = 0;

    for (size_t i = 0; i < call->n_args; i++)
        bytes += strlen(call->args[i].name) + strlen(call->args[i].value) + 8;
    return bytes;
}

static bool fits(const struct adds *a, const struct call *call)
{
    return a->n < WAITING_MAX && a->calls[0].place.menu == call->place.menu &&
           a->words + words_of(call) <= WORDS_MAX && a->bytes + bytes_of(call) <= BYTES_MAX;
}

bool adds_put(struct run *r, struct call *call)
{
    struct adds *a = &r->adds;

    if (a->n > 0 && !fits(a, call) && !adds_flush(r)) {
        call_fini(call);
        return false;
    }
    a->calls = xrealloc(a->calls, (a->n + 1) * sizeof(*a->calls));
    a->calls[a->n++] = *call;
    a->words += words_of(call);
    a->bytes += bytes_of(call);
    return true;
}

/* All of them or none; false also when the daemon refused one. */
static bool add_together(struct adds *a)
{
    struct api_sentence request;
    struct api_reply reply;
    struct text ignored = TEXT_INIT;

    change_request_init(&request, &a->calls[0], "add");
    for (size_t i = 0; i < a->n; i++) {
        if (i > 0)
            api_sentence_add(&request, "=.next=");
        change_add_properties(&request, &a->calls[i]);
    }
    bool ok = api_client_call(a->calls[0].run->c->client, &request, &reply, &ignored);
    if (ok) {
        ok = !reply.trap;
        api_reply_fini(&reply);
    }
    api_sentence_fini(&request);
    text_fini(&ignored);
    return ok;
}

bool adds_flush(struct run *r)
{
    struct adds a = r->adds;
    bool ok = true;

    r->adds = (struct adds){ 0 };
    if (a.n < 2 || !add_together(&a)) /* one by one up to the one that is refused */
        for (size_t i = 0; ok && i < a.n; i++)
            ok = change_add(&a.calls[i]);
    for (size_t i = 0; i < a.n; i++)
        call_fini(&a.calls[i]);
    free(a.calls);
    return ok;
}
