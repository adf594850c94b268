#define _GNU_SOURCE
#include "include/packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36
#endif

// Of linux/icmp.h, which can't be included beside net/if.h: an option of level SOL_RAW, and its value.
#ifndef SOL_RAW
#define SOL_RAW 255
#endif
#ifndef ICMP_FILTER
#define ICMP_FILTER 1
struct icmp_filter {
    uint32_t data;
};
#endif

enum { PROTOCOL_VRRP = 112, RECEIVE_BUFFER = 4 << 20 };

static int failed(int fd) {
    int error = errno;
    close(fd);
    return -error;
}

static int set(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value);
}

static int configure_v4(int fd, int index, const uint8_t *group) {
    struct ip_mreqn member = {.imr_ifindex = index};
    if (set(fd, IPPROTO_IP, IP_HDRINCL, 1) || set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0) ||
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &member, sizeof member) ||
        set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0))
        return -1;
    if (!group) return 0;
    memcpy(&member.imr_multiaddr, group, 4);
    return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &member, sizeof member);
}

static int configure_v6(int fd, int index, const uint8_t *group) {
    struct ipv6_mreq member = {.ipv6mr_interface = (unsigned)index};
    if (set(fd, IPPROTO_IPV6, IPV6_HDRINCL, 1) || set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0) ||
        set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index) || set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) ||
        set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1))
        return -1;
    if (!group) return 0;
    memcpy(&member.ipv6mr_multiaddr, group, 16);
    return setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &member, sizeof member);
}

int hasup_vrrp_socket(int family, int interface_index, const char *interface_name, const uint8_t *group) {
    int fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, PROTOCOL_VRRP);
    if (fd < 0) return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface_name, (socklen_t)strlen(interface_name) + 1))
        return failed(fd);
    if (family == 4 ? configure_v4(fd, interface_index, group) : configure_v6(fd, interface_index, group))
        return failed(fd);
    // A burst of hundreds of routers starting together must fit; without privilege the ordinary limit has to do.
    if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)) set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
    if (set(fd, SOL_SOCKET, SO_SNDBUFFORCE, RECEIVE_BUFFER)) set(fd, SOL_SOCKET, SO_SNDBUF, RECEIVE_BUFFER);
    // CS6, the precedence of routing protocols (RFC 2474): queues serve these packets first.
    set(fd, SOL_SOCKET, SO_PRIORITY, 6);
    return fd;
}

union end {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t fill(union end *end, int family, int interface_index, const uint8_t *address, uint16_t port) {
    memset(end, 0, sizeof *end);
    if (family == 4) {
        end->v4.sin_family = AF_INET;
        end->v4.sin_port = htons(port);
        memcpy(&end->v4.sin_addr, address, 4);
        return sizeof end->v4;
    }
    end->v6.sin6_family = AF_INET6;
    end->v6.sin6_port = htons(port);
    memcpy(&end->v6.sin6_addr, address, 16);
    if (IN6_IS_ADDR_LINKLOCAL(&end->v6.sin6_addr)) end->v6.sin6_scope_id = (uint32_t)interface_index;
    return sizeof end->v6;
}

int hasup_heartbeat_socket(const struct hasup_heartbeat_path *path) {
    int fd = socket(path->family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, path->device, (socklen_t)strlen(path->device) + 1) ||
        // Connections to several nodes have one end in common, and so have a worker's and its successor's. Others than this
        // user can't join.
        set(fd, SOL_SOCKET, SO_REUSEPORT, 1))
        return failed(fd);
    // CS6, as adverts have it.
    if (path->family == 4) set(fd, IPPROTO_IP, IP_TOS, 0xc0);
    else set(fd, IPPROTO_IPV6, IPV6_TCLASS, 0xc0);
    set(fd, SOL_SOCKET, SO_PRIORITY, 6);
    union end own, peer;
    socklen_t size = fill(&own, path->family, path->interface_index, path->own, path->own_port);
    fill(&peer, path->family, path->interface_index, path->peer, path->peer_port);
    if (bind(fd, &own.any, size) || connect(fd, &peer.any, size)) return failed(fd);
    return fd;
}

// IPV6_MULTICAST_ALL (linux/in6.h).
enum { MULTICAST_ALL_V6 = 29 };

