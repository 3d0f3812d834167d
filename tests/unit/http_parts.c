/* http_parts.c - routes, queries, media types, Accept: without a socket */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/media.h"
#include "http/problem.h"
#include "http/query.h"
#include "http/ready.h"
#include "http/route.h"
#include "http/server.h"
#include "http_suites.h"

static const struct http_route table[] = {
    { .method = HTTP_GET, .path = "/" },
    { .method = HTTP_GET, .path = "/a" },
    { .method = HTTP_PUT, .path = "/a/{x}" },
    { .method = HTTP_GET, .path = "/a/{x}" },
    { .method = HTTP_POST, .path = "/a/{x}:run" },
    { .method = HTTP_GET, .path = "/a/{x}/b/{y}/c/{z}" },
    { .method = HTTP_GET, .path = "/longer/than/a/word" },
    { .method = HTTP_GET, .path = "/longer/{x}/than-a-word" },
};

static int
find(enum http_method method, const char *path, struct http_span *arg,
     unsigned *allow)
{
    const struct http_route *r;
    struct http_routes       routes;

    *allow = 0;
    ck_assert_int_eq(
        http_routes_init(&routes, table, COUNT_OF(table), NULL), ERR_OK);
    r = http_route_find(&routes, method, path, arg, allow);
    http_routes_release(&routes);
    return r != NULL ? (int)(r - table) : -1;
}

START_TEST(routes_match_letter_by_letter)
{
    static const struct {
        const char *path;
        int         row; /* for GET */
    } cases[] = {
        { "/", 0 },          { "/a", 1 },          { "/a/", -1 },
        { "/a/iris", 3 },    { "/a/iris/", -1 },   { "//a", -1 },
        { "/A", -1 },        { "", -1 },           { "/a/../a", -1 },
        { "/a//b/1/c/2", -1 }, { "/a/1/b/2/c/3", 5 }, { "/a/1/b/2/c", -1 },
        { "/a/x:run", -1 },  { "/a/x:", -1 },      { "/a/%61", 3 },
        { "/ab", -1 },       { "/longer/than/a/word", 6 },
        { "/longer/than/a/wore", -1 }, { "/longer/then/a/word", -1 },
        { "/longer/1/than-a-word", 7 }, { "/longer/1/then-a-word", -1 },
        { "/longer/than-a-word", -1 }, { "longer/1/than-a-word", -1 },
    };
    struct http_span arg[HTTP_MAX_ARGS];
    unsigned         allow;

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        ck_assert_msg(find(HTTP_GET, cases[i].path, arg, &allow) ==
                          cases[i].row,
                      "%s", cases[i].path);
    find(HTTP_GET, "/a/one/b/two/c/three", arg, &allow);
    ck_assert_uint_eq(arg[2].len, 5);
    ck_assert_int_eq(strncmp(arg[2].p, "three", 5), 0);
    ck_assert_int_eq(find(HTTP_POST, "/a/x:run", arg, &allow), 4);
    ck_assert_uint_eq(arg[0].len, 1);
}
END_TEST

