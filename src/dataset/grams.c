#include "dataset/grams.h"

#include <math.h>
#include <string.h>

/* The last few words or characters, as hashes; the newest at n_seen - 1. */
struct window {
    uint64_t hash[DATASET_MAX_GRAM];
    size_t   n_seen;
};

/* FNV-1a (Fowler, Noll, Vo), 64 bits. */
#define FNV_BEGIN UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static uint64_t
mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * FNV_PRIME;
    return h ^ h >> 29;
}

/* Every bit of h decides about the high ones, which FNV does not care for. */
static uint64_t
scatter(uint64_t h)
{
    h = (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    return (h ^ h >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
}

/* One more element: count every n-gram that it ends. */
static void
push(struct window *w, uint64_t hash, unsigned min, unsigned max,
     const struct dataset_grams *g, float *x)
{
    w->hash[w->n_seen++ % DATASET_MAX_GRAM] = hash;
    for (unsigned n = min; n <= max && n <= w->n_seen; n++) {
        uint64_t h = FNV_BEGIN + n;

        for (size_t i = w->n_seen - n; i < w->n_seen; i++)
            h = mix(h, w->hash[i % DATASET_MAX_GRAM]);
        x[(scatter(h) >> 32) * g->size >> 32] += 1;
    }
}

static bool
is_letter(unsigned char c)
{
    return c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static unsigned char
small(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static void
count_words(const struct dataset_grams *g, const char *s, size_t len, float *x)
{
    struct window w = { .n_seen = 0 };
    uint64_t      hash = FNV_BEGIN;
    bool          inside = false;

    for (size_t i = 0; i <= len; i++) {
        unsigned char c = i < len ? small(s[i]) : ' ';

        if (is_letter(c)) {
            hash = (hash ^ c) * FNV_PRIME;
            inside = true;
        } else if (inside) {
            push(&w, hash, g->word_min, g->word_max, g, x);
            hash = FNV_BEGIN;
            inside = false;
        }
    }
}

/* Characters of UTF-8; a blank in front and behind marks begin and end. */
static void
count_characters(const struct dataset_grams *g, const char *s, size_t len,
                 float *x)
{
    struct window w = { .n_seen = 0 };
    bool          blank = true;

    /* Other purposes than words: "a" the word and "a" the letter differ. */
    push(&w, ' ' + FNV_PRIME, g->char_min, g->char_max, g, x);
    for (size_t i = 0; i < len;) {
        unsigned char c = small(s[i]);
        uint64_t      code = c;

        for (i++; i < len && ((unsigned char)s[i] & 0xc0) == 0x80; i++)
            code = code << 8 | (unsigned char)s[i];
        if (is_letter(c))
            push(&w, code + FNV_PRIME, g->char_min, g->char_max, g, x);
        else if (!blank)
            push(&w, ' ' + FNV_PRIME, g->char_min, g->char_max, g, x);
        blank = !is_letter(c);
    }
    if (!blank)
        push(&w, ' ' + FNV_PRIME, g->char_min, g->char_max, g, x);
}

void
dataset_grams_count(const struct dataset_grams *g, const char *s, size_t len,
                    float *x)
{
    double squares = 0;
    float  scale;

    memset(x, 0, g->size * sizeof(*x));
    if (g->word_max > 0)
        count_words(g, s, len, x);
    if (g->char_max > 0)
        count_characters(g, s, len, x);
    for (size_t k = 0; k < g->size; k++) {
        if (x[k] == 0)
            continue;
        x[k] = log1pf(x[k]);
        squares += (double)x[k] * (double)x[k];
    }
    scale = squares > 0 ? (float)(1 / sqrt(squares)) : 0;
    for (size_t k = 0; k < g->size; k++)
        x[k] *= scale;
}
