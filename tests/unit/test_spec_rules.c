/* What one key alone cannot get wrong: actions in an order that makes no sense, keys that do not go together. */
#include "spec_fixture.h"

#define TOKENS "token: { scopes: [chat] }\noutputs: { tokens: { csv: tokens.csv } }\n"

static void actions_stand_in_an_order_that_makes_sense(void **state)
{
    refuses(
        state, TOP RESOURCE LEDGER ROSTER TOKENS "rules: { changed: [issue, revoke] }\n",
        "job.yaml:11:27: rules.changed revokes the token that it has just issued: a revoke kills every token, so it "
        "comes first\n"
        "  hint: write [revoke, issue]\n");
    refuses(state, TOP RESOURCE LEDGER ROSTER TOKENS "rules: { changed: [issue, delete] }\n",
            "job.yaml:11:27: rules.changed issues a token for an identity that it then deletes\n"
            "  hint: remove issue\n");
    refuses(state, TOP RESOURCE LEDGER ROSTER TOKENS "rules: { changed: [delete, issue] }\n",
            "job.yaml:11:28: rules.changed does issue after delete, when the identity is gone\n"
            "  hint: put delete last, or remove it\n");
    refuses(state, TOP RESOURCE LEDGER ROSTER TOKENS "rules: { removed: { do: [delete, revoke] } }\n",
            "job.yaml:11:34: rules.removed.do does revoke after delete, when the identity is gone\n"
            "  hint: put delete last, or remove it\n");
    refuses(state, TOP RESOURCE LEDGER ROSTER TOKENS "rules: { removed: [revoke, revoke] }\n",
            "job.yaml:11:28: rules.removed does revoke twice\n"
            "  hint: remove one of the two\n");
    refuses(state, TOP RESOURCE LEDGER ROSTER TOKENS "rules: { changed: [revoke, keep], removed: [] }\n",
            "job.yaml:11:28: rules.changed cannot keep a user as it is and do something to it\n"
            "  hint: remove keep, or everything else\n"
            "job.yaml:11:44: rules.removed is an empty list\n"
            "  hint: write keep for doing nothing\n");
}

static void each_category_has_its_actions(void **state)
{
    refuses(state,
            TOP RESOURCE LEDGER ROSTER TOKENS "rules:\n"
                                              "  added: issue\n"
                                              "  changed: provision\n"
                                              "  expiring: { within: 6h, do: provision }\n"
                                              "  unchanged: issue\n"
                                              "  removed: { do: issue, after: 1d, meanwhile: delete }\n"
                                              "  lost: delete\n",
            "job.yaml:12:10: rules.added cannot be \"issue\"\n  hint: write keep, provision or exchange\n"
            "job.yaml:13:12: rules.changed cannot be \"provision\"\n"
            "  hint: write keep, revoke, issue, delete or exchange\n"
            "job.yaml:14:31: rules.expiring.do cannot be \"provision\"\n"
            "  hint: write keep, revoke, issue, delete or exchange\n"
            "job.yaml:15:14: rules.unchanged cannot be \"issue\"\n  hint: write keep\n"
            "job.yaml:16:18: rules.removed.do cannot be \"issue\"\n  hint: write keep, revoke or delete\n"
            "job.yaml:16:47: rules.removed.meanwhile cannot be \"delete\"\n  hint: write keep or revoke\n"
            "job.yaml:17:9: rules.lost cannot be \"delete\"\n  hint: write keep or provision\n");
}

static void meanwhile_needs_a_grace_period(void **state)
{
    refuses(state, TOP RESOURCE LEDGER ROSTER "rules: { removed: { do: delete, meanwhile: revoke } }\n",
            "job.yaml:9:44: rules.removed.meanwhile needs after: without a grace period there is no meanwhile\n"
            "  hint: write for example after: 30d, or put it into do\n");
}

