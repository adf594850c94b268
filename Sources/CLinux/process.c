#define _GNU_SOURCE
#include "include/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int result(int value) { return value < 0 ? -errno : value; }

/* posix_spawn(3) suspends us until the child has executed its program. A child of the ordinary class has to wait for a
   processor on a loaded machine, and we with it: so it gets our class, and gives it up itself. Returns our priority, or 0
   when we aren't realtime, or mayn't. */
static int lend_realtime(void) {
    struct sched_param parameter;
    if (sched_getscheduler(0) != (SCHED_FIFO | SCHED_RESET_ON_FORK)) return 0;
    if (sched_getparam(0, &parameter) < 0) return 0;
    return sched_setscheduler(0, SCHED_FIFO, &parameter) < 0 ? 0 : parameter.sched_priority;
}

int hasup_spawn(const char *path, char *const argv[], char *const envp[], const int *descriptors, int count) {
    return hasup_spawn_into(path, argv, envp, descriptors, count, -1, 0, 1);
}

enum { FIRST_PASSED = 3 };

int hasup_spawn_into(
    const char *path, char *const argv[], char *const envp[], const int *descriptors, int count, int output,
    int lends_class, int own_group) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    pid_t pid = -1;
    int sources[HASUP_GIVEN_MAX];
    if (count < 0 || count > HASUP_GIVEN_MAX) return -EINVAL;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return -error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return -error;
    }
    if (output >= 0) error = posix_spawn_file_actions_adddup2(&actions, output, 1);
    for (int i = 0; i < count; i++) {
        sources[i] = descriptors[i];
        // A target number may be the source of a later one, so none of them is a source: those are copied away first, to
        // the lowest numbers that are free, because a limit may leave no high ones.
        if (descriptors[i] < FIRST_PASSED + count) {
            sources[i] = fcntl(descriptors[i], F_DUPFD_CLOEXEC, FIRST_PASSED + count);
            if (sources[i] < 0 && !error) error = errno;
        }
        if (!error) error = posix_spawn_file_actions_adddup2(&actions, sources[i], FIRST_PASSED + i);
    }
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, FIRST_PASSED + count);
    if (!error) error = posix_spawnattr_setsigmask(&attributes, &none);
    if (!error) error = posix_spawnattr_setsigdefault(&attributes, &all);
    if (!error) error = posix_spawnattr_setpgroup(&attributes, 0);
    if (!error) {
        error = posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (own_group ? POSIX_SPAWN_SETPGROUP : 0));
    }
    if (!error) {
        int lent = lends_class ? lend_realtime() : 0;
        error = posix_spawn(&pid, path, &actions, &attributes, argv, envp);
        if (lent) hasup_set_realtime(lent, 1);
    }
    for (int i = 0; i < count; i++) {
        if (sources[i] >= 0 && sources[i] != descriptors[i]) close(sources[i]);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error ? -error : pid;
}

int hasup_exec_passing(
    const char *path, char *const argv[], char *const envp[], const int *descriptors, int count) {
    if (close_range(FIRST_PASSED, ~0U, CLOSE_RANGE_CLOEXEC) < 0) return -errno;
    int error = 0;
    for (int i = 0; !error && i < count; i++) {
        if (fcntl(descriptors[i], F_SETFD, 0) < 0) error = errno;
    }
    if (!error) {
        execve(path, argv, envp);
        error = errno;
    }
    for (int i = 0; i < count; i++) (void)fcntl(descriptors[i], F_SETFD, FD_CLOEXEC);
    return -error;
}

static int wait_status(const siginfo_t *information) {
    return information->si_code == CLD_EXITED ? (information->si_status & 0xff) << 8 : information->si_status & 0x7f;
}

int hasup_exit_status(int pid) {
    siginfo_t information = {0};
    if (waitid(P_PID, (id_t)pid, &information, WEXITED | WNOHANG | WNOWAIT) < 0) return -errno;
    if (information.si_pid == 0) return -EAGAIN;
    return wait_status(&information);
}

int hasup_fork(void (*body)(void *), void *context) {
    sigset_t none;
    sigemptyset(&none);
    pid_t pid = fork();
    if (pid < 0) return -errno;
    if (pid > 0) {
        // Both do it, so that it is done before either goes on. It fails when the child has executed its program.
        (void)setpgid(pid, pid);
        return pid;
    }
    (void)setpgid(0, 0);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    body(context);
    _exit(126);
}

int hasup_adopt_orphans(void) { return result(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)); }

