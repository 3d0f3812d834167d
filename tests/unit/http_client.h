/*
 * http_client.h - a server with a small route table, and a client that can be
 *                 as rude as it likes
 *
 * Model    fixture_start() in the test itself, since libcheck forks per test.
 *          The client writes raw bytes and reads one answer at a time.
 */
#ifndef TESTS_HTTP_CLIENT_H
#define TESTS_HTTP_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/server.h"

struct fixture {
    struct http_server *server;
    unsigned            port;

    /* The gate at which GET /wait stands until it is opened. */
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    bool            open;
    unsigned        n_waiting;
    unsigned        n_waiting_most;

    /* What the stream of PUT /upload/{name} saw. */
    atomic_uint n_begun, n_ended, n_aborted;
    atomic_uint n_pieces;
    atomic_ullong n_bytes;
    atomic_uint   n_overlaps; /* two calls for one stream at once  */
    atomic_uint   n_wrong;    /* bytes that are not the pattern's  */
    unsigned      fail_at;    /* piece() fails at this call; 0: never */
    unsigned      piece_ms;   /* piece() takes so long                */

    atomic_uint n_admitted; /* let in, where the test has no authorize */
    atomic_uint n_handled, n_observed;
};

/* opt may be NULL; what it leaves out is filled in. */
void fixture_start(struct fixture *f, const struct http_options *opt);
void fixture_stop(struct fixture *f);
void fixture_open_gate(struct fixture *f);
void fixture_await_waiting(struct fixture *f, unsigned n);
/* Until *counter is n, at most 10 s. */
void fixture_await(atomic_uint *counter, unsigned n);

/* The i-th byte of every upload; after so many they come again. */
#define PATTERN_PERIOD 65536
unsigned char pattern_byte(size_t i);
char         *pattern_new(size_t n);

struct answer {
    int    status; /* 0: the connection ended without one */
    char   head[4096];
    char  *body; /* NUL-terminated; answer_release() */
    size_t len;
};

void answer_release(struct answer *a);
/* The value of a header, "" where it is absent; borrowed, until the next. */
const char *answer_header(const struct answer *a, const char *name);
/* The same, and the check that it holds this. */
void answer_has(const struct answer *a, const char *name, const char *value);
/* The body holds this text. */
void answer_says(const struct answer *a, const char *text);

int client_connect(const struct fixture *f);
/* -1 where nobody listens. */
int client_try_connect(const struct fixture *f);
/* false where the other side has closed. */
bool client_send(int fd, const void *p, size_t n);
bool client_puts(int fd, const char *text);
/* One whole answer; of HEAD: without its body. */
void client_read(int fd, struct answer *a);
void client_read_head(int fd, struct answer *a);
/* Has the other side closed, within 5 s? */
bool client_is_closed(int fd);

/* One connection, one request, one answer. */
void ask_raw(const struct fixture *f, const char *request, struct answer *a);
void ask(const struct fixture *f, const char *method, const char *target,
         const char *headers, const char *body, struct answer *a);
/* The same, only the status. */
int ask_status(const struct fixture *f, const char *method, const char *target,
               const char *headers, const char *body);

#endif
