#include "include/tls.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
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
    unsigned long (*peek_last_error)(void);
    const char *(*reason_string)(unsigned long);
    void (*ctx_free)(SSL_CTX *);
    int (*ctx_use_certificate)(SSL_CTX *, X509 *);
    int (*ctx_use_private_key)(SSL_CTX *, EVP_PKEY *);
    int (*ctx_check_private_key)(const SSL_CTX *);
    X509_STORE *(*ctx_get_cert_store)(const SSL_CTX *);
    int (*store_add_cert)(X509_STORE *, X509 *);
    BIO *(*bio_new_mem_buf)(const void *, int);
    int (*bio_free)(BIO *);
    X509 *(*read_certificate)(BIO *, X509 **, pem_password_cb *, void *);
    EVP_PKEY *(*read_key)(BIO *, EVP_PKEY **, pem_password_cb *, void *);
    void (*certificate_free)(X509 *);
    void (*key_free)(EVP_PKEY *);
} ssl;

static SSL_CTX *context;

static void *find(void *handle, const char *name, const char **reason) {
    void *found = dlsym(handle, name);
    if (!found) *reason = dlerror();
    return found;
}

static const char *find_all(void) {
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
    *(void **)&ssl.peek_last_error = find(handle, "ERR_peek_last_error", &reason);
    *(void **)&ssl.reason_string = find(handle, "ERR_reason_error_string", &reason);
    *(void **)&ssl.ctx_free = find(handle, "SSL_CTX_free", &reason);
    *(void **)&ssl.ctx_use_certificate = find(handle, "SSL_CTX_use_certificate", &reason);
    *(void **)&ssl.ctx_use_private_key = find(handle, "SSL_CTX_use_PrivateKey", &reason);
    *(void **)&ssl.ctx_check_private_key = find(handle, "SSL_CTX_check_private_key", &reason);
    *(void **)&ssl.ctx_get_cert_store = find(handle, "SSL_CTX_get_cert_store", &reason);
    *(void **)&ssl.store_add_cert = find(handle, "X509_STORE_add_cert", &reason);
    *(void **)&ssl.bio_new_mem_buf = find(handle, "BIO_new_mem_buf", &reason);
    *(void **)&ssl.bio_free = find(handle, "BIO_free", &reason);
    *(void **)&ssl.read_certificate = find(handle, "PEM_read_bio_X509", &reason);
    *(void **)&ssl.read_key = find(handle, "PEM_read_bio_PrivateKey", &reason);
    *(void **)&ssl.certificate_free = find(handle, "X509_free", &reason);
    *(void **)&ssl.key_free = find(handle, "EVP_PKEY_free", &reason);
    return reason;
}

static SSL_CTX *make_context(void) {
    SSL_CTX *made = ssl.ctx_new(ssl.client_method());
    if (!made) return NULL;
    // As keepalived: a server's certificate isn't verified, and the oldest version that the library allows will do.
    ssl.ctx_set_verify(made, SSL_VERIFY_NONE, NULL);
    // Sessions are kept by whoever runs the check.
    ssl.ctx_ctrl(made, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL, NULL);
    return made;
}

static const char *load(void) {
    const char *reason = find_all();
    if (reason) return reason;
    context = make_context();
    if (!context) return "no TLS context can be made";
    // Lets the library make all that it makes once.
    SSL *first = ssl.new(context);
    if (!first) return "no TLS connection can be made";
    ssl.free(first);
    return NULL;
}

// It is tried once: what can't be loaded then can't be later either, and behind a seal it mustn't be tried.
const char *hasup_tls_load(void) {
    static int is_tried;
    static char failure[256];
    if (!is_tried) {
        is_tried = 1;
        const char *reason = load();
        if (reason) snprintf(failure, sizeof failure, "%s", reason);
    }
    return failure[0] ? failure : NULL;
}

/// A key's password. Without one nothing is asked: there is no terminal.
static int password_of(char *buffer, int size, int is_writing, void *user) {
    (void)is_writing;
    const char *password = user;
    if (!*password) return -1;
    int length = (int)strnlen(password, (size_t)size);
    memcpy(buffer, password, (size_t)length);
    return length;
}

