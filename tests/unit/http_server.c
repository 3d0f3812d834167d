/* http_server.c - start, lanes, deadlines, drain, stop */
#include "http/server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "http_client.h"
#include "http_suites.h"

#include "base/clock.h"
#include "base/mem.h"

#define HOST "Host: localhost\r\n"
#define GET_WAIT "GET /wait HTTP/1.1\r\n" HOST "\r\n"
#define GET_HELLO "GET /hello HTTP/1.1\r\n" HOST "\r\n"

START_TEST(start_refuses_what_it_cannot_have)
{
    static const char *const bad[] = {
        "", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000",
        "127.0.0.1:-1", "example.org:80", "[::1]", "[::1:80", "1.2.3:80",
    };
    struct http_options opt = { 0 };
    struct http_server *second = NULL;
    struct fixture      f;
    struct errinfo      e;

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        opt.listen = bad[i];
        ck_assert_msg(http_server_start(&opt, &second, &e) == ERR_INVALID,
                      "%s", bad[i]);
        ck_assert_ptr_null(second);
    }
    /* A port has one daemon. */
    fixture_start(&f, NULL);
    opt.listen = http_server_url(f.server) + strlen("http://");
    err_clear(&e);
    ck_assert_int_eq(http_server_start(&opt, &second, &e), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err_what(&e), "in use"));
    ck_assert_ptr_null(second);
    fixture_stop(&f);
}
END_TEST

START_TEST(one_thread_is_enough)
{
    struct http_options opt = { .n_threads = 1, .n_slow_threads = 1 };
    struct fixture      f;

    fixture_start(&f, &opt);
    ck_assert_int_eq(ask_status(&f, "GET", "/hello", "", NULL), 200);
    ck_assert_int_eq(ask_status(&f, "GET", "/things/x", "", NULL), 200);
    fixture_stop(&f);
}
END_TEST

START_TEST(wouldblock_moves_to_the_slow_lane)
{
    struct fixture f;
    struct answer  a;

    fixture_start(&f, NULL);
    ask(&f, "GET", "/block", "", NULL, &a);
    ck_assert_int_eq(a.status, 200);
    ck_assert_str_eq(a.body, "blocked");
    answer_has(&a, "X-Never-Seen", "");
    answer_release(&a);
    ck_assert_int_eq(ask_status(&f, "GET", "/stubborn", "", NULL), 500);
    fixture_stop(&f);
}
END_TEST

START_TEST(slow_requests_run_at_once_and_hold_up_nobody)
{
    enum { N = 10 };
    struct http_options opt = { .n_slow_threads = 4 };
    struct fixture      f;
    int                 fd[N];

    fixture_start(&f, &opt);
    for (int i = 0; i < N; i++) {
        fd[i] = client_connect(&f);
        client_puts(fd[i], GET_WAIT);
    }
    fixture_await_waiting(&f, 4);
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(ask_status(&f, "GET", "/hello", "", NULL), 200);
    fixture_open_gate(&f);
    for (int i = 0; i < N; i++) {
        struct answer a;

        client_read(fd[i], &a);
        ck_assert_str_eq(a.body, "{\"waited\":true}");
        answer_release(&a);
        close(fd[i]);
    }
    ck_assert_uint_eq(f.n_waiting_most, 4);
    fixture_stop(&f);
}
END_TEST

START_TEST(a_full_queue_is_busy)
{
    enum { TAKEN = 1 + 1024, N = TAKEN + 20 }; /* one is at work, 1024 wait */
    struct http_options opt = { .n_slow_threads = 1, .max_connections = 2000 };
    struct fixture      f;
    struct answer       a;
    int                 fd[N], n_ok = 0, n_busy = 0;

    fixture_start(&f, &opt);
    fd[0] = client_connect(&f);
    client_puts(fd[0], GET_WAIT);
    fixture_await_waiting(&f, 1);
    for (int i = 1; i < N; i++) {
        fd[i] = client_connect(&f);
        client_puts(fd[i], "GET /things/x HTTP/1.1\r\n" HOST "\r\n");
    }
    fixture_await(&f.n_observed, N - TAKEN); /* they are turned away at once */
    fixture_open_gate(&f);
    for (int i = 0; i < N; i++) {
        client_read(fd[i], &a);
        n_ok += a.status == 200;
        n_busy += a.status == 503;
        answer_release(&a);
        close(fd[i]);
    }
    ck_assert_int_eq(n_ok, TAKEN);
    ck_assert_int_eq(n_busy, N - TAKEN);
    fixture_stop(&f);
}
END_TEST

