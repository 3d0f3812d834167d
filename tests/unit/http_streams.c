/* http_streams.c - uploads in pieces, whole, refused, broken off */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http_client.h"
#include "http_suites.h"

#include "base/mem.h"

#define HOST "Host: localhost\r\n"
#define CSV "Content-Type: text/csv\r\n"
#define PIECE (256 * KIB)

static int
upload_start(const struct fixture *f, const char *target, size_t len,
             const char *headers)
{
    char head[512];
    int  fd = client_connect(f);

    snprintf(head, sizeof(head),
             "PUT %s HTTP/1.1\r\n" HOST CSV "%sContent-Length: %zu\r\n\r\n",
             target, headers, len);
    ck_assert(client_puts(fd, head));
    return fd;
}

START_TEST(every_size_arrives)
{
    static const size_t sizes[] = {
        1,         2,         PIECE - 1,     PIECE,         PIECE + 1,
        2 * PIECE, 2 * PIECE + 1, 3 * PIECE - 1, 20 * MIB + 7,
    };
    char          *bytes = pattern_new(20 * MIB + 7);
    struct fixture f;

    fixture_start(&f, NULL);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct answer a;
        char          want[64];
        int           fd = upload_start(&f, "/upload/x", sizes[i], "");

        ck_assert(client_send(fd, bytes, sizes[i]));
        client_read(fd, &a);
        ck_assert_int_eq(a.status, 201);
        snprintf(want, sizeof(want), "{\"bytes\":%zu}", sizes[i]);
        answer_says(&a, want);
        answer_release(&a);
        /* The connection is good for more. */
        client_puts(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
        client_read(fd, &a);
        ck_assert_int_eq(a.status, 200);
        answer_release(&a);
        close(fd);
    }
    ck_assert_uint_eq(f.n_ended, COUNT_OF(sizes));
    fixture_stop(&f);
    ck_assert_uint_eq(f.n_aborted, 0);
    free(bytes);
}
END_TEST

START_TEST(chunks_of_every_size_arrive)
{
    static const size_t chunk[] = { 1, 7, 4096, 16 * KIB, PIECE, MIB };
    char               *bytes = pattern_new(2 * MIB);
    struct fixture      f;
    struct answer       a;

    fixture_start(&f, NULL);
    for (size_t i = 0; i < COUNT_OF(chunk); i++) {
        size_t total = i < 2 ? PIECE + 100 : 2 * MIB;
        char   want[64], line[32];
        int    fd = client_connect(&f);
        struct buf b = { 0 };

        client_puts(fd, "PUT /upload/x HTTP/1.1\r\n" HOST CSV
                        "Transfer-Encoding: chunked\r\n\r\n");
        for (size_t at = 0; at < total; at += chunk[i]) {
            size_t n = chunk[i] < total - at ? chunk[i] : total - at;

            snprintf(line, sizeof(line), "%zx\r\n", n);
            buf_puts(&b, line);
            buf_append(&b, bytes + at, n);
            buf_puts(&b, "\r\n");
        }
        buf_puts(&b, "0\r\n\r\n");
        ck_assert(!b.failed);
        ck_assert(client_send(fd, b.data, b.len));
        buf_release(&b);
        client_read(fd, &a);
        ck_assert_int_eq(a.status, 201);
        snprintf(want, sizeof(want), "{\"bytes\":%zu}", total);
        answer_says(&a, want);
        answer_release(&a);
        close(fd);
    }
    /* Nothing at all: the handler's to judge. */
    ask_raw(&f, "PUT /upload/x HTTP/1.1\r\n" HOST CSV
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &a);
    ck_assert_int_eq(a.status, 201);
    answer_release(&a);
    fixture_stop(&f);
    free(bytes);
}
END_TEST

START_TEST(many_at_once_do_not_mix)
{
    enum { N = 12 };
    char          *bytes = pattern_new(MIB);
    struct fixture f;
    int            fd[N];

    fixture_start(&f, NULL);
    f.piece_ms = 2;
    for (int i = 0; i < N; i++)
        fd[i] = upload_start(&f, "/upload/x", MIB, "");
    for (size_t at = 0; at < MIB; at += 64 * KIB)
        for (int i = 0; i < N; i++)
            ck_assert(client_send(fd[i], bytes + at, 64 * KIB));
    for (int i = 0; i < N; i++) {
        struct answer a;

        client_read(fd[i], &a);
        ck_assert_int_eq(a.status, 201);
        answer_says(&a, "{\"bytes\":1048576}");
        answer_release(&a);
        close(fd[i]);
    }
    fixture_stop(&f);
    free(bytes);
}
END_TEST

