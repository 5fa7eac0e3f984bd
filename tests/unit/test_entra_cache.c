/* When a token is good, when it is renewed, and what a rejection means. Time is what the test says. */
#include "entra/entra.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define S INT64_C(1000000)
#define MINUTE (60 * S)
#define HOUR (60 * MINUTE)

static struct entra_cache cache;

static int begin(void **state)
{
    (void)state;
    cache = (struct entra_cache){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    entra_cache_clear(&cache);
    return 0;
}

static void take(int64_t now_us, int64_t lifetime_us, int64_t refresh_in_us)
{
    struct error error;
    struct entra_token token = {.lifetime_ms = lifetime_us / 1000,
                                .refresh_in_ms = refresh_in_us < 0 ? -1 : refresh_in_us / 1000};
    char text[32];

    snprintf(text, sizeof text, "token %llu", (unsigned long long)cache.generation + 1);
    assert_true(secret_set(&token.text, text, strlen(text), &error));
    entra_cache_begin(&cache);
    entra_cache_take(&cache, &token, now_us);
    assert_false(secret_is_set(&token.text)); /* taken over */
}

static void without_a_token_one_is_wanted_at_once(void **state)
{
    (void)state;
    assert_false(entra_cache_is_good(&cache, 5));
    assert_true(entra_cache_wants_token(&cache, 5));
    assert_int_equal(entra_cache_next_us(&cache, 5), 5);
}

static void one_renewal_at_a_time_serves_all(void **state)
{
    (void)state;
    entra_cache_begin(&cache);
    assert_false(entra_cache_wants_token(&cache, 5));
    assert_int_equal(entra_cache_next_us(&cache, 5), INT64_MAX);
    take(10 * S, HOUR, -1);
    assert_true(entra_cache_is_good(&cache, 10 * S));
    assert_false(entra_cache_wants_token(&cache, 10 * S));
    assert_string_equal(secret_reveal(&cache.token), "token 1");
}

/* Lifetime, what the answer says of its renewal, and when it is renewed and no longer used. */
static void renewal_comes_well_before_the_end(void **state)
{
    static const struct {
        int64_t lifetime_us;
        int64_t refresh_in_us;
        int64_t refreshed_us;
        int64_t unusable_us;
    } rows[] = {
        {HOUR, -1, 55 * MINUTE, HOUR - 10 * S},              /* five minutes ahead */
        {24 * HOUR, -1, 12 * HOUR, 24 * HOUR - 10 * S},      /* half of a long life */
        {2 * HOUR, -1, HOUR, 2 * HOUR - 10 * S},             /* which begins at two hours */
        {24 * HOUR, 5 * HOUR, 5 * HOUR, 24 * HOUR - 10 * S}, /* it says itself when */
        {HOUR, 2 * HOUR, 55 * MINUTE, HOUR - 10 * S},        /* which must make sense */
        {2 * MINUTE, -1, 90 * S, 2 * MINUTE - 7500000},      /* a quarter of a short life */
        {4 * S, -1, 3 * S, 4 * S - 250000},
        {10 * MINUTE, -1, 7 * MINUTE + 30 * S, 10 * MINUTE - 10 * S},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        take(S, rows[i].lifetime_us, rows[i].refresh_in_us);
        assert_int_equal(entra_cache_next_us(&cache, S), S + rows[i].refreshed_us);
        assert_false(entra_cache_wants_token(&cache, S + rows[i].refreshed_us - 1));
        assert_true(entra_cache_wants_token(&cache, S + rows[i].refreshed_us));
        assert_true(entra_cache_is_good(&cache, S + rows[i].unusable_us - 1));
        assert_false(entra_cache_is_good(&cache, S + rows[i].unusable_us));
    }
}

static void a_failed_early_renewal_is_no_error_while_the_old_token_is_good(void **state)
{
    (void)state;
    take(0, HOUR, -1);
    int64_t now_us = 55 * MINUTE;
    unsigned tries = 0;
    while (entra_cache_is_good(&cache, now_us)) {
        assert_true(entra_cache_wants_token(&cache, now_us));
        entra_cache_begin(&cache);
        assert_int_equal(entra_cache_fail(&cache, ENTRA_REFUSED, -1, now_us), ENTRA_GO_ON);
        assert_int_equal(entra_cache_silence_us(&cache, now_us), 0);
        assert_false(entra_cache_wants_token(&cache, now_us));
        now_us = cache.next_try_us;
        tries++;
    }
    assert_in_range(tries, 10, 200); /* several, and not a storm */
    entra_cache_begin(&cache);
    assert_int_equal(entra_cache_fail(&cache, ENTRA_REFUSED, -1, now_us), ENTRA_STOP);
}

static void trouble_is_waited_out_and_counted_from_when_nothing_was_good(void **state)
{
    (void)state;
    assert_int_equal(entra_cache_fail(&cache, ENTRA_TROUBLE, -1, 10 * S), ENTRA_GO_ON);
    assert_int_equal(entra_cache_next_us(&cache, 10 * S), 11 * S);
    assert_int_equal(entra_cache_silence_us(&cache, 15 * S), 5 * S);
    for (int i = 0; i < 20; i++) {
        entra_cache_begin(&cache);
        assert_int_equal(entra_cache_fail(&cache, ENTRA_TROUBLE, -1, 20 * S), ENTRA_GO_ON);
    }
    assert_int_equal(cache.next_try_us, 50 * S); /* never rarer than that */
    take(60 * S, HOUR, -1);
    assert_int_equal(entra_cache_silence_us(&cache, 60 * S), 0);
    /* One that begins to fail while the token is good counts from the token's end. */
    entra_cache_begin(&cache);
    entra_cache_fail(&cache, ENTRA_TROUBLE, -1, 56 * MINUTE);
    assert_int_equal(entra_cache_silence_us(&cache, 58 * MINUTE), 0);
    assert_int_equal(entra_cache_silence_us(&cache, 63 * MINUTE), 63 * MINUTE - (61 * MINUTE - 10 * S));
}

static void a_wait_that_was_asked_for_is_kept(void **state)
{
    (void)state;
    entra_cache_fail(&cache, ENTRA_TROUBLE, 90000, 10 * S);
    assert_false(entra_cache_wants_token(&cache, 100 * S - 1));
    assert_true(entra_cache_wants_token(&cache, 100 * S));
}

static void one_rejection_leads_to_one_renewal_and_a_second_one_stops(void **state)
{
    (void)state;
    take(0, HOUR, -1);
    assert_int_equal(entra_cache_rejected(&cache, 1, S), ENTRA_GO_ON);
    assert_false(entra_cache_is_good(&cache, S));
    assert_true(entra_cache_wants_token(&cache, S));
    /* Sixty others had left with the same token. */
    for (int i = 0; i < 60; i++)
        assert_int_equal(entra_cache_rejected(&cache, 1, S + i), ENTRA_GO_ON);
    take(2 * S, HOUR, -1);
    assert_int_equal(entra_cache_rejected(&cache, 1, 3 * S), ENTRA_GO_ON); /* late */
    assert_true(entra_cache_is_good(&cache, 3 * S));
    assert_int_equal(entra_cache_rejected(&cache, 2, 3 * S), ENTRA_STOP);
}

static void a_token_that_was_taken_makes_the_next_rejection_a_first_one(void **state)
{
    (void)state;
    for (int64_t now_us = 0; now_us < 100 * S; now_us += S) {
        take(now_us, HOUR, -1);
        entra_cache_accepted(&cache, cache.generation);
        assert_int_equal(entra_cache_rejected(&cache, cache.generation, now_us), ENTRA_GO_ON);
    }
    take(100 * S, HOUR, -1);
    entra_cache_accepted(&cache, cache.generation - 1); /* an answer to the old token says nothing about the new one */
    assert_int_equal(entra_cache_rejected(&cache, cache.generation, 100 * S), ENTRA_STOP);
}

static void a_token_that_ended_on_its_way_was_not_rejected(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        const int64_t now_us = i * MINUTE;
        take(now_us, 4 * S, -1);
        assert_int_equal(entra_cache_rejected(&cache, cache.generation, now_us + 4 * S), ENTRA_GO_ON);
        assert_int_equal(cache.rejections, 0);
    }
}

