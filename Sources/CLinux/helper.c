#define _GNU_SOURCE
#include "include/helper.h"
#include "include/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/magic.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static int result(int value) { return value < 0 ? -errno : value; }

// MARK: What happens to files

struct hasup_file_events {
    int count;
    // Of what fits into the buffer nothing is left over.
    _Alignas(struct inotify_event) char buffer[4096];
    const struct inotify_event *events[4096 / sizeof(struct inotify_event)];
};

int hasup_file_watch_open(void) { return result(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)); }
void hasup_file_watch_remove(int inotify, int watch) { inotify_rm_watch(inotify, watch); }

struct hasup_file_events *hasup_file_events_create(void) { return malloc(sizeof(struct hasup_file_events)); }
void hasup_file_events_destroy(struct hasup_file_events *events) { free(events); }

int hasup_file_events_read(int inotify, struct hasup_file_events *events) {
    ssize_t size = read(inotify, events->buffer, sizeof events->buffer);
    events->count = 0;
    if (size < 0) return errno == EAGAIN ? 0 : -errno;
    for (ssize_t offset = 0; offset < size;) {
        const struct inotify_event *event = (const void *)(events->buffer + offset);
        offset += (ssize_t)(sizeof *event + event->len);
        events->events[events->count++] = event;
    }
    return events->count;
}

int hasup_file_event(const struct hasup_file_events *events, int index, const char **name) {
    const struct inotify_event *event = events->events[index];
    *name = event->len ? event->name : "";
    return event->mask & IN_Q_OVERFLOW ? -1 : event->wd;
}

// MARK: Messages

enum { PATH_SIZE = PATH_MAX, NAME_SIZE = NAME_MAX + 1, PLACES_MAX = 64, BYTES_MAX = 127 };

struct request {
    enum hasup_file_task task;
    int32_t number;
    uint32_t mode;
    uint32_t uid, gid, group_count;
    uint32_t groups[HASUP_FILE_GROUPS_MAX];
    char path[PATH_SIZE];
};

struct place {
    int32_t watch;
    char name[NAME_SIZE];
};

struct hasup_file_answer {
    struct hasup_file_outcome outcome;
    uint8_t bytes[BYTES_MAX];
    struct place places[PLACES_MAX];
};

struct hasup_file_answer *hasup_file_answer_create(void) { return malloc(sizeof(struct hasup_file_answer)); }
void hasup_file_answer_destroy(struct hasup_file_answer *answer) { free(answer); }
struct hasup_file_outcome hasup_file_outcome(const struct hasup_file_answer *answer) { return answer->outcome; }
const uint8_t *hasup_file_bytes(const struct hasup_file_answer *answer) { return answer->bytes; }

int hasup_file_place(const struct hasup_file_answer *answer, uint32_t place, const char **name) {
    *name = answer->places[place].name;
    return answer->places[place].watch;
}

static size_t answer_size(const struct hasup_file_answer *answer) {
    return offsetof(struct hasup_file_answer, places) + answer->outcome.place_count * sizeof(struct place);
}