/// The end of a file's blocks, and no error in one of them.
static int is_at_end(void) {
    unsigned long error = ssl.peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static int add_authorities(SSL_CTX *into, BIO *source) {
    X509_STORE *store = ssl.ctx_get_cert_store(into);
    int count = 0;
    for (X509 *one; (one = ssl.read_certificate(source, NULL, NULL, NULL)); count++) {
        int is_added = ssl.store_add_cert(store, one);
        ssl.certificate_free(one);
        if (!is_added) return 0;
    }
    return count > 0 && is_at_end();
}

/// The certificate, and those between it and its authority.
static int add_certificate(SSL_CTX *into, BIO *source) {
    X509 *own = ssl.read_certificate(source, NULL, NULL, NULL);
    if (!own) return 0;
    int is_used = ssl.ctx_use_certificate(into, own);
    ssl.certificate_free(own);
    if (!is_used) return 0;
    for (X509 *one; (one = ssl.read_certificate(source, NULL, NULL, NULL));) {
        if (!ssl.ctx_ctrl(into, SSL_CTRL_CHAIN_CERT, 0, one)) {
            ssl.certificate_free(one);
            return 0;
        }
    }
    return is_at_end();
}

static int add_key(SSL_CTX *into, BIO *source, const char *password) {
    EVP_PKEY *key = ssl.read_key(source, NULL, password_of, (void *)password);
    if (!key) return 0;
    // A key of another kind than the certificate's is taken, and found out only by the second.
    int is_used = ssl.ctx_use_private_key(into, key) && ssl.ctx_check_private_key(into);
    ssl.key_free(key);
    return is_used;
}

static SSL_CTX *prepared;

int hasup_tls_prepare(void) {
    if (prepared) ssl.ctx_free(prepared);
    prepared = context ? make_context() : NULL;
    return prepared ? 0 : -1;
}

int hasup_tls_add(int part, const void *bytes, size_t count, const char *password, char *reason, size_t reason_size) {
    ssl.clear_error();
    BIO *source = count <= 1 << 24 ? ssl.bio_new_mem_buf(bytes, (int)count) : NULL;
    int is_good = !source                         ? 0
                  : part == HASUP_TLS_AUTHORITIES ? add_authorities(prepared, source)
                  : part == HASUP_TLS_CERTIFICATE ? add_certificate(prepared, source)
                                                  : add_key(prepared, source, password);
    if (source) ssl.bio_free(source);
    // The first error is the cause of the others.
    unsigned long error = ssl.peek_error();
    const char *words = ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_NO_CERTIFICATE_ASSIGNED
                            ? "key type mismatch"
                            : ssl.reason_string(error);
    if (!is_good && reason) snprintf(reason, reason_size, "%s", words ? words : "it can't be read");
    // The end of a file leaves an error, too.
    ssl.clear_error();
    return is_good ? 0 : -1;
}

void hasup_tls_commit(void) {
    if (!prepared) return;
    ssl.ctx_free(context);
    context = prepared;
    prepared = NULL;
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
    // Within a handshake that is an error, which the next connection would be given.
    ssl.clear_error();
}

static int failure(SSL *connection, int result) {
    int error = errno;
    int kind = ssl.get_error(connection, result);
    int code = HASUP_TLS_FAILED;
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) code = HASUP_TLS_AGAIN;
    if (kind == SSL_ERROR_ZERO_RETURN) code = HASUP_TLS_END;
    if (kind == SSL_ERROR_SYSCALL) code = error == ECONNRESET ? HASUP_TLS_RESET : HASUP_TLS_CUT;
    if (kind == SSL_ERROR_SSL && ERR_GET_REASON(ssl.peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        code = HASUP_TLS_CUT;
    ssl.clear_error();
    return code;
}

int hasup_tls_handshake(void *connection) {
    ssl.clear_error();
    int result = ssl.do_handshake(connection);
    return result == 1 ? 0 : failure(connection, result);
}

static int bounded(size_t count) { return count > 1 << 20 ? 1 << 20 : (int)count; }

ssize_t hasup_tls_read(void *connection, void *bytes, size_t capacity) {
    ssl.clear_error();
    int result = ssl.read(connection, bytes, bounded(capacity));
    return result > 0 ? result : failure(connection, result);
}

ssize_t hasup_tls_write(void *connection, const void *bytes, size_t count) {
    ssl.clear_error();
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
