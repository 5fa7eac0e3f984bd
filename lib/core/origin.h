/* origin.h - the address of a service that is told secrets: a scheme, a host and a port.
 *
 * The one place that says which addresses those may be: https://, or http:// on this machine, where it shows nothing to
 * the network (design, invariant 11).
 */
#ifndef ROLLCALL_CORE_ORIGIN_H
#define ROLLCALL_CORE_ORIGIN_H

#include "core/error.h"

#include <stddef.h>

struct origin {
    bool secure;         /* https */
    char host[256];      /* lower case, without port; an IPv6 address has its brackets */
    char authority[264]; /* host, and ":port" unless it is the scheme's default: the Host header */
    char url[280];       /* "https://authority", no trailing slash */
};

/* Scheme and host without regard to case, at most one '/' behind them; this machine is 127.0.0.0/8, [::1] and
 * localhost. ERROR_INPUT on failure, with a hint unless the scheme is missing: the caller knows an example. No message
 * quotes the text, which may be a secret in the wrong place. */
bool origin_parse(const char *text, size_t length, struct origin *origin, struct error *error);

#endif
