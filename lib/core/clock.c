#include "core/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t system_wall_ms(void *context)
{
    struct timespec now;

    (void)context;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_monotonic_us(void *context)
{
    struct timespec now;

    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

const struct clock clock_system = {.wall_ms = system_wall_ms, .monotonic_us = system_monotonic_us};

int64_t clock_wall_ms(const struct clock *clock)
{
    return clock->wall_ms(clock->context);
}

int64_t clock_monotonic_us(const struct clock *clock)
{
    return clock->monotonic_us(clock->context);
}

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void time_format_rfc3339(int64_t wall_s, char text[TIME_TEXT_SIZE])
{
    const time_t seconds = (time_t)wall_s;
    struct tm utc;

    gmtime_r(&seconds, &utc);
    strftime(text, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

void time_format_rfc3339_ms(int64_t wall_ms, char text[TIME_TEXT_SIZE])
{
    int64_t seconds = wall_ms / 1000;
    int64_t rest = wall_ms % 1000;

    if (rest < 0) {
        rest += 1000;
        seconds--;
    }
    time_format_rfc3339(seconds, text);
    const size_t length = strlen(text) - 1;
    snprintf(text + length, TIME_TEXT_SIZE - length, ".%03dZ", (int)rest);
}

/* Not strftime(): %a and %b follow the locale, the header must not. */
void time_format_http(int64_t wall_s, char text[TIME_TEXT_SIZE])
{
    const time_t seconds = (time_t)wall_s;
    struct tm utc;

    gmtime_r(&seconds, &utc);
    snprintf(text, TIME_TEXT_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[utc.tm_wday], utc.tm_mday,
             months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

/* Reads exactly `digits` digits and moves on. */
static bool take_number(const char **text, int digits, int *number)
{
    *number = 0;
    for (int i = 0; i < digits; i++, (*text)++) {
        if (!isdigit((unsigned char)**text))
            return false;
        *number = *number * 10 + (**text - '0');
    }
    return true;
}

static bool take_char(const char **text, char expected)
{
    if (**text != expected)
        return false;
    (*text)++;
    return true;
}

static bool to_seconds(struct tm *utc, int64_t *wall_s)
{
    const struct tm asked = *utc;

    if (utc->tm_year < 70 || utc->tm_hour > 23 || utc->tm_min > 59 || utc->tm_sec > 60)
        return false;
    *wall_s = (int64_t)timegm(utc);
    return utc->tm_mday == asked.tm_mday && utc->tm_mon == asked.tm_mon;
}

bool time_parse_rfc3339_ms(const char *text, int64_t *wall_ms)
{
    struct tm utc = {0};
    int64_t seconds;
    int milliseconds = 0;

    if (!take_number(&text, 4, &utc.tm_year) || !take_char(&text, '-') || !take_number(&text, 2, &utc.tm_mon) ||
        !take_char(&text, '-') || !take_number(&text, 2, &utc.tm_mday) || (*text != 'T' && *text != 't'))
        return false;
    text++;
    if (!take_number(&text, 2, &utc.tm_hour) || !take_char(&text, ':') || !take_number(&text, 2, &utc.tm_min) ||
        !take_char(&text, ':') || !take_number(&text, 2, &utc.tm_sec))
        return false;
    utc.tm_year -= 1900;
    utc.tm_mon -= 1;
    if (take_char(&text, '.')) {
        int digits = 0;
        for (; isdigit((unsigned char)*text); text++, digits++)
            if (digits < 3)
                milliseconds = milliseconds * 10 + (*text - '0');
        if (digits == 0 || digits > 9)
            return false;
        for (; digits < 3; digits++)
            milliseconds *= 10;
    }
    int offset_minutes = 0;
    if (*text == 'Z' || *text == 'z') {
        text++;
    } else {
        const int sign = *text == '-' ? -1 : 1;
        int hours;
        int minutes;
        if (*text != '+' && *text != '-')
            return false;
        text++;
        if (!take_number(&text, 2, &hours) || !take_char(&text, ':') || !take_number(&text, 2, &minutes) ||
            hours > 23 || minutes > 59)
            return false;
        offset_minutes = sign * (hours * 60 + minutes);
    }
    if (*text != '\0' || !to_seconds(&utc, &seconds))
        return false;
    *wall_ms = (seconds - (int64_t)offset_minutes * 60) * 1000 + milliseconds;
    return true;
}

bool time_parse_http(const char *text, int64_t *wall_s)
{
    struct tm utc = {0};
    char month[4] = "";

    if (strlen(text) != strlen("Mon, 05 Jan 2026 08:09:10 GMT") || text[3] != ',' || text[4] != ' ')
        return false;
    text += 5;
    if (!take_number(&text, 2, &utc.tm_mday) || !take_char(&text, ' '))
        return false;
    memcpy(month, text, 3);
    text += 3;
    for (utc.tm_mon = 0; utc.tm_mon < 12 && strcmp(months[utc.tm_mon], month) != 0; utc.tm_mon++)
        continue;
    if (utc.tm_mon == 12 || !take_char(&text, ' ') || !take_number(&text, 4, &utc.tm_year) || !take_char(&text, ' ') ||
        !take_number(&text, 2, &utc.tm_hour) || !take_char(&text, ':') || !take_number(&text, 2, &utc.tm_min) ||
        !take_char(&text, ':') || !take_number(&text, 2, &utc.tm_sec))
        return false;
    utc.tm_year -= 1900;
    return strcmp(text, " GMT") == 0 && to_seconds(&utc, wall_s);
}
