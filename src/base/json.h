/*
 * json.h - JSON in pieces: an incremental reader that calls back per token
 *
 * Model    For bodies made of numbers (datasets, predictions, weights), where
 *          a tree would cost 40 bytes a number.  Bytes come in pieces of any
 *          size; every token is reported once, in order.  Strict RFC 8259:
 *          UTF-8 checked, no duplicates check (the receiver's business), no
 *          NaN, no comments, no trailing comma, NUL refused.
 * Owner    struct json_reader is the caller's storage: json_reader_init() and
 *          json_reader_release().
 * Errors   ERR_MALFORMED with "line L, column C" (in bytes) for bad JSON;
 *          whatever the callback returns other than ERR_OK stops the reading.
 *          Later calls return the same code and leave the errinfo alone.
 * Limits   Depth JSON_MAX_DEPTH; a string or number at most JSON_MAX_TOKEN
 *          bytes.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define JSON_MAX_DEPTH 32
#define JSON_MAX_TOKEN (64 * 1024)

enum json_event {
    JSON_BEGIN_OBJECT,
    JSON_END_OBJECT,
    JSON_BEGIN_ARRAY,
    JSON_END_ARRAY,
    JSON_KEY,    /* text: decoded, UTF-8                                 */
    JSON_STRING, /* text                                                 */
    JSON_NUMBER, /* number, and text as written (for num_parse_float())  */
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL
};

struct json_token {
    enum json_event event;
    const char     *text; /* NUL-terminated, borrowed for the call */
    size_t          len;
    double          number;
    unsigned        depth; /* containers open around this token */
    uint64_t        line, column; /* where it began, from 1 */
};

typedef enum err (*json_token_fn)(void *arg, const struct json_token *token,
                                  struct errinfo *e);

/* All fields are private. */
struct json_reader {
    json_token_fn fn;
    void         *arg;
    enum err      failed;  /* what stopped the reading; sticky      */
    int           expect;  /* which tokens may come next            */
    int           lex;     /* inside which kind of token we are     */
    unsigned      depth;
    bool          is_object[JSON_MAX_DEPTH];

    uint64_t offset;       /* bytes of the pieces before this one   */
    uint64_t line;         /* from 1                                */
    uint64_t line_offset;  /* where it began                        */
    uint64_t token_offset; /* where the token began; on this line,
                              because no token spans two            */

    struct buf token;      /* its text so far, decoded              */
    uint32_t   code_point; /* of the \u escape being read           */
    uint32_t   high;       /* the first half of a surrogate pair    */
    unsigned   n_hex;      /* digits read of that escape            */
    unsigned   n_char;     /* bytes in utf8[]                       */
    char       utf8[4];    /* the character being read              */
};

void     json_reader_init(struct json_reader *r, json_token_fn fn, void *arg);
/* A new document begins at this line; memory is kept. */
void     json_reader_restart(struct json_reader *r, uint64_t line);
void     json_reader_release(struct json_reader *r);
enum err json_reader_feed(struct json_reader *r, const void *p, size_t n,
                          struct errinfo *e);
/* The input has ended: ERR_MALFORMED where the document has not. */
enum err json_reader_end(struct json_reader *r, struct errinfo *e);

#endif
