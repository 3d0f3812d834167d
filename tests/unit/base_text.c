/*
 * base_text.c - utf8, buf, err and json_write
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "base/similar.h"
#include "base/utf8.h"
#include "base_suites.h"

/* Every code point there is, written and read back. */
START_TEST(utf8_knows_every_character)
{
    for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
        char   text[UTF8_MAX];
        size_t len;

        if (cp >= 0xd800 && cp <= 0xdfff)
            continue;
        len = utf8_encode(cp, text);
        if (utf8_char(text, len) != len || utf8_char(text, len - 1) != 0 ||
            utf8_len(text[0]) != len)
            ck_abort_msg("U+%04X of %zu bytes is not recognised", cp, len);
    }
}
END_TEST

/* Bytes that are not UTF-8: bad first bytes, lone and missing tails,
 * overlong forms, surrogates, beyond U+10FFFF. */
static const char *const not_utf8[] = {
    "\x80",
    "\xbf",
    "\xc0\xaf",
    "\xc1\xbf",
    "\xc2",
    "\xc2\x41",
    "\xe0\x80\xaf",
    "\xe0\x9f\xbf",
    "\xe1\x80",
    "\xe1\x80\x41",
    "\xed\xa0\x80",
    "\xed\xbf\xbf",
    "\xf0\x8f\xbf\xbf",
    "\xf0\x90\x80",
    "\xf4\x90\x80\x80",
    "\xf5\x80\x80\x80",
    "\xfe",
    "\xff",
    "\xc2\xc2",
    "\xf0\x90\x80\x41",
};

START_TEST(utf8_refuses)
{
    const char *s = not_utf8[_i];
    char        text[64];

    ck_assert_uint_eq(utf8_char(s, strlen(s)), 0);
    snprintf(text, sizeof(text), "a%sz", s);
    ck_assert(!utf8_valid(text, strlen(text)));
    utf8_repair(text);
    ck_assert(utf8_valid(text, strlen(text)));
    ck_assert_uint_eq(strlen(text), strlen(s) + 2);
    ck_assert_int_eq(text[0], 'a');
    ck_assert_int_eq(text[strlen(text) - 1], 'z');
}
END_TEST

START_TEST(utf8_repairs_only_what_is_broken)
{
    char text[] = "caf\xc3\xa9 \xff \xf0\x9f\x98\x80\xe2\x82";

    utf8_repair(text);
    ck_assert_str_eq(text, "caf\xc3\xa9 ? \xf0\x9f\x98\x80??");
}
END_TEST

START_TEST(buf_grows)
{
    struct buf b = { 0 };
    size_t     len;
    char      *s;

    for (int i = 0; i < 1000; i++) {
        buf_printf(&b, "%03d", i);
        buf_puts(&b, "-");
        buf_putc(&b, '+');
        buf_append(&b, NULL, 0);
    }
    ck_assert(!b.failed);
    ck_assert_uint_eq(b.len, 5000);
    ck_assert_int_eq(b.data[b.len], '\0');
    ck_assert_mem_eq(b.data + 4995, "999-+", 6);

    s = buf_steal(&b, &len);
    ck_assert_uint_eq(len, 5000);
    ck_assert_ptr_null(b.data);
    ck_assert_uint_eq(b.len, 0);
    free(s);
    buf_release(&b);
}
END_TEST

START_TEST(buf_takes_exactly_its_limit)
{
    struct buf b;

    buf_init(&b, 100);
    for (int i = 0; i < 100; i++)
        buf_putc(&b, 'x');
    ck_assert(!b.failed);
    ck_assert_uint_eq(strlen(b.data), 100);
    buf_putc(&b, 'x');
    ck_assert(b.failed);
    buf_puts(&b, ""); /* nothing more, however small */
    ck_assert_ptr_null(buf_reserve(&b, 0));
    ck_assert_uint_eq(b.len, 100);
    ck_assert_ptr_null(buf_steal(&b, NULL));

    ck_assert_uint_eq(b.max, 100); /* ready to be used again */
    buf_puts(&b, "again");
    ck_assert_str_eq(b.data, "again");
    buf_reset(&b);
    ck_assert_str_eq(b.data, "");
    ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX));
    buf_reset(&b);
    ck_assert_ptr_nonnull(buf_reserve(&b, 100));
    buf_release(&b);
}
END_TEST

START_TEST(buf_that_is_empty_gives_an_empty_text)
{
    struct buf b = { 0 };
    size_t     len = 7;
    char      *s = buf_steal(&b, &len);

    ck_assert_str_eq(s, "");
    ck_assert_uint_eq(len, 0);
    free(s);
}
END_TEST

