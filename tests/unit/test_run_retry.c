#include "run/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* --- the judgement --- */

static const struct {
    enum http_end end;
    enum outcome if_lost;
    enum outcome outcome;
    enum acs_class class;
    const char *code;
} transports[] = {
    {HTTP_NOT_SENT, OUTCOME_TRANSIENT, OUTCOME_TRANSIENT, ACS_TRANSIENT, "not_connected"},
    {HTTP_NOT_SENT, OUTCOME_IN_DOUBT, OUTCOME_TRANSIENT, ACS_TRANSIENT, "not_connected"},
    {HTTP_LOST, OUTCOME_TRANSIENT, OUTCOME_TRANSIENT, ACS_TRANSIENT, "answer_lost"},
    {HTTP_LOST, OUTCOME_UNCONFIRMED, OUTCOME_UNCONFIRMED, ACS_TRANSIENT, "answer_lost"},
    {HTTP_LOST, OUTCOME_IN_DOUBT, OUTCOME_IN_DOUBT, ACS_TRANSIENT, "answer_lost"},
    {HTTP_NO_HOST, OUTCOME_TRANSIENT, OUTCOME_TRANSIENT, ACS_TRANSIENT, "no_such_host"},
    {HTTP_NO_HOST, OUTCOME_IN_DOUBT, OUTCOME_TRANSIENT, ACS_TRANSIENT, "no_such_host"},
    {HTTP_NO_PROXY, OUTCOME_TRANSIENT, OUTCOME_TRANSIENT, ACS_TRANSIENT, "no_proxy"},
    {HTTP_NO_PROXY, OUTCOME_IN_DOUBT, OUTCOME_TRANSIENT, ACS_TRANSIENT, "no_proxy"},
    {HTTP_UNTRUSTED, OUTCOME_TRANSIENT, OUTCOME_REJECTED, ACS_CREDENTIAL, "tls_untrusted"},
    {HTTP_UNTRUSTED, OUTCOME_IN_DOUBT, OUTCOME_REJECTED, ACS_CREDENTIAL, "tls_untrusted"},
};

static void without_an_answer_the_way_it_ended_decides(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof transports / sizeof *transports; i++) {
        const struct http_answer http = {.end = transports[i].end, .detail = "what went wrong"};
        struct acs_answer answer = {0};
        assert_int_equal(retry_judge(&http, transports[i].if_lost, &answer), transports[i].outcome);
        assert_int_equal(answer.class, transports[i].class);
        assert_string_equal(answer.code, transports[i].code);
        assert_string_equal(answer.message, "what went wrong");
    }
}

static const struct {
    enum acs_class class;
    int status;
    enum outcome repeatable;
    enum outcome create;
} answers[] = {
    {ACS_DONE, 201, OUTCOME_DONE, OUTCOME_DONE},
    {ACS_GONE, 404, OUTCOME_GONE, OUTCOME_GONE},
    {ACS_USER, 409, OUTCOME_FAILED, OUTCOME_FAILED},
    {ACS_THROTTLED, 429, OUTCOME_THROTTLED, OUTCOME_THROTTLED},
    {ACS_THROTTLED, 503, OUTCOME_THROTTLED, OUTCOME_IN_DOUBT},
    {ACS_TRANSIENT, 500, OUTCOME_TRANSIENT, OUTCOME_IN_DOUBT},
    {ACS_TRANSIENT, 201, OUTCOME_TRANSIENT, OUTCOME_IN_DOUBT}, /* an answer that cannot be read */
    {ACS_CREDENTIAL, 401, OUTCOME_REJECTED, OUTCOME_REJECTED},
    {ACS_OURS, 400, OUTCOME_REJECTED, OUTCOME_REJECTED},
};

static void an_answer_is_judged_by_its_class_and_whether_repeating_is_safe(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const struct http_answer http = {.end = HTTP_ANSWERED, .status = answers[i].status};
        struct acs_answer answer = {.class = answers[i].class, .status = answers[i].status, .code = "theirs"};
        assert_int_equal(retry_judge(&http, OUTCOME_TRANSIENT, &answer), answers[i].repeatable);
        assert_int_equal(retry_judge(&http, OUTCOME_IN_DOUBT, &answer), answers[i].create);
        assert_int_equal(retry_judge(&http, OUTCOME_UNCONFIRMED, &answer),
                         answers[i].create == OUTCOME_IN_DOUBT ? OUTCOME_UNCONFIRMED : answers[i].create);
        assert_string_equal(answer.code, "theirs");
    }
}

/* --- waiting --- */

static const uint64_t seeds[] = {0, 1, 2, 0xfeedbeef, UINT64_MAX, UINT64_C(0x123456789abcdef0)};

static void a_wait_is_between_nothing_and_twice_as_much_each_time(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof seeds / sizeof *seeds; s++) {
        struct jitter jitter = {.state = seeds[s]};
        print_message("seed %#llx\n", (unsigned long long)seeds[s]);
        for (unsigned exponent = 0; exponent < 12; exponent++) {
            const int64_t most = exponent < 6 ? INT64_C(500000) << exponent : 30000000;
            int64_t smallest = INT64_MAX;
            int64_t largest = -1;
            for (int i = 0; i < 2000; i++) {
                const int64_t wait = retry_backoff_us(&jitter, 500000, exponent, 30000000);
                smallest = wait < smallest ? wait : smallest;
                largest = wait > largest ? wait : largest;
            }
            /* Full jitter: all of the range is used; missing its outer 2 % in 2,000 draws has a chance of 10^-17. */
            assert_in_range(smallest, 0, most / 50);
            assert_in_range(largest, most - most / 50, most);
        }
    }
}

static void no_exponent_is_too_large(void **state)
{
    struct jitter jitter = {.state = 1};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        const int64_t wait = retry_backoff_us(&jitter, INT64_MAX / 4, 4000000000U, INT64_MAX / 2);
        assert_true(wait >= 0 && wait <= INT64_MAX / 2);
    }
    assert_in_range(retry_backoff_us(&jitter, 1000, 0, 10), 0, 10);
}

static void the_same_seed_gives_the_same_waits(void **state)
{
    struct jitter a = {.state = 42};
    struct jitter b = {.state = 42};
    struct jitter c = {.state = 44};
    int same = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        const int64_t wait = retry_backoff_us(&a, 1000000, 3, 30000000);
        assert_int_equal(wait, retry_backoff_us(&b, 1000000, 3, 30000000));
        same += wait == retry_backoff_us(&c, 1000000, 3, 30000000);
    }
    assert_true(same < 5);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(without_an_answer_the_way_it_ended_decides),
    cmocka_unit_test(an_answer_is_judged_by_its_class_and_whether_repeating_is_safe),
    cmocka_unit_test(a_wait_is_between_nothing_and_twice_as_much_each_time),
    cmocka_unit_test(no_exponent_is_too_large),
    cmocka_unit_test(the_same_seed_gives_the_same_waits),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
