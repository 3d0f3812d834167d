/* model.c - a counted snapshot, and the scratch its passes run in */
#include "serving/model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- scratches ------------------------------------------------------------ */

static void
scratch_free(struct serving_scratch *s)
{
    if (s == NULL)
        return;
    nn_work_free(s->work);
    free(s->x);
    free(s);
}

static enum err
scratch_new(const struct nn_net *net, struct serving_scratch **out,
            struct errinfo *e)
{
    struct serving_scratch *s = mem_array(1, sizeof(*s), 0);
    enum err                rc = ERR_NOMEM;

    if (s != NULL)
        s->x = mem_floats(SERVING_MAX_BATCH * nn_net_n_in(net), 0);
    if (s == NULL || s->x == NULL)
        err_set(e, ERR_NOMEM, "", "no memory to predict in");
    else
        rc = nn_work_new(net, SERVING_MAX_BATCH, false, &s->work, e);
    if (rc != ERR_OK) {
        scratch_free(s);
        return rc;
    }
    *out = s;
    return ERR_OK;
}

/* One more, where the budget has room; NULL where not. */
static struct serving_scratch *
scratch_more(struct serving_model *m)
{
    struct serving_scratch *s = NULL;

    if (mem_budget_take(m->budget, m->scratch_bytes, "a prediction", NULL) !=
        ERR_OK)
        return NULL;
    if (scratch_new(m->net, &s, NULL) != ERR_OK) {
        mem_budget_give(m->budget, m->scratch_bytes);
        return NULL;
    }
    pthread_mutex_lock(&m->lock);
    m->taken += m->scratch_bytes;
    pthread_mutex_unlock(&m->lock);
    return s;
}

static struct serving_scratch *
scratch_take(struct serving_model *m)
{
    pthread_mutex_lock(&m->lock);
    struct serving_scratch *s = m->idle;
    if (s == NULL) {
        pthread_mutex_unlock(&m->lock);
        s = scratch_more(m);
        if (s != NULL)
            return s;
        pthread_mutex_lock(&m->lock);
        while ((s = m->idle) == NULL)
            pthread_cond_wait(&m->returned, &m->lock);
    }
    m->idle = s->next;
    pthread_mutex_unlock(&m->lock);
    return s;
}

static void
scratch_give(struct serving_model *m, struct serving_scratch *s)
{
    pthread_mutex_lock(&m->lock);
    s->next = m->idle;
    m->idle = s;
    pthread_cond_signal(&m->returned);
    pthread_mutex_unlock(&m->lock);
}

/* --- the model ------------------------------------------------------------ */

static enum err
scratch_bytes(const struct nn_net *net, size_t *out, struct errinfo *e)
{
    size_t   work, x, sum;
    enum err rc =
        nn_work_bytes(nn_net_spec(net), SERVING_MAX_BATCH, false, &work, e);

    if (rc != ERR_OK)
        return rc;
    if (!mem_mul(nn_net_n_in(net), SERVING_MAX_BATCH * sizeof(float), &x) ||
        !mem_add(work, x, &sum))
        return err_set(e, ERR_INVALID, "", "the network is too large to run");
    *out = sum;
    return ERR_OK;
}

enum err
serving_model_new(struct nn_net *net, struct dataset_encoder *encoder,
                  int64_t version, struct mem_budget *budget, size_t taken,
                  struct serving_model **out, struct errinfo *e)
{
    struct serving_scratch *first = NULL;
    struct serving_model   *m = NULL;
    size_t                  bytes = 0;
    enum err                rc = scratch_bytes(net, &bytes, e);

    if (rc == ERR_OK)
        rc = mem_budget_take(budget, bytes, "the network's passes", e);
    if (rc != ERR_OK)
        return rc;
    rc = scratch_new(net, &first, e);
    if (rc == ERR_OK && (m = mem_array(1, sizeof(*m), 0)) == NULL)
        rc = err_set(e, ERR_NOMEM, "", "no memory for the network");
    if (rc != ERR_OK) {
        scratch_free(first);
        mem_budget_give(budget, bytes);
        return rc;
    }
    atomic_init(&m->n_refs, 1);
    m->version = version;
    m->net = net;
    m->encoder = encoder;
    m->budget = budget;
    m->scratch_bytes = bytes;
    m->taken = taken + bytes;
    m->idle = first;
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->returned, NULL);
    *out = m;
    return ERR_OK;
}

struct serving_model *
serving_model_ref(struct serving_model *m)
{
    atomic_fetch_add_explicit(&m->n_refs, 1, memory_order_relaxed);
    return m;
}

void
serving_model_unref(struct serving_model *m)
{
    if (m == NULL ||
        atomic_fetch_sub_explicit(&m->n_refs, 1, memory_order_acq_rel) != 1)
        return;
    while (m->idle != NULL) {
        struct serving_scratch *s = m->idle;
        m->idle = s->next;
        scratch_free(s);
    }
    pthread_cond_destroy(&m->returned);
    pthread_mutex_destroy(&m->lock);
    dataset_encoder_free(m->encoder);
    nn_net_free(m->net);
    mem_budget_give(m->budget, m->taken);
    free(m);
}

const struct nn_net *
serving_model_net(const struct serving_model *m)
{
    return m->net;
}

const struct dataset_encoder *
serving_model_encoder(const struct serving_model *m)
{
    return m->encoder;
}

size_t
serving_model_width(const struct serving_model *m)
{
    return m->encoder != NULL ? m->encoder->raw_width : nn_net_n_in(m->net);
}

int64_t
serving_model_version(const struct serving_model *m)
{
    return m->version;
}

/* --- passes --------------------------------------------------------------- */

/* Raw rows where `encode`, else the network's inputs, in slices of a pass. */
static void
run(struct serving_model *m, const float *rows, size_t width, bool encode,
    size_t n, float *y)
{
    struct serving_scratch *s = scratch_take(m);
    size_t                  n_out = nn_net_n_out(m->net);

    for (size_t i = 0; i < n; i += SERVING_MAX_BATCH) {
        size_t       k = n - i < SERVING_MAX_BATCH ? n - i : SERVING_MAX_BATCH;
        const float *x = rows + i * width;
        if (encode) {
            dataset_encoder_apply(m->encoder, x, k, s->x);
            x = s->x;
        }
        memcpy(y + i * n_out, nn_net_forward(m->net, s->work, x, k),
               k * n_out * sizeof(float));
    }
    scratch_give(m, s);
}

void
serving_model_forward(struct serving_model *m, const float *x, size_t n,
                      float *y)
{
    run(m, x, nn_net_n_in(m->net), false, n, y);
}

enum err
serving_predict(struct serving_model *m, const float *raw, size_t n, float *y,
                struct errinfo *e)
{
    (void)e;
    if (m->encoder == NULL) {
        serving_model_forward(m, raw, n, y);
        return ERR_OK;
    }
    run(m, raw, m->encoder->raw_width, true, n, y);
    dataset_encoder_restore(m->encoder, y, n);
    return ERR_OK;
}

bool
serving_model_has_classes(const struct serving_model *m)
{
    return m->encoder != NULL && m->encoder->task == DATASET_CLASSIFICATION;
}

void
serving_labels(const struct serving_model *m, const float *y, size_t n,
               const char **label)
{
    const struct dataset_encoder *enc = m->encoder;
    size_t                        n_out = nn_net_n_out(m->net);

    assert(serving_model_has_classes(m));
    for (size_t i = 0; i < n; i++)
        label[i] = enc->classes[dataset_encoder_class(enc, y + i * n_out)];
}
