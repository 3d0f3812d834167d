#include "http/server.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/address.h"
#include "http/exchange.h"

#define CONNECTION_MEMORY (16 * KIB) /* its buffers; and the longest head */
#define CONNECTION_SILENCE 30u       /* seconds                           */
#define SLOW_QUEUE 1024
#define BODIES_MAX (512 * MIB)
#define FEEDS_MAX 256u
#define SPARE_FILES 128 /* the database, the log, lingerers */
#define LAST_WORDS_MS 250

static const char short_of_memory[] =
    "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\","
    "\"status\":503,\"detail\":\"out of memory\",\"code\":\"no_memory\"}\n";

static void
log_mhd(void *cls, const char *fmt, va_list ap)
{
    char line[512];

    (void)cls;
    vsnprintf(line, sizeof(line), fmt, ap);
    line[strcspn(line, "\r\n")] = '\0';
    log_write(LOG_DEBUG, "http", "libmicrohttpd: %s", line);
}

static void
panic_mhd(void *cls, const char *file, unsigned line, const char *reason)
{
    (void)cls;
    log_write(LOG_ERROR, "http", "libmicrohttpd panics at %s:%u: %s", file,
              line, reason != NULL ? reason : "it does not say why");
    abort();
}

static void
on_connection(void *cls, struct MHD_Connection *connection, void **context,
              enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = cls;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        uint8_t address[16] = { 0 };
        int     fd = MHD_get_connection_info(connection,
                                             MHD_CONNECTION_INFO_CONNECTION_FD)
                     ->connect_fd;
        const struct sockaddr *a =
            MHD_get_connection_info(connection,
                                    MHD_CONNECTION_INFO_CLIENT_ADDRESS)
                ->client_addr;

        if (a != NULL)
            http_address_bytes(a, address);

        atomic_fetch_add(&server->n_conns, 1);
        *context =
            http_conn_new(server->watch, fd,
                          (int64_t)server->opt.header_timeout_seconds * 1000000,
                          address, server->opt.max_per_address);
    } else {
        if (*context != NULL)
            http_conn_free(server->watch, *context);
        *context = NULL;
        atomic_fetch_sub(&server->n_conns, 1);
    }
}

/* Who comes when we stop is not let in.  MHD_quiesce_daemon() would be the way,
 * but of 0.9.75 it races with the server's own threads for taking the socket out
 * of their epoll sets, and who comes second panics. */
static enum MHD_Result
on_accept(void *cls, const struct sockaddr *address, socklen_t len)
{
    struct http_server *server = cls;

    (void)address, (void)len;
    return atomic_load(&server->stopping) ? MHD_NO : MHD_YES;
}

/* libmicrohttpd divides its limit among its threads and does not balance them:
 * each may get all connections there are, and then some that hear a 503. */
static unsigned
limit_per_thread(unsigned max_connections)
{
    return max_connections + max_connections / 8 + 16;
}

/* See that there are descriptors for all the connections, or have fewer.  How
 * many each thread may have: less than all of them where it must be. */
static unsigned
make_room_for_files(struct http_options *opt)
{
    unsigned      per_thread = limit_per_thread(opt->max_connections);
    rlim_t        want = (rlim_t)opt->n_threads * per_thread + SPARE_FILES;
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= want)
        return per_thread;
    files.rlim_cur = files.rlim_max < want ? files.rlim_max : want;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur >= want)
        return per_thread;
    per_thread =
        files.rlim_cur > SPARE_FILES + opt->n_threads
            ? (unsigned)((files.rlim_cur - SPARE_FILES) / opt->n_threads)
            : 1;
    if ((rlim_t)limit_per_thread(opt->max_connections) + SPARE_FILES <=
        files.rlim_cur)
        return per_thread;
    while (opt->max_connections > 1 &&
           limit_per_thread(opt->max_connections) + SPARE_FILES >
               files.rlim_cur)
        opt->max_connections -= (opt->max_connections + 7) / 8;
    log_write(LOG_WARN, "http", "%ju open files allow for %u connections only",
              (uintmax_t)files.rlim_cur, opt->max_connections);
    return per_thread;
}

static void
fill_defaults(struct http_options *opt)
{
    if (opt->n_threads == 0)
        opt->n_threads = 2;
    if (opt->n_slow_threads == 0)
        opt->n_slow_threads = 4;
    if (opt->max_connections == 0)
        opt->max_connections = 1000;
    if (opt->max_feeds == 0)
        opt->max_feeds = FEEDS_MAX;
    if (opt->header_timeout_seconds == 0)
        opt->header_timeout_seconds = 10;
    if (opt->request_timeout_seconds == 0)
        opt->request_timeout_seconds = 60;
}

/* The table is ours: a mistake in it is not to be met at run time. */
static void
check_table(const struct http_options *opt)
{
    for (size_t i = 0; i < opt->n_routes; i++) {
        const struct http_route *r = &opt->route[i];

        assert(r->path[0] == '/');
        assert((r->handler == NULL) == (r->stream != NULL));
        assert(r->stream == NULL || r->max_body > 0);
        assert(r->method != HTTP_GET || r->max_body == 0);
    }
}

static void
choose_id_prefix(struct http_server *server)
{
    uint32_t word[2];

    if (getrandom(word, sizeof(word), GRND_NONBLOCK) != sizeof(word)) {
        word[0] = (uint32_t)clock_wall_ms();
        word[1] = (uint32_t)getpid();
    }
    snprintf(server->id_prefix, sizeof(server->id_prefix),
             "%08" PRIx32 "%04" PRIx32, word[0], word[1] & 0xffff);
}