START_TEST(pipelined_requests_keep_their_order)
{
    struct fixture f;
    struct buf     b = { 0 };
    int            fd;

    fixture_start(&f, NULL);
    for (int i = 0; i < 200; i++)
        buf_printf(&b, "GET /%s%d HTTP/1.1\r\n" HOST "\r\n",
                   i % 3 == 0 ? "nowhere" : "things/", i);
    fd = client_connect(&f);
    client_send(fd, b.data, b.len);
    for (int i = 0; i < 200; i++) {
        struct answer a;
        char          want[32];

        client_read(fd, &a);
        ck_assert_int_eq(a.status, i % 3 == 0 ? 404 : 200);
        snprintf(want, sizeof(want), i % 3 == 0 ? "/nowhere%d" : "\"%d\"", i);
        answer_says(&a, want);
        answer_release(&a);
    }
    close(fd);
    buf_release(&b);
    fixture_stop(&f);
}
END_TEST

START_TEST(large_answers_arrive)
{
    struct fixture f;
    struct answer  a;
    char          *bytes = pattern_new(8 * MIB);

    fixture_start(&f, NULL);
    ask(&f, "GET", "/large?n=8388608", "", NULL, &a);
    ck_assert_uint_eq(a.len, 8 * MIB);
    ck_assert_int_eq(memcmp(a.body, bytes, a.len), 0);
    answer_release(&a);
    /* More than an answer may have: ours to own up to. */
    ck_assert_int_eq(ask_status(&f, "GET", "/large?n=67108865", "", NULL),
                     503);
    free(bytes);
    fixture_stop(&f);
}
END_TEST

START_TEST(late_heads_are_cut)
{
    struct http_options opt = { .header_timeout_seconds = 1 };
    struct fixture      f;
    int64_t             start;
    int                 silent, drip;

    fixture_start(&f, &opt);
    start = clock_mono_us();
    silent = client_connect(&f);
    drip = client_connect(&f);
    client_puts(drip, "GET /hello HTTP/1.1\r\n");
    while (client_puts(drip, "A: b\r\n")) {
        struct timespec ts = { 0, 100000000 };

        nanosleep(&ts, NULL);
        ck_assert_int_lt(clock_mono_us() - start, 5000000);
    }
    ck_assert_int_gt(clock_mono_us() - start, 900000);
    ck_assert(client_is_closed(silent));
    close(silent);
    close(drip);
    ck_assert_int_eq(ask_status(&f, "GET", "/hello", "", NULL), 200);
    fixture_stop(&f);
}
END_TEST

/* A body that drips hears a 408; so does an upload below 1 KiB/s. */
START_TEST(late_bodies_are_cut)
{
    static const char *const target[] = { "/raw", "/upload/x" };
    struct http_options      opt = { .request_timeout_seconds = 1 };
    struct fixture           f;
    struct answer            a;
    char                     head[200];
    int                      fd;

    fixture_start(&f, &opt);
    fd = client_connect(&f);
    snprintf(head, sizeof(head),
             "PUT %s HTTP/1.1\r\n" HOST "Content-Type: text/csv\r\n"
             "Content-Length: 100000\r\n\r\n", target[_i]);
    client_puts(fd, head);
    for (size_t i = 0; i < 100; i++) {
        unsigned char   c = pattern_byte(i);
        struct timespec ts = { 0, 50000000 };

        if (!client_send(fd, &c, 1))
            break;
        nanosleep(&ts, NULL);
    }
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 408);
    answer_says(&a, "\"status\":408");
    answer_release(&a);
    ck_assert(client_is_closed(fd));
    close(fd);
    fixture_await(&f.n_observed, 1);
    fixture_stop(&f);
}
END_TEST

START_TEST(a_steady_upload_outlives_its_window)
{
    enum { STEP = 8000, STEPS = 25 };
    struct http_options opt = { .request_timeout_seconds = 1 };
    char               *bytes = pattern_new(STEP * STEPS);
    struct fixture      f;
    struct answer       a;
    char                head[200];
    int                 fd;

    fixture_start(&f, &opt);
    fd = client_connect(&f);
    snprintf(head, sizeof(head),
             "PUT /upload/x HTTP/1.1\r\n" HOST "Content-Type: text/csv\r\n"
             "Content-Length: %d\r\n\r\n", STEP * STEPS);
    client_puts(fd, head);
    for (int i = 0; i < STEPS; i++) {
        struct timespec ts = { 0, 100000000 };

        ck_assert(client_send(fd, bytes + i * STEP, STEP));
        nanosleep(&ts, NULL);
    }
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 201);
    answer_release(&a);
    close(fd);
    free(bytes);
    fixture_stop(&f);
}
END_TEST

