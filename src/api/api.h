/* RouterOS API: sentences of length-prefixed words. Codec, the daemon's side as a session without
 * I/O, and a blocking client for the console. Words and replies follow the published protocol
 * (.id, .proplist, queries, .tag, !re !done !trap !fatal); booleans are true and false. */
#pragma once

#include "config.h"

enum {
    API_WORD_MAX = 65536,
    API_SENTENCE_WORDS_MAX = 1024,
    API_SENTENCE_BYTES_MAX = 1 << 20 /* of one sentence's words together */
};

struct api_sentence {
    char **words; /* owned, NUL-terminated; binary zero in a word is refused */
    size_t n;
};

void api_sentence_fini(struct api_sentence *s);
void api_sentence_add(struct api_sentence *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* "=name=" of the sentence, NULL when absent. */
const char *api_sentence_get(const struct api_sentence *s, const char *name);
void api_sentence_encode(const struct api_sentence *s, struct text *out);

/* Incremental decoder: bytes in any portions. */
struct api_decoder;
struct api_decoder *api_decoder_new(void);
void api_decoder_free(struct api_decoder *d);
enum api_decode { API_MORE, API_SENTENCE, API_BAD };
/* Consumes from *P and *LEN up to one whole sentence. API_BAD: lengths lie or limits passed; close.
 */
enum api_decode api_decode(struct api_decoder *d, const uint8_t **p, size_t *len,
                           struct api_sentence *ret);

/* One connection at the daemon: sentences in, encoded replies appended to OUT.
 * Commands: /MENU/PATH/{add set unset remove enable disable comment move print getall find get
 * export} and the menu's own; /login /cancel /quit. Items: =.id= or =numbers=, lists of *ID and
 * names that add up. add: of several items, all or none, with =.next= between them; =ret= is the
 * list of new ids. print: =.proplist=, =count-only=, =from=, queries. find: =ret=*1,*2. get:
 * =value-name=, =ret=. move: =destination=. export: one !re =line= per line (also /export). */
struct api_session;
struct api_session *api_session_new(struct config *c);
void api_session_free(struct api_session *s);
/* False: reply what is in OUT, then close. */
bool api_session_feed(struct api_session *s, const uint8_t *p, size_t len, struct text *out);

/* Console side: blocking, one request at a time. */
struct api_client;
struct api_client *api_client_connect(const char *socket_path, struct text *error);
struct api_client *api_client_from_fd(int fd); /* owns FD, a connected stream socket */
void api_client_free(struct api_client *c);

struct api_reply {
    struct api_sentence *rows; /* the !re sentences */
    size_t n_rows;
    char *ret;      /* =ret= of !done, or NULL */
    char *trap;     /* =message= of the first !trap, or NULL */
    char *trap_arg; /* =argument= of the !done behind it: the one at fault, or NULL */
};
/* False: the connection is gone (reason in ERROR). A !trap is a reply, not a failure. */
bool api_client_call(struct api_client *c, const struct api_sentence *request,
                     struct api_reply *ret, struct text *error);
void api_reply_fini(struct api_reply *r);
