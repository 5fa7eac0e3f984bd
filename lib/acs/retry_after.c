#include "acs/acs.h"

#include "core/clock.h"

#include <ctype.h>
#include <string.h>

/* A header's value without the white space around it; false when it is none or too long to be a delay. */
static bool trimmed(const char *value, char text[TIME_TEXT_SIZE])
{
    if (value == NULL)
        return false;
    while (isspace((unsigned char)*value))
        value++;
    size_t length = strlen(value);
    while (length > 0 && isspace((unsigned char)value[length - 1]))
        length--;
    if (length == 0 || length >= TIME_TEXT_SIZE)
        return false;
    memcpy(text, value, length);
    text[length] = '\0';
    return true;
}

/* Digits only, in units of `unit_ms`; -1 when it is anything else. */
static int64_t read_number_ms(const char *text, int64_t unit_ms)
{
    int64_t number = 0;

    for (; *text != '\0'; text++) {
        if (!isdigit((unsigned char)*text))
            return -1;
        if (number < ACS_DELAY_MAX_MS) /* and so far from overflowing */
            number = number * 10 + (*text - '0');
    }
    return number < ACS_DELAY_MAX_MS / unit_ms ? number * unit_ms : ACS_DELAY_MAX_MS;
}

static int64_t read_date_ms(const char *text, int64_t now_s)
{
    int64_t then_s;

    if (!time_parse_http(text, &then_s))
        return -1;
    if (then_s <= now_s)
        return 0;
    return then_s - now_s < ACS_DELAY_MAX_MS / 1000 ? (then_s - now_s) * 1000 : ACS_DELAY_MAX_MS;
}

/* The order of the SDKs for JavaScript and Go (reference: acs-identity.md, section 8). One that cannot be read counts
 * as one that is not there. */
int64_t acs_retry_after_ms(const char *retry_after_ms, const char *x_ms_retry_after_ms, const char *retry_after,
                           int64_t now_s)
{
    char text[TIME_TEXT_SIZE];
    int64_t delay_ms = -1;

    if (trimmed(retry_after_ms, text))
        delay_ms = read_number_ms(text, 1);
    if (delay_ms < 0 && trimmed(x_ms_retry_after_ms, text))
        delay_ms = read_number_ms(text, 1);
    if (delay_ms < 0 && trimmed(retry_after, text)) {
        delay_ms = read_number_ms(text, 1000);
        if (delay_ms < 0)
            delay_ms = read_date_ms(text, now_s);
    }
    return delay_ms;
}
