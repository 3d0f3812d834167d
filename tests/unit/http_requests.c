/* http_requests.c - requests good and bad, and what each is told */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "http_client.h"
#include "http_suites.h"

#include "base/mem.h"

#define JSON_TYPE "Content-Type: application/json\r\n"
#define HOST "Host: localhost\r\n"

START_TEST(get_answers)
{
    struct fixture f;
    struct answer  a;

    fixture_start(&f, NULL);
    ask(&f, "GET", "/hello", "", NULL, &a);
    ck_assert_int_eq(a.status, 200);
    ck_assert_str_eq(a.body, "{\"hello\":\"world\",\"draining\":false}");
    answer_has(&a, "Content-Type", "application/json");
    answer_has(&a, "Cache-Control", "no-store");
    answer_has(&a, "X-Content-Type-Options", "nosniff");
    answer_has(&a, "Referrer-Policy", "no-referrer");
    answer_has(&a, "Cross-Origin-Resource-Policy", "same-origin");
    answer_has(&a, "Connection", "");
    ck_assert_uint_lt(strlen(a.head), 2048);
    answer_release(&a);

    ask(&f, "GET", "/things/iris", "", NULL, &a);
    ck_assert_str_eq(a.body, "{\"hello\":\"iris\",\"draining\":false}");
    answer_release(&a);

    ask(&f, "DELETE", "/things/iris", "", NULL, &a);
    ck_assert_int_eq(a.status, 204);
    answer_release(&a);

    ask(&f, "GET", "/things?limit=3&after=a%20b&flag=true", "", NULL, &a);
    ck_assert_str_eq(a.body, "limit=3 after=a b count=7 flag=1");
    answer_has(&a, "Cache-Control", "");
    answer_release(&a);
    fixture_await(&f.n_observed, 4);
    fixture_stop(&f);
}
END_TEST

START_TEST(head_is_get_without_its_body)
{
    struct fixture f;
    struct answer  get, head;
    int            fd;

    fixture_start(&f, NULL);
    fd = client_connect(&f);
    client_puts(fd, "HEAD /hello HTTP/1.1\r\n" HOST "X-Request-Id: a\r\n\r\n");
    client_read_head(fd, &head);
    client_puts(fd, "GET /hello HTTP/1.1\r\n" HOST "X-Request-Id: a\r\n\r\n");
    client_read(fd, &get); /* a body of HEAD would be in the way here */
    ck_assert_int_eq(head.status, 200);
    /* Date is the first header of both and may differ. */
    ck_assert_str_eq(strstr(head.head, "Content-Type"),
                     strstr(get.head, "Content-Type"));
    ck_assert_int_eq(get.status, 200);
    ck_assert_uint_gt(get.len, 0);
    answer_release(&get);
    answer_release(&head);
    close(fd);
    ck_assert_int_eq(ask_status(&f, "HEAD", "/nowhere", "", NULL), 404);
    fixture_stop(&f);
}
END_TEST

