/* route.h - what a request target asks for. */
#ifndef EMULATOR_ROUTE_H
#define EMULATOR_ROUTE_H

#include "operation.h"

enum place {
    PLACE_UNKNOWN,
    PLACE_IDENTITIES, /* /identities */
    PLACE_IDENTITY,   /* /identities/{id} */
    PLACE_ISSUE,      /* /identities/{id}/:issueAccessToken */
    PLACE_REVOKE,     /* /identities/{id}/:revokeAccessTokens */
    PLACE_EXCHANGE,   /* /teamsUser/:exchangeAccessToken */
    PLACE_STATS,      /* /_emulator/stats */
    PLACE_LIST,       /* /_emulator/identities */
};

enum { ROUTE_ID_SIZE = 256, ROUTE_VERSION_SIZE = 64 };

struct route {
    enum place place;
    bool method_fits;
    enum operation operation;         /* OPERATION_OTHER where place or method is none of the service's */
    char id[ROUTE_ID_SIZE];           /* decoded: %3A and : are the same */
    char version[ROUTE_VERSION_SIZE]; /* "" where there is none */
};

void route_parse(const char *method, const char *target, struct route *route);

#endif
