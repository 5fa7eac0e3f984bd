/* { env } and { file } are the only ways to give a secret, and no message repeats one. */
#include "spec_fixture.h"

#include "spec/spec_internal.h"

#define STRING "endpoint=https://contoso.communication.azure.com/;accesskey=c2VjcmV0"

static void with_resource(char *yaml, size_t size, const char *value)
{
    snprintf(yaml, size, TOP LEDGER ROSTER RULES "resource: { connection_string: %s }\n", value);
}

static void an_inline_secret_is_refused_and_never_quoted(void **state)
{
    struct fixture *fixture = *state;
    static const char *const values[] = {"'" STRING "'", "c2VjcmV0", "{ file: '" STRING "' }", "{ env: '" STRING "' }"};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char yaml[1024];
        with_resource(yaml, sizeof yaml, values[i]);
        for (int secrets = SPEC_WITH_SECRETS; secrets <= SPEC_WITHOUT_SECRETS; secrets++) {
            load_bytes(fixture, yaml, strlen(yaml), (enum spec_secrets)secrets);
            assert_null(fixture->spec);
            assert_non_null(strstr(fixture->printed,
                                   ": resource.connection_string: a secret is not written into the job spec\n"
                                   "  hint: write connection_string: { env: NAME } or { file: PATH }; if others have "
                                   "seen this file, renew the secret too\n"));
            assert_null(strstr(fixture->printed, "c2VjcmV0"));
            assert_null(strstr(fixture->error.message, "c2VjcmV0"));
        }
    }
}

static void an_inline_secret_is_shown_by_its_place(void **state)
{
    refuses(
        state, TOP LEDGER ROSTER RULES "resource:\n  connection_string: " STRING "\n",
        "job.yaml:10:22: resource.connection_string: a secret is not written into the job spec\n"
        "  hint: write connection_string: { env: NAME } or { file: PATH }; if others have seen this file, renew the "
        "secret too\n");
    refuses(state, WHOLE "token: { scopes: [chat] }\noutputs: { tokens: { postgres: 'postgres://me:pw@db/t' } }\n",
            "job.yaml:12:32: outputs.tokens.postgres: a secret is not written into the job spec\n"
            "  hint: write postgres: { env: NAME } or { file: PATH }; if others have seen this file, renew the secret "
            "too\n");
}

static void a_secret_that_strayed_into_another_key_is_not_quoted_either(void **state)
{
    struct fixture *fixture = *state;
    static const char yaml[] =
        "version: " STRING "\n"
        "name: " STRING "\n" LEDGER ROSTER "rules: { added: '" STRING "', changed: [keep, '" STRING "'] }\n"
        "resource: { endpoint: '" STRING "', credential: '" STRING "', '" STRING "': x, "
        "'" STRING "': y, ca_file: '" STRING "', custom_id: '" STRING "' }\n"
        "token: { lifetime: '" STRING "', scopes: '" STRING "' }\n"
        "limits: { delete: '" STRING "' }\n"
        "engine: { quotas: { create: '" STRING "' }, concurrency: '" STRING "' }\n";

    load_bytes(fixture, yaml, strlen(yaml), SPEC_WITH_SECRETS);

    assert_int_equal(fixture->problems.total, 16);
    assert_null(strstr(fixture->printed, "c2VjcmV0"));
    assert_non_null(strstr(fixture->printed, "key *** stands already in line 8"));
    assert_non_null(strstr(fixture->printed, "resource.endpoint: a secret is not written into the job spec"));
}

static void a_secret_that_strayed_is_no_name_of_a_file_or_a_column(void **state)
{
    struct fixture *fixture = *state;
    static const char yaml[] = TOP RESOURCE RULES "ledger: '" STRING "'\n"
                                                  "roster: { csv: users.csv, key: '" STRING "', watch: ['" STRING "'], "
                                                  "where: { '" STRING "': x } }\n"
                                                  "outputs: { mapping: '" STRING "' }\n";

    load_bytes(fixture, yaml, strlen(yaml), SPEC_WITH_SECRETS);

    assert_int_equal(fixture->problems.total, 5);
    assert_null(strstr(fixture->printed, "c2VjcmV0"));
    assert_non_null(strstr(fixture->printed, ": ledger: a secret is not written into the job spec\n"
                                             "  hint: write for example ledger: "));
    assert_non_null(strstr(fixture->printed, ": roster.where: a secret is not written into the job spec\n"));
}

static void what_is_longer_than_any_word_is_not_quoted_as_one(void **state)
{
    struct fixture *fixture = *state;
    static const char *const values[] = {"abc8Q~Zk3fLmNoPqRsTuVwXyZ0123", "{ kind: abc8Q~Zk3fLmNoPqRsTuVwXyZ0123 }"};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml, TOP LEDGER ROSTER RULES "resource: { endpoint: https://a.b, credential: %s }\n",
                 values[i]);
        load_bytes(fixture, yaml, strlen(yaml), SPEC_WITH_SECRETS);
        assert_int_equal(fixture->problems.total, 1);
        assert_non_null(strstr(fixture->printed, " cannot be ***\n  hint: write default, client_secret, "));
    }
}

