#include "run/quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct quota_window quota;
static struct error error;

static int end(void **state)
{
    (void)state;
    quota_clear(&quota);
    return 0;
}

static void make(uint32_t count, uint32_t window_ms)
{
    assert_true(quota_init(&quota, count, window_ms, &error));
}

static void take(unsigned count, int64_t now_us)
{
    for (unsigned i = 0; i < count; i++) {
        assert_true(quota_available(&quota, now_us));
        quota_take(&quota);
    }
}

static void the_whole_quota_may_leave_at_once(void **state)
{
    (void)state;
    make(1000, 30000);
    take(1000, 5);
    assert_false(quota_available(&quota, 5));
    assert_false(quota_available(&quota, INT64_MAX / 2)); /* no answer: no slot, however long it takes */
    assert_int_equal(quota_next_us(&quota, 5), INT64_MAX);
}

static void a_slot_is_free_one_window_after_the_answer(void **state)
{
    (void)state;
    make(2, 1000);
    take(2, 0);
    quota_end(&quota, true, 300000);
    quota_end(&quota, true, 400000);
    assert_false(quota_available(&quota, 1299999));
    assert_int_equal(quota_next_us(&quota, 400000), 1300000);
    take(1, 1300000);
    assert_false(quota_available(&quota, 1399999));
    assert_int_equal(quota_next_us(&quota, 1300000), 1400000);
    take(1, 1400000);
    assert_int_equal(quota_next_us(&quota, 1400000), INT64_MAX);
}

static void a_slot_that_is_free_is_free_now(void **state)
{
    (void)state;
    make(2, 1000);
    take(1, 0);
    assert_int_equal(quota_next_us(&quota, 77), 77);
}

static void a_request_that_never_left_gives_its_slot_back(void **state)
{
    (void)state;
    make(1, 1000);
    take(1, 0);
    quota_give_back(&quota);
    take(1, 0);
}

/* When the n-th request from now on left, with answers that came at once; the quota is used up by that. */
static int64_t nth_leaves_at(unsigned n, int64_t now_us)
{
    while (true) {
        while (!quota_available(&quota, now_us))
            now_us = quota_next_us(&quota, now_us);
        quota_take(&quota);
        quota_end(&quota, true, now_us);
        if (--n == 0)
            return now_us;
    }
}

static void what_is_foretold_of_the_nth_request_comes_true(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 60; n++) {
        make(7, 1000);
        for (unsigned i = 0; i < n % 7; i++)
            quota_remember(&quota, -900000 + (int64_t)i * 130000);
        const int64_t foretold_us = quota_nth_us(&quota, n, 1000);
        assert_int_equal(foretold_us, nth_leaves_at(n, 1000));
        quota_clear(&quota);
    }
}

static void requests_under_way_are_taken_to_be_answered_now(void **state)
{
    (void)state;
    make(2, 1000);
    take(2, 0);
    assert_int_equal(quota_nth_us(&quota, 1, 500), 500 + 1000000);
    assert_int_equal(quota_nth_us(&quota, 3, 500), 500 + 2000000);
}

static void a_limit_that_shrank_below_what_is_used_is_foretold_too(void **state)
{
    (void)state;
    make(4, 1000);
    for (int i = 0; i < 4; i++)
        quota_remember(&quota, i * 100);
    quota.limit = 2;
    quota.grow_at_us = INT64_MAX;
    /* The first two that come free give no slot. */
    assert_int_equal(quota_nth_us(&quota, 1, 1000), 200 + 1000000);
    assert_int_equal(quota_nth_us(&quota, 2, 1000), 300 + 1000000);
    assert_int_equal(quota_nth_us(&quota, 3, 1000), 200 + 2000000);
}

static void the_share_that_is_used_counts_what_is_under_way(void **state)
{
    (void)state;
    make(4, 1000);
    assert_int_equal(quota_used_permille(&quota, 0), 0);
    take(1, 0);
    quota_remember(&quota, 0);
    assert_int_equal(quota_used_permille(&quota, 0), 500);
    assert_int_equal(quota_used_permille(&quota, 1000000), 250);
    quota_clear(&quota);
    make(0, 0);
    assert_int_equal(quota_used_permille(&quota, 0), 0);
    assert_int_equal(quota_nth_us(&quota, 1000000, 77), 77);
}