/* Thirty minutes with tokens of two, a request every tenth of a second, and a token endpoint that takes two seconds and
 * fails every third time: nobody ever waits for a token, and none is used after its end. */
static void thirty_minutes_with_tokens_of_two_renew_without_a_pause(void **state)
{
    int64_t arrives_us = -1;
    unsigned renewals = 0;
    unsigned tries = 0;

    (void)state;
    take(0, 2 * MINUTE, -1);
    int64_t ends_us = 2 * MINUTE;
    for (int64_t now_us = 0; now_us < 30 * MINUTE; now_us += S / 10) {
        if (arrives_us >= 0 && now_us >= arrives_us) {
            arrives_us = -1;
            if (tries % 3 == 0) {
                assert_int_equal(entra_cache_fail(&cache, ENTRA_TROUBLE, -1, now_us), ENTRA_GO_ON);
            } else {
                take(now_us, 2 * MINUTE, -1);
                ends_us = now_us + 2 * MINUTE;
                renewals++;
            }
        }
        if (entra_cache_wants_token(&cache, now_us)) {
            assert_int_equal(arrives_us, -1);
            entra_cache_begin(&cache);
            arrives_us = now_us + 2 * S;
            tries++;
        }
        assert_true(entra_cache_is_good(&cache, now_us));
        assert_true(now_us < ends_us);
        entra_cache_accepted(&cache, cache.generation);
    }
    assert_in_range(renewals, 15, 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_token_one_is_wanted_at_once),
        TEST(one_renewal_at_a_time_serves_all),
        TEST(renewal_comes_well_before_the_end),
        TEST(a_failed_early_renewal_is_no_error_while_the_old_token_is_good),
        TEST(trouble_is_waited_out_and_counted_from_when_nothing_was_good),
        TEST(a_wait_that_was_asked_for_is_kept),
        TEST(one_rejection_leads_to_one_renewal_and_a_second_one_stops),
        TEST(a_token_that_was_taken_makes_the_next_rejection_a_first_one),
        TEST(a_token_that_ended_on_its_way_was_not_rejected),
        TEST(thirty_minutes_with_tokens_of_two_renew_without_a_pause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
