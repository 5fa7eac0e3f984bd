#include "acs/acs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static const int64_t now_s = 1767600550;

/* Reads an answer and checks that the hint has the given part. */
static void hints_to(bool by_bearer, int status, const char *body, int64_t server_date_s, const char *part)
{
    struct acs_answer answer;
    struct error error;
    char text[ACS_HINT_SIZE];

    assert_true(acs_answer_read(ACTION_ISSUE, true, status, body, strlen(body), &answer, &error));
    acs_stop_hint(&answer, by_bearer, server_date_s, now_s, text);
    if (strstr(text, part) == NULL || (part[0] == '\0' && text[0] != '\0'))
        fail_msg("%d: %s", status, text);
    acs_answer_clear(&answer);
}

static void hints(int status, const char *body, int64_t server_date_s, const char *part)
{
    hints_to(false, status, body, server_date_s, part);
}

#define DENIED "{\"error\":{\"code\":\"Denied\",\"message\":\"Denied by the resource provider.\"}}"
#define HASH                                                                                                      \
    "{\"error\":{\"code\":\"Denied\",\"message\":\"Request 'x-ms-content-sha256' differs from generated content " \
    "hash.\"}}"

static void a_clock_more_than_15_minutes_off_is_named(void **state)
{
    (void)state;
    hints(401, DENIED, now_s + 15 * 60 + 1, "15 min behind");
    hints(401, DENIED, now_s + 40 * 60, "40 min behind");
    hints(401, DENIED, now_s - 40 * 60, "40 min ahead of");
    hints(401, "", now_s - 40 * 60, "40 min ahead of");
}

static void a_clock_that_is_near_enough_is_not_blamed(void **state)
{
    (void)state;
    hints(401, DENIED, now_s, "access key");
    hints(401, DENIED, now_s + 15 * 60, "access key");
    hints(401, DENIED, now_s - 15 * 60, "access key");
    hints(401, DENIED, 0, "access key");
    hints(403, "", now_s + 40 * 60, "role");
}

static void a_changed_body_is_named_whatever_the_clock_says(void **state)
{
    (void)state;
    hints(401, HASH, now_s, "changes the bodies");
    hints(401, HASH, now_s + 40 * 60, "changes the bodies");
}

static void each_rejection_has_its_hint(void **state)
{
    (void)state;
    hints(401, "", 0, "access key is of this resource");
    hints(402, "", 0, "subscription");
    hints(403, "", 0, "role");
    hints(407, "", 0, "proxy");
    hints(511, "", 0, "network");
    hints(308, "", 0, "endpoint");
    hints(404, "<html>", 0, "gateway or proxy");
}

static void a_request_that_is_not_understood_hints_to_what_all_have_in_common(void **state)
{
    (void)state;
    hints(405, "", 0, "check resource.api_version");
    hints(400, "{\"error\":{\"code\":\"UnsupportedApiVersion\"}}", 0, "check resource.api_version");
    hints(400, "{\"error\":{\"code\":\"ValidationError\",\"target\":\"scopes\"}}", 0, "token.scopes");
}

static void a_bearer_token_that_is_not_taken_is_no_matter_of_keys_and_clocks(void **state)
{
    (void)state;
    hints_to(true, 401, DENIED, now_s + 40 * 60, "no token of this credential");
    hints_to(true, 401, "", 0, "no token of this credential");
    hints_to(true, 403, "", 0, "role");
    hints_to(true, 407, "", 0, "proxy");
}

static void other_answers_have_none(void **state)
{
    (void)state;
    hints(404, "", now_s + 40 * 60, "");
    hints(500, "", now_s + 40 * 60, "");
    hints(401, "{\"error\":{\"code\":\"IdentityNotOwned\"}}", now_s + 40 * 60, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_more_than_15_minutes_off_is_named),
        cmocka_unit_test(a_clock_that_is_near_enough_is_not_blamed),
        cmocka_unit_test(a_changed_body_is_named_whatever_the_clock_says),
        cmocka_unit_test(each_rejection_has_its_hint),
        cmocka_unit_test(a_request_that_is_not_understood_hints_to_what_all_have_in_common),
        cmocka_unit_test(a_bearer_token_that_is_not_taken_is_no_matter_of_keys_and_clocks),
        cmocka_unit_test(other_answers_have_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
