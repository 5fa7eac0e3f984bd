/* postgres_peer.h - who is at the other end of a connection to PostgreSQL. */
#ifndef ROLLCALL_OUTPUT_POSTGRES_PEER_H
#define ROLLCALL_OUTPUT_POSTGRES_PEER_H

#include "core/error.h"

#include <libpq-fe.h>

/* May tokens travel over it? Within this machine, or encrypted to a server whose certificate was verified or that is
 * known by Kerberos (design, invariant 11); libpq by itself is content with much less. ERROR_INPUT, with the fix. */
bool postgres_peer_check(PGconn *connection, const char *table, struct error *error);

#endif
