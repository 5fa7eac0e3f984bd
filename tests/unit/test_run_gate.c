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
    struct gate_lane lanes[ACTION_COUNT] = {0};

    for (int action = 0; action < ACTION_COUNT; action++)
        assert_true(quota_init(&lanes[action].quota, counts[action], 1000, &error));
    gate_init(&gate, lanes, create_takes_issue, 1);
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

/* --- what may leave --- */

static const int64_t second_us = 1000000;

static void a_create_that_brings_a_token_takes_a_slot_of_both(void **state)
{
    (void)state;
    make(3, 2, 0, true);
    gate_take_slot(&gate, ACTION_PROVISION);
    gate_take_slot(&gate, ACTION_PROVISION);
    assert_false(gate_admits(&gate, ACTION_PROVISION, 2, 0));
    assert_false(gate_admits(&gate, ACTION_ISSUE, 2, 0));
    gate_give_back_slot(&gate, ACTION_PROVISION);
    assert_true(gate_admits(&gate, ACTION_ISSUE, 1, 0));
    gate_end_slot(&gate, ACTION_PROVISION, true, 0);
    gate_take_slot(&gate, ACTION_ISSUE);
    assert_false(gate_admits(&gate, ACTION_PROVISION, 1, second_us - 1));
    assert_true(gate_admits(&gate, ACTION_PROVISION, 1, second_us));
}

static void a_create_that_is_refused_is_no_token_that_was_accepted(void **state)
{
    (void)state;
    make(3, 2, 0, true);
    gate_take_slot(&gate, ACTION_PROVISION);
    gate_end_slot(&gate, ACTION_PROVISION, false, 0);
    assert_int_equal(gate.lanes[ACTION_ISSUE].quota.accepted, 0);
    gate_take_slot(&gate, ACTION_PROVISION);
    gate_end_slot(&gate, ACTION_PROVISION, true, 0);
    assert_int_equal(gate.lanes[ACTION_ISSUE].quota.accepted, 1);
}

static void a_throttle_pauses_its_kind_alone_and_for_as_long_as_was_asked(void **state)
{
    (void)state;
    make(0, 0, 0, false);
    gate_note_throttle(&gate, ACTION_ISSUE, 2000, 0);
    gate_note_throttle(&gate, ACTION_ISSUE, 500, second_us); /* one that asks for less does not cut it short */
    assert_false(gate_admits(&gate, ACTION_ISSUE, 0, 2 * second_us - 1));
    assert_true(gate_holds_back(&gate, ACTION_ISSUE, 1, 2 * second_us - 1));
    assert_true(gate_admits(&gate, ACTION_REVOKE, 0, 0));
    assert_true(gate_admits(&gate, ACTION_ISSUE, 0, 2 * second_us));
    assert_false(gate_holds_back(&gate, ACTION_ISSUE, 1, 2 * second_us));
}

/* The longest of the pauses, each of which begins when the last one is over. */
static int64_t longest_pause_us(unsigned throttles)
{
    int64_t now_us = 0;
    int64_t longest_us = 0;

    for (unsigned i = 0; i < throttles; i++) {
        gate_note_throttle(&gate, ACTION_ISSUE, -1, now_us);
        const int64_t until_us = gate.lanes[ACTION_ISSUE].paused_until_us;
        gate_note_throttle(&gate, ACTION_ISSUE, -1, now_us + (until_us - now_us) / 2);
        assert_int_equal(gate.lanes[ACTION_ISSUE].paused_until_us, until_us); /* the same pause, not another one */
        longest_us = until_us - now_us > longest_us ? until_us - now_us : longest_us;
        now_us = until_us;
    }
    return longest_us;
}

static void pauses_that_nobody_gave_a_length_grow_until_something_succeeds(void **state)
{
    (void)state;
    make(0, 0, 0, false);
    assert_in_range(longest_pause_us(1), 0, second_us);
    assert_in_range(longest_pause_us(60), 8 * second_us, 30 * second_us);
    gate_note_success(&gate, ACTION_ISSUE);
    gate.lanes[ACTION_ISSUE].paused_until_us = 0;
    assert_in_range(longest_pause_us(1), 0, second_us);
}

static void fail_times(unsigned times, int64_t now_us)
{
    for (unsigned i = 0; i < times; i++)
        gate_note_failure(&gate, now_us);
}

