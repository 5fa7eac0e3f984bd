#include "scripted_server.h"

#include "http/pool.h"

#include <sys/eventfd.h>

struct seen {
    unsigned answers;
    struct http_answer last; /* body is not kept */
    char body[64 * 1024];
    size_t body_length;
    void *contexts[512];
};

static struct seen seen;
static struct http_pool *pool;
static struct http_options options;
static const struct http_request get = {.method = "GET", .target = "/a?b=c"};
static const struct http_request post = {.method = "POST", .target = "/p", .body = "{\"a\":1}", .body_length = 7};

static void on_done(void *context, void *request_context, struct http_answer *answer)
{
    struct seen *to = context;

    to->contexts[to->answers++ % 512] = request_context;
    to->last = *answer;
    to->body_length = answer->body_length < sizeof to->body ? answer->body_length : sizeof to->body - 1;
    memcpy(to->body, answer->body, to->body_length);
    to->body[to->body_length] = '\0';
}

static void make_pool(const char *url)
{
    options.base_url = url;
    pool = http_pool_new(&options, on_done, &seen, &error);
    works(pool != NULL);
}

static int begin(void **state)
{
    (void)state;
    memset(&seen, 0, sizeof seen);
    options = (struct http_options){
        .concurrency = 4,
        .connect_timeout_ms = 20000,
        .request_timeout_ms = 20000,
        .stall_timeout_ms = 20000,
        .body_max = 32 * 1024,
    };
    return http_start(&error) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    http_pool_free(pool);
    pool = NULL;
    http_stop();
    server_stop();
    return 0;
}

static void send_one(const struct http_request *request, void *context)
{
    works(http_pool_send(pool, request, context, &error));
}

static void wait_for(unsigned answers)
{
    while (seen.answers < answers)
        works(http_pool_wait(pool, 20000, &error));
}

static void exchange(const struct http_request *request)
{
    const unsigned before = seen.answers;

    send_one(request, NULL);
    wait_for(before + 1);
}

/* --- answers --- */

static char head_seen[4096];
static char body_seen[1024];

static enum step say_hello(const struct request_seen *request, char *text, size_t size)
{
    memcpy(head_seen, request->head, sizeof head_seen);
    memcpy(body_seen, request->body, sizeof body_seen);
    answer_with(text, size, 200, "", "hello");
    return STEP_ANSWER;
}

static void an_answer_comes_with_status_body_and_context(void **state)
{
    int mine;

    (void)state;
    server_start(say_hello);
    make_pool(server.url);
    send_one(&get, &mine);
    assert_int_equal(http_pool_under_way(pool), 1);
    wait_for(1);
    assert_int_equal(http_pool_under_way(pool), 0);
    assert_int_equal(seen.last.end, HTTP_ANSWERED);
    assert_int_equal(seen.last.status, 200);
    assert_string_equal(seen.body, "hello");
    assert_string_equal(seen.last.detail, "");
    assert_ptr_equal(seen.contexts[0], &mine);
    assert_memory_equal(head_seen, "GET /a?b=c HTTP/1.1\r\n", 21);
}

static void a_request_is_sent_as_it_was_given(void **state)
{
    const struct http_request request = {
        .method = "POST",
        .target = "/x/../y/./%41?q=a%2Fb",
        .headers = {"Content-Type: application/json", "Accept:", "X-One: two"},
        .header_count = 3,
        .body = "{\"a\":1}",
        .body_length = 7,
    };

    (void)state;
    server_start(say_hello);
    make_pool(server.url);
    exchange(&request);
    assert_memory_equal(head_seen, "POST /x/../y/./%41?q=a%2Fb HTTP/1.1\r\n", 37);
    assert_non_null(strstr(head_seen, "\r\nX-One: two\r\n"));
    assert_non_null(strstr(head_seen, "\r\nContent-Type: application/json\r\n"));
    assert_null(strstr(head_seen, "\r\nAccept:"));
    assert_string_equal(body_seen, "{\"a\":1}");
}

