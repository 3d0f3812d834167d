/*
 * main.c - wiring: what is opened in which order, and stopped in reverse
 *
 * Exit codes: 0 stopped as asked; 2 a mistake in the configuration; 65 --check
 * found faults in the database; 69 the address cannot be had; 74 the store
 * failed while running; 75 the database cannot be opened.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/api.h"
#include "base/cgroup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/notify.h"
#include "base/thread.h"
#include "codec/check.h"
#include "command.h"
#include "config.h"
#include "http/server.h"
#include "nn/kernel/kernel.h"
#include "training/blame.h"

enum {
    EXIT_CONFIG = 2,
    EXIT_FAULTS = 65,
    EXIT_ADDRESS = 69,
    EXIT_STORE_FAILED = 74,
    EXIT_DATABASE = 75,
    EXIT_SECOND_SIGNAL = 143
};

#define GRACE_MS 2000 /* for requests under way when we are told to stop */

/* Descriptors 0 to 2 exist, whoever started us: else the database would get
 * one of them, and a stray message would land in it. */
static void
open_standard_files(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= 2);
    if (fd > 2)
        close(fd);
}

static size_t
memory_limit(const struct config *config)
{
    long   pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    size_t all = pages > 0 && size > 0 ? (size_t)pages * (size_t)size : GIB;
    size_t bound = cgroup_memory();

    if (config->memory_mib > 0)
        return config->memory_mib * MIB;
    if (bound > 0 && bound < all)
        all = bound;
    return all / 4 * 3;
}

static void
print_version(void)
{
    printf("%s\nkernels:", PACKAGE_STRING);
    for (size_t i = 0; nn_kernel_at(i) != NULL; i++)
        printf(" %s%s", nn_kernel_at(i)->name,
               nn_kernel_at(i) == nn_kernel() ? " (in use)" : "");
    printf("\nbuilt with: %s\n", BUILD_COMPILER);
}

static void
print_routes(void)
{
    static const char *const method[] = { "GET", "POST", "PUT", "PATCH",
                                          "DELETE" };
    size_t                   n;
    const struct http_route *route = api_routes(&n);

    for (size_t i = 0; i < n; i++)
        printf("%-6s %-45s %s\n", method[route[i].method], route[i].path,
               route[i].brief);
}

/* One line that names the option or the thing at fault. */
static int
fail(const struct errinfo *e, int code)
{
    const char *where = e->n > 0 ? e->item[0].where : "";

    fprintf(stderr, "backpropd: %s%s%s\n", where, *where != '\0' ? ": " : "",
            err_what(e));
    return code;
}

static void
publish(void *arg, const char *network)
{
    serving_registry_refresh(arg, network);
}

/* A job waits for memory that models nobody asks for hold. */
static void
make_room(void *arg, size_t n_bytes)
{
    serving_registry_make_room(arg, n_bytes);
}

/* A key that was made or revoked beside us counts within a second. */
static void
refresh_keys(const struct api_ctx *ctx)
{
    struct errinfo e;

    err_clear(&e);
    if (http_keys_refresh(ctx->keys, &e) != ERR_OK)
        log_write(LOG_ERROR, "main", "the keys stay as they were: %s",
                  err_what(&e));
}

/* Wait until we are told to stop, or the store can no longer be trusted. */
static void
wait_for_the_end(const sigset_t *signals, const struct api_ctx *ctx)
{
    const struct timespec second = { .tv_sec = 1 };

    while (!store_is_failed(ctx->store)) {
        if (sigtimedwait(signals, NULL, &second) > 0)
            return;
        refresh_keys(ctx);
        notify_say("WATCHDOG=1");
    }
}

/* Whoever signals twice does not want to wait. */
static void *
second_signal(void *arg)
{
    int signal;

    if (sigwait(arg, &signal) == 0)
        _exit(EXIT_SECOND_SIGNAL);
    return NULL;
}

/* Who can be reached by others asks for keys, and has some. */
static enum err
open_keys(const struct config *config, struct api_ctx *ctx, struct errinfo *e)
{
    bool     loopback = http_address_is_loopback(config->listen);
    enum err rc;

    if (config->no_auth && config->require_keys)
        return err_set(e, ERR_INVALID, "no_auth",
                       "and require_keys exclude each other");
    ctx->ask_keys = config->require_keys || (!loopback && !config->no_auth);
    rc = http_keys_open(config->keys, &ctx->keys, e);
    if (rc != ERR_OK || !ctx->ask_keys || http_keys_count(ctx->keys) > 0)
        return rc;
    if (loopback)
        return err_set(e, ERR_INVALID, "require_keys",
                       "there is no key in '%.60s'; make one: backpropd key "
                       "create --name NAME --scope admin",
                       config->keys);
    return err_set(e, ERR_INVALID, "listen",
                   "'%.40s' can be reached by others, and there are no keys: "
                   "make one (backpropd key create --name NAME --scope "
                   "admin), or say --no-auth if nobody needs one",
                   config->listen);
}

