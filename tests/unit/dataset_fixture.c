#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "dataset/chunk.h"
#include "dataset/internal.h"
#include "dataset_suites.h"

struct body
csv_body(const char *text)
{
    return (struct body){ .options = { .format = DATASET_CSV, .header = true },
                          .n_parts = 1,
                          .part = { { "", text, strlen(text) } } };
}

static enum err
keep_chunk(void *arg, const void *p, size_t len, struct errinfo *e)
{
    struct stored *s = arg;

    if (s->n_chunks == COUNT_OF(s->chunk))
        return err_set(e, ERR_FULL, "", "more chunks than the test keeps");
    s->chunk[s->n_chunks] = malloc(len);
    if (s->chunk[s->n_chunks] == NULL)
        return DATASET_NOMEM(e);
    memcpy(s->chunk[s->n_chunks], p, len);
    s->len[s->n_chunks++] = len;
    return ERR_OK;
}

/* Feed from a block of exactly this size, so that reading beyond it is
 * caught. */
static enum err
feed(struct dataset_upload *up, const char *p, size_t n, struct errinfo *e)
{
    char    *copy = mem_dup(p, n), *exact;
    enum err rc;

    if (copy == NULL)
        return DATASET_NOMEM(e);
    exact = realloc(copy, n > 0 ? n : 1);
    if (exact == NULL) {
        free(copy);
        return DATASET_NOMEM(e);
    }
    rc = dataset_upload_feed(up, exact, n, e);
    free(exact);
    return rc;
}

static enum err
feed_part(struct dataset_upload *up, const struct part *part, struct cut cut,
          struct errinfo *e)
{
    size_t   from = 0;
    enum err rc = ERR_OK;

    while (from < part->len && rc == ERR_OK) {
        size_t to = part->len;

        if (cut.every > 0 && from + cut.every < to)
            to = from + cut.every;
        if (from < cut.at && cut.at < to)
            to = cut.at;
        rc = feed(up, part->p + from, to - from, e);
        from = to;
    }
    return rc;
}

void
stored_put(const struct body *body, struct cut cut, struct stored *out)
{
    struct dataset_upload *up = NULL;
    enum err               rc;

    *out = (struct stored){ 0 };
    rc = dataset_upload_new(&body->options, keep_chunk, out, &up, &out->e);
    if (rc == ERR_OK && body->chunk_floats > 0)
        dataset_upload_chunk_floats(up, body->chunk_floats);
    for (size_t i = 0; i < body->n_parts && rc == ERR_OK; i++) {
        if (body->options.format == DATASET_ARRAYS)
            rc = dataset_upload_part(up, body->part[i].name, body->filename,
                                     &out->e);
        if (rc == ERR_OK)
            rc = feed_part(up, &body->part[i], cut, &out->e);
    }
    if (rc == ERR_OK)
        rc = dataset_upload_end(up, &out->meta, &out->e);
    dataset_upload_free(up);
    out->rc = rc;
}

void
stored_append(struct stored *s, const struct body *body)
{
    struct dataset_source  source = stored_source(s);
    struct dataset_upload *up = NULL;
    struct dataset_meta    meta = { 0 };
    enum err               rc;

    rc = dataset_upload_new(&body->options, keep_chunk, s, &up, &s->e);
    if (rc == ERR_OK)
        dataset_upload_chunk_floats(up, 8);
    if (rc == ERR_OK)
        rc = dataset_upload_resume(up, &source, &s->e);
    if (rc == ERR_OK)
        rc = feed_part(up, &body->part[0], (struct cut){ 1, 0 }, &s->e);
    if (rc == ERR_OK)
        rc = dataset_upload_end(up, &meta, &s->e);
    dataset_upload_free(up);
    s->rc = rc;
    if (rc == ERR_OK) {
        dataset_meta_release(&s->meta);
        s->meta = meta;
    }
}

void
stored_release(struct stored *s)
{
    for (size_t i = 0; i < s->n_chunks; i++)
        free(s->chunk[i]);
    s->n_chunks = 0;
    for (size_t i = 0;
         s->text != NULL && i < s->meta.n_rows * s->meta.row_width; i++)
        free(s->text[i]);
    free(s->text);
    s->text = NULL;
    dataset_meta_release(&s->meta);
}

void
stored_csv(const char *text, struct stored *out)
{
    struct body body = csv_body(text);

    body.chunk_floats = 8;
    stored_put(&body, (struct cut){ 0 }, out);
    ck_assert_msg(out->rc == ERR_OK, "%s", err_what(&out->e));
}

