#include "http/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static struct http_answer answer;

static int begin(void **state)
{
    (void)state;
    memset(&answer, 0, sizeof answer);
    return 0;
}

static void take(const char *line)
{
    http_header_take(&answer, line, strlen(line));
}

static void the_value_is_kept_without_the_white_space_around_it(void **state)
{
    (void)state;
    take("Date: Mon, 05 Jan 2026 08:09:10 GMT\r\n");
    take("MS-CV:cv.1\n");
    take("retry-after: \t30 \t \r\n");
    take("Retry-After-MS: 1500");
    take("X-MS-RETRY-AFTER-MS: 2500\r\n");
    assert_string_equal(answer.date, "Mon, 05 Jan 2026 08:09:10 GMT");
    assert_string_equal(answer.ms_cv, "cv.1");
    assert_string_equal(answer.retry_after, "30");
    assert_string_equal(answer.retry_after_ms, "1500");
    assert_string_equal(answer.x_ms_retry_after_ms, "2500");
}

static void another_header_or_none_at_all_is_left(void **state)
{
    static const struct http_answer nothing;

    (void)state;
    take("\r\n");
    take("");
    take("date");
    take("Date\r\n");
    take("Dates: x\r\n");
    take("Date : x\r\n");
    take("Retry: 1\r\n");
    take(": 1\r\n");
    assert_memory_equal(&answer, &nothing, sizeof answer);
}

static void half_a_value_is_none(void **state)
{
    char line[200];

    (void)state;
    take("retry-after-ms: 7\r\n");
    snprintf(line, sizeof line, "retry-after-ms: %0*d\r\n", (int)sizeof answer.retry_after_ms, 1);
    take(line);
    assert_string_equal(answer.retry_after_ms, "");
    snprintf(line, sizeof line, "retry-after-ms: %0*d\r\n", (int)sizeof answer.retry_after_ms - 1, 1);
    take(line);
    assert_int_equal(strlen(answer.retry_after_ms), sizeof answer.retry_after_ms - 1);
}

static void what_a_terminal_would_obey_is_not_kept(void **state)
{
    (void)state;
    take("MS-CV: a\x1B[2Jb\r\n");
    assert_string_equal(answer.ms_cv, "");
    take("MS-CV: a\x9B"
         "2Jb\r\n");
    assert_string_equal(answer.ms_cv, "");
    take("MS-CV: a\tb\r\n");
    assert_string_equal(answer.ms_cv, "");
}

static void the_last_of_a_name_counts(void **state)
{
    (void)state;
    take("Retry-After: 1\r\n");
    take("Retry-After: 2\r\n");
    assert_string_equal(answer.retry_after, "2");
}

static void an_interim_answer_is_forgotten(void **state)
{
    (void)state;
    take("HTTP/1.1 103 Early Hints\r\n");
    take("Retry-After: 99\r\n");
    take("\r\n");
    take("HTTP/2 201 \r\n");
    take("MS-CV: cv.1\r\n");
    assert_string_equal(answer.retry_after, "");
    assert_string_equal(answer.ms_cv, "cv.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_value_is_kept_without_the_white_space_around_it, begin),
        cmocka_unit_test_setup(another_header_or_none_at_all_is_left, begin),
        cmocka_unit_test_setup(half_a_value_is_none, begin),
        cmocka_unit_test_setup(what_a_terminal_would_obey_is_not_kept, begin),
        cmocka_unit_test_setup(the_last_of_a_name_counts, begin),
        cmocka_unit_test_setup(an_interim_answer_is_forgotten, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
