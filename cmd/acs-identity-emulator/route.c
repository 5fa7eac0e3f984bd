#include "route.h"

#include "form.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SEGMENTS_MAX = 4 };

struct segments {
    char text[SEGMENTS_MAX][ROUTE_ID_SIZE];
    int count; /* SEGMENTS_MAX + 1: more, or longer, than any path of ours */
};

/* A * stands for the one part that varies. */
static const struct {
    enum place place;
    const char *segments[SEGMENTS_MAX];
} places[] = {
    {PLACE_IDENTITIES, {"identities"}},
    {PLACE_IDENTITY, {"identities", "*"}},
    {PLACE_ISSUE, {"identities", "*", ":issueAccessToken"}},
    {PLACE_REVOKE, {"identities", "*", ":revokeAccessTokens"}},
    {PLACE_EXCHANGE, {"teamsUser", ":exchangeAccessToken"}},
    {PLACE_STATS, {"_emulator", "stats"}},
    {PLACE_LIST, {"_emulator", "identities"}},
    {PLACE_IMDS, {"metadata", "identity", "oauth2", "token"}},
    {PLACE_APP_SERVICE, {"managed-identity", "app-service"}},
    {PLACE_ARC, {"managed-identity", "arc"}},
    {PLACE_SERVICE_FABRIC, {"managed-identity", "service-fabric"}},
    {PLACE_MACHINE_LEARNING, {"managed-identity", "machine-learning"}},
    {PLACE_CLOUD_SHELL, {"managed-identity", "cloud-shell"}},
    {PLACE_TOKEN, {"*", "oauth2", "v2.0", "token"}},
    {PLACE_ADFS_TOKEN, {"adfs", "oauth2", "token"}},
    {PLACE_INSTANCE_DISCOVERY, {"common", "discovery", "instance"}},
    {PLACE_OPENID_CONFIGURATION, {"*", "v2.0", ".well-known", "openid-configuration"}},
    {PLACE_KEYS, {"*", "discovery", "v2.0", "keys"}},
};

static const struct {
    enum place place;
    const char *method;
    enum operation operation;
} methods[] = {
    {PLACE_IDENTITIES, "POST", OPERATION_CREATE},
    {PLACE_IDENTITY, "DELETE", OPERATION_DELETE},
    {PLACE_IDENTITY, "GET", OPERATION_GET},
    {PLACE_ISSUE, "POST", OPERATION_ISSUE},
    {PLACE_REVOKE, "POST", OPERATION_REVOKE},
    {PLACE_EXCHANGE, "POST", OPERATION_EXCHANGE},
    {PLACE_TOKEN, "POST", OPERATION_TOKEN},
    {PLACE_ADFS_TOKEN, "POST", OPERATION_TOKEN},
    {PLACE_INSTANCE_DISCOVERY, "GET", OPERATION_DISCOVERY},
    {PLACE_OPENID_CONFIGURATION, "GET", OPERATION_DISCOVERY},
    {PLACE_KEYS, "GET", OPERATION_DISCOVERY},
    {PLACE_IMDS, "GET", OPERATION_MANAGED_IDENTITY},
    {PLACE_APP_SERVICE, "GET", OPERATION_MANAGED_IDENTITY},
    {PLACE_ARC, "GET", OPERATION_MANAGED_IDENTITY},
    {PLACE_SERVICE_FABRIC, "GET", OPERATION_MANAGED_IDENTITY},
    {PLACE_MACHINE_LEARNING, "GET", OPERATION_MANAGED_IDENTITY},
    {PLACE_CLOUD_SHELL, "POST", OPERATION_MANAGED_IDENTITY},
    {PLACE_STATS, "GET", OPERATION_OTHER},
    {PLACE_LIST, "GET", OPERATION_OTHER},
};

static void split(const char *path, size_t length, struct segments *segments)
{
    const char *const end = path + length;

    segments->count = 0;
    while (path < end && *path == '/') {
        const char *start = path + 1;
        const char *slash = memchr(start, '/', (size_t)(end - start));
        path = slash == NULL ? end : slash;
        if (path == start && path == end)
            return; /* a slash at the end */
        if (segments->count == SEGMENTS_MAX ||
            !percent_decode(start, (size_t)(path - start), false, segments->text[segments->count], ROUTE_ID_SIZE)) {
            segments->count = SEGMENTS_MAX + 1;
            return;
        }
        segments->count++;
    }
}

/* Paths are matched without regard to case, as ASP.NET does. `variable` receives the index of the part that varies, -1
 * for none. */
static bool fits(const struct segments *segments, const char *const pattern[SEGMENTS_MAX], int *variable)
{
    *variable = -1;
    for (int i = 0; i < SEGMENTS_MAX; i++) {
        if ((pattern[i] != NULL) != (i < segments->count))
            return false;
        if (pattern[i] == NULL)
            break;
        if (strcmp(pattern[i], "*") == 0 && segments->text[i][0] != '\0')
            *variable = i;
        else if (strcasecmp(pattern[i], segments->text[i]) != 0)
            return false;
    }
    return true;
}

/* The value of api-version; one that does not fit is cut short and thereby unknown. */
static void find_version(const char *query, char version[ROUTE_VERSION_SIZE])
{
    static const char name[] = "api-version=";

    version[0] = '\0';
    while (*query != '\0') {
        const size_t length = strcspn(query, "&");
        if (strncasecmp(query, name, sizeof name - 1) == 0) {
            if (!percent_decode(query + sizeof name - 1, length - (sizeof name - 1), false, version,
                                ROUTE_VERSION_SIZE))
                memcpy(version, "?", 2);
            return;
        }
        query += length;
        query += *query == '&';
    }
}

static void find_place(const struct segments *segments, struct route *route)
{
    int variable;

    route->place = PLACE_UNKNOWN;
    route->id[0] = '\0';
    if (segments->count > SEGMENTS_MAX)
        return; /* the texts are not all there */
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (!fits(segments, places[i].segments, &variable))
            continue;
        route->place = places[i].place;
        if (variable >= 0)
            memcpy(route->id, segments->text[variable], strlen(segments->text[variable]) + 1);
        return;
    }
}

void route_parse(const char *method, const char *target, struct route *route)
{
    struct segments segments;
    const size_t path_length = strcspn(target, "?");

    split(target, path_length, &segments);
    find_place(&segments, route);
    route->method_fits = false;
    route->operation = OPERATION_OTHER;
    find_version(target[path_length] == '?' ? target + path_length + 1 : "", route->version);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (methods[i].place == route->place && strcmp(methods[i].method, method) == 0) {
            route->method_fits = true;
            route->operation = methods[i].operation;
        }
    }
}

bool route_is_sign_in(const struct route *route)
{
    return route->place >= PLACE_TOKEN && route->place <= PLACE_CLOUD_SHELL;
}
