#include "http_client.h"

#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define PATIENCE_MS 10000

static void
nap(unsigned ms)
{
    struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

    nanosleep(&ts, NULL);
}

/* --- the handlers ------------------------------------------------------ */

static enum err
hello(void *ctx, const struct http_request *req, struct http_reply *rep,
      struct errinfo *e)
{
    struct fixture *f = ctx;

    (void)e;
    atomic_fetch_add(&f->n_handled, 1);
    buf_printf(&rep->body, "{\"hello\":\"%s\",\"draining\":%s}",
               req->arg[0] != NULL ? req->arg[0] : "world",
               req->draining ? "true" : "false");
    return ERR_OK;
}

static enum err
params(void *ctx, const struct http_request *req, struct http_reply *rep,
       struct errinfo *e)
{
    const char *after = http_request_query(req, "after");
    size_t      limit = 0;
    uint64_t    count = 7;
    bool        flag = false;
    enum err    rc;

    (void)ctx;
    rc = http_request_limit(req, &limit, e);
    if (rc == ERR_OK)
        rc = http_request_query_u64(req, "count", &count, e);
    if (rc == ERR_OK)
        rc = http_request_query_bool(req, "flag", &flag, e);
    if (rc == ERR_OK)
        buf_printf(&rep->body, "limit=%zu after=%s count=%ju flag=%d", limit,
                   after != NULL ? after : "-", (uintmax_t)count, flag);
    rep->content_type = "text/plain";
    return rc;
}

static enum err
gone(void *ctx, const struct http_request *req, struct http_reply *rep,
     struct errinfo *e)
{
    (void)ctx, (void)req, (void)e;
    rep->status = 204;
    return ERR_OK;
}

/* What came, and how: for the tests of bodies. */
static enum err
echo(void *ctx, const struct http_request *req, struct http_reply *rep,
     struct errinfo *e)
{
    (void)ctx, (void)e;
    ck_assert_int_eq(((const char *)req->body)[req->body_len], '\0');
    rep->status = 201;
    rep->content_type = "text/plain";
    http_reply_header(rep, "Location", "/echo/%s",
                      req->arg[0] != NULL ? req->arg[0] : "0");
    buf_printf(&rep->body, "type=%s block=%d len=%zu key=%s body=",
               req->content_type != NULL ? req->content_type : "-",
               req->may_block, req->body_len,
               http_request_header(req, "Idempotency-Key") != NULL
                   ? http_request_header(req, "Idempotency-Key")
                   : "-");
    buf_append(&rep->body, req->body,
               req->body_len < 100 ? req->body_len : 100);
    return ERR_OK;
}

static enum err
unwilling(void *ctx, const struct http_request *req, struct http_reply *rep,
          struct errinfo *e)
{
    (void)ctx, (void)e;
    if (!req->may_block) {
        buf_puts(&rep->body, "never seen");
        http_reply_header(rep, "X-Never-Seen", "1");
        return ERR_WOULDBLOCK;
    }
    rep->content_type = "text/plain";
    buf_puts(&rep->body, "blocked");
    return ERR_OK;
}

static enum err
stubborn(void *ctx, const struct http_request *req, struct http_reply *rep,
         struct errinfo *e)
{
    (void)ctx, (void)req, (void)rep, (void)e;
    return ERR_WOULDBLOCK;
}

static enum err
wait_at_gate(void *ctx, const struct http_request *req, struct http_reply *rep,
             struct errinfo *e)
{
    struct fixture *f = ctx;

    (void)req, (void)e;
    pthread_mutex_lock(&f->lock);
    f->n_waiting++;
    if (f->n_waiting > f->n_waiting_most)
        f->n_waiting_most = f->n_waiting;
    pthread_cond_broadcast(&f->changed);
    while (!f->open)
        pthread_cond_wait(&f->changed, &f->lock);
    f->n_waiting--;
    pthread_mutex_unlock(&f->lock);
    atomic_fetch_add(&f->n_handled, 1);
    buf_puts(&rep->body, "{\"waited\":true}");
    return ERR_OK;
}

static enum err
failing(void *ctx, const struct http_request *req, struct http_reply *rep,
     struct errinfo *e)
{
    uint64_t code = 0, bare = 0;
    enum err rc;

    (void)ctx;
    http_reply_header(rep, "X-Dropped", "1");
    buf_puts(&rep->body, "dropped");
    rc = http_request_query_u64(req, "code", &code, e);
    if (rc == ERR_OK)
        rc = http_request_query_u64(req, "bare", &bare, e);
    if (rc != ERR_OK)
        return rc;
    if (bare != 0)
        return (enum err)code;
    err_add(e, (enum err)code, "/layers/0/units", "must be at least 1, got 0");
    err_add(e, (enum err)code, "line 3, column 2", "not a \"number\"");
    return err_add(e, (enum err)code, "limit", "too\nmuch");
}

