/*
 * base_gunzip.c - gzip undone in pieces, and done at once
 */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/buf.h"
#include "base/gunzip.h"
#include "base/gzip.h"
#include "base/mem.h"
#include "base/random.h"
#include "base_suites.h"

/* printf 'hello\n' | gzip -n */
static const unsigned char hello[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xe7, 0x02, 0x00,
    0x20, 0x30, 0x3a, 0x36, 0x06, 0x00, 0x00, 0x00,
};

struct sink {
    struct buf text;
    unsigned   n_calls, stop_at; /* refuse this call, from 1; 0: none */
};

static enum err
collect(void *arg, const void *p, size_t n, struct errinfo *e)
{
    struct sink *s = arg;

    if (++s->n_calls == s->stop_at)
        return err_set(e, ERR_CONFLICT, "", "enough");
    ck_assert_uint_gt(n, 0);
    ck_assert_uint_le(n, 64 * KIB);
    buf_append(&s->text, p, n);
    return ERR_OK;
}

/* Unpack p[0..n) in pieces of `piece` bytes, each from its own block. */
static enum err
unpack(struct sink *s, const void *p, size_t n, size_t piece, uint64_t max_out,
       struct errinfo *e)
{
    struct gunzip *g = NULL;
    enum err       rc;

    ck_assert_int_eq(gunzip_new(collect, s, max_out, &g, e), ERR_OK);
    rc = gunzip_feed(g, p, 0, e);
    for (size_t i = 0; i < n && rc == ERR_OK; i += piece) {
        size_t part = n - i < piece ? n - i : piece;
        char  *copy = mem_array(part, 1, 0);

        memcpy(copy, (const char *)p + i, part);
        rc = gunzip_feed(g, copy, part, e);
        free(copy);
    }
    if (rc == ERR_OK)
        rc = gunzip_end(g, e);
    else
        ck_assert_int_eq(gunzip_feed(g, p, 1, NULL), rc); /* it sticks */
    ck_assert_int_eq(gunzip_end(g, NULL), rc);
    gunzip_free(g);
    return rc;
}

static void
assert_unpacks(const void *p, size_t n, size_t piece, const char *expected,
               size_t len)
{
    struct sink    s = { 0 };
    struct errinfo e;

    err_clear(&e);
    ck_assert_int_eq(unpack(&s, p, n, piece, 0, &e), ERR_OK);
    ck_assert_uint_eq(s.text.len, len);
    ck_assert_mem_eq(s.text.data, expected, len);
    buf_release(&s.text);
}

static enum err
code_of(const void *p, size_t n, size_t piece)
{
    struct sink    s = { 0 };
    struct errinfo e;
    enum err       rc;

    err_clear(&e);
    rc = unpack(&s, p, n, piece, 0, &e);
    ck_assert_int_eq(e.code, rc);
    buf_release(&s.text);
    return rc;
}

/* p[0..n) as one gzip member; window_bits 15: as a bare zlib stream. */
static unsigned char *
pack(const void *p, size_t n, int window_bits, size_t *out_len)
{
    z_stream       z = { 0 };
    unsigned char *out;
    size_t         size;

    ck_assert_int_eq(
        deflateInit2(&z, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY),
        Z_OK);
    size = deflateBound(&z, n);
    out = mem_array(size, 1, 0);
    z.next_in = (unsigned char *)p;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = (uInt)size;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    *out_len = z.total_out;
    deflateEnd(&z);
    return out;
}

START_TEST(members_are_one_stream)
{
    unsigned char two[2 * sizeof(hello)];

    memcpy(two, hello, sizeof(hello));
    memcpy(two + sizeof(hello), hello, sizeof(hello));
    for (size_t piece = 1; piece <= sizeof(two); piece++) {
        assert_unpacks(hello, sizeof(hello), piece, "hello\n", 6);
        assert_unpacks(two, sizeof(two), piece, "hello\nhello\n", 12);
    }
}
END_TEST

/* 300,000 bytes that pack badly, and as many that pack well. */
START_TEST(large_streams_come_in_pieces)
{
    const struct random_at at = { .seed = 3, .purpose = RANDOM_TEST };
    const size_t           n = 300000;
    char                  *plain = mem_array(n, 1, 0);

    for (int noisy = 0; noisy < 2; noisy++) {
        unsigned char *packed;
        size_t         len;

        for (size_t i = 0; i < n && noisy; i++)
            plain[i] = (char)random_u32(&at, (uint32_t)i);
        packed = pack(plain, n, 15 + 16, &len);
        assert_unpacks(packed, len, 1, plain, n);
        assert_unpacks(packed, len, 1000, plain, n);
        assert_unpacks(packed, len, len, plain, n);
        free(packed);
    }
    free(plain);
}
END_TEST

START_TEST(what_is_cut_short_is_refused)
{
    for (size_t n = 0; n < sizeof(hello); n++)
        ck_assert_int_eq(code_of(hello, n, 1 + n / 2), ERR_MALFORMED);
}
END_TEST

