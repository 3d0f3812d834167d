/*
 * address.h - "127.0.0.1:8080" made a listening socket
 */
#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sockaddr;

/* An IPv6 address, or an IPv4 one mapped to that. */
void http_address_bytes(const struct sockaddr *a, uint8_t out[16]);

/* A socket that listens, close-on-exec and non-blocking, which the caller
 * closes.  ERR_INVALID for what is no address, ERR_IO for one we do not get. */
enum err http_address_listen(const char *listen_on, int *out_fd,
                             struct errinfo *e);

/* A connection to who listens there; what listens on every address is asked on
 * loopback. */
enum err http_address_connect(const char *listen_on, int *out_fd,
                              struct errinfo *e);

/* "http://127.0.0.1:8080", with the port fd really has. */
enum err http_address_url(int fd, char *out, size_t size, struct errinfo *e);

#endif