START_TEST(methods_and_paths)
{
    static const struct {
        const char *method, *target;
        int         status;
        const char *allow;
    } cases[] = {
        { "GET", "/nowhere", 404, "" },
        { "GET", "/hello/", 404, "" },
        { "GET", "//hello", 404, "" },
        { "GET", "/things/../hello", 404, "" },
        { "GET", "/%68ello", 404, "" },
        { "GET", "/%2e%2e%2f", 404, "" },
        { "GET", "/%zz", 404, "" },
        { "POST", "/hello", 405, "GET, HEAD, OPTIONS" },
        { "PUT", "/things/x", 405, "GET, HEAD, DELETE, OPTIONS" },
        { "GET", "/things/x:run", 405, "POST, OPTIONS" },
        { "TRACE", "/hello", 405, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" },
        { "CONNECT", "/hello", 405, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" },
        { "FOO", "/hello", 501, "" },
        { "get", "/hello", 501, "" },
        { "OPTIONS", "/hello", 204, "GET, HEAD, OPTIONS" },
        { "OPTIONS", "/things", 204, "GET, HEAD, POST, OPTIONS" },
        { "OPTIONS", "/nowhere", 404, "" },
        { "OPTIONS", "*", 204, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" },
    };
    struct fixture f;

    fixture_start(&f, NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct answer a;

        ask(&f, cases[i].method, cases[i].target, "", NULL, &a);
        ck_assert_msg(a.status == cases[i].status, "%s %s: %d",
                      cases[i].method, cases[i].target, a.status);
        if (strcmp(cases[i].method, "TRACE") != 0 &&
            strcmp(cases[i].method, "CONNECT") != 0)
            answer_has(&a, "Allow", cases[i].allow);
        else
            ck_assert_str_ne(answer_header(&a, "Allow"), "");
        answer_release(&a);
    }
    fixture_stop(&f);
}
END_TEST

START_TEST(long_methods_and_segments)
{
    struct fixture f;
    struct answer  a;
    struct buf     b = { 0 };

    fixture_start(&f, NULL);
    for (int i = 0; i < 10000; i++)
        buf_putc(&b, 'M');
    buf_puts(&b, " /hello HTTP/1.1\r\n" HOST "\r\n");
    ask_raw(&f, b.data, &a);
    ck_assert_int_eq(a.status, 501);
    answer_release(&a);

    buf_reset(&b);
    buf_puts(&b, "/things/");
    for (int i = 0; i < 255; i++)
        buf_putc(&b, 'n');
    ck_assert_int_eq(ask_status(&f, "GET", b.data, "", NULL), 200);
    buf_putc(&b, 'n');
    ck_assert_int_eq(ask_status(&f, "GET", b.data, "", NULL), 404);
    buf_release(&b);
    fixture_stop(&f);
}
END_TEST

/* RELIABILITY's catalogue: what libmicrohttpd lets through and must not pass.
 * A second request behind the first must never be executed. */
static const struct {
    const char *request;
    int         status;
    const char *code;
} rude[] = {
    { "GET /hello HTTP/1.1\r\n\r\n", 400, "no_host" },
    { "GET /hello HTTP/1.1\r\n" HOST HOST "\r\n", 400, "repeated_header" },
    { "POST /things HTTP/1.1\r\n" HOST JSON_TYPE
      "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
      400, "two_lengths" },
    { "POST /things HTTP/1.1\r\n" HOST JSON_TYPE
      "Content-Length: 4\r\nContent-Length: 5\r\n\r\n12345",
      400, "repeated_header" },
    { "POST /things HTTP/1.1\r\n" HOST JSON_TYPE
      "Content-Length : 4\r\n\r\n1234",
      400, "bad_header" },
    { "POST /things HTTP/1.1\r\n" HOST JSON_TYPE
      "Transfer-Encoding: xchunked\r\n\r\n1234",
      501, "unknown_transfer_encoding" },
    { "POST /things HTTP/1.1\r\n" HOST JSON_TYPE
      "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      501, "unknown_transfer_encoding" },
    { "POST /things HTTP/1.1\r\n" HOST JSON_TYPE
      "Transfer-Encoding: identity\r\n\r\n1234",
      501, "unknown_transfer_encoding" },
    { "POST /things HTTP/1.1\r\n" HOST JSON_TYPE
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
      "0\r\n\r\n",
      400, "repeated_header" },
    { "POST /things HTTP/1.0\r\n" HOST JSON_TYPE
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400, "bad_transfer_encoding" },
    { "GET /hel%00lo HTTP/1.1\r\n" HOST "\r\n", 400, "bad_target" },
    { "GET /hello?a=%00 HTTP/1.1\r\n" HOST "\r\n", 400, "bad_target" },
    { "GET http://evil/hello HTTP/1.1\r\n" HOST "\r\n", 400, "bad_target" },
    { "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", 400, "bad_target" },
    { "GET hello HTTP/1.1\r\n" HOST "\r\n", 400, "bad_target" },
    { "GET /hel lo HTTP/1.1\r\n" HOST "\r\n", 400, "bad_target" },
    { "GET /hello\x7f HTTP/1.1\r\n" HOST "\r\n", 400, "bad_target" },
    { "GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421,
      "misdirected_request" },
    { "GET /hello HTTP/1.1\r\nHost: 127.evil.example\r\n\r\n", 421,
      "misdirected_request" },
    { "GET /hello HTTP/1.1\r\nHost: localhost.evil\r\n\r\n", 421,
      "misdirected_request" },
    { "GET /hello HTTP/1.1\r\nHost: localhost:x\r\n\r\n", 421,
      "misdirected_request" },
    { "GET /hello HTTP/1.1\r\n" HOST "A(b): c\r\n\r\n", 400, "bad_header" },
    { "GET /hello HTTP/1.1\r\n" HOST "A: b\x01\r\n\r\n", 400, "bad_header" },
    { "GET /hello HTTP/1.1\r\n" HOST
      "Authorization: a\r\nAuthorization: b\r\n\r\n",
      400, "repeated_header" },
    { "GET /hello HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n1234", 400,
      "malformed" },
    { "DELETE /things/x HTTP/1.1\r\n" HOST
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400, "malformed" },
    { "POST /things HTTP/1.1\r\n" HOST JSON_TYPE
      "Expect: 200-nope\r\nContent-Length: 4\r\n\r\n1234",
      417, "expectation_failed" },
};

START_TEST(rude_requests_are_refused_and_closed)
{
    struct fixture f;
    struct answer  a;
    char           want[64];
    int            fd;

    fixture_start(&f, NULL);
    fd = client_connect(&f);
    client_puts(fd, rude[_i].request);
    client_puts(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    client_read(fd, &a);
    ck_assert_int_eq(a.status, rude[_i].status);
    answer_has(&a, "Content-Type", "application/problem+json");
    answer_has(&a, "Connection", "close");
    if (rude[_i].code != NULL) {
        snprintf(want, sizeof(want), "\"code\":\"%s\"", rude[_i].code);
        answer_says(&a, want);
    }
    ck_assert(client_is_closed(fd));
    close(fd);
    answer_release(&a);
    ck_assert_uint_eq(f.n_handled, 0);
    fixture_stop(&f);
}
END_TEST

START_TEST(odd_but_honest_requests_pass)
{
    static const char *const fine[] = {
        "GET /hello HTTP/1.0\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: localhost:1234\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: LOCALHOST\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        "GET /hello HTTP/1.1\r\nhost:[::1]\r\n\r\n",
        "GET /hello HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n",
        "GET /hello? HTTP/1.1\r\n" HOST "\r\n",
        "GET /hello HTTP/1.1\r\n" HOST "X-Empty:\r\nX: \t a b \r\n\r\n",
        "\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n",
    };
    struct fixture f;

    fixture_start(&f, NULL);
    for (size_t i = 0; i < COUNT_OF(fine); i++) {
        struct answer a;

        ask_raw(&f, fine[i], &a);
        ck_assert_msg(a.status == 200, "%s: %d", fine[i], a.status);
        answer_release(&a);
    }
    fixture_stop(&f);
}
END_TEST

START_TEST(what_libmicrohttpd_refuses_itself)
{
    static const struct {
        const char *request;
        int         status;
    } cases[] = {
        { "GET /hello\r\n\r\n", 400 },
        { "GET /hello HTTP/2.0\r\n" HOST "\r\n", 505 },
        { "POST /things HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400 },
        { "POST /things HTTP/1.1\r\n" HOST
          "Content-Length: 18446744073709551616\r\n\r\n", 413 },
        { "PUT /raw HTTP/1.1\r\n" HOST
          "Transfer-Encoding: chunked\r\n\r\nZZ\r\n", 400 },
    };
    struct fixture f;

    fixture_start(&f, NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct answer a;
        int           fd = client_connect(&f);

        client_puts(fd, cases[i].request);
        client_read_head(fd, &a);
        ck_assert_msg(a.status == cases[i].status, "%s: %d",
                      cases[i].request, a.status);
        close(fd);
    }
    ck_assert_int_eq(ask_status(&f, "GET", "/hello", "", NULL), 200);
    fixture_stop(&f);
}
END_TEST

START_TEST(heads_are_limited)
{
    struct fixture f;
    struct answer  a;
    struct buf     b = { 0 };
    int            fd;

    fixture_start(&f, NULL);
    buf_puts(&b, "GET /hello HTTP/1.1\r\n" HOST "X: ");
    for (int i = 0; i < 30000; i++)
        buf_putc(&b, 'x');
    fd = client_connect(&f);
    client_send(fd, b.data, b.len);
    client_read_head(fd, &a);
    ck_assert_int_eq(a.status, 431);
    close(fd);
    buf_reset(&b);
    buf_puts(&b, "GET /");
    for (int i = 0; i < 30000; i++)
        buf_putc(&b, 'x');
    fd = client_connect(&f);
    client_send(fd, b.data, b.len);
    client_read_head(fd, &a);
    ck_assert_int_eq(a.status, 414);
    close(fd);
    buf_release(&b);
    fixture_stop(&f);
}
END_TEST

START_TEST(queries_are_strict)
{
    struct fixture f;
    struct answer  a;

    fixture_start(&f, NULL);
    ask(&f, "GET", "/things?limmit=3", "", NULL, &a);
    ck_assert_int_eq(a.status, 400);
    answer_says(&a, "limmit");
    answer_says(&a, "limit,after,flag,count");
    answer_has(&a, "Connection", "");
    answer_release(&a);
    ask(&f, "GET", "/hello?a=1", "", NULL, &a);
    answer_says(&a, "there are none here");
    answer_release(&a);
    ask(&f, "GET", "/things?limit=1&limit=2", "", NULL, &a);
    ck_assert_int_eq(a.status, 400);
    answer_says(&a, "twice");
    answer_release(&a);
    ck_assert_int_eq(ask_status(&f, "GET", "/things?after=%zz", "", NULL),
                     400);
    ck_assert_int_eq(ask_status(&f, "GET", "/things?limit=0", "", NULL), 400);
    fixture_stop(&f);
}
END_TEST

START_TEST(bodies_arrive)
{
    struct fixture f;
    struct answer  a;

    fixture_start(&f, NULL);
    ask(&f, "POST", "/things",
        "Content-Type: Application/JSON; charset=\"UTF-8\"\r\n"
        "Idempotency-Key: k-1\r\n",
        "{\"a\":1}", &a);
    ck_assert_int_eq(a.status, 201);
    ck_assert_str_eq(a.body, "type=application/json block=1 len=7 key=k-1 "
                             "body={\"a\":1}");
    answer_has(&a, "Location", "/echo/0");
    answer_release(&a);

    /* The fast lane, for what is small. */
    ask(&f, "POST", "/things/iris:run", JSON_TYPE, "[1]", &a);
    ck_assert_str_eq(a.body, "type=application/json block=0 len=3 key=- "
                             "body=[1]");
    answer_has(&a, "Location", "/echo/iris");
    answer_release(&a);

    /* An action has no body, or an empty object, and no type. */
    ask(&f, "POST", "/things/x/stop",
        "Content-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: 0\r\n",
        NULL, &a);
    ck_assert_int_eq(a.status, 201);
    answer_says(&a, "type=- ");
    answer_release(&a);
    ck_assert_int_eq(ask_status(&f, "POST", "/things/x/stop", "", NULL), 201);
    ck_assert_int_eq(ask_status(&f, "POST", "/things/x/stop", "", "{ }"), 201);
    ck_assert_int_eq(ask_status(&f, "POST", "/things/x/stop", "", "{1}"), 400);
    ck_assert_int_eq(ask_status(&f, "PUT", "/raw", "", ""), 201);
    fixture_stop(&f);
}
END_TEST

START_TEST(bodies_are_refused)
{
    static const struct {
        const char *headers, *body;
        int         status;
        const char *says;
    } cases[] = {
        { "", "{}", 415, "application/json" },
        { "Content-Type: text/plain\r\n", "{}", 415, "got text/plain" },
        { "Content-Type: application/json; charset=latin1\r\n", "{}", 415,
          "utf-8" },
        { "Content-Type: ;;;\r\n", "{}", 415, "cannot read" },
        { JSON_TYPE "Content-Encoding: br\r\n", "{}", 415, "gzip" },
        { JSON_TYPE, "", 400, "a body is expected" },
        { "", NULL, 400, "a body is expected" },
    };
    struct fixture f;
    struct answer  a;

    fixture_start(&f, NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ask(&f, "POST", "/things", cases[i].headers, cases[i].body, &a);
        ck_assert_int_eq(a.status, cases[i].status);
        answer_says(&a, cases[i].says);
        answer_release(&a);
    }
    ask_raw(&f, "POST /things HTTP/1.1\r\n" HOST JSON_TYPE
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &a);
    ck_assert_int_eq(a.status, 400);
    answer_says(&a, "a body is expected");
    answer_release(&a);
    fixture_stop(&f);
}
END_TEST

START_TEST(a_refused_short_body_keeps_its_connection)
{
    struct fixture f;
    struct answer  a;
    int            fd;

    fixture_start(&f, NULL);
    fd = client_connect(&f);
    client_puts(fd, "POST /nowhere HTTP/1.1\r\n" HOST JSON_TYPE
                    "Content-Length: 22\r\n\r\n"
                    "GET /hello HTTP/1.1\r\n\r"); /* is a body */
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 404);
    answer_has(&a, "Connection", "");
    answer_release(&a);
    client_puts(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 200);
    answer_release(&a);
    close(fd);
    ck_assert_uint_eq(f.n_handled, 1);
    fixture_stop(&f);
}
END_TEST

/* A client that sends its whole body before it reads must not be reset. */
START_TEST(a_refused_long_body_hears_its_answer)
{
    static const struct {
        const char *target, *framing;
        size_t      n;
        int         status;
    } cases[] = {
        { "/nowhere", "Content-Length: 20000000\r\n", 20000000, 404 },
        { "/things", JSON_TYPE "Content-Length: 20000000\r\n", 20000000, 413 },
        { "/things", JSON_TYPE "Content-Length: 1001\r\n", 1001, 413 },
        { "/raw", "Content-Length: 5000000\r\n", 5000000, 405 },
    };
    char *bytes = pattern_new(20000000);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        struct answer  a;
        char           head[256];
        int            fd;

        fixture_start(&f, NULL);
        fd = client_connect(&f);
        snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\n" HOST "%s\r\n",
                 cases[i].target, cases[i].framing);
        client_puts(fd, head);
        ck_assert(client_send(fd, bytes, cases[i].n));
        client_read(fd, &a);
        ck_assert_int_eq(a.status, cases[i].status);
        answer_release(&a);
        close(fd);
        fixture_stop(&f);
    }
    free(bytes);
}
END_TEST

START_TEST(a_length_beyond_all_reason_is_refused_at_once)
{
    struct fixture f;
    struct answer  a;

    fixture_start(&f, NULL);
    ask_raw(&f, "PUT /raw HTTP/1.1\r\n" HOST
            "Content-Length: 9223372036854775807\r\n\r\n12345", &a);
    ck_assert_int_eq(a.status, 413);
    answer_says(&a, "4194304");
    answer_release(&a);
    fixture_stop(&f);
}
END_TEST

/* Chunks up to n bytes, and their end unless it is cut. */
static bool
send_chunks(int fd, const char *bytes, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i += size) {
        size_t len = size < n - i ? size : n - i;
        char   line[32];

        snprintf(line, sizeof(line), "%zx\r\n", len);
        if (!client_puts(fd, line) || !client_send(fd, bytes + i, len) ||
            !client_puts(fd, "\r\n"))
            return false;
    }
    return client_puts(fd, "0\r\n\r\n");
}

START_TEST(chunks_are_put_together)
{
    char          *bytes = pattern_new(8 * MIB);
    struct fixture f;
    struct answer  a;
    int            fd;

    fixture_start(&f, NULL);
    fd = client_connect(&f);
    client_puts(fd, "PUT /raw HTTP/1.1\r\n" HOST
                    "Transfer-Encoding: chunked\r\n\r\n");
    ck_assert(send_chunks(fd, bytes, 20000, 1));
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 201);
    answer_says(&a, "len=20000 ");
    answer_release(&a);
    /* The same connection goes on; exactly the limit fits. */
    client_puts(fd, "PUT /raw HTTP/1.1\r\n" HOST
                    "Transfer-Encoding: chunked\r\n\r\n");
    ck_assert(send_chunks(fd, bytes, 4 * MIB, 65536));
    client_read(fd, &a);
    answer_says(&a, "len=4194304 ");
    answer_release(&a);
    /* A little more is swallowed, and told at the end. */
    client_puts(fd, "PUT /raw HTTP/1.1\r\n" HOST
                    "Transfer-Encoding: chunked\r\n\r\n");
    ck_assert(send_chunks(fd, bytes, 4 * MIB + 1, 65536));
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 413);
    answer_has(&a, "Connection", "");
    answer_release(&a);
    /* Much more is told at once. */
    client_puts(fd, "PUT /raw HTTP/1.1\r\n" HOST
                    "Transfer-Encoding: chunked\r\n\r\n");
    ck_assert(send_chunks(fd, bytes, 8 * MIB, 65536));
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 413);
    answer_has(&a, "Connection", "close");
    answer_says(&a, "\"status\":413");
    answer_release(&a);
    ck_assert(client_is_closed(fd));
    close(fd);
    free(bytes);
    fixture_stop(&f);
}
END_TEST

