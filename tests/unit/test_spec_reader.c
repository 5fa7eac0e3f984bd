/* What a valid job spec says, and what is assumed where it is silent. */
#include "spec_fixture.h"

static const char design_example[] =
    "version: 1\n"
    "name: contoso-staff\n"
    "\n"
    "resource:\n"
    "  connection_string: { env: ACS_CONNECTION }   # or { file: /run/secrets/acs }\n"
    "\n"
    "ledger: contoso.ledger            # SQLite; relative paths are relative to this file\n"
    "\n"
    "roster:\n"
    "  csv: users.csv                  # '-' reads standard input\n"
    "  key: user_id\n"
    "  watch: [password_changed_at]    # columns whose change matters\n"
    "\n"
    "token:\n"
    "  scopes: [chat, voip]            # empty: identities without tokens\n"
    "  lifetime: 24h                   # 1h to 24h\n"
    "\n"
    "rules:\n"
    "  added: provision\n"
    "  changed: [revoke, issue]\n"
    "  expiring: { within: 6h, do: issue }\n"
    "  removed: { do: delete, after: 30d, meanwhile: revoke }   # or just: delete / revoke / keep\n"
    "\n"
    "limits:\n"
    "  delete: 5%\n"
    "  revoke: 20%\n"
    "  shrink: 10%\n"
    "  protect: [ceo@contoso.example]\n"
    "\n"
    "outputs:\n"
    "  mapping: out/mapping.csv\n"
    "  tokens: { csv: out/tokens.csv }\n"
    "  failures: out/failures.csv\n"
    "\n"
    "engine:\n"
    "  concurrency: 64\n"
    "  quotas: { create: 1000/30s, issue: 1000/30s, revoke: 500/30s, delete: 500/30s }\n";

static void the_example_of_the_design_is_read_as_it_stands(void **state)
{
    const struct spec *spec = load(state, design_example);

    assert_string_equal(spec->path, "job.yaml");
    assert_string_equal(spec->name, "contoso-staff");
    assert_string_equal(secret_reveal(&spec->resources[0].connection_string), getenv("ACS_CONNECTION"));
    assert_int_equal(spec->resources[0].credential.kind, CREDENTIAL_ACCESS_KEY);
    assert_string_equal(spec->ledger, "contoso.ledger");
    assert_string_equal(spec->roster.csv, "users.csv");
    assert_string_equal(spec->roster.key, "user_id");
    assert_int_equal(spec->roster.watch.count, 1);
    assert_string_equal(spec->roster.watch.items[0], "password_changed_at");
    assert_int_equal(spec->token.scopes.count, 2);
    assert_string_equal(spec->token.scopes.items[1], "voip");
    assert_int_equal(spec->limits.protect.count, 1);
    assert_string_equal(spec->outputs.mapping, "out/mapping.csv");
    assert_string_equal(spec->outputs.failures, "out/failures.csv");
    assert_int_equal(spec->outputs.sink_count, 1);
    assert_int_equal(spec->outputs.sinks[0].kind, SINK_CSV);
    assert_string_equal(spec->outputs.sinks[0].path, "out/tokens.csv");
    assert_int_equal(spec->resources[0].quotas[ACTION_DELETE].count, 500);
}

static void the_rules_of_the_example_become_actions_in_their_order(void **state)
{
    const struct spec *spec = load(state, design_example);

    assert_int_equal(spec->rules.added.count, 1);
    assert_int_equal(spec->rules.added.items[0], ACTION_PROVISION);
    assert_int_equal(spec->rules.changed.count, 2);
    assert_int_equal(spec->rules.changed.items[0], ACTION_REVOKE);
    assert_int_equal(spec->rules.changed.items[1], ACTION_ISSUE);
    assert_true(spec->rules.expiring.set);
    assert_int_equal(spec->rules.expiring.within_s, 6 * 3600);
    assert_int_equal(spec->rules.expiring.actions.items[0], ACTION_ISSUE);
    assert_int_equal(spec->rules.removed.actions.items[0], ACTION_DELETE);
    assert_int_equal(spec->rules.removed.after_s, 30 * 86400);
    assert_int_equal(spec->rules.removed.meanwhile.items[0], ACTION_REVOKE);
    assert_int_equal(spec->rules.lost.count, 0);
}