/* A handle is used again by a request of another kind. */
static void nothing_of_a_request_stays_for_the_next_one(void **state)
{
    static const struct http_request first = {.method = "POST",
                                              .target = "/x",
                                              .headers = {"X-One: two"},
                                              .header_count = 1,
                                              .body = "{\"a\":1}",
                                              .body_length = 7};
    static const struct http_request gone = {.method = "DELETE", .target = "/y"};
    static const struct http_request empty = {.method = "POST", .target = "/z"};

    (void)state;
    options.concurrency = 1;
    server_start(say_hello);
    make_pool(server.url);
    exchange(&first);
    exchange(&gone);
    assert_memory_equal(head_seen, "DELETE /y HTTP/1.1\r\n", 20);
    assert_null(strstr(head_seen, "X-One"));
    assert_string_equal(body_seen, "");
    exchange(&empty);
    assert_memory_equal(head_seen, "POST /z HTTP/1.1\r\n", 18);
    assert_non_null(strstr(head_seen, "Content-Length: 0\r\n"));
    assert_int_equal(atomic_load(&server.connections), 1);
}

static enum step say_headers(const struct request_seen *request, char *text, size_t size)
{
    answer_with(text, size, 429,
                request->number == 1 ? "DATE: Mon, 05 Jan 2026 08:09:10 GMT\r\nMS-CV:  cv.1 \r\nretry-after: 30\r\n"
                                       "Retry-After-Ms: 1500\r\nX-Ms-Retry-After-Ms:2500\r\nRetry-After-Else: 9\r\n"
                                     : "",
                "");
    return STEP_ANSWER;
}

static void the_headers_that_matter_are_kept_for_their_own_answer_only(void **state)
{
    (void)state;
    server_start(say_headers);
    make_pool(server.url);
    exchange(&get);
    assert_int_equal(seen.last.status, 429);
    assert_string_equal(seen.last.date, "Mon, 05 Jan 2026 08:09:10 GMT");
    assert_string_equal(seen.last.ms_cv, "cv.1");
    assert_string_equal(seen.last.retry_after, "30");
    assert_string_equal(seen.last.retry_after_ms, "1500");
    assert_string_equal(seen.last.x_ms_retry_after_ms, "2500");
    exchange(&get);
    assert_string_equal(seen.last.retry_after, "");
    assert_string_equal(seen.last.ms_cv, "");
}

static enum step redirect(const struct request_seen *request, char *text, size_t size)
{
    (void)request;
    answer_with(text, size, 307, "Location: /elsewhere\r\n", "");
    return STEP_ANSWER;
}

static void a_redirect_is_an_answer_and_not_followed(void **state)
{
    (void)state;
    server_start(redirect);
    make_pool(server.url);
    exchange(&post);
    assert_int_equal(seen.last.status, 307);
    assert_int_equal(atomic_load(&server.requests), 1);
}

/* --- answers that do not come --- */

static enum step close_second(const struct request_seen *request, char *text, size_t size)
{
    answer_with(text, size, 200, "", "hello");
    return request->number == 2 ? STEP_CLOSE : STEP_ANSWER;
}

/* libcurl would by itself send it again on a fresh connection: a create would be done twice. */
static void a_request_on_a_reused_connection_that_is_closed_leaves_only_once(void **state)
{
    static const struct http_request *const requests[] = {&get, &post};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        server_start(close_second);
        make_pool(server.url);
        exchange(requests[i]);
        assert_int_equal(seen.last.end, HTTP_ANSWERED);
        exchange(requests[i]);
        assert_int_equal(seen.last.end, HTTP_LOST);
        assert_int_equal(seen.last.status, 0);
        assert_string_not_equal(seen.last.detail, "");
        assert_int_equal(atomic_load(&server.requests), 2);
        exchange(requests[i]);
        assert_int_equal(seen.last.end, HTTP_ANSWERED);
        assert_int_equal(atomic_load(&server.requests), 3);
        http_pool_free(pool);
        pool = NULL;
        server_stop();
    }
}

static enum step close_always(const struct request_seen *request, char *text, size_t size)
{
    (void)request, (void)text, (void)size;
    return STEP_CLOSE;
}

