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

/// Begins a connection. Returns a nonblocking descriptor, or -errno; then *is_local tells whether it says something
/// about this machine only, and nothing about the server.
int hasup_check_connect(const struct hasup_check_target *target, int *is_local);

/// The error that has come to a socket, which it is cleared of; 0 for none.
int hasup_socket_error(int fd);

/// Sends without waiting and without a signal. Returns the number of bytes, or -errno.
ssize_t hasup_check_send(int fd, const void *bytes, size_t count);

/// Receives without waiting. Returns the number of bytes, 0 at the end, or -errno.
ssize_t hasup_check_receive(int fd, void *bytes, size_t capacity);

#endif