START_TEST(routes_tell_the_methods_of_a_path)
{
    struct http_span arg[HTTP_MAX_ARGS];
    char             list[HTTP_ALLOW_SIZE];
    unsigned         allow;

    ck_assert_int_eq(find(HTTP_DELETE, "/a/x", arg, &allow), -1);
    http_allow_format(allow, list);
    ck_assert_str_eq(list, "GET, HEAD, PUT, OPTIONS");
    http_allow_format((1u << HTTP_METHOD_COUNT) - 1, list);
    ck_assert_str_eq(list, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    ck_assert_int_eq(find(HTTP_DELETE, "/nowhere", arg, &allow), -1);
    ck_assert_uint_eq(allow, 0);
}
END_TEST

START_TEST(routes_have_segments_of_255_bytes)
{
    struct http_span arg[HTTP_MAX_ARGS];
    char             path[3 + 256 + 1] = "/a/";
    unsigned         allow;

    memset(path + 3, 'x', 256);
    ck_assert_int_eq(find(HTTP_GET, path, arg, &allow), -1);
    ck_assert_uint_eq(allow, 0);
    path[3 + 255] = '\0';
    ck_assert_int_eq(find(HTTP_GET, path, arg, &allow), 3);
}
END_TEST

START_TEST(query_is_decoded)
{
    struct http_route   route = { .query = "a,bc,d" };
    struct http_request req = { .route = &route };
    char text[] = "a=1+2%20%2B&&bc=%c3%A9=&d";

    ck_assert_int_eq(http_query_parse(&req, text, NULL), ERR_OK);
    ck_assert_str_eq(http_request_query(&req, "a"), "1 2 +");
    ck_assert_str_eq(http_request_query(&req, "bc"), "\xc3\xa9=");
    ck_assert_str_eq(http_request_query(&req, "d"), "");
    ck_assert_ptr_null(http_request_query(&req, "e"));
}
END_TEST

START_TEST(query_is_refused)
{
    static const char *const cases[] = {
        "a=%zz", "a=%", "a=%4", "a=%00", "%61%=1", "b=1", "ab=1",
        "a=1&a=1", "a=1&a", "=1", "a=1&bc=2&a=3",
    };
    struct http_route   route = { .query = "a,bc" };
    struct http_request req = { .route = &route };
    struct errinfo      e;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *text = mem_dup(cases[i], strlen(cases[i]));

        err_clear(&e);
        ck_assert_msg(http_query_parse(&req, text, &e) == ERR_MALFORMED, "%s",
                      cases[i]);
        free(text);
    }
}
END_TEST

START_TEST(query_numbers_have_ranges)
{
    static const char *const bad[] = { "0",  "1001", "-1", "+5",
                                       " 5", "1e2",  "",   "abc" };
    struct http_request      req = { .n_params = 0 };
    uint64_t                 n = 3;
    size_t                   limit = 0;
    bool                     flag = true;

    ck_assert_int_eq(http_request_limit(&req, &limit, NULL), ERR_OK);
    ck_assert_uint_eq(limit, 100);
    req.n_params = 1;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        req.param[0] = (struct http_param){ "limit", bad[i] };
        ck_assert_int_eq(http_request_limit(&req, &limit, NULL),
                         ERR_MALFORMED);
        ck_assert_uint_eq(limit, 100);
    }
    req.param[0].value = "1000";
    ck_assert_int_eq(http_request_limit(&req, &limit, NULL), ERR_OK);
    ck_assert_uint_eq(limit, 1000);

    ck_assert_int_eq(http_request_query_u64(&req, "n", &n, NULL), ERR_OK);
    ck_assert_uint_eq(n, 3);
    ck_assert_int_eq(http_request_query_bool(&req, "b", &flag, NULL), ERR_OK);
    ck_assert(flag);
    req.param[0] = (struct http_param){ "b", "false" };
    ck_assert_int_eq(http_request_query_bool(&req, "b", &flag, NULL), ERR_OK);
    ck_assert(!flag);
    req.param[0].value = "TRUE";
    ck_assert_int_eq(http_request_query_bool(&req, "b", &flag, NULL),
                     ERR_MALFORMED);
}
END_TEST