static void
tell_fault(void *arg, const char *what)
{
    (void)arg;
    printf("%s\n", what);
}

/* Look through the database; its faults go to standard output. */
static int
check(const struct config *config)
{
    struct codec_check found;
    struct store      *db = NULL;
    struct errinfo     e;
    enum err           rc;

    err_clear(&e);
    api_init();
    rc = store_open_to_check(config->database, &db, &e);
    if (rc != ERR_OK)
        return fail(&e, rc == ERR_CORRUPT ? EXIT_FAULTS : EXIT_DATABASE);
    rc = codec_check(db, tell_fault, NULL, &found, &e);
    store_close(db);
    if (rc != ERR_OK)
        return fail(&e, EXIT_FAULTS);
    printf("%s: %llu networks, %llu versions, %llu datasets in %llu chunks, "
           "%llu jobs, %llu checkpoints: ",
           config->database, (unsigned long long)found.networks,
           (unsigned long long)found.versions,
           (unsigned long long)found.datasets,
           (unsigned long long)found.store.chunks,
           (unsigned long long)found.jobs,
           (unsigned long long)found.store.states);
    if (found.faults == 0)
        printf("all is well\n");
    else
        printf("%llu faults\n", (unsigned long long)found.faults);
    return found.faults == 0 ? EXIT_SUCCESS : EXIT_FAULTS;
}

static enum err
open_rates(const struct config *config, struct api_ctx *ctx, struct errinfo *e)
{
    enum err rc = ERR_OK;

    if (config->key_rate > 0)
        rc = rate_new(config->key_rate, config->key_rate, &ctx->key_rate, e);
    if (rc == ERR_OK && config->row_rate > 0)
        rc = rate_new(config->row_rate, config->row_rate, &ctx->row_rate, e);
    if (rc == ERR_OK && config->network_rate > 0)
        rc = rate_new(config->network_rate, config->network_rate,
                      &ctx->network_rate, e);
    return rc;
}

static struct dataset_limits
limits_of(const struct config *config)
{
    return (struct dataset_limits){
        .columns = config->dataset_columns,
        .categories = config->dataset_categories,
        .row_bytes = config->dataset_row_kib * KIB,
        .rows = config->dataset_rows,
    };
}