START_TEST(large_bodies_go_to_the_slow_lane)
{
    struct fixture f;
    struct answer  a;
    struct buf     b = { 0 };

    fixture_start(&f, NULL);
    for (size_t i = 0; i < 64 * KIB; i++)
        buf_putc(&b, '1');
    ask(&f, "POST", "/things/x:run", JSON_TYPE, b.data, &a);
    answer_says(&a, "block=0 len=65536 ");
    answer_release(&a);
    buf_putc(&b, '1');
    ask(&f, "POST", "/things/x:run", JSON_TYPE, b.data, &a);
    answer_says(&a, "block=1 len=65537 ");
    answer_release(&a);
    buf_release(&b);
    fixture_stop(&f);
}
END_TEST

/* n bytes of p as gzip; the caller frees. */
static unsigned char *
gzip_new(const char *p, size_t n, size_t *out_len)
{
    z_stream       z = { 0 };
    size_t         cap = n + n / 100 + 1000;
    unsigned char *out = mem_array(cap, 1, 0);

    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8,
                                  Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)p;
    z.avail_in = (unsigned)n;
    z.next_out = out;
    z.avail_out = (unsigned)cap;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    *out_len = cap - z.avail_out;
    deflateEnd(&z);
    return out;
}

static void
ask_gzip(const struct fixture *f, const char *method, const char *target,
         const void *packed, size_t len, struct answer *a)
{
    int  fd = client_connect(f);
    char head[256];

    snprintf(head, sizeof(head),
             "%s %s HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\n"
             "Content-Type: application/octet-stream\r\n"
             "Content-Length: %zu\r\n\r\n", method, target, len);
    client_puts(fd, head);
    client_send(fd, packed, len);
    client_read(fd, a);
    close(fd);
}

