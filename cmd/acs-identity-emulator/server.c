#include "server.h"

#include "address.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    CONNECTION_MEMORY = 20 * 1024, /* of request line and headers: a bearer token of 16 KB still fits */
    SPARE_DESCRIPTORS = 64,
    IDLE_TIMEOUT_S = 120,
};

/* One request and its answer; lives from the request line to the last byte sent. */
struct exchange {
    struct MHD_Connection *connection;
    struct MHD_Response *response; /* made, and waiting for its time */
    unsigned status;
    bool has_headers;
    bool body_too_large;
    struct buffer body;
    char target[];
};

/* The only place where MHD hands out the target before it decodes it in place. */
static void *begin_exchange(void *context, const char *target, struct MHD_Connection *connection)
{
    const size_t length = strlen(target);
    struct exchange *exchange = malloc(sizeof *exchange + length + 1);

    (void)context;
    if (exchange == NULL)
        return NULL;
    *exchange = (struct exchange){.connection = connection};
    buffer_init(&exchange->body, REQUEST_BODY_MAX);
    memcpy(exchange->target, target, length + 1);
    return exchange;
}

static void end_exchange(void *context, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *request_context;

    (void)context;
    (void)connection;
    (void)code;
    if (exchange == NULL)
        return;
    if (exchange->response != NULL)
        MHD_destroy_response(exchange->response);
    buffer_wipe(&exchange->body);
    free(exchange);
    *request_context = NULL;
}

static void count_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                             enum MHD_ConnectionNotificationCode code)
{
    struct server *server = context;
    struct service *service = server->service;

    (void)connection;
    *socket_context = &server->handshake;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        service->connections_open++;
        service->connections_total++;
    } else {
        service->connections_open--;
    }
}

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    request_take_header(context, name, value == NULL ? "" : value);
    return MHD_YES;
}

static bool is_from_loopback(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    return info != NULL && address_is_loopback(info->client_addr);
}

static enum MHD_Result send_response(struct exchange *exchange)
{
    struct MHD_Response *response = exchange->response;

    exchange->response = NULL;
    const enum MHD_Result result = MHD_queue_response(exchange->connection, exchange->status, response);
    MHD_destroy_response(response);
    return result;
}

static int64_t draw_latency(struct server *server)
{
    const struct server_options *options = &server->options;

    return options->latency_most_us == 0 || server->answer.at_once || server->stopping
               ? 0
               : random_between(&server->latency, options->latency_least_us, options->latency_most_us);
}

/* Connections that are there go on; it befalls new ones. */
static void spoil_connections(struct server *server, const struct fault *fault)
{
    static const enum certificate_kind shown[FAULT_COUNT] = {
        [FAULT_TLS_CUT] = CERTIFICATE_NONE,
        [FAULT_CERT_EXPIRED] = CERTIFICATE_EXPIRED,
        [FAULT_CERT_OTHER_NAME] = CERTIFICATE_OTHER_NAME,
        [FAULT_CERT_SELF_SIGNED] = CERTIFICATE_SELF_SIGNED,
    };
    const int64_t until_us = moment_now().monotonic_us + fault->lasts_us;

    if (fault->kind != FAULT_REFUSE)
        handshake_spoil(&server->handshake, shown[fault->kind], until_us);
    else if (timers_add(&server->timers, until_us, server)) /* until then the socket does not listen */
        shutdown(server->listen_fd, SHUT_RD);
}

/* How long a fault holds the answer back. */
static int64_t draw_stall(const struct server *server)
{
    const struct fault *fault = server->answer.fault;

    return fault == NULL || fault->kind != FAULT_STALL || server->stopping ? 0 : fault->lasts_us;
}

/* The request is complete: acts on it at once, and answers now or later. */
static enum MHD_Result finish_exchange(struct server *server, struct exchange *exchange, const char *method)
{
    struct request request = {
        .method = method,
        .target = exchange->target,
        .body = exchange->body.data,
        .body_length = exchange->body.length,
        .body_too_large = exchange->body_too_large,
        .from_loopback = is_from_loopback(exchange->connection),
        .over_tls = server->options.certificate != NULL,
        .arrived = moment_now(),
    };

    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, take_header, &request);
    service_handle(server->service, &request, &server->answer);
    const struct fault_wire wire = {
        .connection = exchange->connection,
        .timers = &server->timers,
        .stopping = &server->stopping,
        .over_tls = request.over_tls,
    };
    if (server->answer.fault != NULL && fault_is_of_connections(server->answer.fault->kind))
        spoil_connections(server, server->answer.fault);
    if (server->answer.fault != NULL && fault_cuts(server->answer.fault, &wire, &server->answer))
        return MHD_NO;
    const int64_t latency_us = draw_latency(server) + draw_stall(server);
    const int64_t busy_us = moment_now().monotonic_us - request.arrived.monotonic_us + latency_us;
    exchange->status = server->answer.status;
    exchange->response = respond(&server->responder, server->service, &request, &server->answer, busy_us, &wire);
    if (exchange->response == NULL)
        return MHD_NO;
    if (latency_us == 0 ||
        !timers_add(&server->timers, request.arrived.monotonic_us + latency_us, exchange->connection))
        return send_response(exchange);
    MHD_suspend_connection(exchange->connection);
    return MHD_YES;
}

