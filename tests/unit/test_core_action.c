#include "core/action.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

static void each_action_is_known_by_its_name(void **state)
{
    static const char *const names[] = {"provision", "issue", "revoke", "delete", "exchange"};
    enum action action;

    (void)state;
    for (int i = 0; i < ACTION_COUNT; i++) {
        assert_string_equal(action_name((enum action)i), names[i]);
        assert_true(action_parse(names[i], &action));
        assert_int_equal(action, i);
    }
}

static void other_words_are_no_actions(void **state)
{
    enum action action;

    (void)state;
    assert_false(action_parse("", &action));
    assert_false(action_parse("Issue", &action));
    assert_false(action_parse("issues", &action));
    assert_false(action_parse("keep", &action));
}

static void a_list_has_what_was_put_in(void **state)
{
    const struct action_list list = {.items = {ACTION_REVOKE, ACTION_ISSUE}, .count = 2};
    const struct action_list keep = {0};

    (void)state;
    assert_true(action_list_has(&list, ACTION_REVOKE));
    assert_true(action_list_has(&list, ACTION_ISSUE));
    assert_false(action_list_has(&list, ACTION_PROVISION));
    assert_false(action_list_has(&list, ACTION_DELETE));
    assert_false(action_list_has(&keep, ACTION_PROVISION));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_action_is_known_by_its_name),
        cmocka_unit_test(other_words_are_no_actions),
        cmocka_unit_test(a_list_has_what_was_put_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