static void what_a_spec_leaves_out_gets_the_defaults_of_the_table(void **state)
{
    const struct spec *spec = load(state, WHOLE);

    assert_string_equal(spec->resources[0].api_version, "2023-10-01");
    assert_false(spec->resources[0].custom_id);
    assert_null(spec->resources[0].endpoint);
    assert_null(spec->resources[0].ca_file);
    assert_int_equal(spec->roster.delimiter, ',');
    assert_int_equal(spec->roster.duplicates, DUPLICATES_REFUSE);
    assert_null(spec->roster.previous);
    assert_int_equal(spec->roster.watch.count, 0);
    assert_int_equal(spec->roster.where_count, 0);
    assert_int_equal(spec->token.scopes.count, 0);
    assert_int_equal(spec->token.lifetime_min, 24 * 60);
    assert_null(spec->outputs.mapping);
    assert_null(spec->outputs.failures);
    assert_int_equal(spec->outputs.sink_count, 0);
    assert_int_equal(spec->hooks.after_run.count, 0);
    assert_int_equal(spec->hooks.on_failure.count, 0);
    assert_false(spec->outputs.escape_formulas);
}

static void categories_without_a_rule_are_kept(void **state)
{
    const struct spec *spec = load(state, WHOLE);

    assert_int_equal(spec->rules.changed.count, 0);
    assert_false(spec->rules.expiring.set);
    assert_int_equal(spec->rules.removed.actions.count, 0);
    assert_int_equal(spec->rules.removed.after_s, 0);
    assert_int_equal(spec->rules.lost.count, 0);
}

static void the_limits_are_safe_by_default(void **state)
{
    const struct spec *spec = load(state, WHOLE);

    assert_true(spec->limits.erase.has_percent && !spec->limits.erase.has_count);
    assert_float_equal(spec->limits.erase.percent, 5, 0);
    assert_float_equal(spec->limits.revoke.percent, 20, 0);
    assert_float_equal(spec->limits.shrink.percent, 20, 0);
    assert_int_equal(spec->limits.protect.count, 0);
}

static void the_engine_keeps_to_the_published_quotas_by_default(void **state)
{
    const struct spec *spec = load(state, WHOLE);

    assert_int_equal(spec->engine.concurrency, 64);
    assert_int_equal(spec->resources[0].quotas[ACTION_PROVISION].count, 1000);
    assert_int_equal(spec->resources[0].quotas[ACTION_ISSUE].count, 1000);
    assert_int_equal(spec->resources[0].quotas[ACTION_REVOKE].count, 500);
    assert_int_equal(spec->resources[0].quotas[ACTION_DELETE].count, 500);
    for (size_t i = 0; i < ACTION_COUNT; i++)
        assert_int_equal(spec->resources[0].quotas[i].window_ms, 30000);
    assert_true(spec->engine.create_counts_as_issue);
    assert_int_equal(spec->engine.http, SPEC_HTTP_AUTO);
    assert_int_equal(spec->engine.connect_timeout_ms, 10000);
    assert_int_equal(spec->engine.request_timeout_ms, 60000);
    assert_int_equal(spec->engine.stall_timeout_ms, 30000);
    assert_int_equal(spec->engine.give_up_after_ms, 300000);
}

static void every_key_of_the_roster_is_read(void **state)
{
    const struct spec *spec = load(state, TOP RESOURCE LEDGER RULES "roster:\n"
                                                                    "  csv: users.csv\n"
                                                                    "  key: 'user id'\n"
                                                                    "  delimiter: ;\n"
                                                                    "  watch: department\n"
                                                                    "  previous: older.csv\n"
                                                                    "  duplicates: first\n"
                                                                    "  where:\n"
                                                                    "    active: true\n"
                                                                    "    department: [sales, '', 7]\n");

    assert_string_equal(spec->roster.key, "user id");
    assert_int_equal(spec->roster.delimiter, ';');
    assert_string_equal(spec->roster.watch.items[0], "department");
    assert_string_equal(spec->roster.previous, "older.csv");
    assert_int_equal(spec->roster.duplicates, DUPLICATES_FIRST);
    assert_int_equal(spec->roster.where_count, 2);
    assert_string_equal(spec->roster.where[0].column, "active");
    assert_string_equal(spec->roster.where[0].values.items[0], "true");
    assert_int_equal(spec->roster.where[1].values.count, 3);
    assert_string_equal(spec->roster.where[1].values.items[1], "");
    assert_string_equal(spec->roster.where[1].values.items[2], "7");
}

