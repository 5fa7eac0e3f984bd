#include "quota.h"
#include "timers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static const int64_t second_us = 1000000;

/* One request: whether it passed. */
static bool ask(struct quota *quota, enum operation operation, int64_t now_us)
{
    int64_t wait_us;

    quota_arrive(quota, operation, now_us);
    if (!quota_allows(quota, operation, now_us, &wait_us))
        return false;
    quota_use(quota, operation, now_us);
    return true;
}

static int64_t wait_of(struct quota *quota, enum operation operation, int64_t now_us)
{
    int64_t wait_us = 0;

    assert_false(quota_allows(quota, operation, now_us, &wait_us));
    return wait_us;
}

static void start(struct quota *quota, const char *text, enum quota_kind kind)
{
    struct quota_limits limits;
    struct error error = {0};

    assert_true(quota_limits_parse(text, &limits, &error));
    quota_init(quota, &limits, kind);
}

static void a_sliding_window_never_holds_more_than_its_limit(void **state)
{
    struct quota quota;
    int64_t passed[2000];
    size_t count = 0;

    (void)state;
    start(&quota, "create=10/1s", QUOTA_SLIDING);
    srand(3);
    for (int64_t now = 0; now < 60 * second_us; now += rand() % 100000)
        if (ask(&quota, OPERATION_CREATE, now))
            passed[count++] = now;
    assert_true(count > 500);
    for (size_t i = 10; i < count; i++)
        assert_true(passed[i] - passed[i - 10] >= second_us);
    assert_int_equal(quota.accepted[OPERATION_CREATE].most, 10);
    quota_clear(&quota);
}

static void a_sliding_window_opens_when_its_oldest_request_leaves(void **state)
{
    struct quota quota;

    (void)state;
    start(&quota, "create=2/3s", QUOTA_SLIDING);
    assert_true(ask(&quota, OPERATION_CREATE, 0));
    assert_true(ask(&quota, OPERATION_CREATE, second_us));
    assert_int_equal(wait_of(&quota, OPERATION_CREATE, 2 * second_us), second_us);
    assert_false(ask(&quota, OPERATION_CREATE, 3 * second_us - 1));
    assert_true(ask(&quota, OPERATION_CREATE, 3 * second_us));
    quota_clear(&quota);
}

static void a_fixed_window_opens_all_at_once(void **state)
{
    struct quota quota;

    (void)state;
    start(&quota, "create=2/3s", QUOTA_FIXED);
    assert_true(ask(&quota, OPERATION_CREATE, 10 * second_us));
    assert_true(ask(&quota, OPERATION_CREATE, 12 * second_us));
    assert_int_equal(wait_of(&quota, OPERATION_CREATE, 12 * second_us), second_us);
    assert_true(ask(&quota, OPERATION_CREATE, 13 * second_us));
    assert_true(ask(&quota, OPERATION_CREATE, 13 * second_us));
    assert_false(ask(&quota, OPERATION_CREATE, 13 * second_us));
    assert_int_equal(quota.accepted[OPERATION_CREATE].most, 3); /* what a sliding window would not have let through */
    quota_clear(&quota);
}

static void a_bucket_fills_evenly_and_never_beyond_its_size(void **state)
{
    struct quota quota;

    (void)state;
    start(&quota, "create=3/3s", QUOTA_BUCKET);
    for (int i = 0; i < 3; i++)
        assert_true(ask(&quota, OPERATION_CREATE, 0));
    assert_in_range(wait_of(&quota, OPERATION_CREATE, 0), second_us, second_us + 1);
    assert_false(ask(&quota, OPERATION_CREATE, second_us - 10));
    assert_true(ask(&quota, OPERATION_CREATE, second_us));
    assert_false(ask(&quota, OPERATION_CREATE, second_us));
    for (int i = 0; i < 3; i++)
        assert_true(ask(&quota, OPERATION_CREATE, 100 * second_us));
    assert_false(ask(&quota, OPERATION_CREATE, 100 * second_us));
    quota_clear(&quota);
}

static void refused_requests_are_counted_at_arrival_alone(void **state)
{
    struct quota quota;

    (void)state;
    start(&quota, "create=2/3s", QUOTA_SLIDING);
    for (int i = 0; i < 7; i++)
        ask(&quota, OPERATION_CREATE, i);
    assert_int_equal(quota.arrived[OPERATION_CREATE].most, 7);
    assert_int_equal(quota.accepted[OPERATION_CREATE].most, 2);
    quota_clear(&quota);
}

