/*
 * media.h - a Content-Type taken apart
 */
#ifndef HTTP_MEDIA_H
#define HTTP_MEDIA_H

#include <stdbool.h>

#define HTTP_BOUNDARY_SIZE 71 /* RFC 2046: at most 70 characters */

struct http_media {
    char type[96]; /* "text/csv", lower case               */
    char charset[32];
    char boundary[HTTP_BOUNDARY_SIZE];
};

/* false where text is no media type, or says a thing twice or too long. */
bool http_media_parse(const char *text, struct http_media *out);

#endif
