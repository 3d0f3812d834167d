#include "http/guard.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include <microhttpd.h>

#include "base/mem.h"
#include "base/num.h"
#include "http/origin.h"

/* clang-format off */
static const struct http_refusal
    bad_header = { 400, ERR_MALFORMED, "bad_header",
        "a header's name or value has characters that do not belong there" },
    bad_target = { 400, ERR_MALFORMED, "bad_target",
        "the request's target must be a path such as /v1, without blanks, "
        "control characters or %00" },
    no_host = { 400, ERR_MALFORMED, "no_host",
        "HTTP/1.1 needs a Host header" },
    twice = { 400, ERR_MALFORMED, "repeated_header",
        "a header that may be there once is there twice" },
    two_lengths = { 400, ERR_MALFORMED, "two_lengths",
        "Content-Length and Transfer-Encoding exclude each other" },
    old_chunks = { 400, ERR_MALFORMED, "bad_transfer_encoding",
        "HTTP/1.0 has no Transfer-Encoding" },
    coding = { 501, ERR_UNSUPPORTED, "unknown_transfer_encoding",
        "the only Transfer-Encoding here is chunked" },
    expectation = { 417, ERR_MALFORMED, "expectation_failed",
        "the only Expect here is 100-continue" },
    stranger = { 421, ERR_MALFORMED, "misdirected_request",
        "this is no name of ours: localhost, 127.0.0.1 and [::1] are, and "
        "what allowed_hosts lists" };

#define KNOWN(name) name, sizeof(name) - 1
static const struct {
    const char *name;
    size_t      len;
    size_t      offset;
    bool        once; /* a second one is refused, not ignored */
} known[] = {
    { KNOWN("Accept"),            offsetof(struct http_head, accept),            false },
    { KNOWN("Accept-Encoding"),   offsetof(struct http_head, accept_encoding),   false },
    { KNOWN("Authorization"),     offsetof(struct http_head, authorization),     true  },
    { KNOWN("Content-Encoding"),  offsetof(struct http_head, content_encoding),  true  },
    { KNOWN("Content-Length"),    offsetof(struct http_head, content_length),    true  },
    { KNOWN("Content-Type"),      offsetof(struct http_head, content_type),      true  },
    { KNOWN("Expect"),            offsetof(struct http_head, expect),            true  },
    { KNOWN("Host"),              offsetof(struct http_head, host),              true  },
    { KNOWN("If-Match"),          offsetof(struct http_head, if_match),          false },
    { KNOWN("Origin"),            offsetof(struct http_head, origin),            true  },
    { KNOWN("Transfer-Encoding"), offsetof(struct http_head, transfer_encoding), true  },
    { KNOWN("X-Request-Id"),      offsetof(struct http_head, request_id),        false },
};
/* clang-format on */

struct reading {
    struct http_head          *head;
    const struct http_refusal *refusal;
};

/* Where a character may stand. */
enum { NAME = 1, VALUE = 2, TARGET = 4 };

/* clang-format off */
static const unsigned char stands_in[256] = {
    ['\t'] = VALUE, [' '] = VALUE,
    ['!'] = NAME | VALUE | TARGET, ['"'] = VALUE | TARGET,
    ['#' ... '\''] = NAME | VALUE | TARGET, ['(' ... ')'] = VALUE | TARGET,
    ['*' ... '+'] = NAME | VALUE | TARGET, [','] = VALUE | TARGET,
    ['-' ... '.'] = NAME | VALUE | TARGET, ['/'] = VALUE | TARGET,
    ['0' ... '9'] = NAME | VALUE | TARGET, [':' ... '@'] = VALUE | TARGET,
    ['A' ... 'Z'] = NAME | VALUE | TARGET, ['[' ... ']'] = VALUE | TARGET,
    ['^' ... 'z'] = NAME | VALUE | TARGET, ['{'] = VALUE | TARGET,
    ['|'] = NAME | VALUE | TARGET, ['}'] = VALUE | TARGET,
    ['~'] = NAME | VALUE | TARGET, [0x80 ... 0xff] = VALUE | TARGET,
};
/* clang-format on */

static bool
all_stand_in(const char *s, size_t len, unsigned where)
{
    for (size_t i = 0; i < len; i++)
        if ((stands_in[(unsigned char)s[i]] & where) == 0)
            return false;
    return true;
}