static void earlier_runs_are_remembered_even_before_the_clock_began(void **state)
{
    (void)state;
    make(3, 1000);
    quota_remember(&quota, -1500000);
    quota_remember(&quota, -400000);
    quota_remember(&quota, -300000);
    take(1, 0);
    assert_false(quota_available(&quota, 599999));
    assert_int_equal(quota_next_us(&quota, 0), 600000);
}

static void of_more_than_the_quota_the_newest_are_remembered(void **state)
{
    (void)state;
    make(2, 1000);
    for (int i = 0; i < 10; i++)
        quota_remember(&quota, i * 1000);
    assert_false(quota_available(&quota, 1007999));
    assert_true(quota_available(&quota, 1008000));
}

static void without_a_quota_nothing_waits(void **state)
{
    (void)state;
    make(0, 0);
    quota_remember(&quota, 0);
    for (int i = 0; i < 5000; i++) {
        assert_true(quota_available(&quota, 0));
        quota_take(&quota);
    }
    quota_end(&quota, true, 0);
    quota_give_back(&quota);
    assert_int_equal(quota_next_us(&quota, 3), 3);
}

/* --- against a plain model: when each request left, and when its answer came --- */

enum { REQUESTS = 20000 };

struct model {
    int64_t left[REQUESTS];
    int64_t answered[REQUESTS];
    uint32_t count;
    uint32_t under_way[64];
    uint32_t under_way_count;
};

static uint64_t random_state;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

/* The service may count a request at any moment from its leaving to its answer; at the worst of these, no window may
 * have more than `count`: a request is free only when a whole window has passed since the answer before it. */
static void check_windows(const struct model *model, uint32_t count, int64_t window_us)
{
    for (uint32_t i = count; i < model->count; i++) {
        uint32_t in_window = 0;
        for (uint32_t k = i; k-- > 0 && in_window <= count;)
            in_window += model->answered[k] == INT64_MAX || model->answered[k] + window_us > model->left[i];
        assert_true(in_window < count);
    }
}

static void in_no_window_more_than_the_count_leaves(void **state)
{
    static struct model model;
    const char *given = getenv("ROLLCALL_SEED");
    const uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761U + 1;

    (void)state;
    print_message("ROLLCALL_SEED=%llu\n", (unsigned long long)seed);
    random_state = seed | 1;
    for (int round = 0; round < 40; round++) {
        const uint32_t count = 1 + (uint32_t)random_below(50);
        const uint32_t window_ms = 1 + (uint32_t)random_below(2000);
        const int64_t window_us = (int64_t)window_ms * 1000;
        int64_t now_us = (int64_t)random_below(1000000);
        memset(&model, 0, sizeof model);
        quota_clear(&quota);
        make(count, window_ms);
        while (model.count < 2000) {
            if (random_below(3) > 0) {
                const bool available = quota_available(&quota, now_us);
                assert_int_equal(available, quota_next_us(&quota, now_us) <= now_us);
                if (available && model.under_way_count < 64) {
                    quota_take(&quota);
                    if (random_below(10) == 0) {
                        quota_give_back(&quota);
                    } else {
                        model.left[model.count] = now_us;
                        model.answered[model.count] = INT64_MAX;
                        model.under_way[model.under_way_count++] = model.count++;
                    }
                }
            } else if (model.under_way_count > 0) {
                const uint32_t which = (uint32_t)random_below(model.under_way_count);
                model.answered[model.under_way[which]] = now_us;
                model.under_way[which] = model.under_way[--model.under_way_count];
                quota_end(&quota, true, now_us);
            }
            now_us += random_below(4) == 0 ? (int64_t)random_below((uint64_t)window_us) / 4 : 0;
            /* A slot that is promised for a moment is there at that moment. */
            const int64_t next_us = quota_next_us(&quota, now_us);
            if (next_us != INT64_MAX && random_below(50) == 0) {
                now_us = next_us;
                assert_true(quota_available(&quota, now_us));
            }
        }
        check_windows(&model, count, window_us);
    }
}

/* --- against services that count in other ways --- */

enum kind { SLIDING, FIXED, BUCKET, KINDS };

struct service {
    enum kind kind;
    double count;
    double window_us;
    int64_t passed_us[2000]; /* of the requests that were let through */
    unsigned passed;
    double start_us; /* of the fixed window */
    double used;     /* of it; or what the bucket lacks, as of the last request */
};

