#include "http/header.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define KEPT(name, field)                                                                    \
    {                                                                                        \
        name, offsetof(struct http_answer, field), sizeof((struct http_answer *)NULL)->field \
    }

static const struct kept {
    const char *name;
    size_t place; /* in struct http_answer */
    size_t size;
} all_kept[] = {
    KEPT("date", date),
    KEPT("ms-cv", ms_cv),
    KEPT("retry-after", retry_after),
    KEPT("retry-after-ms", retry_after_ms),
    KEPT("x-ms-retry-after-ms", x_ms_retry_after_ms),
    KEPT("www-authenticate", www_authenticate),
};

enum { KEPT_COUNT = sizeof all_kept / sizeof *all_kept };

static char *place_of(struct http_answer *answer, const struct kept *kept)
{
    return (char *)answer + kept->place;
}

static bool is_space(char character)
{
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

static bool is_visible(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] < 0x20 || text[i] > 0x7E)
            return false;
    return true;
}

static bool is_header(const char *line, size_t length, const char *name)
{
    const size_t name_length = strlen(name);

    return length > name_length && line[name_length] == ':' && strncasecmp(line, name, name_length) == 0;
}

static void take_value(char *place, size_t size, const char *value, size_t length)
{
    while (length > 0 && is_space(value[0])) {
        value++;
        length--;
    }
    while (length > 0 && is_space(value[length - 1]))
        length--;
    if (length >= size || !is_visible(value, length))
        length = 0;
    memcpy(place, value, length);
    place[length] = '\0';
}

void http_header_take(struct http_answer *answer, const char *line, size_t length)
{
    static const char status_line[] = "HTTP/";
    const bool begins = length >= sizeof status_line - 1 && memcmp(line, status_line, sizeof status_line - 1) == 0;

    for (size_t i = 0; i < KEPT_COUNT; i++) {
        const struct kept *kept = &all_kept[i];
        const size_t before = strlen(kept->name) + 1;
        if (begins)
            place_of(answer, kept)[0] = '\0';
        else if (is_header(line, length, kept->name))
            take_value(place_of(answer, kept), kept->size, line + before, length - before);
    }
}
