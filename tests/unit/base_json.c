/*
 * base_json.c - the incremental JSON reader
 *
 * A document is read into a transcript: one line a token, then how it ended.
 * The transcript must not depend on how the bytes were cut into pieces.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base_suites.h"

struct transcript {
    struct buf text;
    unsigned   n_tokens;
    unsigned   stop_at; /* refuse this token, counted from 1; 0: none */
};

static const char *const names[] = {
    [JSON_BEGIN_OBJECT] = "{", [JSON_END_OBJECT] = "}",
    [JSON_BEGIN_ARRAY] = "[",  [JSON_END_ARRAY] = "]",
    [JSON_KEY] = "key",        [JSON_STRING] = "string",
    [JSON_NUMBER] = "number",  [JSON_TRUE] = "true",
    [JSON_FALSE] = "false",    [JSON_NULL] = "null",
};

static enum err
write_down(void *arg, const struct json_token *token, struct errinfo *e)
{
    struct transcript *t = arg;

    if (++t->n_tokens == t->stop_at)
        return err_set(e, ERR_CONFLICT, "/here", "enough");
    ck_assert_int_eq(token->text[token->len], '\0');
    buf_printf(&t->text, "%s %u %llu:%llu", names[token->event], token->depth,
               (unsigned long long)token->line,
               (unsigned long long)token->column);
    if (token->event == JSON_KEY || token->event == JSON_STRING)
        buf_printf(&t->text, " <%s>", token->text);
    if (token->event == JSON_NUMBER)
        buf_printf(&t->text, " <%s> %.17g", token->text, token->number);
    buf_putc(&t->text, '\n');
    return ERR_OK;
}

/* Feed a piece from a block of exactly its size, so that reading beyond it
 * is caught. */
static enum err
feed(struct json_reader *r, const char *p, size_t n, struct errinfo *e)
{
    char    *copy = malloc(n > 0 ? n : 1);
    enum err rc;

    memcpy(copy, p, n);
    rc = json_reader_feed(r, copy, n, e);
    free(copy);
    return rc;
}

/* Read s[0..n) cut at a and at b; the transcript is the caller's. */
static char *
read_cut(const char *s, size_t n, size_t a, size_t b, unsigned stop_at)
{
    struct transcript  t = { .stop_at = stop_at };
    struct json_reader r;
    struct errinfo     e;
    enum err           rc;

    err_clear(&e);
    json_reader_init(&r, write_down, &t);
    rc = feed(&r, s, a, &e);
    if (rc == ERR_OK)
        rc = feed(&r, s + a, b - a, &e);
    if (rc == ERR_OK)
        rc = feed(&r, s + b, n - b, &e);
    if (rc == ERR_OK)
        rc = json_reader_end(&r, &e);
    ck_assert_int_eq(rc, e.code);
    ck_assert_int_eq(json_reader_feed(&r, " ", 1, NULL), rc);
    ck_assert_int_eq(json_reader_end(&r, NULL), rc);
    if (rc == ERR_OK)
        buf_puts(&t.text, "ok");
    else
        buf_printf(&t.text, "%s: %s: %s", err_code_slug(rc), e.item[0].where,
                   e.item[0].what);
    json_reader_release(&r);
    return buf_steal(&t.text, NULL);
}

static char *
read_bytewise(const char *s, size_t n)
{
    struct transcript  t = { 0 };
    struct json_reader r;
    struct errinfo     e;
    enum err           rc = ERR_OK;

    err_clear(&e);
    json_reader_init(&r, write_down, &t);
    for (size_t i = 0; i < n && rc == ERR_OK; i++)
        rc = feed(&r, s + i, 1, &e);
    if (rc == ERR_OK)
        rc = json_reader_end(&r, &e);
    if (rc == ERR_OK)
        buf_puts(&t.text, "ok");
    else
        buf_printf(&t.text, "%s: %s: %s", err_code_slug(rc), e.item[0].where,
                   e.item[0].what);
    json_reader_release(&r);
    return buf_steal(&t.text, NULL);
}

static void
assert_same(const char *expected, char *got)
{
    ck_assert_str_eq(expected, got);
    free(got);
}

/* Every way to cut s once or twice, and into single bytes. */
static char *
read_every_way(const char *s, size_t n)
{
    char *whole = read_cut(s, n, 0, 0, 0);

    assert_same(whole, read_bytewise(s, n));
    for (size_t a = 0; a <= n; a++)
        for (size_t b = a; b <= n; b++)
            assert_same(whole, read_cut(s, n, a, b, 0));
    return whole;
}