static void every_key_of_the_engine_is_read(void **state)
{
    const struct spec *spec = load(state, WHOLE "engine:\n"
                                                "  concurrency: 1024\n"
                                                "  quotas: { create: none, issue: 1/100ms, delete: 1000000/1h }\n"
                                                "  create_counts_as_issue: false\n"
                                                "  http: 1.1\n"
                                                "  timeouts: { connect: 100ms, request: 10m, stall: 2s }\n"
                                                "  give_up_after: 1d\n");

    assert_int_equal(spec->engine.concurrency, 1024);
    assert_int_equal(spec->resources[0].quotas[ACTION_PROVISION].count, 0);
    assert_int_equal(spec->resources[0].quotas[ACTION_ISSUE].count, 1);
    assert_int_equal(spec->resources[0].quotas[ACTION_ISSUE].window_ms, 100);
    assert_int_equal(spec->resources[0].quotas[ACTION_DELETE].count, 1000000);
    assert_int_equal(spec->resources[0].quotas[ACTION_DELETE].window_ms, 3600000);
    assert_int_equal(spec->resources[0].quotas[ACTION_REVOKE].count, 500);
    assert_false(spec->engine.create_counts_as_issue);
    assert_int_equal(spec->engine.http, SPEC_HTTP_1_1);
    assert_int_equal(spec->engine.connect_timeout_ms, 100);
    assert_int_equal(spec->engine.request_timeout_ms, 600000);
    assert_int_equal(spec->engine.stall_timeout_ms, 2000);
    assert_int_equal(spec->engine.give_up_after_ms, 86400000);
}

static void a_resource_may_allow_less_or_more_than_the_engine_says(void **state)
{
    const struct spec *spec =
        load(state, TOP RESOURCE "  quotas: { issue: 100/30s, delete: none }\n" LEDGER ROSTER RULES
                                 "engine:\n  quotas: { issue: 50/30s, delete: 10/1s, revoke: 7/1s }\n");

    assert_int_equal(spec->resources[0].quotas[ACTION_ISSUE].count, 100);
    assert_int_equal(spec->resources[0].quotas[ACTION_DELETE].count, 0);
    assert_int_equal(spec->resources[0].quotas[ACTION_REVOKE].count, 7);
    assert_int_equal(spec->resources[0].quotas[ACTION_PROVISION].count, 1000);
}

static void an_endpoint_comes_with_a_credential(void **state)
{
    static const struct {
        const char *word;
        enum spec_credential credential;
    } cases[] = {
        {"default", CREDENTIAL_DEFAULT},         {"managed_identity", CREDENTIAL_MANAGED_IDENTITY},
        {"environment", CREDENTIAL_ENVIRONMENT}, {"workload_identity", CREDENTIAL_WORKLOAD_IDENTITY},
        {"azure_cli", CREDENTIAL_AZURE_CLI},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml,
                 TOP LEDGER ROSTER RULES "resource:\n  endpoint: https://contoso.communication.azure.com\n"
                                         "  credential: %s\n  ca_file: cert.pem\n",
                 cases[i].word);
        const struct spec *spec = load(state, yaml);
        assert_string_equal(spec->resources[0].endpoint, "https://contoso.communication.azure.com");
        assert_int_equal(spec->resources[0].credential.kind, cases[i].credential);
        assert_string_equal(spec->resources[0].ca_file, "cert.pem");
        assert_false(secret_is_set(&spec->resources[0].connection_string));
    }
}

static void plain_http_is_good_enough_for_this_machine(void **state)
{
    static const char *const endpoints[] = {"http://localhost:8080", "http://127.0.0.1:80/", "'http://[::1]:8080'"};

    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml, TOP LEDGER ROSTER RULES "resource:\n  credential: default\n  endpoint: %s\n",
                 endpoints[i]);
        load(state, yaml);
    }
}

static void custom_id_selects_the_version_that_knows_it(void **state)
{
    const struct spec *spec = load(state, TOP LEDGER ROSTER RULES
                                   "resource: { connection_string: { env: ACS_CONNECTION }, custom_id: true }\n");

    assert_true(spec->resources[0].custom_id);
    assert_string_equal(spec->resources[0].api_version, "2025-03-02-preview");
}

static void a_limit_is_a_percentage_a_count_or_both(void **state)
{
    const struct spec *spec =
        load(state, WHOLE "limits: { delete: [2.5%, 500], revoke: 0, shrink: 100%, protect: anna }\n");

    assert_true(spec->limits.erase.has_percent && spec->limits.erase.has_count);
    assert_float_equal(spec->limits.erase.percent, 2.5, 1e-9);
    assert_int_equal(spec->limits.erase.count, 500);
    assert_true(spec->limits.revoke.has_count && !spec->limits.revoke.has_percent);
    assert_int_equal(spec->limits.revoke.count, 0);
    assert_float_equal(spec->limits.shrink.percent, 100, 0);
    assert_string_equal(spec->limits.protect.items[0], "anna");
}