START_TEST(gzip_is_undone)
{
    struct fixture f;
    struct answer  a;
    char          *zeros = mem_array(16 * MIB, 1, 0);
    char          *bytes = pattern_new(2 * MIB);
    unsigned char *packed;
    size_t         len;

    fixture_start(&f, NULL);
    packed = gzip_new("[1,2,3]", 7, &len);
    ask_gzip(&f, "PATCH", "/raw", packed, len, &a);
    ck_assert_int_eq(a.status, 201);
    answer_says(&a, "block=1 len=7 key=- body=[1,2,3]");
    answer_release(&a);
    ask_gzip(&f, "PATCH", "/raw", packed, len - 3, &a); /* cut short */
    ck_assert_int_eq(a.status, 400);
    answer_release(&a);
    ask_gzip(&f, "PATCH", "/raw", "[1,2,3]", 7, &a); /* is none */
    ck_assert_int_eq(a.status, 400);
    answer_release(&a);
    free(packed);

    packed = gzip_new(zeros, 16 * MIB, &len); /* a bomb of 16 KiB */
    ask_gzip(&f, "PATCH", "/raw", packed, len, &a);
    ck_assert_int_eq(a.status, 413);
    answer_release(&a);
    free(packed);

    packed = gzip_new(bytes, 2 * MIB, &len);
    ask_gzip(&f, "PUT", "/upload/x", packed, len, &a);
    ck_assert_int_eq(a.status, 201);
    answer_says(&a, "{\"bytes\":2097152}");
    answer_release(&a);
    ask_gzip(&f, "PUT", "/upload/x", packed, len - 1, &a);
    ck_assert_int_eq(a.status, 400);
    answer_release(&a);
    free(packed);
    free(bytes);
    free(zeros);
    fixture_stop(&f);
    ck_assert_uint_eq(f.n_aborted, 1);
}
END_TEST

