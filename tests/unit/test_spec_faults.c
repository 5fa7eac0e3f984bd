/* What is wrong with one key: its place, what is wrong, and what to do, as the user reads it. */
#include "spec_fixture.h"

static void every_fault_of_a_file_is_found_in_one_pass(void **state)
{
    refuses(state,
            "version: 1\n"
            "nmae: demo\n"
            "resource:\n"
            "  connection_string: { env: ACS_CONNECTION }\n"
            "watch: [department]\n"
            "ledger: demo.ledger\n"
            "roster: { csv: nobody.csv, key: user_id, delimiter: '::' }\n"
            "rules: { added: provisoin }\n"
            "engine: { concurrency: 0 }\n",
            "job.yaml:1:1: the job spec is missing its key \"name\"\n"
            "  hint: write for example name: contoso-staff\n"
            "job.yaml:2:1: unknown key \"nmae\"\n"
            "  hint: did you mean \"name\"?\n"
            "job.yaml:5:1: unknown key \"watch\"\n"
            "  hint: \"watch\" belongs under roster\n"
            "job.yaml:7:16: roster.csv: cannot read \"nobody.csv\": No such file or directory\n"
            "  hint: put the file there, or correct the path\n"
            "job.yaml:7:53: roster.delimiter must be one character, not \"::\"\n"
            "  hint: write one ASCII character in quotes, or the word tab\n"
            "job.yaml:8:17: rules.added cannot be \"provisoin\"\n"
            "  hint: did you mean \"provision\"?\n"
            "job.yaml:9:24: engine.concurrency is out of range: it must be 1 to 1024, not \"0\"\n"
            "  hint: write for example concurrency: 64\n");
}

static void the_error_says_how_many_problems_there_are(void **state)
{
    struct fixture *fixture = *state;

    refuses(state, WHOLE "engine: { http: 3 }\n",
            "job.yaml:11:17: engine.http cannot be \"3\"\n"
            "  hint: write auto, 1.1 or 2\n");
    assert_string_equal(fixture->error.message, "job.yaml has 1 problem");
}

static void a_spec_that_is_not_there_is_an_error_without_problems(void **state)
{
    struct fixture *fixture = *state;

    fixture->spec = spec_load("nothing.yaml", SPEC_WITH_SECRETS, &fixture->problems, &fixture->error);

    assert_null(fixture->spec);
    assert_int_equal(fixture->problems.total, 0);
    assert_int_equal(fixture->error.code, ERROR_INPUT);
    assert_string_equal(fixture->error.message, "cannot open nothing.yaml: No such file or directory");
    assert_string_equal(fixture->error.hint, "correct the path; `rollcall init nothing.yaml` writes a new one");
}

static void a_folder_is_no_job_spec(void **state)
{
    struct fixture *fixture = *state;

    fixture->spec = spec_load(".", SPEC_WITH_SECRETS, &fixture->problems, &fixture->error);

    assert_int_equal(fixture->error.code, ERROR_INPUT);
    assert_string_equal(fixture->error.message, ". is not a regular file");
}

static void a_key_of_another_section_is_told_its_home(void **state)
{
    refuses(state, WHOLE "within: 6h\ncsv: a.csv\nroster: 1\n",
            "job.yaml:11:1: unknown key \"within\"\n"
            "  hint: \"within\" belongs under rules.expiring\n"
            "job.yaml:12:1: unknown key \"csv\"\n"
            "  hint: \"csv\" belongs under roster or under outputs.tokens\n"
            "job.yaml:13:1: key \"roster\" stands already in line 6\n"
            "  hint: remove one of the two\n");
    refuses(state, WHOLE "limits: { engine: 1 }\n",
            "job.yaml:11:11: unknown key \"engine\" in limits\n"
            "  hint: \"engine\" belongs to the top of the file\n");
}

static void a_key_like_no_other_is_told_what_there_is(void **state)
{
    refuses(state, WHOLE "limits: { frobnicate: 1 }\n",
            "job.yaml:11:11: unknown key \"frobnicate\" in limits\n"
            "  hint: remove it, or use one of delete, revoke, shrink or protect\n");
}