static int
serve(const struct config *config, sigset_t *signals)
{
    struct mem_budget       budget;
    struct api_ctx          ctx = { .budget = &budget,
                                    .queue_max = config->queue_max,
                                    .parameters_max = config->parameters_max,
                                    .history_max = config->history_max,
                                    .predict_rows = config->predict_rows,
                                    .open_metrics = config->open_metrics,
                                    .datasets_max = config->datasets,
                                    .quota = { .lock =
                                                   PTHREAD_MUTEX_INITIALIZER },
                                    .dataset_limits = limits_of(config) };
    struct training_options training = { .budget = &budget,
                                         .n_workers = config->workers,
                                         .n_threads = config->threads,
                                         .nice = config->training_nice,
                                         .on_version = publish,
                                         .on_short = make_room };
    struct http_options     http = { .listen = config->listen,
                                     .listen_fd = config->listen_fd,
                                     .ctx = &ctx,
                                     .allowed_hosts = config->allowed_hosts,
                                     .cors_origins = config->cors_origins,
                                     .authorize = api_authorize,
                                     .observe = api_observe,
                                     .refused = api_refused,
                                     .max_connections = config->connections,
                                     .max_per_address =
                                         config->connections_per_address,
                                     .max_feeds = config->event_streams,
                                     .n_threads = config->http_threads };
    struct http_server     *server = NULL;
    struct errinfo          e;
    pthread_t               impatient;
    int                     code = EXIT_SUCCESS;

    err_clear(&e);
    mem_budget_init(&budget, memory_limit(config), "memory_mib");
    ctx.quota.limit = config->datasets_mib * (uint64_t)MIB;
    api_init();
    if (api_metrics_new(&ctx.metrics, &e) != ERR_OK)
        return fail(&e, EXIT_FAILURE);

    if (open_rates(config, &ctx, &e) != ERR_OK) {
        code = fail(&e, EXIT_FAILURE);
        goto out;
    }
    if (open_keys(config, &ctx, &e) != ERR_OK) {
        code = fail(&e, EXIT_CONFIG);
        goto out;
    }
    if (store_open(config->database, &ctx.store, &e) != ERR_OK) {
        code = fail(&e, EXIT_DATABASE);
        goto out;
    }
    if (config->database_mib > 0 &&
        store_limit(ctx.store, config->database_mib * (uint64_t)MIB, &e) !=
            ERR_OK) {
        code = fail(&e, EXIT_DATABASE);
        goto out;
    }
    if (serving_registry_new(ctx.store, &budget, &ctx.registry, &e) != ERR_OK) {
        code = fail(&e, EXIT_FAILURE);
        goto out;
    }
    training_blame_install(store_blame_fd(ctx.store));
    training.store = ctx.store;
    training.arg = ctx.registry;
    if (training_pool_start(&training, &ctx.pool, &e) != ERR_OK) {
        code = fail(&e, EXIT_FAILURE);
        goto out;
    }
    http.route = api_routes(&http.n_routes);
    http.max_body[HTTP_BODY_PLAIN] = config->body_mib * MIB;
    http.max_body[HTTP_BODY_ROWS] = config->rows_mib * MIB;
    http.max_body[HTTP_BODY_UPLOAD] = config->upload_mib * MIB;
    if (http_server_start(&http, &server, &e) != ERR_OK) {
        code = fail(&e, e.code == ERR_INVALID ? EXIT_CONFIG : EXIT_ADDRESS);
        goto out;
    }

    printf("backpropd: listening on %s\n", http_server_url(server));
    fflush(stdout);
    log_write(LOG_INFO, "main", "listening on %s, database %s",
              http_server_url(server), config->database);
    notify_say("READY=1");
    wait_for_the_end(signals, &ctx);
    notify_say("STOPPING=1");
    if (store_is_failed(ctx.store))
        code = EXIT_STORE_FAILED;
    log_write(LOG_INFO, "main", "stopping");
    if (thread_start(&impatient, "second-signal", second_signal, signals,
                     NULL) == ERR_OK)
        pthread_detach(impatient);
    http_server_drain(server);
    store_closing(ctx.store);
out:
    if (server != NULL)
        http_server_stop(server, GRACE_MS);
    if (ctx.pool != NULL)
        training_pool_stop(ctx.pool);
    if (ctx.registry != NULL)
        serving_registry_free(ctx.registry);
    store_close(ctx.store);
    http_keys_free(ctx.keys);
    rate_free(ctx.key_rate);
    rate_free(ctx.row_rate);
    rate_free(ctx.network_rate);
    api_metrics_free(ctx.metrics);
    return code;
}

int
main(int argc, char **argv)
{
    static struct config config;
    struct errinfo       e;
    sigset_t             signals;

    open_standard_files();
    mem_return_large();
    if (command_is_given(argc, argv))
        return command_run(argc, argv);
    err_clear(&e);
    if (config_read(argc, argv, &config, &e) != ERR_OK)
        return fail(&e, EXIT_CONFIG);
    if (config.kernel[0] != '\0' && !nn_kernel_select(config.kernel)) {
        err_set(&e, ERR_INVALID, "kernel",
                "this program or CPU has no '%.40s'; --version lists what "
                "there is",
                config.kernel);
        return fail(&e, EXIT_CONFIG);
    }
    if (config.help || config.version || config.print_config ||
        config.print_routes) {
        if (config.help)
            config_help(stdout);
        else if (config.version)
            print_version();
        else if (config.print_config)
            config_print(&config, stdout);
        else
            print_routes();
        return EXIT_SUCCESS;
    }
    log_set_level(config.log_level);
    log_set_rate(config.log_lines_per_second);
    config.listen_fd = notify_listen_fd();
    if (config.listen_fd >= 0 &&
        http_address_of(config.listen_fd, config.listen, sizeof(config.listen),
                        &e) != ERR_OK)
        return fail(&e, EXIT_CONFIG);
    /* Before it is asked who could reach it. */
    if (http_address_check(config.listen, &e) != ERR_OK)
        return fail(&e, EXIT_CONFIG);
    if (config.check)
        return check(&config);

    /* Threads inherit the mask: only main() is told to stop. */
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return serve(&config, &signals);
}
