// A kernel that refuses to remove addresses: the family of each RTM_DELADDR becomes one that nobody has.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

enum { NOBODYS_FAMILY = 200 };

ssize_t send(int number, const void *bytes, size_t size, int flags) {
    static ssize_t (*real)(int, const void *, size_t, int);
    if (!real) real = dlsym(RTLD_NEXT, "send");
    static __thread char copy[1 << 16];
    const struct nlmsghdr *first = bytes;
    if (size > sizeof copy || size < sizeof *first || first->nlmsg_len > size || first->nlmsg_type != RTM_DELADDR)
        return real(number, bytes, size, flags);
    memcpy(copy, bytes, size);
    int left = (int)size;
    for (struct nlmsghdr *message = (void *)copy; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left))
        if (message->nlmsg_type == RTM_DELADDR) ((struct ifaddrmsg *)NLMSG_DATA(message))->ifa_family = NOBODYS_FAMILY;
    return real(number, copy, size, flags);
}
