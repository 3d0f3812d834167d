/*
 * base_system.c - memory, clocks, digests, threads and the log
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "base_suites.h"

START_TEST(sizes_are_checked)
{
    size_t x = 7;

    ck_assert(!mem_mul(SIZE_MAX / 2 + 1, 2, &x));
    ck_assert(!mem_add(SIZE_MAX, 1, &x));
    ck_assert_uint_eq(x, 7);
    ck_assert(mem_mul(SIZE_MAX / 2, 2, &x) && x == SIZE_MAX - 1);
    ck_assert(mem_add(SIZE_MAX - 1, 1, &x) && x == SIZE_MAX);
    ck_assert(mem_mul(0, SIZE_MAX, &x) && x == 0);

    ck_assert_ptr_null(mem_array(SIZE_MAX / 4 + 1, 4, 0));
    ck_assert_ptr_null(mem_floats(SIZE_MAX / 4, 0)); /* rounding up */
    ck_assert_ptr_null(mem_array(11, 4, 43));
    ck_assert_ptr_null(mem_floats(11, 43));
    ck_assert_ptr_null(mem_dup("", SIZE_MAX));
}
END_TEST

START_TEST(memory_is_zeroed_and_aligned)
{
    static const unsigned char zeros[44];
    void                      *p = mem_array(11, 4, 44);
    float                     *f = mem_floats(11, 44);
    char                      *s = mem_dup("a\0b", 3);

    ck_assert_mem_eq(p, zeros, 44);
    ck_assert_mem_eq(f, zeros, 44);
    ck_assert_uint_eq((uintptr_t)f % 64, 0);
    ck_assert_mem_eq(s, "a\0b", 4);
    free(p);
    free(f);
    free(s);

    p = mem_array(0, 16, 0);
    ck_assert_mem_eq(p, zeros, 16);
    free(p);
    s = mem_dup(NULL, 0);
    ck_assert_str_eq(s, "");
    free(s);
}
END_TEST

START_TEST(budget_tells_why)
{
    struct mem_budget b;
    struct errinfo    e;

    mem_budget_init(&b, 1000, "memory_mib");
    err_clear(&e);
    ck_assert_int_eq(mem_budget_take(&b, 600, "the dataset", &e), ERR_OK);
    ck_assert_int_eq(mem_budget_take(&b, 500, "the dataset", &e), ERR_BUSY);
    ck_assert_str_eq(err_what(&e), "the dataset needs 500 bytes; of the memory "
                                   "budget (memory_mib) 400 are free now");
    ck_assert_str_eq(err_slug(&e), "memory_full");
    ck_assert_int_eq(mem_budget_take(&b, 1001, "it", &e), ERR_INVALID);
    ck_assert_str_eq(err_what(&e), "it needs 1001 bytes; the memory budget "
                                   "(memory_mib) is 1000");
    ck_assert_str_eq(err_slug(&e), "too_much_memory");
    ck_assert_int_eq(mem_budget_take(&b, 400, "it", &e), ERR_OK);
    ck_assert_int_eq(mem_budget_take(&b, 1, "it", &e), ERR_BUSY);
    ck_assert_int_eq(mem_budget_take(&b, 0, "it", &e), ERR_OK);
    mem_budget_give(&b, 600);
    mem_budget_give(&b, 400);
    ck_assert_int_eq(mem_budget_take(&b, SIZE_MAX, "it", &e), ERR_INVALID);
    ck_assert_int_eq(mem_budget_take(&b, 1000, "it", &e), ERR_OK);
}
END_TEST

/* Four threads take and give; no more than two can ever hold 400 of 1000. */
static struct mem_budget shared;
static atomic_int        n_holders, n_refused;

static void *
take_and_give(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20000; i++) {
        if (mem_budget_take(&shared, 400, "it", NULL) != ERR_OK) {
            atomic_fetch_add(&n_refused, 1);
            continue;
        }
        ck_assert_int_le(atomic_fetch_add(&n_holders, 1), 1);
        atomic_fetch_sub(&n_holders, 1);
        mem_budget_give(&shared, 400);
    }
    return NULL;
}

START_TEST(budget_holds_between_threads)
{
    pthread_t thread[4];

    mem_budget_init(&shared, 1000, "memory_mib");
    for (size_t i = 0; i < COUNT_OF(thread); i++)
        ck_assert_int_eq(
            thread_start(&thread[i], "taker", take_and_give, NULL, NULL),
            ERR_OK);
    for (size_t i = 0; i < COUNT_OF(thread); i++)
        pthread_join(thread[i], NULL);
    ck_assert_uint_eq(atomic_load(&shared.used), 0);
    ck_assert_int_lt(atomic_load(&n_refused), 4 * 20000);
}
END_TEST

