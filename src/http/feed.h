/*
 * feed.h - answers that go on: who listens, and when to look for news
 *
 * Model    A reply with a feed has no body of its own: what pull() appends is
 *          sent, then the connection sleeps, suspended, until pull() wants to be
 *          asked again.  One thread asks them all, in turn.  After
 *          IDLE_SECONDS without a word the feed's `idle` text is sent, because
 *          only a write tells that the other side has left.
 * Owner    A feed belongs to its server thread while it sends and to the thread
 *          here while it sleeps; it never belongs to both.
 * Threads  http_feeds_stop() is for the thread that called _new().
 * Limits   max listeners at once, the next one hears 503.
 */
#ifndef HTTP_FEED_H
#define HTTP_FEED_H

#include <stdbool.h>

#include "base/err.h"

struct http_exchange;
struct http_feeds;

enum err http_feeds_new(unsigned max, struct http_feeds **out,
                        struct errinfo *e);
/* End all feeds, and let no more in: nothing is suspended here any more. */
void http_feeds_stop(struct http_feeds *feeds);
void http_feeds_free(struct http_feeds *feeds); /* NULL is fine; stops */

/* One more listener; false where there are too many, or we stop.  Who was let
 * in leaves with http_feeds_leave(). */
bool http_feeds_enter(struct http_feeds *feeds);
void http_feeds_leave(struct http_feeds *feeds);
unsigned http_feeds_count(struct http_feeds *feeds);

/* Suspend x's connection until there is more in x->rep.body or the feed has
 * ended; false: it has ended already, nothing is suspended. */
bool http_feeds_sleep(struct http_feeds *feeds, struct http_exchange *x);

#endif
