// The kernel's reports about processes (proc connector, linux/cn_proc.h), and what /proc says about one (proc(5)).
#ifndef HASUP_CONNECTOR_H
#define HASUP_CONNECTOR_H

#include <stddef.h>
#include <stdint.h>

/// A process's event. The numbers are the kernel's.
enum hasup_process_event_kind {
    /// `pid` is a child that `parent` has forked.
    HASUP_PROCESS_FORK = 0x1,
    HASUP_PROCESS_EXEC = 0x2,
    /// It has changed its name.
    HASUP_PROCESS_NAME = 0x200,
};

struct hasup_process_event {
    enum hasup_process_event_kind kind;
    int32_t pid;
    int32_t parent;
};

/// A non-blocking socket that reports processes' forks, executions and changes of their names, and before Linux 6.6 all
/// of their events; close-on-exec. Before 6.6 that takes CAP_NET_ADMIN. `buffer` is the size of its receive buffer in bytes,
/// which `is_forced` sets above the system's limit, with CAP_NET_ADMIN. -ENOTCONN when the kernel doesn't report here: to
/// another network, user or pid namespace than the first one, or without PROC_EVENTS.
int hasup_connector_open(int buffer, int is_forced);

/// Takes events without waiting: how many there are, which may be 0 though more follow, or -errno: -EAGAIN when there are
/// none, -ENOBUFS when some were lost.
int hasup_connector_read(int socket, struct hasup_process_event *events, int capacity);

enum {
    /// Events that one call takes at most.
    HASUP_CONNECTOR_BATCH = 64,
    /// Bytes of a process's name, with its end (TASK_COMM_LEN).
    HASUP_PROCESS_NAME_SIZE = 16,
};

/// Reads the name of a process and, if there is room for it, the beginning of its command line: words that end with NUL.
/// Returns its state's letter, or -errno.
int hasup_process_look(
    int pid, char name[HASUP_PROCESS_NAME_SIZE], char *command, size_t capacity, size_t *command_length);

#endif
