/* request.h - one request as it was received; every text is borrowed until the answer is made. */
#ifndef EMULATOR_REQUEST_H
#define EMULATOR_REQUEST_H

#include "moment.h"

#include <stdbool.h>
#include <stddef.h>

struct request {
    const char *method;
    const char *target; /* path and query, every byte as received: it is signed in this form */

    /* Headers; NULL where there is none. */
    const char *host;
    const char *authorization;
    const char *ms_date;
    const char *date;
    const char *content_hash;
    const char *client_request_id;
    const char *origin;
    const char *preflight_headers; /* Access-Control-Request-Headers */
    const char *metadata;          /* of managed identities, and the next two */
    const char *identity_header;   /* X-IDENTITY-HEADER */
    const char *secret;

    const char *body;
    size_t body_length;
    bool body_too_large; /* and therefore not kept */

    bool from_loopback;
    bool over_tls;
    struct moment arrived;
};

enum { REQUEST_BODY_MAX = 64 * 1024 };

/* Keeps a header that is looked at; the last one of a name counts. Borrows the value. */
void request_take_header(struct request *request, const char *name, const char *value);

#endif
