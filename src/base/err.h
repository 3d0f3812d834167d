/*
 * err.h - what can go wrong, in one small enum and a caller-owned message
 *
 * Model    A function that can fail returns enum err and takes struct errinfo
 *          last.  An errinfo holds a list: all mistakes of a request body are
 *          told at once.  The first call of err_set() or err_add() on a clean
 *          errinfo decides its code.
 * Owner    The caller keeps an errinfo on its stack (about 5 KiB) and starts it
 *          with err_clear(); every function here accepts NULL.
 * Threads  An errinfo belongs to one thread.
 * Limits   ERR_MAX_ITEMS mistakes are kept, the rest are counted in n_more.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

enum err {
    ERR_OK = 0,
    ERR_MALFORMED,   /* cannot be parsed: not JSON, a bad query         400 */
    ERR_AUTH,        /* no key, or not one of ours                      401 */
    ERR_FORBIDDEN,   /* a key without that scope                        403 */
    ERR_NOTFOUND,    /*                                                 404 */
    ERR_METHOD,      /* the path exists, not with this method           405 */
    ERR_ACCEPT,      /* no representation the client accepts            406 */
    ERR_CONFLICT,    /* the present state does not allow it             409 */
    ERR_LENGTH,      /* a length is needed                              411 */
    ERR_MISMATCH,    /* not what the client believes it to be           412 */
    ERR_LIMIT,       /* more bytes than we are set to take              413 */
    ERR_MEDIA,       /* a media type we do not read                     415 */
    ERR_INVALID,     /* well-formed, breaks a documented rule           422 */
    ERR_RATE,        /* this client, later                 429 + Retry-After */
    ERR_CANCELED,    /* stopped because somebody asked                  409 */
    ERR_UNSUPPORTED, /* a method or coding we do not know               501 */
    ERR_BUSY,        /* try again; nothing was changed     503 + Retry-After */
    ERR_NOMEM,       /*                                    503 + Retry-After */
    ERR_FULL,        /* the disk is full                                507 */
    ERR_IO,          /* disk, network, SQLite                           500 */
    ERR_CORRUPT,     /* stored bytes fail their checks                  500 */
    ERR_WOULDBLOCK,  /* inside http/ and its handlers only: run me on the
                        slow lane; never reaches a client                   */
    ERR_COUNT
};

#define ERR_MAX_ITEMS 16

struct err_item {
    char where[96]; /* a JSON Pointer "/layers/2/units", or "line 3, column 2" */
    char what[480]; /* one sentence, fit to show a client                      */
};

struct errinfo {
    enum err        code;
    unsigned        n;      /* items in use, 0..ERR_MAX_ITEMS */
    unsigned        n_more; /* mistakes beyond those          */
    unsigned        retry_seconds; /* when to try again; 0: soon      */
    const char     *slug;   /* static, snake_case, for programs; NULL: the
                               code's own (err_slug())                   */
    struct err_item item[ERR_MAX_ITEMS];
};

/* Make e hold nothing; items are not touched. */
void err_clear(struct errinfo *e);

/* Replace what e holds by this one mistake; returns code. */
enum err err_set(struct errinfo *e, enum err code, const char *where,
                 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Add one more mistake; returns the code of e (code where e is NULL). */
enum err err_add(struct errinfo *e, enum err code, const char *where,
                 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Add all mistakes that more holds; returns the code of e (of more where e is
 * NULL).  An e without any becomes the same, slug and all. */
enum err err_append(struct errinfo *e, const struct errinfo *more);

/* Name the last mistake for programs; slug is a string literal.  Returns
 * code unchanged, so that a line can end "return err_named(e, rc, "x");". */
enum err err_named(struct errinfo *e, enum err code, const char *slug);

/* Tell when it may be tried again: Retry-After. */
void err_retry(struct errinfo *e, unsigned seconds);

/* The slug of a code where nothing finer was said: "invalid", "not_found"… */
const char *err_slug(const struct errinfo *e);
const char *err_code_slug(enum err code);

/* The first sentence of e, or a general one; never NULL. */
const char *err_what(const struct errinfo *e);

#endif
