#include "core/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void an_empty_buffer_is_an_empty_string(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 10);
    assert_string_equal(buffer.data, "");
    assert_int_equal(buffer.length, 0);
    assert_false(buffer_failed(&buffer));
    buffer_clear(&buffer);
}

static void what_is_appended_stands_one_after_the_other(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 1000);
    buffer_append_text(&buffer, "one");
    buffer_append_char(&buffer, ',');
    buffer_append(&buffer, "two!", 3);
    buffer_append(&buffer, "", 0);
    buffer_append_format(&buffer, ",%d%s", 3, "");
    buffer_append_format(&buffer, "%s", "");
    assert_string_equal(buffer.data, "one,two,3");
    assert_int_equal(buffer.length, 9);
    buffer_clear(&buffer);
}

static void a_zero_byte_is_a_byte_like_any_other(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 10);
    buffer_append(&buffer, "a\0b", 3);
    assert_int_equal(buffer.length, 3);
    assert_memory_equal(buffer.data, "a\0b", 4);
    buffer_clear(&buffer);
}

static void growing_keeps_what_is_there(void **state)
{
    struct buffer buffer;
    char expected[16];

    (void)state;
    buffer_init(&buffer, 100000);
    for (int i = 0; i < 10000; i++)
        buffer_append_format(&buffer, "%05d", i);
    assert_false(buffer_failed(&buffer));
    assert_int_equal(buffer.length, 50000);
    for (int i = 0; i < 10000; i++) {
        snprintf(expected, sizeof expected, "%05d", i);
        assert_memory_equal(buffer.data + (size_t)i * 5, expected, 5);
    }
    buffer_clear(&buffer);
}

static void a_buffer_can_be_filled_to_its_cap_and_no_further(void **state)
{
    struct buffer buffer;
    struct error error;

    (void)state;
    buffer_init(&buffer, 4);
    buffer_append_text(&buffer, "abcd");
    assert_false(buffer_failed(&buffer));
    buffer_append_char(&buffer, 'e');
    assert_true(buffer_failed(&buffer));
    assert_int_equal(buffer.failure, BUFFER_OVER_CAP);
    assert_string_equal(buffer.data, "abcd");
    assert_false(buffer_error(&buffer, "the row", &error));
    assert_int_equal(error.code, ERROR_INPUT);
    assert_string_equal(error.message, "the row is larger than 4 bytes");
    buffer_clear(&buffer);
}

static void after_a_failure_nothing_more_is_appended(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 4);
    buffer_append_text(&buffer, "ab");
    buffer_append_text(&buffer, "too long");
    buffer_append_text(&buffer, "c");
    buffer_append_format(&buffer, "%d", 1);
    assert_null(buffer_reserve(&buffer, 0));
    assert_string_equal(buffer.data, "ab");
    buffer_clear(&buffer);
}

static void memory_that_cannot_be_had_is_remembered_as_such(void **state)
{
    struct buffer buffer;
    struct error error;

    (void)state;
    buffer_init(&buffer, 1);
    buffer.failure = BUFFER_NO_MEMORY;
    assert_false(buffer_error(&buffer, "the row", &error));
    assert_int_equal(error.code, ERROR_SYSTEM);
    buffer_clear(&buffer);
}

static void a_reset_forgets_content_and_failure_but_keeps_the_memory(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 4);
    buffer_reset(&buffer);
    buffer_append_text(&buffer, "abcd");
    const char *data = buffer.data;
    buffer_append_text(&buffer, "e");
    buffer_reset(&buffer);
    assert_false(buffer_failed(&buffer));
    assert_string_equal(buffer.data, "");
    buffer_append_text(&buffer, "efgh");
    assert_ptr_equal(buffer.data, data);
    assert_string_equal(buffer.data, "efgh");
    buffer_clear(&buffer);
}

static void a_cleared_or_wiped_buffer_can_be_used_again(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 4);
    buffer_append_text(&buffer, "abcd");
    buffer_clear(&buffer);
    assert_string_equal(buffer.data, "");
    buffer_append_text(&buffer, "efgh");
    buffer_wipe(&buffer);
    assert_int_equal(buffer.length, 0);
    buffer_wipe(&buffer);
    buffer_append_text(&buffer, "ijkl");
    assert_string_equal(buffer.data, "ijkl");
    buffer_clear(&buffer);
}

static void reserved_room_counts_once_it_is_committed(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 100);
    buffer_append_text(&buffer, "a");
    char *room = buffer_reserve(&buffer, 50);
    assert_non_null(room);
    memcpy(room, "bcd", 3);
    assert_int_equal(buffer.length, 1);
    buffer_commit(&buffer, 2);
    assert_string_equal(buffer.data, "abc");
    buffer_clear(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_an_empty_string),
        cmocka_unit_test(what_is_appended_stands_one_after_the_other),
        cmocka_unit_test(a_zero_byte_is_a_byte_like_any_other),
        cmocka_unit_test(growing_keeps_what_is_there),
        cmocka_unit_test(a_buffer_can_be_filled_to_its_cap_and_no_further),
        cmocka_unit_test(after_a_failure_nothing_more_is_appended),
        cmocka_unit_test(memory_that_cannot_be_had_is_remembered_as_such),
        cmocka_unit_test(a_reset_forgets_content_and_failure_but_keeps_the_memory),
        cmocka_unit_test(a_cleared_or_wiped_buffer_can_be_used_again),
        cmocka_unit_test(reserved_room_counts_once_it_is_committed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
