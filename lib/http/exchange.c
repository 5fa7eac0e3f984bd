#include "http/exchange.h"

#include "http/header.h"
#include "http/reach.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

/* libcurl makes its two buffers anew for each request, and they are wiped. An answer takes less than 2 KiB. */
enum {
    RECEIVE_BUFFER = 4 * 1024,
    SEND_BUFFER = 16 * 1024, /* libcurl's least */
    BODY_MAX = 128 * 1024,
    HEADER_MAX = 40 * 1024,
};

/* --- libcurl's callbacks --- */

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;

    buffer_append(&exchange->answer_body, bytes, size * count);
    return buffer_failed(&exchange->answer_body) ? 0 : size * count;
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    http_header_take(&((struct exchange *)context)->answer, line, size * count);
    return size * count;
}

/* Called when a connection is there and the request is about to leave. A second time for the same request means that
 * libcurl is repeating it by itself. */
static int on_before_request(void *context, char *remote, char *local, int remote_port, int local_port)
{
    struct exchange *exchange = context;

    (void)remote, (void)local, (void)remote_port, (void)local_port;
    return exchange->sent++ == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* --- life --- */

static long curl_version_of(enum http_version version)
{
    switch (version) {
    case HTTP_VERSION_1_1: return CURL_HTTP_VERSION_1_1;
    case HTTP_VERSION_2: return CURL_HTTP_VERSION_2_0;
    case HTTP_VERSION_AUTO: break;
    }
    return CURL_HTTP_VERSION_2TLS;
}

/* OpenSSL's two buffers of 16 KiB stay with their connection. By libcurl's own choice they would be made and wiped anew
 * for each record, which is some 4 % of a run's processor time. What came last stays there until the next record. */
static CURLcode keep_tls_buffers(CURL *easy, void *tls, void *context)
{
    (void)easy, (void)context;
    SSL_CTX_clear_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    return CURLE_OK;
}

/* What is the same for every request of this handle. */
static bool prepare(struct exchange *exchange, const struct http_options *options)
{
    CURL *easy = exchange->easy;
    CURLcode failed = CURLE_OK;

#define SET(option, value)                                           \
    do {                                                             \
        const CURLcode code = curl_easy_setopt(easy, option, value); \
        if (code != CURLE_OK)                                        \
            failed = code;                                           \
    } while (0)
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, curl_version_of(options->version));
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)options->request_timeout_ms);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)((options->stall_timeout_ms + 999) / 1000));
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_PIPEWAIT, options->version == HTTP_VERSION_2 ? 1L : 0L);
    SET(CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
    SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)SEND_BUFFER);
    SET(CURLOPT_SSL_CTX_FUNCTION, keep_tls_buffers);
    SET(CURLOPT_ERRORBUFFER, exchange->curl_detail);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, exchange);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, exchange);
    SET(CURLOPT_PREREQFUNCTION, on_before_request);
    SET(CURLOPT_PREREQDATA, exchange);
#undef SET
    return failed == CURLE_OK && (options->thumbprint != NULL ? reach_pin(easy, options->thumbprint)
                                                              : reach_trust(easy, options->ca_file)) == CURLE_OK;
}

bool exchange_open(struct exchange *exchange, const struct http_options *options)
{
    *exchange = (struct exchange){.easy = curl_easy_init()};
    buffer_init(&exchange->body, BODY_MAX);
    for (size_t i = 0; i < HTTP_HEADERS_MAX; i++)
        buffer_init(&exchange->header_texts[i], HEADER_MAX);
    buffer_init(&exchange->answer_body, options->body_max);
    return exchange->easy != NULL && prepare(exchange, options);
}

void exchange_close(struct exchange *exchange)
{
    if (exchange->easy != NULL)
        curl_easy_cleanup(exchange->easy);
    buffer_wipe(&exchange->body);
    buffer_wipe(&exchange->answer_body);
    for (size_t i = 0; i < HTTP_HEADERS_MAX; i++)
        buffer_wipe(&exchange->header_texts[i]);
}

/* --- a request and its end --- */