/* clang-format off */
static const struct { const char *json, *transcript; } documents[] = {
    { "[]", "[ 0 1:1\n] 0 1:2\nok" },
    { " { } ", "{ 0 1:2\n} 0 1:4\nok" },
    { "0", "number 0 1:1 <0> 0\nok" },
    { "\n-1.5e2\t", "number 0 2:1 <-1.5e2> -150\nok" },
    { "\"\"", "string 0 1:1 <>\nok" },
    { "true", "true 0 1:1\nok" },
    { "[1,2.50,-0]",
      "[ 0 1:1\nnumber 1 1:2 <1> 1\nnumber 1 1:4 <2.50> 2.5\n"
      "number 1 1:9 <-0> -0\n] 0 1:11\nok" },
    { "{\"a\":[null,false],\r\n \"\":{}}",
      "{ 0 1:1\nkey 1 1:2 <a>\n[ 1 1:6\nnull 2 1:7\nfalse 2 1:12\n"
      "] 1 1:17\nkey 1 2:2 <>\n{ 1 2:5\n} 1 2:6\n} 0 2:7\nok" },
    { "[\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"]",
      "[ 0 1:1\nstring 1 1:2 <a\"\\/\b\f\n\r\tz>\n] 0 1:22\nok" },
    { "\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\\u0021\"",
      "string 0 1:1 <A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!>\nok" },
    { "[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\", 1]",
      "[ 0 1:1\nstring 1 1:2 <\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f>\n"
      "number 1 1:16 <1> 1\n] 0 1:17\nok" },
};

static const struct { const char *json, *where, *what; } mistakes[] = {
    { "", "line 1, column 1", "ends early: expected a value" },
    { " \n ", "line 2, column 2", "ends early" },
    { "[", "line 1, column 2", "ends early: expected a value or ']'" },
    { "{\"a\"", "line 1, column 5", "ends early: expected ':'" },
    { "{\"a\":", "line 1, column 6", "ends early: expected a value" },
    { "[1", "line 1, column 3", "ends early: expected ','" },
    { "\"abc", "line 1, column 5", "ends early: expected the end of a string" },
    { "\"\\u12", "line 1, column 6", "end of a string" },
    { "\"\xc3", "line 1, column 3", "end of a string" },
    { "[1,]", "line 1, column 4", "expected a value, not ']'" },
    { "[,1]", "line 1, column 2", "not ','" },
    { "{,}", "line 1, column 2", "not ','" },
    { "{\"a\":1,}", "line 1, column 8", "expected a member's name" },
    { "{1:2}", "line 1, column 2", "expected a member's name" },
    { "{'a':1}", "line 1, column 2", "not '''" },
    { "{\"a\" 1}", "line 1, column 6", "expected ':', not '1'" },
    { "{\"a\":}", "line 1, column 6", "expected a value, not '}'" },
    { "{\"a\",1}", "line 1, column 5", "expected ':'" },
    { "[1 2]", "line 1, column 4", "expected ','" },
    { "[1:2]", "line 1, column 3", "expected ','" },
    { "[1}", "line 1, column 3", "not '}'" },
    { "{\"a\":1]", "line 1, column 7", "not ']'" },
    { "]", "line 1, column 1", "not ']'" },
    { "1 2", "line 1, column 3", "expected nothing more" },
    { "[]\n[]", "line 2, column 1", "expected nothing more" },
    { "[]x", "line 1, column 3", "expected nothing more, not 'x'" },
    { "nul", "line 1, column 1", "nul is neither" },
    { "[True]", "line 1, column 2", "True is neither" },
    { "[NaN]", "line 1, column 2", "NaN is neither" },
    { "[-Infinity]", "line 1, column 2", "-Infinity is neither" },
    { "[01]", "line 1, column 2", "01 is neither" },
    { "[+1]", "line 1, column 2", "+1 is neither" },
    { "[.5]", "line 1, column 2", ".5 is neither" },
    { "[5.]", "line 1, column 2", "5. is neither" },
    { "[0x10]", "line 1, column 2", "0x10 is neither" },
    { "[1,\n 1e999]", "line 2, column 2", "the number 1e999 is too large" },
    { "[1] // no", "line 1, column 5", "not '/'" },
    { "/* no */ 1", "line 1, column 1", "not '/'" },
    { "\xef\xbb\xbf[1]", "line 1, column 1", "byte order mark" },
    { "[\xef\xbb\xbf]", "line 1, column 2", "byte 0xef" },
    { "[\x01]", "line 1, column 2", "byte 0x01" },
    { "[\f1]", "line 1, column 2", "byte 0x0c" },
    { "\"a\nb\"", "line 1, column 3", "byte 0x0a must be escaped" },
    { "\"a\tb\"", "line 1, column 3", "byte 0x09" },
    { "\"\\x41\"", "line 1, column 3", "unknown escape" },
    { "\"\\u00g0\"", "line 1, column 6", "four hexadecimal digits" },
    { "\"\\u12\"", "line 1, column 6", "four hexadecimal digits" },
    { "\"\\u0000\"", "line 1, column 7", "\\u0000" },
    { "\"\\ud800\"", "line 1, column 8", "half a surrogate pair" },
    { "\"\\ud800x\"", "line 1, column 8", "half a surrogate pair" },
    { "\"\\ud800\\n\"", "line 1, column 9", "half a surrogate pair" },
    { "\"\\ud800\\u0041\"", "line 1, column 13", "half a surrogate pair" },
    { "\"\\ud800\\ud800\"", "line 1, column 13", "half a surrogate pair" },
    { "\"\\udc00\"", "line 1, column 7", "half a surrogate pair" },
    { "\"\xff\"", "line 1, column 2", "not valid UTF-8" },
    { "\"\x80\"", "line 1, column 2", "not valid UTF-8" },
    { "\"ab\xc0\xaf\"", "line 1, column 4", "not valid UTF-8" },
    { "\"\xe0\x80\xaf\"", "line 1, column 2", "not valid UTF-8" },
    { "\"\xed\xa0\x80\"", "line 1, column 2", "not valid UTF-8" },
    { "\"\xf4\x90\x80\x80\"", "line 1, column 2", "not valid UTF-8" },
    { "\"\xc3\"\"", "line 1, column 2", "not valid UTF-8" },
};
/* clang-format on */