START_TEST(accept_chooses)
{
    static const char *const types[] = { "application/json",
                                         "application/octet-stream", NULL };
    static const struct {
        const char *accept;
        int         want;
    } cases[] = {
        { NULL, 0 },
        { "", 0 },
        { "*/*", 0 },
        { "application/octet-stream", 1 },
        { "Application/Octet-Stream", 1 },
        { "text/html", -1 },
        { "text/html, */*;q=0.1", 0 },
        { "application/*", 0 },
        { "application/json;q=0.5, application/octet-stream", 1 },
        { "application/json;q=0.5,application/octet-stream;q=0.4", 0 },
        { "application/json;q=0, */*", 1 },
        { "application/json;q=0", -1 },
        { "*/*;q=0", -1 },
        { "application/json ; v=1 ; q=0.2 , */* ; q=0.3", 1 },
        { "application/octet-stream;q=1.000, application/json;q=0.999", 1 },
        { "application", -1 },
        { ",,", -1 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct http_request req = { .accept = cases[i].accept };

        ck_assert_msg(http_request_prefers(&req, types) == cases[i].want, "%s",
                      cases[i].accept);
    }
}
END_TEST

START_TEST(media_types_are_taken_apart)
{
    static const char *const bad[] = {
        "",           "json",           "text/csv x",
        "a/b; =c",    "a/b; charset",   "a/b; charset=",
        "a/b; c=\"d", "a/b; charset=a; charset=b",
    };
    struct http_media m;
    char              longest[100];

    ck_assert(http_media_parse(" Text/CSV ;Charset=\"UTF-8\"; header=present;",
                               &m));
    ck_assert_str_eq(m.type, "text/csv");
    ck_assert_str_eq(m.charset, "UTF-8");
    ck_assert_str_eq(m.boundary, "");
    ck_assert(http_media_parse("multipart/form-data; boundary=\"a\\\"b c\"", &m));
    ck_assert_str_eq(m.boundary, "a\"b c");
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        ck_assert_msg(!http_media_parse(bad[i], &m), "%s", bad[i]);
    memset(longest, 'x', sizeof(longest));
    longest[1] = '/';
    longest[sizeof(longest) - 1] = '\0';
    ck_assert(!http_media_parse(longest, &m));
}
END_TEST

START_TEST(addresses_know_whether_they_are_loopback)
{
    ck_assert(http_address_is_loopback("127.0.0.1:8080"));
    ck_assert(http_address_is_loopback("127.9.8.7:0"));
    ck_assert(http_address_is_loopback("localhost:1"));
    ck_assert(http_address_is_loopback("[::1]:8080"));
    ck_assert(!http_address_is_loopback("0.0.0.0:8080"));
    ck_assert(!http_address_is_loopback("[::]:8080"));
    ck_assert(!http_address_is_loopback("10.0.0.1:8080"));
    ck_assert(!http_address_is_loopback("example.org:80"));
    ck_assert(!http_address_is_loopback("127.0.0.1"));
    ck_assert(!http_address_is_loopback("127.0.0.1:65536"));
}
END_TEST

START_TEST(every_error_has_a_status)
{
    static const struct {
        enum err code;
        unsigned status;
    } cases[] = {
        { ERR_MALFORMED, 400 },   { ERR_AUTH, 401 },     { ERR_FORBIDDEN, 403 },
        { ERR_NOTFOUND, 404 },    { ERR_METHOD, 405 },   { ERR_ACCEPT, 406 },
        { ERR_CONFLICT, 409 },    { ERR_LENGTH, 411 },   { ERR_LIMIT, 413 },
        { ERR_MISMATCH, 412 },
        { ERR_MEDIA, 415 },       { ERR_INVALID, 422 },  { ERR_RATE, 429 },
        { ERR_CANCELED, 409 },    { ERR_BUSY, 503 },     { ERR_NOMEM, 503 },
        { ERR_UNSUPPORTED, 501 }, { ERR_FULL, 507 },     { ERR_IO, 500 },
        { ERR_CORRUPT, 500 },     { ERR_WOULDBLOCK, 500 },
    };

    ck_assert_uint_eq(COUNT_OF(cases), ERR_COUNT - 1); /* all but ERR_OK */
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        ck_assert_uint_eq(http_status_of(cases[i].code), cases[i].status);
}
END_TEST

START_TEST(headers_never_end_their_line)
{
    struct http_reply rep = { 0 };

    http_reply_header(&rep, "A", "%s", "b\r\nC: d");
    ck_assert_str_eq(rep.header[0].value, "b??C: d");
    http_reply_header(&rep, "B", "%200s", "too long");
    ck_assert_uint_eq(rep.n_headers, 1);
}
END_TEST

/* --- answers that are used again ------------------------------------------ */

static struct http_ready *
take_ready(struct http_shelf *shelf, const char *kind, const char *id,
           const char *body)
{
    const struct http_header type = { "Content-Type", kind };

    return http_ready_take(shelf, kind, &type, 1, id, body, strlen(body));
}

static void
check_ready(const struct http_ready *ready, const char *kind, const char *id)
{
    struct MHD_Response *r = http_ready_response(ready);

    ck_assert_str_eq(MHD_get_response_header(r, "Content-Type"), kind);
    ck_assert_str_eq(MHD_get_response_header(r, "X-Request-Id"), id);
    ck_assert_int_eq(MHD_get_response_headers(r, NULL, NULL), 2);
}

START_TEST(answers_go_out_again_one_at_a_time)
{
    static const char    json[] = "application/json", npy[] = "x/npy";
    struct http_shelf    shelf;
    struct http_ready   *a, *b, *many[HTTP_READY_MAX];
    struct MHD_Response *of_a;

    http_shelf_init(&shelf);
    a = take_ready(&shelf, json, "id-1", "one");
    b = take_ready(&shelf, json, "id-2", "two");
    ck_assert(a != NULL && b != NULL && a != b);
    check_ready(a, json, "id-1");
    check_ready(b, json, "id-2");
    of_a = http_ready_response(a);
    http_ready_give(&shelf, a);

    /* Another length or another type is another answer. */
    a = take_ready(&shelf, json, "id-3", "three");
    ck_assert_ptr_ne(http_ready_response(a), of_a);
    http_ready_give(&shelf, a);
    a = take_ready(&shelf, npy, "id-4", "six");
    ck_assert_ptr_ne(http_ready_response(a), of_a);
    check_ready(a, npy, "id-4");
    http_ready_give(&shelf, a);

    a = take_ready(&shelf, json, "a-longer-id", "six");
    ck_assert_ptr_eq(http_ready_response(a), of_a);
    check_ready(a, json, "a-longer-id");
    http_ready_give(&shelf, a);
    http_ready_give(&shelf, b);
    http_ready_give(&shelf, NULL);

    /* With all of them out there is none; who is used least leaves first. */
    for (size_t i = 0; i < HTTP_READY_MAX; i++)
        ck_assert_ptr_nonnull(many[i] = take_ready(&shelf, npy, "x", "12345"));
    ck_assert_ptr_null(take_ready(&shelf, npy, "x", "12345"));
    for (size_t i = 0; i < HTTP_READY_MAX; i++)
        http_ready_give(&shelf, many[i]);
    ck_assert_ptr_nonnull(a = take_ready(&shelf, json, "y", "1"));
    http_ready_give(&shelf, a);
    http_shelf_release(&shelf);
}
END_TEST

Suite *
suite_http_parts(void)
{
    Suite *s = suite_create("http/parts");
    TCase *t = tcase_create("parts");

    tcase_add_test(t, routes_match_letter_by_letter);
    tcase_add_test(t, routes_tell_the_methods_of_a_path);
    tcase_add_test(t, routes_have_segments_of_255_bytes);
    tcase_add_test(t, query_is_decoded);
    tcase_add_test(t, query_is_refused);
    tcase_add_test(t, query_numbers_have_ranges);
    tcase_add_test(t, accept_chooses);
    tcase_add_test(t, media_types_are_taken_apart);
    tcase_add_test(t, addresses_know_whether_they_are_loopback);
    tcase_add_test(t, every_error_has_a_status);
    tcase_add_test(t, headers_never_end_their_line);
    tcase_add_test(t, answers_go_out_again_one_at_a_time);
    suite_add_tcase(s, t);
    return s;
}
