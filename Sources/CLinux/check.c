#define _GNU_SOURCE
#include "include/check.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
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
    if (fd >= 0) close(fd);
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

int hasup_check_connect(const struct hasup_check_target *target, int *is_local) {
    *is_local = 1;
    int family = target->family == 4 ? AF_INET : AF_INET6;
    int type = target->transport == HASUP_CHECK_TCP ? SOCK_STREAM : SOCK_DGRAM;
    int protocol = target->transport == HASUP_CHECK_TCP   ? IPPROTO_TCP
                   : target->transport == HASUP_CHECK_UDP ? IPPROTO_UDP
                   : family == AF_INET                    ? IPPROTO_ICMP
                                                          : IPPROTO_ICMPV6;
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (fd < 0) return failed(fd);
    int on = 1, off = 0;
    struct linger abort = {.l_onoff = 1, .l_linger = 0};
    if (target->resets && setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort) < 0) return failed(fd);
    if (target->withholds_acknowledgement && setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off) < 0)
        return failed(fd);
    if (target->device[0] &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, target->device, strnlen(target->device, sizeof target->device)) < 0)
        return failed(fd);
    struct sockaddr_storage name;
    if (target->has_local_address || target->local_port) {
        uint8_t any[16] = {0};
        socklen_t length =
            fill(&name, family, target->has_local_address ? target->local_address : any, target->local_port);
        if (target->local_port && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) return failed(fd);
        // The port is chosen when both ends are known, so that thousands may have the same.
        if (!target->local_port && target->transport == HASUP_CHECK_TCP)
            (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        if (bind(fd, (struct sockaddr *)&name, length) < 0) return failed(fd);
    }
    socklen_t length = fill(&name, family, target->address, target->port);
    if (connect(fd, (struct sockaddr *)&name, length) < 0 && errno != EINPROGRESS) {
        *is_local = is_of_this_machine(errno);
        return failed(fd);
    }
    *is_local = 0;
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