/* RFC 9110's tchar: what a header's name is made of.  The blank before a colon
 * ("Content-Length : 5") is caught here. */
static bool
is_token(const char *s, size_t len)
{
    return len > 0 && all_stand_in(s, len, NAME);
}

/* Its place in known[], or how many there are. */
static size_t
known_header(const char *name, size_t len)
{
    size_t i = 0;

    while (i < COUNT_OF(known) &&
           (known[i].len != len || strcasecmp(known[i].name, name) != 0))
        i++;
    return i;
}

static enum MHD_Result
read_header(void *cls, enum MHD_ValueKind kind, const char *name,
            size_t name_len, const char *value, size_t value_len)
{
    struct reading *r = cls;
    size_t          i = known_header(name, name_len);
    const char    **slot;

    (void)kind;
    if ((i == COUNT_OF(known) && !is_token(name, name_len)) ||
        !all_stand_in(value, value_len, VALUE)) {
        r->refusal = &bad_header;
        return MHD_NO;
    }
    if (i == COUNT_OF(known))
        return MHD_YES;
    slot = (const char **)((char *)r->head + known[i].offset);
    if (*slot == NULL) {
        *slot = value != NULL ? value : "";
    } else if (known[i].once) {
        r->refusal = &twice;
        return MHD_NO;
    }
    return MHD_YES;
}

/* "/path?query", or "*", in plain characters. */
static bool
is_clean_target(const char *raw)
{
    if (raw[0] != '/' && strcmp(raw, "*") != 0)
        return false;
    for (const char *p = raw; *p != '\0'; p++)
        if ((stands_in[(unsigned char)*p] & TARGET) == 0 ||
            (*p == '%' && p[1] == '0' && p[2] == '0'))
            return false;
    return true;
}

/* Is this Host a name of this machine to itself?  A page that a browser loaded
 * from elsewhere can point its own name here, but not send another Host. */
static bool
is_own_name(const char *host)
{
    size_t   len = strcspn(host, host[0] == '[' ? "]" : ":");
    uint64_t port;

    if (host[0] == '[') {
        if (strncmp(host, "[::1]", 5) != 0)
            return false;
        len = 5;
    } else if (!(len == 9 && strncasecmp(host, "localhost", len) == 0) &&
               !(strncmp(host, "127.", 4) == 0 &&
                 strspn(host, "0123456789.") == len)) {
        return false;
    }
    return host[len] == '\0' ||
           (host[len] == ':' &&
            num_parse_u64(host + len + 1, strlen(host + len + 1), &port));
}

static const struct http_refusal *
check_framing(struct http_head *head, bool is_1_0)
{
    if (head->transfer_encoding != NULL) {
        if (head->content_length != NULL)
            return &two_lengths;
        if (is_1_0)
            return &old_chunks;
        if (strcasecmp(head->transfer_encoding, "chunked") != 0)
            return &coding;
        head->chunked = true;
    } else if (head->content_length != NULL) {
        /* libmicrohttpd has read it before and would have refused it. */
        if (!num_parse_u64(head->content_length, strlen(head->content_length),
                           &head->length))
            return &bad_header;
    }
    return NULL;
}

const struct http_refusal *
http_guard_check(struct MHD_Connection *connection, const char *version,
                 const char *raw, const char *hosts, struct http_head *out)
{
    struct http_head           head = { 0 };
    struct reading             reading = { &head, NULL };
    const struct http_refusal *refusal;
    bool                       is_1_0 = strcmp(version, "HTTP/1.0") == 0;

    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, read_header,
                                &reading);
    *out = head; /* also of a refused request: it has an id to answer with */
    if (reading.refusal != NULL)
        return reading.refusal;
    if ((refusal = check_framing(&head, is_1_0)) != NULL)
        return refusal;
    if (!is_clean_target(raw))
        return &bad_target;
    if (head.host == NULL && !is_1_0)
        return &no_host;
    if (hosts != NULL && head.host != NULL && !is_own_name(head.host) &&
        !http_host_is_listed(hosts, head.host))
        return &stranger;
    if (head.expect != NULL) {
        if (strcasecmp(head.expect, "100-continue") != 0)
            return &expectation;
        head.expects_continue = !is_1_0;
    }
    *out = head;
    return NULL;
}
