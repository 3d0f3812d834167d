/*
 * bench_bare.c - the least that a server on libmicrohttpd can do
 *
 * Reads the body whole, as a server that looks at it must, and answers the same
 * hundred bytes to everybody: the limit that bench_serve compares with.
 */
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BODY (64 * 1024)

struct request {
    size_t len;
    char   body[MAX_BODY];
};

static const char answer[] =
    "{\"network\":\"bare\",\"version\":1,\"outputs\":[[0.11111111,0.2222222,"
    "0.33333334,0.44444445]],\"labels\":[\"x\"]}";
static struct MHD_Response *response;

static enum MHD_Result
run(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *data_len,
    void **context)
{
    struct request *r = *context;

    (void)cls, (void)url, (void)method, (void)version;
    if (r == NULL) {
        r = malloc(sizeof(*r));
        if (r == NULL)
            return MHD_NO;
        r->len = 0;
        *context = r;
        return MHD_YES;
    }
    if (*data_len > 0) {
        if (*data_len > sizeof(r->body) - r->len)
            return MHD_NO;
        memcpy(r->body + r->len, data, *data_len);
        r->len += *data_len;
        *data_len = 0;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, response);
}

static void
completed(void *cls, struct MHD_Connection *connection, void **context,
          enum MHD_RequestTerminationCode code)
{
    (void)cls, (void)connection, (void)code;
    free(*context);
    *context = NULL;
}

int
main(int argc, char **argv)
{
    unsigned port = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    struct MHD_Daemon *daemon;
    sigset_t           signals;
    int                signal;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    response = MHD_create_response_from_buffer(
        sizeof(answer) - 1, (void *)(size_t)answer, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Type", "application/json");
    daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, (uint16_t)port, NULL,
                         NULL, run, NULL, MHD_OPTION_NOTIFY_COMPLETED,
                         completed, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t)(16 * 1024), MHD_OPTION_END);
    if (daemon == NULL) {
        fprintf(stderr, "bench_bare: port %u cannot be had\n", port);
        return 1;
    }
    printf("http://127.0.0.1:%u\n",
           MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    sigwait(&signals, &signal);
    MHD_stop_daemon(daemon);
    MHD_destroy_response(response);
    return 0;
}
