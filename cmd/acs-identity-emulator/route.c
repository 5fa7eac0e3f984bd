#include "route.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SEGMENTS_MAX = 3 };

struct segments {
    char text[SEGMENTS_MAX][ROUTE_ID_SIZE];
    int count; /* SEGMENTS_MAX + 1: more, or longer, than any path of ours */
};

static const struct {
    enum place place;
    const char *method;
    enum operation operation;
} methods[] = {
    {PLACE_IDENTITIES, "POST", OPERATION_CREATE}, {PLACE_IDENTITY, "DELETE", OPERATION_DELETE},
    {PLACE_IDENTITY, "GET", OPERATION_GET},       {PLACE_ISSUE, "POST", OPERATION_ISSUE},
    {PLACE_REVOKE, "POST", OPERATION_REVOKE},     {PLACE_EXCHANGE, "POST", OPERATION_EXCHANGE},
    {PLACE_STATS, "GET", OPERATION_OTHER},        {PLACE_LIST, "GET", OPERATION_OTHER},
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10 : -1;
}

/* Undoes percent-encoding; a percent sign that encodes nothing stands for itself. False when there is no room. */
static bool decode(const char *text, size_t length, char *decoded, size_t size)
{
    size_t written = 0;

    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '%' && i + 2 < length && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
            c = (char)(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
            i += 2;
        }
        if (c == '\0' || written + 1 == size)
            return false;
        decoded[written++] = c;
    }
    decoded[written] = '\0';
    return true;
}

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
            !decode(start, (size_t)(path - start), segments->text[segments->count], ROUTE_ID_SIZE)) {
            segments->count = SEGMENTS_MAX + 1;
            return;
        }
        segments->count++;
    }
}

/* Paths are matched without regard to case, as ASP.NET does. */
static bool is(const struct segments *segments, int index, const char *text)
{
    return strcasecmp(segments->text[index], text) == 0;
}

static enum place find_place(const struct segments *segments)
{
    if (segments->count == 1 && is(segments, 0, "identities"))
        return PLACE_IDENTITIES;
    if (segments->count == 2 && is(segments, 0, "identities") && segments->text[1][0] != '\0')
        return PLACE_IDENTITY;
    if (segments->count == 3 && is(segments, 0, "identities") && is(segments, 2, ":issueAccessToken"))
        return PLACE_ISSUE;
    if (segments->count == 3 && is(segments, 0, "identities") && is(segments, 2, ":revokeAccessTokens"))
        return PLACE_REVOKE;
    if (segments->count == 2 && is(segments, 0, "teamsUser") && is(segments, 1, ":exchangeAccessToken"))
        return PLACE_EXCHANGE;
    if (segments->count == 2 && is(segments, 0, "_emulator") && is(segments, 1, "stats"))
        return PLACE_STATS;
    if (segments->count == 2 && is(segments, 0, "_emulator") && is(segments, 1, "identities"))
        return PLACE_LIST;
    return PLACE_UNKNOWN;
}

/* The value of api-version; one that does not fit is cut short and thereby unknown. */
static void find_version(const char *query, char version[ROUTE_VERSION_SIZE])
{
    static const char name[] = "api-version=";

    version[0] = '\0';
    while (*query != '\0') {
        const size_t length = strcspn(query, "&");
        if (strncasecmp(query, name, sizeof name - 1) == 0) {
            if (!decode(query + sizeof name - 1, length - (sizeof name - 1), version, ROUTE_VERSION_SIZE))
                memcpy(version, "?", 2);
            return;
        }
        query += length;
        query += *query == '&';
    }
}

void route_parse(const char *method, const char *target, struct route *route)
{
    struct segments segments;
    const size_t path_length = strcspn(target, "?");

    split(target, path_length, &segments);
    route->place = find_place(&segments);
    route->method_fits = false;
    route->operation = OPERATION_OTHER;
    route->id[0] = '\0';
    if (segments.count >= 2 && segments.count <= SEGMENTS_MAX)
        memcpy(route->id, segments.text[1], strlen(segments.text[1]) + 1);
    find_version(target[path_length] == '?' ? target + path_length + 1 : "", route->version);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (methods[i].place == route->place && strcmp(methods[i].method, method) == 0) {
            route->method_fits = true;
            route->operation = methods[i].operation;
        }
    }
}
