/*
 * cgroup.h - what a container lets us have of the machine
 *
 * Model    A control group bounds memory and processor time, and so does each
 *          of those it is in: the least bound counts.  Version 2 has one tree,
 *          version 1 one a resource.  Inside a container the paths that
 *          /proc/self/cgroup tells may not be there: then the top of the tree
 *          is our own group.
 * Errors   None: what cannot be read is no bound.
 */
#ifndef BASE_CGROUP_H
#define BASE_CGROUP_H

#include <stddef.h>

/* Bytes; 0 where there is no bound. */
size_t cgroup_memory(void);
/* Whole processors, at least 1; 0 where there is no bound. */
unsigned cgroup_cpus(void);

/* The same of a tree below root, for tests; "" is the system's own. */
size_t   cgroup_memory_at(const char *root);
unsigned cgroup_cpus_at(const char *root);

#endif
