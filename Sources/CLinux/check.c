#define _GNU_SOURCE
#include "include/check.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static socklen_t fill(struct sockaddr_storage *place, int family, const uint8_t *address, uint16_t port) {
    memset(place, 0, sizeof *place);
    if (family == AF_INET) {
        struct sockaddr_in *name = (struct sockaddr_in *)place;
        name->sin_family = AF_INET;
        name->sin_port = htons(port);
        memcpy(&name->sin_addr, address, 4);
        return sizeof *name;
    }
    struct sockaddr_in6 *name = (struct sockaddr_in6 *)place;
    name->sin6_family = AF_INET6;
    name->sin6_port = htons(port);
    memcpy(&name->sin6_addr, address, 16);
    return sizeof *name;
}

static int failed(int fd) {
    int error = errno;
    close(fd);
    return -error;
}

/// What is wrong on this machine: no address, port or descriptor left, no right to.
static int is_of_this_machine(int error) {
    switch (error) {
    case EADDRNOTAVAIL:
    case EADDRINUSE:
    case EACCES:
    case EPERM:
    case ENODEV:
    case ENOBUFS:
    case ENOMEM:
    case EINVAL:
    case EAFNOSUPPORT:
        return 1;
    default:
        return 0;
    }
}

static int make(const struct hasup_check_target *target) {
    int family = target->family == 4 ? AF_INET : AF_INET6;
    int type = target->transport == HASUP_CHECK_TCP ? SOCK_STREAM : SOCK_DGRAM;
    int protocol = target->transport == HASUP_CHECK_TCP   ? IPPROTO_TCP
                   : target->transport == HASUP_CHECK_UDP ? IPPROTO_UDP
                   : family == AF_INET                    ? IPPROTO_ICMP
                                                          : IPPROTO_ICMPV6;
    return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

/// Binds to the device, local address and local port. Returns 0, or -1 and errno.
static int bind_ends(int fd, const struct hasup_check_target *target) {
    int on = 1;
    if (target->device[0] &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, target->device, strnlen(target->device, sizeof target->device)) < 0)
        return -1;
    if (!target->has_local_address && !target->local_port) return 0;
    int family = target->family == 4 ? AF_INET : AF_INET6;
    struct sockaddr_storage name;
    uint8_t any[16] = {0};
    socklen_t length = fill(&name, family, target->has_local_address ? target->local_address : any, target->local_port);
    if (target->local_port && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) return -1;
    // The port is chosen when both ends are known, so that thousands may have the same.
    if (!target->local_port && target->transport == HASUP_CHECK_TCP)
        (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return bind(fd, (struct sockaddr *)&name, length);
}

/// A socket that was given stays its owner's.
static int given_up(int fd, int given) { return given >= 0 ? -errno : failed(fd); }

/// Discards what has come before the connection: about the attempt before, or from anybody while there was none.
static void discard(int fd) {
    char byte;
    int left = 4096;
    (void)hasup_socket_error(fd);
    while (left-- > 0 && recv(fd, &byte, 1, MSG_DONTWAIT) >= 0)
        ;
}

int hasup_check_connect(const struct hasup_check_target *target, int given, int *is_local) {
    *is_local = 1;
    int fd = given >= 0 ? given : make(target);
    if (fd < 0) return -errno;
    int off = 0;
    struct linger abort = {.l_onoff = 1, .l_linger = 0};
    if (target->resets && setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort) < 0) return given_up(fd, given);
    if (target->withholds_acknowledgement && setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off) < 0)
        return given_up(fd, given);
    if (given < 0 && bind_ends(fd, target) < 0) return given_up(fd, given);
    struct sockaddr_storage name;
    socklen_t length = fill(&name, target->family == 4 ? AF_INET : AF_INET6, target->address, target->port);
    if (connect(fd, (struct sockaddr *)&name, length) < 0 && errno != EINPROGRESS) {
        // For a socket that is bound to a device it says that this is down or, with IPv6, has no route.
        *is_local = is_of_this_machine(errno) || (target->device[0] && (errno == ENETUNREACH || errno == ENETDOWN));
        return given_up(fd, given);
    }
    *is_local = 0;
    if (given >= 0 && target->transport != HASUP_CHECK_TCP) discard(fd);
    return fd;
}

int hasup_check_disconnect(int fd) {
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    if (connect(fd, &none, sizeof none) < 0) return -errno;
    (void)hasup_socket_error(fd);
    return 0;
}

/// Makes a ping socket as a member of this group, which net.ipv4.ping_group_range allows them. The calling thread's alone:
/// no library knows that it has changed.
static int make_as(uint32_t group, const struct hasup_check_target *target) {
    uint32_t own = getegid();
    if (own == group) return make(target);
    // It goes with a change of the group.
    int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    if (syscall(SYS_setresgid, -1, group, -1) < 0) return -1;
    int fd = make(target);
    int error = errno;
    (void)syscall(SYS_setresgid, -1, own, -1);
    if (dumpable == 1) (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    errno = error;
    return fd;
}

int hasup_check_socket(const struct hasup_check_target *target, uint32_t mark, uint32_t group) {
    int fd = target->transport == HASUP_CHECK_PING ? make_as(group, target) : make(target);
    if (fd < 0) return -errno;
    if (mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) < 0) return failed(fd);
    if (bind_ends(fd, target) < 0) return failed(fd);
    return fd;
}

int hasup_socket_error(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
}

ssize_t hasup_check_send(int fd, const void *bytes, size_t count) {
    ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}

ssize_t hasup_check_receive(int fd, void *bytes, size_t capacity) {
    ssize_t received = recv(fd, bytes, capacity, MSG_DONTWAIT);
    return received < 0 ? -errno : received;
}