START_TEST(begin_refuses_before_the_body)
{
    struct fixture f;
    struct answer  a;
    char          *bytes = pattern_new(8 * MIB);
    int            fd;

    fixture_start(&f, NULL);
    /* Asked first, the client need not send anything. */
    fd = upload_start(&f, "/upload/taken", 8 * MIB, "Expect: 100-continue\r\n");
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 409);
    answer_says(&a, "that name is taken");
    answer_release(&a);
    close(fd);
    /* Sent all the same, the answer is heard. */
    fd = upload_start(&f, "/upload/taken", 8 * MIB, "");
    ck_assert(client_send(fd, bytes, 8 * MIB));
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 409);
    answer_release(&a);
    close(fd);
    /* A short one keeps its connection. */
    fd = upload_start(&f, "/upload/taken", 1000, "");
    ck_assert(client_send(fd, bytes, 1000));
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 409);
    answer_has(&a, "Connection", "");
    answer_release(&a);
    client_puts(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 200);
    answer_release(&a);
    close(fd);
    /* And one that may come is told so. */
    fd = upload_start(&f, "/upload/x", 1000, "Expect: 100-continue\r\n");
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 100);
    answer_release(&a);
    client_send(fd, bytes, 1000);
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 201);
    answer_release(&a);
    close(fd);
    fixture_stop(&f);
    ck_assert_uint_eq(f.n_begun, 1);
    free(bytes);
}
END_TEST

/* The failing piece is the first, one in the middle, the last of all. */
static const struct {
    size_t   total;
    unsigned fail_at;
    bool     kept; /* little was left to send: the connection goes on */
} failures[] = {
    { 1000, 1, true },
    { PIECE + 1, 1, true },
    { PIECE + 1, 2, true },
    { 30 * MIB, 1, false },
    { 30 * MIB, 40, false },
    { 30 * MIB, 118, true },
    { 30 * MIB, 120, true },
};

START_TEST(a_failing_piece_is_told)
{
    struct fixture f;
    struct answer  a;
    char          *bytes = pattern_new(failures[_i].total);
    int            fd;

    fixture_start(&f, NULL);
    f.fail_at = failures[_i].fail_at;
    fd = upload_start(&f, "/upload/x", failures[_i].total, "");
    ck_assert(client_send(fd, bytes, failures[_i].total));
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 422);
    answer_says(&a, "\"line\":7,\"column\":2");
    answer_has(&a, "Connection", failures[_i].kept ? "" : "close");
    ck_assert_str_ne(answer_header(&a, "X-Request-Id"), "");
    answer_release(&a);
    if (!failures[_i].kept)
        ck_assert(client_is_closed(fd));
    close(fd);
    fixture_stop(&f);
    ck_assert_uint_eq(f.n_aborted, 1);
    ck_assert_uint_eq(f.n_pieces, failures[_i].fail_at);
    free(bytes);
}
END_TEST

START_TEST(an_upload_beyond_its_limit_is_aborted)
{
    struct fixture f;
    struct answer  a;
    char          *bytes = pattern_new(300001);
    char           line[32];
    int            fd;

    fixture_start(&f, NULL);
    fd = client_connect(&f);
    client_puts(fd, "PUT /small/x HTTP/1.1\r\n" HOST
                    "Transfer-Encoding: chunked\r\n\r\n");
    snprintf(line, sizeof(line), "%x\r\n", 300001);
    client_puts(fd, line);
    ck_assert(client_send(fd, bytes, 300001));
    ck_assert(client_puts(fd, "\r\n0\r\n\r\n"));
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 413);
    answer_says(&a, "300000");
    answer_release(&a);
    close(fd);
    fixture_await(&f.n_aborted, 1);
    fd = client_connect(&f);
    client_puts(fd, "PUT /small/x HTTP/1.1\r\n" HOST
                    "Content-Length: 300001\r\n\r\n");
    ck_assert(client_send(fd, bytes, 300001));
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 413);
    answer_release(&a);
    close(fd);
    fixture_stop(&f);
    ck_assert_uint_eq(f.n_begun, 1);
    ck_assert_uint_eq(f.n_aborted, 1);
    free(bytes);
}
END_TEST