int hasup_ended_child(int *status) {
    siginfo_t information = {0};
    if (waitid(P_ALL, 0, &information, WEXITED | WNOHANG | WNOWAIT) < 0) return errno == ECHILD ? 0 : -errno;
    *status = wait_status(&information);
    return information.si_pid;
}

int hasup_begin_session(void) { return result(setsid()); }

void hasup_reap(int pid) { waitpid(pid, NULL, WNOHANG); }

int hasup_set_user(uint32_t uid) { return result(setresuid(uid, uid, uid)); }
int hasup_set_group(uint32_t gid) { return result(setresgid(gid, gid, gid)); }

int hasup_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
    return result(prctl(option, a, b, c, d));
}

int hasup_process_name_set(const char *name) { return result(prctl(PR_SET_NAME, name, 0, 0, 0)); }

int hasup_seccomp_load(const void *program, unsigned short count, int logged) {
    struct sock_fprog filter = {.len = count, .filter = (struct sock_filter *)program};
    unsigned flags = SECCOMP_FILTER_FLAG_TSYNC | (logged ? SECCOMP_FILTER_FLAG_LOG : 0);
    return result((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter));
}

int hasup_seccomp_probe(void) {
    // A filter that can't be read is only looked for by a kernel that knows them (seccomp(2), EFAULT).
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == 0) return -EPROTO;
    return errno == EFAULT ? 0 : -errno;
}

void hasup_open_standard_descriptors(int output) {
    for (int fd = 0; fd <= 2; fd++) {
        // The lowest free number is this one.
        if (fcntl(fd, F_GETFD) < 0) (void)open("/dev/null", fd == 0 ? O_RDONLY : output);
    }
}

int hasup_lock_file(int fd) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? (errno == EACCES ? -EAGAIN : -errno) : 0;
}

int hasup_lock_holder(int fd) {
    // Only a write lock stands in the way of a read lock, and only who may write takes one.
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_GETLK, &lock) < 0) return -errno;
    return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

int hasup_lock_byte(int fd, int64_t offset) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = offset, .l_len = 1};
    return fcntl(fd, F_SETLK, &lock) < 0 ? (errno == EACCES ? -EAGAIN : -errno) : 0;
}

void hasup_unlock_bytes(int fd, int64_t offset, int64_t length) {
    struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = offset, .l_len = length};
    (void)fcntl(fd, F_SETLK, &lock);
}

int hasup_byte_lock_holder(int fd, int64_t offset) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = offset, .l_len = 1};
    if (fcntl(fd, F_GETLK, &lock) < 0) return -errno;
    return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

int hasup_set_realtime_of(int pid, int priority, int reset_on_fork) {
    struct sched_param parameter = {.sched_priority = priority};
    int policy = (priority > 0 ? SCHED_FIFO : SCHED_OTHER) | (reset_on_fork ? SCHED_RESET_ON_FORK : 0);
    return result(sched_setscheduler(pid, policy, &parameter));
}

int hasup_set_realtime(int priority, int reset_on_fork) {
    return hasup_set_realtime_of(0, priority, reset_on_fork);
}

int hasup_set_niceness(int niceness) { return result(setpriority(PRIO_PROCESS, 0, niceness)); }

int hasup_set_processors(const int *numbers, int count) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < count; i++) {
        if (numbers[i] < 0 || numbers[i] >= CPU_SETSIZE) return -EINVAL;
        CPU_SET(numbers[i], &set);
    }
    return result(sched_setaffinity(0, sizeof set, &set));
}

int hasup_lock_memory(void) { return result(mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)); }

int hasup_close_on_exec_from(int first) { return result(close_range((unsigned)first, ~0U, CLOSE_RANGE_CLOEXEC)); }

int hasup_close_from(int first) { return result(close_range((unsigned)first, ~0U, 0)); }

int64_t hasup_processor_time(int pid) {
    clockid_t clock;
    struct timespec time;
    int error = clock_getcpuclockid(pid, &clock);
    if (error) return -error;
    if (clock_gettime(clock, &time) < 0) return -errno;
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int hasup_process_state(int pid) {
    char path[32], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -errno;
    ssize_t count = read(file, text, sizeof text - 1);
    int error = errno;
    close(file);
    if (count < 0) return -error;
    text[count] = 0;
    // The name, in parentheses, may hold anything.
    const char *end = strrchr(text, ')');
    return end && end[1] == ' ' && end[2] ? end[2] : -EIO;
}
