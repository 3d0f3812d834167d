/*
 * notify.h - what a service manager is told, and what it hands us
 *
 * Model    systemd's protocol, which is a datagram to a socket that the
 *          environment names: "READY=1", "STOPPING=1", "WATCHDOG=1".  Without
 *          such a manager every call does nothing.
 * Threads  notify_listen_fd() is for main(), before any thread is started.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

/* Say it; who is not there hears nothing. */
void notify_say(const char *what);

/* A socket that the manager listens on for us: 3, or -1 where there is none.
 * What told us so is taken out of the environment. */
int notify_listen_fd(void);

#endif
