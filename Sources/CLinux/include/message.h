// Unix sockets with descriptors and credentials beside the bytes.
#ifndef HASUP_MESSAGE_H
#define HASUP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { HASUP_DESCRIPTORS_MAX = 8 };

/// A pair of connected, non-blocking, close-on-exec SOCK_SEQPACKET sockets.
int hasup_socketpair(int pair[2]);

/// A pipe whose reading end, the first, never waits; no child inherits it.
int hasup_pipe(int ends[2]);

/// Makes a pipe hold so many bytes, if it holds fewer and the kernel allows it.
void hasup_pipe_grow(int fd, int size);

/// Sends one packet with up to HASUP_DESCRIPTORS_MAX descriptors, never raising SIGPIPE.
ssize_t hasup_send_packet(int fd, const void *bytes, size_t count, const int *descriptors, int descriptor_count);

/// Receives one packet. Descriptors are close-on-exec; on truncation of bytes or descriptors all of them are closed and
/// -EMSGSIZE is returned. `*descriptor_count` is the number received.
ssize_t hasup_receive_packet(int fd, void *bytes, size_t capacity, int *descriptors, int *descriptor_count);

/// Bytes, with the kernel's own for keeping them, that the other end of a Unix socket hasn't received yet (SO_MEMINFO,
/// linux/sock_diag.h), or -errno.
int hasup_unreceived(int fd);

/// A listening, non-blocking stream socket at this path; a socket file that nobody listens on is replaced.
int hasup_listen_unix(const char *path, int backlog);
/// Accepts a non-blocking, close-on-exec connection.
int hasup_accept(int listener);
/// Connects a stream socket to this path; blocking, close-on-exec.
int hasup_connect_unix(const char *path);
/// Connects a non-blocking datagram socket to this path.
int hasup_connect_unix_datagram(const char *path);
/// Reads who is at the other end of a Unix socket (SO_PEERCRED).
int hasup_peer_credentials(int fd, int32_t *pid, uint32_t *uid, uint32_t *gid);

#endif
