/* route.h - what a request target asks for. */
#ifndef EMULATOR_ROUTE_H
#define EMULATOR_ROUTE_H

#include "operation.h"

enum place {
    PLACE_UNKNOWN,

    /* The service's. */
    PLACE_IDENTITIES,
    PLACE_IDENTITY,
    PLACE_ISSUE,
    PLACE_REVOKE,
    PLACE_EXCHANGE,

    /* Microsoft Entra ID's; the path's variable part is the tenant. */
    PLACE_TOKEN,
    PLACE_ADFS_TOKEN,
    PLACE_INSTANCE_DISCOVERY,
    PLACE_OPENID_CONFIGURATION,
    PLACE_KEYS,

    /* Those of managed identities, one for each kind of host. */
    PLACE_IMDS,
    PLACE_APP_SERVICE,
    PLACE_ARC,
    PLACE_SERVICE_FABRIC,
    PLACE_MACHINE_LEARNING,
    PLACE_CLOUD_SHELL,

    /* The emulator's own. */
    PLACE_STATS,
    PLACE_LIST,
};

enum { ROUTE_ID_SIZE = 256, ROUTE_VERSION_SIZE = 64 };

struct route {
    enum place place;
    bool method_fits;
    enum operation operation;         /* OPERATION_OTHER where place or method is none of ours */
    char id[ROUTE_ID_SIZE];           /* the path's variable part, decoded: %3A and : are the same; "" for none */
    char version[ROUTE_VERSION_SIZE]; /* "" where there is none */
};

void route_parse(const char *method, const char *target, struct route *route);
/* Whether a place is one where one signs in, and not the service's. */
bool route_is_sign_in(const struct route *route);

#endif
