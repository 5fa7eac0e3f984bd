#include "core/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

static void rfc3339(const char *text, int64_t expected_ms)
{
    int64_t wall_ms = -1;

    if (!time_parse_rfc3339_ms(text, &wall_ms))
        fail_msg("%s: not read", text);
    assert_int_equal(wall_ms, expected_ms);
}

static void not_rfc3339(const char *text)
{
    int64_t wall_ms;

    if (time_parse_rfc3339_ms(text, &wall_ms))
        fail_msg("%s: read", text);
}

static void not_http(const char *text)
{
    int64_t wall_s;

    if (time_parse_http(text, &wall_s))
        fail_msg("%s: read", text);
}

static void times_have_three_text_forms(void **state)
{
    char text[TIME_TEXT_SIZE];

    (void)state;
    time_format_rfc3339(1767600550, text);
    assert_string_equal(text, "2026-01-05T08:09:10Z");
    time_format_rfc3339_ms(1767600550007, text);
    assert_string_equal(text, "2026-01-05T08:09:10.007Z");
    time_format_http(1767600550, text);
    assert_string_equal(text, "Mon, 05 Jan 2026 08:09:10 GMT");
    time_format_http(0, text);
    assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
}

static void milliseconds_before_1970_count_downwards(void **state)
{
    char text[TIME_TEXT_SIZE];

    (void)state;
    time_format_rfc3339_ms(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    time_format_rfc3339_ms(-1000, text);
    assert_string_equal(text, "1969-12-31T23:59:59.000Z");
}

static void rfc3339_is_read_with_and_without_fractions_and_offsets(void **state)
{
    (void)state;
    rfc3339("2026-01-05T08:09:10Z", 1767600550000);
    rfc3339("2026-01-05t08:09:10z", 1767600550000);
    rfc3339("2026-01-05T08:09:10.1Z", 1767600550100);
    rfc3339("2026-01-05T08:09:10.012Z", 1767600550012);
    rfc3339("2026-01-05T08:09:10.123456789Z", 1767600550123);
    rfc3339("2026-01-05T08:09:10+00:00", 1767600550000);
    rfc3339("2026-01-05T10:09:10+02:00", 1767600550000);
    rfc3339("2026-01-05T02:39:10-05:30", 1767600550000);
    rfc3339("2024-02-29T00:00:00Z", 1709164800000);
}

static void the_services_own_form_is_read_and_its_fraction_cut(void **state)
{
    (void)state;
    rfc3339("2022-02-10T03:45:58.3138475+00:00", 1644464758313);
    rfc3339("2023-10-19T15:34:17.049388+00:00", 1697729657049);
    rfc3339("2023-10-19T15:34:17.9999999+00:00", 1697729657999);
}

static void what_is_not_rfc3339_is_refused(void **state)
{
    (void)state;
    not_rfc3339("");
    not_rfc3339("2026-01-05");
    not_rfc3339("2026-01-05T08:09:10");
    not_rfc3339("2026-01-05 08:09:10Z");
    not_rfc3339("2026-1-5T08:09:10Z");
    not_rfc3339("2026-01-05T08:09Z");
    not_rfc3339("2026-01-05T08:09:10.Z");
    not_rfc3339("2026-01-05T08:09:10.1234567890Z");
    not_rfc3339("2026-01-05T08:09:10+0000");
    not_rfc3339("2026-01-05T08:09:10+00");
    not_rfc3339("2026-01-05T08:09:10 00:00");
    not_rfc3339("2026-01-05T08:09:10Z ");
    not_rfc3339(" 2026-01-05T08:09:10Z");
    not_rfc3339("2026-01-05T08:09:10ZZ");
    not_rfc3339("2026/01/05T08:09:10Z");
}

static void days_and_hours_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    not_rfc3339("2026-02-29T00:00:00Z");
    not_rfc3339("2026-02-30T00:00:00Z");
    not_rfc3339("2026-13-01T00:00:00Z");
    not_rfc3339("2026-00-01T00:00:00Z");
    not_rfc3339("2026-01-00T00:00:00Z");
    not_rfc3339("2026-01-32T00:00:00Z");
    not_rfc3339("2026-01-01T24:00:00Z");
    not_rfc3339("2026-01-01T00:60:00Z");
    not_rfc3339("2026-01-01T00:00:61Z");
    not_rfc3339("2026-01-01T00:00:00+24:00");
    not_rfc3339("2026-01-01T00:00:00+00:60");
    not_rfc3339("1969-12-31T23:59:59Z");
}