START_TEST(problems_tell_everything)
{
    struct fixture f;
    struct answer  a;
    char           target[64];

    fixture_start(&f, NULL);
    snprintf(target, sizeof(target), "/fail?code=%d", ERR_INVALID);
    ask(&f, "GET", target, "X-Request-Id: my-id_1.x\r\n", NULL, &a);
    ck_assert_int_eq(a.status, 422);
    answer_has(&a, "Content-Type", "application/problem+json");
    answer_has(&a, "X-Request-Id", "my-id_1.x");
    answer_has(&a, "X-Dropped", "");
    ck_assert_str_eq(
        a.body,
        "{\"type\":\"about:blank\",\"title\":\"Unprocessable Content\","
        "\"status\":422,\"detail\":\"/layers/0/units: must be at least 1, "
        "got 0 (and 2 more mistakes)\","
        "\"code\":\"invalid\",\"request_id\":\"my-id_1.x\",\"errors\":["
        "{\"pointer\":\"/layers/0/units\",\"detail\":\"must be at least 1, "
        "got 0\"},"
        "{\"line\":3,\"column\":2,\"detail\":\"line 3, column 2: not a "
        "\\\"number\\\"\"},"
        "{\"detail\":\"limit: too\\u000amuch\"}]}\n");
    answer_release(&a);

    snprintf(target, sizeof(target), "/fail?code=%d", ERR_IO);
    ask(&f, "GET", target, "X-Request-Id: my-id\r\n", NULL, &a);
    ck_assert_int_eq(a.status, 500);
    ck_assert_str_eq(
        a.body,
        "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\","
        "\"status\":500,\"detail\":\"internal error; the log has the reason "
        "under request ID my-id\",\"code\":\"internal\","
        "\"request_id\":\"my-id\"}\n");
    answer_release(&a);

    for (int code = ERR_MALFORMED; code < ERR_WOULDBLOCK; code++) {
        snprintf(target, sizeof(target), "/fail?bare=1&code=%d", code);
        ask(&f, "GET", target, "", NULL, &a);
        ck_assert_int_ge(a.status, 400);
        answer_says(&a, "\"detail\":\"");
        answer_has(&a, "Retry-After",
                   a.status == 503 || a.status == 429 ? "1" : "");
        answer_has(&a, "WWW-Authenticate", a.status == 401 ? "Bearer" : "");
        answer_release(&a);
    }
    fixture_stop(&f);
}
END_TEST

