// Mail by libcurl, which is loaded when it is needed (docs/decisions, D50).
#ifndef HASUP_MAIL_H
#define HASUP_MAIL_H

#include <stddef.h>

/// Protection of a connection to a mail server.
enum { HASUP_MAIL_PLAIN = 0, HASUP_MAIL_STARTTLS = 1, HASUP_MAIL_TLS = 2 };

/// A mail server and who talks to it. Strings that may be NULL say so.
struct hasup_mail_server {
    /// smtp://HOST:PORT/NAME or smtps://…; the name is the one of EHLO and HELO.
    const char *url;
    /// HOST:PORT:ADDRESS,ADDRESS, the host's addresses; NULL for a host that is one itself.
    const char *addresses;
    int protection;
    /// Certificates of authorities (PEM); NULL for those of the system.
    const void *authorities;
    size_t authorities_size;
    /// NULL for no login.
    const char *user;
    const char *password;
    long connect_milliseconds;
    long all_milliseconds;
};

/// Loads libcurl. Returns NULL, or the reason that it can't be.
const char *hasup_mail_load(void);

/// Sends one message on a connection of its own. `text` has its lines ended by CR LF. Returns 0, or a number of libcurl's
/// (CURLcode), with `*answer` the server's last one, such as 550, and `reason` a text.
int hasup_mail_send(
    const struct hasup_mail_server *server, const char *sender, const char *const *recipients, int recipient_count,
    const char *text, size_t size, long *answer, char *reason, size_t reason_size);

#endif
