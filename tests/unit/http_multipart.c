/* http_multipart.c - multipart bodies, cut at every place */
#include "http/multipart.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http_suites.h"

/* What the callbacks heard: "[name|file]bytes" for each part. */
struct heard {
    struct buf text;
    unsigned   fail_part; /* part() fails at this one */
};

static enum err
on_part(void *arg, const char *name, const char *filename, struct errinfo *e)
{
    struct heard *h = arg;

    if (h->fail_part > 0 && --h->fail_part == 0)
        return err_set(e, ERR_INVALID, "", "not this one");
    buf_printf(&h->text, "[%s|%s]", name, filename != NULL ? filename : "-");
    return ERR_OK;
}

static enum err
on_data(void *arg, const void *p, size_t n, struct errinfo *e)
{
    struct heard *h = arg;

    (void)e;
    ck_assert_uint_gt(n, 0);
    buf_append(&h->text, p, n);
    return ERR_OK;
}

static const struct http_multipart_calls calls = { on_part, on_data };

/* Feed body cut before `cut` and, where step is not 0, in steps. */
static enum err
parse(const char *body, size_t len, size_t cut, size_t step, struct heard *h)
{
    struct http_multipart *mp = NULL;
    enum err               rc = ERR_OK;

    ck_assert_int_eq(http_multipart_new("xY", &calls, h, &mp, NULL), ERR_OK);
    if (step == 0) {
        rc = http_multipart_feed(mp, body, cut, NULL);
        if (rc == ERR_OK)
            rc = http_multipart_feed(mp, body + cut, len - cut, NULL);
    }
    for (size_t i = 0; step > 0 && rc == ERR_OK && i < len; i += step)
        rc = http_multipart_feed(mp, body + i, step < len - i ? step : len - i,
                                 NULL);
    if (rc == ERR_OK)
        rc = http_multipart_end(mp, NULL);
    http_multipart_free(mp);
    return rc;
}

static const struct {
    const char *body;
    const char *heard;
} good[] = {
    { "--xY\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--xY--",
      "[a|-]1" },
    { "before\r\n--xY \t\r\nX: y\r\ncontent-disposition:form-data; "
      "filename=\"f\\\"\\x.npy\"; name=in\r\n"
      "Content-Type: application/octet-stream\r\n\r\n"
      "a\r\n--x\r\r\n--\r\n-\r\n--xy\r\n\r\n--xY\r\n"
      "Content-Disposition: form-data; name=\"targets\"; filename=\"t;=.gz\"\r\n"
      "Content-Transfer-Encoding: binary\r\n\r\n"
      "\r\n\r\n--xY--\r\nafter\r\n--xY\r\n",
      "[in|f\"\\x.npy]a\r\n--x\r\r\n--\r\n-\r\n--xy\r\n[targets|t;=.gz]\r\n" },
    { "--xY\r\nContent-Disposition: form-data; name=\"e\"\r\n\r\n\r\n--xY--",
      "[e|-]" },
    { "--xY--", "" },
};

START_TEST(every_split_is_the_whole)
{
    const char *body = good[_i].body;
    size_t      len = strlen(body);

    for (size_t cut = 0; cut <= len; cut++) {
        struct heard h = { { 0 }, 0 };

        ck_assert_int_eq(parse(body, len, cut, 0, &h), ERR_OK);
        ck_assert_str_eq(h.text.data != NULL ? h.text.data : "",
                         good[_i].heard);
        buf_release(&h.text);
    }
    for (size_t step = 1; step < 5; step++) {
        struct heard h = { { 0 }, 0 };

        ck_assert_int_eq(parse(body, len, 0, step, &h), ERR_OK);
        ck_assert_str_eq(h.text.data != NULL ? h.text.data : "",
                         good[_i].heard);
        buf_release(&h.text);
    }
}
END_TEST

