#include "http/pool.h"

#include "core/buffer.h"
#include "core/clock.h"
#include "core/wipe.h"
#include "http/header.h"
#include "http/reach.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS_AT_ONCE = 64, TRANSFER_BUFFER = 16 * 1024 };

/* One easy handle and all that its request borrows. */
struct slot {
    struct http_pool *pool;
    struct slot *next_free;
    CURL *easy;
    bool busy;
    void *request_context;
    unsigned sent; /* how often libcurl came to the point of sending; more than once is forbidden */
    struct buffer url;
    struct buffer body;
    struct buffer answer_body;
    struct curl_slist headers[HTTP_HEADERS_MAX];
    char header_texts[HTTP_HEADERS_MAX][HTTP_HEADER_SIZE];
    char curl_detail[CURL_ERROR_SIZE];
    struct http_answer answer;
};

struct http_pool {
    struct http_options options;
    http_done *done;
    void *context;
    CURLM *multi;
    struct curl_slist *connect_to;
    int epoll_fd;
    int64_t timer_at_ms; /* monotonic; -1: libcurl wants no timer */
    size_t under_way;
    uint64_t connections;
    struct slot *free_slots;
    struct slot *slots;
    size_t slot_count;
};

/* What libcurl lets go of may be an answer with a token. */
bool http_start(struct error *error)
{
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_free, wipe_realloc, strdup, calloc) == CURLE_OK)
        return true;
    return error_set(error, ERROR_SYSTEM, "cannot start libcurl");
}

void http_stop(void)
{
    curl_global_cleanup();
}

static int64_t now_ms(void)
{
    return clock_monotonic_us(&clock_system) / 1000;
}

/* --- libcurl's callbacks --- */

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct slot *slot = context;

    buffer_append(&slot->answer_body, bytes, size * count);
    return buffer_failed(&slot->answer_body) ? 0 : size * count;
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    http_header_take(&((struct slot *)context)->answer, line, size * count);
    return size * count;
}

/* Called when a connection is there and the request is about to leave. A second time for the same request means that
 * libcurl is repeating it by itself. */
static int on_before_request(void *context, char *remote, char *local, int remote_port, int local_port)
{
    struct slot *slot = context;

    (void)remote, (void)local, (void)remote_port, (void)local_port;
    return slot->sent++ == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
    struct http_pool *pool = context;
    struct epoll_event event = {.data.fd = fd};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(pool->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        curl_multi_assign(pool->multi, fd, NULL);
        return 0;
    }
    if ((what & CURL_POLL_IN) != 0)
        event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0)
        event.events |= EPOLLOUT;
    if (epoll_ctl(pool->epoll_fd, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
        return -1;
    curl_multi_assign(pool->multi, fd, pool);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct http_pool *pool = context;

    (void)multi;
    pool->timer_at_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    return 0;
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

/* What is the same for every request of this handle. */
static bool prepare(struct slot *slot, const struct http_options *options)
{
    CURL *easy = slot->easy;
    CURLcode failed = CURLE_OK;

#define SET(option, value)                                           \
    do {                                                             \
        const CURLcode code = curl_easy_setopt(easy, option, value); \
        if (code != CURLE_OK)                                        \
            failed = code;                                           \
    } while (0)
    SET(CURLOPT_PRIVATE, (char *)slot);
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
    SET(CURLOPT_BUFFERSIZE, (long)TRANSFER_BUFFER);
    SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)TRANSFER_BUFFER);
    SET(CURLOPT_ERRORBUFFER, slot->curl_detail);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, slot);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, slot);
    SET(CURLOPT_PREREQFUNCTION, on_before_request);
    SET(CURLOPT_PREREQDATA, slot);
#undef SET
    return failed == CURLE_OK && reach_trust(easy, options->ca_file) == CURLE_OK;
}

static bool add_slots(struct http_pool *pool, struct error *error)
{
    pool->slots = calloc(pool->options.concurrency, sizeof *pool->slots);
    if (pool->slots == NULL)
        return error_no_memory(error);
    pool->slot_count = pool->options.concurrency;
    for (size_t i = 0; i < pool->slot_count; i++) {
        struct slot *slot = &pool->slots[i];
        slot->pool = pool;
        buffer_init(&slot->url, 4096);
        buffer_init(&slot->body, 64 * 1024);
        buffer_init(&slot->answer_body, pool->options.body_max);
        slot->easy = curl_easy_init();
        if (slot->easy == NULL || !prepare(slot, &pool->options))
            return error_set(error, ERROR_SYSTEM, "cannot set up libcurl");
        slot->next_free = pool->free_slots;
        pool->free_slots = slot;
    }
    return true;
}