static void a_required_key_that_is_missing_is_named_at_its_section(void **state)
{
    refuses(state, TOP RESOURCE LEDGER "roster: { csv: '-' }\nrules: { expiring: { do: revoke }, removed: {} }\n",
            "job.yaml:6:9: roster is missing its key \"key\"\n"
            "  hint: write for example key: user_id\n"
            "job.yaml:7:20: rules.expiring is missing its key \"within\"\n"
            "  hint: write for example within: 6h\n"
            "job.yaml:7:45: rules.removed is missing its key \"do\"\n"
            "  hint: write for example do: delete\n");
    refuses(state, TOP RESOURCE LEDGER ROSTER "rules: {}\n",
            "job.yaml:9:8: rules is empty\n"
            "  hint: name at least one key\n");
    refuses(state, TOP RESOURCE LEDGER ROSTER,
            "job.yaml:1:1: the job spec is missing its key \"rules\"\n"
            "  hint: write rules: and its keys below it, indented\n");
}

static void a_key_without_a_value_is_a_fault(void **state)
{
    refuses(state, TOP RESOURCE "ledger:\n" ROSTER RULES "engine: ~\noutputs:\n  mapping: null\n  failures: ''\n",
            "job.yaml:5:8: ledger has no value\n"
            "  hint: write for example ledger: contoso.ledger\n"
            "job.yaml:11:9: engine has no value\n"
            "  hint: write engine: and its keys below it, indented, or remove the key\n"
            "job.yaml:13:12: outputs.mapping has no value\n"
            "  hint: write for example mapping: out/mapping.csv, or remove the key\n"
            "job.yaml:14:13: outputs.failures has no value\n"
            "  hint: write for example failures: out/failures.csv, or remove the key\n");
}

static void a_value_of_the_wrong_kind_is_told_the_right_one(void **state)
{
    refuses(state,
            WHOLE "limits: [5%]\n"
                  "token:\n"
                  "  lifetime: [24h]\n"
                  "  scopes: { chat: true }\n"
                  "outputs:\n"
                  "  mapping: []\n"
                  "engine: 5\n",
            "job.yaml:11:9: limits must be a mapping, not a list\n"
            "  hint: write limits: and its keys below it, indented\n"
            "job.yaml:13:13: token.lifetime must be a duration, not a list\n"
            "  hint: write for example lifetime: 24h\n"
            "job.yaml:14:11: token.scopes must be a list of words, not a mapping\n"
            "  hint: write for example scopes: [chat, voip]\n"
            "job.yaml:16:12: outputs.mapping must be a path, not a list\n"
            "  hint: write for example mapping: out/mapping.csv\n"
            "job.yaml:17:9: engine must be a mapping, not a single value\n"
            "  hint: write engine: and its keys below it, indented\n");
}

static void the_version_must_be_one_that_is_known(void **state)
{
    refuses(state, "version: 2\nname: demo\n" RESOURCE LEDGER ROSTER RULES,
            "job.yaml:1:10: version is out of range: it must be 1, not \"2\"\n"
            "  hint: write for example version: 1\n");
    refuses(state, "version: '1'\nname: demo\n" RESOURCE LEDGER ROSTER RULES,
            "job.yaml:1:10: version must be a whole number, not \"1\"\n"
            "  hint: remove the quotes around the number\n");
}

static void a_name_has_letters_that_every_system_takes(void **state)
{
    static const char fault[] =
        "job.yaml:1:7: name is out of range: it must be 1 to 64 letters, digits, dots, underscores and hyphens, not ";
    static const char hint[] = "\n  hint: write for example name: contoso-staff\n";
    char expected[512];

    snprintf(expected, sizeof expected, "%s\"two words\"%s", fault, hint);
    refuses(state, "name: two words\nversion: 1\n" RESOURCE LEDGER ROSTER RULES, expected);
    snprintf(expected, sizeof expected, "%s\"a123456789b123456789c123456789d123456789e123456789f123456789\"...%s",
             fault, hint);
    refuses(state,
            "name: a123456789b123456789c123456789d123456789e123456789f123456789_____\nversion: 1\n" RESOURCE LEDGER
                ROSTER RULES,
            expected);
}

static void a_number_is_written_in_decimal_digits(void **state)
{
    static const char *const numbers[] = {"many", "1.5", "-1", "0x10", "010", "1_000", "1e3"};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char yaml[512];
        char expected[512];
        snprintf(yaml, sizeof yaml, WHOLE "engine: { concurrency: %s }\n", numbers[i]);
        snprintf(expected, sizeof expected,
                 "job.yaml:11:24: engine.concurrency must be a whole number, not \"%s\"\n"
                 "  hint: write for example concurrency: 64\n",
                 numbers[i]);
        refuses(state, yaml, expected);
    }
}