static enum err
large(void *ctx, const struct http_request *req, struct http_reply *rep,
      struct errinfo *e)
{
    uint64_t n = 0;
    char    *bytes = pattern_new(PATTERN_PERIOD);
    enum err rc = http_request_query_u64(req, "n", &n, e);

    (void)ctx;
    rep->content_type = "application/octet-stream";
    for (uint64_t i = 0; rc == ERR_OK && i < n; i += PATTERN_PERIOD)
        buf_append(&rep->body, bytes,
                   n - i < PATTERN_PERIOD ? n - i : PATTERN_PERIOD);
    free(bytes);
    return rc;
}

/* --- the stream -------------------------------------------------------- */

struct upload {
    struct fixture *f;
    size_t          n_bytes;
    unsigned        n_pieces;
    atomic_bool     busy;
};

static void
upload_enter(struct upload *up)
{
    if (atomic_exchange(&up->busy, true))
        atomic_fetch_add(&up->f->n_overlaps, 1);
}

static void
upload_leave(struct upload *up)
{
    atomic_store(&up->busy, false);
}

static enum err
upload_begin(void *ctx, const struct http_request *req, void **state,
             struct errinfo *e)
{
    struct upload *up;

    if (strcmp(req->arg[0], "taken") == 0)
        return err_set(e, ERR_CONFLICT, "", "that name is taken");
    ck_assert(req->may_block);
    up = mem_array(1, sizeof(*up), 0);
    ck_assert_ptr_nonnull(up);
    up->f = ctx;
    atomic_fetch_add(&up->f->n_begun, 1);
    *state = up;
    return ERR_OK;
}

static enum err
upload_piece(void *state, const void *p, size_t n, struct errinfo *e)
{
    struct upload *up = state;
    struct fixture *f = up->f;
    enum err        rc = ERR_OK;

    upload_enter(up);
    ck_assert_uint_gt(n, 0);
    for (size_t i = 0; i < n; i++)
        if (((const unsigned char *)p)[i] != pattern_byte(up->n_bytes + i))
            atomic_fetch_add(&f->n_wrong, 1);
    up->n_bytes += n;
    up->n_pieces++;
    atomic_fetch_add(&f->n_bytes, n);
    atomic_fetch_add(&f->n_pieces, 1);
    if (f->piece_ms > 0)
        nap(f->piece_ms);
    if (up->n_pieces == f->fail_at)
        rc = err_set(e, ERR_INVALID, "line 7, column 2", "this row is bad");
    upload_leave(up);
    return rc;
}

static enum err
upload_end(void *state, const struct http_request *req, struct http_reply *rep,
           struct errinfo *e)
{
    struct upload *up = state;
    enum err       rc = ERR_OK;

    upload_enter(up);
    atomic_fetch_add(&up->f->n_ended, 1);
    rep->status = 201;
    buf_printf(&rep->body, "{\"bytes\":%zu}", up->n_bytes);
    if (strcmp(req->arg[0], "bad-end") == 0)
        rc = err_set(e, ERR_INVALID, "", "no rows");
    free(up);
    return rc;
}

static void
upload_abort(void *state)
{
    struct upload  *up = state;
    struct fixture *f = up->f;

    upload_enter(up);
    free(up);
    atomic_fetch_add(&f->n_aborted, 1);
}

static const struct http_stream upload = {
    upload_begin,
    upload_piece,
    upload_end,
    upload_abort,
};

/* --- the table --------------------------------------------------------- */

