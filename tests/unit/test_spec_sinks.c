/* Where tokens go: one sink or several, each of one kind, with the keys that go with it; and the hooks. */
#include "spec_fixture.h"

#define SCOPES WHOLE "token: { scopes: [chat] }\n" /* 11 lines */
#define TOKENS(yaml) SCOPES "outputs: { tokens: " yaml " }\n"

static void one_mapping_is_one_sink(void **state)
{
    const struct spec *spec = load(state, TOKENS("{ ndjson: /var/t.ndjson }"));

    assert_int_equal(spec->outputs.sink_count, 1);
    const struct spec_sink *sink = &spec->outputs.sinks[0];
    assert_int_equal(sink->kind, SINK_NDJSON);
    assert_string_equal(sink->path, "/var/t.ndjson");
    assert_string_equal(sink->name, "/var/t.ndjson");
    assert_true(sink->required);
    assert_int_equal(sink->recipients.count, 0);
    assert_int_equal(sink->time_limit_ms, 60000);
    assert_int_equal(sink->batch, 500);
}

static void a_list_is_several_sinks_in_its_order(void **state)
{
    write_program("store");
    const struct spec *spec = load(state, SCOPES "outputs:\n"
                                                 "  tokens:\n"
                                                 "    - { csv: out/t.csv, encrypt: { to: cert.pem } }\n"
                                                 "    - { command: [./store, -v, -v], batch: 20, time_limit: 5s }\n"
                                                 "    - postgres: { env: ACS_CONNECTION }\n"
                                                 "      table: chat.tokens\n"
                                                 "      columns: { key: mail, token: jwt }\n"
                                                 "      required: false\n"
                                                 "    - sqlite: out/t.db\n");
    const struct spec_sink *sinks = spec->outputs.sinks;

    assert_int_equal(spec->outputs.sink_count, 4);
    assert_int_equal(sinks[0].kind, SINK_CSV);
    assert_string_equal(sinks[0].recipients.items[0], "cert.pem");
    assert_int_equal(sinks[1].kind, SINK_COMMAND);
    assert_string_equal(sinks[1].name, "./store");
    assert_int_equal(sinks[1].command.count, 3);
    assert_string_equal(sinks[1].command.items[2], "-v");
    assert_int_equal(sinks[1].batch, 20);
    assert_int_equal(sinks[1].time_limit_ms, 5000);
    assert_int_equal(sinks[2].kind, SINK_POSTGRES);
    assert_true(secret_is_set(&sinks[2].connection));
    assert_string_equal(sinks[2].table, "chat.tokens");
    assert_string_equal(sinks[2].name, "chat.tokens");
    assert_string_equal(sinks[2].columns.key, "mail");
    assert_string_equal(sinks[2].columns.token, "jwt");
    assert_null(sinks[2].columns.identity_id);
    assert_null(sinks[2].columns.expires_at);
    assert_false(sinks[2].required);
    assert_int_equal(sinks[3].kind, SINK_SQLITE);
    assert_string_equal(sinks[3].table, "acs_tokens");
    assert_string_equal(sinks[3].columns.key, "user_id");
    assert_string_equal(sinks[3].columns.expires_at, "expires_at");
    assert_true(sinks[3].required);
}

static void a_sink_is_of_one_kind(void **state)
{
    refuses(state, TOKENS("{ csv: a.csv, ndjson: b.ndjson }"),
            "job.yaml:12:20: outputs.tokens has both csv and ndjson\n"
            "  hint: make them two entries of a list, or keep one of the two\n");
    refuses(state, TOKENS("[{ csv: a.csv }, { required: true }]"),
            "job.yaml:12:37: outputs.tokens needs one of csv, ndjson, command, postgres and sqlite\n"
            "  hint: write for example csv: out/tokens.csv\n");
}

static void tokens_are_a_mapping_or_a_list_of_such(void **state)
{
    refuses(state, TOKENS("tokens.csv"),
            "job.yaml:12:20: outputs.tokens must be a mapping or a list of mappings, not a single value\n"
            "  hint: write tokens: and its keys below it, indented\n");
    refuses(state, TOKENS("[{ csv: a.csv }, b.csv, [c.csv]]"),
            "job.yaml:12:37: outputs.tokens must be a mapping or a list of mappings, not a single value\n"
            "  hint: write tokens: and its keys below it, indented\n"
            "job.yaml:12:44: outputs.tokens must be a mapping or a list of mappings, not a list\n"
            "  hint: write tokens: and its keys below it, indented\n");
    refuses(state, TOKENS("[]"),
            "job.yaml:12:20: outputs.tokens must have 1 to 8 entries, not 0\n"
            "  hint: write one of them, or a list\n");
}

static void each_kind_has_its_own_keys(void **state)
{
    refuses(state,
            TOKENS("[{ csv: a.csv, table: t, batch: 2, time_limit: 1s }, { sqlite: t.db, encrypt: { to: cert.pem } }]"),
            "job.yaml:12:35: outputs.tokens.table goes with postgres and sqlite only\n"
            "  hint: remove it\n"
            "job.yaml:12:45: outputs.tokens.batch goes with command only\n"
            "  hint: remove it\n"
            "job.yaml:12:55: outputs.tokens.time_limit goes with command, postgres and sqlite only\n"
            "  hint: remove it\n"
            "job.yaml:12:89: outputs.tokens.encrypt goes with csv and ndjson only\n"
            "  hint: remove it\n");
    refuses(state, TOKENS("{ sqlite: t.db, columns: { identity_id: id } }"),
            "job.yaml:12:45: outputs.tokens.columns is missing its key \"key\"\n"
            "  hint: write for example key: user_id\n"
            "job.yaml:12:45: outputs.tokens.columns is missing its key \"token\"\n"
            "  hint: write for example token: access_token\n");
}