static void a_number_beyond_all_bounds_is_out_of_range(void **state)
{
    refuses(state, WHOLE "engine: { concurrency: 99999999999999999999999 }\nlimits: { delete: 99999999999999999999 }\n",
            "job.yaml:11:24: engine.concurrency is out of range: it must be 1 to 1024, not "
            "\"99999999999999999999999\"\n"
            "  hint: write for example concurrency: 64\n"
            "job.yaml:12:19: limits.delete is out of range: it must be 0% to 100%, or 0 and up, not "
            "\"99999999999999999999\"\n"
            "  hint: write for example delete: [5%, 500]\n");
    refuses(state, WHOLE "engine: { concurrency: 1025 }\n",
            "job.yaml:11:24: engine.concurrency is out of range: it must be 1 to 1024, not \"1025\"\n"
            "  hint: write for example concurrency: 64\n");
}

static void yes_and_on_are_told_to_be_true_or_false(void **state)
{
    static const char *const words[] = {"yes", "on", "No", "True", "1"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char yaml[512];
        char expected[512];
        snprintf(yaml, sizeof yaml, WHOLE "outputs: { escape_formulas: %s }\n", words[i]);
        snprintf(expected, sizeof expected,
                 "job.yaml:11:29: outputs.escape_formulas must be true or false, not \"%s\"\n"
                 "  hint: write true or false\n",
                 words[i]);
        refuses(state, yaml, expected);
    }
}

static void true_in_quotes_is_a_text(void **state)
{
    refuses(state, WHOLE "outputs: { escape_formulas: 'true' }\n",
            "job.yaml:11:29: outputs.escape_formulas must be true or false, not \"true\"\n"
            "  hint: remove the quotes\n");
}

static void an_action_is_a_word(void **state)
{
    refuses(state, TOP RESOURCE LEDGER ROSTER "rules: { added: { do: provision }, removed: [[delete]] }\n",
            "job.yaml:9:17: rules.added must be an action or a list of actions, not a mapping\n"
            "  hint: write for example added: provision\n"
            "job.yaml:9:46: rules.removed must be an action or a list of actions, or a mapping with do, not a list\n"
            "  hint: write for example removed: { do: delete, after: 30d, meanwhile: revoke }\n");
}

/* Whatever the type: a value that was refused as YAML is not called wrong a second time. */
static void a_value_is_refused_once(void **state)
{
    struct fixture *fixture = *state;
    static const char yaml[] = "version: !x 1\nname: !x demo\nresource: { connection_string: !x { env: A } }\n"
                               "ledger: !x demo.ledger\n"
                               "roster: { csv: !x users.csv, key: !x k, delimiter: !x ';', watch: !x [a], where: !x {} "
                               "}\n"
                               "rules: { added: !x keep, expiring: !x {}, removed: !x delete }\n"
                               "token: { scopes: [!x chat], lifetime: !x 2h }\n"
                               "limits: { delete: !x 5%, revoke: [!x 6%] }\n"
                               "outputs: { escape_formulas: !x true, tokens: { postgres: { env: !x A } } }\n"
                               "engine: { concurrency: !x 1, http: !x 2, quotas: { create: !x none } }\n";

    load_bytes(fixture, yaml, strlen(yaml), SPEC_WITH_SECRETS);

    assert_int_equal(fixture->problems.total, 21);
    for (size_t i = 0; i < fixture->problems.count; i++)
        assert_string_equal(fixture->problems.list[i].message, "tags such as !!str are not supported");
}

static void a_duration_needs_a_unit(void **state)
{
    refuses(state, WHOLE "token: { lifetime: 90 }\n",
            "job.yaml:11:20: token.lifetime needs a unit: \"90\" could be anything\n"
            "  hint: add ms, s, m, h or d, for example lifetime: 24h\n");
    refuses(state, WHOLE "token: { lifetime: 1.5h }\n",
            "job.yaml:11:20: token.lifetime must be a duration, not \"1.5h\"\n"
            "  hint: write for example lifetime: 24h\n");
    refuses(state, WHOLE "token: { lifetime: 2 hours }\n",
            "job.yaml:11:20: token.lifetime must be a duration, not \"2 hours\"\n"
            "  hint: write for example lifetime: 24h\n");
}