static void a_variable_that_is_not_set_is_named(void **state)
{
    unsetenv("NOT_SET");
    setenv("EMPTY", "", 1);

    refuses(state, TOP LEDGER ROSTER RULES "resource:\n  connection_string:\n    env: NOT_SET\n",
            "job.yaml:11:10: resource.connection_string: the environment variable NOT_SET is not set\n"
            "  hint: export NOT_SET='...'\n");
    refuses(state, TOP LEDGER ROSTER RULES "resource: { endpoint: { env: EMPTY }, credential: default }\n",
            "job.yaml:9:30: resource.endpoint: the environment variable EMPTY is empty\n"
            "  hint: export EMPTY='...'\n");
}

static void a_variable_has_a_name_that_a_shell_takes(void **state)
{
    static const char *const names[] = {"two words", "1ST", "a-b", "$HOME"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml, TOP LEDGER ROSTER RULES "resource: { connection_string: { env: '%s' } }\n",
                 names[i]);
        refuses(state, yaml,
                "job.yaml:9:39: resource.connection_string: env takes the name of an environment variable\n"
                "  hint: write { env: NAME } with letters, digits and underscores\n");
    }
}

static void a_secret_is_named_by_one_source(void **state)
{
    static const char *const values[] = {"[a]", "{}", "{ env: A, file: b }", "{ evn: A }", "{ vault: a }"};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char yaml[512];
        with_resource(yaml, sizeof yaml, values[i]);
        refuses(state, yaml,
                "job.yaml:9:32: resource.connection_string must be { env: NAME } or { file: PATH }\n"
                "  hint: name one place to read it from, by env or by file\n");
    }
    refuses(state, TOP LEDGER ROSTER RULES "resource: { connection_string: { env: } }\n",
            "job.yaml:9:39: resource.connection_string: env needs a name\n"
            "  hint: write { env: NAME } or { file: PATH }\n");
    refuses(state, TOP LEDGER ROSTER RULES "resource: { connection_string: { file: [a] } }\n",
            "job.yaml:9:40: resource.connection_string: file needs a name\n"
            "  hint: write { env: NAME } or { file: PATH }\n");
    refuses(state, TOP LEDGER ROSTER RULES "resource: { connection_string: ~ }\n",
            "job.yaml:9:32: resource.connection_string has no value\n"
            "  hint: write for example connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, or remove "
            "the key\n");
}

static void a_secret_file_is_read_without_its_last_line_break(void **state)
{
    write_text("acs.txt", STRING "\n");
    chmod("acs.txt", 0600);

    const struct spec *spec =
        load(state, TOP LEDGER ROSTER RULES "resource: { connection_string: { file: acs.txt } }\n");

    assert_string_equal(secret_reveal(&spec->resources[0].connection_string), STRING);
}

static void a_variable_that_is_not_set_may_be_a_credential_of_the_service(void **state)
{
    struct fixture *fixture = *state;
    static const char yaml[] = TOP LEDGER ROSTER RULES "resource: { connection_string: { env: ACS } }\n";

    write_text("ACS", STRING "\n");
    setenv("CREDENTIALS_DIRECTORY", ".", 1);
    unsetenv("ACS");
    load_bytes(fixture, yaml, strlen(yaml), SPEC_WITH_SECRETS);
    assert_non_null(fixture->spec);
    assert_string_equal(secret_reveal(&fixture->spec->resources[0].connection_string), STRING);

    setenv("ACS", "of the environment", 1);
    load_bytes(fixture, yaml, strlen(yaml), SPEC_WITH_SECRETS);
    assert_string_equal(secret_reveal(&fixture->spec->resources[0].connection_string), "of the environment");

    unsetenv("ACS");
    setenv("CREDENTIALS_DIRECTORY", "elsewhere", 1);
    load_bytes(fixture, yaml, strlen(yaml), SPEC_WITH_SECRETS);
    assert_null(fixture->spec);
    assert_non_null(strstr(fixture->printed, "the environment variable ACS is not set"));
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void an_endpoint_may_stand_in_a_file(void **state)
{
    write_text("endpoint.txt", "https://contoso.communication.azure.com\n");

    const struct spec *spec =
        load(state, TOP LEDGER ROSTER RULES "resource: { endpoint: { file: endpoint.txt }, credential: azure_cli }\n");

    assert_string_equal(spec->resources[0].endpoint, "https://contoso.communication.azure.com");
}

static void a_secret_file_must_be_there_and_hold_text(void **state)
{
    write_text("empty.txt", "\n");
    write_bytes("binary.txt", "a\0b", 3);

    refuses(state, TOP LEDGER ROSTER RULES "resource: { connection_string: { file: empty.txt } }\n",
            "job.yaml:9:40: resource.connection_string: the file is empty\n"
            "  hint: put the value, and nothing else, into the file\n");
    refuses(state, TOP LEDGER ROSTER RULES "resource: { connection_string: { file: binary.txt } }\n",
            "job.yaml:9:40: resource.connection_string: the file is not text\n"
            "  hint: put the value, and nothing else, into the file\n");
    /* What stands there may be the secret. */
    refuses(state, TOP LEDGER ROSTER RULES "resource: { connection_string: { file: c2VjcmV0 } }\n",
            "job.yaml:9:40: resource.connection_string: cannot open the file that is named here: No such file or "
            "directory\n"
            "  hint: name a file that is there; a relative path starts at the job spec\n");
}

static void a_secret_file_that_others_may_write_to_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char yaml[] = TOP LEDGER ROSTER RULES "resource: { connection_string: { file: open.txt } }\n";

    write_text("open.txt", STRING);
    chmod("open.txt", 0666);
    load_bytes(fixture, yaml, strlen(yaml), SPEC_WITH_SECRETS);

    assert_null(fixture->spec);
    assert_non_null(strstr(fixture->printed, "job.yaml:9:40: resource.connection_string: "));
    assert_non_null(strstr(fixture->printed, "hint: "));
}