static void a_rule_may_be_one_word(void **state)
{
    const struct spec *spec =
        load(state, TOP RESOURCE LEDGER ROSTER
             "rules: { added: keep, changed: revoke, unchanged: keep, removed: [revoke, delete], lost: provision }\n");

    assert_int_equal(spec->rules.added.count, 0);
    assert_int_equal(spec->rules.changed.items[0], ACTION_REVOKE);
    assert_int_equal(spec->rules.removed.actions.count, 2);
    assert_int_equal(spec->rules.removed.actions.items[1], ACTION_DELETE);
    assert_int_equal(spec->rules.removed.after_s, 0);
    assert_int_equal(spec->rules.lost.items[0], ACTION_PROVISION);
}

static void paths_are_relative_to_the_spec(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(mkdir("jobs", 0755), 0);
    write_text("jobs/users.csv", "user_id\n");
    write_text("jobs/demo.yaml", WHOLE "outputs: { mapping: /var/mapping.csv, escape_formulas: true }\n");
    fixture->spec = spec_load("jobs/demo.yaml", SPEC_WITH_SECRETS, &fixture->problems, &fixture->error);

    assert_non_null(fixture->spec);
    assert_string_equal(fixture->spec->ledger, "jobs/demo.ledger");
    assert_string_equal(fixture->spec->roster.csv, "jobs/users.csv");
    assert_string_equal(fixture->spec->outputs.mapping, "/var/mapping.csv");
    assert_true(fixture->spec->outputs.escape_formulas);
}

static void a_hyphen_reads_the_roster_from_standard_input(void **state)
{
    const struct spec *spec = load(state, TOP RESOURCE LEDGER RULES "roster: { csv: '-', key: user_id }\n");

    assert_string_equal(spec->roster.csv, "-");
}

static void the_delimiter_may_be_a_tabulator(void **state)
{
    assert_int_equal(
        load(state, TOP RESOURCE LEDGER RULES "roster: { csv: '-', key: id, delimiter: tab }\n")->roster.delimiter,
        '\t');
    assert_int_equal(
        load(state, TOP RESOURCE LEDGER RULES "roster: { csv: '-', key: id, delimiter: \"\\t\" }\n")->roster.delimiter,
        '\t');
    assert_int_equal(
        load(state, TOP RESOURCE LEDGER RULES "roster: { csv: '-', key: id, delimiter: '|' }\n")->roster.delimiter,
        '|');
}

static void the_ends_of_a_range_belong_to_it(void **state)
{
    assert_int_equal(load(state, WHOLE "token: { lifetime: 1h }\n")->token.lifetime_min, 60);
    assert_int_equal(load(state, WHOLE "token: { lifetime: 1440m }\n")->token.lifetime_min, 1440);
    assert_int_equal(load(state, WHOLE "engine: { concurrency: 1 }\n")->engine.concurrency, 1);
    assert_int_equal(load(state, WHOLE "engine: { give_up_after: 1s }\n")->engine.give_up_after_ms, 1000);
    assert_int_equal(load(state, TOP RESOURCE LEDGER ROSTER "rules: { removed: { do: delete, after: 3650d } }\n")
                         ->rules.removed.after_s,
                     UINT64_C(3650) * 86400);
    load(state, "name: a123456789b123456789c123456789d123456789e123456789f123456789._-x\nversion: 1\n" RESOURCE LEDGER
                    ROSTER RULES);
}

static void loading_leaves_the_environment_alone(void **state)
{
    load(state, WHOLE);

    assert_non_null(getenv("ACS_CONNECTION"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_example_of_the_design_is_read_as_it_stands),
        TEST(the_rules_of_the_example_become_actions_in_their_order),
        TEST(what_a_spec_leaves_out_gets_the_defaults_of_the_table),
        TEST(categories_without_a_rule_are_kept),
        TEST(the_limits_are_safe_by_default),
        TEST(the_engine_keeps_to_the_published_quotas_by_default),
        TEST(every_key_of_the_roster_is_read),
        TEST(every_key_of_the_engine_is_read),
        TEST(a_resource_may_allow_less_or_more_than_the_engine_says),
        TEST(an_endpoint_comes_with_a_credential),
        TEST(plain_http_is_good_enough_for_this_machine),
        TEST(custom_id_selects_the_version_that_knows_it),
        TEST(a_limit_is_a_percentage_a_count_or_both),
        TEST(a_rule_may_be_one_word),
        TEST(paths_are_relative_to_the_spec),
        TEST(a_hyphen_reads_the_roster_from_standard_input),
        TEST(the_delimiter_may_be_a_tabulator),
        TEST(the_ends_of_a_range_belong_to_it),
        TEST(loading_leaves_the_environment_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
