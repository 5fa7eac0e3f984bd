#include "acs/acs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const int64_t now_s = 1767600550; /* Mon, 05 Jan 2026 08:09:10 GMT */
static const int64_t day_ms = 24 * 60 * 60 * 1000;

static int64_t from_header(const char *retry_after)
{
    return acs_retry_after_ms(NULL, NULL, retry_after, now_s);
}

static void no_header_is_no_delay(void **state)
{
    (void)state;
    assert_int_equal(acs_retry_after_ms(NULL, NULL, NULL, now_s), -1);
}

static void milliseconds_come_before_seconds(void **state)
{
    (void)state;
    assert_int_equal(acs_retry_after_ms("1500", "2500", "3", now_s), 1500);
    assert_int_equal(acs_retry_after_ms(NULL, "2500", "3", now_s), 2500);
    assert_int_equal(acs_retry_after_ms(NULL, NULL, "3", now_s), 3000);
}

static void a_header_that_cannot_be_read_leaves_the_word_to_the_next(void **state)
{
    (void)state;
    assert_int_equal(acs_retry_after_ms("soon", "", "3", now_s), 3000);
    assert_int_equal(acs_retry_after_ms("-1", "2500", NULL, now_s), 2500);
    assert_int_equal(acs_retry_after_ms("1.5", "x", "y", now_s), -1);
}

static void a_date_counts_from_now_and_a_past_one_is_zero(void **state)
{
    (void)state;
    assert_int_equal(from_header("Mon, 05 Jan 2026 08:09:40 GMT"), 30000);
    assert_int_equal(from_header("Mon, 05 Jan 2026 08:09:10 GMT"), 0);
    assert_int_equal(from_header("Mon, 05 Jan 2026 08:00:00 GMT"), 0);
}

static void zero_is_a_delay(void **state)
{
    (void)state;
    assert_int_equal(from_header("0"), 0);
    assert_int_equal(acs_retry_after_ms("0", NULL, "30", now_s), 0);
}

static void white_space_around_a_value_is_ignored(void **state)
{
    (void)state;
    assert_int_equal(from_header(" 3 "), 3000);
    assert_int_equal(from_header("\tMon, 05 Jan 2026 08:09:40 GMT "), 30000);
}

static void more_than_a_day_counts_as_a_day(void **state)
{
    (void)state;
    assert_int_equal(from_header("86399"), day_ms - 1000);
    assert_int_equal(from_header("86400"), day_ms);
    assert_int_equal(from_header("86401"), day_ms);
    assert_int_equal(from_header("99999999999999999999999999999"), day_ms);
    assert_int_equal(acs_retry_after_ms("99999999999999999999999999999", NULL, NULL, now_s), day_ms);
    assert_int_equal(acs_retry_after_ms("86400001", NULL, NULL, now_s), day_ms);
    assert_int_equal(from_header("Mon, 05 Jan 2099 08:09:10 GMT"), day_ms);
}

static void anything_else_is_no_delay(void **state)
{
    (void)state;
    assert_int_equal(from_header(""), -1);
    assert_int_equal(from_header("  "), -1);
    assert_int_equal(from_header("3s"), -1);
    assert_int_equal(from_header("+3"), -1);
    assert_int_equal(from_header("2026-01-05T08:09:40Z"), -1);
    assert_int_equal(from_header("Mon, 05 Jan 2026 08:09:40 GMT, and some more text after it"), -1);
    assert_int_equal(from_header("999999999999999999999999999999999999999999999999999999"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_header_is_no_delay),
        cmocka_unit_test(milliseconds_come_before_seconds),
        cmocka_unit_test(a_header_that_cannot_be_read_leaves_the_word_to_the_next),
        cmocka_unit_test(a_date_counts_from_now_and_a_past_one_is_zero),
        cmocka_unit_test(zero_is_a_delay),
        cmocka_unit_test(white_space_around_a_value_is_ignored),
        cmocka_unit_test(more_than_a_day_counts_as_a_day),
        cmocka_unit_test(anything_else_is_no_delay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
