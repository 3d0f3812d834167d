#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"

#define LINE_MAX_BYTES 1024 /* below PIPE_BUF: a pipe never splits a line */

static atomic_int            max_level = LOG_INFO;
static atomic_uint           max_lines; /* a second; 0: no limit */
static atomic_int_least64_t  this_second;
static atomic_uint           n_lines; /* of this second */
static atomic_uint_least64_t n_left_out;
static atomic_uint_least64_t n_told; /* of those left out */

static const char *const names[] = {
    [LOG_ERROR] = "error",
    [LOG_WARN] = "warn",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

void
log_set_level(enum log_level level)
{
    atomic_store(&max_level, (int)level);
}

void
log_set_rate(unsigned lines_per_second)
{
    atomic_store(&max_lines, lines_per_second);
}

uint64_t
log_left_out(void)
{
    return atomic_load(&n_left_out);
}

/* Is there room for one more line in this second?  Threads that meet at its end
 * may let a few lines more through, which is no harm. */
static bool
has_room(void)
{
    unsigned max = atomic_load(&max_lines);
    int64_t  now = clock_mono_us() / 1000000;

    if (max == 0)
        return true;
    if (atomic_exchange(&this_second, now) != now)
        atomic_store(&n_lines, 0);
    if (atomic_fetch_add(&n_lines, 1) < max)
        return true;
    atomic_fetch_add(&n_left_out, 1);
    return false;
}

bool
log_level_parse(const char *word, enum log_level *out)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(word, names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* C0 and DEL end lines or drive terminals, and so does C1, which UTF-8
 * writes as c2 80 to c2 9f. */
static bool
is_control(const char *p, size_t len)
{
    unsigned char c = (unsigned char)p[0];

    if (len == 1)
        return c < 0x20 || c == 0x7f;
    return len == 2 && c == 0xc2 && (unsigned char)p[1] < 0xa0;
}

/* Copy text to line[at..max) with all that is not harmless UTF-8 written
 * as \xNN.  Returns the new length; *out_cut tells whether text is left.
 * line[max] must exist: a NUL may be put there. */
static size_t
escape(char *line, size_t at, size_t max, const char *text, bool *out_cut)
{
    size_t n = strlen(text);

    while (n > 0) {
        size_t len = utf8_char(text, n);

        if (len == 0 || is_control(text, len)) {
            if (max - at < 4)
                break;
            snprintf(line + at, 5, "\\x%02x", (unsigned char)*text);
            at += 4;
            len = 1;
        } else {
            if (max - at < len)
                break;
            memcpy(line + at, text, len);
            at += len;
        }
        text += len;
        n -= len;
    }
    *out_cut = n > 0;
    return at;
}

void
log_write(enum log_level level, const char *part, const char *fmt, ...)
{
    static const char dots[] = "...\n"; /* always has its place */
    const size_t      max = LINE_MAX_BYTES - (sizeof(dots) - 1);
    int               saved = errno;
    char              stamp[CLOCK_RFC3339_SIZE];
    char              text[LINE_MAX_BYTES];
    char              line[LINE_MAX_BYTES + 1];
    size_t            n;
    bool              cut;
    va_list           ap;
    uint64_t          left_out;
    int               head;

    if ((int)level > atomic_load(&max_level))
        return;
    if (level >= LOG_INFO && !has_room())
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    left_out = atomic_load(&n_left_out);
    left_out -= atomic_exchange(&n_told, left_out);

    clock_format(clock_wall_ms(), stamp);
    head = snprintf(line, max, "%s %-5s %.32s: ", stamp, names[level], part);
    if (left_out > 0)
        head += snprintf(line + head, max - (size_t)head,
                         "(%" PRIu64 " lines left out) ", left_out);
    n = escape(line, (size_t)head, max, text, &cut);
    if (cut) {
        memcpy(line + n, dots, sizeof(dots) - 1);
        n += sizeof(dots) - 1;
    } else {
        line[n++] = '\n';
    }
    if (write(STDERR_FILENO, line, n) < 0) {
        /* Nobody is left to tell. */
    }
    errno = saved;
}