static void a_service_that_is_down_is_asked_by_one_request_at_a_time(void **state)
{
    (void)state;
    make(0, 0, 0, false);
    fail_times(7, second_us);
    assert_false(gate_service_is_down(&gate));
    assert_true(gate_admits(&gate, ACTION_ISSUE, 50, second_us));
    fail_times(1, second_us);
    assert_true(gate_service_is_down(&gate));
    assert_true(gate_holds_back(&gate, ACTION_ISSUE, 50, second_us)); /* those that were admitted before */
    assert_false(gate_admits(&gate, ACTION_ISSUE, 1, gate.probe_at_us));
    assert_false(gate_admits(&gate, ACTION_ISSUE, 0, gate.probe_at_us - 1));
    assert_true(gate_admits(&gate, ACTION_ISSUE, 0, gate.probe_at_us));
    assert_false(gate_holds_back(&gate, ACTION_ISSUE, 1, gate.probe_at_us));
}

static void probes_become_rare_and_never_end(void **state)
{
    int64_t now_us = second_us;
    int64_t longest_us = 0;

    (void)state;
    make(0, 0, 0, false);
    fail_times(8, now_us);
    assert_in_range(gate.probe_at_us - now_us, 0, second_us / 2);
    for (int i = 0; i < 200; i++) {
        now_us = gate.probe_at_us;
        fail_times(1, now_us);
        const int64_t wait_us = gate.probe_at_us - now_us;
        longest_us = wait_us > longest_us ? wait_us : longest_us;
    }
    assert_in_range(longest_us, 20 * second_us, 30 * second_us);
}

static void one_answer_of_any_kind_ends_the_outage(void **state)
{
    (void)state;
    make(0, 0, 0, false);
    for (int throttled = 0; throttled < 2; throttled++) {
        fail_times(20, second_us);
        assert_int_equal(gate_silence_us(&gate, 9 * second_us), 8 * second_us);
        if (throttled)
            gate_note_throttle(&gate, ACTION_REVOKE, 0, 9 * second_us);
        else
            gate_note_success(&gate, ACTION_REVOKE);
        assert_int_equal(gate_silence_us(&gate, 10 * second_us), 0);
        assert_true(gate_admits(&gate, ACTION_ISSUE, 50, 9 * second_us));
    }
}

/* One user alone may not make so many attempts that the service counts as down. */
static void few_failures_over_a_long_time_are_a_silence_too(void **state)
{
    (void)state;
    make(0, 0, 0, false);
    fail_times(1, second_us);
    assert_int_equal(gate_silence_us(&gate, 100 * second_us), 0);
    fail_times(1, 61 * second_us);
    assert_int_equal(gate_silence_us(&gate, 100 * second_us), 60 * second_us);
}

static void throttles_again_and_again_are_told_from_one_long_pause(void **state)
{
    (void)state;
    make(0, 0, 0, false);
    gate_note_throttle(&gate, ACTION_ISSUE, 3600000, second_us);
    assert_int_equal(gate_throttled_us(&gate), 0);
    for (int i = 2; i <= 5; i++)
        gate_note_throttle(&gate, ACTION_REVOKE, 0, i * second_us);
    assert_int_equal(gate_throttled_us(&gate), 4 * second_us);
    gate_note_failure(&gate, 6 * second_us); /* it lets nothing through either */
    assert_int_equal(gate_throttled_us(&gate), 4 * second_us);
    gate_note_success(&gate, ACTION_ISSUE);
    assert_int_equal(gate_throttled_us(&gate), 0);
}

/* Each create that is sent into an outage may be in doubt, so that after some of them one tells for all. */
static void a_503_that_says_how_long_it_lasts_is_a_pause_and_a_failure(void **state)
{
    (void)state;
    make(0, 10, 0, false);
    for (int i = 0; i < 8; i++)
        assert_int_equal(gate_note_outage(&gate, ACTION_ISSUE, 2000, second_us + i).limit, 10);
    assert_int_equal(gate.lanes[ACTION_ISSUE].quota.limit, 10);
    assert_true(gate_service_is_down(&gate));
    assert_false(gate_admits(&gate, ACTION_ISSUE, 0, 2 * second_us));
    assert_true(gate_admits(&gate, ACTION_ISSUE, 0, 4 * second_us));
    assert_false(gate_admits(&gate, ACTION_ISSUE, 1, 4 * second_us));
    assert_int_equal(gate_silence_us(&gate, 4 * second_us), 3 * second_us);
    gate_note_success(&gate, ACTION_ISSUE);
    assert_true(gate_admits(&gate, ACTION_ISSUE, 1, 4 * second_us));
}

