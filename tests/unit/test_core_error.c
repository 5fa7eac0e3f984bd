#include "core/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

static void an_error_has_a_code_and_a_message(void **state)
{
    struct error error = {.hint = "an old hint"};

    (void)state;
    assert_false(error_set(&error, ERROR_INPUT, "line %d is %s", 3, "wrong"));
    assert_int_equal(error.code, ERROR_INPUT);
    assert_string_equal(error.message, "line 3 is wrong");
    assert_string_equal(error.hint, "");
}

static void a_system_error_says_why(void **state)
{
    struct error error = {.hint = "an old hint"};

    (void)state;
    errno = ENOSPC;
    assert_false(error_errno(&error, "cannot write %s", "x"));
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_string_equal(error.message, "cannot write x: No space left on device");
    assert_string_equal(error.hint, "make room on the disk and run again");
    errno = EACCES;
    error_errno(&error, "cannot write %s", "x");
    assert_string_equal(error.hint, "");
}

static void what_is_full_is_told_how_to_make_room(void **state)
{
    static const struct {
        int reason;
        const char *hint;
    } cases[] = {
        {ENOSPC, "make room on the disk"}, {EDQUOT, "the disk quota"}, {EFBIG, "ulimit -f"}, {EMFILE, "ulimit -n"}};
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        errno = cases[i].reason;
        error_errno(&error, "cannot write");
        assert_non_null(strstr(error.hint, cases[i].hint));
    }
}

static void a_hint_leaves_the_error_as_it_is(void **state)
{
    struct error error;

    (void)state;
    error_set(&error, ERROR_LIMIT, "too many");
    assert_false(error_hint(&error, "raise %s", "limits.delete"));
    assert_int_equal(error.code, ERROR_LIMIT);
    assert_string_equal(error.message, "too many");
    assert_string_equal(error.hint, "raise limits.delete");
}

static void context_stands_before_the_message(void **state)
{
    struct error error;

    (void)state;
    error_set(&error, ERROR_BUSY, "locked");
    error_hint(&error, "wait");
    assert_false(error_context(&error, "ledger %s", "a"));
    assert_false(error_context(&error, "job"));
    assert_int_equal(error.code, ERROR_BUSY);
    assert_string_equal(error.message, "job: ledger a: locked");
    assert_string_equal(error.hint, "wait");
}

static void a_text_too_long_is_cut_and_terminated(void **state)
{
    struct error error;
    char text[3000];

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    error_set(&error, ERROR_INPUT, "%s", text);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    error_context(&error, "context");
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    assert_memory_equal(error.message, "context: xxx", 12);
    error_context(&error, "%s", text);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    error_hint(&error, "%s", text);
    assert_int_equal(strlen(error.hint), sizeof error.hint - 1);
    errno = EIO;
    error_errno(&error, "%s", text);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
}

static void running_out_of_memory_is_the_systems_fault(void **state)
{
    struct error error;

    (void)state;
    assert_false(error_no_memory(&error));
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_string_equal(error.message, "out of memory");
}

static void each_code_has_its_exit_status(void **state)
{
    (void)state;
    assert_int_equal(error_exit_status(ERROR_NONE), 0);
    assert_int_equal(error_exit_status(ERROR_SYSTEM), 1);
    assert_int_equal(error_exit_status(ERROR_INPUT), 2);
    assert_int_equal(error_exit_status(ERROR_LIMIT), 3);
    assert_int_equal(error_exit_status(ERROR_REJECTED), 4);
    assert_int_equal(error_exit_status(ERROR_BUSY), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_has_a_code_and_a_message),
        cmocka_unit_test(a_system_error_says_why),
        cmocka_unit_test(what_is_full_is_told_how_to_make_room),
        cmocka_unit_test(a_hint_leaves_the_error_as_it_is),
        cmocka_unit_test(context_stands_before_the_message),
        cmocka_unit_test(a_text_too_long_is_cut_and_terminated),
        cmocka_unit_test(running_out_of_memory_is_the_systems_fault),
        cmocka_unit_test(each_code_has_its_exit_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