static int ask(int socket, struct request *request, const char *path) {
    size_t length = strlen(path);
    if (length >= sizeof request->path) return -ENAMETOOLONG;
    memcpy(request->path, path, length + 1);
    size_t size = offsetof(struct request, path) + length + 1;
    return send(socket, request, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int hasup_file_helper_ask(int socket, enum hasup_file_task task, const char *path, int32_t number, uint32_t mode) {
    struct request request;
    memset(&request, 0, offsetof(struct request, path));
    request.task = task;
    request.number = number;
    request.mode = mode;
    return ask(socket, &request, path);
}

int hasup_file_helper_open(
    int socket, const char *path, uint32_t uid, uint32_t gid, const uint32_t *groups, uint32_t count) {
    struct request request;
    if (count > HASUP_FILE_GROUPS_MAX) return -E2BIG;
    memset(&request, 0, offsetof(struct request, path));
    request.task = HASUP_FILE_OPENS;
    request.uid = uid;
    request.gid = gid;
    request.group_count = count;
    if (count > 0) memcpy(request.groups, groups, count * sizeof *groups);
    return ask(socket, &request, path);
}

int hasup_file_helper_answer(int socket, struct hasup_file_answer *answer) {
    ssize_t size = recv(socket, answer, sizeof *answer, MSG_DONTWAIT);
    if (size < 0) return errno == EAGAIN || errno == EINTR ? 0 : errno == ECONNRESET ? -EPIPE : -errno;
    if (size == 0) return -EPIPE;
    const struct hasup_file_outcome *outcome = &answer->outcome;
    if (size < (ssize_t)offsetof(struct hasup_file_answer, places) || outcome->place_count > PLACES_MAX ||
        (size_t)size != answer_size(answer) || outcome->length > BYTES_MAX)
        return -EPROTO;
    for (uint32_t i = 0; i < outcome->place_count; i++) answer->places[i].name[NAME_SIZE - 1] = 0;
    return 1;
}

// MARK: The helper

/* The numbers of these file systems aren't in linux/magic.h. */
enum { CEPH = 0x00c36400, CIFS = 0xff534d42, FUSE = 0x65735546, GFS2 = 0x01161970, LUSTRE = 0x0bd00bd0 };

/* inotify(7) tells of what this machine's processes do through its file systems, and not of what the kernel or another
   machine does. */
static int is_silent(int fd) {
    struct statfs status;
    if (fstatfs(fd, &status) < 0) return 0;
    switch ((unsigned)status.f_type) {
    case NFS_SUPER_MAGIC: case SMB_SUPER_MAGIC: case SMB2_SUPER_MAGIC: case CIFS: case FUSE: case CEPH: case GFS2:
    case LUSTRE: case OCFS2_SUPER_MAGIC: case AFS_SUPER_MAGIC: case AFS_FS_MAGIC: case CODA_SUPER_MAGIC: case V9FS_MAGIC:
    case PROC_SUPER_MAGIC: case SYSFS_MAGIC: case CGROUP_SUPER_MAGIC: case CGROUP2_SUPER_MAGIC: case DEBUGFS_MAGIC:
        return 1;
    default: return 0;
    }
}

enum { LINKS_MAX = 40, LINK_SIZE = 32 };

/* The way to a file: one folder after the other, so that each can be watched before it is looked into. */
struct way {
    int inotify;
    /* The folder that was reached. */
    int folder;
    /* What of the path is left. */
    char rest[PATH_SIZE];
    int links;
    /* Whether a link of another user stood on it. */
    int is_led;
    struct hasup_file_answer *answer;
};

static void descriptor_path(int fd, char path[LINK_SIZE]) { snprintf(path, LINK_SIZE, "/proc/self/fd/%d", fd); }

static int watch(struct way *way, int fd, uint32_t events, const char *name) {
    struct hasup_file_answer *answer = way->answer;
    char path[LINK_SIZE];
    descriptor_path(fd, path);
    if (answer->outcome.place_count == PLACES_MAX) return -ENOSPC;
    int number = inotify_add_watch(way->inotify, path, events);
    if (number < 0) return -errno;
    struct place *place = &answer->places[answer->outcome.place_count++];
    place->watch = number;
    snprintf(place->name, sizeof place->name, "%s", name);
    return 0;
}

static void watch_folder(struct way *way, const char *name) {
    uint32_t events =
        IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
    int error = watch(way, way->folder, events, name);
    if (error < 0) way->answer->outcome.watch_error = -error;
}

static void step(struct way *way, int folder) {
    close(way->folder);
    way->folder = folder;
}

/* Puts a link's target before the rest of the path. */
static int follow(struct way *way, int link, const char *rest, uid_t owner) {
    char target[PATH_SIZE];
    if (++way->links > LINKS_MAX) return -ELOOP;
    if (owner != 0 && owner != geteuid()) way->is_led = 1;
    ssize_t length = readlinkat(link, "", target, sizeof target - 1);
    if (length < 0) return -errno;
    target[length] = 0;
    if (length == 0) return -ENOENT;
    char joined[2 * PATH_SIZE];
    int total = snprintf(joined, sizeof joined, "%s%s", target, rest);
    if (total >= PATH_SIZE) return -ENAMETOOLONG;
    memcpy(way->rest, joined, (size_t)total + 1);
    if (target[0] != '/') return 0;
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return -errno;
    step(way, root);
    return 0;
}

/* Goes to the last name of the path, which is copied: a descriptor of what has it (O_PATH), or -errno; with -ENOENT and a
   name, the folder is there, and the file isn't. */
static int go(struct way *way, char name[NAME_SIZE], struct stat *status) {
    name[0] = 0;
    for (;;) {
        const char *start = way->rest + strspn(way->rest, "/");
        size_t length = strcspn(start, "/");
        const char *rest = start + length;
        if (length == 0) return -EISDIR;
        if (length >= NAME_SIZE) return -ENAMETOOLONG;
        memcpy(name, start, length);
        name[length] = 0;
        int is_last = rest[strspn(rest, "/")] == 0;
        watch_folder(way, name);
        // O_DIRECTORY mounts what is mounted when it is used.
        int fd = openat(way->folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC | (is_last ? 0 : O_DIRECTORY));
        if (fd < 0 && !is_last && errno == ENOTDIR) fd = openat(way->folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) {
            int error = errno;
            if (!is_last) name[0] = 0;
            return -error;
        }
        if (fstat(fd, status) < 0) {
            int error = errno;
            close(fd);
            return -error;
        }
        if (S_ISLNK(status->st_mode)) {
            char later[PATH_SIZE];
            snprintf(later, sizeof later, "%s", rest);
            int error = follow(way, fd, later, status->st_uid);
            close(fd);
            if (error < 0) {
                name[0] = 0;
                return error;
            }
            continue;
        }
        if (is_last) return fd;
        if (!S_ISDIR(status->st_mode)) {
            close(fd);
            name[0] = 0;
            return -ENOTDIR;
        }
        memmove(way->rest, rest, strlen(rest) + 1);
        step(way, fd);
    }
}

static int write_number(int fd, int32_t number) {
    char text[16];
    int length = snprintf(text, sizeof text, "%d\n", number);
    ssize_t written = write(fd, text, (size_t)length);
    return written == length ? 0 : written < 0 ? -errno : -EIO;
}

/* Whoever owns a link on the way, or another name of the file, must not choose what root writes into. */
static int overwrite(const struct way *way, int found, const struct stat *status, int32_t number) {
    if (!S_ISREG(status->st_mode)) return S_ISDIR(status->st_mode) ? -EISDIR : -EINVAL;
    if (way->is_led) return -ELOOP;
    if (status->st_nlink > 1) return -EMLINK;
    char path[LINK_SIZE];
    descriptor_path(found, path);
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_TRUNC | O_CLOEXEC);
    if (fd < 0) return -errno;
    int error = write_number(fd, number);
    close(fd);
    return error;
}

static int create(const struct way *way, const char *name, const struct request *request) {
    if (way->is_led) return -ELOOP;
    int fd = openat(way->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, request->mode);
    if (fd < 0) return -errno;
    int error = write_number(fd, request->number);
    close(fd);
    return error;
}

/* Reads a regular file only: opening a device may do something. */
static int read_bytes(struct way *way, int found, const struct stat *status) {
    struct hasup_file_answer *answer = way->answer;
    if (!S_ISREG(status->st_mode)) return S_ISDIR(status->st_mode) ? -EISDIR : -EINVAL;
    // A change by another name of the file, in a folder that isn't watched.
    (void)watch(way, found, IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF, "");
    char path[LINK_SIZE];
    descriptor_path(found, path);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return -errno;
    size_t length = 0;
    ssize_t size;
    while ((size = read(fd, answer->bytes + length, sizeof answer->bytes - length)) > 0) length += (size_t)size;
    int error = size < 0 ? -errno : 0;
    close(fd);
    answer->outcome.length = (uint8_t)length;
    return error;
}

static void look(int inotify, const struct request *request, struct hasup_file_answer *answer) {
    struct way way = {.inotify = inotify, .answer = answer};
    char name[NAME_SIZE];
    struct stat status;
    way.folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (way.folder < 0) {
        answer->outcome.error = errno;
        return;
    }
    snprintf(way.rest, sizeof way.rest, "%s", request->path);
    int found = go(&way, name, &status);
    if (found >= 0 && request->task == HASUP_FILE_OVERWRITES) {
        answer->outcome.write_error = -overwrite(&way, found, &status, request->number);
    }
    if (found < 0 && request->task >= HASUP_FILE_CREATES) {
        answer->outcome.write_error = found == -ENOENT && name[0] ? -create(&way, name, request) : -found;
        // Its folder is watched, so the name alone is left of the path.
        snprintf(way.rest, sizeof way.rest, "%s", name);
        if (answer->outcome.write_error == 0) found = go(&way, name, &status);
    }
    answer->outcome.is_silent = (uint8_t)is_silent(found >= 0 ? found : way.folder);
    answer->outcome.error = found >= 0 ? -read_bytes(&way, found, &status) : -found;
    if (found >= 0) close(found);
    close(way.folder);
}

/* Only what a user may open counts for a user's script. Where the ids can't be had, the file isn't opened. */
static int become(uint32_t uid, uint32_t gid, const uint32_t *groups, uint32_t count) {
    if (setgroups(count, groups) < 0) return errno;
    setfsgid(gid);
    setfsuid(uid);
    // They return the ids of before, which -1 doesn't change.
    return (uint32_t)setfsuid((uid_t)-1) == uid && (uint32_t)setfsgid((gid_t)-1) == gid ? 0 : EPERM;
}

static int open_as(const struct request *request) {
    uid_t uid = geteuid();
    gid_t gid = getegid();
    int is_other = request->uid != uid || request->gid != gid || request->group_count > 0;
    int error = is_other ? become(request->uid, request->gid, request->groups, request->group_count) : 0;
    if (!error) {
        int fd = open(request->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0) error = errno;
        else close(fd);
    }
    if (is_other) (void)become(uid, gid, NULL, 0);
    return error;
}

static void help(int inotify, int socket) {
    static struct request request;
    static struct hasup_file_answer answer;
    for (;;) {
        ssize_t size = recv(socket, &request, sizeof request, 0);
        if (size < 0 && errno == EINTR) continue;
        if (size <= (ssize_t)offsetof(struct request, path)) return;
        request.path[sizeof request.path - 1] = 0;
        memset(&answer, 0, offsetof(struct hasup_file_answer, places));
        if (request.task == HASUP_FILE_OPENS) {
            answer.outcome.error = open_as(&request);
        } else {
            look(inotify, &request, &answer);
        }
        if (send(socket, &answer, answer_size(&answer), MSG_NOSIGNAL) < 0) return;
    }
}

/* Nothing of the parent's is needed but these two, and what is open here stays open for as long as a file system doesn't
   answer. */
static void keep_only(int *inotify, int *socket) {
    enum { INOTIFY = 3, SOCKET = 4, ABOVE = 5 };
    int kept = fcntl(*socket, F_DUPFD_CLOEXEC, ABOVE);
    int watched = *inotify < 0 ? -1 : fcntl(*inotify, F_DUPFD_CLOEXEC, ABOVE);
    if (kept < 0 || (watched < 0 && *inotify >= 0)) _exit(71);
    dup3(kept, SOCKET, O_CLOEXEC);
    if (watched >= 0) dup3(watched, INOTIFY, O_CLOEXEC);
    else close(INOTIFY);
    close_range(ABOVE, ~0U, 0);
    *socket = SOCKET;
    if (watched >= 0) *inotify = INOTIFY;
}

struct start {
    int inotify, socket;
    pid_t parent;
};

static void begin(void *context) {
    struct start *start = context;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    static const char name[] = "hasup-files", former[] = "hasup-track";
    prctl(PR_SET_NAME, name, 0, 0, 0);
    // What ps(1) shows of the arguments; both names are of one length.
    if (!strcmp(program_invocation_name, former)) memcpy(program_invocation_name, name, sizeof name);
    umask(0);
    if (getppid() != start->parent) _exit(0);
    keep_only(&start->inotify, &start->socket);
    help(start->inotify, start->socket);
    _exit(0);
}

int hasup_file_helper_start(int inotify, int *pid) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -errno;
    struct start start = {.inotify = inotify, .socket = pair[1], .parent = getpid()};
    *pid = hasup_fork(begin, &start);
    close(pair[1]);
    if (*pid >= 0) return pair[0];
    close(pair[0]);
    return *pid;
}
