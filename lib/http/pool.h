/* pool.h - many HTTP requests at once from one thread: a libcurl multi handle on epoll.
 *
 * Easy handles and connections are kept and reused.  The pool knows nothing of what it sends.  Each request leaves at
 * most once: libcurl would by itself repeat a request on a fresh connection when a reused one turns out to be dead, and
 * the pool forbids it, so that whoever counts and signs attempts knows of every one.
 * Certificates are always verified, TLS is 1.2 or newer, redirects are not followed.  Proxies and trusted authorities
 * come from the environment (reach.h).
 */
#ifndef ROLLCALL_HTTP_POOL_H
#define ROLLCALL_HTTP_POOL_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

struct http_pool;

enum http_version { HTTP_VERSION_AUTO, HTTP_VERSION_1_1, HTTP_VERSION_2 };

struct http_options {
    const char *base_url; /* "https://host", to which targets are appended; borrowed for the life of the pool */
    const char *ca_file;  /* PEM; NULL: SSL_CERT_FILE, or the system's authorities; borrowed likewise */
    /* "HOST:PORT:CONNECT-HOST:CONNECT-PORT", as for curl --connect-to; plain HTTP is not led elsewhere. Copied. */
    const char *const *connect_to;
    size_t connect_to_count;
    size_t concurrency; /* the most requests under way at one time */
    enum http_version version;
    uint32_t connect_timeout_ms;
    uint32_t request_timeout_ms;
    uint32_t stall_timeout_ms; /* rounded up to whole seconds */
    size_t body_max;           /* a longer answer is cut off and counts as HTTP_LOST */
    bool direct;               /* never by a proxy */
    /* The server is known by the SHA-1 thumbprint of its certificate (40 lower-case hexadecimal digits) and by nothing
     * else: neither its name nor who vouches for it are looked at. NULL: as usual. Borrowed until the request has its
     * answer. */
    const char *thumbprint;
};

enum { HTTP_HEADERS_MAX = 8, HTTP_HEADER_SIZE = 256 };

struct http_request {
    const char *method;
    const char *target; /* "/path?query" */
    /* "Name: value" each; copied. "Name:" leaves out one that libcurl would add. */
    const char *headers[HTTP_HEADERS_MAX];
    size_t header_count;
    const char *body; /* copied */
    size_t body_length;
};

enum http_end {
    HTTP_ANSWERED,  /* a whole answer came */
    HTTP_NOT_SENT,  /* no byte of the request left: name, connection, TLS */
    HTTP_LOST,      /* the request may have left, and no whole answer came */
    HTTP_NO_HOST,   /* the name of the server is not known; nothing left */
    HTTP_UNTRUSTED, /* the server's certificate, or its TLS, was refused; no byte of the request left */
    HTTP_NO_PROXY,  /* the proxy cannot be used, or does not let us through; no byte of the request left */
};

struct http_answer {
    enum http_end end;
    bool no_memory; /* this machine had none, which says nothing of the server */
    int status;
    const char *body; /* terminated by NUL; wiped after the callback */
    size_t body_length;
    /* Headers that matter here; "" when absent, without room here, or not visible ASCII. */
    char date[64];
    char ms_cv[64];
    char retry_after[64];
    char retry_after_ms[32];
    char x_ms_retry_after_ms[32];
    char www_authenticate[256];
    char detail[256]; /* what went wrong, for people; "" for HTTP_ANSWERED */
};

/* The answer is borrowed until the callback returns. http_pool_send() may be called from it. */
typedef void http_done(void *context, void *request_context, struct http_answer *answer);

struct http_pool *http_pool_new(const struct http_options *options, http_done *done, void *context,
                                struct error *error);
/* Call http_pool_abort() first: requests still under way end without a callback. */
void http_pool_free(struct http_pool *pool);

/* Starts a request. False when the pool is full or out of memory: then there is no callback. */
bool http_pool_send(struct http_pool *pool, const struct http_request *request, void *request_context,
                    struct error *error);
/* The same to another server, whose options these are (concurrency aside), with a callback of its own. It does not
 * count as under way. Not to be called from a callback. */
bool http_pool_send_elsewhere(struct http_pool *pool, const struct http_options *options,
                              const struct http_request *request, http_done *done, void *context, struct error *error);
size_t http_pool_under_way(const struct http_pool *pool);

/* Ends every request that is under way as HTTP_LOST (or HTTP_NOT_SENT), with its callback. */
void http_pool_abort(struct http_pool *pool);

/* Makes http_pool_wait() return when something new can be read from `fd`; the caller reads it when it likes. */
bool http_pool_watch(struct http_pool *pool, int fd, struct error *error);
/* Waits up to timeout_ms (-1: for ever) for the network or a watched descriptor, and runs callbacks. When libcurl
 * itself fails, as it may without memory, all that is under way ends as in http_pool_abort() and nothing more can be
 * sent. */
bool http_pool_wait(struct http_pool *pool, int timeout_ms, struct error *error);

/* Once in a program, before the first pool and after the last. */
bool http_start(struct error *error);
void http_stop(void);

#endif
