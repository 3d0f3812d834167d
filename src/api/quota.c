#include "api/quota.h"

#include "base/mem.h"

static bool
take_known(struct api_quota *q, size_t n)
{
    bool fits;

    pthread_mutex_lock(&q->lock);
    fits = q->is_counted && q->held <= q->limit && n <= q->limit - q->held;
    if (fits) {
        q->held += n;
        q->under_way += n;
        q->n_taken += n;
    }
    pthread_mutex_unlock(&q->lock);
    return fits;
}

/* What others write meanwhile may count twice, until the next time. */
static enum err
count(struct api_quota *q, struct store *db, struct errinfo *e)
{
    uint64_t under_way, before, stored;
    enum err rc;

    pthread_mutex_lock(&q->lock);
    under_way = q->under_way;
    before = q->n_taken;
    pthread_mutex_unlock(&q->lock);
    rc = store_dataset_usage(db, &stored, e);
    if (rc != ERR_OK)
        return rc;
    pthread_mutex_lock(&q->lock);
    q->held = stored + under_way + (q->n_taken - before);
    q->is_counted = true;
    pthread_mutex_unlock(&q->lock);
    return ERR_OK;
}

enum err
api_quota_take(struct api_quota *q, struct store *db, size_t n,
               struct errinfo *e)
{
    enum err rc;

    if (q->limit == 0 || take_known(q, n))
        return ERR_OK;
    rc = count(q, db, e);
    if (rc != ERR_OK || take_known(q, n))
        return rc;
    return err_named(e,
                     err_set(e, ERR_FULL, "",
                             "the datasets may take %llu MiB together "
                             "(datasets_mib), and there is no room for this "
                             "one: delete some",
                             (unsigned long long)(q->limit / MIB)),
                     "datasets_full");
}

void
api_quota_give(struct api_quota *q, size_t n)
{
    if (q->limit == 0)
        return;
    pthread_mutex_lock(&q->lock);
    q->under_way -= n;
    pthread_mutex_unlock(&q->lock);
}