static void a_request_on_a_fresh_connection_that_is_closed_is_lost(void **state)
{
    (void)state;
    server_start(close_always);
    make_pool(server.url);
    exchange(&post);
    assert_int_equal(seen.last.end, HTTP_LOST);
    assert_int_equal(atomic_load(&server.requests), 1);
}

static enum step close_after(const struct request_seen *request, char *text, size_t size)
{
    (void)request;
    answer_with(text, size, 200, "", "hello");
    return STEP_TEXT_CLOSE;
}

static void a_connection_that_was_closed_while_idle_loses_nothing(void **state)
{
    (void)state;
    server_start(close_after);
    make_pool(server.url);
    exchange(&get);
    while (atomic_load(&server.threads) > 0)
        usleep(1000);
    exchange(&get);
    assert_int_equal(seen.last.end, HTTP_ANSWERED);
    assert_int_equal(atomic_load(&server.requests), 2);
    assert_int_equal(atomic_load(&server.connections), 2);
}

static enum step say_half(const struct request_seen *request, char *text, size_t size)
{
    (void)request;
    snprintf(text, size, "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nhalf");
    return STEP_TEXT_CLOSE;
}

static void half_an_answer_is_lost(void **state)
{
    (void)state;
    server_start(say_half);
    make_pool(server.url);
    exchange(&post);
    assert_int_equal(seen.last.end, HTTP_LOST);
    assert_int_equal(seen.last.status, 0);
}

static enum step say_much(const struct request_seen *request, char *text, size_t size)
{
    static char body[64 * 1024];

    memset(body, 'x', sizeof body - 1);
    body[request->number == 1 ? 32 * 1024 : 32 * 1024 + 1] = '\0';
    answer_with(text, size, 200, "", body);
    return STEP_ANSWER;
}

static void an_answer_over_the_cap_is_lost(void **state)
{
    (void)state;
    server_start(say_much);
    make_pool(server.url);
    exchange(&get);
    assert_int_equal(seen.last.end, HTTP_ANSWERED);
    assert_int_equal(seen.body_length, 32 * 1024);
    exchange(&get);
    assert_int_equal(seen.last.end, HTTP_LOST);
    assert_string_equal(seen.last.detail, "the answer is larger than any answer of the service");
}

static enum step say_a_long_header(const struct request_seen *request, char *text, size_t size)
{
    const size_t length = (size_t)snprintf(text, size, "HTTP/1.1 200 OK\r\nX-Long: ");

    (void)request;
    memset(text + length, 'x', size - length - 1);
    text[size - 1] = '\0';
    return STEP_TEXT_CLOSE;
}

/* libcurl calls it want of memory, which would end a run. */
static void a_header_that_is_too_long_is_the_fault_of_the_server(void **state)
{
    (void)state;
    server_start(say_a_long_header);
    make_pool(server.url);
    exchange(&get);
    assert_int_equal(seen.last.end, HTTP_LOST);
    assert_false(seen.last.no_memory);
    assert_non_null(strstr(seen.last.detail, "a header of the answer is too long"));
}

static enum step no_http(const struct request_seen *request, char *text, size_t size)
{
    (void)request;
    snprintf(text, size, "220 mail.example ESMTP\r\n");
    return STEP_TEXT_CLOSE;
}

static void what_is_no_http_is_lost(void **state)
{
    (void)state;
    server_start(no_http);
    make_pool(server.url);
    exchange(&get);
    assert_int_equal(seen.last.end, HTTP_LOST);
}

static enum step stall(const struct request_seen *request, char *text, size_t size)
{
    (void)request, (void)text, (void)size;
    return STEP_STALL;
}

static void an_answer_that_stalls_is_lost(void **state)
{
    (void)state;
    options.stall_timeout_ms = 1000;
    server_start(stall);
    make_pool(server.url);
    exchange(&get);
    assert_int_equal(seen.last.end, HTTP_LOST);
    assert_non_null(strstr(seen.last.detail, "too slow"));
    assert_int_equal(atomic_load(&server.requests), 1);
}