START_TEST(end_may_fail)
{
    struct fixture f;
    struct answer  a;

    fixture_start(&f, NULL);
    ask(&f, "PUT", "/upload/bad-end", CSV, "abc", &a);
    ck_assert_int_eq(a.status, 422);
    answer_says(&a, "no rows");
    answer_release(&a);
    atomic_store(&f.n_wrong, 0); /* "abc" is not the pattern */
    fixture_stop(&f);
    ck_assert_uint_eq(f.n_aborted, 0);
    ck_assert_uint_eq(f.n_ended, 1);
}
END_TEST

START_TEST(a_client_that_leaves_is_aborted_once)
{
    static const size_t sent[] = { 0, 1, PIECE - 1, PIECE, PIECE + 1,
                                   3 * PIECE };
    char               *bytes = pattern_new(3 * PIECE);
    struct fixture      f;
    int                 fd;

    fixture_start(&f, NULL);
    f.piece_ms = _i == 0 ? 0 : 30; /* it leaves while piece() is at work */
    for (size_t i = 0; i < COUNT_OF(sent); i++) {
        fd = upload_start(&f, "/upload/x", 10 * MIB, "");
        ck_assert(client_send(fd, bytes, sent[i]));
        fixture_await(&f.n_begun, (unsigned)i + 1);
        close(fd);
        fixture_await(&f.n_aborted, (unsigned)i + 1);
    }
    fixture_stop(&f);
    ck_assert_uint_eq(f.n_aborted, COUNT_OF(sent));
    ck_assert_uint_eq(f.n_ended, 0);
    free(bytes);
}
END_TEST

START_TEST(media_types_of_streams)
{
    struct fixture f;

    fixture_start(&f, NULL);
    ck_assert_int_eq(ask_status(&f, "PUT", "/upload/x", "", "a"), 415);
    ck_assert_int_eq(ask_status(&f, "PUT", "/upload/x", CSV, ""), 400);
    ck_assert_int_eq(ask_status(&f, "PUT", "/upload/x",
                                "Content-Type: multipart/form-data\r\n", "a"),
                     400);
    ck_assert_uint_eq(f.n_begun, 0);
    /* The byte is not the pattern's, which is another matter. */
    ck_assert_int_eq(ask_status(&f, "PUT", "/small/x", "", "a"), 201);
    atomic_store(&f.n_wrong, 0);
    fixture_stop(&f);
}
END_TEST

START_TEST(stopping_ends_uploads)
{
    char          *bytes = pattern_new(PIECE + 1);
    struct fixture f;
    int            idle, busy;

    fixture_start(&f, NULL);
    f.piece_ms = 300;
    idle = upload_start(&f, "/upload/x", 10 * MIB, ""); /* waits for more */
    client_send(idle, bytes, 10);
    busy = upload_start(&f, "/upload/x", 10 * MIB, ""); /* is in piece() */
    client_send(busy, bytes, PIECE + 1);
    fixture_await(&f.n_begun, 2);
    fixture_await(&f.n_pieces, 1);
    http_server_stop(f.server, 10);
    ck_assert_uint_eq(f.n_aborted, 2);
    ck_assert_uint_eq(f.n_overlaps, 0);
    close(idle);
    close(busy);
    free(bytes);
}
END_TEST

Suite *
suite_http_streams(void)
{
    Suite *s = suite_create("http/streams");
    TCase *t = tcase_create("streams");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_size_arrives);
    tcase_add_test(t, chunks_of_every_size_arrive);
    tcase_add_test(t, many_at_once_do_not_mix);
    tcase_add_test(t, begin_refuses_before_the_body);
    tcase_add_loop_test(t, a_failing_piece_is_told, 0,
                        (int)COUNT_OF(failures));
    tcase_add_test(t, an_upload_beyond_its_limit_is_aborted);
    tcase_add_test(t, end_may_fail);
    tcase_add_loop_test(t, a_client_that_leaves_is_aborted_once, 0, 2);
    tcase_add_test(t, media_types_of_streams);
    tcase_add_test(t, stopping_ends_uploads);
    suite_add_tcase(s, t);
    return s;
}
