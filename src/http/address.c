#include "http/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "http/server.h"

#define BACKLOG 1024

union address {
    struct sockaddr     any;
    struct sockaddr_in  v4;
    struct sockaddr_in6 v6;
};

/* "1.2.3.4:80", "[::1]:80", "localhost:80": no other names, since a name can
 * mean several addresses and is looked up at others' leisure. */
static bool
address_parse(const char *text, union address *out, socklen_t *out_len)
{
    const char *colon = strrchr(text, ':');
    char        host[64];
    size_t      len;
    uint64_t    port;

    if (colon == NULL || !num_parse_u64(colon + 1, strlen(colon + 1), &port) ||
        port > UINT16_MAX)
        return false;
    len = (size_t)(colon - text);
    memset(out, 0, sizeof(*out));
    if (text[0] == '[' && len > 2 && text[len - 1] == ']') {
        text++;
        len -= 2;
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons((uint16_t)port);
        *out_len = sizeof(out->v6);
    } else {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons((uint16_t)port);
        *out_len = sizeof(out->v4);
    }
    if (len == 0 || len >= sizeof(host))
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    if (out->any.sa_family == AF_INET6)
        return inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1;
    if (strcmp(host, "localhost") == 0)
        memcpy(host, "127.0.0.1", sizeof("127.0.0.1"));
    return inet_pton(AF_INET, host, &out->v4.sin_addr) == 1;
}

bool
http_address_is_loopback(const char *listen_on)
{
    union address a;
    socklen_t     len;

    if (!address_parse(listen_on, &a, &len))
        return false;
    if (a.any.sa_family == AF_INET)
        return ntohl(a.v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr);
}

static enum err
fail(const char *what, const char *listen_on, int error, struct errinfo *e)
{
    const char *why = strerrordesc_np(error);

    return err_set(e, ERR_IO, "", "cannot %s %.100s: %s", what, listen_on,
                   why != NULL ? why : "unknown error");
}

static enum err
no_address(const char *text, struct errinfo *e)
{
    return err_set(e, ERR_INVALID, "listen",
                   "must be ADDRESS:PORT, such as 127.0.0.1:8080 or "
                   "[::1]:8080, got '%.100s'",
                   text);
}

enum err
http_address_check(const char *listen_on, struct errinfo *e)
{
    union address a;
    socklen_t     len;

    return address_parse(listen_on, &a, &len) ? ERR_OK
                                              : no_address(listen_on, e);
}

enum err
http_address_listen(const char *listen_on, int *out_fd, struct errinfo *e)
{
    union address a;
    socklen_t     len;
    enum err      rc = ERR_OK;
    int           fd, on = 1;

    if (!address_parse(listen_on, &a, &len))
        return no_address(listen_on, e);
    fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail("listen on", listen_on, errno, e);
    /* REUSEADDR: a restart need not wait.  Not REUSEPORT: a second daemon on
     * this port would silently share it. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, &a.any, len) != 0 || listen(fd, BACKLOG) != 0) {
        rc = fail("listen on", listen_on, errno, e);
        close(fd);
        return rc;
    }
    *out_fd = fd;
    return ERR_OK;
}

enum err
http_address_connect(const char *listen_on, int *out_fd, struct errinfo *e)
{
    union address a;
    socklen_t     len;
    enum err      rc;
    int           fd;

    if (!address_parse(listen_on, &a, &len))
        return no_address(listen_on, e);
    if (a.any.sa_family == AF_INET && a.v4.sin_addr.s_addr == INADDR_ANY)
        a.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else if (a.any.sa_family == AF_INET6 &&
             IN6_IS_ADDR_UNSPECIFIED(&a.v6.sin6_addr))
        a.v6.sin6_addr = in6addr_loopback;
    fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail("ask", listen_on, errno, e);
    if (connect(fd, &a.any, len) != 0) {
        rc = fail("ask", listen_on, errno, e);
        close(fd);
        return rc;
    }
    *out_fd = fd;
    return ERR_OK;
}

enum err
http_address_url(int fd, char *out, size_t size, struct errinfo *e)
{
    union address a;
    socklen_t     len = sizeof(a);
    char          host[INET6_ADDRSTRLEN] = "";

    if (getsockname(fd, &a.any, &len) != 0)
        return err_set(e, ERR_IO, "", "getsockname: errno %d", errno);
    if (a.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &a.v6.sin6_addr, host, sizeof(host));
        snprintf(out, size, "http://[%s]:%u", host, ntohs(a.v6.sin6_port));
    } else if (a.any.sa_family != AF_INET) {
        return err_set(e, ERR_INVALID, "", "that is no TCP socket");
    } else {
        inet_ntop(AF_INET, &a.v4.sin_addr, host, sizeof(host));
        snprintf(out, size, "http://%s:%u", host, ntohs(a.v4.sin_port));
    }
    return ERR_OK;
}

enum err
http_address_of(int fd, char *out, size_t size, struct errinfo *e)
{
    static const char scheme[] = "http://";
    char              url[80];
    int               type = 0, flags = fcntl(fd, F_GETFL);
    socklen_t         len = sizeof(type);
    enum err          rc = http_address_url(fd, url, sizeof(url), e);

    if (rc != ERR_OK || strncmp(url, scheme, sizeof(scheme) - 1) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
        type != SOCK_STREAM || flags < 0 ||
        fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return err_set(e, ERR_INVALID, "listen",
                       "the socket that was handed over is no TCP socket that "
                       "listens");
    snprintf(out, size, "%s", url + sizeof(scheme) - 1);
    return ERR_OK;
}

void
http_address_bytes(const struct sockaddr *a, uint8_t out[16])
{
    memset(out, 0, 16);
    if (a->sa_family == AF_INET6) {
        memcpy(out, &((const struct sockaddr_in6 *)a)->sin6_addr, 16);
    } else if (a->sa_family == AF_INET) {
        out[10] = out[11] = 0xff;
        memcpy(out + 12, &((const struct sockaddr_in *)a)->sin_addr, 4);
    }
}