static void an_answer_that_takes_too_long_is_lost(void **state)
{
    (void)state;
    options.request_timeout_ms = 200;
    server_start(stall);
    make_pool(server.url);
    exchange(&get);
    assert_int_equal(seen.last.end, HTTP_LOST);
}

static void where_nobody_listens_nothing_was_sent(void **state)
{
    char url[64];

    (void)state;
    snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)closed_port());
    make_pool(url);
    exchange(&post);
    assert_int_equal(seen.last.end, HTTP_NOT_SENT);
    assert_string_not_equal(seen.last.detail, "");
}

static void a_server_without_tls_gets_nothing_of_the_request(void **state)
{
    char url[64];

    (void)state;
    server_start(no_http);
    snprintf(url, sizeof url, "https://127.0.0.1:%u", (unsigned)server.port);
    options.connect_timeout_ms = 1000;
    make_pool(url);
    exchange(&post);
    assert_int_equal(seen.last.end, HTTP_NOT_SENT);
    assert_int_equal(atomic_load(&server.requests), 0);
}

/* Plain HTTP is for the loopback alone: a proxy of the environment would carry the signature off in the clear. */
static void a_proxy_of_the_environment_is_not_used_for_plain_http(void **state)
{
    char proxy[64];

    (void)state;
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", (unsigned)closed_port());
    setenv("http_proxy", proxy, 1);
    setenv("all_proxy", proxy, 1);
    server_start(say_hello);
    make_pool(server.url);
    exchange(&get);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    assert_int_equal(seen.last.end, HTTP_ANSWERED);
}

/* --- many --- */

static void an_abort_ends_every_request_with_its_callback(void **state)
{
    (void)state;
    server_start(stall);
    make_pool(server.url);
    for (int i = 0; i < 4; i++)
        send_one(&get, NULL);
    while (atomic_load(&server.requests) < 4)
        works(http_pool_wait(pool, 10, &error));
    http_pool_abort(pool);
    assert_int_equal(seen.answers, 4);
    assert_int_equal(seen.last.end, HTTP_LOST);
    assert_int_equal(http_pool_under_way(pool), 0);
    http_pool_abort(pool);
    assert_int_equal(seen.answers, 4);
}

static void an_abort_before_anything_left_says_so(void **state)
{
    (void)state;
    server_start(say_hello);
    make_pool(server.url);
    send_one(&get, NULL);
    http_pool_abort(pool);
    assert_int_equal(seen.answers, 1);
    assert_int_equal(seen.last.end, HTTP_NOT_SENT);
}

static void a_full_pool_takes_no_more(void **state)
{
    (void)state;
    server_start(stall);
    make_pool(server.url);
    for (int i = 0; i < 4; i++)
        send_one(&get, NULL);
    assert_false(http_pool_send(pool, &get, NULL, &error));
    assert_int_equal(http_pool_under_way(pool), 4);
    http_pool_abort(pool);
    assert_int_equal(seen.answers, 4);
    send_one(&get, NULL);
}

static void a_header_that_does_not_fit_is_refused_and_the_place_stays_free(void **state)
{
    static char header[64 * 1024];
    struct http_request request = get;

    (void)state;
    memset(header, 'x', sizeof header - 1);
    header[sizeof header - 1] = '\0';
    request.headers[0] = header;
    request.header_count = 1;
    options.concurrency = 1;
    server_start(say_hello);
    make_pool(server.url);
    assert_false(http_pool_send(pool, &request, NULL, &error));
    assert_int_equal(http_pool_under_way(pool), 0);
    exchange(&get);
    assert_int_equal(seen.last.end, HTTP_ANSWERED);
}

static char elsewhere_seen[512];

static void on_elsewhere(void *context, void *unused, struct http_answer *answer)
{
    assert_null(unused);
    assert_int_equal(answer->end, HTTP_ANSWERED);
    snprintf(context, sizeof elsewhere_seen, "%s %s", answer->body, answer->www_authenticate);
}

static enum step say_challenge(const struct request_seen *request, char *text, size_t size)
{
    memcpy(head_seen, request->head, sizeof head_seen);
    answer_with(text, size, 401, "WWW-Authenticate: Basic realm=/a.key\r\n", "elsewhere");
    return STEP_ANSWER;
}

