// TLS connections of checks by OpenSSL, which is loaded only where a check needs it (docs/decisions, D80).
#ifndef HASUP_TLS_H
#define HASUP_TLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Loads the library and makes what its first use makes: before the seal. Returns NULL, or the reason why it can't be.
const char *hasup_tls_load(void);

/// What connections may use: certificates of authorities, an own certificate with those between it and its authority, and
/// its key.
enum { HASUP_TLS_AUTHORITIES = 1, HASUP_TLS_CERTIFICATE = 2, HASUP_TLS_KEY = 3 };

/// Begins a set of them, empty. The library has to be loaded. Returns 0, or -1 without memory.
int hasup_tls_prepare(void);
/// Adds the content of a file in PEM, a key behind its certificate. `password` is the key's, or empty. Returns 0, or -1 when it
/// can't be used, with the library's words in `reason`.
int hasup_tls_add(int part, const void *bytes, size_t count, const char *password, char *reason, size_t reason_size);
/// Has connections use the set that are made from now on.
void hasup_tls_commit(void);

/// A client's connection over a connected, nonblocking socket, which stays the caller's. `name` is sent to the server (SNI),
/// if it isn't NULL; `session` is one of before, or NULL. Returns NULL without memory.
void *hasup_tls_create(int fd, const char *name, void *session);
void hasup_tls_destroy(void *connection);

enum {
    /// To be called again when the socket is readable or writable.
    HASUP_TLS_AGAIN = -1,
    /// The other side has said that it ends.
    HASUP_TLS_END = -2,
    /// The connection has ended without that.
    HASUP_TLS_CUT = -3,
    HASUP_TLS_FAILED = -4,
    /// The other side has reset the connection.
    HASUP_TLS_RESET = -5,
};

/// Goes on with the handshake. Returns 0 when it is done, or one of the above.
int hasup_tls_handshake(void *connection);
/// Returns the number of bytes, or one of the above.
ssize_t hasup_tls_read(void *connection, void *bytes, size_t capacity);
ssize_t hasup_tls_write(void *connection, const void *bytes, size_t count);
/// Says that this side ends.
void hasup_tls_end(void *connection);

/// The session of a connection, to resume it by a later one; NULL for none.
void *hasup_tls_session(void *connection);
void hasup_tls_session_destroy(void *session);

#endif
