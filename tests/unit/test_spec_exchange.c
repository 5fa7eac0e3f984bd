/* Jobs that exchange the tokens of Teams users have all that it takes, and do nothing else. */
#include "spec_fixture.h"

#define TEAMS ROSTER "  teams_token_column: entra_token\n  teams_user_column: object_id\n"
#define TOKEN "token: { teams_app_id: 1b2c3d4e }\n"
#define SINK "outputs: { tokens: { csv: tokens.csv } }\n"
#define EXCHANGE "rules:\n  added: exchange\n"
#define JOB TOP RESOURCE LEDGER TEAMS TOKEN SINK EXCHANGE /* 15 lines */

static void a_job_may_exchange(void **state)
{
    const struct spec *spec = load(state, JOB "  changed: exchange\n  expiring: { within: 30m, do: exchange }\n"
                                              "  removed: keep\n");

    assert_true(spec_exchanges(spec));
    assert_true(spec_has_tokens(spec));
    assert_int_equal(spec->rules.expiring.actions.items[0], ACTION_EXCHANGE);
    assert_string_equal(spec->roster.teams_token_column, "entra_token");
    assert_string_equal(spec->roster.teams_user_column, "object_id");
    assert_string_equal(spec->token.teams_app_id, "1b2c3d4e");
    assert_int_equal(spec->resources[0].quotas[ACTION_EXCHANGE].count, 500);
    assert_int_equal(spec->resources[0].quotas[ACTION_EXCHANGE].window_ms, 30000);
    spec = load(state, WHOLE);
    assert_false(spec_exchanges(spec));
    assert_false(spec_has_tokens(spec));
}

static void what_an_exchange_needs_is_named_when_it_is_missing(void **state)
{
    refuses(state, TOP RESOURCE LEDGER ROSTER EXCHANGE,
            "job.yaml:10:3: a rule exchanges tokens, and roster.teams_token_column is missing\n"
            "  hint: name the column with each user's Entra token\n"
            "job.yaml:10:3: a rule exchanges tokens, and roster.teams_user_column is missing\n"
            "  hint: name the column with each user's object id in Entra\n"
            "job.yaml:10:3: a rule exchanges tokens, and token.teams_app_id is missing\n"
            "  hint: write the id of the application that the Entra tokens were made for\n"
            "job.yaml:10:3: a rule exchanges tokens, but nobody receives them\n"
            "  hint: write outputs.tokens for where the tokens go\n");
}

static void what_is_for_exchanges_is_refused_without_one(void **state)
{
    refuses(state, TOP RESOURCE LEDGER TEAMS RULES TOKEN,
            "job.yaml:9:3: roster.teams_token_column is for rules that exchange tokens, and there is none\n"
            "  hint: write for example added: exchange under rules, or remove it\n"
            "job.yaml:10:3: roster.teams_user_column is for rules that exchange tokens, and there is none\n"
            "  hint: write for example added: exchange under rules, or remove it\n"
            "job.yaml:13:10: token.teams_app_id is for rules that exchange tokens, and there is none\n"
            "  hint: write for example added: exchange under rules, or remove it\n");
}

#define NOTHING_ELSE(place, rule)                                                                                      \
    "job.yaml:" place ": rules." rule ": a job that exchanges the tokens of Teams users does nothing else: they have " \
    "no identity of the service's\n  hint: write keep there, or a job of its own for other users\n"

static void a_job_that_exchanges_does_nothing_else(void **state)
{
    refuses(state, JOB "  changed: [revoke, exchange]\n  removed: delete\n  lost: provision\n",
            NOTHING_ELSE("15:12", "changed") NOTHING_ELSE("16:12", "removed") NOTHING_ELSE("17:9", "lost"));
    refuses(state, TOP RESOURCE LEDGER TEAMS "token: { teams_app_id: x, scopes: [chat] }\n" SINK EXCHANGE,
            "job.yaml:11:35: token.scopes does not go with rules that exchange tokens\n"
            "  hint: remove scopes: the service gives a Teams user's token its own\n");
}

static void the_column_of_the_tokens_is_used_for_nothing_else(void **state)
{
    refuses(state,
            TOP RESOURCE LEDGER
            "roster:\n  csv: users.csv\n  key: entra_token\n  watch: [a, entra_token]\n"
            "  where: { entra_token: x }\n"
            "  teams_token_column: entra_token\n  teams_user_column: entra_token\n" TOKEN SINK EXCHANGE,
            "job.yaml:8:8: roster.key: the column with the Entra tokens is used for nothing else, so that none is "
            "written down\n  hint: name another column\n"
            "job.yaml:9:10: roster.watch: the column with the Entra tokens is used for nothing else, so that none is "
            "written down\n  hint: name another column\n"
            "job.yaml:10:10: roster.where: the column with the Entra tokens is used for nothing else, so that none is "
            "written down\n  hint: name another column\n"
            "job.yaml:12:22: roster.teams_user_column: the column with the Entra tokens is used for nothing else, so "
            "that none is written down\n  hint: name another column\n");
}

static void exchanging_needs_a_version_that_knows_it(void **state)
{
    refuses(state, TOP RESOURCE "  api_version: 2021-03-07\n" LEDGER TEAMS TOKEN SINK EXCHANGE,
            "job.yaml:5:16: exchanging tokens needs api_version 2022-06-01 or later, not 2021-03-07\n"
            "  hint: write api_version: 2023-10-01\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_may_exchange),
        TEST(what_an_exchange_needs_is_named_when_it_is_missing),
        TEST(what_is_for_exchanges_is_refused_without_one),
        TEST(a_job_that_exchanges_does_nothing_else),
        TEST(the_column_of_the_tokens_is_used_for_nothing_else),
        TEST(exchanging_needs_a_version_that_knows_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