static void what_a_throttle_came_to_can_be_kept(void **state)
{
    struct gate_throttle throttle;

    (void)state;
    make(0, 10, 0, false);
    throttle = gate_note_throttle(&gate, ACTION_ISSUE, 2000, second_us);
    assert_int_equal(throttle.pause_ms, 2000);
    assert_int_equal(throttle.limit, 10);
    throttle = gate_note_throttle(&gate, ACTION_ISSUE, 100, second_us + 1); /* the pause that holds */
    assert_int_equal(throttle.pause_ms, 2000);
}

/* --- a service that allows less than the spec says, and later more --- */

struct service {
    uint32_t allows; /* in any second */
    int64_t passed_us[4096];
    uint32_t passed;
    uint32_t throttled;
};

/* One request, answered 1 ms later; one that is refused is told when there is room again. */
static void serve(struct service *service, int64_t *now_us)
{
    gate_take_slot(&gate, ACTION_ISSUE);
    *now_us += 1000;
    const int64_t oldest_us =
        service->passed < service->allows ? INT64_MIN / 2 : service->passed_us[service->passed - service->allows];
    const bool ok = oldest_us + second_us <= *now_us;
    gate_end_slot(&gate, ACTION_ISSUE, ok, *now_us);
    if (ok) {
        service->passed_us[service->passed++] = *now_us;
        gate_note_success(&gate, ACTION_ISSUE);
    } else {
        service->throttled++;
        gate_note_throttle(&gate, ACTION_ISSUE, (oldest_us + second_us - *now_us + 999) / 1000, *now_us);
    }
}

/* As many requests as the gate lets leave until then. */
static void work_until(struct service *service, int64_t *now_us, int64_t end_us)
{
    service->throttled = 0;
    const uint32_t before = service->passed;
    while (*now_us < end_us) {
        if (gate_admits(&gate, ACTION_ISSUE, 0, *now_us))
            serve(service, now_us);
        else
            *now_us = gate_next_us(&gate, ACTION_ISSUE, *now_us);
    }
    print_message("%u passed, %u throttled, limit %u\n", service->passed - before, service->throttled,
                  gate.lanes[ACTION_ISSUE].quota.limit);
}

static void the_window_shrinks_to_what_works_and_grows_back_when_more_does(void **state)
{
    static struct service service;
    const struct quota_window *quota = &gate.lanes[ACTION_ISSUE].quota;
    int64_t now_us = second_us;

    (void)state;
    make(0, 40, 0, false);
    service = (struct service){.allows = 10};
    work_until(&service, &now_us, 10 * second_us);
    assert_in_range(quota->limit, 5, 16);
    work_until(&service, &now_us, 60 * second_us); /* what is learnt by now keeps it from asking for too much */
    assert_in_range(service.throttled, 1, 50);
    assert_in_range(service.passed, 500, 600);
    assert_in_range(quota->least, 5, 10);
    service.allows = 100;
    work_until(&service, &now_us, 61 * second_us);
    assert_in_range(quota->limit, 5, 16); /* slowly */
    work_until(&service, &now_us, 80 * second_us);
    assert_int_equal(service.throttled, 0);
    assert_int_equal(quota->limit, 40);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

static const struct CMUnitTest tests[] = {
    TEST(with_nothing_to_send_there_is_nothing_to_wait_for),
    TEST(the_kind_that_takes_longest_decides),
    TEST(the_kind_that_is_used_most_is_shown),
    TEST(creates_that_bring_tokens_count_as_issues),
    TEST(a_pause_is_waited_for),
    TEST(a_create_that_brings_a_token_takes_a_slot_of_both),
    TEST(a_create_that_is_refused_is_no_token_that_was_accepted),
    TEST(a_throttle_pauses_its_kind_alone_and_for_as_long_as_was_asked),
    TEST(pauses_that_nobody_gave_a_length_grow_until_something_succeeds),
    TEST(a_service_that_is_down_is_asked_by_one_request_at_a_time),
    TEST(probes_become_rare_and_never_end),
    TEST(one_answer_of_any_kind_ends_the_outage),
    TEST(few_failures_over_a_long_time_are_a_silence_too),
    TEST(throttles_again_and_again_are_told_from_one_long_pause),
    TEST(a_503_that_says_how_long_it_lasts_is_a_pause_and_a_failure),
    TEST(what_a_throttle_came_to_can_be_kept),
    TEST(the_window_shrinks_to_what_works_and_grows_back_when_more_does),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