START_TEST(err_keeps_the_first_code_and_all_items)
{
    struct errinfo e;

    err_clear(&e);
    ck_assert_str_eq(err_slug(&e), "ok");
    ck_assert_int_eq(err_add(&e, ERR_INVALID, "/a", "is %d", 1), ERR_INVALID);
    ck_assert_int_eq(err_add(&e, ERR_LIMIT, "/b", "is %d", 2), ERR_INVALID);
    ck_assert_uint_eq(e.n, 2);
    ck_assert_str_eq(e.item[1].where, "/b");
    ck_assert_str_eq(e.item[1].what, "is 2");
    ck_assert_str_eq(err_what(&e), "is 1");
    ck_assert_str_eq(err_slug(&e), "invalid");

    for (int i = 0; i < 20; i++)
        err_add(&e, ERR_INVALID, "", "more");
    ck_assert_uint_eq(e.n, ERR_MAX_ITEMS);
    ck_assert_uint_eq(e.n_more, 22 - ERR_MAX_ITEMS);

    ck_assert_int_eq(err_named(&e, ERR_INVALID, "dead_unit"), ERR_INVALID);
    ck_assert_str_eq(err_slug(&e), "dead_unit");
    ck_assert_int_eq(err_set(&e, ERR_IO, NULL, "disk"), ERR_IO);
    ck_assert_int_eq(e.code, ERR_IO);
    ck_assert_uint_eq(e.n, 1);
    ck_assert_uint_eq(e.n_more, 0);
    ck_assert_str_eq(e.item[0].where, "");
    ck_assert_str_eq(err_slug(&e), "io_error");
}
END_TEST

START_TEST(err_puts_lists_together)
{
    struct errinfo all, more;

    err_clear(&all);
    err_named(&more, err_set(&more, ERR_INVALID, "/a", "is 1"), "odd");
    ck_assert_int_eq(err_append(&all, &more), ERR_INVALID);
    ck_assert_str_eq(err_slug(&all), "odd");
    err_set(&more, ERR_LIMIT, "/b", "is 2");
    ck_assert_int_eq(err_append(&all, &more), ERR_INVALID);
    ck_assert_uint_eq(all.n, 2);
    ck_assert_str_eq(all.item[1].where, "/b");
    for (int i = 0; i < 20; i++)
        err_append(&all, &more);
    ck_assert_uint_eq(all.n, ERR_MAX_ITEMS);
    ck_assert_uint_eq(all.n_more, 22 - ERR_MAX_ITEMS);
    ck_assert_int_eq(err_append(NULL, &more), ERR_LIMIT);
}
END_TEST

START_TEST(err_accepts_null)
{
    err_clear(NULL);
    ck_assert_int_eq(err_set(NULL, ERR_IO, "", "x"), ERR_IO);
    ck_assert_int_eq(err_add(NULL, ERR_IO, "", "x"), ERR_IO);
    ck_assert_int_eq(err_named(NULL, ERR_IO, "x"), ERR_IO);
    ck_assert_str_ne(err_what(NULL), "");
    ck_assert_str_eq(err_slug(NULL), "ok");
}
END_TEST

/* What a client sent may be quoted, cut, and sent back as JSON. */
START_TEST(err_texts_are_valid_utf8)
{
    struct errinfo e;
    char           text[1200];

    for (size_t lead = 0; lead < 4; lead++) {
        memset(text, 'a', lead);
        for (size_t i = lead; i + 3 < sizeof(text); i += 3)
            memcpy(text + i, "\xe2\x82\xac", 4);
        err_set(&e, ERR_INVALID, text, "%s", text);
        ck_assert(utf8_valid(e.item[0].what, strlen(e.item[0].what)));
        ck_assert(utf8_valid(e.item[0].where, strlen(e.item[0].where)));
        ck_assert_uint_ge(strlen(e.item[0].what), 218);
        ck_assert_str_eq(e.item[0].what + strlen(e.item[0].what) - 3, "...");
    }
    err_set(&e, ERR_INVALID, "/\xff", "column \xc3\x28");
    ck_assert_str_eq(e.item[0].where, "/?");
    ck_assert_str_eq(e.item[0].what, "column ?(");

    err_set(&e, ERR_INVALID, e.item[0].where, "row 3: %s", err_what(&e));
    ck_assert_str_eq(e.item[0].where, "/?");
    ck_assert_str_eq(e.item[0].what, "row 3: column ?(");
}
END_TEST

