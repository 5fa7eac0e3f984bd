#include "version.h"

#include <stdio.h>
#include <string.h>

enum {
    OF_2022_06 = FEATURE_TEAMS,
    OF_2022_10 = OF_2022_06 | FEATURE_LIFETIME,
    OF_2023_10 = OF_2022_10 | FEATURE_JOIN_SCOPES,
};

/* 2020-07-20-preview2 is missing although the service names it: its operations have another shape altogether.
 * The intermediate versions have what the stable version before them has; Teams as recorded. */
static const struct version versions[] = {
    {"2021-02-22-preview1", 0},
    {"2021-03-07", 0},
    {"2021-03-31-preview1", FEATURE_TEAMS},
    {"2021-10-31-preview", FEATURE_TEAMS},
    {"2021-11-01", 0},
    {"2022-06-01", OF_2022_06},
    {"2022-10-01", OF_2022_10},
    {"2023-08-01", FEATURE_LIFETIME},
    {"2023-10-01", OF_2023_10},
    {"2025-03-02-preview", OF_2023_10 | FEATURE_CUSTOM_ID | FEATURE_ESCAPED_PLUS},
    {"2025-06-30", OF_2023_10 | FEATURE_ESCAPED_PLUS},
};

enum { VERSION_COUNT = sizeof versions / sizeof *versions };

const struct version *version_find(const char *name)
{
    for (size_t i = 0; i < VERSION_COUNT; i++)
        if (strcmp(versions[i].name, name) == 0)
            return &versions[i];
    return NULL;
}

void version_list(unsigned features, char list[VERSION_LIST_SIZE])
{
    size_t length = 0;

    list[0] = '\0';
    for (size_t i = 0; i < VERSION_COUNT; i++) {
        if ((versions[i].features & features) != features)
            continue;
        length += (size_t)snprintf(list + length, VERSION_LIST_SIZE - length, "%s%s", length > 0 ? ", " : "",
                                   versions[i].name);
    }
}
