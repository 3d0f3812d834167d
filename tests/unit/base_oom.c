/*
 * base_oom.c - when memory or threads run out
 *
 * The program is linked with --wrap (see src/base/Makefile.inc): every call
 * of malloc() and its kin from base comes through here first.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/gunzip.h"
#include "base/gzip.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base_suites.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
int   __real_pthread_create(pthread_t *out, const pthread_attr_t *attr,
                            void *(*fn)(void *), void            *arg);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
int   __wrap_pthread_create(pthread_t *out, const pthread_attr_t *attr,
                            void *(*fn)(void *), void            *arg);

/* The allocation that fails, counted down; 0: none. */
static unsigned fail_at;
static bool     no_threads;

static bool
fails(void)
{
    return fail_at > 0 && --fail_at == 0;
}

void *
__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

void *
__wrap_aligned_alloc(size_t align, size_t n)
{
    return fails() ? NULL : __real_aligned_alloc(align, n);
}

int
__wrap_pthread_create(pthread_t *out, const pthread_attr_t *attr,
                      void *(*fn)(void *), void            *arg)
{
    return no_threads ? EAGAIN : __real_pthread_create(out, attr, fn, arg);
}

/* Each attempt runs once for every allocation it makes, that one failing,
 * until it succeeds, and returns whether it did.  Asserting allocates, too:
 * it comes after calm(). */

static void
calm(void)
{
    fail_at = 0;
}

static bool
try_mem(struct errinfo *e)
{
    void  *a = mem_array(10, 10, 0);
    float *f = mem_floats(10, 0);
    char  *s = mem_dup("abc", 3);
    bool   ok = a != NULL && f != NULL && s != NULL;

    free(a);
    free(f);
    free(s);
    e->code = ok ? ERR_OK : ERR_NOMEM;
    return ok;
}

/* A buffer that failed still holds what it held. */
static bool
try_buf(struct errinfo *e)
{
    struct buf b = { 0 };
    bool       ok;

    for (int i = 0; i < 100; i++)
        buf_puts(&b, "0123456789");
    calm();
    ok = !b.failed;
    ck_assert(ok ? b.len == 1000 : b.len < 1000 && b.len % 10 == 0);
    ck_assert(b.data == NULL || strlen(b.data) == b.len);
    buf_release(&b);
    e->code = ok ? ERR_OK : ERR_NOMEM;
    return ok;
}

static enum err
ignore_token(void *arg, const struct json_token *token, struct errinfo *e)
{
    (void)arg, (void)token, (void)e;
    return ERR_OK;
}

static bool
try_json(struct errinfo *e)
{
    static const char  text[] = "{\"\": [\"0123456789012345678901234567890123"
                                "456789012345678901234567890123456789\", 1]}";
    struct json_reader r;
    enum err           rc;

    json_reader_init(&r, ignore_token, NULL);
    rc = json_reader_feed(&r, text, sizeof(text) - 1, e);
    if (rc == ERR_OK)
        rc = json_reader_end(&r, e);
    json_reader_release(&r);
    return rc == ERR_OK;
}

static enum err
ignore_bytes(void *arg, const void *p, size_t n, struct errinfo *e)
{
    (void)arg, (void)p, (void)n, (void)e;
    return ERR_OK;
}

static bool
try_gunzip(struct errinfo *e)
{
    struct gunzip *g = NULL;
    enum err       rc = gunzip_new(ignore_bytes, NULL, 0, &g, e);

    calm();
    ck_assert((g != NULL) == (rc == ERR_OK));
    gunzip_free(g);
    return rc == ERR_OK;
}

/* Whoever packs has the bytes as they are, and sends those. */
static bool
try_gzip(struct errinfo *e)
{
    char       text[2000] = "";
    struct buf out = { 0 };
    bool       ok;

    ok = gzip_pack(text, sizeof(text), &out);
    calm();
    ck_assert((out.len > 0) == ok);
    ck_assert(!out.failed);
    buf_release(&out);
    if (!ok)
        err_set(e, ERR_NOMEM, "", "out of memory");
    return ok;
}

static void *
do_nothing(void *arg)
{
    return arg;
}

static bool
try_thread(struct errinfo *e)
{
    pthread_t thread;

    if (thread_start(&thread, "x", do_nothing, NULL, e) != ERR_OK)
        return false;
    pthread_join(thread, NULL);
    return true;
}

static bool (*const attempts[])(struct errinfo *) = { try_mem,  try_buf,
                                                      try_json, try_gunzip,
                                                      try_gzip, try_thread };

START_TEST(memory_runs_out)
{
    bool     done = false;
    unsigned n_failed = 0;

    for (unsigned i = 1; !done; i++) {
        struct errinfo e;

        err_clear(&e);
        fail_at = i;
        done = attempts[_i](&e);
        calm();
        ck_assert_int_eq(e.code, done ? ERR_OK : ERR_NOMEM);
        n_failed += !done;
    }
    ck_assert_msg(n_failed > 0, "no allocation was made to fail");
}
END_TEST

START_TEST(threads_run_out)
{
    struct errinfo e;

    err_clear(&e);
    no_threads = true;
    ck_assert(!try_thread(&e));
    no_threads = false;
    ck_assert_int_eq(e.code, ERR_BUSY);
    ck_assert(try_thread(&e));
}
END_TEST

Suite *
suite_base_oom(void)
{
    Suite *s = suite_create("base/oom");
    TCase *t = tcase_create("oom");

    tcase_add_loop_test(t, memory_runs_out, 0, (int)COUNT_OF(attempts));
    tcase_add_test(t, threads_run_out);
    suite_add_tcase(s, t);
    return s;
}