struct http_pool *http_pool_new(const struct http_options *options, http_done *done, void *context, struct error *error)
{
    struct http_pool *pool = calloc(1, sizeof *pool);

    if (pool == NULL) {
        error_no_memory(error);
        return NULL;
    }
    pool->options = *options;
    pool->done = done;
    pool->context = context;
    pool->timer_at_ms = -1;
    pool->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (pool->epoll_fd < 0) {
        error_errno(error, "cannot make an epoll descriptor");
        goto fail;
    }
    pool->multi = curl_multi_init();
    if (pool->multi == NULL || !reach_connect_to(options, &pool->connect_to)) {
        error_no_memory(error);
        goto fail;
    }
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, (long)options->concurrency);
    curl_multi_setopt(pool->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)options->concurrency);
    if (!add_slots(pool, error))
        goto fail;
    return pool;
fail:
    http_pool_free(pool);
    return NULL;
}

void http_pool_free(struct http_pool *pool)
{
    if (pool == NULL)
        return;
    for (size_t i = 0; i < pool->slot_count; i++) {
        struct slot *slot = &pool->slots[i];
        if (slot->easy != NULL) {
            curl_multi_remove_handle(pool->multi, slot->easy);
            curl_easy_cleanup(slot->easy);
        }
        buffer_wipe(&slot->url);
        buffer_wipe(&slot->body);
        buffer_wipe(&slot->answer_body);
        explicit_bzero(slot->header_texts, sizeof slot->header_texts);
    }
    free(pool->slots);
    curl_slist_free_all(pool->connect_to);
    if (pool->multi != NULL)
        curl_multi_cleanup(pool->multi);
    if (pool->epoll_fd >= 0)
        close(pool->epoll_fd);
    free(pool);
}

/* --- a request and its end --- */

static bool set_headers(struct slot *slot, const struct http_request *request, struct error *error)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const size_t length = strlen(request->headers[i]);
        if (length >= HTTP_HEADER_SIZE)
            return error_set(error, ERROR_SYSTEM, "a request header is longer than %d bytes", HTTP_HEADER_SIZE - 1);
        memcpy(slot->header_texts[i], request->headers[i], length + 1);
        slot->headers[i].data = slot->header_texts[i];
        slot->headers[i].next = i + 1 < request->header_count ? &slot->headers[i + 1] : NULL;
    }
    curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, request->header_count > 0 ? slot->headers : NULL);
    return true;
}

static bool fill_slot(struct slot *slot, const struct http_request *request, struct error *error)
{
    buffer_reset(&slot->url);
    buffer_append_text(&slot->url, slot->pool->options.base_url);
    buffer_append_text(&slot->url, request->target);
    buffer_reset(&slot->body);
    buffer_append(&slot->body, request->body, request->body_length);
    buffer_reset(&slot->answer_body);
    if (buffer_failed(&slot->url))
        return buffer_error(&slot->url, "the request's URL", error);
    if (buffer_failed(&slot->body))
        return buffer_error(&slot->body, "the request's body", error);
    if (!set_headers(slot, request, error))
        return false;
    slot->sent = 0;
    slot->curl_detail[0] = '\0';
    memset(&slot->answer, 0, sizeof slot->answer);

    CURL *easy = slot->easy;
    const bool posts = strcmp(request->method, "POST") == 0;
    bool ok = curl_easy_setopt(easy, CURLOPT_URL, slot->url.data) == CURLE_OK &&
              reach_route(easy, slot->url.data, slot->pool->connect_to) == CURLE_OK;
    if (posts) {
        ok = ok && curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
             curl_easy_setopt(easy, CURLOPT_POSTFIELDS, slot->body.data) == CURLE_OK &&
             curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)slot->body.length) == CURLE_OK &&
             curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL) == CURLE_OK;
    } else {
        ok = ok && curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
             curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
    }
    return ok ? true : error_no_memory(error);
}

bool http_pool_send(struct http_pool *pool, const struct http_request *request, void *request_context,
                    struct error *error)
{
    struct slot *slot = pool->free_slots;

    if (slot == NULL)
        return error_set(error, ERROR_SYSTEM, "more than %zu requests at one time", pool->slot_count);
    if (!fill_slot(slot, request, error))
        return false;
    slot->request_context = request_context;
    if (curl_multi_add_handle(pool->multi, slot->easy) != CURLM_OK)
        return error_no_memory(error);
    pool->free_slots = slot->next_free;
    slot->busy = true;
    pool->under_way++;
    return true;
}