static void a_duration_stays_within_its_range(void **state)
{
    static const struct {
        const char *yaml;
        const char *message;
    } cases[] = {
        {"token: { lifetime: 59m }", "20: token.lifetime is out of range: it must be 1h to 24h, not \"59m\""},
        {"token: { lifetime: 2d }", "20: token.lifetime is out of range: it must be 1h to 24h, not \"2d\""},
        {"token: { lifetime: 5000s }", "20: token.lifetime is counted in whole minutes, \"5000s\" is not"},
        {"engine: { give_up_after: 999ms }", "26: engine.give_up_after is out of range: it must be 1s to 24h, not "
                                             "\"999ms\""},
        {"engine: { timeouts: { connect: 99ms } }", "32: engine.timeouts.connect is out of range: it must be 100ms to "
                                                    "10m, not \"99ms\""},
        {"engine: { timeouts: { stall: 601s } }", "30: engine.timeouts.stall is out of range: it must be 100ms to 10m, "
                                                  "not \"601s\""},
        {"engine: { timeouts: { stall: 9999999999999d } }", "30: engine.timeouts.stall is out of range: it must be "
                                                            "100ms to 10m, not \"9999999999999d\""},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char yaml[512];
        char expected[256];
        snprintf(yaml, sizeof yaml, WHOLE "%s\n", cases[i].yaml);
        snprintf(expected, sizeof expected, "job.yaml:11:%s\n", cases[i].message);
        load_bytes(fixture, yaml, strlen(yaml), SPEC_WITH_SECRETS);
        fixture->printed[strcspn(fixture->printed, "\n") + 1] = '\0';
        assert_string_equal(fixture->printed, expected);
    }
}

static void a_limit_is_one_percentage_and_one_count_at_most(void **state)
{
    refuses(state,
            WHOLE "limits:\n"
                  "  delete: 101%\n"
                  "  revoke: [5%, 6%]\n"
                  "  shrink: a few\n",
            "job.yaml:12:11: limits.delete is out of range: it must be 0% to 100%, or 0 and up, not \"101%\"\n"
            "  hint: write for example delete: [5%, 500]\n"
            "job.yaml:13:16: limits.revoke has two percentages\n"
            "  hint: a list holds one percentage and one count, such as [5%, 500]\n"
            "job.yaml:14:11: limits.shrink must be a percentage, a count, or a list of both, not \"a few\"\n"
            "  hint: write for example shrink: 10%\n");
    refuses(state,
            WHOLE "limits:\n"
                  "  delete: [5, 6]\n"
                  "  revoke: []\n"
                  "  shrink: 5.%\n",
            "job.yaml:12:15: limits.delete has two counts\n"
            "  hint: a list holds one percentage and one count, such as [5%, 500]\n"
            "job.yaml:13:11: limits.revoke must be a percentage, a count, or a list of both, not a list\n"
            "  hint: write for example revoke: 20%\n"
            "job.yaml:14:11: limits.shrink must be a percentage, a count, or a list of both, not \"5.%\"\n"
            "  hint: write for example shrink: 10%\n");
}

static void a_quota_is_a_count_in_a_window(void **state)
{
    refuses(state,
            WHOLE "engine:\n"
                  "  quotas:\n"
                  "    create: 1000\n"
                  "    issue: 1000/30\n"
                  "    revoke: 0/30s\n"
                  "    delete: 1000001/30s\n",
            "job.yaml:13:13: engine.quotas.create must be a quota, not \"1000\"\n"
            "  hint: write requests/time, such as 1000/30s, or none\n"
            "job.yaml:14:12: engine.quotas.issue must be a quota, not \"1000/30\"\n"
            "  hint: add a unit to the time: 1000/30s\n"
            "job.yaml:15:13: engine.quotas.revoke is out of range: it must be 1 to 1000000 requests in 100ms to 1h, or "
            "none, not \"0/30s\"\n"
            "  hint: write for example revoke: 500/30s\n"
            "job.yaml:16:13: engine.quotas.delete is out of range: it must be 1 to 1000000 requests in 100ms to 1h, or "
            "none, not \"1000001/30s\"\n"
            "  hint: write for example delete: 500/30s\n");
    refuses(state, WHOLE "engine: { quotas: { create: 1/99ms, issue: 1/61m } }\n",
            "job.yaml:11:29: engine.quotas.create is out of range: it must be 1 to 1000000 requests in 100ms to 1h, or "
            "none, not \"1/99ms\"\n"
            "  hint: write for example create: 1000/30s\n"
            "job.yaml:11:44: engine.quotas.issue is out of range: it must be 1 to 1000000 requests in 100ms to 1h, or "
            "none, not \"1/61m\"\n"
            "  hint: write for example issue: 1000/30s\n");
}

