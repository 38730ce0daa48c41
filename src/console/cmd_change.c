/* Commands that change items: add set remove enable disable comment move, and what a menu brings
 * of its own (flush). Each is one request to the daemon, so it happens whole or not at all. */
#include "items.h"
#include "verbs.h"

void change_request_init(struct api_sentence *request, const struct call *call, const char *command)
{
    struct text path = TEXT_INIT;

    *request = (struct api_sentence){ 0 };
    place_command(call->place.menu->path, command, &path);
    api_sentence_add(request, "%s", text_get(&path));
    text_fini(&path);
}

static bool send_request(struct call *call, struct api_sentence *request)
{
    struct api_reply reply;
    bool ok = call_api(call, request, &reply);

    if (ok) {
        text_puts(&call->value, reply.ret ? reply.ret : "");
        api_reply_fini(&reply);
    }
    api_sentence_fini(request);
    return ok;
}

void change_add_properties(struct api_sentence *request, const struct call *call)
{
    for (size_t i = 0; i < call->n_args; i++)
        if (!call->args[i].spec)
            api_sentence_add(request, "=%s=%s", call->args[i].name, call->args[i].value);
}

/* An argument that names one item, as its *ID; absent is fine. */
static bool add_item(struct api_sentence *request, struct call *call, const char *name)
{
    uint32_t id;

    if (!call_arg(call, name))
        return true;
    if (!item_of_arg(call, name, &id))
        return false;
    api_sentence_add(request, "=%s=*%X", name, id);
    return true;
}

bool change_add(struct call *call)
{
    struct api_sentence request;

    change_request_init(&request, call, "add");
    if (!add_item(&request, call, "copy-from") || !add_item(&request, call, "place-before")) {
        api_sentence_fini(&request);
        return false;
    }
    change_add_properties(&request, call);
    return send_request(call, &request);
}

enum { IDS_PER_WORD = 4096, IDS_MAX = 100000 /* what one sentence holds */ };

static void add_ids(struct api_sentence *request, const struct ids *ids)
{
    struct text list = TEXT_INIT;

    for (size_t i = 0; i < ids->n || i == 0; i += IDS_PER_WORD) {
        size_t left = ids->n - i;
        const struct ids part = { ids->v + i, left < IDS_PER_WORD ? left : IDS_PER_WORD };
        text_clear(&list);
        ids_text(&part, ',', &list);
        api_sentence_add(request, "=.id=%s", text_get(&list));
    }
    text_fini(&list);
}

/* COMMAND on the items of `numbers`; no items, nothing to do. */
static bool on_items(struct call *call, const char *command, struct api_sentence *request)
{
    struct ids ids = { 0 };

    change_request_init(request, call, command);
    if (!items_of_arg(call, "numbers", &ids))
        return false;
    bool fits = ids.n <= IDS_MAX;
    if (fits)
        add_ids(request, &ids);
    else
        run_fail(call->run, NO_PLACE, "failure: too many items for one command");
    ids_fini(&ids);
    return fits;
}

static bool has_items(const struct api_sentence *request)
{
    const char *ids = api_sentence_get(request, ".id");

    return !ids || *ids;
}

static bool run_set(struct call *call)
{
    struct api_sentence request;
    bool ok = true;

    if (call->place.menu->flags & M_SINGLE)
        change_request_init(&request, call, "set");
    else
        ok = on_items(call, "set", &request);
    change_add_properties(&request, call);
    if (ok && request.n > 1 && has_items(&request))
        return send_request(call, &request);
    api_sentence_fini(&request);
    return ok;
}

static bool run_on_items(struct call *call)
{
    struct api_sentence request;
    bool ok = on_items(call, call->verb->name, &request);

    if (ok && has_items(&request))
        return send_request(call, &request);
    api_sentence_fini(&request);
    return ok;
}

static bool run_comment(struct call *call)
{
    struct api_sentence request;
    const char *text = call_arg(call, "comment");

    if (!text)
        return run_fail(call->run, NO_PLACE, "missing value(s) of argument(s) comment");
    bool ok = on_items(call, "comment", &request);
    api_sentence_add(&request, "=comment=%s", text);
    if (ok && has_items(&request))
        return send_request(call, &request);
    api_sentence_fini(&request);
    return ok;
}

static bool run_move(struct call *call)
{
    struct api_sentence request;
    bool ok = on_items(call, "move", &request);

    ok = ok && add_item(&request, call, "destination");
    if (ok && has_items(&request))
        return send_request(call, &request);
    api_sentence_fini(&request);
    return ok;
}

static bool run_menu_command(struct call *call)
{
    struct api_sentence request;

    change_request_init(&request, call, call->command->name);
    change_add_properties(&request, call);
    return send_request(call, &request);
}

const struct verb verb_menu_command = { .name = "", .run = run_menu_command };

static const struct verb_arg add_args[] = {
    { "copy-from", ARG_ITEM, 0, "take the other properties from this item" },
    { "place-before", ARG_ITEM, M_ORDERED, "put the new item before this one" },
    { 0 },
};

static const struct verb_arg items_args[] = {
    { "numbers", ARG_ITEMS, 0, "items: numbers of the last print, names, lists, [find ...]" },
    { 0 },
};

static const struct verb_arg comment_args[] = {
    { "numbers", ARG_ITEMS, 0, "items" },
    { "comment", ARG_TEXT, 0, "the text; \"\" takes it away" },
    { 0 },
};

static const struct verb_arg move_args[] = {
    { "numbers", ARG_ITEMS, 0, "items" },
    { "destination", ARG_ITEM, 0, "the item to stand before; without it, the end" },
    { 0 },
};

const struct verb verbs_change[] = {
    { "add", .never = M_SINGLE | M_LIVE, .flags = VERB_PROPERTIES, .args = add_args,
      .run = change_add, .help = "add a new item" },
    { "set", .never = M_LIVE, .flags = VERB_PROPERTIES, .args = items_args,
      .unnamed = { "numbers" }, .run = run_set, .help = "change properties of items" },
    { "remove", .never = M_SINGLE | M_LIVE, .args = items_args, .unnamed = { "numbers" },
      .run = run_on_items, .help = "remove items" },
    { "enable", .needs = M_DISABLE, .never = M_LIVE, .args = items_args, .unnamed = { "numbers" },
      .run = run_on_items, .help = "enable items" },
    { "disable", .needs = M_DISABLE, .never = M_LIVE, .args = items_args, .unnamed = { "numbers" },
      .run = run_on_items, .help = "disable items" },
    { "comment", .needs = M_COMMENT, .never = M_LIVE, .args = comment_args,
      .unnamed = { "numbers", "comment" }, .run = run_comment, .help = "set the comment of items" },
    { "move", .needs = M_ORDERED, .never = M_LIVE, .args = move_args,
      .unnamed = { "numbers", "destination" }, .run = run_move,
      .help = "change the order of items" },
    { 0 },
};
