// Connections of checks (docs/decisions, D76, D77).
#ifndef HASUP_CHECK_H
#define HASUP_CHECK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum hasup_check_transport { HASUP_CHECK_TCP, HASUP_CHECK_UDP, HASUP_CHECK_PING };

/// Both ends of a check's connection. Addresses are in network order, 4 or 16 bytes.
struct hasup_check_target {
    enum hasup_check_transport transport;
    int family;
    uint8_t address[16];
    uint16_t port;
    /// 0 for any local address.
    int has_local_address;
    uint8_t local_address[16];
    /// 0 for any.
    uint16_t local_port;
    /// Name of the local interface; empty for any.
    char device[16];
    /// Closing resets the connection, so that nothing of it is left.
    int resets;
    /// The third acknowledgement of the handshake is withheld: the server's program never sees the connection.
    int withholds_acknowledgement;
};

/// Begins a connection, with the socket that `hasup_check_socket` has made, or with a new one where `given` is -1. Returns
/// a nonblocking descriptor, or -errno; then *is_local tells whether it says something about this machine only, and
/// nothing about the server. The given socket stays open.
int hasup_check_connect(const struct hasup_check_target *target, int given, int *is_local);

/// Ends a connection, so that the socket can be used again: mark, device, local address and local port stay. Returns 0, or
/// -errno for one that can't be used again.
int hasup_check_disconnect(int fd);

/// A socket with this firewall mark (SO_MARK; 0 for none) that is bound to the local ends, for who hasn't got the rights
/// to do that. A ping socket is made as a member of this group. Returns a nonblocking descriptor, or -errno.
int hasup_check_socket(const struct hasup_check_target *target, uint32_t mark, uint32_t group);

/// The error that has come to a socket, which it is cleared of; 0 for none.
int hasup_socket_error(int fd);

/// Sends without waiting and without a signal. Returns the number of bytes, or -errno.
ssize_t hasup_check_send(int fd, const void *bytes, size_t count);

/// Receives without waiting. Returns the number of bytes, 0 at the end, or -errno.
ssize_t hasup_check_receive(int fd, void *bytes, size_t capacity);

#endif
