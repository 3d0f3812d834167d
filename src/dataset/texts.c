#include "dataset/texts.h"

#include <stdint.h>
#include <string.h>

void
dataset_texts_release(struct dataset_texts *texts)
{
    buf_release(&texts->bytes);
    buf_release(&texts->ends);
}

void
dataset_texts_reset(struct dataset_texts *texts)
{
    buf_reset(&texts->bytes);
    buf_reset(&texts->ends);
}

size_t
dataset_texts_count(const struct dataset_texts *texts)
{
    return texts->ends.len / sizeof(uint32_t);
}

static size_t
end_of(const struct dataset_texts *texts, size_t i)
{
    uint32_t end;

    memcpy(&end, texts->ends.data + i * sizeof(end), sizeof(end));
    return end;
}

const char *
dataset_texts_at(const struct dataset_texts *texts, size_t i, size_t *len)
{
    size_t begin = i > 0 ? end_of(texts, i - 1) : 0;

    *len = end_of(texts, i) - begin;
    return *len > 0 ? texts->bytes.data + begin : "";
}

bool
dataset_texts_add(struct dataset_texts *texts, const char *s, size_t len)
{
    uint32_t end;

    /* A buffer never holds more than its 64 MiB. */
    buf_append(&texts->bytes, s, len);
    end = (uint32_t)texts->bytes.len;
    buf_append(&texts->ends, &end, sizeof(end));
    return !texts->bytes.failed && !texts->ends.failed;
}