START_TEST(request_ids)
{
    static const char *const odd[] = {
        "a b", "a\tb", "<script>", "",
        "0123456789012345678901234567890123456789012345678901234567890123456",
    };
    struct fixture f;
    struct answer  a;
    char           header[128], first[80];

    fixture_start(&f, NULL);
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        snprintf(header, sizeof(header), "X-Request-Id: %s\r\n", odd[i]);
        ask(&f, "GET", "/hello", header, NULL, &a);
        ck_assert_int_eq(a.status, 200);
        ck_assert_str_ne(answer_header(&a, "X-Request-Id"), odd[i]);
        ck_assert_str_ne(answer_header(&a, "X-Request-Id"), "");
        answer_release(&a);
    }
    ask(&f, "GET", "/hello", "", NULL, &a);
    snprintf(first, sizeof(first), "%s", answer_header(&a, "X-Request-Id"));
    answer_release(&a);
    ask(&f, "GET", "/nowhere", "", NULL, &a);
    ck_assert_str_ne(answer_header(&a, "X-Request-Id"), first);
    answer_says(&a, answer_header(&a, "X-Request-Id"));
    answer_release(&a);
    fixture_stop(&f);
}
END_TEST

START_TEST(continue_is_answered)
{
    struct fixture f;
    struct answer  a;
    int            fd;

    fixture_start(&f, NULL);
    fd = client_connect(&f);
    client_puts(fd, "PUT /raw HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
                    "Content-Length: 3\r\n\r\n");
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 100);
    answer_release(&a);
    client_puts(fd, "abc");
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 201);
    answer_release(&a);
    /* A refusal comes in its place. */
    client_puts(fd, "POST /things HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
                    "Content-Length: 3\r\n\r\n");
    client_read(fd, &a);
    ck_assert_int_eq(a.status, 415);
    answer_has(&a, "Connection", "close");
    answer_release(&a);
    close(fd);
    fixture_stop(&f);
}
END_TEST

