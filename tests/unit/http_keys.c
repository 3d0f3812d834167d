/* http_keys.c - keys, their file, and wrong ones slowed */
#include "http/keys.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http_suites.h"

#include "base/mem.h"

static char path[64];

static void
setup(void)
{
    snprintf(path, sizeof(path), "keys-%ld", (long)getpid());
}

static void
teardown(void)
{
    unlink(path);
}

static enum err
allow(struct http_keys *keys, const char *text, enum http_scope scope,
      struct http_request *out)
{
    struct http_route route = { .scope = scope };
    char              header[128];

    *out = (struct http_request){ .route = &route };
    snprintf(header, sizeof(header), "Bearer %s", text);
    return http_keys_allow(keys, out, header, NULL);
}

START_TEST(a_key_opens_what_its_scope_has)
{
    static const enum http_scope scopes[] = { HTTP_PUBLIC, HTTP_PREDICT,
                                              HTTP_TRAIN, HTTP_ADMIN };
    struct http_keys            *keys;
    struct http_request          req;
    struct http_key              row;
    char                         text[HTTP_KEY_SIZE];

    ck_assert_int_eq(http_keys_open(path, &keys, NULL), ERR_OK);
    for (size_t has = 1; has < COUNT_OF(scopes); has++) {
        const char *name = http_scope_word(scopes[has]);

        ck_assert_int_eq(
            http_keys_create(keys, name, scopes[has], text, &row, NULL),
            ERR_OK);
        ck_assert_uint_eq(strlen(text), HTTP_KEY_SIZE - 1);
        for (size_t need = 0; need < COUNT_OF(scopes); need++) {
            ck_assert_int_eq(allow(keys, text, scopes[need], &req),
                             need <= has ? ERR_OK : ERR_FORBIDDEN);
            if (need > 0)
                ck_assert_str_eq(req.key, name);
        }
    }
    http_keys_free(keys);
}
END_TEST

START_TEST(two_that_share_a_file_agree)
{
    struct http_keys   *one, *two;
    struct http_request req;
    struct http_key     row;
    char                text[HTTP_KEY_SIZE];

    ck_assert_int_eq(http_keys_open(path, &one, NULL), ERR_OK);
    ck_assert_int_eq(http_keys_open(path, &two, NULL), ERR_OK);
    ck_assert_int_eq(http_keys_create(one, "a", HTTP_TRAIN, text, &row, NULL),
                     ERR_OK);
    ck_assert_int_eq(allow(two, text, HTTP_TRAIN, &req), ERR_AUTH);
    ck_assert_int_eq(http_keys_refresh(two, NULL), ERR_OK);
    ck_assert_int_eq(allow(two, text, HTTP_TRAIN, &req), ERR_OK);
    ck_assert_int_eq(http_keys_create(two, "a", HTTP_ADMIN, text, &row, NULL),
                     ERR_CONFLICT);
    ck_assert_int_eq(http_keys_revoke(one, "a", NULL), ERR_OK);
    ck_assert_int_eq(http_keys_refresh(two, NULL), ERR_OK);
    ck_assert_uint_eq(http_keys_count(two), 0);
    ck_assert_int_eq(http_keys_revoke(two, "a", NULL), ERR_NOTFOUND);
    unlink(path);
    ck_assert_int_eq(http_keys_refresh(two, NULL), ERR_OK);
    http_keys_free(one);
    http_keys_free(two);
}
END_TEST

START_TEST(every_file_cut_short_is_refused)
{
    struct http_keys *keys = NULL;
    struct http_key   row;
    char              text[HTTP_KEY_SIZE], content[512];
    ssize_t           n;
    int               fd;

    ck_assert_int_eq(http_keys_open(path, &keys, NULL), ERR_OK);
    ck_assert_int_eq(http_keys_create(keys, "a", HTTP_TRAIN, text, &row, NULL),
                     ERR_OK);
    http_keys_free(keys);
    fd = open(path, O_RDWR);
    n = read(fd, content, sizeof(content));
    ck_assert_int_gt(n, 80);
    for (ssize_t len = n - 1; len >= 0; len--) {
        ck_assert_int_eq(ftruncate(fd, len), 0);
        if (len > 0 && content[len - 1] == '\n')
            continue; /* fewer keys, and nothing to see that by */
        ck_assert_int_eq(http_keys_open(path, &keys, NULL), ERR_INVALID);
    }
    close(fd);
}
END_TEST

Suite *
suite_http_keys(void)
{
    Suite *s = suite_create("http_keys");
    TCase *t = tcase_create("keys");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_key_opens_what_its_scope_has);
    tcase_add_test(t, two_that_share_a_file_agree);
    tcase_add_test(t, every_file_cut_short_is_refused);
    suite_add_tcase(s, t);
    return s;
}
