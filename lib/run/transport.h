/* transport.h - how a resource's service is reached as the spec says, and what to do where it is not. */
#ifndef ROLLCALL_RUN_TRANSPORT_H
#define ROLLCALL_RUN_TRANSPORT_H

#include "acs/acs.h"
#include "http/pool.h"
#include "spec/spec.h"

/* Where the service is: from the connection string where the resource has one, else from its endpoint. */
bool transport_address(const struct spec_resource *resource, struct acs_resource *address, struct error *error);

/* The pool's options; all borrowed from the arguments. */
struct http_options transport_options(const struct spec *spec, const struct spec_resource *resource,
                                      const struct acs_resource *address);

/* What to do about an end that keeps every request from the service; "" for others. */
const char *transport_hint(const struct http_answer *answer);

#endif