START_TEST(err_codes_have_their_own_slugs)
{
    for (int i = 0; i < ERR_COUNT; i++) {
        ck_assert_str_ne(err_code_slug((enum err)i), "unknown");
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(err_code_slug((enum err)i),
                             err_code_slug((enum err)k));
    }
}
END_TEST

START_TEST(json_write_escapes)
{
    static const char text[] = "a\"b\\c\n\x01\x7f\0\xc3\xa9\xff\xed\xa0\x80z";
    struct buf        b = { 0 };

    json_write_string(&b, text, sizeof(text) - 1);
    ck_assert_str_eq(b.data, "\"a\\\"b\\\\c\\u000a\\u0001\\u007f\\u0000"
                             "\xc3\xa9\\ufffd\\ufffd\\ufffd\\ufffdz\"");
    buf_reset(&b);
    json_write_string(&b, "", 0);
    ck_assert_str_eq(b.data, "\"\"");
    buf_release(&b);
}
END_TEST

START_TEST(json_write_numbers)
{
    static const float x[] = { 1, 2.5f, -0.1f, 1e30f, __builtin_nanf(""), 0 };
    struct buf         b = { 0 };

    json_write_rows(&b, x, 2, 3);
    ck_assert_str_eq(b.data, "[[1,2.5,-0.1],[1e30,null,0]]");
    buf_reset(&b);
    json_write_floats(&b, x, 0);
    ck_assert_str_eq(b.data, "[]");
    buf_release(&b);
}
END_TEST

START_TEST(json_write_points)
{
    char at[16];

    json_write_pointer(at, sizeof(at), "", "a/b~c");
    ck_assert_str_eq(at, "/a~1b~0c");
    json_write_pointer(at, sizeof(at), "/rows/1", "abcdefghijk");
    ck_assert_int_eq(strncmp(at, "/rows/1/abcdefghijk", strlen(at)), 0);
    ck_assert_uint_lt(strlen(at), sizeof(at));
    json_write_pointer(at, sizeof(at), "/longer/than/there/is", "room");
    ck_assert_uint_lt(strlen(at), sizeof(at));
}
END_TEST

static const struct {
    const char *written, *name;
    unsigned    distance;
} similar[] = {
    { "epochs", "epochs", 0 },
    { "Epochs", "epochs", 0 },
    { "epoch", "epochs", 1 }, /* the one begins with the other */
    { "validation_split", "validation", 1 },
    { "ab", "abcdef", SIMILAR_NOT }, /* too short to say */
    { "scedule", "schedule", 1 },
    { "shcedule", "schedule", 2 },
    { "size", "sise", 1 },
    { "x", "y", SIMILAR_NOT },
    { "", "a", SIMILAR_NOT },
    { "loss", "keep", SIMILAR_NOT },
    { "1234567890123456789012345678901234567890123456789012345678901234", "1",
      SIMILAR_NOT },
};

START_TEST(similar_counts_edits)
{
    ck_assert_uint_eq(similar_distance(similar[_i].written, similar[_i].name),
                      similar[_i].distance);
    ck_assert_uint_eq(similar_distance(similar[_i].name, similar[_i].written),
                      similar[_i].distance);
}
END_TEST

Suite *
suite_base_text(void)
{
    Suite *s = suite_create("base/text");
    TCase *t = tcase_create("utf8");

    tcase_add_test(t, utf8_knows_every_character);
    tcase_add_loop_test(t, utf8_refuses, 0, (int)COUNT_OF(not_utf8));
    tcase_add_test(t, utf8_repairs_only_what_is_broken);
    suite_add_tcase(s, t);

    t = tcase_create("buf");
    tcase_add_test(t, buf_grows);
    tcase_add_test(t, buf_takes_exactly_its_limit);
    tcase_add_test(t, buf_that_is_empty_gives_an_empty_text);
    suite_add_tcase(s, t);

    t = tcase_create("err");
    tcase_add_test(t, err_keeps_the_first_code_and_all_items);
    tcase_add_test(t, err_puts_lists_together);
    tcase_add_test(t, err_accepts_null);
    tcase_add_test(t, err_texts_are_valid_utf8);
    tcase_add_test(t, err_codes_have_their_own_slugs);
    suite_add_tcase(s, t);

    t = tcase_create("json_write");
    tcase_add_test(t, json_write_escapes);
    tcase_add_test(t, json_write_numbers);
    tcase_add_test(t, json_write_points);
    suite_add_tcase(s, t);

    t = tcase_create("similar");
    tcase_add_loop_test(t, similar_counts_edits, 0, (int)COUNT_OF(similar));
    suite_add_tcase(s, t);
    return s;
}
