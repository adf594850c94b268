#define _GNU_SOURCE
#include "include/connector.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The parts of a message: netlink's header, the connector's, and what has happened. Only the first two are at the
   alignment that their types ask for, so the fields of the third are copied. */
enum { BODY = NLMSG_HDRLEN + sizeof(struct cn_msg), MESSAGE_MAX = 128 };

/* The beginning of struct proc_event: kind, processor, time. */
enum { EVENT_KIND = 0, EVENT_DATA = 16 };

/* An event of its own answers a subscription. */
enum { EVENT_ANSWER = 0 };

static uint32_t word(const unsigned char *message, int offset) {
    uint32_t value;
    memcpy(&value, message + offset, sizeof value);
    return value;
}

static int subscribe(int socket, const void *wish, uint16_t length) {
    _Alignas(struct nlmsghdr) unsigned char message[NLMSG_SPACE(sizeof(struct cn_msg) + 8)] = {0};
    struct nlmsghdr head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct cn_msg) + length), .nlmsg_type = NLMSG_DONE};
    struct cn_msg body = {.id = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC}, .len = length};
    memcpy(message, &head, sizeof head);
    memcpy(message + NLMSG_HDRLEN, &body, sizeof body);
    memcpy(message + BODY, wish, length);
    return send(socket, message, head.nlmsg_len, MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* The kernel answers within the call that subscribes, behind events that came meanwhile. */
static int wait_for_answer(int socket) {
    enum { MESSAGES_MAX = 1000 };
    for (int i = 0; i < MESSAGES_MAX; i++) {
        unsigned char message[MESSAGE_MAX];
        ssize_t size = recv(socket, message, sizeof message, MSG_DONTWAIT);
        if (size < 0 && errno == ENOBUFS) continue;
        if (size < 0) return errno == EAGAIN ? -ENOTCONN : -errno;
        if (size < BODY + EVENT_DATA + 4 || word(message, BODY + EVENT_KIND) != EVENT_ANSWER) continue;
        return -(int)word(message, BODY + EVENT_DATA);
    }
    return -ENOTCONN;
}

int hasup_connector_open(int buffer, int is_forced) {
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
    if (fd < 0) return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? -ENOTCONN : -errno;
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
    uint32_t all = PROC_CN_MCAST_LISTEN;
    // Linux 6.6 and later: which events are wanted, too (struct proc_input). Others don't know the length and ignore it.
    uint32_t some[2] = {PROC_CN_MCAST_LISTEN, HASUP_PROCESS_FORK | HASUP_PROCESS_EXEC | HASUP_PROCESS_NAME};
    int error = 0;
    if (!is_forced || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) error = -errno;
    if (!error) error = subscribe(fd, &all, sizeof all);
    // Nobody listens in other network namespaces.
    if (error == -ECONNREFUSED) error = -ENOTCONN;
    if (!error) error = wait_for_answer(fd);
    if (!error) error = subscribe(fd, some, sizeof some);
    if (!error) return fd;
    close(fd);
    return error;
}

/* Threads have events, too: those aren't taken. */
static int take(const unsigned char *message, ssize_t size, struct hasup_process_event *event) {
    if (size < BODY + EVENT_DATA + 8) return 0;
    const int data = BODY + EVENT_DATA;
    uint32_t kind = word(message, BODY + EVENT_KIND);
    int is_fork = kind == HASUP_PROCESS_FORK;
    if (is_fork && size < data + 16) return 0;
    if (!is_fork && kind != HASUP_PROCESS_EXEC && kind != HASUP_PROCESS_NAME) return 0;
    uint32_t thread = word(message, is_fork ? data + 8 : data);
    uint32_t process = word(message, is_fork ? data + 12 : data + 4);
    if (kind != HASUP_PROCESS_EXEC && thread != process) return 0;
    *event = (struct hasup_process_event){
        .kind = (enum hasup_process_event_kind)kind, .pid = (int32_t)process,
        .parent = is_fork ? (int32_t)word(message, data + 4) : 0};
    return 1;
}

int hasup_connector_read(int socket, struct hasup_process_event *events, int capacity) {
    unsigned char messages[HASUP_CONNECTOR_BATCH][MESSAGE_MAX];
    struct sockaddr_nl senders[HASUP_CONNECTOR_BATCH];
    struct iovec parts[HASUP_CONNECTOR_BATCH];
    struct mmsghdr headers[HASUP_CONNECTOR_BATCH];
    if (capacity > HASUP_CONNECTOR_BATCH) capacity = HASUP_CONNECTOR_BATCH;
    for (int i = 0; i < capacity; i++) {
        parts[i] = (struct iovec){.iov_base = messages[i], .iov_len = sizeof messages[i]};
        headers[i] = (struct mmsghdr){
            .msg_hdr = {
                .msg_name = &senders[i], .msg_namelen = sizeof senders[i], .msg_iov = &parts[i], .msg_iovlen = 1}};
    }
    int received = recvmmsg(socket, headers, (unsigned)capacity, MSG_DONTWAIT, NULL);
    if (received < 0) return errno == EINTR ? 0 : -errno;
    int count = 0;
    for (int i = 0; i < received; i++) {
        // Only the kernel is believed.
        if (headers[i].msg_hdr.msg_namelen < sizeof senders[i] || senders[i].nl_pid != 0) continue;
        count += take(messages[i], headers[i].msg_len, &events[count]);
    }
    return count;
}

static ssize_t read_file(int pid, const char *file, char *bytes, size_t capacity) {
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    ssize_t size = read(fd, bytes, capacity);
    int error = errno;
    close(fd);
    return size < 0 ? -error : size;
}

int hasup_process_look(
    int pid, char name[HASUP_PROCESS_NAME_SIZE], char *command, size_t capacity, size_t *command_length) {
    char text[512];
    *command_length = 0;
    if (capacity > 0) {
        ssize_t size = read_file(pid, "cmdline", command, capacity);
        if (size < 0) return (int)size;
        *command_length = (size_t)size;
    }
    ssize_t size = read_file(pid, "stat", text, sizeof text - 1);
    if (size < 0) return (int)size;
    text[size] = 0;
    // The name, in parentheses, may hold anything; after it there are only numbers and the letter.
    char *start = strchr(text, '('), *end = strrchr(text, ')');
    if (!start || !end || end < start || end[1] != ' ' || !end[2]) return -EIO;
    *end = 0;
    snprintf(name, HASUP_PROCESS_NAME_SIZE, "%s", start + 1);
    return end[2];
}
