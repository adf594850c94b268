#include "mail.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

// As Debian's OpenSSL build of libcurl calls itself.
static const char library[] = "libcurl.so.4";

static struct {
    CURLcode (*global_init)(long);
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
    CURLcode (*easy_perform)(CURL *);
    CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
    void (*easy_cleanup)(CURL *);
    const char *(*easy_strerror)(CURLcode);
    struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
    void (*slist_free_all)(struct curl_slist *);
} curl;

static void *find(void *handle, const char *name, const char **reason) {
    void *found = dlsym(handle, name);
    if (!found) *reason = dlerror();
    return found;
}

const char *hasup_mail_load(void) {
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return dlerror();
    const char *reason = NULL;
    *(void **)&curl.global_init = find(handle, "curl_global_init", &reason);
    *(void **)&curl.easy_init = find(handle, "curl_easy_init", &reason);
    *(void **)&curl.easy_setopt = find(handle, "curl_easy_setopt", &reason);
    *(void **)&curl.easy_perform = find(handle, "curl_easy_perform", &reason);
    *(void **)&curl.easy_getinfo = find(handle, "curl_easy_getinfo", &reason);
    *(void **)&curl.easy_cleanup = find(handle, "curl_easy_cleanup", &reason);
    *(void **)&curl.easy_strerror = find(handle, "curl_easy_strerror", &reason);
    *(void **)&curl.slist_append = find(handle, "curl_slist_append", &reason);
    *(void **)&curl.slist_free_all = find(handle, "curl_slist_free_all", &reason);
    if (reason) return reason;
    CURLcode code = curl.global_init(CURL_GLOBAL_DEFAULT);
    return code == CURLE_OK ? NULL : curl.easy_strerror(code);
}

struct source {
    const char *text;
    size_t left;
};

static size_t read_text(char *buffer, size_t size, size_t count, void *user) {
    struct source *source = user;
    size_t length = size * count < source->left ? size * count : source->left;
    memcpy(buffer, source->text, length);
    source->text += length;
    source->left -= length;
    return length;
}

static void set_protection(CURL *easy, const struct hasup_mail_server *server) {
    curl.easy_setopt(easy, CURLOPT_USE_SSL, (long)(server->protection ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    curl.easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl.easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl.easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (server->authorities) {
        struct curl_blob blob = {
            .data = (void *)server->authorities, .len = server->authorities_size, .flags = CURL_BLOB_NOCOPY};
        curl.easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
    }
    if (server->user) {
        curl.easy_setopt(easy, CURLOPT_USERNAME, server->user);
        curl.easy_setopt(easy, CURLOPT_PASSWORD, server->password);
    }
}

int hasup_mail_send(
    const struct hasup_mail_server *server, const char *sender, const char *const *recipients, int recipient_count,
    const char *text, size_t size, long *answer, char *reason, size_t reason_size) {
    char detail[CURL_ERROR_SIZE] = "";
    struct source source = {text, size};
    struct curl_slist *to = NULL, *addresses = NULL;
    CURL *easy = curl.easy_init();
    if (!easy) return CURLE_OUT_OF_MEMORY;
    for (int i = 0; i < recipient_count; i++) to = curl.slist_append(to, recipients[i]);
    curl.easy_setopt(easy, CURLOPT_URL, server->url);
    curl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl.easy_setopt(easy, CURLOPT_PROXY, "");
    curl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl.easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
    curl.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, server->connect_milliseconds);
    curl.easy_setopt(easy, CURLOPT_TIMEOUT_MS, server->all_milliseconds);
    curl.easy_setopt(easy, CURLOPT_MAIL_FROM, sender);
    curl.easy_setopt(easy, CURLOPT_MAIL_RCPT, to);
    curl.easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl.easy_setopt(easy, CURLOPT_READFUNCTION, read_text);
    curl.easy_setopt(easy, CURLOPT_READDATA, &source);
    set_protection(easy, server);
    if (server->addresses) {
        addresses = curl.slist_append(NULL, server->addresses);
        curl.easy_setopt(easy, CURLOPT_RESOLVE, addresses);
    }
    CURLcode code = curl.easy_perform(easy);
    *answer = 0;
    curl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, answer);
    snprintf(reason, reason_size, "%s", detail[0] ? detail : curl.easy_strerror(code));
    curl.easy_cleanup(easy);
    curl.slist_free_all(to);
    curl.slist_free_all(addresses);
    return (int)code;
}
