/* Several resources in one job: each has its own way in, its own quotas, and its part of the users. */
#include "spec_fixture.h"

#define EMEA "  emea:\n    connection_string: { env: ACS_CONNECTION }\n"
#define US "  us:\n    endpoint: https://us.communication.azure.com\n    credential: default\n"
#define COLUMN ROSTER "  resource_column: region\n"
#define JOB TOP "resources:\n" EMEA US LEDGER COLUMN RULES

static void each_resource_has_its_name_and_its_own_keys(void **state)
{
    const struct spec *spec = load(state, JOB);

    assert_int_equal(spec->resource_count, 2);
    assert_string_equal(spec->resources[0].name, "emea");
    assert_string_equal(secret_reveal(&spec->resources[0].connection_string), getenv("ACS_CONNECTION"));
    assert_string_equal(spec->resources[1].name, "us");
    assert_string_equal(spec->resources[1].endpoint, "https://us.communication.azure.com");
    assert_int_equal(spec->resources[1].credential.kind, CREDENTIAL_DEFAULT);
    assert_string_equal(spec->resources[1].api_version, "2023-10-01");
    assert_string_equal(spec->roster.resource_column, "region");
}

static void the_only_resource_of_a_job_has_no_name(void **state)
{
    const struct spec *spec = load(state, WHOLE);

    assert_int_equal(spec->resource_count, 1);
    assert_string_equal(spec->resources[0].name, "");
    assert_null(spec->roster.resource_column);
}

static void what_one_resource_says_of_itself_is_not_said_of_another(void **state)
{
    const struct spec *spec = load(
        state, TOP "resources:\n" EMEA "    quotas: { create: 10/30s }\n    custom_id: true\n" US LEDGER COLUMN RULES
                   "engine:\n  quotas: { issue: 7/1s }\n");

    assert_int_equal(spec->resources[0].quotas[ACTION_PROVISION].count, 10);
    assert_int_equal(spec->resources[1].quotas[ACTION_PROVISION].count, 1000);
    assert_int_equal(spec->resources[0].quotas[ACTION_ISSUE].count, 7);
    assert_int_equal(spec->resources[1].quotas[ACTION_ISSUE].count, 7);
    assert_string_equal(spec->resources[0].api_version, "2025-03-02-preview");
    assert_string_equal(spec->resources[1].api_version, "2023-10-01");
}

static void users_may_be_dealt_out_by_shares(void **state)
{
    const struct spec *spec =
        load(state, TOP "resources:\n" EMEA "    share: 3\n" US "    share: 0\n" LEDGER ROSTER RULES);

    assert_int_equal(spec->resources[0].share, 3);
    assert_int_equal(spec->resources[1].share, 0);
}

static void one_resource_may_have_a_name_too(void **state)
{
    const struct spec *spec = load(state, TOP "resources:\n" EMEA LEDGER ROSTER RULES);

    assert_int_equal(spec->resource_count, 1);
    assert_string_equal(spec->resources[0].name, "emea");
}

static void faults_are_said_of_the_resource_that_has_them(void **state)
{
    refuses(state,
            TOP "resources:\n"
                "  emea:\n    connection_string: { env: ACS_CONNECTION }\n    endpoint: https://x\n"
                "  us:\n    conection_string: { env: ACS_CONNECTION }\n"
                "  asia: 7\n"
                "  'at home': { connection_string: { env: ACS_CONNECTION } }\n"
                "  spare: { connection_string: { env: ACS_CONNECTION }, quotas: { create: lots } }\n"
                "  old: { connection_string: { env: ACS_CONNECTION }, api_version: 2021-03-07 }\n" LEDGER COLUMN RULES
                "token:\n  lifetime: 1h\n",
            "job.yaml:5:5: resources.emea has both a connection_string and an endpoint\n"
            "  hint: remove one of the two\n"
            "job.yaml:8:5: unknown key \"conection_string\" in resources.us\n"
            "  hint: did you mean \"connection_string\"?\n"
            "job.yaml:8:5: resources.us has neither a connection_string nor an endpoint\n"
            "  hint: write connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, or endpoint and "
            "credential\n"
            "job.yaml:9:9: resources.asia must be a mapping, not a single value\n"
            "  hint: write asia: and its keys below it, indented\n"
            "job.yaml:10:3: resources: \"at home\" is no name\n"
            "  hint: use letters, digits, dots, underscores and hyphens\n"
            "job.yaml:11:74: resources.spare.quotas.create must be a quota, not \"lots\"\n"
            "  hint: write requests/time, such as 1000/30s, or none\n"
            "job.yaml:21:13: token.lifetime: other than 24h needs api_version 2022-10-01 or later, not 2021-03-07\n"
            "  hint: write api_version: 2023-10-01 under resources.old, or lifetime: 24h\n");
}

static void a_job_has_one_resource_or_several_and_not_both(void **state)
{
    refuses(state, TOP RESOURCE "resources:\n" EMEA LEDGER ROSTER RULES,
            "job.yaml:5:1: the job spec has both resource and resources\n  hint: keep one of the two\n");
    refuses(state, TOP LEDGER ROSTER RULES,
            "job.yaml:1:1: the job spec is missing its key \"resource\"\n"
            "  hint: write resource: and its keys below it, indented; or resources: for several\n");
    refuses(state, TOP "resources: {}\n" LEDGER ROSTER RULES,
            "job.yaml:3:12: resources is empty\n  hint: name at least one key\n");
}

