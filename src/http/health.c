/* health.c - ask a daemon on this machine how it is, as its own client */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "http/address.h"
#include "http/server.h"

#define PATIENCE_SECONDS 5

enum err
http_health_ask(const char *listen_on, unsigned *out_status, struct errinfo *e)
{
    static const char    ask[] = "GET /readyz HTTP/1.1\r\n"
                                 "Host: localhost\r\n"
                                 "Connection: close\r\n\r\n";
    const struct timeval patience = { .tv_sec = PATIENCE_SECONDS };
    char                 line[64] = "";
    unsigned             status;
    enum err             rc;
    int                  fd;

    rc = http_address_connect(listen_on, &fd, e);
    if (rc != ERR_OK)
        return rc;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) !=
            (ssize_t)sizeof(ask) - 1 ||
        recv(fd, line, sizeof(line) - 1, MSG_WAITALL) <= 0 ||
        sscanf(line, "HTTP/1.1 %3u ", &status) != 1)
        rc = err_set(e, ERR_IO, "", "no answer from %.100s", listen_on);
    else
        *out_status = status;
    close(fd);
    return rc;
}