static enum err
each_chunk(void *arg, dataset_chunk_fn sink, void *sink_arg, struct errinfo *e)
{
    struct stored *s = arg;

    for (size_t i = 0; i < s->n_chunks; i++) {
        enum err rc = sink(sink_arg, s->chunk[i], s->len[i], e);

        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

struct dataset_source
stored_source(struct stored *s)
{
    return (struct dataset_source){ .meta = &s->meta,
                                    .each = each_chunk,
                                    .arg = s };
}

static void
keep_texts(struct stored *s, const struct dataset_block *block)
{
    for (size_t i = 0; i < block->n_columns; i++) {
        const struct dataset_column *col =
            &s->meta.column[block->first_column + i];
        size_t at = col->offset - s->meta.column[block->first_column].offset;

        if (dataset_type_cells(col->type) != DATASET_TEXTS)
            continue;
        for (size_t r = 0; r < block->n_rows; r++) {
            float  x = block->cell[r * block->width + at];
            char **to = &s->text[(block->first_row + r) * s->meta.row_width +
                                 col->offset];
            size_t len;

            if (isnan(x))
                continue;
            free(*to);
            const char *t = dataset_texts_at(&block->texts, (size_t)x, &len);
            *to = mem_dup(t, len);
            ck_assert_ptr_nonnull(*to);
        }
    }
}

float *
stored_cells(struct stored *s)
{
    size_t               width = s->meta.row_width;
    float               *cells = mem_floats(s->meta.n_rows * width, 0);
    struct dataset_block block = { 0 };
    struct errinfo       e;

    err_clear(&e);
    ck_assert_ptr_nonnull(cells);
    for (size_t i = 0; i < s->meta.n_rows * width; i++)
        cells[i] = -999;
    if (s->text == NULL)
        s->text = mem_array(s->meta.n_rows * width, sizeof(*s->text), 0);
    ck_assert_ptr_nonnull(s->text);
    for (size_t i = 0; i < s->n_chunks; i++) {
        enum err rc =
            dataset_chunk_decode(&s->meta, s->chunk[i], s->len[i], &block, &e);
        size_t offset;

        ck_assert_msg(rc == ERR_OK, "%s", err_what(&e));
        offset = s->meta.column[block.first_column].offset;
        for (size_t r = 0; r < block.n_rows; r++)
            memcpy(cells + (block.first_row + r) * width + offset,
                   block.cell + r * block.width, block.width * sizeof(float));
        keep_texts(s, &block);
    }
    dataset_block_release(&block);
    return cells;
}

static void
tell_column(const struct dataset_column *col, struct buf *out)
{
    buf_printf(out, "%s%s %s", col->name, col->is_target ? "*" : "",
               dataset_type_name(col->type));
    for (size_t i = 0; i < col->rank; i++)
        buf_printf(out, "%s%zu", i == 0 ? " " : "x", col->dim[i]);
    if (col->missing > 0)
        buf_printf(out, " missing %u", (unsigned)col->missing);
    if (col->type == DATASET_NUMERIC || col->type == DATASET_CLASS)
        buf_printf(out, " %.6g..%.6g mean %.6g std %.6g", col->min, col->max,
                   col->mean, col->std);
    for (size_t i = 0; i < col->n_categories; i++)
        buf_printf(out, " <%s>", col->categories[i]);
    buf_putc(out, '\n');
}

char *
stored_tell(struct stored *s)
{
    struct buf out = { 0 };
    float     *cells;

    if (s->rc != ERR_OK) {
        buf_printf(&out, "%s", err_code_slug(s->rc));
        for (unsigned i = 0; i < s->e.n; i++)
            buf_printf(&out, "\n%s: %s", s->e.item[i].where, s->e.item[i].what);
        return buf_steal(&out, NULL);
    }
    buf_printf(&out, "%s", dataset_task_name(s->meta.task));
    for (size_t i = 0; i < s->meta.n_classes; i++)
        buf_printf(&out, " <%s>", s->meta.classes[i]);
    buf_putc(&out, '\n');
    for (size_t i = 0; i < s->meta.n_columns; i++)
        tell_column(&s->meta.column[i], &out);
    cells = stored_cells(s);
    for (size_t r = 0; r < s->meta.n_rows; r++) {
        for (size_t k = 0; k < s->meta.row_width; k++) {
            float x = cells[r * s->meta.row_width + k];

            if (k > 0)
                buf_putc(&out, ' ');
            if (isnan(x))
                buf_putc(&out, '-');
            else if (s->text[r * s->meta.row_width + k] != NULL)
                buf_printf(&out, "'%s'", s->text[r * s->meta.row_width + k]);
            else
                buf_printf(&out, "%.9g", (double)x);
        }
        buf_putc(&out, '\n');
    }
    free(cells);
    if (s->meta.n_skipped > 0)
        buf_printf(&out, "skipped %u\n%s: %s\n", (unsigned)s->meta.n_skipped,
                   s->meta.skipped[0].where, s->meta.skipped[0].what);
    return buf_steal(&out, NULL);
}

static void
expect_cut(const struct body *body, struct cut cut, const char *text)
{
    struct stored s;
    size_t        len = strlen(text);
    char         *told;

    stored_put(body, cut, &s);
    told = stored_tell(&s);
    if (len > 0 && text[len - 1] == '*')
        ck_assert_msg(strncmp(told, text, len - 1) == 0,
                      "cut every %zu at %zu, told:\n%s\nexpected:\n%s",
                      cut.every, cut.at, told, text);
    else
        ck_assert_msg(strcmp(told, text) == 0,
                      "cut every %zu at %zu, told:\n%s\nexpected:\n%s",
                      cut.every, cut.at, told, text);
    free(told);
    stored_release(&s);
}

void
expect(const struct body *body, const char *text)
{
    static const size_t chunk_floats[] = { 0, 1, 6 };
    struct body         b = *body;
    size_t              longest = 0;

    for (size_t i = 0; i < b.n_parts; i++)
        if (b.part[i].len > longest)
            longest = b.part[i].len;
    for (size_t i = 0; i < COUNT_OF(chunk_floats); i++) {
        b.chunk_floats = chunk_floats[i];
        expect_cut(&b, (struct cut){ 0, 0 }, text);
        expect_cut(&b, (struct cut){ 1, 0 }, text);
        for (size_t at = 1; at < longest; at++)
            expect_cut(&b, (struct cut){ 0, at }, text);
    }
}
