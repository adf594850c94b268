// Files that are opened beside the caller: a file system that doesn't answer keeps a thread and nobody else.
#ifndef HASUP_OPENER_H
#define HASUP_OPENER_H

#include <stdint.h>

/// Threads that open files, and what waits for them. None runs before the first file. They take no locks but their own,
/// so that the process can be copied (`hasup_fork`).
struct hasup_opener;

/// Threads that there are at most.
enum { HASUP_OPENER_THREADS_MAX = 64 };

/// NULL when there is no memory or no descriptor.
struct hasup_opener *hasup_opener_create(void);

/// A descriptor that is readable when a file was opened, or not.
int hasup_opener_descriptor(const struct hasup_opener *opener);

/// Opens a file for reading as this user, closes it, and remembers what came of it under this number. 0 or -errno.
/// `groups` are the supplementary groups.
int hasup_opener_open(
    struct hasup_opener *opener, uint64_t number, const char *path, uint32_t uid, uint32_t gid, const uint32_t *groups,
    int count);

/// Adds a thread if files wait for one. Returns the number of files that wait.
int hasup_opener_help(struct hasup_opener *opener);

/// Takes a result: 1 with its number and 0 or the errno of open(2), 0 when there is none.
int hasup_opener_take(struct hasup_opener *opener, uint64_t *number, int *error);

#endif
