/* The groups of verbs, one file each. */
#pragma once

#include "call.h"

extern const struct verb verbs_change[];    /* cmd_change.c: add set remove ... */
extern const struct verb verbs_read[];      /* cmd_read.c: print find get */
extern const struct verb verbs_file[];      /* cmd_file.c: export import quit */
extern const struct verb verbs_script[];    /* cmd_script.c: `:put` and its like */
extern const struct verb verb_menu_command; /* cmd_change.c: a menu's own command */

/* cmd_change.c: `add`, and what a request is made of */
bool change_add(struct call *call);
void change_request_init(struct api_sentence *request, const struct call *call,
                         const char *command);
void change_add_properties(struct api_sentence *request, const struct call *call);
