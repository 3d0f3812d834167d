/*
 * fuzz_http.c - what http/ reads of requests, on bytes that nobody wrote
 *
 * Model    The first byte says which parser; the rest is its text.  A multipart
 *          body goes in whole and byte by byte, and both must tell the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/mem.h"
#include "http/address.h"
#include "http/guard.h"
#include "http/keyfile.h"
#include "http/media.h"
#include "http/multipart.h"
#include "http/origin.h"
#include "http/query.h"
#include "http/route.h"
#include "http/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_route routes[] = {
    { .method = HTTP_GET, .path = "/v1/networks", .query = "limit,after" },
    { .method = HTTP_PUT, .path = "/v1/networks/{name}" },
    { .method = HTTP_POST, .path = "/v1/models/{name}:predict" },
    { .method = HTTP_GET, .path = "/v1/networks/{name}/versions/{v}/weights" },
};

static void
fuzz_query(char *text)
{
    struct http_request req = { .route = &routes[0] };
    uint64_t            n = 0;
    size_t              limit;

    if (http_query_parse(&req, text, NULL) != ERR_OK)
        return;
    http_request_limit(&req, &limit, NULL);
    http_request_query_u64(&req, "after", &n, NULL);
}

static void
fuzz_accept(const char *text)
{
    static const char *const types[] = { "application/json", "text/csv",
                                         "application/octet-stream", NULL };
    struct http_request      req = { .accept = text };
    int                      best = http_request_prefers(&req, types);

    assert(best >= -1 && best < 3);
}

static void
fuzz_route(const char *path)
{
    struct http_span span[HTTP_MAX_ARGS] = { { NULL, 0 } };
    unsigned         allow = 0;

    static struct http_routes table;

    if (table.n == 0 &&
        http_routes_init(&table, routes, COUNT_OF(routes), NULL) != ERR_OK)
        abort();
    if (http_route_find(&table, HTTP_PUT, path, span, &allow) == NULL)
        return;
    for (size_t i = 0; i < HTTP_MAX_ARGS && span[i].p != NULL; i++)
        assert(span[i].p >= path && span[i].len <= strlen(path));
}

/* --- the guard ------------------------------------------------------------ */

/* The headers that libmicrohttpd would tell of; a line each. */
static char *header_lines;

int
MHD_get_connection_values_n(struct MHD_Connection *connection,
                            enum MHD_ValueKind     kind,
                            MHD_KeyValueIteratorN iterator, void *arg)
{
    int n = 0;

    (void)connection;
    for (char *line = header_lines, *end; *line != '\0'; line = end, n++) {
        end = line + strcspn(line, "\n");
        if (*end != '\0')
            *end++ = '\0';
        char *value = strchr(line, ':');
        if (value != NULL)
            *value++ = '\0';
        if (iterator(arg, kind, line, strlen(line), value,
                     value != NULL ? strlen(value) : 0) != MHD_YES)
            break;
    }
    return n;
}

/* How many of the lines are this header. */
static size_t
count_lines(const char *text, const char *name)
{
    size_t n = 0, len = strlen(name);

    for (; text != NULL; text = strchr(text, '\n')) {
        text += *text == '\n';
        n += strncasecmp(text, name, len) == 0 &&
             strchr(":\n", text[len]) != NULL;
    }
    return n;
}

/* The first line is the target, the others are headers. */
static void
fuzz_guard(char *text)
{
    char            *lines = text + strcspn(text, "\n");
    struct http_head head;

    if (*lines == '\0')
        return;
    *lines++ = '\0';
    header_lines = mem_dup(lines, strlen(lines));
    if (header_lines == NULL)
        return;
    char *read = header_lines;
    if (http_guard_check(NULL, "HTTP/1.1", text, "a.example", &head) == NULL) {
        size_t lengths = count_lines(lines, "content-length"),
               codings = count_lines(lines, "transfer-encoding");

        assert(lengths + codings <= 1);
        assert(head.chunked == (codings == 1));
        assert(count_lines(lines, "host") == 1);
        assert(text[0] == '/' || strcmp(text, "*") == 0);
    }
    free(read);
}

/* --- multipart ---------------------------------------------------------------
 */

static enum err
told_part(void *arg, const char *name, const char *filename, struct errinfo *e)
{
    (void)e;
    buf_printf(arg, "[%s|%s]", name, filename != NULL ? filename : "");
    return ERR_OK;
}

static enum err
told_data(void *arg, const void *p, size_t n, struct errinfo *e)
{
    (void)e;
    buf_append(arg, p, n);
    return ERR_OK;
}

static enum err
parse_parts(const uint8_t *data, size_t size, size_t step, struct buf *told)
{
    static const struct http_multipart_calls calls = { told_part, told_data };
    struct http_multipart                   *mp;
    enum err                                 rc;

    rc = http_multipart_new("x", &calls, told, &mp, NULL);
    assert(rc == ERR_OK);
    for (size_t i = 0; rc == ERR_OK && i < size; i += step)
        rc = http_multipart_feed(mp, data + i,
                                 size - i < step ? size - i : step, NULL);
    if (rc == ERR_OK)
        rc = http_multipart_end(mp, NULL);
    http_multipart_free(mp);
    return rc;
}

static void
fuzz_multipart(const uint8_t *data, size_t size)
{
    struct buf whole = { 0 }, bytes = { 0 };
    enum err   rc = parse_parts(data, size, size + 1, &whole);

    assert(parse_parts(data, size, 1, &bytes) == rc);
    if (rc == ERR_OK)
        assert(
            whole.len == bytes.len &&
            (whole.len == 0 || memcmp(whole.data, bytes.data, whole.len) == 0));
    buf_release(&whole);
    buf_release(&bytes);
}

static void
fuzz_keyfile(const uint8_t *data, size_t size)
{
    struct http_key *key = NULL;
    struct stat      st;
    char             path[64];
    size_t           n = 0;
    int              fd = memfd_create("keys", MFD_CLOEXEC);

    if (fd < 0 || fchmod(fd, 0600) != 0 ||
        write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (http_keyfile_read(path, &key, &n, &st, NULL) == ERR_OK)
        for (size_t i = 0; i < n; i++)
            assert(http_scope_word(key[i].scope) != NULL);
    free(key);
    close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_media media;
    char             *text;

    if (size == 0)
        return 0;
    text = mem_dup(data + 1, size - 1);
    if (text == NULL)
        return 0;
    switch (data[0]) {
    case 'q':
        fuzz_query(text);
        break;
    case 't':
        http_media_parse(text, &media);
        break;
    case 'a':
        fuzz_accept(text);
        break;
    case 'r':
        fuzz_route(text);
        break;
    case 'h':
        http_host_is_listed("a.example, [::1],b", text);
        http_address_is_loopback(text);
        break;
    case 'g':
        fuzz_guard(text);
        break;
    case 'm':
        fuzz_multipart(data + 1, size - 1);
        break;
    case 'k':
        fuzz_keyfile(data + 1, size - 1);
        break;
    default:
        break;
    }
    free(text);
    return 0;
}
