#include "base/gunzip.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

#include <zlib.h>

#include "base/mem.h"

#define OUT_SIZE (64 * KIB)
#define GZIP_ONLY (15 + 16) /* the largest window; no bare zlib streams */

struct gunzip {
    z_stream       z;
    gunzip_sink_fn sink;
    void          *arg;
    uint64_t       max_out, n_out;
    bool           inside; /* between a member's first byte and its last */
    unsigned       n_members;
    enum err       failed; /* what the first failing call returned */
    unsigned char  out[OUT_SIZE];
};

enum err
gunzip_new(gunzip_sink_fn sink, void *arg, uint64_t max_out,
           struct gunzip **out, struct errinfo *e)
{
    struct gunzip *g = mem_array(1, sizeof(*g), 0);

    if (g == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    if (inflateInit2(&g->z, GZIP_ONLY) != Z_OK) {
        free(g);
        return err_set(e, ERR_NOMEM, "", "out of memory");
    }
    g->sink = sink;
    g->arg = arg;
    g->max_out = max_out;
    *out = g;
    return ERR_OK;
}

void
gunzip_free(struct gunzip *g)
{
    if (g == NULL)
        return;
    inflateEnd(&g->z);
    free(g);
}

static enum err
hand_over(struct gunzip *g, size_t n, struct errinfo *e)
{
    g->n_out += n;
    if (g->max_out > 0 && g->n_out > g->max_out)
        return err_set(e, ERR_LIMIT, "",
                       "the gzip data unpacks to more than %llu bytes",
                       (unsigned long long)g->max_out);
    return n > 0 ? g->sink(g->arg, g->out, n, e) : ERR_OK;
}

/* Inflate once, into out[].  It is empty before, so that a call with input
 * left always makes progress. */
static enum err
step(struct gunzip *g, struct errinfo *e)
{
    enum err rc;
    int      zrc;

    if (!g->inside) {
        inflateReset(&g->z);
        g->inside = true;
    }
    g->z.next_out = g->out;
    g->z.avail_out = (uInt)sizeof(g->out);
    zrc = inflate(&g->z, Z_NO_FLUSH);
    switch (zrc) {
    case Z_OK:
        break;
    case Z_STREAM_END:
        g->inside = false;
        g->n_members++;
        break;
    case Z_MEM_ERROR:
        return err_set(e, ERR_NOMEM, "", "out of memory");
    default:
        /* What came out before may itself be wrong, and was first. */
        rc = hand_over(g, sizeof(g->out) - g->z.avail_out, e);
        if (rc != ERR_OK)
            return rc;
        return err_set(e, ERR_MALFORMED, "", "the gzip data is damaged: %s",
                       g->z.msg != NULL ? g->z.msg : "no gzip stream");
    }
    return hand_over(g, sizeof(g->out) - g->z.avail_out, e);
}

/* Output may be left inside zlib when the input is used up; the checksum that
 * ends every member is yet to come then, and brings it out. */
enum err
gunzip_feed(struct gunzip *g, const void *p, size_t n, struct errinfo *e)
{
    const unsigned char *from = p;

    while (n > 0 && g->failed == ERR_OK) {
        uInt part = n < UINT_MAX ? (uInt)n : UINT_MAX;

        g->z.next_in = (unsigned char *)from; /* zlib only reads it */
        g->z.avail_in = part;
        while (g->z.avail_in > 0 && g->failed == ERR_OK)
            g->failed = step(g, e);
        from += part;
        n -= part;
    }
    return g->failed;
}

enum err
gunzip_end(struct gunzip *g, struct errinfo *e)
{
    if (g->failed == ERR_OK && (g->inside || g->n_members == 0))
        g->failed =
            err_set(e, ERR_MALFORMED, "", "the gzip data ends before its end");
    return g->failed;
}
