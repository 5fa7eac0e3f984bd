#include "run/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct gate gate;
static struct error error;

static void make(uint32_t create, uint32_t issue, uint32_t revoke, bool create_takes_issue)
{
    const uint32_t counts[ACTION_COUNT] = {create, issue, revoke, 0};
    struct quota_window quotas[ACTION_COUNT];

    for (int action = 0; action < ACTION_COUNT; action++)
        assert_true(quota_init(&quotas[action], counts[action], 1000, &error));
    gate_init(&gate, quotas, create_takes_issue, 1);
}

static int end(void **state)
{
    (void)state;
    gate_clear(&gate);
    return 0;
}

static struct gate_outlook look(uint64_t creates, uint64_t issues, uint64_t revokes)
{
    const uint64_t to_send[ACTION_COUNT] = {creates, issues, revokes, 0};

    return gate_look_ahead(&gate, to_send, 5);
}

static void with_nothing_to_send_there_is_nothing_to_wait_for(void **state)
{
    (void)state;
    make(10, 10, 10, true);
    gate_take_slot(&gate, ACTION_REVOKE);
    assert_int_equal(look(0, 0, 0).last_us, 5);
    assert_int_equal(look(0, 0, 0).used_permille, 0);
}

static void the_kind_that_takes_longest_decides(void **state)
{
    (void)state;
    make(10, 10, 10, false);
    assert_int_equal(look(10, 10, 10).last_us, 5);
    assert_int_equal(look(10, 31, 20).last_us, 5 + 3000000);
}

static void the_kind_that_is_used_most_is_shown(void **state)
{
    (void)state;
    make(10, 10, 10, false);
    gate_take_slot(&gate, ACTION_ISSUE);
    gate_take_slot(&gate, ACTION_REVOKE);
    gate_take_slot(&gate, ACTION_REVOKE);
    assert_int_equal(look(1, 1, 0).used_permille, 100);
    assert_int_equal(look(1, 1, 1).used_permille, 200);
}

static void creates_that_bring_tokens_count_as_issues(void **state)
{
    (void)state;
    make(0, 10, 10, true);
    assert_int_equal(look(21, 0, 0).last_us, 5 + 2000000);
    assert_int_equal(look(10, 10, 0).last_us, 5 + 1000000);
    gate_clear(&gate);
    make(0, 10, 10, false);
    assert_int_equal(look(21, 0, 0).last_us, 5);
}

static void a_pause_is_waited_for(void **state)
{
    (void)state;
    make(10, 10, 10, false);
    gate_note_throttle(&gate, ACTION_ISSUE, 7000, 5);
    assert_int_equal(look(10, 0, 0).last_us, 5);
    assert_int_equal(look(10, 1, 0).last_us, 5 + 7000000);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

static const struct CMUnitTest tests[] = {
    TEST(with_nothing_to_send_there_is_nothing_to_wait_for),
    TEST(the_kind_that_takes_longest_decides),
    TEST(the_kind_that_is_used_most_is_shown),
    TEST(creates_that_bring_tokens_count_as_issues),
    TEST(a_pause_is_waited_for),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
