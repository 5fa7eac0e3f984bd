/* version.h - the api-versions and what sets them apart (reference: acs-identity.md, section 1). */
#ifndef EMULATOR_VERSION_H
#define EMULATOR_VERSION_H

#include <stdbool.h>
#include <stddef.h>

enum version_feature {
    FEATURE_TEAMS = 1 << 0,        /* POST /teamsUser/:exchangeAccessToken */
    FEATURE_LIFETIME = 1 << 1,     /* expiresInMinutes */
    FEATURE_JOIN_SCOPES = 1 << 2,  /* chat.join, chat.join.limited, voip.join */
    FEATURE_CUSTOM_ID = 1 << 3,    /* customId, GET /identities/{id}, lastTokenIssuedAt */
    FEATURE_ESCAPED_PLUS = 1 << 4, /* the serializer of 2025 writes + as \u002B */
};

struct version {
    const char *name;
    unsigned features;
};

enum { VERSION_LIST_SIZE = 512 };

/* NULL when it is not known. */
const struct version *version_find(const char *name);
/* The value of api-supported-versions: every version that has all the features. */
void version_list(unsigned features, char list[VERSION_LIST_SIZE]);

#endif