static int join_v4(int fd, int index, const uint8_t *group) {
    struct ip_mreqn member = {.imr_ifindex = index};
    memcpy(&member.imr_multiaddr, group, 4);
    return set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0) || set(fd, IPPROTO_IP, IP_MULTICAST_TTL, 1) ||
           set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) || set(fd, IPPROTO_IP, IP_TOS, 0xc0) ||
           setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &member, sizeof member) ||
           setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &member, sizeof member);
}

static int join_v6(int fd, int index, const uint8_t *group) {
    struct ipv6_mreq member = {.ipv6mr_interface = (unsigned)index};
    memcpy(&member.ipv6mr_multiaddr, group, 16);
    // Kernels before 4.20 don't know it.
    set(fd, IPPROTO_IPV6, MULTICAST_ALL_V6, 0);
    return set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0) ||
           set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1) || set(fd, IPPROTO_IPV6, IPV6_TCLASS, 0xc0) ||
           set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index) ||
           setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &member, sizeof member);
}

int hasup_heartbeat_group_socket(
    const char *device, int interface_index, int family, const uint8_t *group, uint16_t port) {
    int fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device) + 1) ||
        // A worker's successor joins before its end is closed, and another cluster may use the same group.
        set(fd, SOL_SOCKET, SO_REUSEADDR, 1))
        return failed(fd);
    set(fd, SOL_SOCKET, SO_PRIORITY, 6);
    union end end;
    socklen_t size = fill(&end, family, interface_index, group, port);
    if (bind(fd, &end.any, size)) return failed(fd);
    if (family == 4 ? join_v4(fd, interface_index, group) : join_v6(fd, interface_index, group)) return failed(fd);
    return fd;
}

int hasup_send_to_group(
    int fd, int family, const uint8_t *group, uint16_t port, const void *bytes, size_t count) {
    union end end;
    socklen_t size = fill(&end, family, 0, group, port);
    ssize_t sent = sendto(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL, &end.any, size);
    return sent < 0 ? -errno : 0;
}

int hasup_send_connected(int fd, const void *bytes, size_t count) {
    ssize_t sent = sendto(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
    return sent < 0 ? -errno : 0;
}

int hasup_probe_raw(void) {
    int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, PROTOCOL_VRRP);
    if (fd < 0) return -errno;
    close(fd);
    return 0;
}

int hasup_frame_socket(void) {
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    struct sock_filter none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_fprog filter = {.len = 1, .filter = none};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) ||
        set(fd, SOL_SOCKET, SO_LOCK_FILTER, 1))
        return failed(fd);
    return fd;
}

// The kernel doubles it: what a socket has by default (socket(7), wmem_default).
enum { FRAME_BUFFER = 104 << 10 };

static int restore(int fd, int protocol, int interface_index) {
    if (set(fd, SOL_SOCKET, SO_SNDBUF, FRAME_BUFFER)) return -errno;
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) return -errno;
    // Also fails with EBUSY where a ring was made, which can't be told otherwise: then sending does nothing.
    if (set(fd, SOL_PACKET, PACKET_VNET_HDR, 0)) return -errno;
    struct sockaddr_ll address = {0};
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size)) return -errno;
    return address.sll_protocol != htons((uint16_t)protocol) || address.sll_ifindex != interface_index ? -EADDRINUSE : 0;
}

// For bind(2), protocol 0 is the one that it has.
int hasup_frame_socket_restore(int fd) { return restore(fd, 0, 0); }

int hasup_reference_socket(const char *device, int interface_index, int family, const uint8_t *address) {
    bool is_v4 = family == 4;
    int fd = socket(
        is_v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, is_v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
    if (fd < 0) return -errno;
    // A bit that is set keeps a type out.
    struct icmp_filter replies = {.data = ~(1U << ICMP_ECHOREPLY)};
    struct icmp6_filter replies6;
    ICMP6_FILTER_SETBLOCKALL(&replies6);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &replies6);
    if (is_v4 ? setsockopt(fd, SOL_RAW, ICMP_FILTER, &replies, sizeof replies)
              : setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &replies6, sizeof replies6))
        return failed(fd);
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device) + 1)) return failed(fd);
    // CS6, as adverts and heartbeats have it.
    if (is_v4) set(fd, IPPROTO_IP, IP_TOS, 0xc0);
    else set(fd, IPPROTO_IPV6, IPV6_TCLASS, 0xc0);
    set(fd, SOL_SOCKET, SO_PRIORITY, 6);
    union end reference;
    socklen_t size = fill(&reference, family, interface_index, address, 0);
    return connect(fd, &reference.any, size) ? failed(fd) : fd;
}