static void a_request_to_another_server_has_a_callback_of_its_own(void **state)
{
    char other[64];
    struct http_options others;

    (void)state;
    server_start(say_challenge);
    snprintf(other, sizeof other, "%s", server.url);
    make_pool("http://127.0.0.1:1"); /* nobody is there, and nobody is asked */
    others = options;
    others.base_url = other;
    others.direct = true;
    elsewhere_seen[0] = '\0';
    works(http_pool_send_elsewhere(pool, &others, &get, on_elsewhere, elsewhere_seen, &error));
    assert_int_equal(http_pool_under_way(pool), 0);
    while (elsewhere_seen[0] == '\0')
        works(http_pool_wait(pool, 20000, &error));
    assert_string_equal(elsewhere_seen, "elsewhere Basic realm=/a.key");
    assert_int_equal(seen.answers, 0);
    assert_memory_equal(head_seen, "GET /a?b=c HTTP/1.1\r\n", 21);
    /* One that is under way when the pool goes is dropped. */
    works(http_pool_send_elsewhere(pool, &others, &get, on_elsewhere, elsewhere_seen, &error));
}

static void many_requests_share_few_connections(void **state)
{
    static char mine[500];
    unsigned sent = 0;

    (void)state;
    options.concurrency = 16;
    server_start(say_hello);
    make_pool(server.url);
    while (seen.answers < 500) {
        while (sent < 500 && http_pool_under_way(pool) < 16)
            send_one(&post, &mine[sent++]);
        works(http_pool_wait(pool, 20000, &error));
    }
    assert_int_equal(atomic_load(&server.requests), 500);
    assert_true(atomic_load(&server.connections) <= 16);
    for (unsigned i = 0; i < 500; i++)
        (*(char *)seen.contexts[i])++;
    for (unsigned i = 0; i < 500; i++)
        assert_int_equal(mine[i], 1);
}

static void a_watched_descriptor_ends_the_wait(void **state)
{
    const int fd = eventfd(0, EFD_CLOEXEC);
    const uint64_t one = 1;

    (void)state;
    make_pool("http://127.0.0.1:1");
    works(http_pool_watch(pool, fd, &error));
    assert_int_equal(write(fd, &one, sizeof one), sizeof one);
    works(http_pool_wait(pool, -1, &error)); /* would wait for ever */
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static const struct CMUnitTest tests[] = {
    TEST(an_answer_comes_with_status_body_and_context),
    TEST(a_request_is_sent_as_it_was_given),
    TEST(nothing_of_a_request_stays_for_the_next_one),
    TEST(the_headers_that_matter_are_kept_for_their_own_answer_only),
    TEST(a_redirect_is_an_answer_and_not_followed),
    TEST(a_request_on_a_reused_connection_that_is_closed_leaves_only_once),
    TEST(a_request_on_a_fresh_connection_that_is_closed_is_lost),
    TEST(a_connection_that_was_closed_while_idle_loses_nothing),
    TEST(half_an_answer_is_lost),
    TEST(an_answer_over_the_cap_is_lost),
    TEST(a_header_that_is_too_long_is_the_fault_of_the_server),
    TEST(what_is_no_http_is_lost),
    TEST(an_answer_that_stalls_is_lost),
    TEST(an_answer_that_takes_too_long_is_lost),
    TEST(where_nobody_listens_nothing_was_sent),
    TEST(a_server_without_tls_gets_nothing_of_the_request),
    TEST(a_proxy_of_the_environment_is_not_used_for_plain_http),
    TEST(an_abort_ends_every_request_with_its_callback),
    TEST(an_abort_before_anything_left_says_so),
    TEST(a_full_pool_takes_no_more),
    TEST(a_header_that_does_not_fit_is_refused_and_the_place_stays_free),
    TEST(a_request_to_another_server_has_a_callback_of_its_own),
    TEST(many_requests_share_few_connections),
    TEST(a_watched_descriptor_ends_the_wait),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