static void one_sink_is_required(void **state)
{
    refuses(state, TOKENS("[{ csv: a.csv, required: false }, { ndjson: b, required: false }]"),
            "job.yaml:12:20: outputs.tokens: no sink is required, so that no token would ever be owed\n"
            "  hint: remove required: false from one of them\n");
    load(state, TOKENS("[{ csv: a.csv, required: false }, { ndjson: b }]"));
}

static void a_command_is_a_program_that_is_there_and_its_arguments(void **state)
{
    write_text("plain", "");
    write_program("store");
    load(state, TOKENS("{ command: ./store }"));
    load(state, TOKENS("{ command: [sh, -c, 'cat >/dev/null'] }"));
    refuses(state, TOKENS("{ command: ./store --all }"),
            "job.yaml:12:31: outputs.tokens.command: cannot run ./store --all: No such file or directory\n"
            "  hint: there is no shell: write the program and its arguments as a list, such as [./store, --all]\n");
    refuses(state, TOKENS("{ command: [./gone, --all, -x] }"),
            "job.yaml:12:32: outputs.tokens.command: cannot run ./gone: No such file or directory\n"
            "  hint: a relative path starts at .\n");
    refuses(state, TOKENS("{ command: [./plain] }"),
            "job.yaml:12:32: outputs.tokens.command: cannot run ./plain: Permission denied\n"
            "  hint: make it executable: chmod +x\n");
    refuses(state, TOKENS("{ command: [] }"),
            "job.yaml:12:31: outputs.tokens.command is an empty list\n"
            "  hint: write at least one entry\n");
    setenv("PATH", "/nowhere", 1);
    refuses(state, TOKENS("{ command: [sh] }"),
            "job.yaml:12:32: outputs.tokens.command: cannot run sh: No such file or directory\n"
            "  hint: it was looked for in PATH: /nowhere\n");
    setenv("PATH", "/usr/bin:/bin", 1);
}

static void an_argument_is_no_place_for_a_secret(void **state)
{
    refuses(
        state, TOKENS("{ command: [sh, --password=x] }"),
        "job.yaml:12:36: outputs.tokens.command: everybody on the machine can read the arguments of a program, and one "
        "looks like a secret\n"
        "  hint: let the program read it from its environment or from a file\n");
}

static void a_recipient_stands_once(void **state)
{
    write_text("other.pem", "");
    const struct spec *spec = load(state, TOKENS("{ csv: a.csv, encrypt: { to: [cert.pem, other.pem] } }"));

    assert_int_equal(spec->outputs.sinks[0].recipients.count, 2);
    refuses(state, TOKENS("{ csv: a.csv, encrypt: { to: [cert.pem, cert.pem] } }"),
            "job.yaml:12:60: outputs.tokens.encrypt.to names \"cert.pem\" twice\n"
            "  hint: remove one of the two\n");
    spec = load(state, TOKENS("{ csv: a.csv, encrypt: cert.pem }"));
    assert_string_equal(spec->outputs.sinks[0].recipients.items[0], "cert.pem");
}

static void the_key_has_not_the_name_of_another_column(void **state)
{
    refuses(state, TOP RESOURCE LEDGER RULES "roster: { csv: users.csv, key: token }\n",
            "job.yaml:8:32: roster.key cannot be token: the outputs have a column of that name\n"
            "  hint: give the roster's column another name\n");
}

static void sinks_have_files_of_their_own(void **state)
{
    refuses(state, TOKENS("[{ csv: a.csv }, { sqlite: ./a.csv }]"),
            "job.yaml:12:47: outputs.tokens.sqlite and outputs.tokens.csv are the same file, \"./a.csv\"\n"
            "  hint: give each a file of its own\n");
}

static void hooks_are_commands(void **state)
{
    const struct spec *spec =
        load(state, WHOLE "hooks: { after_run: [sh, -c, true], on_failure: sh, time_limit: 5s }\n");

    assert_int_equal(spec->hooks.after_run.count, 3);
    assert_int_equal(spec->hooks.on_failure.count, 1);
    assert_int_equal(spec->hooks.time_limit_ms, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_mapping_is_one_sink),
        TEST(a_list_is_several_sinks_in_its_order),
        TEST(a_sink_is_of_one_kind),
        TEST(tokens_are_a_mapping_or_a_list_of_such),
        TEST(each_kind_has_its_own_keys),
        TEST(one_sink_is_required),
        TEST(a_command_is_a_program_that_is_there_and_its_arguments),
        TEST(an_argument_is_no_place_for_a_secret),
        TEST(a_recipient_stands_once),
        TEST(the_key_has_not_the_name_of_another_column),
        TEST(sinks_have_files_of_their_own),
        TEST(hooks_are_commands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
