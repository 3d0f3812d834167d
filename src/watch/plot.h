/*
 * plot.h - a bar and a curve out of characters
 *
 * Model    A curve is drawn with Braille dots, two by four in a character, on a
 *          logarithmic scale; a long one is thinned to the dots there are.
 */
#ifndef WATCH_PLOT_H
#define WATCH_PLOT_H

#include <stddef.h>

#include "base/buf.h"

/* "━━━━━━────" of `width` characters. */
void watch_bar(struct buf *out, double fraction, size_t width);

/* n values (what is not positive is left out) as `rows` lines of `width`
 * characters, with the largest and the least beside them; each ends with
 * `eol`. */
void watch_curve(struct buf *out, const double *y, size_t n, size_t width,
                 size_t rows, const char *eol);

#endif