#define JSON "application/json"
/* clang-format off */
static const struct http_route routes[] = {
    { HTTP_GET,    "/hello",              hello,   NULL,    0,         NULL, NULL, HTTP_FAST, HTTP_PUBLIC, "" },
    { HTTP_GET,    "/healthz",            hello,   NULL,    0,         NULL, NULL, HTTP_FAST | HTTP_OPEN, HTTP_PUBLIC, "" },
    { HTTP_GET,    "/things",             params,  NULL,    0,         NULL, "limit,after,flag,count", 0, HTTP_PUBLIC, "" },
    { HTTP_POST,   "/things",             echo,    NULL,    1000,      JSON, NULL, 0, HTTP_TRAIN, "" },
    { HTTP_GET,    "/things/{name}",      hello,   NULL,    0,         NULL, NULL, 0, HTTP_PUBLIC, "" },
    { HTTP_DELETE, "/things/{name}",      gone,    NULL,    0,         NULL, NULL, 0, HTTP_PUBLIC, "" },
    { HTTP_POST,   "/things/{name}/stop", echo,    NULL,    0,         NULL, NULL, 0, HTTP_PUBLIC, "" },
    { HTTP_POST,   "/things/{name}:run",  echo,    NULL,    256 * KIB, JSON ",application/octet-stream", NULL, HTTP_FAST, HTTP_PUBLIC, "" },
    { HTTP_PUT,    "/raw",                echo,    NULL,    4 * MIB,   NULL, NULL, 0, HTTP_PUBLIC, "" },
    { HTTP_PATCH,  "/raw",                echo,    NULL,    4 * MIB,   NULL, NULL, HTTP_FAST, HTTP_PUBLIC, "" },
    { HTTP_GET,    "/block",              unwilling, NULL,  0,         NULL, NULL, HTTP_FAST, HTTP_PUBLIC, "" },
    { HTTP_GET,    "/stubborn",           stubborn, NULL,   0,         NULL, NULL, HTTP_FAST, HTTP_PUBLIC, "" },
    { HTTP_GET,    "/wait",               wait_at_gate, NULL, 0,       NULL, NULL, 0, HTTP_PUBLIC, "" },
    { HTTP_GET,    "/fail",               failing, NULL,    0,         NULL, "code,bare", HTTP_FAST, HTTP_PUBLIC, "" },
    { HTTP_GET,    "/large",              large,   NULL,    0,         NULL, "n", 0, HTTP_PUBLIC, "" },
    { HTTP_PUT,    "/upload/{name}",      NULL,    &upload, 64 * MIB,  "application/octet-stream,text/csv,multipart/form-data", NULL, 0, HTTP_PUBLIC, "" },
    { HTTP_PUT,    "/small/{name}",       NULL,    &upload, 300000,    NULL, NULL, 0, HTTP_PUBLIC, "" },
};
/* clang-format on */

static enum err
count_admitted(void *ctx, struct http_request *req,
               const char *authorization, struct errinfo *e)
{
    struct fixture *f = ctx;

    (void)req, (void)authorization, (void)e;
    atomic_fetch_add(&f->n_admitted, 1);
    return ERR_OK;
}

static void
count_request(void *ctx, const struct http_route *route, unsigned status,
              double seconds)
{
    struct fixture *f = ctx;

    (void)route;
    ck_assert_uint_ge(status, 200);
    ck_assert(seconds >= 0);
    atomic_fetch_add(&f->n_observed, 1);
}

void
fixture_start(struct fixture *f, const struct http_options *given)
{
    struct http_options opt = { 0 };
    struct errinfo      e;
    const char         *port;

    memset(f, 0, sizeof(*f));
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    if (given != NULL)
        opt = *given;
    if (opt.listen == NULL)
        opt.listen = "127.0.0.1:0";
    opt.route = routes;
    opt.n_routes = COUNT_OF(routes);
    opt.ctx = f;
    opt.observe = count_request;
    if (opt.authorize == NULL)
        opt.authorize = count_admitted;
    err_clear(&e);
    ck_assert_msg(http_server_start(&opt, &f->server, &e) == ERR_OK, "%s",
                  err_what(&e));
    port = strrchr(http_server_url(f->server), ':');
    f->port = (unsigned)strtoul(port + 1, NULL, 10);
    ck_assert_uint_gt(f->port, 0);
}

void
fixture_stop(struct fixture *f)
{
    http_server_stop(f->server, 2000);
    ck_assert_uint_eq(f->n_begun, f->n_ended + f->n_aborted);
    ck_assert_uint_eq(f->n_overlaps, 0);
    ck_assert_uint_eq(f->n_wrong, 0);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
}

void
fixture_open_gate(struct fixture *f)
{
    pthread_mutex_lock(&f->lock);
    f->open = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

void
fixture_await_waiting(struct fixture *f, unsigned n)
{
    pthread_mutex_lock(&f->lock);
    while (f->n_waiting < n)
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

void
fixture_await(atomic_uint *counter, unsigned n)
{
    for (int ms = 0; atomic_load(counter) != n && ms < PATIENCE_MS; ms++)
        nap(1);
    ck_assert_uint_eq(atomic_load(counter), n);
}

unsigned char
pattern_byte(size_t i)
{
    return (unsigned char)(i * 31 + (i >> 8) * 7);
}

char *
pattern_new(size_t n)
{
    char *p = mem_array(n + 1, 1, 0);

    ck_assert_ptr_nonnull(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)pattern_byte(i);
    return p;
}

/* --- the client -------------------------------------------------------- */

int
client_try_connect(const struct fixture *f)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)f->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    close(fd);
    return -1;
}