static bool set_headers(struct exchange *exchange, const struct http_request *request, struct error *error)
{
    for (size_t i = 0; i < request->header_count; i++) {
        struct buffer *text = &exchange->header_texts[i];
        buffer_reset(text);
        buffer_append_text(text, request->headers[i]);
        if (buffer_failed(text))
            return buffer_error(text, "a request header", error);
        exchange->headers[i].data = text->data;
        exchange->headers[i].next = i + 1 < request->header_count ? &exchange->headers[i + 1] : NULL;
    }
    curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, request->header_count > 0 ? exchange->headers : NULL);
    return true;
}

bool exchange_begin(struct exchange *exchange, const struct http_options *options, struct curl_slist *connect_to,
                    const struct http_request *request, struct error *error)
{
    buffer_reset(&exchange->body);
    buffer_append(&exchange->body, request->body, request->body_length);
    buffer_reset(&exchange->answer_body);
    if (buffer_failed(&exchange->body))
        return buffer_error(&exchange->body, "the request's body", error);
    if (!set_headers(exchange, request, error))
        return false;
    exchange->sent = 0;
    exchange->curl_detail[0] = '\0';
    memset(&exchange->answer, 0, sizeof exchange->answer);

    CURL *easy = exchange->easy;
    const bool posts = strcmp(request->method, "POST") == 0;
    /* Not as part of the URL: libcurl would normalise it, and without memory it may leave out the query. */
    bool ok = curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, request->target) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_URL, options->base_url) == CURLE_OK &&
              reach_route(easy, options->base_url, options->direct, connect_to) == CURLE_OK;
    if (posts) {
        ok = ok && curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
             curl_easy_setopt(easy, CURLOPT_POSTFIELDS, exchange->body.data) == CURLE_OK &&
             curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)exchange->body.length) == CURLE_OK &&
             curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL) == CURLE_OK;
    } else {
        ok = ok && curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
             curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
    }
    return ok ? true : error_no_memory(error);
}

static enum http_end end_of(const struct exchange *exchange, CURLcode code)
{
    if (code == CURLE_OK)
        return HTTP_ANSWERED;
    /* Whatever failed after that: libcurl may have gone to make another connection, and met a wrong certificate there.
     */
    if (exchange->sent > 0)
        return HTTP_LOST;
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR ||
        code == CURLE_SSL_INVALIDCERTSTATUS || reach_tls_refused(code, exchange->curl_detail))
        return HTTP_UNTRUSTED;
    if (code == CURLE_COULDNT_RESOLVE_HOST)
        return HTTP_NO_HOST;
    if (reach_proxy_refused(exchange->easy, code, exchange->curl_detail))
        return HTTP_NO_PROXY;
    return HTTP_NOT_SENT;
}

/* libcurl says the same of a header line that is longer than it takes; that is the server's doing. */
static bool is_long_header(const struct exchange *exchange, CURLcode code)
{
    return code == CURLE_OUT_OF_MEMORY && exchange->sent > 0;
}

static void describe(struct exchange *exchange, CURLcode code)
{
    struct http_answer *answer = &exchange->answer;
    const char *text = reach_detail(exchange->curl_detail, code);

    if (answer->end == HTTP_ANSWERED)
        return;
    if (exchange->sent > 1)
        text = "the connection was closed before an answer came";
    else if (exchange->answer_body.failure == BUFFER_OVER_CAP)
        text = "the answer is larger than any answer of the service";
    else if (is_long_header(exchange, code))
        text = "a header of the answer is too long, or this machine is short of memory";
    snprintf(answer->detail, sizeof answer->detail, "%s", text);
}

void exchange_end(struct exchange *exchange, CURLcode code)
{
    struct http_answer *answer = &exchange->answer;
    long status = 0;

    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    answer->end = end_of(exchange, code);
    answer->no_memory = exchange->answer_body.failure == BUFFER_NO_MEMORY ||
                        (code == CURLE_OUT_OF_MEMORY && !is_long_header(exchange, code));
    answer->status = answer->end == HTTP_ANSWERED ? (int)status : 0;
    answer->body = exchange->answer_body.data;
    answer->body_length = exchange->answer_body.length;
    describe(exchange, code);
}

void exchange_forget(struct exchange *exchange)
{
    if (exchange->answer_body.capacity > 0)
        explicit_bzero(exchange->answer_body.data, exchange->answer_body.length);
}
