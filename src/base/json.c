#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"

/* What may come next, and how an error calls it. */
enum expect {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END,
    EXPECT_KEY,
    EXPECT_KEY_OR_END,
    EXPECT_COLON,
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING
};

static const char *const expected[] = {
    [EXPECT_VALUE] = "a value",
    [EXPECT_VALUE_OR_END] = "a value or ']'",
    [EXPECT_KEY] = "a member's name in double quotes",
    [EXPECT_KEY_OR_END] = "a member's name in double quotes, or '}'",
    [EXPECT_COLON] = "':'",
    [EXPECT_COMMA_OR_END] = "',' or the end of the array or object",
    [EXPECT_NOTHING] = "nothing more",
};

/* Where the last piece ended, or the byte at hand stands.  LEX_WORD is a
 * number, true, false or null: what it is shows at its end. */
enum lex {
    LEX_BETWEEN,
    LEX_WORD,
    LEX_STRING,
    LEX_CHAR,          /* in a character of several bytes          */
    LEX_ESCAPE,        /* behind a backslash                       */
    LEX_HEX,           /* in the four digits of \u                 */
    LEX_LOW_BACKSLASH, /* a low surrogate must follow: its '\'...  */
    LEX_LOW_U          /* ...and its 'u'                           */
};

enum { BLANK = 1, WORD = 2, PLAIN = 4 };

/* clang-format off */
static const unsigned char class_of[256] = {
    ['\t'] = BLANK, ['\n'] = BLANK, ['\r'] = BLANK, [' '] = BLANK | PLAIN,
    ['!'] = PLAIN, ['#' ... '*'] = PLAIN, [','] = PLAIN, ['/'] = PLAIN,
    [':' ... '@'] = PLAIN, ['['] = PLAIN, [']' ... '`'] = PLAIN,
    ['{' ... 0x7f] = PLAIN,
    ['+'] = WORD | PLAIN, ['-' ... '.'] = WORD | PLAIN,
    ['0' ... '9'] = WORD | PLAIN,
    ['A' ... 'Z'] = WORD | PLAIN, ['a' ... 'z'] = WORD | PLAIN,
};
/* clang-format on */

/* The piece being read. */
struct piece {
    const char *p, *start, *end;
};

static bool
is(char c, unsigned class)
{
    return (class_of[(unsigned char)c] & class) != 0;
}

static uint64_t
offset_of(const struct json_reader *r, const struct piece *in)
{
    return r->offset + (uint64_t)(in->p - in->start);
}

void
json_reader_init(struct json_reader *r, json_token_fn fn, void *arg)
{
    *r = (struct json_reader){
        .fn = fn,
        .arg = arg,
        .line = 1,
        .expect = EXPECT_VALUE,
        .lex = LEX_BETWEEN,
    };
    buf_init(&r->token, JSON_MAX_TOKEN);
}

void
json_reader_restart(struct json_reader *r, uint64_t line)
{
    struct buf token = r->token;

    *r = (struct json_reader){
        .fn = r->fn,
        .arg = r->arg,
        .line = line,
        .expect = EXPECT_VALUE,
        .lex = LEX_BETWEEN,
    };
    buf_reset(&token);
    r->token = token;
}

void
json_reader_release(struct json_reader *r)
{
    buf_release(&r->token);
    *r = (struct json_reader){ 0 };
}

/* A mistake at this offset of the current line. */
__attribute__((format(printf, 4, 5))) static enum err
mistake(const struct json_reader *r, uint64_t offset, struct errinfo *e,
        const char *fmt, ...)
{
    char    where[64], what[160];
    va_list ap;

    snprintf(where, sizeof(where), "line %llu, column %llu",
             (unsigned long long)r->line,
             (unsigned long long)offset - r->line_offset + 1);
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    return err_set(e, ERR_MALFORMED, where, "%s", what);
}