static void http_dates_are_read_as_they_are_written(void **state)
{
    char text[TIME_TEXT_SIZE];
    int64_t wall_s;

    (void)state;
    for (int64_t day = 0; day < 366 * 5; day++) {
        const int64_t expected = 1704067200 + day * 86400 + day * 41 % 86400;
        time_format_http(expected, text);
        assert_true(time_parse_http(text, &wall_s));
        assert_int_equal(wall_s, expected);
    }
}

static void what_is_not_an_imf_fixdate_is_refused(void **state)
{
    (void)state;
    not_http("");
    not_http("Mon, 5 Jan 2026 08:09:10 GMT");
    not_http("Mon, 05 Jan 2026 08:09:10 UTC");
    not_http("Mon, 05 Jan 2026 08:09:10 gmt");
    not_http("Mon, 05 JAN 2026 08:09:10 GMT");
    not_http("Mon, 05 Jax 2026 08:09:10 GMT");
    not_http("Mon; 05 Jan 2026 08:09:10 GMT");
    not_http("Mon,  5 Jan 2026 08:09:10 GMT");
    not_http("Mon, 05-Jan-2026 08:09:10 GMT");
    not_http("Mon, 05 Jan 2026 08.09.10 GMT");
    not_http("Mon, 05 Jan 2026 25:09:10 GMT");
    not_http("Mon, 31 Feb 2026 08:09:10 GMT");
    not_http("Mon, 05 Jan 2026 08:09:10 GMT ");
    not_http("Monday, 05-Jan-26 08:09:10 GMT");
    not_http("Mon Jan  5 08:09:10 2026");
}

static int64_t fixed_wall_ms(void *context)
{
    return *(int64_t *)context;
}

static int64_t fixed_monotonic_us(void *context)
{
    return *(int64_t *)context * 1000;
}

static void a_test_can_drive_the_clock(void **state)
{
    int64_t now = 42;
    const struct clock clock = {fixed_wall_ms, fixed_monotonic_us, &now};

    (void)state;
    assert_int_equal(clock_wall_ms(&clock), 42);
    now++;
    assert_int_equal(clock_monotonic_us(&clock), 43000);
}

static void the_machines_clock_goes_forward(void **state)
{
    const int64_t wall_ms = clock_wall_ms(&clock_system);
    const int64_t before = clock_monotonic_us(&clock_system);
    const struct timespec pause = {.tv_nsec = 2000000};

    (void)state;
    assert_in_range(wall_ms / 1000, (int64_t)time(NULL) - 5, (int64_t)time(NULL) + 5);
    nanosleep(&pause, NULL);
    assert_true(clock_monotonic_us(&clock_system) - before >= 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_have_three_text_forms),
        cmocka_unit_test(milliseconds_before_1970_count_downwards),
        cmocka_unit_test(rfc3339_is_read_with_and_without_fractions_and_offsets),
        cmocka_unit_test(the_services_own_form_is_read_and_its_fraction_cut),
        cmocka_unit_test(what_is_not_rfc3339_is_refused),
        cmocka_unit_test(days_and_hours_that_do_not_exist_are_refused),
        cmocka_unit_test(http_dates_are_read_as_they_are_written),
        cmocka_unit_test(what_is_not_an_imf_fixdate_is_refused),
        cmocka_unit_test(a_test_can_drive_the_clock),
        cmocka_unit_test(the_machines_clock_goes_forward),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
