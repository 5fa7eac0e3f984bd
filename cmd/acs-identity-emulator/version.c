#include "version.h"

#include <stdio.h>
#include <string.h>

enum {
    OF_2022_06 = FEATURE_TEAMS,
    OF_2022_10 = OF_2022_06 | FEATURE_LIFETIME,
    OF_2023_10 = OF_2022_10 | FEATURE_JOIN_SCOPES,
    LISTED_ONLY = 1 << 16, /* the service names it; here it is not known */
};

enum {
    ALWAYS = (1 << ERA_COUNT) - 1,
    SINCE_2025 = 1 << ERA_2025_04 | 1 << ERA_TODAY,
    SINCE_2023 = ALWAYS & ~(1 << ERA_2022_02),
    UNTIL_2023 = ALWAYS & ~SINCE_2025,
};

/* 2020-07-20-preview2 is only listed: its operations have another shape altogether.
 * The intermediate versions have what the stable version before them has; Teams as recorded. */
static const struct version versions[] = {
    {"2020-07-20-preview2", LISTED_ONLY, ERA_2022_02, ALWAYS},
    {"2021-02-22-preview1", 0, ERA_2022_02, UNTIL_2023},
    {"2021-03-07", 0, ERA_2022_02, ALWAYS},
    {"2021-03-31-preview1", FEATURE_TEAMS, ERA_2022_02, 1 << ERA_2022_02},
    {"2021-10-31-preview", FEATURE_TEAMS, ERA_2022_02, ALWAYS},
    {"2021-11-01", 0, ERA_2022_02, ALWAYS},
    {"2022-06-01", OF_2022_06, ERA_2022_02, ALWAYS},
    {"2022-10-01", OF_2022_10, ERA_2023_09, SINCE_2023},
    {"2023-08-01", FEATURE_LIFETIME, ERA_2023_09, 1 << ERA_2023_09},
    {"2023-10-01", OF_2023_10, ERA_2023_10, SINCE_2023},
    {"2025-03-02-preview", OF_2023_10 | FEATURE_CUSTOM_ID, ERA_2025_04, SINCE_2025},
    {"2025-06-30", OF_2023_10, ERA_TODAY, 1 << ERA_TODAY},
};

enum { VERSION_COUNT = sizeof versions / sizeof *versions };

const struct version *version_find(const char *name)
{
    for (size_t i = 0; i < VERSION_COUNT; i++)
        if (strcmp(versions[i].name, name) == 0 && versions[i].features != LISTED_ONLY)
            return &versions[i];
    return NULL;
}

void version_list(enum era era, unsigned features, char list[VERSION_LIST_SIZE])
{
    size_t length = 0;

    list[0] = '\0';
    for (size_t i = 0; i < VERSION_COUNT; i++) {
        if ((versions[i].features & features) != features || (versions[i].listed & 1U << era) == 0)
            continue;
        length += (size_t)snprintf(list + length, VERSION_LIST_SIZE - length, "%s%s", length > 0 ? ", " : "",
                                   versions[i].name);
    }
}

const char *era_transport_security(enum era era)
{
    return era < ERA_2025_04 ? "max-age=2592000" : "max-age=31536000;includeSubDomains";
}

bool era_escapes_plus(enum era era)
{
    return era >= ERA_2025_04;
}