int
client_connect(const struct fixture *f)
{
    int fd = client_try_connect(f);

    ck_assert_int_ge(fd, 0);
    return fd;
}

bool
client_send(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;

    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

bool
client_puts(int fd, const char *text)
{
    return client_send(fd, text, strlen(text));
}

/* 0: the other side has closed, or nothing came for long. */
static size_t
receive(int fd, char *p, size_t n, int patience_ms)
{
    struct pollfd pfd = { fd, POLLIN, 0 };
    ssize_t       got;

    if (poll(&pfd, 1, patience_ms) != 1)
        return 0;
    got = recv(fd, p, n, 0);
    return got > 0 ? (size_t)got : 0;
}

bool
client_is_closed(int fd)
{
    struct pollfd pfd = { fd, POLLIN, 0 };
    char          c;

    return poll(&pfd, 1, 5000) == 1 && recv(fd, &c, 1, 0) <= 0;
}

void
answer_release(struct answer *a)
{
    free(a->body);
    memset(a, 0, sizeof(*a));
}

const char *
answer_header(const struct answer *a, const char *name)
{
    static _Thread_local char value[1024];
    const char *p = a->head;
    size_t      len = strlen(name), n;

    while ((p = strstr(p, "\r\n")) != NULL) {
        p += 2;
        if (strncasecmp(p, name, len) != 0 || p[len] != ':')
            continue;
        p += len + 1;
        p += strspn(p, " ");
        n = strcspn(p, "\r");
        ck_assert_uint_lt(n, sizeof(value));
        memcpy(value, p, n);
        value[n] = '\0';
        return value;
    }
    return "";
}

void
answer_has(const struct answer *a, const char *name, const char *value)
{
    ck_assert_str_eq(answer_header(a, name), value);
}

void
answer_says(const struct answer *a, const char *text)
{
    ck_assert_msg(a->body != NULL && strstr(a->body, text) != NULL,
                  "no \"%s\" in %d \"%s\"", text, a->status,
                  a->body != NULL ? a->body : "");
}

void
client_read_head(int fd, struct answer *a)
{
    size_t n = 0;

    memset(a, 0, sizeof(*a));
    while (n < 4 || memcmp(a->head + n - 4, "\r\n\r\n", 4) != 0) {
        ck_assert_uint_lt(n, sizeof(a->head) - 1);
        if (receive(fd, a->head + n, 1, PATIENCE_MS) != 1)
            return;
        n++;
    }
    ck_assert_int_eq(sscanf(a->head, "HTTP/1.1 %d ", &a->status), 1);
}

void
client_read(int fd, struct answer *a)
{
    const char *length;
    size_t      want;

    client_read_head(fd, a);
    length = answer_header(a, "Content-Length");
    /* Without a length: until it closes; no such answer is longer than this. */
    want = length[0] != '\0' ? strtoul(length, NULL, 10) : 4096;
    if (a->status == 204 || a->status == 100 || a->status == 0)
        want = 0;
    a->body = mem_array(want + 1, 1, 0);
    ck_assert_ptr_nonnull(a->body);
    while (a->len < want) {
        size_t n = receive(fd, a->body + a->len, want - a->len, PATIENCE_MS);

        if (n == 0)
            break;
        a->len += n;
    }
    if (length[0] != '\0')
        ck_assert_uint_eq(a->len, want);
}

void
ask_raw(const struct fixture *f, const char *request, struct answer *a)
{
    int fd = client_connect(f);

    client_puts(fd, request);
    client_read(fd, a);
    close(fd);
}

void
ask(const struct fixture *f, const char *method, const char *target,
    const char *headers, const char *body, struct answer *a)
{
    struct buf b = { 0 };
    int        fd = client_connect(f);

    buf_printf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s", method, target,
               headers);
    if (body != NULL)
        buf_printf(&b, "Content-Length: %zu\r\n", strlen(body));
    buf_printf(&b, "\r\n%s", body != NULL ? body : "");
    ck_assert(!b.failed);
    client_send(fd, b.data, b.len);
    buf_release(&b);
    if (strcmp(method, "HEAD") == 0)
        client_read_head(fd, a);
    else
        client_read(fd, a);
    close(fd);
}

int
ask_status(const struct fixture *f, const char *method, const char *target,
           const char *headers, const char *body)
{
    struct answer a;
    int           status;

    ask(f, method, target, headers, body, &a);
    status = a.status;
    answer_release(&a);
    return status;
}