/* Whether the service lets a request through that it counts at this moment. The moments do not go back. */
static bool lets_through(struct service *service, int64_t now_us)
{
    const double now = (double)now_us;
    const double last = service->passed > 0 ? (double)service->passed_us[service->passed - 1] : now;
    bool ok = true;

    switch (service->kind) {
    case SLIDING:
        ok = service->passed < service->count ||
             now >= (double)service->passed_us[service->passed - (unsigned)service->count] + service->window_us;
        break;
    case FIXED:
        if (service->used == 0 || now >= service->start_us + service->window_us) {
            service->start_us = now;
            service->used = 0;
        }
        ok = ++service->used <= service->count;
        break;
    case BUCKET:
        service->used -= (now - last) * service->count / service->window_us;
        service->used = (service->used > 0 ? service->used : 0) + 1;
        ok = service->used <= service->count + 1e-6;
        break;
    case KINDS: break;
    }
    service->passed_us[service->passed++] = now_us;
    return ok;
}

/* Each request is counted at some moment between its leaving and its answer, by a service that may have begun its
 * window at any time. */
static void no_service_of_the_same_size_is_ever_tripped(void **state)
{
    static struct service services[KINDS];
    static int64_t counted_us[2000];
    static int64_t answered_us[2000];

    (void)state;
    random_state = 7;
    for (int round = 0; round < 60; round++) {
        const uint32_t count = 1 + (uint32_t)random_below(40);
        const uint32_t window_ms = 10 + (uint32_t)random_below(2000);
        const int64_t longest_us = 1 + (int64_t)random_below(round % 2 == 0 ? 1000000 : 20000);
        int64_t now_us = 0;
        unsigned sent = 0;
        unsigned answered = 0;

        quota_clear(&quota);
        make(count, window_ms);
        while (answered < 2000) {
            if (sent < 2000 && quota_available(&quota, now_us)) {
                quota_take(&quota);
                /* Answered in the order of sending, which keeps this model small; the moments are what matters. */
                const int64_t after_us = sent > 0 ? answered_us[sent - 1] : 0;
                answered_us[sent] = now_us + (int64_t)random_below((uint64_t)longest_us);
                answered_us[sent] = answered_us[sent] > after_us ? answered_us[sent] : after_us;
                const int64_t before_us = sent > 0 && counted_us[sent - 1] > now_us ? counted_us[sent - 1] : now_us;
                counted_us[sent] = before_us + (int64_t)random_below((uint64_t)(answered_us[sent] - before_us) + 1);
                sent++;
                continue;
            }
            const int64_t next_us = sent < 2000 ? quota_next_us(&quota, now_us) : INT64_MAX;
            if (answered < sent && answered_us[answered] <= next_us) {
                now_us = answered_us[answered] > now_us ? answered_us[answered] : now_us;
                answered++;
                quota_end(&quota, true, now_us);
            } else {
                now_us = next_us;
            }
        }
        for (enum kind kind = 0; kind < KINDS; kind++) {
            services[kind] = (struct service){.kind = kind, .count = count, .window_us = window_ms * 1000.0};
            for (unsigned i = 0; i < 2000; i++)
                assert_true(lets_through(&services[kind], counted_us[i]));
        }
    }
}

/* With answers at once the pace is the quota itself: nothing is given away. */
static void the_quota_is_used_to_the_full(void **state)
{
    int64_t now_us = 0;

    (void)state;
    make(500, 30000);
    for (unsigned sent = 0; sent < 12000; sent++) {
        now_us = quota_next_us(&quota, now_us);
        take(1, now_us);
        quota_end(&quota, true, now_us);
    }
    assert_int_equal(now_us, INT64_C(690) * 1000000); /* 11 min 30 s */
}

/* --- a service that allows less --- */

/* So many requests that the service takes or refuses, answered now. */
static void answer(unsigned count, bool accepted, int64_t now_us)
{
    for (unsigned i = 0; i < count; i++) {
        quota_take(&quota);
        quota_end(&quota, accepted, now_us);
    }
}

static void one_refusal_changes_nothing(void **state)
{
    (void)state;
    make(10, 1000);
    answer(4, true, 1000000);
    answer(6, false, 1000000);
    assert_false(quota_shrink(&quota, 1000000, 1000000));
    take(10, 2000000);
}

static void a_second_refusal_shrinks_the_limit_to_what_was_accepted(void **state)
{
    (void)state;
    make(10, 1000);
    assert_false(quota_shrink(&quota, 1000000, 1000000));
    answer(4, true, 1500000);
    answer(1, false, 2000000);
    assert_true(quota_shrink(&quota, 2000000, 2000000));
    assert_int_equal(quota.limit, 4);
    assert_int_equal(quota.least, 4);
    assert_false(quota_available(&quota, 2000000));
}

