#include "duration.h"

#include <string.h>

static const struct unit {
    const char *name;
    int64_t microseconds;
} units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"h", INT64_C(3600000000)}};

static const int64_t longest_us = INT64_C(24) * 3600 * 1000000;

bool duration_parse(const char *text, size_t length, int64_t *microseconds)
{
    int64_t number = 0;
    size_t digits = 0;

    while (digits < length && digits < 12 && text[digits] >= '0' && text[digits] <= '9')
        number = number * 10 + (text[digits++] - '0');
    if (digits == 0)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        const size_t unit_length = strlen(units[i].name);
        if (length - digits != unit_length || memcmp(text + digits, units[i].name, unit_length) != 0)
            continue;
        if (number > longest_us / units[i].microseconds)
            return false;
        *microseconds = number * units[i].microseconds;
        return true;
    }
    return false;
}
