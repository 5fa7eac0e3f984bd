/* server.h - the service on the network: libmicrohttpd, driven by one loop in one thread.
 *
 * An answer that is to be late is made at once and kept: its connection is suspended, and a heap of timers wakes it.
 * Nothing waits for it.
 */
#ifndef EMULATOR_SERVER_H
#define EMULATOR_SERVER_H

#include "address.h"
#include "handshake.h"
#include "respond.h"
#include "service.h"
#include "timers.h"
#include "tls.h"

struct server_options {
    int64_t latency_least_us; /* both 0: without delay */
    int64_t latency_most_us;
    const struct certificate *certificate; /* NULL: plain HTTP */
    const char *seed;
};

struct server {
    struct service *service;
    struct server_options options;
    struct responder responder;
    struct random latency;
    struct answer answer;       /* of the request in hand */
    struct handshake handshake; /* of new connections, with TLS */
    struct timers timers;       /* of connections that wait, and of the server itself while it refuses new ones */
    struct MHD_Daemon *daemon;
    int poll_fd;            /* MHD's */
    int listen_fd;          /* MHD's */
    struct address address; /* of listen_fd */
    bool stopping;          /* nothing is to wait any more */
};

/* Borrows service and certificate; takes the listening socket, whatever the result. */
bool server_init(struct server *server, struct service *service, const struct server_options *options, int listen_fd,
                 struct error *error);
/* Serves until signal_fd becomes readable. */
bool server_run(struct server *server, int signal_fd, struct error *error);
void server_clear(struct server *server);

#endif
