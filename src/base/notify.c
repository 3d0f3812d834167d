#include "base/notify.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"

#define FIRST_FD 3

/* Nobody changes the environment while threads run.
 * NOLINTBEGIN(concurrency-mt-unsafe) */

void
notify_say(const char *what)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    const char        *path = getenv("NOTIFY_SOCKET");
    size_t             len = path != NULL ? strlen(path) : 0;
    int                fd;

    if (len < 2 || len >= sizeof(a.sun_path) ||
        (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(a.sun_path, path, len);
    if (path[0] == '@')
        a.sun_path[0] = '\0'; /* a name without a file */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, what, strlen(what), MSG_NOSIGNAL | MSG_DONTWAIT,
                 (struct sockaddr *)&a,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}

int
notify_listen_fd(void)
{
    const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
    uint64_t    value;
    bool        ours =
        pid != NULL && n != NULL && num_parse_u64(pid, strlen(pid), &value) &&
        value == (uint64_t)getpid() && num_parse_u64(n, strlen(n), &value) &&
        value > 0 && fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC) == 0;

    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return ours ? FIRST_FD : -1;
}
/* NOLINTEND(concurrency-mt-unsafe) */