/* clang-format off */
static const struct { int64_t ms; const char *text; } times[] = {
    { 0,                "1970-01-01T00:00:00.000Z" },
    { 1795506240123,    "2026-11-24T07:44:00.123Z" },
    { 951782400000,     "2000-02-29T00:00:00.000Z" },
    { -1,               "1969-12-31T23:59:59.999Z" },
    { -1000,            "1969-12-31T23:59:59.000Z" },
    { 253402300799999,  "9999-12-31T23:59:59.999Z" },
};
/* clang-format on */

START_TEST(clock_formats_utc)
{
    char text[CLOCK_RFC3339_SIZE];

    clock_format(times[_i].ms, text);
    ck_assert_str_eq(text, times[_i].text);
    clock_format(INT64_MAX, text); /* far, but within its buffer */
    clock_format(INT64_MIN, text);
}
END_TEST

START_TEST(clocks_run)
{
    int64_t mono = clock_mono_us(), wall = clock_wall_ms();

    usleep(20000);
    ck_assert_int_ge(clock_mono_us() - mono, 20000);
    ck_assert_int_lt(clock_mono_us() - mono, 10000000);
    ck_assert_int_ge(clock_wall_ms() - wall, 15);
    ck_assert_int_gt(wall, 1700000000000); /* written in 2024 or later */
}
END_TEST

/* "abc" and nothing are FIPS 180's own examples. */
START_TEST(digest_is_sha256)
{
    struct digest d;
    uint8_t       a[DIGEST_SIZE], b[DIGEST_SIZE];
    char          hex[DIGEST_HEX_SIZE];

    digest_bytes("abc", 3, a);
    digest_hex(a, hex);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223"
                          "b00361a396177a9cb410ff61f20015ad");
    digest_init(&d);
    digest_update(&d, "a", 1);
    digest_update(&d, "bc", 2);
    digest_final(&d, b);
    ck_assert(digest_equal(a, b));
    b[31] ^= 1;
    ck_assert(!digest_equal(a, b));

    digest_bytes("", 0, a);
    digest_hex(a, hex);
    ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb924"
                          "27ae41e4649b934ca495991b7852b855");
}
END_TEST

struct report {
    char     name[32];
    sigset_t mask;
    int      nice_before, nice_after;
};

static void *
look_around(void *arg)
{
    struct report *r = arg;

    pthread_getname_np(pthread_self(), r->name, sizeof(r->name));
    pthread_sigmask(SIG_SETMASK, NULL, &r->mask);
    r->nice_before = getpriority(PRIO_PROCESS, 0);
    thread_be_nice(10);
    r->nice_after = getpriority(PRIO_PROCESS, 0);
    return r;
}

START_TEST(threads_start_as_described)
{
    struct report r = { 0 };
    pthread_t     thread;
    sigset_t      before, after;
    void         *result;
    int           nice_here = getpriority(PRIO_PROCESS, 0);

    pthread_sigmask(SIG_SETMASK, NULL, &before);
    ck_assert_int_eq(
        thread_start(&thread, "a name that is too long", look_around, &r, NULL),
        ERR_OK);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, &r);
    ck_assert_str_eq(r.name, "a name that is ");
    ck_assert(sigismember(&r.mask, SIGTERM) && sigismember(&r.mask, SIGINT));

    ck_assert_int_eq(r.nice_after,
                     r.nice_before + 10 < 19 ? r.nice_before + 10 : 19);
    ck_assert_int_eq(getpriority(PRIO_PROCESS, 0), nice_here);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int i = 1; i < SIGRTMAX; i++)
        ck_assert_int_eq(sigismember(&before, i), sigismember(&after, i));
    ck_assert_uint_ge(thread_n_cores(), 1);
}
END_TEST

struct bell {
    pthread_mutex_t mutex;
    pthread_cond_t  cond;
    bool            rung;
};

static void *
ring(void *arg)
{
    struct bell *b = arg;

    pthread_mutex_lock(&b->mutex);
    b->rung = true;
    pthread_cond_signal(&b->cond);
    pthread_mutex_unlock(&b->mutex);
    return NULL;
}

START_TEST(waits_end)
{
    struct bell b = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    pthread_t   thread;
    int64_t     from = clock_mono_us();
    int         rc = 0;

    thread_cond_init(&b.cond);
    pthread_mutex_lock(&b.mutex);
    ck_assert_int_eq(thread_cond_wait_until(&b.cond, &b.mutex, from - 1),
                     ETIMEDOUT);
    ck_assert_int_eq(thread_cond_wait_until(&b.cond, &b.mutex, INT64_MIN),
                     ETIMEDOUT);
    while (rc == 0) /* spurious wake-ups are allowed */
        rc = thread_cond_wait_until(&b.cond, &b.mutex, from + 30000);
    ck_assert_int_eq(rc, ETIMEDOUT);
    ck_assert_int_ge(clock_mono_us() - from, 30000);

    ck_assert_int_eq(thread_start(&thread, "ring", ring, &b, NULL), ERR_OK);
    rc = 0;
    while (!b.rung && rc == 0)
        rc = thread_cond_wait_until(&b.cond, &b.mutex, from + 60000000);
    ck_assert_int_eq(rc, 0);
    pthread_mutex_unlock(&b.mutex);
    pthread_join(thread, NULL);
    pthread_cond_destroy(&b.cond);
}
END_TEST

