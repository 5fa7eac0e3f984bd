/* What a run knows of those before it: which throttles they met, and what they used. (More of that: test_run_execute.)
 */
#include "planning.h"

#include "run/gate_past.h"

enum { PLACE = 3 };

static int64_t now_ms;
static struct gate_lane lanes[ACTION_COUNT];

static int64_t wall_ms(void *context)
{
    (void)context;
    return WHEN_MS + now_ms;
}

static int64_t monotonic_us(void *context)
{
    (void)context;
    return (now_ms + 2 * WHEN_MS) * 1000;
}

static const struct clock clock = {.wall_ms = wall_ms, .monotonic_us = monotonic_us};

static int begin(void **state)
{
    const int result = plan_begin_test(state);

    load_spec("", "engine:\n  quotas: { create: 40/1s, issue: 40/1s, revoke: none, delete: none, exchange: none "
                  "}\nrules:\n  added: provision\n");
    return result;
}

static int end(void **state)
{
    for (int action = 0; action < ACTION_COUNT; action++)
        quota_clear(&lanes[action].quota);
    return plan_end_test(state);
}

static void keep(enum action action, int64_t pause_ms, uint32_t limit)
{
    const struct gate_throttle throttle = {.pause_ms = pause_ms, .limit = limit};

    works(gate_past_keep(ledger, PLACE, action, &throttle, WHEN_MS, &error));
}

/* The next run begins so long after the throttle. */
static void open_after(int64_t ms)
{
    const struct run_input input = {.spec = spec, .ledger = ledger, .clock = &clock};

    now_ms = ms;
    for (int action = 0; action < ACTION_COUNT; action++)
        quota_clear(&lanes[action].quota);
    works(gate_past_open(&input, &spec->resources[0], PLACE, lanes, &error));
}

/* How long a kind has to wait. */
static int64_t pause_left_ms(enum action action)
{
    const int64_t left_ms = (lanes[action].paused_until_us - monotonic_us(NULL)) / 1000;

    return left_ms > 0 ? left_ms : 0;
}

static void without_a_throttle_nothing_is_known(void **state)
{
    (void)state;
    open_after(0);
    assert_int_equal(pause_left_ms(ACTION_PROVISION), 0);
    assert_int_equal(lanes[ACTION_PROVISION].quota.limit, 40);
}

static void a_pause_goes_on_for_its_kind_until_its_time_is_up(void **state)
{
    (void)state;
    keep(ACTION_ISSUE, 90000, 40);
    open_after(30000);
    assert_int_equal(pause_left_ms(ACTION_ISSUE), 60000);
    assert_int_equal(pause_left_ms(ACTION_PROVISION), 0);
    open_after(90000);
    assert_int_equal(pause_left_ms(ACTION_ISSUE), 0);
}

static void the_last_throttle_of_a_kind_counts(void **state)
{
    (void)state;
    keep(ACTION_ISSUE, 90000, 40);
    keep(ACTION_ISSUE, 7000, 20);
    open_after(0);
    assert_int_equal(pause_left_ms(ACTION_ISSUE), 7000);
    assert_int_equal(lanes[ACTION_ISSUE].quota.limit, 20);
}

static void a_clock_that_was_set_back_makes_no_pause_longer(void **state)
{
    (void)state;
    keep(ACTION_ISSUE, 5000, 40);
    open_after(-86400000);
    assert_int_equal(pause_left_ms(ACTION_ISSUE), 5000);
}

static void what_was_learnt_grows_back_as_if_one_run_had_gone_on(void **state)
{
    (void)state;
    keep(ACTION_PROVISION, 500, 10);
    open_after(0);
    assert_int_equal(lanes[ACTION_PROVISION].quota.limit, 10);
    assert_int_equal(lanes[ACTION_PROVISION].quota.least, 10); /* which the summary tells */
    assert_int_equal(lanes[ACTION_ISSUE].quota.limit, 40);
    open_after(2000);
    assert_int_equal(lanes[ACTION_PROVISION].quota.limit, 16);
    open_after(60000);
    assert_int_equal(lanes[ACTION_PROVISION].quota.limit, 40);
    assert_int_equal(lanes[ACTION_PROVISION].quota.least, 40);
}

static void another_resource_knows_nothing_of_it(void **state)
{
    const struct run_input input = {.spec = spec, .ledger = ledger, .clock = &clock};

    (void)state;
    keep(ACTION_ISSUE, 90000, 10);
    now_ms = 0;
    works(gate_past_open(&input, &spec->resources[0], PLACE + 1, lanes, &error));
    assert_int_equal(pause_left_ms(ACTION_ISSUE), 0);
    assert_int_equal(lanes[ACTION_ISSUE].quota.limit, 40);
}

static void what_is_no_throttle_is_passed_over(void **state)
{
    static const char *const values[] = {"",
                                         "x",
                                         "1 2",
                                         "1 2 3 4",
                                         "1 2 3x",
                                         "1  2",
                                         "-1 90000 10",
                                         "1 99999999999999 10",
                                         "1 90000 4294967296",
                                         "99999999999999999999 90000 10"};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        works(ledger_set(ledger, "throttle 3 issue", values[i], &error));
        open_after(-WHEN_MS);
        assert_int_equal(pause_left_ms(ACTION_ISSUE), 0);
        assert_int_equal(lanes[ACTION_ISSUE].quota.limit, 40);
    }
    works(ledger_set(ledger, "throttle 3 issue", "1 90000 10", &error));
    open_after(-WHEN_MS);
    assert_int_equal(pause_left_ms(ACTION_ISSUE), 90000);
}

static void an_attempt_counts_that_was_recorded_before_an_older_one(void **state)
{
    struct result result;

    (void)state;
    place = PLACE;
    result = result_of("anna", ACTION_ISSUE, OUTCOME_TRANSIENT, identity_id(1));
    record(&result);
    place = PLACE + 1;
    result = result_of("ben", ACTION_ISSUE, OUTCOME_TRANSIENT, identity_id(2));
    result.at_ms -= 500;
    record(&result);
    place = 1;
    open_after(800);
    assert_int_equal(lanes[ACTION_ISSUE].quota.ended_count, 1);
    open_after(1002);
    assert_int_equal(lanes[ACTION_ISSUE].quota.ended_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static const struct CMUnitTest tests[] = {
    TEST(without_a_throttle_nothing_is_known),
    TEST(a_pause_goes_on_for_its_kind_until_its_time_is_up),
    TEST(the_last_throttle_of_a_kind_counts),
    TEST(a_clock_that_was_set_back_makes_no_pause_longer),
    TEST(what_was_learnt_grows_back_as_if_one_run_had_gone_on),
    TEST(another_resource_knows_nothing_of_it),
    TEST(what_is_no_throttle_is_passed_over),
    TEST(an_attempt_counts_that_was_recorded_before_an_older_one),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