// Offsets in an Ethernet frame.
enum { IP_NEXT_HEADER = 20, IP_HOP_LIMIT = 21, ARP_OPERATION = 20, ICMP_TYPE = 54, ARP_REPLY = 2, ADVERTISEMENT = 136 };

// What the interface itself receives: neither frames for other machines or of VLANs that nobody has here, nor those that
// leave.
#define NOT_RECEIVED(skip)                                                                                             \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)SKF_AD_OFF + SKF_AD_PKTTYPE),                                         \
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, PACKET_MULTICAST, skip, 0)

static int question_protocol(int family) { return family == 4 ? ETH_P_ARP : ETH_P_IPV6; }

int hasup_question_socket(int family, int interface_index) {
    struct sock_filter replies[] = {
        NOT_RECEIVED(3),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, ARP_OPERATION),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARP_REPLY, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_filter advertisements[] = {
        NOT_RECEIVED(7),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IP_NEXT_HEADER),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 5),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IP_HOP_LIMIT),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 255, 0, 3),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ICMP_TYPE),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ADVERTISEMENT, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog filter = {.len = sizeof replies / sizeof *replies, .filter = replies};
    if (family != 4) {
        filter.len = sizeof advertisements / sizeof *advertisements;
        filter.filter = advertisements;
    }
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    struct sockaddr_ll link = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons((uint16_t)question_protocol(family)),
        .sll_ifindex = interface_index,
    };
    // It receives nothing before it is bound, and by then the filter is there.
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) ||
        set(fd, SOL_SOCKET, SO_LOCK_FILTER, 1) || bind(fd, (struct sockaddr *)&link, sizeof link))
        return failed(fd);
    set(fd, SOL_SOCKET, SO_PRIORITY, 6);
    return fd;
}

int hasup_question_socket_restore(int fd, int family, int interface_index) {
    if (set(fd, SOL_SOCKET, SO_RCVBUF, FRAME_BUFFER)) return -errno;
    return restore(fd, question_protocol(family), interface_index);
}

int hasup_route_socket(uint32_t groups) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | (groups ? SOCK_NONBLOCK : 0), NETLINK_ROUTE);
    if (fd < 0) return -errno;
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
    if (bind(fd, (struct sockaddr *)&address, sizeof address)) return failed(fd);
    if (groups) {
        if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)) set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
    }
    return fd;
}

void hasup_receive_buffer_set(int fd, int bytes, bool is_forced) {
    if (!is_forced || set(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes)) set(fd, SOL_SOCKET, SO_RCVBUF, bytes);
}

int hasup_generic_socket(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
    if (fd < 0) return -errno;
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    return bind(fd, (struct sockaddr *)&address, sizeof address) ? failed(fd) : fd;
}

struct elsewhere {
    const char *path;
    int result;
};

static void *open_elsewhere(void *argument) {
    struct elsewhere *elsewhere = argument;
    int there = open(elsewhere->path, O_RDONLY | O_CLOEXEC);
    if (there < 0 || setns(there, CLONE_NEWNET)) {
        elsewhere->result = -errno;
    } else {
        elsewhere->result = hasup_generic_socket();
    }
    if (there >= 0) close(there);
    return NULL;
}

int hasup_generic_socket_in(const char *path) {
    // A namespace is a thread's: this one never leaves its own.
    struct elsewhere elsewhere = {.path = path};
    pthread_t thread;
    int error = pthread_create(&thread, NULL, open_elsewhere, &elsewhere);
    if (error) return -error;
    pthread_join(thread, NULL);
    return elsewhere.result;
}

