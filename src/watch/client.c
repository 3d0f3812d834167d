#include "watch/client.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

/* "http://host:port/", "http://[::1]:8080": cut into its parts. */
static bool
parse_url(const char *url, char host[256], char port[8])
{
    const char *p = url, *end;
    size_t      n;

    if (strncmp(p, "http://", 7) != 0)
        return false;
    p += 7;
    end = *p == '[' ? strchr(p, ']') : p + strcspn(p, ":/");
    if (end == NULL || end == p)
        return false;
    if (*p == '[')
        p++;
    n = (size_t)(end - p);
    if (n >= 256)
        return false;
    memcpy(host, p, n);
    host[n] = '\0';
    end += *end == ']';
    memcpy(port, "80", 3);
    if (*end == ':') {
        n = strspn(end + 1, "0123456789");
        if (n < 1 || n > 5)
            return false;
        memcpy(port, end + 1, n);
        port[n] = '\0';
        end += 1 + n;
    }
    return *end == '\0' || strcmp(end, "/") == 0;
}

static enum err
connect_to(const char *host, const char *port, int *out, struct errinfo *e)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo      *list = NULL;
    int                   fd = -1;
    int                   rc = getaddrinfo(host, port, &hints, &list);

    if (rc != 0)
        return err_set(e, ERR_IO, "", "%.100s: %s", host, gai_strerror(rc));
    for (struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0)
        return err_set(e, ERR_IO, "", "nobody answers at %.100s:%s", host,
                       port);
    *out = fd;
    return ERR_OK;
}

/* The next byte that came, -1 at the end. */
static int
next_byte(struct watch_client *c)
{
    while (c->at == c->len) {
        ssize_t n = recv(c->fd, c->in, sizeof(c->in), 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        c->at = 0;
        c->len = (size_t)n;
    }
    return (unsigned char)c->in[c->at++];
}

/* A line of the head, or of the framing; false at the end. */
static bool
head_line(struct watch_client *c, char *out, size_t size)
{
    size_t n = 0;

    for (;;) {
        int b = next_byte(c);

        if (b < 0)
            return false;
        if (b == '\n')
            break;
        if (b != '\r' && n + 1 < size)
            out[n++] = (char)b;
    }
    out[n] = '\0';
    return true;
}

/* The next byte of the body, -1 at its end. */
static int
body_byte(struct watch_client *c)
{
    char line[64];

    if (!c->chunked)
        return next_byte(c);
    if (c->chunk_left == 0) {
        if (!head_line(c, line, sizeof(line)))
            return -1;
        if (line[0] == '\0' && !head_line(c, line, sizeof(line)))
            return -1; /* the end of the line behind a chunk */
        c->chunk_left = strtoul(line, NULL, 16);
        if (c->chunk_left == 0)
            return -1;
    }
    c->chunk_left--;
    return next_byte(c);
}

const char *
watch_client_line(struct watch_client *c)
{
    c->n_line = 0;
    while (!c->ended) {
        int b = body_byte(c);

        if (b < 0)
            c->ended = true;
        else if (b != '\n' && c->n_line + 1 < sizeof(c->line))
            c->line[c->n_line++] = (char)b;
        if (b == '\n') {
            c->line[c->n_line] = '\0';
            return c->line;
        }
    }
    return NULL; /* a line without its end is not told */
}

static enum err
read_head(struct watch_client *c, const char *path, struct errinfo *e)
{
    char     line[1024];
    unsigned status = 0;

    if (!head_line(c, line, sizeof(line)) ||
        sscanf(line, "HTTP/1.%*1[01] %3u", &status) != 1)
        return err_set(e, ERR_IO, "", "the answer is no HTTP");
    while (head_line(c, line, sizeof(line)) && line[0] != '\0')
        if (strcasecmp(line, "Transfer-Encoding: chunked") == 0)
            c->chunked = true;
    if (status == 200)
        return ERR_OK;
    if (status == 401 || status == 403)
        return err_set(e, ERR_AUTH, "",
                       "a key is needed: put it into BACKPROPD_KEY");
    if (status == 404)
        return err_set(e, ERR_NOTFOUND, "", "there is nothing at %.100s", path);
    return err_set(e, status == 503 ? ERR_BUSY : ERR_INVALID, "",
                   "%.100s is answered with %u", path, status);
}

enum err
watch_client_open(struct watch_client *c, const char *url, const char *path,
                  const char *headers, struct errinfo *e)
{
    char       host[256], port[8];
    struct buf request = { 0 };
    enum err   rc;

    c->fd = -1;
    c->chunked = c->ended = false;
    c->chunk_left = c->at = c->len = 0;
    if (!parse_url(url, host, port))
        return err_set(e, ERR_INVALID, "URL",
                       "must be as http://127.0.0.1:8080, got '%.80s'", url);
    rc = connect_to(host, port, &c->fd, e);
    if (rc != ERR_OK)
        return rc;
    buf_printf(&request, "GET %s HTTP/1.1\r\nHost: %s%s%s:%s\r\n%s\r\n", path,
               strchr(host, ':') != NULL ? "[" : "", host,
               strchr(host, ':') != NULL ? "]" : "", port, headers);
    if (request.failed || send(c->fd, request.data, request.len,
                               MSG_NOSIGNAL) != (ssize_t)request.len)
        rc = err_set(e, ERR_IO, "", "%.100s:%s hangs up", host, port);
    else
        rc = read_head(c, path, e);
    buf_release(&request);
    if (rc != ERR_OK)
        watch_client_close(c);
    return rc;
}

void
watch_client_close(struct watch_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}
