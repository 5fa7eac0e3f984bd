/* The measure for rollcall: what libcurl alone can do. The same request is posted again and again, as many at one time
 * as rollcall does, over kept connections, and nothing of the answers is kept but the number of 201s.
 *
 * usage: bare-libcurl URL CA_FILE COUNT CONCURRENCY BODY [HEADER...] */
#include <curl/curl.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

enum { EVENTS_AT_ONCE = 64, CONCURRENCY_MAX = 1024 };

struct bench {
    CURLM *multi;
    int epoll_fd;
    long long timer_at_ms; /* -1: none */
    long to_start;
    long under_way;
    long created;
    long failed;
};

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static size_t drop_body(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes, (void)context;
    return size * count;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
    struct bench *bench = context;
    struct epoll_event event = {.data.fd = fd};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(bench->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0);
    if (epoll_ctl(bench->epoll_fd, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
        return -1;
    curl_multi_assign(bench->multi, fd, bench);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct bench *bench = context;

    (void)multi;
    bench->timer_at_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    return 0;
}

static CURL *new_easy(const char *url, const char *ca_file, const char *body, struct curl_slist *headers)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop_body);
    return easy;
}

static void start(struct bench *bench, CURL *easy)
{
    if (bench->to_start == 0)
        return;
    bench->to_start--;
    bench->under_way++;
    curl_multi_add_handle(bench->multi, easy);
}

static void finish(struct bench *bench, const CURLMsg *message)
{
    CURL *easy = message->easy_handle;
    const CURLcode code = message->data.result;
    long status = 0;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(bench->multi, easy);
    bench->under_way--;
    if (code == CURLE_OK && status == 201) {
        bench->created++;
    } else {
        if (bench->failed++ == 0)
            fprintf(stderr, "bare-libcurl: status %ld, %s\n", status, curl_easy_strerror(code));
        bench->to_start = 0;
    }
    start(bench, easy);
}

static bool turn(struct bench *bench)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    long long wait_ms = 1000;
    int running;
    int left;
    const CURLMsg *message;

    if (bench->timer_at_ms >= 0) {
        wait_ms = bench->timer_at_ms - now_ms();
        wait_ms = wait_ms < 0 ? 0 : wait_ms > 1000 ? 1000 : wait_ms;
    }
    const int count = epoll_wait(bench->epoll_fd, events, EVENTS_AT_ONCE, (int)wait_ms);
    if (count < 0 && errno != EINTR)
        return false;
    for (int i = 0; i < count; i++) {
        const int mask = ((events[i].events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                         ((events[i].events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                         ((events[i].events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(bench->multi, events[i].data.fd, mask, &running);
    }
    if (bench->timer_at_ms >= 0 && now_ms() >= bench->timer_at_ms) {
        bench->timer_at_ms = -1;
        curl_multi_socket_action(bench->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    while ((message = curl_multi_info_read(bench->multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE)
            finish(bench, message);
    return true;
}

int main(int argc, char **argv)
{
    static CURL *easies[CONCURRENCY_MAX];
    struct curl_slist *headers = NULL;
    struct bench bench = {.timer_at_ms = -1};

    if (argc < 6) {
        fputs("usage: bare-libcurl URL CA_FILE COUNT CONCURRENCY BODY [HEADER...]\n", stderr);
        return 2;
    }
    const long count = atol(argv[3]);
    const long concurrency = atol(argv[4]);
    if (count < 1 || concurrency < 1 || concurrency > CONCURRENCY_MAX) {
        fputs("bare-libcurl: COUNT is 1 or more, CONCURRENCY 1 to 1024\n", stderr);
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 6; i < argc; i++)
        headers = curl_slist_append(headers, argv[i]);
    bench.multi = curl_multi_init();
    bench.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    bench.to_start = count;
    curl_multi_setopt(bench.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(bench.multi, CURLMOPT_SOCKETDATA, &bench);
    curl_multi_setopt(bench.multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(bench.multi, CURLMOPT_TIMERDATA, &bench);
    curl_multi_setopt(bench.multi, CURLMOPT_MAXCONNECTS, concurrency);
    for (long i = 0; i < concurrency; i++) {
        easies[i] = new_easy(argv[1], argv[2], argv[5], headers);
        if (easies[i] == NULL)
            return 1;
        start(&bench, easies[i]);
    }
    while (bench.under_way > 0)
        if (!turn(&bench))
            return 1;
    for (long i = 0; i < concurrency; i++)
        curl_easy_cleanup(easies[i]);
    curl_multi_cleanup(bench.multi);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    printf("%ld created\n", bench.created);
    return bench.created == count ? 0 : 1;
}