/* Bytes 3 to 9 are flags, time and system: nearly anything goes there. */
START_TEST(what_is_damaged_is_refused)
{
    for (size_t i = 0; i < sizeof(hello); i++) {
        unsigned char bad[sizeof(hello)];

        if (i >= 3 && i <= 9)
            continue;
        memcpy(bad, hello, sizeof(hello));
        bad[i] ^= 0x01;
        ck_assert_int_eq(code_of(bad, sizeof(bad), sizeof(bad)), ERR_MALFORMED);
        ck_assert_int_eq(code_of(bad, sizeof(bad), 1), ERR_MALFORMED);
    }
}
END_TEST

START_TEST(what_is_no_gzip_is_refused)
{
    unsigned char  tail[sizeof(hello) + 1] = { 0 };
    unsigned char *bare;
    size_t         len;

    ck_assert_int_eq(code_of("a,b\n1,2\n", 8, 8), ERR_MALFORMED);
    memcpy(tail, hello, sizeof(hello));
    ck_assert_int_eq(code_of(tail, sizeof(tail), 1), ERR_MALFORMED);
    bare = pack("hello\n", 6, 15, &len);
    ck_assert_int_eq(code_of(bare, len, len), ERR_MALFORMED);
    free(bare);
}
END_TEST

START_TEST(a_bomb_stays_small)
{
    const size_t   n = 10 * MIB, max = MIB;
    char          *zeros = mem_array(n, 1, 0);
    size_t         len;
    unsigned char *bomb = pack(zeros, n, 15 + 16, &len);
    struct sink    s = { 0 };
    struct errinfo e;

    ck_assert_uint_lt(len, n / 900);
    err_clear(&e);
    ck_assert_int_eq(unpack(&s, bomb, len, len, max, &e), ERR_LIMIT);
    ck_assert_uint_le(s.text.len, max);
    buf_reset(&s.text);
    ck_assert_int_eq(unpack(&s, bomb, len, len, n - 1, &e), ERR_LIMIT);
    buf_reset(&s.text);
    ck_assert_int_eq(unpack(&s, bomb, len, len, n, &e), ERR_OK);
    ck_assert_uint_eq(s.text.len, n);
    buf_release(&s.text);
    free(bomb);
    free(zeros);
}
END_TEST

START_TEST(the_receiver_can_stop)
{
    struct sink    s = { .stop_at = 1 };
    struct errinfo e;

    err_clear(&e);
    ck_assert_int_eq(unpack(&s, hello, sizeof(hello), 26, 0, &e), ERR_CONFLICT);
    ck_assert_str_eq(err_what(&e), "enough");
    ck_assert_uint_eq(s.n_calls, 1);
}
END_TEST

/* At sizes around those where the window grows. */
START_TEST(what_we_pack_is_gzip)
{
    static const size_t sizes[] = { 100,   511,   512,   513,    1024,
                                    32767, 32768, 32769, 3 * MIB };
    char               *text = mem_array(3 * MIB, 1, 0);

    for (size_t i = 0; i < 3 * MIB; i++)
        text[i] = (char)('0' + i / 7 * 2654435761u % 97 % 10);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct buf out = { 0 }, again = { 0 };

        buf_puts(&out, "what was there");
        ck_assert(gzip_pack(text, sizes[i], &out));
        ck_assert_uint_lt(out.len, sizes[i]);
        assert_unpacks(out.data, out.len, out.len, text, sizes[i]);
        ck_assert(gzip_pack(text, sizes[i], &again));
        ck_assert_uint_eq(again.len, out.len);
        ck_assert_mem_eq(again.data, out.data, out.len);
        buf_release(&again);
        buf_release(&out);
    }
    free(text);
}
END_TEST

START_TEST(what_gets_no_shorter_is_not_packed)
{
    struct buf       out = { 0 };
    unsigned char    noise[4096];
    struct random_at at = { .seed = 1 };

    for (uint32_t i = 0; i < sizeof(noise); i++)
        noise[i] = (unsigned char)random_u32(&at, i);
    buf_puts(&out, "as it was");
    ck_assert(!gzip_pack(noise, sizeof(noise), &out));
    ck_assert(!gzip_pack("", 0, &out));
    ck_assert(!gzip_pack("a", 1, &out));
    ck_assert_str_eq(out.data, "as it was");
    buf_release(&out);
}
END_TEST

Suite *
suite_base_gunzip(void)
{
    Suite *s = suite_create("base/gunzip");
    TCase *t = tcase_create("gunzip");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, members_are_one_stream);
    tcase_add_test(t, large_streams_come_in_pieces);
    tcase_add_test(t, what_is_cut_short_is_refused);
    tcase_add_test(t, what_is_damaged_is_refused);
    tcase_add_test(t, what_is_no_gzip_is_refused);
    tcase_add_test(t, a_bomb_stays_small);
    tcase_add_test(t, the_receiver_can_stop);
    tcase_add_test(t, what_we_pack_is_gzip);
    tcase_add_test(t, what_gets_no_shorter_is_not_packed);
    suite_add_tcase(s, t);
    return s;
}
