#include "http/pool.h"

#include "core/clock.h"
#include "core/wipe.h"
#include "http/exchange.h"
#include "http/reach.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS_AT_ONCE = 64 };

struct slot {
    struct slot *next; /* of those that are free, or of those for other servers */
    bool busy;
    http_done *done; /* of one for another server, which goes when it has been used; NULL: the pool's */
    void *context;
    void *request_context;
    struct exchange exchange;
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
    bool is_broken; /* libcurl failed: its own state is not to be trusted any more */
    struct slot *free_slots;
    struct slot *slots;
    size_t slot_count;
    struct slot *elsewhere; /* those for other servers */
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

static bool add_slots(struct http_pool *pool, struct error *error)
{
    pool->slots = calloc(pool->options.concurrency, sizeof *pool->slots);
    if (pool->slots == NULL)
        return error_no_memory(error);
    pool->slot_count = pool->options.concurrency;
    for (size_t i = 0; i < pool->slot_count; i++) {
        struct slot *slot = &pool->slots[i];
        if (!exchange_open(&slot->exchange, &pool->options) ||
            curl_easy_setopt(slot->exchange.easy, CURLOPT_PRIVATE, (char *)slot) != CURLE_OK)
            return error_set(error, ERROR_SYSTEM, "cannot set up libcurl");
        slot->next = pool->free_slots;
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

/* A slot for another server is made for one request. */
static void drop_elsewhere(struct http_pool *pool, struct slot *slot)
{
    struct slot **place = &pool->elsewhere;

    while (*place != NULL && *place != slot)
        place = &(*place)->next;
    if (*place == slot)
        *place = slot->next;
    if (slot->exchange.easy != NULL)
        curl_multi_remove_handle(pool->multi, slot->exchange.easy);
    exchange_close(&slot->exchange);
    free(slot);
}

void http_pool_free(struct http_pool *pool)
{
    if (pool == NULL)
        return;
    for (size_t i = 0; i < pool->slot_count; i++) {
        struct exchange *exchange = &pool->slots[i].exchange;
        if (exchange->easy != NULL)
            curl_multi_remove_handle(pool->multi, exchange->easy);
        exchange_close(exchange);
    }
    free(pool->slots);
    while (pool->elsewhere != NULL)
        drop_elsewhere(pool, pool->elsewhere);
    curl_slist_free_all(pool->connect_to);
    if (pool->multi != NULL)
        curl_multi_cleanup(pool->multi);
    if (pool->epoll_fd >= 0)
        close(pool->epoll_fd);
    free(pool);
}

/* --- a request and its end --- */

bool http_pool_send(struct http_pool *pool, const struct http_request *request, void *request_context,
                    struct error *error)
{
    struct slot *slot = pool->free_slots;

    if (pool->is_broken)
        return error_set(error, ERROR_SYSTEM, "libcurl failed before");
    if (slot == NULL)
        return error_set(error, ERROR_SYSTEM, "more than %zu requests at one time", pool->slot_count);
    if (!exchange_begin(&slot->exchange, &pool->options, pool->connect_to, request, error))
        return false;
    slot->request_context = request_context;
    if (curl_multi_add_handle(pool->multi, slot->exchange.easy) != CURLM_OK)
        return error_no_memory(error);
    pool->free_slots = slot->next;
    slot->busy = true;
    pool->under_way++;
    return true;
}

bool http_pool_send_elsewhere(struct http_pool *pool, const struct http_options *options,
                              const struct http_request *request, http_done *done, void *context, struct error *error)
{
    struct slot *slot = pool->is_broken ? NULL : calloc(1, sizeof *slot);

    if (slot == NULL)
        return pool->is_broken ? error_set(error, ERROR_SYSTEM, "libcurl failed before") : error_no_memory(error);
    slot->done = done;
    slot->context = context;
    slot->busy = true;
    if (!exchange_open(&slot->exchange, options) ||
        curl_easy_setopt(slot->exchange.easy, CURLOPT_PRIVATE, (char *)slot) != CURLE_OK) {
        error_set(error, ERROR_SYSTEM, "cannot set up libcurl");
        goto fail;
    }
    if (!exchange_begin(&slot->exchange, options, pool->connect_to, request, error))
        goto fail;
    if (curl_multi_add_handle(pool->multi, slot->exchange.easy) != CURLM_OK) {
        error_no_memory(error);
        goto fail;
    }
    slot->next = pool->elsewhere;
    pool->elsewhere = slot;
    return true;
fail:
    drop_elsewhere(pool, slot);
    return false;
}

/* What every request ends with. */
static void end_exchange(struct http_pool *pool, struct exchange *exchange, CURLcode code)
{
    exchange_end(exchange, code);
    curl_multi_remove_handle(pool->multi, exchange->easy);
}

static void finish_elsewhere(struct http_pool *pool, struct slot *slot, CURLcode code)
{
    end_exchange(pool, &slot->exchange, code);
    slot->busy = false;
    slot->done(slot->context, NULL, &slot->exchange.answer);
    drop_elsewhere(pool, slot);
}

static void finish(struct http_pool *pool, struct slot *slot, CURLcode code)
{
    struct exchange *exchange = &slot->exchange;

    end_exchange(pool, exchange, code);
    /* The slot is given back after the callback, which still reads its answer; the callback may send with another. */
    slot->busy = false;
    pool->under_way--;
    pool->done(pool->context, slot->request_context, &exchange->answer);
    exchange_forget(exchange);
    slot->next = pool->free_slots;
    pool->free_slots = slot;
}

size_t http_pool_under_way(const struct http_pool *pool)
{
    return pool->under_way;
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

/* Lets libcurl go on with a socket, or with what its timer was for. */
static bool go_on(struct http_pool *pool, curl_socket_t fd, int events, struct error *error)
{
    int running;
    const CURLMcode code = curl_multi_socket_action(pool->multi, fd, events, &running);

    if (code == CURLM_OK || code == CURLM_BAD_SOCKET) /* one that was closed meanwhile */
        return true;
    pool->is_broken = true;
    pool->timer_at_ms = -1;
    return code == CURLM_OUT_OF_MEMORY
               ? error_no_memory(error)
               : error_set(error, ERROR_SYSTEM, "libcurl failed: %s", curl_multi_strerror(code));
}

static void finish_ended(struct http_pool *pool)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(pool->multi, &left)) != NULL) {
        struct slot *slot = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        const CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
        if (slot->done != NULL)
            finish_elsewhere(pool, slot, code);
        else
            finish(pool, slot, code);
    }
}

bool http_pool_wait(struct http_pool *pool, int timeout_ms, struct error *error)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    bool ok = true;

    const int count = epoll_wait(pool->epoll_fd, events, EVENTS_AT_ONCE, shorter_timeout(pool, timeout_ms));
    if (count < 0 && errno != EINTR)
        return error_errno(error, "cannot wait for the network");
    for (int i = 0; ok && i < count; i++)
        if (events[i].data.fd >= 0 && !pool->is_broken)
            ok = go_on(pool, events[i].data.fd, to_curl_events(events[i].events), error);
    if (ok && pool->timer_at_ms >= 0 && now_ms() >= pool->timer_at_ms) {
        pool->timer_at_ms = -1;
        ok = go_on(pool, CURL_SOCKET_TIMEOUT, 0, error);
    }
    finish_ended(pool);
    if (!ok)
        http_pool_abort(pool);
    return ok;
}

void http_pool_abort(struct http_pool *pool)
{
    for (size_t i = 0; i < pool->slot_count; i++)
        if (pool->slots[i].busy)
            finish(pool, &pool->slots[i], CURLE_ABORTED_BY_CALLBACK);
    while (pool->elsewhere != NULL)
        finish_elsewhere(pool, pool->elsewhere, CURLE_ABORTED_BY_CALLBACK);
}
