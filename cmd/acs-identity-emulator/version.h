/* version.h - the api-versions and what sets them apart (reference: acs-identity.md, sections 1 and 6).
 *
 * The service's headers have changed over the years. A request is answered as it was in the time of its version, so
 * that an answer is the recorded one for every version of which there is a recording.
 */
#ifndef EMULATOR_VERSION_H
#define EMULATOR_VERSION_H

#include <stdbool.h>
#include <stddef.h>

enum version_feature {
    FEATURE_TEAMS = 1 << 0,       /* POST /teamsUser/:exchangeAccessToken */
    FEATURE_LIFETIME = 1 << 1,    /* expiresInMinutes */
    FEATURE_JOIN_SCOPES = 1 << 2, /* chat.join, chat.join.limited, voip.join */
    FEATURE_CUSTOM_ID = 1 << 3,   /* customId, GET /identities/{id}, lastTokenIssuedAt */
};

/* When answers were recorded. The last is today, of which nothing is recorded: as 2025-04, with the newest version. */
enum era { ERA_2022_02, ERA_2023_09, ERA_2023_10, ERA_2025_04, ERA_TODAY };

enum { ERA_COUNT = ERA_TODAY + 1 };

struct version {
    const char *name;
    unsigned features;
    enum era era;    /* its requests are answered as then */
    unsigned listed; /* bits, 1 << era: then api-supported-versions named it */
};

enum { VERSION_LIST_SIZE = 512 };

/* NULL when it is not known. */
const struct version *version_find(const char *name);
/* The value of api-supported-versions: every version of that time that has all the features. */
void version_list(enum era era, unsigned features, char list[VERSION_LIST_SIZE]);

/* Strict-Transport-Security, as it was then. */
const char *era_transport_security(enum era era);
/* Did the serializer write the + of a time as \u002B? */
bool era_escapes_plus(enum era era);

#endif
