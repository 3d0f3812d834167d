#include "base/similar.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;

    return least < c ? least : c;
}

/* Row by row of the usual table, of which only one is kept. */
static unsigned
edits(const char *a, size_t n_a, const char *b, size_t n_b)
{
    unsigned row[SIMILAR_NOT];

    for (unsigned j = 0; j <= n_b; j++)
        row[j] = j;
    for (unsigned i = 1; i <= n_a; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            unsigned differs = strncasecmp(a + i - 1, b + j - 1, 1) != 0;
            unsigned change = diagonal + differs;

            diagonal = row[j];
            row[j] = least(change, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[n_b];
}

unsigned
similar_distance(const char *written, const char *name)
{
    size_t n = strlen(written), m = strlen(name);
    size_t shorter = n < m ? n : m, longer = n < m ? m : n;

    if (longer >= SIMILAR_NOT)
        return SIMILAR_NOT;
    if (shorter >= 3 && n != m && strncasecmp(written, name, shorter) == 0)
        return 1;
    unsigned distance = edits(written, n, name, m);
    return distance * 3 <= longer ? distance : SIMILAR_NOT;
}
