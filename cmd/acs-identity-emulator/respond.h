/* respond.h - an answer as HTTP: status line, the service's headers, and the form of the body. */
#ifndef EMULATOR_RESPOND_H
#define EMULATOR_RESPOND_H

#include "answer.h"
#include "fault_wire.h"
#include "request.h"
#include "service.h"

#include <microhttpd.h>

enum { AZURE_REF_TAIL_LENGTH = 64 };

struct responder {
    struct random random;
    char azure_ref_tail[AZURE_REF_TAIL_LENGTH + 1]; /* the part of X-Azure-Ref that names the edge: always the same */
};

bool responder_init(struct responder *responder, const char *seed, struct error *error);
/* `busy_us` is what X-Processing-Time tells; `wire` is what a fault of the answer may need. NULL when out of memory.
 * The caller destroys the response. */
struct MHD_Response *respond(struct responder *responder, struct service *service, const struct request *request,
                             const struct answer *answer, int64_t busy_us, const struct fault_wire *wire);

#endif