static void a_delimiter_cannot_be_what_csv_needs_itself(void **state)
{
    refuses(state, TOP RESOURCE LEDGER RULES "roster: { csv: '-', key: id, delimiter: \"\\n\" }\n",
            "job.yaml:8:41: roster.delimiter cannot be a quote or a control character\n"
            "  hint: use a character such as , or ; or |\n");
    refuses(state, TOP RESOURCE LEDGER RULES "roster: { csv: '-', key: id, delimiter: '\"' }\n",
            "job.yaml:8:41: roster.delimiter cannot be a quote or a control character\n"
            "  hint: use a character such as , or ; or |\n");
    refuses(state, TOP RESOURCE LEDGER RULES "roster: { csv: '-', key: id, delimiter: '\xC2\xA7' }\n",
            "job.yaml:8:41: roster.delimiter must be one character, not \"\xC2\xA7\"\n"
            "  hint: write one ASCII character in quotes, or the word tab\n");
    refuses(state, TOP RESOURCE LEDGER RULES "roster:\n  csv: '-'\n  key: id\n  delimiter: |\n",
            "job.yaml:11:14: roster.delimiter must be one character, not \"\"\n"
            "  hint: put the character in quotes: delimiter: \"|\"\n");
}

static void a_list_names_everything_once(void **state)
{
    refuses(state, WHOLE "token: { scopes: [chat, chta, chat] }\nlimits: { protect: [[anna]] }\n",
            "job.yaml:11:25: token.scopes cannot be \"chta\"\n"
            "  hint: did you mean \"chat\"?\n"
            "job.yaml:11:31: token.scopes names \"chat\" twice\n"
            "  hint: remove one of the two\n"
            "job.yaml:12:21: limits.protect holds a list where a text must stand\n"
            "  hint: write single values, one after the other\n");
}

static void where_maps_columns_to_values(void **state)
{
    refuses(state, TOP RESOURCE LEDGER RULES "roster: { csv: '-', key: id, where: [department] }\n",
            "job.yaml:8:37: roster.where must be a mapping of columns to values, not a list\n"
            "  hint: write for example where: { department: [sales, service] }\n");
    refuses(state, TOP RESOURCE LEDGER RULES "roster: { csv: '-', key: id, where: {} }\n",
            "job.yaml:8:37: roster.where must name 1 to 64 columns\n"
            "  hint: name the columns, or remove where\n");
    refuses(state,
            TOP RESOURCE LEDGER RULES "roster: { csv: '-', key: id, where: { a: ~, b: [], c: { d: e }, f: [g, g] } }\n",
            "job.yaml:8:42: roster.where needs a value for the column \"a\"\n"
            "  hint: write a value, or a list of values; \"\" selects rows without one\n"
            "job.yaml:8:48: roster.where needs a value for the column \"b\"\n"
            "  hint: write a value, or a list of values; \"\" selects rows without one\n"
            "job.yaml:8:55: roster.where needs a value for the column \"c\"\n"
            "  hint: write a value, or a list of values; \"\" selects rows without one\n"
            "job.yaml:8:72: roster.where names \"g\" twice\n"
            "  hint: remove one of the two\n");
}

static void a_missing_file_is_named_with_where_it_was_looked_for(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(mkdir("jobs", 0755), 0);
    write_text("jobs/demo.yaml", WHOLE);
    fixture->spec = spec_load("jobs/demo.yaml", SPEC_WITH_SECRETS, &fixture->problems, &fixture->error);
    print_problems(fixture);

    assert_string_equal(fixture->printed,
                        "jobs/demo.yaml:7:8: roster.csv: cannot read \"users.csv\": No such file or directory\n"
                        "  hint: a relative path starts at the job spec, so it was looked for at \"jobs/users.csv\"\n");
}

