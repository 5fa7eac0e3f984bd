/* fault_wire.h - what a fault does to the connection: to close it, to reset it, to let it wait. */
#ifndef EMULATOR_FAULT_WIRE_H
#define EMULATOR_FAULT_WIRE_H

#include "answer.h"
#include "faults.h"
#include "timers.h"

#include <microhttpd.h>

/* A connection that can be made to wait. */
struct fault_wire {
    struct MHD_Connection *connection;
    struct timers *timers; /* that wake it */
    const bool *stopping;  /* nothing is to wait any more */
    bool over_tls;
};

/* Whether the fault ends the exchange below HTTP. If so it has done that, and MHD is to close the connection. Over TLS
 * nothing is written before; there the middle of a body is fault_response()'s. */
bool fault_cuts(const struct fault *fault, const struct fault_wire *wire, const struct answer *answer);
/* Whether the body goes out in a form of the fault: that of fault_response(). */
bool fault_paces(const struct fault *fault);
/* NULL when out of memory. */
struct MHD_Response *fault_response(const struct fault *fault, const struct fault_wire *wire,
                                    const struct answer *answer);

#endif