static void operations_do_not_share_a_limit(void **state)
{
    struct quota quota;

    (void)state;
    start(&quota, "create=1/3s,issue=1/3s", QUOTA_SLIDING);
    assert_true(ask(&quota, OPERATION_CREATE, 0));
    assert_true(ask(&quota, OPERATION_ISSUE, 0));
    assert_true(ask(&quota, OPERATION_DELETE, 0));
    assert_true(ask(&quota, OPERATION_DELETE, 0));
    assert_false(ask(&quota, OPERATION_CREATE, 0));
    quota_clear(&quota);
}

static void the_published_limits_are_those_of_the_reference(void **state)
{
    struct quota_limits limits;
    struct error error = {0};

    (void)state;
    assert_true(quota_limits_parse("published", &limits, &error));
    assert_int_equal(limits.of[OPERATION_CREATE].count, 1000);
    assert_int_equal(limits.of[OPERATION_ISSUE].count, 1000);
    assert_int_equal(limits.of[OPERATION_REVOKE].count, 500);
    assert_int_equal(limits.of[OPERATION_DELETE].count, 500);
    assert_int_equal(limits.of[OPERATION_EXCHANGE].count, 500);
    assert_int_equal(limits.of[OPERATION_GET].count, 0);
    assert_int_equal(limits.of[OPERATION_CREATE].window_us, 30 * second_us);
}

static void single_published_limits_can_be_changed(void **state)
{
    struct quota_limits limits;
    struct error error = {0};

    (void)state;
    assert_true(quota_limits_parse("published,delete=7/250ms", &limits, &error));
    assert_int_equal(limits.of[OPERATION_CREATE].count, 1000);
    assert_int_equal(limits.of[OPERATION_DELETE].count, 7);
    assert_int_equal(limits.of[OPERATION_DELETE].window_us, 250000);
}

static void what_is_no_limit_is_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "create",
                                        "create=",
                                        "create=5",
                                        "create=5/",
                                        "create=5/3",
                                        "create=5/3parsecs",
                                        "create=0/3s",
                                        "create=-5/3s",
                                        "create=5/0s",
                                        "create=5/99999h",
                                        "invent=5/3s",
                                        "create=5/3s,",
                                        "create=5/3s;issue=5/3s",
                                        "create=5/3s,published",
                                        "create=/3s",
                                        "other=5/3s"};
    struct quota_limits limits;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error error = {0};
        if (quota_limits_parse(wrong[i], &limits, &error))
            fail_msg("\"%s\" was taken", wrong[i]);
        assert_int_equal(error.code, ERROR_INPUT);
        assert_string_not_equal(error.hint, "");
    }
}

static void timers_come_in_the_order_of_their_time(void **state)
{
    struct timers timers = {0};
    int64_t due[1000];
    int64_t last = -1;

    (void)state;
    srand(5);
    assert_null(timers_take(&timers, INT64_MAX));
    for (size_t i = 0; i < 1000; i++) {
        due[i] = rand() % 500;
        assert_true(timers_add(&timers, due[i], &due[i]));
    }
    assert_null(timers_take(&timers, -1));
    for (size_t i = 0; i < 1000; i++) {
        const int64_t next = timers_next(&timers);
        assert_null(timers_take(&timers, next - 1));
        const int64_t *taken = timers_take(&timers, next);
        assert_non_null(taken);
        assert_int_equal(*taken, next);
        assert_true(next >= last);
        last = next;
    }
    assert_null(timers_take(&timers, INT64_MAX));
    assert_int_equal(timers_next(&timers), INT64_MAX);
    timers_clear(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sliding_window_never_holds_more_than_its_limit),
        cmocka_unit_test(a_sliding_window_opens_when_its_oldest_request_leaves),
        cmocka_unit_test(a_fixed_window_opens_all_at_once),
        cmocka_unit_test(a_bucket_fills_evenly_and_never_beyond_its_size),
        cmocka_unit_test(refused_requests_are_counted_at_arrival_alone),
        cmocka_unit_test(operations_do_not_share_a_limit),
        cmocka_unit_test(the_published_limits_are_those_of_the_reference),
        cmocka_unit_test(single_published_limits_can_be_changed),
        cmocka_unit_test(what_is_no_limit_is_refused),
        cmocka_unit_test(timers_come_in_the_order_of_their_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