static void a_file_that_is_not_needed_need_not_be_there(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(unlink("users.csv"), 0);
    write_text("job.yaml", WHOLE "outputs: { tokens: { csv: a.csv, encrypt: gone.pem } }\n"
                                 "hooks: { after_run: [./gone, --all] }\n");
    fixture->spec = spec_load("job.yaml", SPEC_WITHOUT_FILES, &fixture->problems, &fixture->error);
    assert_non_null(fixture->spec);
    assert_string_equal(fixture->spec->roster.csv, "users.csv");
}

static void a_folder_is_no_input(void **state)
{
    refuses(state, TOP RESOURCE LEDGER RULES "roster: { csv: ., key: id, previous: gone.csv }\n",
            "job.yaml:8:16: roster.csv: cannot read \".\": Is a directory\n"
            "  hint: name a file that this user may read\n"
            "job.yaml:8:38: roster.previous: cannot read \"gone.csv\": No such file or directory\n"
            "  hint: put the file there, or correct the path\n");
    refuses(state, WHOLE "outputs: { tokens: { csv: a.csv, encrypt: { to: gone.pem } } }\n",
            "job.yaml:11:49: outputs.tokens.encrypt.to: cannot read \"gone.pem\": No such file or directory\n"
            "  hint: put the file there, or correct the path\n");
}

static void only_so_many_problems_are_kept_but_all_are_counted(void **state)
{
    struct fixture *fixture = *state;
    static char yaml[8192] = WHOLE "limits:\n";

    for (int i = 0; i < 150; i++)
        snprintf(yaml + strlen(yaml), sizeof yaml - strlen(yaml), "  frobnicate%d: 1\n", i);
    load_bytes(fixture, yaml, strlen(yaml), SPEC_WITH_SECRETS);

    assert_int_equal(fixture->problems.count, 100);
    assert_int_equal(fixture->problems.total, 150);
    assert_string_equal(fixture->error.message, "job.yaml has 150 problems");
}

/* A file that opens and then gives an error, as on a disk that is broken: the first page of a process is never there.
 */
static void a_spec_that_cannot_be_read_is_named_with_the_reason(void **state)
{
    struct fixture *fixture = *state;

    assert_null(spec_load("/proc/self/mem", SPEC_WITHOUT_SECRETS, &fixture->problems, &fixture->error));
    assert_int_equal(fixture->error.code, ERROR_INPUT);
    assert_string_equal(fixture->error.message, "cannot read /proc/self/mem: Input/output error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_fault_of_a_file_is_found_in_one_pass),
        TEST(the_error_says_how_many_problems_there_are),
        TEST(a_spec_that_is_not_there_is_an_error_without_problems),
        TEST(a_folder_is_no_job_spec),
        TEST(a_key_of_another_section_is_told_its_home),
        TEST(a_key_like_no_other_is_told_what_there_is),
        TEST(a_required_key_that_is_missing_is_named_at_its_section),
        TEST(a_key_without_a_value_is_a_fault),
        TEST(a_value_of_the_wrong_kind_is_told_the_right_one),
        TEST(the_version_must_be_one_that_is_known),
        TEST(a_name_has_letters_that_every_system_takes),
        TEST(a_number_is_written_in_decimal_digits),
        TEST(a_number_beyond_all_bounds_is_out_of_range),
        TEST(yes_and_on_are_told_to_be_true_or_false),
        TEST(true_in_quotes_is_a_text),
        TEST(an_action_is_a_word),
        TEST(a_value_is_refused_once),
        TEST(a_duration_needs_a_unit),
        TEST(a_duration_stays_within_its_range),
        TEST(a_limit_is_one_percentage_and_one_count_at_most),
        TEST(a_quota_is_a_count_in_a_window),
        TEST(a_delimiter_cannot_be_what_csv_needs_itself),
        TEST(a_list_names_everything_once),
        TEST(where_maps_columns_to_values),
        TEST(a_missing_file_is_named_with_where_it_was_looked_for),
        TEST(a_file_that_is_not_needed_need_not_be_there),
        TEST(a_folder_is_no_input),
        TEST(a_spec_that_cannot_be_read_is_named_with_the_reason),
        TEST(only_so_many_problems_are_kept_but_all_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