static void a_new_token_is_not_expiring_at_once(void **state)
{
    static const char fault[] =
        "job.yaml:11:30: rules.expiring.within (2h) must be shorter than token.lifetime (2h): a new token would expire "
        "again at once\n"
        "  hint: make within shorter, or token.lifetime longer\n";

    refuses(state,
            TOP RESOURCE LEDGER ROSTER "token: { scopes: [chat], lifetime: 2h }\noutputs: { tokens: { csv: t.csv } }\n"
                                       "rules: { expiring: { within: 120m, do: issue } }\n",
            fault);
    refuses(state,
            TOP RESOURCE LEDGER ROSTER "token: { scopes: [chat], lifetime: 2h }\noutputs: { tokens: { csv: t.csv } }\n"
                                       "rules: { expiring: { within: 1h, do: issue, jitter: 60m } }\n",
            "job.yaml:11:53: rules.expiring.within and jitter together must be shorter than token.lifetime (2h)\n"
            "  hint: make within or jitter shorter, or token.lifetime longer\n");
    load(state,
         TOP RESOURCE LEDGER ROSTER "token: { scopes: [chat], lifetime: 2h }\noutputs: { tokens: { csv: t.csv } }\n"
                                    "rules: { expiring: { within: 1h, do: issue, jitter: 59m } }\n");
}

static void a_fault_of_one_key_does_not_cause_others(void **state)
{
    refuses(state,
            TOP RESOURCE LEDGER ROSTER "token: { scopes: [chat], lifetime: 2 }\noutputs: { tokens: { csv: t.csv } }\n"
                                       "rules: { expiring: { within: 24h, do: issue } }\n",
            "job.yaml:9:36: token.lifetime needs a unit: \"2\" could be anything\n"
            "  hint: add ms, s, m, h or d, for example lifetime: 24h\n");
    refuses(state, TOP RESOURCE LEDGER ROSTER "token: { scopes: [chatt] }\nrules: { changed: issue }\n",
            "job.yaml:9:19: token.scopes cannot be \"chatt\"\n  hint: did you mean \"chat\"?\n");
    refuses(state, TOP "resource: 5\n" LEDGER ROSTER RULES,
            "job.yaml:3:11: resource must be a mapping, not a single value\n"
            "  hint: write resource: and its keys below it, indented\n");
}

static void issuing_needs_scopes(void **state)
{
    refuses(state,
            TOP RESOURCE LEDGER ROSTER "rules: { changed: [revoke, issue], expiring: { within: 6h, do: issue } }\n",
            "job.yaml:9:19: rules.changed issues a token, but token.scopes is empty\n"
            "  hint: write for example token: { scopes: [chat, voip] }\n"
            "job.yaml:9:64: rules.expiring.do issues a token, but token.scopes is empty\n"
            "  hint: write for example token: { scopes: [chat, voip] }\n");
}

static void tokens_need_somewhere_to_go(void **state)
{
    refuses(state, WHOLE "token: { scopes: [chat] }\n",
            "job.yaml:11:18: token.scopes asks for tokens, but nobody receives them\n"
            "  hint: write scopes: [] for identities without tokens, or outputs.tokens for where the tokens go\n");
}

static void a_resource_is_entered_in_one_way(void **state)
{
    refuses(state, TOP LEDGER ROSTER RULES "resource: { api_version: 2023-10-01 }\n",
            "job.yaml:9:11: resource has neither a connection_string nor an endpoint\n"
            "  hint: write connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, or endpoint and "
            "credential\n");
    refuses(state,
            TOP LEDGER ROSTER RULES
            "resource: { connection_string: { env: ACS_CONNECTION }, endpoint: 'https://a.b', credential: default }\n",
            "job.yaml:9:11: resource has both a connection_string and an endpoint\n"
            "  hint: remove one of the two\n");
    refuses(state,
            TOP LEDGER ROSTER RULES "resource: { connection_string: { env: ACS_CONNECTION }, credential: default }\n",
            "job.yaml:9:69: resource.credential does not go with a connection_string\n"
            "  hint: remove credential: a connection string holds its own key\n");
    refuses(state, TOP LEDGER ROSTER RULES "resource: { endpoint: 'https://a.b' }\n",
            "job.yaml:9:23: resource.endpoint needs a credential\n"
            "  hint: write for example credential: default below it\n");
}

static void an_endpoint_is_reached_by_tls(void **state)
{
    refuses(state,
            TOP LEDGER ROSTER RULES
            "resource: { endpoint: http://contoso.communication.azure.com, credential: default }\n",
            "job.yaml:9:23: resource.endpoint: the address uses http://, which would send secrets in the clear\n"
            "  hint: use https://; http:// is only for 127.0.0.0/8, [::1] and localhost\n");
    refuses(state,
            TOP LEDGER ROSTER RULES "resource: { endpoint: contoso.communication.azure.com, credential: default }\n",
            "job.yaml:9:23: resource.endpoint: the address does not begin with https://\n"
            "  hint: write https://NAME.communication.azure.com\n");
}