int hasup_send_batch(int fd, const struct hasup_outgoing *packets, int count) {
    struct mmsghdr messages[HASUP_BATCH_MAX];
    struct iovec parts[HASUP_BATCH_MAX];
    union {
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } names[HASUP_BATCH_MAX];
    if (count > HASUP_BATCH_MAX) count = HASUP_BATCH_MAX;
    for (int i = 0; i < count; i++) {
        const struct hasup_outgoing *packet = &packets[i];
        parts[i] = (struct iovec){.iov_base = packet->bytes, .iov_len = packet->count};
        memset(&names[i], 0, sizeof names[i]);
        memset(&messages[i], 0, sizeof messages[i]);
        struct msghdr *header = &messages[i].msg_hdr;
        header->msg_iov = &parts[i];
        header->msg_iovlen = 1;
        header->msg_name = &names[i];
        if (packet->family == 4) {
            names[i].v4.sin_family = AF_INET;
            memcpy(&names[i].v4.sin_addr, packet->destination, 4);
            header->msg_namelen = sizeof names[i].v4;
        } else {
            names[i].v6.sin6_family = AF_INET6;
            memcpy(&names[i].v6.sin6_addr, packet->destination, 16);
            header->msg_namelen = sizeof names[i].v6;
        }
    }
    int sent = sendmmsg(fd, messages, (unsigned)count, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

int hasup_send_frame(int fd, int interface_index, const void *bytes, size_t count) {
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = interface_index};
    ssize_t sent = sendto(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address, sizeof address);
    return sent < 0 ? -errno : 0;
}

struct hasup_receiver {
    struct mmsghdr messages[HASUP_BATCH_MAX];
    struct iovec parts[HASUP_BATCH_MAX];
    struct sockaddr_in6 names[HASUP_BATCH_MAX];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
    } controls[HASUP_BATCH_MAX];
    struct hasup_incoming packets[HASUP_BATCH_MAX];
    char bytes[HASUP_BATCH_MAX][HASUP_PACKET_MAX];
};

struct hasup_receiver *hasup_receiver_create(void) { return calloc(1, sizeof(struct hasup_receiver)); }

void hasup_receiver_destroy(struct hasup_receiver *receiver) { free(receiver); }

static void describe_v6(struct hasup_incoming *packet, struct msghdr *message) {
    const struct sockaddr_in6 *name = message->msg_name;
    memcpy(packet->source, &name->sin6_addr, 16);
    packet->hop_limit = -1;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != IPPROTO_IPV6) continue;
        if (header->cmsg_type == IPV6_HOPLIMIT) {
            int limit;
            memcpy(&limit, CMSG_DATA(header), sizeof limit);
            packet->hop_limit = (int16_t)limit;
        } else if (header->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(header), sizeof info);
            memcpy(packet->destination, &info.ipi6_addr, 16);
        }
    }
}

int hasup_receive_batch(struct hasup_receiver *receiver, int fd, uint8_t family) {
    for (int i = 0; i < HASUP_BATCH_MAX; i++) {
        receiver->parts[i] = (struct iovec){.iov_base = receiver->bytes[i], .iov_len = HASUP_PACKET_MAX};
        struct msghdr *header = &receiver->messages[i].msg_hdr;
        header->msg_iov = &receiver->parts[i];
        header->msg_iovlen = 1;
        header->msg_name = family == 6 ? &receiver->names[i] : NULL;
        header->msg_namelen = family == 6 ? sizeof receiver->names[i] : 0;
        header->msg_control = family == 6 ? receiver->controls[i].bytes : NULL;
        header->msg_controllen = family == 6 ? sizeof receiver->controls[i].bytes : 0;
        header->msg_flags = 0;
    }
    int count = recvmmsg(fd, receiver->messages, HASUP_BATCH_MAX, MSG_DONTWAIT, NULL);
    if (count < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        struct hasup_incoming *packet = &receiver->packets[i];
        packet->count = (uint16_t)receiver->messages[i].msg_len;
        if (family == 6) describe_v6(packet, &receiver->messages[i].msg_hdr);
    }
    return count;
}

const struct hasup_incoming *hasup_received(const struct hasup_receiver *receiver, int index) {
    return &receiver->packets[index];
}

const void *hasup_received_bytes(const struct hasup_receiver *receiver, int index) { return receiver->bytes[index]; }

int hasup_interface_index(const char *name) { return (int)if_nametoindex(name); }