/* The deadline is the client's: a handler may take longer. */
START_TEST(a_slow_handler_is_not_late)
{
    struct http_options   opt = { .request_timeout_seconds = 1 };
    const struct timespec ts = { 1, 500000000 };
    struct fixture        f;
    struct answer         a;
    int                   fd;

    fixture_start(&f, &opt);
    fd = client_connect(&f);
    client_puts(fd, GET_WAIT);
    fixture_await_waiting(&f, 1);
    nanosleep(&ts, NULL);
    fixture_open_gate(&f);
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 200);
    answer_release(&a);
    close(fd);
    fixture_stop(&f);
}
END_TEST

START_TEST(too_many_connections_are_busy)
{
    enum { N = 30 };
    struct http_options opt = { .max_connections = 20 };
    struct fixture      f;
    int                 fd[N], n_busy = 0, n_ok = 0;
    struct answer       a;

    fixture_start(&f, &opt);
    for (int i = 0; i < N; i++)
        fd[i] = client_connect(&f);
    for (int i = 0; i < N; i++) {
        client_puts(fd[i], i == N - 1 ? "GET /healthz HTTP/1.1\r\n" HOST "\r\n"
                                      : GET_HELLO);
        client_read(fd[i], &a);
        n_busy += a.status == 503;
        n_ok += a.status == 200;
        if (a.status == 503)
            answer_has(&a, "Retry-After", "1");
        if (i == N - 1)
            ck_assert_int_eq(a.status, 200); /* open to all, always */
        answer_release(&a);
    }
    ck_assert_int_eq(n_busy + n_ok, N);
    ck_assert_int_gt(n_busy, 0);
    for (int i = 0; i < N; i++)
        close(fd[i]);
    for (int ms = 0; ms < 5000; ms++) {
        const struct timespec ts = { 0, 1000000 };

        if (ask_status(&f, "GET", "/hello", "", NULL) == 200)
            break;
        nanosleep(&ts, NULL);
    }
    ck_assert_int_eq(ask_status(&f, "GET", "/hello", "", NULL), 200);
    fixture_stop(&f);
}
END_TEST

static enum err
authorize(void *ctx, struct http_request *req, const char *authorization,
          struct errinfo *e)
{
    (void)ctx;
    if (req->route->scope == HTTP_PUBLIC)
        return ERR_OK;
    if (authorization == NULL)
        return err_set(e, ERR_AUTH, "", "a key is needed");
    if (strcmp(authorization, "Bearer good") != 0)
        return err_set(e, ERR_FORBIDDEN, "", "not with this key");
    return ERR_OK;
}

START_TEST(scopes_are_asked_for)
{
    struct http_options opt = { .authorize = authorize };
    struct fixture      f;
    struct answer       a;

    fixture_start(&f, &opt);
    ask(&f, "POST", "/things", "Content-Type: application/json\r\n", "{}", &a);
    ck_assert_int_eq(a.status, 401);
    answer_has(&a, "WWW-Authenticate", "Bearer");
    answer_release(&a);
    ck_assert_int_eq(ask_status(&f, "POST", "/things",
                                "Content-Type: application/json\r\n"
                                "Authorization: Bearer bad\r\n", "{}"),
                     403);
    ck_assert_int_eq(ask_status(&f, "POST", "/things",
                                "Content-Type: application/json\r\n"
                                "Authorization: Bearer good\r\n", "{}"),
                     201);
    ck_assert_int_eq(ask_status(&f, "GET", "/hello", "", NULL), 200);
    fixture_stop(&f);
}
END_TEST

START_TEST(draining_is_polite)
{
    struct fixture f;
    struct answer  a;
    int            fd, slow;

    fixture_start(&f, NULL);
    fd = client_connect(&f);
    client_puts(fd, GET_HELLO);
    client_read(fd, &a);
    answer_release(&a);
    slow = client_connect(&f);
    client_puts(slow, GET_WAIT);
    fixture_await_waiting(&f, 1);
    http_server_drain(f.server);
    client_puts(fd, GET_HELLO);
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 503);
    answer_says(&a, "\"code\":\"stopping\"");
    answer_has(&a, "Retry-After", "1");
    answer_has(&a, "Connection", "close");
    answer_release(&a);
    ck_assert(client_is_closed(fd));
    close(fd);
    ask(&f, "GET", "/healthz", "", NULL, &a);
    ck_assert_int_eq(a.status, 200);
    answer_says(&a, "\"draining\":true");
    answer_has(&a, "Connection", "close");
    answer_release(&a);
    /* What was let in before is answered. */
    fixture_open_gate(&f);
    client_read(slow, &a);
    ck_assert_int_eq(a.status, 200);
    answer_has(&a, "Connection", "close");
    answer_release(&a);
    close(slow);
    fixture_stop(&f);
}
END_TEST