static enum err
start_daemon(struct http_server *server, struct errinfo *e)
{
    const struct http_options *opt = &server->opt;
    struct MHD_OptionItem      pool[] = {
             { MHD_OPTION_THREAD_POOL_SIZE, opt->n_threads, NULL },
             { MHD_OPTION_END, 0, NULL },
    };

    if (opt->n_threads < 2) /* a pool of one is none */
        pool[0].option = MHD_OPTION_END;
    /* EXTERNAL_LOGGER comes first: it is in force from there on. */
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
            MHD_USE_ERROR_LOG,
        0, on_accept, server, http_exchange_run, server,
        MHD_OPTION_EXTERNAL_LOGGER,
        log_mhd, NULL, MHD_OPTION_LISTEN_SOCKET, server->listen_fd,
        MHD_OPTION_CONNECTION_LIMIT, opt->n_threads * server->max_per_thread,
        MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_SILENCE,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)(4 * KIB),
        MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_URI_LOG_CALLBACK,
        http_exchange_new, server, MHD_OPTION_NOTIFY_COMPLETED,
        http_exchange_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, server, MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
    if (server->daemon == NULL)
        return err_set(e, ERR_IO, "", "libmicrohttpd does not start on %.100s",
                       opt->listen);
    return ERR_OK;
}

static void
server_free(struct http_server *server)
{
    if (server == NULL)
        return;
    http_lane_free(server->lane);
    http_feeds_free(server->feeds);
    http_watch_free(server->watch);
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    if (server->short_of_memory != NULL)
        MHD_destroy_response(server->short_of_memory);
    while (server->n_spares > 0)
        http_exchange_destroy(server->spare[--server->n_spares]);
    http_shelf_release(&server->shelf);
    http_routes_release(&server->routes);
    pthread_mutex_destroy(&server->spare_lock);
    free(server);
}

static enum err
prepare_answer(struct http_server *server, struct errinfo *e)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(
        sizeof(short_of_memory) - 1, (void *)(uintptr_t)short_of_memory,
        MHD_RESPMEM_PERSISTENT);

    if (r == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    MHD_add_response_header(r, "Content-Type", "application/problem+json");
    MHD_add_response_header(r, "Retry-After", "1");
    MHD_add_response_header(r, "Connection", "close");
    server->short_of_memory = r;
    return ERR_OK;
}

enum err
http_server_start(const struct http_options *options, struct http_server **out,
                  struct errinfo *e)
{
    struct http_server *server = mem_array(1, sizeof(*server), 0);
    enum err            rc = ERR_OK;

    if (server == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    pthread_mutex_init(&server->spare_lock, NULL);
    http_shelf_init(&server->shelf);
    server->listen_fd = -1;
    server->opt = *options;
    fill_defaults(&server->opt);
    check_table(&server->opt);
    server->max_per_thread = make_room_for_files(&server->opt);
    choose_id_prefix(server);
    mem_budget_init(&server->bodies, BODIES_MAX, "body_memory");
    server->stream_us = 30 * INT64_C(1000000);
    if (server->opt.request_timeout_seconds < 30)
        server->stream_us =
            server->opt.request_timeout_seconds * INT64_C(1000000);
    server->loopback = http_address_is_loopback(options->listen);
    MHD_set_panic_func(panic_mhd, NULL);

    rc = http_routes_init(&server->routes, options->route, options->n_routes,
                          e);
    if (options->listen_fd > 0)
        server->listen_fd = options->listen_fd;
    else if (rc == ERR_OK)
        rc = http_address_listen(options->listen, &server->listen_fd, e);
    if (rc == ERR_OK)
        rc = http_address_url(server->listen_fd, server->url,
                              sizeof(server->url), e);
    if (rc == ERR_OK)
        rc = prepare_answer(server, e);
    if (rc == ERR_OK)
        rc = http_watch_new(server->stream_us, &server->watch, e);
    if (rc == ERR_OK)
        rc = http_lane_new(server->opt.n_slow_threads, SLOW_QUEUE,
                           &server->lane, e);
    if (rc == ERR_OK)
        rc = http_feeds_new(server->opt.max_feeds, &server->feeds, e);
    if (rc == ERR_OK)
        rc = start_daemon(server, e);
    if (rc == ERR_OK) {
        *out = server;
        server = NULL;
    }
    server_free(server);
    return rc;
}

const char *
http_server_url(const struct http_server *server)
{
    return server->url;
}

void
http_server_drain(struct http_server *server)
{
    atomic_store(&server->draining, true);
}

static void
wait_for_requests(struct http_server *server, unsigned ms)
{
    const struct timespec pause = { .tv_nsec = 2 * 1000000 };
    int64_t               until = clock_mono_us() + (int64_t)ms * 1000;

    while (atomic_load(&server->n_exchanges) > 0 && clock_mono_us() < until)
        nanosleep(&pause, NULL);
}

void
http_server_stop(struct http_server *server, unsigned grace_ms)
{
    http_server_drain(server);
    atomic_store(&server->stopping, true);
    http_feeds_stop(server->feeds); /* they would not end by themselves */
    wait_for_requests(server, grace_ms);
    /* From here on nothing can be suspended, and what was is resumed: with a
     * suspended connection libmicrohttpd would abort the process. */
    http_lane_close(server->lane);
    wait_for_requests(server, LAST_WORDS_MS);
    /* A socket that was handed to us is not ours to shut down.  Nothing is
     * under way now that could wake a thread at this moment. */
    if (server->opt.listen_fd > 0)
        MHD_quiesce_daemon(server->daemon);
    MHD_stop_daemon(server->daemon);
    if (server->opt.listen_fd <= 0)
        server->listen_fd = -1; /* closed with it */
    server_free(server); /* with the aborts that came last */
}