static void it_must_be_clear_who_belongs_where(void **state)
{
    refuses(state, TOP "resources:\n" EMEA US LEDGER ROSTER RULES,
            "job.yaml:4:3: nothing says which users belong to which of the resources\n"
            "  hint: name a column of the roster in roster.resource_column, or give each resource a share\n");
    refuses(state, TOP "resources:\n" EMEA "    share: 1\n" US LEDGER ROSTER RULES,
            "job.yaml:8:5: resources.us has no share, and others have\n"
            "  hint: write share: 0 below it where nobody new belongs there\n");
    refuses(
        state, TOP "resources:\n" EMEA "    share: 1\n" US LEDGER COLUMN RULES,
        "job.yaml:6:12: resources.emea.share does not go with roster.resource_column, which says who belongs where\n"
        "  hint: remove share, or roster.resource_column\n");
    refuses(state, TOP "resources:\n" EMEA "    share: 0\n" US "    share: 0\n" LEDGER ROSTER RULES,
            "job.yaml:4:3: no resource has a share of the users\n  hint: give one of them a share of 1 or more\n");
    refuses(state, TOP RESOURCE "  share: 1\n" LEDGER COLUMN RULES,
            "job.yaml:5:10: resource.share is for one of several resources\n"
            "  hint: remove share: all users are in the one resource\n"
            "job.yaml:10:20: roster.resource_column needs resources, not resource\n"
            "  hint: write resources: and name each of them\n");
}

static void a_move_deletes_before_it_provisions(void **state)
{
    const struct spec *spec = load(state, JOB "  moved: [delete, provision]\n");

    assert_int_equal(spec->rules.moved.count, 2);
    assert_int_equal(spec->rules.moved.items[0], ACTION_DELETE);
    assert_int_equal(spec->rules.moved.items[1], ACTION_PROVISION);
    assert_int_equal(load(state, JOB "  moved: delete\n")->rules.moved.count, 1);
    assert_int_equal(load(state, JOB "  moved: keep\n")->rules.moved.count, 0);
    assert_int_equal(load(state, JOB)->rules.moved.count, 0);
    refuses(state, JOB "  moved: provision\n",
            "job.yaml:16:10: rules.moved provisions a new identity and leaves the old one behind for good\n"
            "  hint: write [delete, provision]\n");
    refuses(state, JOB "  moved: [provision, delete]\n",
            "job.yaml:16:10: rules.moved provisions a new identity and leaves the old one behind for good\n"
            "  hint: write [delete, provision]\n");
    refuses(state, JOB "  moved: revoke\n",
            "job.yaml:16:10: rules.moved cannot be \"revoke\"\n  hint: write keep, delete or provision\n");
    refuses(state, TOP "resources:\n" EMEA US LEDGER COLUMN "rules:\n  moved: [delete, provision]\n",
            "job.yaml:15:10: rules.moved needs rules.added: a run may end between the delete and the provision\n"
            "  hint: write added: provision under rules\n");
}

static void a_file_that_a_resource_reads_is_not_written(void **state)
{
    refuses(state,
            TOP "resources:\n" EMEA US "    ca_file: cert.pem\n" LEDGER COLUMN RULES
                "outputs:\n  mapping: ./cert.pem\n",
            "job.yaml:18:12: outputs.mapping and resources.us.ca_file are the same file, \"./cert.pem\"\n"
            "  hint: give each a file of its own\n");
}

static void there_is_an_end_to_the_number_of_resources(void **state)
{
    struct fixture *fixture = *state;
    char yaml[16 * 1024] = TOP "resources:\n";

    for (int i = 0; i <= SPEC_RESOURCES_MAX; i++)
        snprintf(yaml + strlen(yaml), sizeof yaml - strlen(yaml), "  r%d: { connection_string: { env: X } }\n", i);
    snprintf(yaml + strlen(yaml), sizeof yaml - strlen(yaml), LEDGER COLUMN RULES);
    load_bytes(fixture, yaml, strlen(yaml), SPEC_WITHOUT_SECRETS);
    assert_string_equal(fixture->printed,
                        "job.yaml:4:3: resources must have 1 to 64 entries, not 65\n  hint: use several jobs\n");
}

static void the_name_of_a_resource_is_found_or_guessed(void **state)
{
    const struct spec *spec = load(state, JOB);
    char hint[SPEC_SUGGESTION_SIZE];

    assert_int_equal(spec_find_resource(spec, "us"), 1);
    assert_int_equal(spec_find_resource(spec, "US"), SPEC_NO_RESOURCE);
    assert_int_equal(spec_find_resource(spec, ""), SPEC_NO_RESOURCE);
    assert_string_equal(spec_suggest_resource(spec, "emae", hint), "did you mean \"emea\"?");
    assert_string_equal(spec_suggest_resource(spec, "asia", hint), "write emea or us");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_resource_has_its_name_and_its_own_keys),
        TEST(the_only_resource_of_a_job_has_no_name),
        TEST(what_one_resource_says_of_itself_is_not_said_of_another),
        TEST(users_may_be_dealt_out_by_shares),
        TEST(one_resource_may_have_a_name_too),
        TEST(faults_are_said_of_the_resource_that_has_them),
        TEST(a_job_has_one_resource_or_several_and_not_both),
        TEST(it_must_be_clear_who_belongs_where),
        TEST(a_move_deletes_before_it_provisions),
        TEST(a_file_that_a_resource_reads_is_not_written),
        TEST(there_is_an_end_to_the_number_of_resources),
        TEST(the_name_of_a_resource_is_found_or_guessed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
