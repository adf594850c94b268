#include "include/tls.h"

#include <dlfcn.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

static const char library[] = "libssl.so.3";

static struct {
    SSL_CTX *(*ctx_new)(const SSL_METHOD *);
    const SSL_METHOD *(*client_method)(void);
    long (*ctx_ctrl)(SSL_CTX *, int, long, void *);
    void (*ctx_set_verify)(SSL_CTX *, int, SSL_verify_cb);
    SSL *(*new)(SSL_CTX *);
    void (*free)(SSL *);
    int (*set_fd)(SSL *, int);
    void (*set_connect_state)(SSL *);
    void (*set_read_ahead)(SSL *, int);
    long (*ctrl)(SSL *, int, long, void *);
    int (*do_handshake)(SSL *);
    int (*read)(SSL *, void *, int);
    int (*write)(SSL *, const void *, int);
    int (*shutdown)(SSL *);
    void (*set_quiet_shutdown)(SSL *, int);
    int (*get_error)(const SSL *, int);
    int (*set_session)(SSL *, SSL_SESSION *);
    SSL_SESSION *(*get1_session)(SSL *);
    void (*session_free)(SSL_SESSION *);
    int (*session_is_resumable)(const SSL_SESSION *);
    void (*clear_error)(void);
    unsigned long (*peek_error)(void);
} ssl;

static SSL_CTX *context;

static void *find(void *handle, const char *name, const char **reason) {
    void *found = dlsym(handle, name);
    if (!found) *reason = dlerror();
    return found;
}

const char *hasup_tls_load(void) {
    if (context) return NULL;
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return dlerror();
    const char *reason = NULL;
    *(void **)&ssl.ctx_new = find(handle, "SSL_CTX_new", &reason);
    *(void **)&ssl.client_method = find(handle, "TLS_client_method", &reason);
    *(void **)&ssl.ctx_ctrl = find(handle, "SSL_CTX_ctrl", &reason);
    *(void **)&ssl.ctx_set_verify = find(handle, "SSL_CTX_set_verify", &reason);
    *(void **)&ssl.new = find(handle, "SSL_new", &reason);
    *(void **)&ssl.free = find(handle, "SSL_free", &reason);
    *(void **)&ssl.set_fd = find(handle, "SSL_set_fd", &reason);
    *(void **)&ssl.set_connect_state = find(handle, "SSL_set_connect_state", &reason);
    *(void **)&ssl.set_read_ahead = find(handle, "SSL_set_read_ahead", &reason);
    *(void **)&ssl.ctrl = find(handle, "SSL_ctrl", &reason);
    *(void **)&ssl.do_handshake = find(handle, "SSL_do_handshake", &reason);
    *(void **)&ssl.read = find(handle, "SSL_read", &reason);
    *(void **)&ssl.write = find(handle, "SSL_write", &reason);
    *(void **)&ssl.shutdown = find(handle, "SSL_shutdown", &reason);
    *(void **)&ssl.set_quiet_shutdown = find(handle, "SSL_set_quiet_shutdown", &reason);
    *(void **)&ssl.get_error = find(handle, "SSL_get_error", &reason);
    *(void **)&ssl.set_session = find(handle, "SSL_set_session", &reason);
    *(void **)&ssl.get1_session = find(handle, "SSL_get1_session", &reason);
    *(void **)&ssl.session_free = find(handle, "SSL_SESSION_free", &reason);
    *(void **)&ssl.session_is_resumable = find(handle, "SSL_SESSION_is_resumable", &reason);
    *(void **)&ssl.clear_error = find(handle, "ERR_clear_error", &reason);
    *(void **)&ssl.peek_error = find(handle, "ERR_peek_error", &reason);
    if (reason) return reason;
    context = ssl.ctx_new(ssl.client_method());
    if (!context) return "no TLS context can be made";
    // As keepalived: a server's certificate isn't verified, and the oldest version that the library allows will do.
    ssl.ctx_set_verify(context, SSL_VERIFY_NONE, NULL);
    // Sessions are kept by whoever runs the check.
    ssl.ctx_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL, NULL);
    // Lets the library make all that it makes once.
    SSL *first = ssl.new(context);
    if (!first) return "no TLS connection can be made";
    ssl.free(first);
    return NULL;
}

void *hasup_tls_create(int fd, const char *name, void *session) {
    SSL *connection = context ? ssl.new(context) : NULL;
    if (!connection) return NULL;
    if (!ssl.set_fd(connection, fd)) {
        ssl.free(connection);
        return NULL;
    }
    ssl.set_read_ahead(connection, 1);
    ssl.ctrl(connection, SSL_CTRL_MODE, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, NULL);
    if (name) ssl.ctrl(connection, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (void *)name);
    if (session) ssl.set_session(connection, session);
    ssl.set_connect_state(connection);
    return connection;
}

void hasup_tls_destroy(void *connection) {
    if (!connection) return;
    // Nothing is sent any more.
    ssl.set_quiet_shutdown(connection, 1);
    ssl.shutdown(connection);
    ssl.free(connection);
}

static int failure(SSL *connection, int result) {
    int kind = ssl.get_error(connection, result);
    int code = HASUP_TLS_FAILED;
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) code = HASUP_TLS_AGAIN;
    if (kind == SSL_ERROR_ZERO_RETURN) code = HASUP_TLS_END;
    if (kind == SSL_ERROR_SYSCALL) code = HASUP_TLS_CUT;
    if (kind == SSL_ERROR_SSL && ERR_GET_REASON(ssl.peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        code = HASUP_TLS_CUT;
    ssl.clear_error();
    return code;
}

int hasup_tls_handshake(void *connection) {
    int result = ssl.do_handshake(connection);
    return result == 1 ? 0 : failure(connection, result);
}

static int bounded(size_t count) { return count > 1 << 20 ? 1 << 20 : (int)count; }

ssize_t hasup_tls_read(void *connection, void *bytes, size_t capacity) {
    int result = ssl.read(connection, bytes, bounded(capacity));
    return result > 0 ? result : failure(connection, result);
}

ssize_t hasup_tls_write(void *connection, const void *bytes, size_t count) {
    int result = ssl.write(connection, bytes, bounded(count));
    return result > 0 ? result : failure(connection, result);
}

void hasup_tls_end(void *connection) {
    ssl.shutdown(connection);
    ssl.clear_error();
}

void *hasup_tls_session(void *connection) {
    SSL_SESSION *session = ssl.get1_session(connection);
    if (session && !ssl.session_is_resumable(session)) {
        ssl.session_free(session);
        return NULL;
    }
    return session;
}

void hasup_tls_session_destroy(void *session) {
    if (session) ssl.session_free(session);
}
