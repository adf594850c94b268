// Starting programs and asking the kernel about ourselves.
#ifndef HASUP_PROCESS_H
#define HASUP_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/// Descriptors that a child can be given.
enum { HASUP_GIVEN_MAX = 64 };

/// Starts `path` (or, with path_fd >= 0, the file behind that descriptor) with an empty signal mask and default
/// dispositions in a process group of its own.
///
/// `descriptors[i]` becomes descriptor 3 + i in the child; 0, 1 and 2 are inherited; everything else is closed.
/// `argv` and `envp` end with NULL. Returns the pid or -errno.
int hasup_spawn(const char *path, char *const argv[], char *const envp[], const int *descriptors, int count);

/// Does the same with the child's standard output in `output`; -1 to inherit that, too. With `lends_class` the child of
/// a realtime process is realtime, too, until it gives that up, also where SCHED_RESET_ON_FORK is set. With `own_group`
/// it leads a process group; otherwise it is in ours, and ends with it.
int hasup_spawn_into(
    const char *path, char *const argv[], char *const envp[], const int *descriptors, int count, int output,
    int lends_class, int own_group);

/// Becomes another program, in which these descriptors are open at their numbers, and nothing else above 2. Returns only if
/// that fails, with -errno: then each descriptor that was passed is closed on exec, and so is every other above 2. No
/// descriptor is closed before: the process would lose its locks on that file.
int hasup_exec_passing(
    const char *path, char *const argv[], char *const envp[], const int *descriptors, int count);

/// Returns how a child has ended, without waiting: the status as of waitpid(2), -EAGAIN while it runs, or another
/// -errno. The kernel keeps it until it is reaped.
int hasup_exit_status(int pid);

/// Starts a process that is a copy of this one, in a process group of its own and with an empty signal mask, and calls
/// `body` in it. Returns the pid or -errno. For a process of one thread: what another one holds stays held in the copy.
int hasup_fork(void (*body)(void *), void *context);

/// Makes this process the parent of processes that its descendants leave behind (PR_SET_CHILD_SUBREAPER).
int hasup_adopt_orphans(void);

/// Returns a child that has ended and isn't reaped, with its status as of waitpid(2); 0 for none, or -errno.
int hasup_ended_child(int *status);

/// Leaves the session: this process leads a new one, in which all that it starts is found (credentials(7)).
int hasup_begin_session(void);

/// Frees a child that has ended.
void hasup_reap(int pid);

/// Processor time in nanoseconds that a process has used, or -errno.
int64_t hasup_processor_time(int pid);

/// State letter of a process's main thread (proc(5)), or -errno.
int hasup_process_state(int pid);

/// setresuid and setresgid with one value for all three, for the whole process.
int hasup_set_user(uint32_t uid);
int hasup_set_group(uint32_t gid);

/// prctl(2) with its five arguments.
int hasup_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);

/// The name that ps(1) shows; a program that was started through a descriptor is called by that otherwise.
int hasup_process_name_set(const char *name);

/// Installs a seccomp filter of `count` BPF instructions (8 bytes each) for all threads; with `logged` the kernel's
/// audit log names each call that isn't allowed (SECCOMP_FILTER_FLAG_LOG).
int hasup_seccomp_load(const void *program, unsigned short count, int logged);

/// 0 when the kernel knows seccomp filters, or -errno. Nothing is installed.
int hasup_seccomp_probe(void);

/// Opens /dev/null where descriptor 0, 1 or 2 is closed, so that nothing that is opened later is taken for what a
/// program reads and prints. Before anything else is opened. `output` is O_RDWR to discard what is printed there,
/// O_RDONLY to have it refused as before.
void hasup_open_standard_descriptors(int output);

/// Takes an open-file-description write lock on the whole file without waiting; -EAGAIN when another process has it.
int hasup_lock_file(int fd);
/// The pid that holds a write lock on this file, 0 for none (or -1 for an open-file-description lock).
int hasup_lock_holder(int fd);

/// Takes the calling process's write lock on one byte without waiting; -EAGAIN when another process has it. It ends
/// with the process, or when the process closes any descriptor of the file.
int hasup_lock_byte(int fd, int64_t offset);
/// Gives `length` bytes back, 0 for all that follow.
void hasup_unlock_bytes(int fd, int64_t offset, int64_t length);
/// The pid of another process that has this byte; 0 for none.
int hasup_byte_lock_holder(int fd, int64_t offset);

/// SCHED_FIFO with this priority for the calling thread; with reset-on-fork if asked. 0 puts SCHED_OTHER back.
int hasup_set_realtime(int priority, int reset_on_fork);

/// Does the same for the first thread of a process; 0 is the caller.
int hasup_set_realtime_of(int pid, int priority, int reset_on_fork);
/// The calling thread's nice value, -20...19: it and threads that it starts have it in the ordinary class.
int hasup_set_niceness(int niceness);
/// Lets the calling thread run on these processors only.
int hasup_set_processors(const int *numbers, int count);
/// mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT): what was touched once stays.
int hasup_lock_memory(void);

/// Closes every descriptor from this one up.
int hasup_close_from(int first);
/// Has every descriptor that is open from this one up closed on exec.
int hasup_close_on_exec_from(int first);

#endif
