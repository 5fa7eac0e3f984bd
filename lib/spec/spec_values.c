/* Texts of the job spec as numbers, and back. */
#include "spec/spec_internal.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int64_t ms;
} units[] = {
    {"d", INT64_C(24) * 60 * 60 * 1000}, {"h", 60 * 60 * 1000}, {"m", 60 * 1000}, {"s", 1000}, {"ms", 1},
};

enum { UNIT_COUNT = sizeof units / sizeof units[0] };

/* Reads digits and moves the text behind them. False where there are none. */
static bool take_digits(const char **text, int64_t *value)
{
    const char *digit = *text;

    *value = 0;
    while (*digit >= '0' && *digit <= '9') {
        const int next = *digit - '0';
        *value = *value > (INT64_MAX - next) / 10 ? INT64_MAX : *value * 10 + next;
        digit++;
    }
    if (digit == *text)
        return false;
    *text = digit;
    return true;
}

bool spec_is_name(const char *text, size_t max)
{
    const size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    return length > 0 && text[length] == '\0' && length <= max;
}

bool spec_parse_integer(const char *text, int64_t *value)
{
    /* 010 is 8 to some readers of YAML and 10 to others: nobody gets to guess. */
    if (text[0] == '0' && text[1] != '\0')
        return false;
    return take_digits(&text, value) && *text == '\0';
}

enum spec_parsed spec_parse_duration(const char *text, int64_t *ms)
{
    int64_t number;

    if (!take_digits(&text, &number))
        return SPEC_UNREADABLE;
    if (*text == '\0')
        return SPEC_NO_UNIT;
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (strcmp(text, units[i].name) == 0) {
            *ms = number > INT64_MAX / units[i].ms ? INT64_MAX : number * units[i].ms;
            return SPEC_PARSED;
        }
    }
    return SPEC_UNREADABLE;
}

/* By hand, because strtod() asks the locale what a decimal point is. */
enum spec_parsed spec_parse_percent(const char *text, double *percent)
{
    int64_t whole;
    double value;

    if (!take_digits(&text, &whole))
        return SPEC_UNREADABLE;
    value = (double)whole;
    if (*text == '.') {
        double weight = 0.1;
        text++;
        if (!isdigit((unsigned char)*text))
            return SPEC_UNREADABLE;
        for (; isdigit((unsigned char)*text); text++) {
            value += (*text - '0') * weight;
            weight /= 10;
        }
    }
    if (strcmp(text, "%") != 0)
        return SPEC_UNREADABLE;
    if (value > 100)
        return SPEC_OUT_OF_RANGE;
    *percent = value;
    return SPEC_PARSED;
}

enum spec_parsed spec_parse_quota(const char *text, struct quota *quota)
{
    int64_t count;
    int64_t window_ms;

    if (strcmp(text, "none") == 0) {
        *quota = (struct quota){.window_ms = QUOTA_WINDOW_MIN_MS};
        return SPEC_PARSED;
    }
    if (!take_digits(&text, &count) || *text != '/')
        return SPEC_UNREADABLE;
    const enum spec_parsed parsed = spec_parse_duration(text + 1, &window_ms);
    if (parsed != SPEC_PARSED)
        return parsed;
    if (count < 1 || count > QUOTA_COUNT_MAX || window_ms < QUOTA_WINDOW_MIN_MS || window_ms > QUOTA_WINDOW_MAX_MS)
        return SPEC_OUT_OF_RANGE;
    *quota = (struct quota){.count = (uint32_t)count, .window_ms = (uint32_t)window_ms};
    return SPEC_PARSED;
}

const char *spec_format_duration(int64_t ms, char text[SPEC_SHOWN_SIZE])
{
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        const bool one_day = units[i].ms == ms && i == 0;
        if (ms > 0 && ms % units[i].ms == 0 && !one_day) {
            snprintf(text, SPEC_SHOWN_SIZE, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
            return text;
        }
    }
    snprintf(text, SPEC_SHOWN_SIZE, "0s");
    return text;
}

bool spec_looks_secret(const char *text)
{
    static const char *const marks[] = {"accesskey", "password", "secret=", "sharedaccess", "token=", "bearer "};

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (strcasestr(text, marks[i]) != NULL && strchr(text, '=') != NULL)
            return true;
    const char *scheme = strstr(text, "://");
    return scheme != NULL && strchr(scheme, '@') != NULL;
}

const char *spec_shown(const char *text, char shown[SPEC_SHOWN_SIZE])
{
    enum { LONGEST = 60 };
    size_t length = strlen(text);
    const char *more = "";

    if (spec_looks_secret(text)) {
        snprintf(shown, SPEC_SHOWN_SIZE, "***");
        return shown;
    }
    if (length > LONGEST) {
        /* Not in the middle of a character. */
        for (length = LONGEST; ((unsigned char)text[length] & 0xC0) == 0x80; length--)
            continue;
        more = "...";
    }
    snprintf(shown, SPEC_SHOWN_SIZE, "\"%.*s\"%s", (int)length, text, more);
    for (char *character = shown; *character != '\0'; character++)
        if (iscntrl((unsigned char)*character))
            *character = ' ';
    return shown;
}