static enum http_end end_of(const struct slot *slot, CURLcode code)
{
    if (code == CURLE_OK)
        return HTTP_ANSWERED;
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR ||
        code == CURLE_SSL_INVALIDCERTSTATUS)
        return HTTP_UNTRUSTED;
    if (code == CURLE_COULDNT_RESOLVE_HOST)
        return HTTP_NO_HOST;
    if (reach_proxy_refused(slot->easy, code, slot->curl_detail))
        return HTTP_NO_PROXY;
    return slot->sent == 0 ? HTTP_NOT_SENT : HTTP_LOST;
}

static void describe(struct slot *slot, CURLcode code)
{
    struct http_answer *answer = &slot->answer;
    const char *text = reach_detail(slot->curl_detail, code);

    if (answer->end == HTTP_ANSWERED)
        return;
    if (slot->sent > 1)
        text = "the connection was closed before an answer came";
    else if (slot->answer_body.failure == BUFFER_OVER_CAP)
        text = "the answer is larger than any answer of the service";
    snprintf(answer->detail, sizeof answer->detail, "%s", text);
}

static void finish(struct http_pool *pool, struct slot *slot, CURLcode code)
{
    CURL *easy = slot->easy;
    long status = 0;
    long connections = 0;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connections);
    curl_multi_remove_handle(pool->multi, easy);
    pool->connections += (uint64_t)connections;

    struct http_answer *answer = &slot->answer;
    answer->end = end_of(slot, code);
    answer->status = answer->end == HTTP_ANSWERED ? (int)status : 0;
    answer->body = slot->answer_body.data;
    answer->body_length = slot->answer_body.length;
    describe(slot, code);

    /* The slot is given back after the callback, which still reads its answer; the callback may send with another. */
    slot->busy = false;
    pool->under_way--;
    pool->done(pool->context, slot->request_context, answer);
    if (slot->answer_body.capacity > 0)
        explicit_bzero(slot->answer_body.data, slot->answer_body.length);
    slot->next_free = pool->free_slots;
    pool->free_slots = slot;
}

size_t http_pool_under_way(const struct http_pool *pool)
{
    return pool->under_way;
}

uint64_t http_pool_connections(const struct http_pool *pool)
{
    return pool->connections;
}

/* --- waiting --- */

bool http_pool_watch(struct http_pool *pool, int fd, struct error *error)
{
    /* Marked by its sign, to be told from libcurl's sockets. Edge-triggered: the caller may leave something unread
     * without being woken for it again and again. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = -1};

    if (epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return error_errno(error, "cannot watch a descriptor");
    return true;
}

static int shorter_timeout(const struct http_pool *pool, int timeout_ms)
{
    if (pool->timer_at_ms < 0)
        return timeout_ms;
    const int64_t left = pool->timer_at_ms - now_ms();
    if (left <= 0)
        return 0;
    return timeout_ms < 0 || left < timeout_ms ? (int)left : timeout_ms;
}

static int to_curl_events(uint32_t events)
{
    int mask = 0;

    if ((events & EPOLLIN) != 0)
        mask |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0)
        mask |= CURL_CSELECT_OUT;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0)
        mask |= CURL_CSELECT_ERR | CURL_CSELECT_IN;
    return mask;
}

bool http_pool_wait(struct http_pool *pool, int timeout_ms, struct error *error)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int running;
    int left;
    CURLMsg *message;

    const int count = epoll_wait(pool->epoll_fd, events, EVENTS_AT_ONCE, shorter_timeout(pool, timeout_ms));
    if (count < 0 && errno != EINTR)
        return error_errno(error, "cannot wait for the network");
    for (int i = 0; i < count; i++)
        if (events[i].data.fd >= 0)
            curl_multi_socket_action(pool->multi, events[i].data.fd, to_curl_events(events[i].events), &running);
    if (pool->timer_at_ms >= 0 && now_ms() >= pool->timer_at_ms) {
        pool->timer_at_ms = -1;
        curl_multi_socket_action(pool->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    while ((message = curl_multi_info_read(pool->multi, &left)) != NULL) {
        struct slot *slot = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        const CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
        finish(pool, slot, code);
    }
    return true;
}

void http_pool_abort(struct http_pool *pool)
{
    for (size_t i = 0; i < pool->slot_count; i++)
        if (pool->slots[i].busy)
            finish(pool, &pool->slots[i], CURLE_ABORTED_BY_CALLBACK);
}
