// A kernel before 5.18 keeps no mark of who has added an address (IFA_PROTO): the attribute is renamed to one that no
// kernel knows, on its way to the kernel and back.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

enum { MARK = 11, UNKNOWN = 0 };

static void forget_marks(void *bytes, size_t count) {
    int left = (int)count;
    for (struct nlmsghdr *message = bytes; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
        if (message->nlmsg_type != RTM_NEWADDR && message->nlmsg_type != RTM_DELADDR) continue;
        if (message->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifaddrmsg))) continue;
        int room = (int)IFA_PAYLOAD(message);
        struct rtattr *attribute = IFA_RTA(NLMSG_DATA(message));
        for (; RTA_OK(attribute, room); attribute = RTA_NEXT(attribute, room))
            if (attribute->rta_type == MARK) attribute->rta_type = UNKNOWN;
    }
}

ssize_t recvfrom(
    int number, void *restrict bytes, size_t size, int flags, struct sockaddr *restrict from, socklen_t *restrict length) {
    static ssize_t (*real)(int, void *, size_t, int, struct sockaddr *, socklen_t *);
    if (!real) real = dlsym(RTLD_NEXT, "recvfrom");
    ssize_t count = real(number, bytes, size, flags, from, length);
    if (count > 0 && from && from->sa_family == AF_NETLINK) forget_marks(bytes, (size_t)count < size ? (size_t)count : size);
    return count;
}

static int tells_of_addresses(const void *bytes, size_t size) {
    const struct nlmsghdr *first = bytes;
    return size >= sizeof *first && first->nlmsg_len <= size
        && (first->nlmsg_type == RTM_NEWADDR || first->nlmsg_type == RTM_DELADDR);
}

ssize_t recv(int number, void *bytes, size_t size, int flags) {
    static ssize_t (*real)(int, void *, size_t, int);
    if (!real) real = dlsym(RTLD_NEXT, "recv");
    ssize_t count = real(number, bytes, size, flags);
    if (count > 0 && tells_of_addresses(bytes, (size_t)count)) forget_marks(bytes, (size_t)count);
    return count;
}

ssize_t send(int number, const void *bytes, size_t size, int flags) {
    static ssize_t (*real)(int, const void *, size_t, int);
    if (!real) real = dlsym(RTLD_NEXT, "send");
    static __thread char copy[1 << 16];
    if (size > sizeof copy || !tells_of_addresses(bytes, size)) return real(number, bytes, size, flags);
    memcpy(copy, bytes, size);
    forget_marks(copy, size);
    return real(number, copy, size, flags);
}