static enum err
unexpected(const struct json_reader *r, const struct piece *in,
           struct errinfo *e)
{
    uint64_t      offset = offset_of(r, in);
    unsigned char c = (unsigned char)*in->p;
    char          found[16];

    if (c == 0xef && offset == 0)
        return mistake(r, offset, e,
                       "JSON must not begin with a byte order mark");
    if (c > 0x20 && c < 0x7f)
        snprintf(found, sizeof(found), "'%c'", c);
    else
        snprintf(found, sizeof(found), "byte 0x%02x", c);
    return mistake(r, offset, e, "expected %s, not %s", expected[r->expect],
                   found);
}

static bool
may_be_value(const struct json_reader *r)
{
    return r->expect == EXPECT_VALUE || r->expect == EXPECT_VALUE_OR_END;
}

static void
after_value(struct json_reader *r)
{
    r->expect = r->depth == 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

static enum err
emit(struct json_reader *r, enum json_event event, double number,
     struct errinfo *e)
{
    struct json_token token = {
        .event = event,
        .text = r->token.data != NULL ? r->token.data : "",
        .len = r->token.len,
        .number = number,
        .depth = r->depth,
        .line = r->line,
        .column = r->token_offset - r->line_offset + 1,
    };

    return r->fn(r->arg, &token, e);
}

static void
begin_token(struct json_reader *r, const struct piece *in, enum lex lex)
{
    r->token_offset = offset_of(r, in);
    r->lex = lex;
    buf_reset(&r->token);
}

static enum err
take(struct json_reader *r, const char *p, size_t n, struct errinfo *e)
{
    if (n > JSON_MAX_TOKEN - r->token.len)
        return mistake(r, r->token_offset, e, "a token is longer than %d bytes",
                       JSON_MAX_TOKEN);
    buf_append(&r->token, p, n);
    if (r->token.failed)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    return ERR_OK;
}

/* Words: numbers, true, false, null. */

static enum err
end_word(struct json_reader *r, struct errinfo *e)
{
    const char     *text = r->token.data;
    size_t          len = r->token.len;
    enum json_event event = JSON_NUMBER;
    double          number = 0;

    r->lex = LEX_BETWEEN;
    after_value(r);
    if (num_parse(text, len, &number))
        event = JSON_NUMBER;
    else if (strcmp(text, "true") == 0)
        event = JSON_TRUE;
    else if (strcmp(text, "false") == 0)
        event = JSON_FALSE;
    else if (strcmp(text, "null") == 0)
        event = JSON_NULL;
    else
        return mistake(r, r->token_offset, e,
                       num_is_number(text, len)
                           ? "the number %.40s is too large"
                           : "%.40s is neither a number nor true, false or "
                             "null",
                       text);
    return emit(r, event, number, e);
}

static enum err
read_word(struct json_reader *r, struct piece *in, struct errinfo *e)
{
    const char *from = in->p;
    enum err    rc;

    while (in->p < in->end && is(*in->p, WORD))
        in->p++;
    rc = take(r, from, (size_t)(in->p - from), e);
    if (rc != ERR_OK || in->p == in->end)
        return rc; /* more of it may come */
    return end_word(r, e);
}

/* Strings. */

static enum err
end_string(struct json_reader *r, struct errinfo *e)
{
    r->lex = LEX_BETWEEN;
    if (may_be_value(r)) {
        after_value(r);
        return emit(r, JSON_STRING, 0, e);
    }
    r->expect = EXPECT_COLON;
    return emit(r, JSON_KEY, 0, e);
}

static enum err
read_plain(struct json_reader *r, struct piece *in, struct errinfo *e)
{
    const char *from = in->p;
    enum err    rc;

    while (in->p < in->end && is(*in->p, PLAIN))
        in->p++;
    rc = take(r, from, (size_t)(in->p - from), e);
    if (rc != ERR_OK || in->p == in->end)
        return rc;
    switch (*in->p) {
    case '"':
        in->p++;
        return end_string(r, e);
    case '\\':
        in->p++;
        r->lex = LEX_ESCAPE;
        return ERR_OK;
    }
    if ((unsigned char)*in->p < 0x20)
        return mistake(r, offset_of(r, in), e, "byte 0x%02x must be escaped",
                       (unsigned char)*in->p);
    r->lex = LEX_CHAR;
    r->n_char = 0;
    return ERR_OK;
}

static enum err
read_char(struct json_reader *r, struct piece *in, struct errinfo *e)
{
    size_t len;

    r->utf8[r->n_char++] = *in->p++;
    len = utf8_len(r->utf8[0]);
    if (r->n_char < len)
        return ERR_OK;
    if (utf8_char(r->utf8, r->n_char) == 0)
        return mistake(r, offset_of(r, in) - r->n_char, e,
                       "a string is not valid UTF-8");
    r->lex = LEX_STRING;
    return take(r, r->utf8, r->n_char, e);
}

static enum err
read_escape(struct json_reader *r, struct piece *in, struct errinfo *e)
{
    static const char written[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    const char       *found;

    if (*in->p == 'u') {
        in->p++;
        r->lex = LEX_HEX;
        r->code_point = 0;
        r->n_hex = 0;
        return ERR_OK;
    }
    found = *in->p != '\0' ? strchr(written, *in->p) : NULL;
    if (found == NULL)
        return mistake(r, offset_of(r, in), e,
                       "a string has an unknown escape");
    in->p++;
    r->lex = LEX_STRING;
    return take(r, &meant[found - written], 1, e);
}

static bool
hex_digit(char c, uint32_t *out)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char       *found = c != '\0' ? strchr(digits, c) : NULL;

    if (found == NULL)
        return false;
    *out = (uint32_t)(found - digits);
    if (*out > 15)
        *out -= 6;
    return true;
}

/* The fourth digit stands at in->p. */
static enum err
end_hex(struct json_reader *r, struct piece *in, struct errinfo *e)
{
    uint32_t cp = r->code_point;
    bool     is_low = cp >= 0xdc00 && cp <= 0xdfff;
    char     text[UTF8_MAX];

    if (cp == 0)
        return mistake(r, offset_of(r, in), e,
                       "a string must not contain \\u0000");
    if (is_low != (r->high != 0))
        return mistake(r, offset_of(r, in), e,
                       "a string has half a surrogate pair");
    in->p++;
    if (cp >= 0xd800 && cp <= 0xdbff) {
        r->high = cp;
        r->lex = LEX_LOW_BACKSLASH;
        return ERR_OK;
    }
    if (is_low)
        cp = 0x10000 + ((r->high - 0xd800) << 10) + (cp - 0xdc00);
    r->high = 0;
    r->lex = LEX_STRING;
    return take(r, text, utf8_encode(cp, text), e);
}

static enum err
read_hex(struct json_reader *r, struct piece *in, struct errinfo *e)
{
    uint32_t digit;

    if (!hex_digit(*in->p, &digit))
        return mistake(r, offset_of(r, in), e,
                       "\\u needs four hexadecimal digits");
    r->code_point = r->code_point << 4 | digit;
    if (++r->n_hex == 4)
        return end_hex(r, in, e);
    in->p++;
    return ERR_OK;
}

static enum err
read_low(struct json_reader *r, struct piece *in, struct errinfo *e)
{
    bool at_u = r->lex == LEX_LOW_U;

    if (*in->p != (at_u ? 'u' : '\\'))
        return mistake(r, offset_of(r, in), e,
                       "a string has half a surrogate pair");
    in->p++;
    r->lex = at_u ? LEX_HEX : LEX_LOW_U;
    r->code_point = 0;
    r->n_hex = 0;
    return ERR_OK;
}

/* Between tokens. */

static enum err
read_begin(struct json_reader *r, struct piece *in, struct errinfo *e)
{
    bool     is_object = *in->p == '{';
    enum err rc;

    if (!may_be_value(r))
        return unexpected(r, in, e);
    begin_token(r, in, LEX_BETWEEN);
    if (r->depth == JSON_MAX_DEPTH)
        return mistake(r, r->token_offset, e, "nested more than %d deep",
                       JSON_MAX_DEPTH);
    in->p++;
    rc = emit(r, is_object ? JSON_BEGIN_OBJECT : JSON_BEGIN_ARRAY, 0, e);
    r->is_object[r->depth++] = is_object;
    r->expect = is_object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
    return rc;
}

static enum err
read_end(struct json_reader *r, struct piece *in, struct errinfo *e)
{
    bool        is_object = *in->p == '}';
    enum expect empty = is_object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;

    if (r->depth == 0 || r->is_object[r->depth - 1] != is_object ||
        (r->expect != EXPECT_COMMA_OR_END && r->expect != (int)empty))
        return unexpected(r, in, e);
    begin_token(r, in, LEX_BETWEEN);
    in->p++;
    r->depth--;
    after_value(r);
    return emit(r, is_object ? JSON_END_OBJECT : JSON_END_ARRAY, 0, e);
}

static enum err
read_between(struct json_reader *r, struct piece *in, struct errinfo *e)
{
    char c = *in->p;

    if (is(c, BLANK)) {
        in->p++;
        if (c == '\n') {
            r->line++;
            r->line_offset = offset_of(r, in);
        }
        return ERR_OK;
    }
    if (is(c, WORD) && may_be_value(r)) {
        begin_token(r, in, LEX_WORD);
        return read_word(r, in, e);
    }
    if (c == '{' || c == '[')
        return read_begin(r, in, e);
    if (c == '}' || c == ']')
        return read_end(r, in, e);
    if (c == ',' && r->expect == EXPECT_COMMA_OR_END)
        r->expect = r->is_object[r->depth - 1] ? EXPECT_KEY : EXPECT_VALUE;
    else if (c == ':' && r->expect == EXPECT_COLON)
        r->expect = EXPECT_VALUE;
    else if (c == '"' && (may_be_value(r) || r->expect == EXPECT_KEY ||
                          r->expect == EXPECT_KEY_OR_END))
        begin_token(r, in, LEX_STRING);
    else
        return unexpected(r, in, e);
    in->p++;
    return ERR_OK;
}

static enum err
read_some(struct json_reader *r, struct piece *in, struct errinfo *e)
{
    switch ((enum lex)r->lex) {
    case LEX_BETWEEN:
        return read_between(r, in, e);
    case LEX_WORD:
        return read_word(r, in, e);
    case LEX_STRING:
        return read_plain(r, in, e);
    case LEX_CHAR:
        return read_char(r, in, e);
    case LEX_ESCAPE:
        return read_escape(r, in, e);
    case LEX_HEX:
        return read_hex(r, in, e);
    case LEX_LOW_BACKSLASH:
    case LEX_LOW_U:
        return read_low(r, in, e);
    }
    return ERR_OK;
}

enum err
json_reader_feed(struct json_reader *r, const void *p, size_t n,
                 struct errinfo *e)
{
    struct piece in = { .p = p, .start = p, .end = p };

    if (n > 0)
        in.end += n;

    while (in.p < in.end && r->failed == ERR_OK)
        r->failed = read_some(r, &in, e);
    r->offset += n;
    return r->failed;
}

enum err
json_reader_end(struct json_reader *r, struct errinfo *e)
{
    if (r->failed == ERR_OK && r->lex == LEX_WORD)
        r->failed = end_word(r, e);
    if (r->failed == ERR_OK &&
        (r->lex != LEX_BETWEEN || r->expect != EXPECT_NOTHING))
        r->failed = mistake(r, r->offset, e, "the JSON ends early: expected %s",
                            r->lex == LEX_BETWEEN ? expected[r->expect]
                                                  : "the end of a string");
    return r->failed;
}
