#define _GNU_SOURCE
#include "include/loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

_Static_assert(HASUP_IN == EPOLLIN && HASUP_OUT == EPOLLOUT && HASUP_ERR == EPOLLERR && HASUP_HUP == EPOLLHUP &&
                   HASUP_RDHUP == EPOLLRDHUP && (uint32_t)HASUP_ET == (uint32_t)EPOLLET,
               "event bits are epoll's");

static int64_t nanoseconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t hasup_boottime(void) { return nanoseconds(CLOCK_BOOTTIME); }

void hasup_sleep_until(int64_t deadline) {
    struct timespec time = {.tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000};
    clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &time, NULL);
}
int64_t hasup_wall_clock(void) { return nanoseconds(CLOCK_REALTIME); }

static int result(int value) { return value < 0 ? -errno : value; }

int hasup_epoll_create(void) { return result(epoll_create1(EPOLL_CLOEXEC)); }

static int control(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    return result(epoll_ctl(epoll, operation, fd, &event));
}

int hasup_epoll_add(int epoll, int fd, uint32_t events, uint64_t token) {
    return control(epoll, EPOLL_CTL_ADD, fd, events, token);
}

int hasup_epoll_modify(int epoll, int fd, uint32_t events, uint64_t token) {
    return control(epoll, EPOLL_CTL_MOD, fd, events, token);
}

int hasup_epoll_remove(int epoll, int fd) { return control(epoll, EPOLL_CTL_DEL, fd, 0, 0); }

int hasup_epoll_wait(int epoll, struct hasup_event *events, int capacity) {
    struct epoll_event native[HASUP_EVENTS_MAX];
    if (capacity > HASUP_EVENTS_MAX) capacity = HASUP_EVENTS_MAX;
    int count = epoll_wait(epoll, native, capacity, -1);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        events[i].events = native[i].events;
        events[i].token = native[i].data.u64;
    }
    return count;
}

int hasup_timer_create(void) { return result(timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC)); }

int hasup_timer_set(int timer, int64_t deadline) {
    struct itimerspec spec = {.it_value = {.tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000}};
    return result(timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, NULL));
}

int hasup_timer_take(int timer) {
    uint64_t expirations;
    return read(timer, &expirations, sizeof expirations) < 0 && errno != EAGAIN ? -errno : 0;
}

int hasup_signals_open(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -errno;
    return result(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

int hasup_signals_next(int fd) {
    struct signalfd_siginfo info;
    ssize_t size = read(fd, &info, sizeof info);
    if (size == (ssize_t)sizeof info) return (int)info.ssi_signo;
    return size < 0 && errno != EAGAIN ? -errno : 0;
}

int hasup_pidfd_open(int pid) { return result((int)syscall(SYS_pidfd_open, pid, 0)); }

int hasup_pidfd_signal(int pidfd, int signal) {
    return result((int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0));
}

int hasup_folder_watch(const char *path) {
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch < 0) return -errno;
    uint32_t events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;
    if (inotify_add_watch(watch, path, events | IN_ONLYDIR) >= 0) return watch;
    int error = errno;
    close(watch);
    return -error;
}

int hasup_folder_changes(int watch, const char *name) {
    _Alignas(struct inotify_event) char buffer[4096];
    int changes = 0;
    // Whoever fills the folder without end gets a turn's share; the descriptor stays readable.
    for (int round = 0; round < 16; round++) {
        ssize_t size = read(watch, buffer, sizeof buffer);
        if (size < 0 && errno != EAGAIN) return -errno;
        if (size <= 0) break;
        for (ssize_t offset = 0; offset < size;) {
            const struct inotify_event *event = (const void *)(buffer + offset);
            offset += (ssize_t)(sizeof *event + event->len);
            if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) changes |= HASUP_FOLDER_GONE;
            // Events were lost, or the name is the one.
            if (event->mask & IN_Q_OVERFLOW || (event->len && !strcmp(event->name, name)))
                changes |= HASUP_FILE_CHANGED;
        }
    }
    return changes;
}

int hasup_eventfd_create(void) { return result(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }

int hasup_eventfd_signal(int fd) {
    uint64_t one = 1;
    return write(fd, &one, sizeof one) < 0 && errno != EAGAIN ? -errno : 0;
}

int hasup_eventfd_take(int fd) {
    uint64_t count;
    return read(fd, &count, sizeof count) < 0 && errno != EAGAIN ? -errno : 0;
}
