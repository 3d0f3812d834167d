/*
 * walk.h - reading a JSON object strictly: every mistake told, with its pointer
 *
 * Model    walk_begin() on an object, one call a member it may have, walk_end(),
 *          which tells the members that nobody asked for.  A call that returns
 *          true has written its result; one that returns false has either found
 *          the member absent or added a mistake to the errinfo.
 * Owner    Values are borrowed from the document; the caller decrefs that.
 * Limits   WALK_MAX_MEMBERS members asked for in one object.
 */
#ifndef CODEC_WALK_H
#define CODEC_WALK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "nn/spec.h"

#define WALK_MAX_MEMBERS 40
#define WALK_POINTER_SIZE 96

struct walk {
    json_t         *object; /* NULL: was none */
    char            at[WALK_POINTER_SIZE];
    struct errinfo *e;
    const char     *known[WALK_MAX_MEMBERS];
    size_t          n_known;
};

/* The document that body is: ERR_MALFORMED where it is no JSON.  Depth and the
 * number of values are bounded before anything is built. */
enum err walk_load(const void *body, size_t len, json_t **out,
                   struct errinfo *e);

/* What a mistake in a text of our own means, which was read as a client's:
 * ERR_CORRUPT, or that there was no memory to read it. */
enum err walk_stored(struct errinfo *e, const char *where,
                     const struct errinfo *own);
/* Is text JSON at all?  ERR_CORRUPT, where. */
enum err walk_check(const char *text, size_t len, const char *where,
                    struct errinfo *e);

/* at: the pointer of value, "" for the whole document. */
void walk_begin(struct walk *w, json_t *value, const char *at,
                struct errinfo *e);
/* Load a body into *out and begin on it; e is cleared first. */
enum err walk_open(struct walk *w, const void *body, size_t len, json_t **out,
                   struct errinfo *e);
void walk_end(struct walk *w);

/* The member called name, NULL where absent. */
json_t *walk_member(struct walk *w, const char *name);
/* The same; null counts as absent. */
json_t *walk_nullable(struct walk *w, const char *name);
/* The member "version" of an object at the top; -1 where it is not given. */
void walk_version(struct walk *w, int64_t *out);
/* Tell that a member must be there. */
void walk_missing(struct walk *w, const char *name);
/* Tell a mistake of a member. */
void walk_wrong(struct walk *w, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The pointer of a member, or of element i of an array. */
void walk_pointer(char out[WALK_POINTER_SIZE], const char *at,
                  const char *name);
void walk_element(char out[WALK_POINTER_SIZE], const char *at, size_t i);

/* Convert a value: false, and a mistake at the pointer, where it is no such. */
bool value_count(json_t *value, const char *at, uint64_t min, uint64_t max,
                 uint64_t *out, struct errinfo *e);
bool value_double(json_t *value, const char *at, double min, double max,
                  bool above_min, bool below_max, double *out,
                  struct errinfo *e);
bool value_bool(json_t *value, const char *at, bool *out, struct errinfo *e);
/* A network's or dataset's name, out has room for CODEC_NAME_SIZE bytes. */
bool value_name(json_t *value, const char *at, char *out, struct errinfo *e);
/* One of the words that choice() gives, by index, until NULL. */
bool value_word(json_t *value, const char *at,
                const char *(*choice)(size_t i), size_t *out,
                struct errinfo *e);
/* The member "type", on which depends what others there may be: one of the words
 * that choice() gives, by index; false, and a mistake, where it is not. */
bool walk_type(struct walk *w, const char *(*choice)(size_t i), size_t *out);
const char *value_type(const json_t *value); /* "a number", "null"… */

/* Read the members of a row of nn/ into the struct they describe, whose
 * defaults are there already. */
void walk_members(struct walk *w, const struct nn_member *member, void *base);

#endif
