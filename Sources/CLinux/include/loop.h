// Clock, epoll, timers, signals, pidfds and event counters.
#ifndef HASUP_LOOP_H
#define HASUP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// CLOCK_BOOTTIME in nanoseconds.
int64_t hasup_boottime(void);

/// Sleeps until this time of CLOCK_BOOTTIME, in nanoseconds; a signal ends it earlier.
void hasup_sleep_until(int64_t deadline);
/// CLOCK_REALTIME in nanoseconds: for texts that a person reads, never for decisions.
int64_t hasup_wall_clock(void);

/// An event that epoll reported: EPOLL* bits and the token given at registration.
struct hasup_event {
    uint32_t events;
    uint64_t token;
};

enum { HASUP_IN = 0x001, HASUP_OUT = 0x004, HASUP_ERR = 0x008, HASUP_HUP = 0x010, HASUP_RDHUP = 0x2000 };
/// Edge-triggered: told of changes only.
enum { HASUP_ET = (int)0x80000000 };

/// Events of one wait. More descriptors than this must not be ready at once: after a pause all of them are read before
/// a timer acts (docs/decisions, D15).
enum { HASUP_EVENTS_MAX = 256 };

int hasup_epoll_create(void);
int hasup_epoll_add(int epoll, int fd, uint32_t events, uint64_t token);
int hasup_epoll_modify(int epoll, int fd, uint32_t events, uint64_t token);
int hasup_epoll_remove(int epoll, int fd);
/// Waits without a limit (the timer descriptor ends the wait); EINTR counts as no events.
int hasup_epoll_wait(int epoll, struct hasup_event *events, int capacity);

/// A non-blocking timer on CLOCK_BOOTTIME.
int hasup_timer_create(void);
/// Arms the timer at this absolute time (nanoseconds); 0 disarms it.
int hasup_timer_set(int timer, int64_t deadline);
/// Takes the expirations, so that the descriptor isn't readable any more.
int hasup_timer_take(int timer);

/// Blocks the signals in the list for the process and gives a descriptor that reports them.
int hasup_signals_open(const int *signals, int count);
/// The next signal's number, 0 when there is none.
int hasup_signals_next(int fd);

/// A descriptor that is readable when the process has ended.
int hasup_pidfd_open(int pid);
/// Sends a signal to the process behind a pidfd, never to a reused number.
int hasup_pidfd_signal(int pidfd, int signal);

/// Watches what happens to the files of a folder (inotify(7)).
int hasup_folder_watch(const char *path);

enum {
    /// The file was written, replaced, moved or removed, or it may have been.
    HASUP_FILE_CHANGED = 1,
    /// The folder itself is gone: nothing more comes.
    HASUP_FOLDER_GONE = 2,
};

/// Takes what has happened to a file of this name since the last time: HASUP_FILE_CHANGED and HASUP_FOLDER_GONE, 0 for
/// nothing, or -errno.
int hasup_folder_changes(int watch, const char *name);

int hasup_eventfd_create(void);
int hasup_eventfd_signal(int fd);
int hasup_eventfd_take(int fd);

#endif
