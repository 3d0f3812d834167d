#include "watch/plot.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define MAX_WIDTH 200
#define MAX_ROWS 16

void
watch_bar(struct buf *out, double fraction, size_t width)
{
    double done = fraction > 0 ? fraction * (double)width : 0;

    for (size_t i = 0; i < width; i++)
        buf_puts(out, (double)i + 0.5 <= done ? "━" : "─");
}

/* The dots of a character: columns left and right, four rows from the top. */
static const uint8_t dot[4][2] = {
    { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 }
};

static void
put_braille(struct buf *out, uint8_t dots)
{
    char utf8[3] = { (char)0xe2, (char)(0xa0 + (dots >> 6)),
                     (char)(0x80 + (dots & 0x3f)) };

    buf_append(out, utf8, 3);
}

void
watch_curve(struct buf *out, const double *y, size_t n, size_t width,
            size_t rows, const char *eol)
{
    uint8_t cell[MAX_ROWS][MAX_WIDTH] = { { 0 } };
    double  least = HUGE_VAL, most = 0;

    width = width < MAX_WIDTH ? width : MAX_WIDTH;
    rows = rows < MAX_ROWS ? rows : MAX_ROWS;
    for (size_t i = 0; i < n; i++) {
        if (!(y[i] > 0) || !isfinite(y[i]))
            continue;
        least = fmin(least, y[i]);
        most = fmax(most, y[i]);
    }
    if (most == 0 || width == 0)
        return;
    double span = log(most / least) + 1e-9;
    for (size_t i = 0; i < n; i++) {
        if (!(y[i] > 0) || !isfinite(y[i]))
            continue;
        size_t x = n > 1 ? i * (2 * width - 1) / (n - 1) : 0;
        size_t v =
            (size_t)(log(most / y[i]) / span * (double)(4 * rows - 1) + 0.5);

        cell[v / 4][x / 2] |= dot[v % 4][x % 2];
    }
    for (size_t r = 0; r < rows; r++) {
        if (r == 0 || r + 1 == rows)
            buf_printf(out, "%10.3g ", r == 0 ? most : least);
        else
            buf_printf(out, "%10s ", "");
        for (size_t x = 0; x < width; x++)
            put_braille(out, cell[r][x]);
        buf_puts(out, eol);
    }
}
