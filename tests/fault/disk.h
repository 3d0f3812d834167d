/*
 * disk.h - a disk that fails on demand, and one whose power may go
 *
 * Model    An SQLite VFS in front of the real one, for the whole process.  It
 *          counts what changes a file (writes, truncations, syncs) and can let
 *          the n-th of these, or the n-th and all later ones, fail as a broken
 *          or a full disk does.  While it records, it also keeps every change,
 *          so that afterwards disk_after() can lay out what a machine may find
 *          whose power went before change k: everything that was synced by
 *          then, and of the rest whatever sectors happened to reach the platter.
 * Threads  The VFS may be used by several; what is declared here by one.
 */
#ifndef TESTS_FAULT_DISK_H
#define TESTS_FAULT_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum disk_fault { DISK_GOOD, DISK_BROKEN, DISK_FULL };

/* Become SQLite's VFS.  Once. */
void disk_install(void);

/* Count from 0 again; change n (from 1), or n and all after it, will fail. */
void disk_fail(enum disk_fault fault, unsigned long n, bool for_ever);
/* Has one failed since? */
bool disk_has_failed(void);

void   disk_record(void);      /* from now on, forgetting what was before */
size_t disk_n_changes(void);   /* recorded so far */

/* Files in directory, under their names, as they may be found after a loss of
 * power before change k (disk_n_changes(): after the last).  k must not
 * be less than in the call before; luck decides about what was not synced. */
void disk_after(size_t k, uint64_t luck, const char *directory);

#endif
