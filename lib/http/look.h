/* look.h - one request by itself, with what its connection tells of the way and of the server: for finding faults. */
#ifndef ROLLCALL_HTTP_LOOK_H
#define ROLLCALL_HTTP_LOOK_H

#include "http/pool.h"

struct http_look {
    char peer[64];       /* the address that was connected to, a proxy's included; "" when there was no connection */
    char tls[16];        /* "TLSv1.3"; "" without TLS, likewise below */
    char names[256];     /* of the certificate, "a, b"; those that do not fit are left out */
    int64_t not_after_s; /* when it ends, wall time; 0: not known */
};

/* Sends the request and waits for its end, which `done` is told as by a pool. False when the machine fails: then `done`
 * is not called. */
bool http_look(const struct http_options *options, const struct http_request *request, struct http_look *look,
               http_done *done, void *context, struct error *error);

#endif
