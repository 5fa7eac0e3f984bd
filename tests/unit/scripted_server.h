/* scripted_server.h - an HTTP/1.1 server on the loopback that does as the test says, and counts what reached it. */
#ifndef ROLLCALL_TESTS_SCRIPTED_SERVER_H
#define ROLLCALL_TESTS_SCRIPTED_SERVER_H

#include "scratch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

enum step {
    STEP_ANSWER,     /* the text, and the connection stays open */
    STEP_CLOSE,      /* the connection is closed without an answer */
    STEP_TEXT_CLOSE, /* the text, then the connection is closed */
    STEP_STALL,      /* nothing, until the server ends */
};

struct request_seen {
    unsigned number; /* 1 for the first that reached the server */
    char head[4096];
    char body[1024];
};

/* What to do about a request; writes the whole answer, status line included, into `text`. Called by one thread at a
 * time. */
typedef enum step server_script(const struct request_seen *request, char *text, size_t size);

struct server {
    int fd;
    int stop_fd; /* readable when the server is to end */
    uint16_t port;
    char url[64];
    server_script *script;
    pthread_t thread;
    pthread_mutex_t lock;
    atomic_uint requests;
    atomic_uint connections;
    atomic_uint threads;
};

static struct server server;

static inline bool send_text(int fd, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        const ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        text += sent;
        left -= (size_t)sent;
    }
    return true;
}

/* Waits for bytes; false when the server is to end. */
static inline bool wait_for_bytes(int fd)
{
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = server.stop_fd, .events = POLLIN}};

    return poll(fds, 2, -1) > 0 && fds[1].revents == 0;
}

static inline bool read_request(int fd, struct request_seen *request)
{
    size_t used = 0;
    char *end = NULL;

    memset(request, 0, sizeof *request);
    while (end == NULL) {
        if (used + 1 >= sizeof request->head || !wait_for_bytes(fd))
            return false;
        const ssize_t got = recv(fd, request->head + used, sizeof request->head - 1 - used, 0);
        if (got <= 0)
            return false;
        used += (size_t)got;
        end = strstr(request->head, "\r\n\r\n");
    }
    const char *length = strcasestr(request->head, "\r\nContent-Length:");
    const size_t wanted = length != NULL ? strtoul(length + 17, NULL, 10) : 0;
    size_t have = used - (size_t)(end + 4 - request->head);
    if (wanted >= sizeof request->body || have > wanted)
        return false;
    memcpy(request->body, end + 4, have);
    end[2] = '\0';
    while (have < wanted && wait_for_bytes(fd)) {
        const ssize_t got = recv(fd, request->body + have, wanted - have, 0);
        if (got <= 0)
            return false;
        have += (size_t)got;
    }
    return have == wanted;
}

static inline void *serve_connection(void *context)
{
    const int fd = (int)(intptr_t)context;
    const size_t size = 1024 * 1024;
    char *text = malloc(size);
    struct request_seen request;
    enum step step = STEP_ANSWER;

    while (text != NULL && step == STEP_ANSWER && read_request(fd, &request)) {
        pthread_mutex_lock(&server.lock);
        request.number = atomic_fetch_add(&server.requests, 1) + 1;
        text[0] = '\0';
        step = server.script(&request, text, size);
        pthread_mutex_unlock(&server.lock);
        if (step == STEP_STALL) {
            struct pollfd stop = {.fd = server.stop_fd, .events = POLLIN};
            poll(&stop, 1, -1);
        } else if (step != STEP_CLOSE && !send_text(fd, text)) {
            step = STEP_CLOSE;
        }
    }
    free(text);
    close(fd);
    atomic_fetch_sub(&server.threads, 1);
    return NULL;
}

static inline void *serve(void *context)
{
    (void)context;
    while (wait_for_bytes(server.fd)) {
        pthread_t thread;
        const int fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        atomic_fetch_add(&server.connections, 1);
        atomic_fetch_add(&server.threads, 1);
        if (pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)fd) != 0)
            abort();
        pthread_detach(thread);
    }
    return NULL;
}

static inline void server_start(server_script *script)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;

    server = (struct server){.script = script};
    pthread_mutex_init(&server.lock, NULL);
    server.stop_fd = eventfd(0, EFD_CLOEXEC);
    server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server.fd, 256), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &length), 0);
    server.port = ntohs(address.sin_port);
    snprintf(server.url, sizeof server.url, "http://127.0.0.1:%u", (unsigned)server.port);
    assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static inline void server_stop(void)
{
    const uint64_t one = 1;

    if (server.script == NULL)
        return;
    assert_int_equal(write(server.stop_fd, &one, sizeof one), sizeof one);
    pthread_join(server.thread, NULL);
    while (atomic_load(&server.threads) > 0)
        usleep(1000);
    close(server.fd);
    close(server.stop_fd);
    pthread_mutex_destroy(&server.lock);
    server.script = NULL;
}

/* A port of the loopback at which nobody listens. */
static inline uint16_t closed_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* A whole answer with a body. */
static inline void answer_with(char *text, size_t size, int status, const char *headers, const char *body)
{
    snprintf(text, size, "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers, strlen(body), body);
}

#endif
