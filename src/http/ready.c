#include "http/ready.h"

#include <stdlib.h>
#include <string.h>

#define ID "X-Request-Id"
#define ID_SIZE 65

struct http_ready {
    struct http_ready   *next; /* on the shelf */
    struct MHD_Response *response;
    const char          *kind;
    char                 id[ID_SIZE]; /* that it bears */
    size_t               len;
    char                 body[];
};

static void
ready_free(struct http_ready *ready)
{
    if (ready == NULL)
        return;
    if (ready->response != NULL)
        MHD_destroy_response(ready->response);
    free(ready);
}

void
http_shelf_init(struct http_shelf *shelf)
{
    *shelf = (struct http_shelf){ 0 };
    pthread_mutex_init(&shelf->lock, NULL);
}

void
http_shelf_release(struct http_shelf *shelf)
{
    while (shelf->first != NULL) {
        struct http_ready *ready = shelf->first;

        shelf->first = ready->next;
        ready_free(ready);
    }
    pthread_mutex_destroy(&shelf->lock);
}

static struct http_ready *
ready_new(const char *kind, const struct http_header *header, size_t n_headers,
          size_t len)
{
    struct http_ready *ready = mem_array(1, sizeof(*ready) + len, 0);

    if (ready == NULL)
        return NULL;
    ready->kind = kind;
    ready->len = len;
    ready->response = MHD_create_response_from_buffer(len, ready->body,
                                                      MHD_RESPMEM_PERSISTENT);
    for (size_t i = 0; ready->response != NULL && i < n_headers; i++)
        if (MHD_add_response_header(ready->response, header[i].name,
                                    header[i].value) == MHD_NO) {
            MHD_destroy_response(ready->response);
            ready->response = NULL;
        }
    if (ready->response != NULL)
        return ready;
    free(ready);
    return NULL;
}

/* From the shelf, or room for a new one: the one that was used longest ago
 * leaves.  *out_room false: as many as there may be are out. */
static struct http_ready *
shelf_take(struct http_shelf *shelf, const char *kind, size_t len,
           bool *out_room)
{
    struct http_ready **link = &shelf->first, **last = NULL;
    struct http_ready  *found = NULL, *leaves = NULL;

    pthread_mutex_lock(&shelf->lock);
    for (; *link != NULL; link = &(*link)->next) {
        if ((*link)->len == len && (*link)->kind == kind)
            break;
        last = link;
    }
    *out_room = true;
    if (*link != NULL) {
        found = *link;
        *link = found->next;
    } else if (shelf->n < HTTP_READY_MAX) {
        shelf->n++;
    } else if (last != NULL) {
        leaves = *last;
        *last = NULL;
    } else {
        *out_room = false;
    }
    pthread_mutex_unlock(&shelf->lock);
    ready_free(leaves);
    return found;
}

static void
shelf_forget(struct http_shelf *shelf, struct http_ready *ready)
{
    ready_free(ready);
    pthread_mutex_lock(&shelf->lock);
    shelf->n--;
    pthread_mutex_unlock(&shelf->lock);
}

struct http_ready *
http_ready_take(struct http_shelf *shelf, const char *kind,
                const struct http_header *header, size_t n_headers,
                const char *id, const void *body, size_t len)
{
    bool               room;
    struct http_ready *ready = shelf_take(shelf, kind, len, &room);

    if (!room)
        return NULL;
    if (ready == NULL)
        ready = ready_new(kind, header, n_headers, len);
    else
        MHD_del_response_header(ready->response, ID, ready->id);
    if (ready == NULL ||
        MHD_add_response_header(ready->response, ID, id) == MHD_NO) {
        shelf_forget(shelf, ready);
        return NULL;
    }
    memcpy(ready->id, id, strlen(id) + 1);
    memcpy(ready->body, body, len);
    return ready;
}

void
http_ready_give(struct http_shelf *shelf, struct http_ready *ready)
{
    if (ready == NULL)
        return;
    pthread_mutex_lock(&shelf->lock);
    ready->next = shelf->first;
    shelf->first = ready;
    pthread_mutex_unlock(&shelf->lock);
}

struct MHD_Response *
http_ready_response(const struct http_ready *ready)
{
    return ready->response;
}