/* What log_write() puts on standard error. */
static size_t
captured(char *out, size_t size, enum log_level level, const char *text)
{
    int     saved = dup(STDERR_FILENO), ends[2];
    ssize_t n;

    ck_assert_int_eq(pipe(ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    dup2(ends[1], STDERR_FILENO);
    log_write(level, "http", "%s", text);
    dup2(saved, STDERR_FILENO);
    n = read(ends[0], out, size - 1);
    close(ends[0]);
    close(ends[1]);
    close(saved);
    n = n < 0 ? 0 : n;
    out[n] = '\0';
    return (size_t)n;
}

START_TEST(log_writes_one_line)
{
    char line[4096];

    captured(line, sizeof(line), LOG_INFO, "GET /v1/jobs \xe2\x82\xac 200");
    ck_assert_int_eq(line[10], 'T');
    ck_assert_int_eq(line[23], 'Z');
    ck_assert_str_eq(line + 24, " info  http: GET /v1/jobs \xe2\x82\xac 200\n");
    captured(line, sizeof(line), LOG_ERROR,
             "a\nb\r\x1b[31m\x7f\xc2\x9b\xff\xe2\x82z");
    ck_assert_str_eq(line + 24,
                     " error http: a\\x0ab\\x0d\\x1b[31m\\x7f\\xc2\\x9b\\xff"
                     "\\xe2\\x82z\n");
}
END_TEST

START_TEST(log_lines_are_bounded)
{
    char text[3000], line[4096];

    for (size_t lead = 0; lead < 8; lead++) {
        size_t n;

        memset(text, '\n', sizeof(text));
        memset(text, 'a', lead);
        for (size_t i = 400; i + 3 < sizeof(text); i += 3)
            memcpy(text + i, "\xe2\x82\xac", 3);
        text[sizeof(text) - 1] = '\0';
        n = captured(line, sizeof(line), LOG_WARN, text);
        ck_assert_uint_le(n, 1024);
        ck_assert_uint_ge(n, 1016);
        ck_assert_str_eq(line + n - 4, "...\n");
        ck_assert_ptr_eq(strchr(line, '\n'), line + n - 1);
        ck_assert(utf8_valid(line, n));
    }
}
END_TEST

START_TEST(log_has_levels)
{
    enum log_level level = LOG_ERROR;
    char           line[4096];

    ck_assert_uint_eq(captured(line, sizeof(line), LOG_DEBUG, "x"), 0);
    ck_assert(log_level_parse("debug", &level));
    log_set_level(level);
    ck_assert_uint_gt(captured(line, sizeof(line), LOG_DEBUG, "x"), 0);
    ck_assert(!log_level_parse("loud", &level));
    ck_assert(!log_level_parse("", &level));
    ck_assert_int_eq(level, LOG_DEBUG);
    ck_assert(log_level_parse("warn", &level));
    log_set_level(level);
    ck_assert_uint_eq(captured(line, sizeof(line), LOG_INFO, "x"), 0);
    ck_assert_uint_gt(captured(line, sizeof(line), LOG_WARN, "x"), 0);
}
END_TEST

START_TEST(log_never_fails_its_caller)
{
    int saved = dup(STDERR_FILENO);

    close(STDERR_FILENO);
    errno = EDOM;
    log_write(LOG_ERROR, "base", "nobody hears this");
    ck_assert_int_eq(errno, EDOM);
    dup2(saved, STDERR_FILENO);
    close(saved);
}
END_TEST

Suite *
suite_base_system(void)
{
    Suite *s = suite_create("base/system");
    TCase *t = tcase_create("mem");

    tcase_add_test(t, sizes_are_checked);
    tcase_add_test(t, memory_is_zeroed_and_aligned);
    tcase_add_test(t, budget_tells_why);
    tcase_add_test(t, budget_holds_between_threads);
    suite_add_tcase(s, t);

    t = tcase_create("clock");
    tcase_add_loop_test(t, clock_formats_utc, 0, (int)COUNT_OF(times));
    tcase_add_test(t, clocks_run);
    suite_add_tcase(s, t);

    t = tcase_create("digest");
    tcase_add_test(t, digest_is_sha256);
    suite_add_tcase(s, t);

    t = tcase_create("thread");
    tcase_add_test(t, threads_start_as_described);
    tcase_add_test(t, waits_end);
    suite_add_tcase(s, t);

    t = tcase_create("log");
    tcase_add_test(t, log_writes_one_line);
    tcase_add_test(t, log_lines_are_bounded);
    tcase_add_test(t, log_has_levels);
    tcase_add_test(t, log_never_fails_its_caller);
    suite_add_tcase(s, t);
    return s;
}
