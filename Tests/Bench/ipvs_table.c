/* Stands between a director and a kernel without IPVS (LD_PRELOAD): its requests are taken, and noted in the file that
 * IPVS_TABLE names, a line each: "SECONDS.NANOS COMMAND SERVICE-PORT DESTINATION:PORT WEIGHT". For measuring only: nothing
 * is answered that isn't asked for at a start. Numbers: linux/ip_vs.h. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FAMILY = 4242 };

static int is_ours;
static struct {
    nl_recvmsg_msg_cb_t call;
    void *argument;
} callbacks[NL_CB_TYPE_MAX + 1];

static const char *word(int command) {
    switch (command) {
    case IPVS_CMD_NEW_SERVICE: return "addvs";
    case IPVS_CMD_SET_SERVICE: return "setvs";
    case IPVS_CMD_DEL_SERVICE: return "delvs";
    case IPVS_CMD_NEW_DEST: return "addrs";
    case IPVS_CMD_SET_DEST: return "setrs";
    case IPVS_CMD_DEL_DEST: return "delrs";
    default: return NULL;
    }
}

static void place(struct nlattr *nested, int addr, int port, char *out, size_t size) {
    struct nlattr *attr;
    int rest;
    char text[INET6_ADDRSTRLEN] = "?";
    int number = 0;
    if (nested) {
        nla_for_each_nested(attr, nested, rest) {
            if (nla_type(attr) == addr) inet_ntop(AF_INET, nla_data(attr), text, sizeof text);
            if (nla_type(attr) == port) number = ntohs(nla_get_u16(attr));
        }
    }
    snprintf(out, size, "%s:%d", text, number);
}

static void note(struct nlmsghdr *header) {
    struct genlmsghdr *general = nlmsg_data(header);
    const char *command = word(general->cmd);
    if (!command) return;
    static int file = -1;
    if (file < 0) {
        const char *path = getenv("IPVS_TABLE");
        if (!path) return;
        file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    }
    struct nlattr *attrs = (struct nlattr *)((char *)general + GENL_HDRLEN);
    int length = (int)(header->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
    struct nlattr *service = nla_find(attrs, length, IPVS_CMD_ATTR_SERVICE);
    struct nlattr *destination = nla_find(attrs, length, IPVS_CMD_ATTR_DEST);
    char from[64], to[64] = "";
    place(service, IPVS_SVC_ATTR_ADDR, IPVS_SVC_ATTR_PORT, from, sizeof from);
    unsigned weight = 0;
    if (destination) {
        struct nlattr *attr;
        int rest;
        place(destination, IPVS_DEST_ATTR_ADDR, IPVS_DEST_ATTR_PORT, to, sizeof to);
        nla_for_each_nested(attr, destination, rest) {
            if (nla_type(attr) == IPVS_DEST_ATTR_WEIGHT) weight = nla_get_u32(attr);
        }
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char line[256];
    int count = snprintf(line, sizeof line, "%lld.%09ld %s %s %s %u\n", (long long)now.tv_sec, now.tv_nsec, command, from, to, weight);
    if (write(file, line, (size_t)count) != count) abort();
}

int genl_ctrl_resolve(struct nl_sock *sock, const char *name) {
    if (strcmp(name, IPVS_GENL_NAME) == 0) return FAMILY;
    int (*next)(struct nl_sock *, const char *) = dlsym(RTLD_NEXT, "genl_ctrl_resolve");
    return next(sock, name);
}

int nl_send_auto(struct nl_sock *sock, struct nl_msg *msg) {
    struct nlmsghdr *header = nlmsg_hdr(msg);
    is_ours = header->nlmsg_type == FAMILY;
    if (is_ours) {
        note(header);
        return (int)header->nlmsg_len;
    }
    int (*next)(struct nl_sock *, struct nl_msg *) = dlsym(RTLD_NEXT, "nl_send_auto");
    return next(sock, msg);
}

int nl_socket_modify_cb(struct nl_sock *sock, enum nl_cb_type type, enum nl_cb_kind kind, nl_recvmsg_msg_cb_t call, void *argument) {
    callbacks[type].call = call;
    callbacks[type].argument = argument;
    int (*next)(struct nl_sock *, enum nl_cb_type, enum nl_cb_kind, nl_recvmsg_msg_cb_t, void *) =
        dlsym(RTLD_NEXT, "nl_socket_modify_cb");
    return next(sock, type, kind, call, argument);
}

/* Every request is acknowledged, and every list is empty. */
int nl_recvmsgs_default(struct nl_sock *sock) {
    if (is_ours) {
        struct nl_msg *empty = nlmsg_alloc();
        for (int type = 0; type <= NL_CB_TYPE_MAX; type++) {
            if ((type == NL_CB_FINISH || type == NL_CB_ACK) && callbacks[type].call) {
                callbacks[type].call(empty, callbacks[type].argument);
            }
        }
        nlmsg_free(empty);
        is_ours = 0;
        return 0;
    }
    int (*next)(struct nl_sock *) = dlsym(RTLD_NEXT, "nl_recvmsgs_default");
    return next(sock);
}