/* A body whose announced length is too large is refused before it is sent. */
static bool announces_too_much(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");

    return length != NULL && strtoull(length, NULL, 10) > REQUEST_BODY_MAX;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **request_context)
{
    struct server *server = context;
    struct exchange *exchange = *request_context;

    (void)url;
    (void)version;
    if (exchange == NULL)
        return MHD_NO;
    if (exchange->response != NULL) /* woken */
        return send_response(exchange);
    if (!exchange->has_headers) {
        exchange->has_headers = true;
        exchange->body_too_large = announces_too_much(connection);
        return exchange->body_too_large ? finish_exchange(server, exchange, method) : MHD_YES;
    }
    if (*upload_size == 0)
        return finish_exchange(server, exchange, method);
    buffer_append(&exchange->body, upload, *upload_size);
    *upload_size = 0;
    if (!buffer_failed(&exchange->body))
        return MHD_YES;
    exchange->body_too_large = true;
    return exchange->body.failure == BUFFER_OVER_CAP ? MHD_YES : MHD_NO;
}

/* Connections are limited by descriptors alone: the soft limit is raised to the hard one. */
static unsigned raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 512;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = limit;
        raised.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    if (limit.rlim_cur > 1000000)
        return 1000000;
    return limit.rlim_cur > 2 * SPARE_DESCRIPTORS ? (unsigned)limit.rlim_cur - SPARE_DESCRIPTORS : SPARE_DESCRIPTORS;
}

static struct MHD_Daemon *start_daemon(struct server *server, int listen_fd)
{
    unsigned flags = MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, listen_fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, raise_descriptor_limit(), NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)begin_exchange, server},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)end_exchange, server},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)count_connection, server},
        {MHD_OPTION_END, 0, NULL},
        {MHD_OPTION_END, 0, NULL},
    };

    if (server->options.certificate != NULL) {
        flags |= MHD_USE_TLS;
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): a function as ISO C lets it pass for an object */
        options[7] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(intptr_t)handshake_retrieve};
    }
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

bool server_init(struct server *server, struct service *service, const struct server_options *options, int listen_fd,
                 struct error *error)
{
    *server = (struct server){.service = service, .options = *options};
    answer_init(&server->answer);
    if (!responder_init(&server->responder, options->seed, error) ||
        !random_init(&server->latency, options->seed, "latency", error) ||
        (options->certificate != NULL && !handshake_init(&server->handshake, options->certificate, error))) {
        close(listen_fd);
        return false;
    }
    server->daemon = start_daemon(server, listen_fd);
    if (server->daemon == NULL) {
        close(listen_fd);
        return error_set(error, ERROR_SYSTEM, "cannot start the HTTP server");
    }
    server->listen_fd = listen_fd;
    server->address.length = sizeof server->address.v6;
    if (getsockname(listen_fd, &server->address.any, &server->address.length) != 0)
        return error_errno(error, "cannot tell where the server listens");
    server->poll_fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return true;
}

/* A port that the system had picked is given back by shutdown(); one of our own choice is not, and bind() fails. */
static void accept_connections(struct server *server)
{
    (void)bind(server->listen_fd, &server->address.any, server->address.length);
    listen(server->listen_fd, SOMAXCONN);
}

static void wake_due(struct server *server, int64_t now_us)
{
    void *item;

    while ((item = timers_take(&server->timers, now_us)) != NULL) {
        if (item == server)
            accept_connections(server);
        else
            MHD_resume_connection(item);
    }
}

/* How long there is nothing to do: until MHD's own time-outs or the first timer. NULL: for ever. */
static struct timespec *next_wait(struct server *server, struct timespec *wait)
{
    MHD_UNSIGNED_LONG_LONG milliseconds;
    int64_t wait_us = INT64_MAX;

    if (MHD_get_timeout(server->daemon, &milliseconds) == MHD_YES)
        wait_us = milliseconds > 3600000 ? INT64_C(3600000000) : (int64_t)milliseconds * 1000;
    if (timers_next(&server->timers) != INT64_MAX) {
        const int64_t due_us = timers_next(&server->timers) - moment_now().monotonic_us;
        wait_us = due_us < wait_us ? due_us : wait_us;
    }
    if (wait_us == INT64_MAX)
        return NULL;
    if (wait_us < 0)
        wait_us = 0;
    *wait = (struct timespec){.tv_sec = (time_t)(wait_us / 1000000), .tv_nsec = (long)(wait_us % 1000000) * 1000};
    return wait;
}

bool server_run(struct server *server, int signal_fd, struct error *error)
{
    struct pollfd descriptors[] = {{.fd = server->poll_fd, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
    struct timespec wait;

    for (;;) {
        if (ppoll(descriptors, 2, next_wait(server, &wait), NULL) < 0 && errno != EINTR)
            return error_errno(error, "cannot wait for requests");
        if (descriptors[1].revents != 0)
            return true;
        if (server->timers.count > 0)
            wake_due(server, moment_now().monotonic_us);
        if (MHD_run(server->daemon) != MHD_YES)
            return error_set(error, ERROR_SYSTEM, "the HTTP server failed");
    }
}

void server_clear(struct server *server)
{
    if (server->daemon != NULL) {
        /* MHD must not be stopped with suspended connections: answers that wait go out now, and none is to wait. */
        server->stopping = true;
        wake_due(server, INT64_MAX);
        MHD_run(server->daemon);
        MHD_stop_daemon(server->daemon);
    }
    handshake_clear(&server->handshake);
    timers_clear(&server->timers);
    answer_clear(&server->answer);
}
