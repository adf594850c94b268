#define _GNU_SOURCE
#include "include/message.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int result(int value) { return value < 0 ? -errno : value; }

int hasup_socketpair(int pair[2]) {
    return result(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
}

int hasup_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0) return 0;
    int error = errno;
    close(ends[0]);
    close(ends[1]);
    return -error;
}

void hasup_pipe_grow(int fd, int size) {
    int room = fcntl(fd, F_GETPIPE_SZ);
    if (room > 0 && room < size) (void)fcntl(fd, F_SETPIPE_SZ, size);
}

ssize_t hasup_send_packet(int fd, const void *bytes, size_t count, const int *descriptors, int descriptor_count) {
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(HASUP_DESCRIPTORS_MAX * sizeof(int))];
    } control;
    if (descriptor_count > HASUP_DESCRIPTORS_MAX) return -EINVAL;
    if (descriptor_count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(descriptor_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptor_count * sizeof(int));
        memcpy(CMSG_DATA(header), descriptors, descriptor_count * sizeof(int));
    }
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}

ssize_t hasup_receive_packet(int fd, void *bytes, size_t capacity, int *descriptors, int *descriptor_count) {
    struct iovec part = {.iov_base = bytes, .iov_len = capacity};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(HASUP_DESCRIPTORS_MAX * sizeof(int))];
    } control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    *descriptor_count = 0;
    ssize_t received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (received < 0) return -errno;
    int count = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        int here = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < here; i++) {
            int passed;
            memcpy(&passed, CMSG_DATA(header) + i * sizeof(int), sizeof passed);
            if (count < HASUP_DESCRIPTORS_MAX) descriptors[count++] = passed;
            else close(passed);
        }
    }
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        for (int i = 0; i < count; i++) close(descriptors[i]);
        return -EMSGSIZE;
    }
    *descriptor_count = count;
    return received;
}

static int address_of(const char *path, struct sockaddr_un *address) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) return -ENAMETOOLONG;
    strcpy(address->sun_path, path);
    return 0;
}

static int open_unix(const char *path, int type, struct sockaddr_un *address) {
    int bad = address_of(path, address);
    return bad ? bad : result(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
}

static int connect_at(const char *path, int type) {
    struct sockaddr_un address;
    int fd = open_unix(path, type, &address);
    if (fd < 0) return fd;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

/* Whether a process listens there: 1, 0, or -errno. A full backlog would make us wait, too. */
static int is_listened_at(const char *path) {
    int fd = connect_at(path, SOCK_STREAM | SOCK_NONBLOCK);
    if (fd >= 0) close(fd);
    if (fd >= 0 || fd == -EAGAIN) return 1;
    return fd == -ECONNREFUSED ? 0 : fd;
}

int hasup_connect_unix(const char *path) { return connect_at(path, SOCK_STREAM); }

int hasup_connect_unix_datagram(const char *path) { return connect_at(path, SOCK_DGRAM | SOCK_NONBLOCK); }

int hasup_unreceived(int fd) {
    uint32_t information[SK_MEMINFO_VARS];
    socklen_t size = sizeof information;
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, information, &size) < 0) return -errno;
    return (int)information[SK_MEMINFO_WMEM_ALLOC];
}

int hasup_listen_unix(const char *path, int backlog) {
    struct sockaddr_un address;
    struct stat existing;
    // Only a socket is replaced, and only one that refuses: a file of another kind was put there by somebody.
    if (lstat(path, &existing) == 0) {
        if (!S_ISSOCK(existing.st_mode)) return -EEXIST;
        int listened = is_listened_at(path);
        if (listened) return listened < 0 ? listened : -EADDRINUSE;
        if (unlink(path) < 0) return -errno;
    }
    int fd = open_unix(path, SOCK_STREAM | SOCK_NONBLOCK, &address);
    if (fd < 0) return fd;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, backlog) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int hasup_accept(int listener) { return result(accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)); }

int hasup_peer_credentials(int fd, int32_t *pid, uint32_t *uid, uint32_t *gid) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -errno;
    *pid = peer.pid;
    *uid = peer.uid;
    *gid = peer.gid;
    return 0;
}