START_TEST(documents_are_read)
{
    const char *s = documents[_i].json;

    assert_same(documents[_i].transcript, read_every_way(s, strlen(s)));
}
END_TEST

START_TEST(mistakes_are_told)
{
    const char *s = mistakes[_i].json;
    char       *whole = read_every_way(s, strlen(s));
    const char *last = strrchr(whole, '\n');

    last = last != NULL ? last + 1 : whole;
    ck_assert_msg(strncmp(last, "malformed: ", 11) == 0, "%s: %s", s, last);
    ck_assert_msg(
        strncmp(last + 11, mistakes[_i].where, strlen(mistakes[_i].where)) == 0,
        "%s: %s, not at %s", s, last, mistakes[_i].where);
    ck_assert_msg(strstr(last, mistakes[_i].what) != NULL, "%s: %s", s, last);
    free(whole);
}
END_TEST

/* A raw NUL is refused wherever it stands. */
START_TEST(nul_is_refused)
{
    static const char document[] = "{\"ab\": [1, true, \"x\"]}";

    for (size_t i = 0; i < sizeof(document); i++) {
        char  text[sizeof(document)];
        char *whole;

        memcpy(text, document, i);
        text[i] = '\0';
        memcpy(text + i + 1, document + i, sizeof(document) - 1 - i);
        whole = read_every_way(text, sizeof(text));
        ck_assert_ptr_nonnull(strstr(whole, "malformed: line 1, column"));
        free(whole);
    }
}
END_TEST

START_TEST(depth_has_a_limit)
{
    char  text[2 * JSON_MAX_DEPTH + 2];
    char *whole;

    memset(text, '[', JSON_MAX_DEPTH);
    memset(text + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
    whole = read_cut(text, 2 * JSON_MAX_DEPTH, 5, 50, 0);
    ck_assert_str_eq(strrchr(whole, '\n') + 1, "ok");
    free(whole);

    memset(text, '[', JSON_MAX_DEPTH + 1);
    whole = read_cut(text, JSON_MAX_DEPTH + 1, 5, 20, 0);
    ck_assert_ptr_nonnull(
        strstr(whole, "malformed: line 1, column 33: nested more than 32"));
    free(whole);
}
END_TEST

/* A string, and a number, of the greatest length and of one byte more. */
START_TEST(tokens_have_a_limit)
{
    static char text[JSON_MAX_TOKEN + 8];

    for (int is_string = 0; is_string < 2; is_string++) {
        for (size_t n = JSON_MAX_TOKEN; n <= JSON_MAX_TOKEN + 1; n++) {
            size_t len = 0;
            char  *whole;

            text[len++] = is_string ? '"' : '[';
            memset(text + len, '0', n);
            if (!is_string)
                memcpy(text + len, "0.", 2);
            len += n;
            text[len++] = is_string ? '"' : ']';
            whole = read_cut(text, len, 0, 0, 0);
            ck_assert(n == JSON_MAX_TOKEN
                          ? strcmp(strrchr(whole, '\n') + 1, "ok") == 0
                          : strstr(whole, "longer than") != NULL);
            assert_same(whole, read_cut(text, len, n / 2, len - 2, 0));
            assert_same(whole, read_bytewise(text, len));
            free(whole);
        }
    }
}
END_TEST

START_TEST(the_receiver_can_stop)
{
    static const char text[] = "{\"a\":[1,true,\"x\"]}";
    const size_t      n = sizeof(text) - 1;

    for (unsigned stop_at = 1; stop_at <= 8; stop_at++) {
        char *whole = read_cut(text, n, 0, 0, stop_at);

        ck_assert_str_eq(strstr(whole, "conflict"), "conflict: /here: enough");
        for (size_t a = 0; a <= n; a++)
            assert_same(whole, read_cut(text, n, a, n, stop_at));
        free(whole);
    }
}
END_TEST

Suite *
suite_base_json(void)
{
    Suite *s = suite_create("base/json");
    TCase *t = tcase_create("reader");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, documents_are_read, 0, (int)COUNT_OF(documents));
    tcase_add_loop_test(t, mistakes_are_told, 0, (int)COUNT_OF(mistakes));
    tcase_add_test(t, nul_is_refused);
    tcase_add_test(t, depth_has_a_limit);
    tcase_add_test(t, tokens_have_a_limit);
    tcase_add_test(t, the_receiver_can_stop);
    suite_add_tcase(s, t);
    return s;
}