/* All that was under way is refused at once: that the service took nothing between two of these answers says nothing.
 */
static void refusals_of_one_burst_are_one(void **state)
{
    (void)state;
    make(1000, 30000);
    answer(450, true, 1000000);
    for (int i = 0; i < 50; i++) {
        answer(1, false, 1001000 + i);
        assert_false(quota_shrink(&quota, 1001000 + i, 1001000 + i));
    }
    assert_int_equal(quota.limit, 1000);
}

static void a_refusal_long_after_the_last_one_is_a_first_one(void **state)
{
    (void)state;
    make(10, 1000);
    assert_false(quota_shrink(&quota, 1000000, 1000000));
    assert_false(quota_shrink(&quota, 3000001, 3000001));
    assert_int_equal(quota.limit, 10);
}

static void a_shrunk_limit_grows_back_and_never_beyond_the_promise(void **state)
{
    (void)state;
    make(10, 1000);
    quota_shrink(&quota, 1000000, 1000000);
    answer(2, true, 1500000);
    assert_true(quota_shrink(&quota, 2000000, 2000000));
    assert_int_equal(quota.limit, 2);
    assert_true(quota_available(&quota, 2999999));
    assert_int_equal(quota.limit, 2);
    assert_true(quota_available(&quota, 3000000));
    assert_int_equal(quota.limit, 3);
    assert_true(quota_available(&quota, 100000000));
    assert_int_equal(quota.limit, 10);
    take(10, 100000000);
    assert_false(quota_available(&quota, 100000000));
}

/* Two windows are over when the pause is: that nothing was accepted meanwhile says nothing of the rate. */
static void a_long_pause_between_two_refusals_hides_neither(void **state)
{
    (void)state;
    make(20, 1000);
    answer(9, true, 1000000);
    assert_false(quota_shrink(&quota, 1000000, 9000000));
    answer(9, true, 9200000);
    assert_true(quota_shrink(&quota, 9200000, 18000000));
    assert_in_range(quota.limit, 7, 9);
    const uint32_t learnt = quota.limit;
    quota_available(&quota, 17999999);
    assert_int_equal(quota.limit, learnt); /* nor does it grow while nothing leaves */
    quota_available(&quota, 18000000);
    assert_int_equal(quota.limit, learnt + 2);
}

static void what_an_earlier_run_has_learnt_grows_on_from_there(void **state)
{
    (void)state;
    make(10, 1000);
    quota_recall(&quota, 4, -2500000, -2500000, 0);
    assert_int_equal(quota.limit, 6); /* two windows are over */
    assert_int_equal(quota.least, 6);
    take(6, 0);
    assert_false(quota_available(&quota, 499999));
    assert_true(quota_available(&quota, 500000));
    quota_clear(&quota);
    make(10, 1000);
    quota_recall(&quota, 12, 0, 0, 0); /* of a larger quota, in an older job spec */
    quota_recall(&quota, 0, 0, 0, 0);
    assert_int_equal(quota.limit, 10);
    assert_int_equal(quota.least, 10);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

static const struct CMUnitTest tests[] = {
    TEST(the_whole_quota_may_leave_at_once),
    TEST(a_slot_is_free_one_window_after_the_answer),
    TEST(a_slot_that_is_free_is_free_now),
    TEST(a_request_that_never_left_gives_its_slot_back),
    TEST(what_is_foretold_of_the_nth_request_comes_true),
    TEST(requests_under_way_are_taken_to_be_answered_now),
    TEST(a_limit_that_shrank_below_what_is_used_is_foretold_too),
    TEST(the_share_that_is_used_counts_what_is_under_way),
    TEST(earlier_runs_are_remembered_even_before_the_clock_began),
    TEST(of_more_than_the_quota_the_newest_are_remembered),
    TEST(without_a_quota_nothing_waits),
    TEST(in_no_window_more_than_the_count_leaves),
    TEST(no_service_of_the_same_size_is_ever_tripped),
    TEST(the_quota_is_used_to_the_full),
    TEST(one_refusal_changes_nothing),
    TEST(a_second_refusal_shrinks_the_limit_to_what_was_accepted),
    TEST(refusals_of_one_burst_are_one),
    TEST(a_refusal_long_after_the_last_one_is_a_first_one),
    TEST(a_shrunk_limit_grows_back_and_never_beyond_the_promise),
    TEST(a_long_pause_between_two_refusals_hides_neither),
    TEST(what_an_earlier_run_has_learnt_grows_on_from_there),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