static void a_connection_string_given_as_an_endpoint_is_recognised(void **state)
{
    setenv("ACS_ENDPOINT", "endpoint=https://contoso.communication.azure.com/;accesskey=c2VjcmV0", 1);
    refuses(state, TOP LEDGER ROSTER RULES "resource: { endpoint: { env: ACS_ENDPOINT }, credential: default }\n",
            "job.yaml:9:23: resource.endpoint: the address does not begin with https://\n"
            "  hint: this is a connection string: give it as connection_string\n");
    unsetenv("ACS_ENDPOINT");
}

static void some_features_need_a_version_that_knows_them(void **state)
{
    refuses(state,
            TOP LEDGER ROSTER RULES "outputs: { tokens: { csv: t.csv } }\n"
                                    "resource:\n"
                                    "  connection_string: { env: ACS_CONNECTION }\n"
                                    "  api_version: 2022-06-01\n"
                                    "  custom_id: true\n"
                                    "token: { scopes: [chat, chat.join, voip.join], lifetime: 2h }\n",
            "job.yaml:12:16: resource.custom_id: true needs api_version 2025-03-02-preview, not 2022-06-01\n"
            "  hint: remove api_version, or write api_version: 2025-03-02-preview\n"
            "job.yaml:14:25: token.scopes: \"chat.join\" needs api_version 2023-10-01 or later, not 2022-06-01\n"
            "  hint: write api_version: 2023-10-01 under resource, or remove the scope\n"
            "job.yaml:14:36: token.scopes: \"voip.join\" needs api_version 2023-10-01 or later, not 2022-06-01\n"
            "  hint: write api_version: 2023-10-01 under resource, or remove the scope\n"
            "job.yaml:14:58: token.lifetime: other than 24h needs api_version 2022-10-01 or later, not 2022-06-01\n"
            "  hint: write api_version: 2023-10-01 under resource, or lifetime: 24h\n");
    load(state, TOP LEDGER ROSTER RULES "outputs: { tokens: { csv: t.csv } }\n"
                                        "resource: { connection_string: { env: ACS_CONNECTION }, "
                                        "api_version: 2025-03-02-preview }\n"
                                        "token: { scopes: voip.join, lifetime: 2h }\n");
}

static void no_file_has_two_uses(void **state)
{
    assert_int_equal(symlink("users.csv", "link.csv"), 0);

    refuses(state,
            WHOLE "token: { scopes: [chat] }\n"
                  "outputs: { mapping: out/../x.csv, failures: ./x.csv, tokens: { ndjson: .//users.csv } }\n",
            "job.yaml:12:45: outputs.failures and outputs.mapping are the same file, \"./x.csv\"\n"
            "  hint: give each a file of its own\n"
            "job.yaml:12:72: outputs.tokens.ndjson and roster.csv are the same file, \".//users.csv\"\n"
            "  hint: give each a file of its own\n");
    refuses(state, TOP RESOURCE ROSTER RULES "ledger: link.csv\n",
            "job.yaml:6:8: roster.csv and ledger are the same file, \"users.csv\"\n"
            "  hint: give each a file of its own\n");
    refuses(state, WHOLE "outputs: { mapping: job.yaml }\n",
            "job.yaml:11:21: outputs.mapping and the job spec are the same file, \"job.yaml\"\n"
            "  hint: give each a file of its own\n");
    load(state, WHOLE "outputs: { mapping: a/../../x.csv, failures: x.csv }\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(actions_stand_in_an_order_that_makes_sense),
        TEST(each_category_has_its_actions),
        TEST(meanwhile_needs_a_grace_period),
        TEST(a_new_token_is_not_expiring_at_once),
        TEST(a_fault_of_one_key_does_not_cause_others),
        TEST(issuing_needs_scopes),
        TEST(tokens_need_somewhere_to_go),
        TEST(a_resource_is_entered_in_one_way),
        TEST(an_endpoint_is_reached_by_tls),
        TEST(a_connection_string_given_as_an_endpoint_is_recognised),
        TEST(some_features_need_a_version_that_knows_them),
        TEST(no_file_has_two_uses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
