/* clock.h - time as a parameter, and its text forms.
 *
 * Wall time is milliseconds (or seconds, where the name says so) since 1970 in UTC; durations come from the
 * monotonic clock.  Code that decides by time takes a `struct clock`, so that a test can drive it.
 */
#ifndef ROLLCALL_CORE_CLOCK_H
#define ROLLCALL_CORE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock {
    int64_t (*wall_ms)(void *context);
    int64_t (*monotonic_us)(void *context);
    void *context;
};

/* The machine's own clock. */
extern const struct clock clock_system;

int64_t clock_wall_ms(const struct clock *clock);
int64_t clock_monotonic_us(const struct clock *clock);

enum { TIME_TEXT_SIZE = 40 };

/* "2026-11-22T08:09:10Z" */
void time_format_rfc3339(int64_t wall_s, char text[TIME_TEXT_SIZE]);
/* "2026-11-22T08:09:10.123Z" */
void time_format_rfc3339_ms(int64_t wall_ms, char text[TIME_TEXT_SIZE]);
/* "Mon, 05 Jan 2026 08:09:10 GMT": RFC 9110's IMF-fixdate, the form of x-ms-date and of Retry-After. */
void time_format_http(int64_t wall_s, char text[TIME_TEXT_SIZE]);

/* RFC 3339 with 0 to 9 fraction digits and Z or an offset, as `expiresOn` of the service has it
 * (reference: acs-identity.md, section 7). Fractions are cut, not rounded. */
bool time_parse_rfc3339_ms(const char *text, int64_t *wall_ms);
/* IMF-fixdate only. */
bool time_parse_http(const char *text, int64_t *wall_s);

#endif