static void *
open_gate_later(void *arg)
{
    const struct timespec ts = { 0, 300000000 };

    nanosleep(&ts, NULL);
    fixture_open_gate(arg);
    return NULL;
}

/* One handler sleeps, others wait for the lane: within the grace all of them
 * are answered, without any the ones that wait are turned away. */
START_TEST(stop_resumes_everybody)
{
    enum { N = 8 };
    unsigned            grace_ms = _i == 0 ? 5000 : 0;
    struct http_options opt = { .n_slow_threads = 1 };
    struct fixture      f;
    pthread_t           thread;
    int                 fd[N], n_ok = 0, n_busy = 0;

    fixture_start(&f, &opt);
    for (int i = 0; i < N; i++) {
        fd[i] = client_connect(&f);
        client_puts(fd[i], GET_WAIT);
    }
    /* Whom the drain finds outside hears 503, as he should. */
    fixture_await(&f.n_admitted, N);
    fixture_await_waiting(&f, 1);
    pthread_create(&thread, NULL, open_gate_later, &f);
    http_server_stop(f.server, grace_ms);
    pthread_join(thread, NULL);
    for (int i = 0; i < N; i++) {
        struct answer a;

        client_read(fd[i], &a);
        n_ok += a.status == 200;
        n_busy += a.status == 503;
        answer_release(&a);
        close(fd[i]);
    }
    ck_assert_int_eq(n_ok + n_busy, N);
    ck_assert_int_ge(n_ok, 1);
    if (grace_ms > 0)
        ck_assert_int_eq(n_ok, N);
    else
        ck_assert_int_ge(n_busy, 1);
}
END_TEST

struct storm {
    struct fixture *f;
    atomic_bool     over;
};

static void *
storm_main(void *arg)
{
    struct storm *storm = arg;

    while (!atomic_load(&storm->over)) {
        char          c;
        int           fd = client_try_connect(storm->f);

        if (fd < 0) { /* stopped since we looked whether it is over */
            ck_assert(atomic_load(&storm->over));
            break;
        }
        client_puts(fd, "PUT /upload/x HTTP/1.1\r\n" HOST
                        "Content-Type: text/csv\r\n"
                        "Content-Length: 1\r\n\r\n");
        c = (char)pattern_byte(0);
        client_send(fd, &c, 1);
        client_puts(fd, "GET /block HTTP/1.1\r\n" HOST "\r\n" GET_HELLO);
        for (int i = 0; i < 3; i++) {
            struct answer a;

            client_read(fd, &a);
            answer_release(&a);
        }
        close(fd);
    }
    return NULL;
}

/* Requests of all kinds are under way at every moment of the stop. */
START_TEST(stop_in_a_storm)
{
    enum { N = 4 };
    const struct timespec ts = { 0, 100000000 };
    struct fixture        f;
    struct storm          storm = { .f = &f };
    pthread_t             thread[N];

    fixture_start(&f, NULL);
    for (int i = 0; i < N; i++)
        pthread_create(&thread[i], NULL, storm_main, &storm);
    nanosleep(&ts, NULL);
    atomic_store(&storm.over, true);
    http_server_stop(f.server, (unsigned)_i * 5);
    for (int i = 0; i < N; i++)
        pthread_join(thread[i], NULL);
    ck_assert_uint_gt(f.n_begun, 0);
    ck_assert_uint_eq(f.n_begun, f.n_ended + f.n_aborted);
    ck_assert_uint_eq(f.n_overlaps, 0);
}
END_TEST

Suite *
suite_http_server(void)
{
    Suite *s = suite_create("http/server");
    TCase *t = tcase_create("server");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, start_refuses_what_it_cannot_have);
    tcase_add_test(t, one_thread_is_enough);
    tcase_add_test(t, wouldblock_moves_to_the_slow_lane);
    tcase_add_test(t, slow_requests_run_at_once_and_hold_up_nobody);
    tcase_add_test(t, a_full_queue_is_busy);
    tcase_add_test(t, pipelined_requests_keep_their_order);
    tcase_add_test(t, large_answers_arrive);
    tcase_add_test(t, late_heads_are_cut);
    tcase_add_loop_test(t, late_bodies_are_cut, 0, 2);
    tcase_add_test(t, a_steady_upload_outlives_its_window);
    tcase_add_test(t, a_slow_handler_is_not_late);
    tcase_add_test(t, too_many_connections_are_busy);
    tcase_add_test(t, scopes_are_asked_for);
    tcase_add_test(t, draining_is_polite);
    tcase_add_loop_test(t, stop_resumes_everybody, 0, 2);
    tcase_add_loop_test(t, stop_in_a_storm, 0, 5);
    suite_add_tcase(s, t);
    return s;
}