START_TEST(bad_bodies_are_malformed)
{
    static const char *const bad[] = {
        "",
        "no boundary at all",
        "--xY",
        "--xY\r\n",
        "--xY-",
        "--xY-x",
        "--xYz\r\n",
        "--xY\rz",
        "--xY\r\n\r\nno name\r\n--xY--",
        "--xY\r\nContent-Disposition: form-data\r\n\r\n1\r\n--xY--",
        "--xY\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--xY--",
        "--xY\r\nContent-Disposition: form-data; name\r\n\r\n1\r\n--xY--",
        "--xY\r\nContent-Disposition: form-data; name=\"a\"b\r\n\r\n\r\n--xY--",
        "--xY\r\nno colon\r\n\r\n1\r\n--xY--",
        "--xY\r\nContent-Disposition: form-data; name=a\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n1\r\n--xY--",
        "--xY\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--xY",
        "--xY\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1",
    };
    struct heard h = { { 0 }, 0 };

    ck_assert_int_eq(parse(bad[_i], strlen(bad[_i]), 0, 1, &h), ERR_MALFORMED);
    ck_assert_int_eq(parse(bad[_i], strlen(bad[_i]), 0, 0, &h), ERR_MALFORMED);
    buf_release(&h.text);
}
END_TEST

START_TEST(parts_and_headers_are_limited)
{
    static const char part[] =
        "--xY\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n";
    struct buf   b = { 0 };
    struct heard h = { { 0 }, 0 };

    for (int i = 0; i < HTTP_MAX_PARTS; i++)
        buf_puts(&b, part);
    buf_puts(&b, "--xY--");
    ck_assert_int_eq(parse(b.data, b.len, 0, 0, &h), ERR_OK);
    b.len -= 2; /* the last "--" */
    buf_puts(&b, part + 4);
    buf_puts(&b, "--xY--");
    ck_assert_int_eq(parse(b.data, b.len, 0, 0, &h), ERR_MALFORMED);

    buf_reset(&b);
    buf_puts(&b, "--xY\r\nX: ");
    for (int i = 0; i < 5000; i++)
        buf_putc(&b, 'x');
    ck_assert_int_eq(parse(b.data, b.len, 0, 0, &h), ERR_MALFORMED);
    buf_release(&b);
    buf_release(&h.text);
}
END_TEST

START_TEST(what_a_callback_returns_ends_it)
{
    struct http_multipart *mp = NULL;
    struct heard           h = { { 0 }, 1 };

    ck_assert_int_eq(parse(good[0].body, strlen(good[0].body), 0, 0, &h),
                     ERR_INVALID);
    h.fail_part = 1;
    ck_assert_int_eq(http_multipart_new("xY", &calls, &h, &mp, NULL), ERR_OK);
    ck_assert_int_eq(http_multipart_feed(mp, good[0].body, 58, NULL),
                     ERR_INVALID);
    ck_assert_int_eq(http_multipart_feed(mp, "x", 1, NULL), ERR_MALFORMED);
    ck_assert_int_eq(http_multipart_end(mp, NULL), ERR_MALFORMED);
    http_multipart_free(mp);
    http_multipart_free(NULL);
}
END_TEST

START_TEST(boundaries_are_checked)
{
    struct http_multipart *mp = NULL;
    char                   longest[72];

    memset(longest, 'b', sizeof(longest));
    longest[71] = '\0';
    ck_assert_int_eq(http_multipart_new("", &calls, NULL, &mp, NULL),
                     ERR_MALFORMED);
    ck_assert_int_eq(http_multipart_new(NULL, &calls, NULL, &mp, NULL),
                     ERR_MALFORMED);
    ck_assert_int_eq(http_multipart_new("a\rb", &calls, NULL, &mp, NULL),
                     ERR_MALFORMED);
    ck_assert_int_eq(http_multipart_new(longest, &calls, NULL, &mp, NULL),
                     ERR_MALFORMED);
    longest[70] = '\0';
    ck_assert_int_eq(http_multipart_new(longest, &calls, NULL, &mp, NULL),
                     ERR_OK);
    http_multipart_free(mp);
}
END_TEST

Suite *
suite_http_multipart(void)
{
    Suite *s = suite_create("http/multipart");
    TCase *t = tcase_create("multipart");

    tcase_add_loop_test(t, every_split_is_the_whole, 0, (int)COUNT_OF(good));
    tcase_add_loop_test(t, bad_bodies_are_malformed, 0, 17);
    tcase_add_test(t, parts_and_headers_are_limited);
    tcase_add_test(t, what_a_callback_returns_ends_it);
    tcase_add_test(t, boundaries_are_checked);
    suite_add_tcase(s, t);
    return s;
}