Suite *
suite_http_requests(void)
{
    Suite *s = suite_create("http/requests");
    TCase *t = tcase_create("requests");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, get_answers);
    tcase_add_test(t, head_is_get_without_its_body);
    tcase_add_test(t, methods_and_paths);
    tcase_add_test(t, long_methods_and_segments);
    tcase_add_loop_test(t, rude_requests_are_refused_and_closed, 0,
                        (int)COUNT_OF(rude));
    tcase_add_test(t, odd_but_honest_requests_pass);
    tcase_add_test(t, what_libmicrohttpd_refuses_itself);
    tcase_add_test(t, heads_are_limited);
    tcase_add_test(t, queries_are_strict);
    tcase_add_test(t, bodies_arrive);
    tcase_add_test(t, bodies_are_refused);
    tcase_add_test(t, a_refused_short_body_keeps_its_connection);
    tcase_add_test(t, a_refused_long_body_hears_its_answer);
    tcase_add_test(t, a_length_beyond_all_reason_is_refused_at_once);
    tcase_add_test(t, chunks_are_put_together);
    tcase_add_test(t, large_bodies_go_to_the_slow_lane);
    tcase_add_test(t, gzip_is_undone);
    tcase_add_test(t, problems_tell_everything);
    tcase_add_test(t, request_ids);
    tcase_add_test(t, continue_is_answered);
    suite_add_tcase(s, t);
    return s;
}