static void without_secrets_only_the_form_is_checked(void **state)
{
    struct fixture *fixture = *state;
    static const char by_env[] = TOP LEDGER ROSTER RULES "resource: { connection_string: { env: NOT_SET } }\n"
                                                         "token: { scopes: [chat] }\n"
                                                         "outputs: { tokens: { postgres: { file: gone.txt } } }\n";
    static const char by_endpoint[] =
        TOP LEDGER ROSTER RULES "resource: { endpoint: { env: NOT_SET }, credential: default }\n";
    static const char by_file[] =
        TOP LEDGER ROSTER RULES "resource: { endpoint: { file: gone.txt }, credential: default }\n";

    unsetenv("NOT_SET");
    load_bytes(fixture, by_env, strlen(by_env), SPEC_WITHOUT_SECRETS);
    assert_string_equal(fixture->printed, "");
    assert_false(secret_is_set(&fixture->spec->resources[0].connection_string));
    assert_int_equal(fixture->spec->outputs.sinks[0].kind, SINK_POSTGRES);
    assert_false(secret_is_set(&fixture->spec->outputs.sinks[0].connection));
    assert_int_equal(fixture->spec->secret_variables.count, 1);
    assert_string_equal(fixture->spec->secret_variables.items[0], "NOT_SET");
    load_bytes(fixture, by_endpoint, strlen(by_endpoint), SPEC_WITHOUT_SECRETS);
    assert_non_null(fixture->spec);
    assert_null(fixture->spec->resources[0].endpoint);
    load_bytes(fixture, by_file, strlen(by_file), SPEC_WITHOUT_SECRETS);
    assert_non_null(fixture->spec);
    assert_null(fixture->spec->resources[0].endpoint);
}

static void without_secrets_an_endpoint_that_is_there_is_read(void **state)
{
    struct fixture *fixture = *state;
    static const char yaml[] =
        TOP LEDGER ROSTER RULES "resource: { endpoint: { env: ACS_ENDPOINT }, credential: default }\n";

    setenv("ACS_ENDPOINT", "https://contoso.communication.azure.com", 1);
    load_bytes(fixture, yaml, strlen(yaml), SPEC_WITHOUT_SECRETS);

    assert_string_equal(fixture->spec->resources[0].endpoint, "https://contoso.communication.azure.com");
}

static void what_looks_like_a_secret_is_shown_as_stars(void **state)
{
    char shown[SPEC_SHOWN_SIZE];

    (void)state;
    assert_string_equal(spec_shown(STRING, shown), "***");
    assert_string_equal(spec_shown("AccessKey=abc", shown), "***");
    assert_string_equal(spec_shown("postgres://me:pw@db/tokens", shown), "***");
    assert_string_equal(spec_shown("host=db password=pw", shown), "***");
    assert_string_equal(spec_shown("users.csv", shown), "\"users.csv\"");
    assert_string_equal(spec_shown("two\nlines", shown), "\"two lines\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_inline_secret_is_refused_and_never_quoted),
        TEST(an_inline_secret_is_shown_by_its_place),
        TEST(a_secret_that_strayed_into_another_key_is_not_quoted_either),
        TEST(a_secret_that_strayed_is_no_name_of_a_file_or_a_column),
        TEST(what_is_longer_than_any_word_is_not_quoted_as_one),
        TEST(a_variable_that_is_not_set_is_named),
        TEST(a_variable_has_a_name_that_a_shell_takes),
        TEST(a_secret_is_named_by_one_source),
        TEST(a_secret_file_is_read_without_its_last_line_break),
        TEST(a_variable_that_is_not_set_may_be_a_credential_of_the_service),
        TEST(an_endpoint_may_stand_in_a_file),
        TEST(a_secret_file_must_be_there_and_hold_text),
        TEST(a_secret_file_that_others_may_write_to_is_refused),
        TEST(without_secrets_only_the_form_is_checked),
        TEST(without_secrets_an_endpoint_that_is_there_is_read),
        TEST(what_looks_like_a_secret_is_shown_as_stars),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
