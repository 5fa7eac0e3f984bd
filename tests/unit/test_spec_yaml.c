/* The file as YAML: its places, its anchors, its limits, and what libyaml stops at. */
#include "spec_fixture.h"

#include "spec/spec_internal.h"

static void an_anchor_and_its_aliases_are_one_value(void **state)
{
    const struct spec *spec = load(state, TOP RESOURCE LEDGER "roster: { csv: users.csv, key: &key user_id, watch: &w "
                                                              "[*key, department] }\n" RULES
                                                              "limits: { protect: *w, delete: &few [1%, 5], revoke: "
                                                              "*few }\n");

    assert_string_equal(spec->roster.watch.items[0], "user_id");
    assert_string_equal(spec->limits.protect.items[1], "department");
    assert_int_equal(spec->limits.erase.count, 5);
    assert_int_equal(spec->limits.revoke.count, 5);
}

static void an_anchor_may_hold_a_secret_or_a_section(void **state)
{
    const struct spec *spec =
        load(state, TOP LEDGER ROSTER "resource: { connection_string: &secret { env: ACS_CONNECTION } }\n"
                                      "rules: { changed: &cut revoke, removed: { do: *cut } }\n"
                                      "token: { scopes: [chat] }\n"
                                      "outputs: { tokens: { postgres: *secret } }\n");

    assert_string_equal(secret_reveal(&spec->outputs.sinks[0].connection), getenv("ACS_CONNECTION"));
    assert_int_equal(spec->rules.removed.actions.items[0], ACTION_REVOKE);
}

static void a_fault_of_an_alias_is_shown_where_it_is_used(void **state)
{
    refuses(state, WHOLE "engine: { give_up_after: &d 20m, timeouts: { connect: *d } }\n",
            "job.yaml:11:55: engine.timeouts.connect is out of range: it must be 100ms to 10m, not \"20m\"\n"
            "  hint: write for example connect: 10s\n");
}

static void an_alias_needs_an_anchor_above_it(void **state)
{
    refuses(state, WHOLE "outputs: { mapping: *out }\n",
            "job.yaml:11:21: there is no anchor \"out\"\n"
            "  hint: define it above with &out, or put the text in quotes\n");
}

static void a_value_cannot_contain_itself(void **state)
{
    refuses(state, WHOLE "limits: { protect: &p [anna, *p] }\n",
            "job.yaml:11:30: the value of anchor \"p\" contains itself\n"
            "  hint: use *p outside of the value that it names\n");
}

static void aliases_of_aliases_cannot_grow_without_end(void **state)
{
    refuses(state,
            WHOLE "limits:\n"
                  "  protect:\n"
                  "  - &a [x, x, x, x, x, x, x, x, x, x]\n"
                  "  - &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
                  "  - &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
                  "  - &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
                  "  - &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n",
            "job.yaml:17:37: the aliases of this file stand for too many values\n"
            "  hint: use fewer aliases within aliases\n");
}

static void a_key_stands_once(void **state)
{
    refuses(state, TOP RESOURCE LEDGER ROSTER RULES "engine:\n  http: auto\n  concurrency: 5\n  http: 2\nname: two\n",
            "job.yaml:14:3: key \"http\" stands already in line 12\n"
            "  hint: remove one of the two\n"
            "job.yaml:15:1: key \"name\" stands already in line 2\n"
            "  hint: remove one of the two\n");
}

static void merge_keys_tags_and_odd_keys_are_refused(void **state)
{
    refuses(state,
            WHOLE "limits: &l { delete: 5% }\n"
                  "engine:\n"
                  "  <<: *l\n"
                  "  http: !!str auto\n"
                  "  ? [concurrency]\n"
                  "  : 5\n"
                  "outputs: !x { mapping: m.csv }\n",
            "job.yaml:13:3: merge keys (<<) are not supported\n"
            "  hint: repeat the keys, or let an alias be the whole value: limits: *limits\n"
            "job.yaml:14:9: tags such as !!str are not supported\n"
            "  hint: remove the tag; a value in quotes is always text\n"
            "job.yaml:15:5: a key must be a word, not a list\n"
            "  hint: write key: value; put text with { or [ in quotes\n"
            "job.yaml:17:10: tags such as !!str are not supported\n"
            "  hint: remove the tag; a value in quotes is always text\n");
}

static void a_job_spec_is_one_mapping_in_one_document(void **state)
{
    refuses(state, "",
            "job.yaml:1:1: the job spec is empty\n  hint: remove the file, and `rollcall init` writes a new one in its "
            "place\n");
    refuses(state, "# nothing\n",
            "job.yaml:1:1: the job spec is empty\n  hint: remove the file, and `rollcall init` writes a new one in its "
            "place\n");
    refuses(state, "- version: 1\n",
            "job.yaml:1:1: a job spec must be a mapping of key: value lines, not a list\n"
            "  hint: start with version: 1\n");
    refuses(state, "hello\n",
            "job.yaml:1:1: a job spec must be a mapping of key: value lines, not a single value\n"
            "  hint: start with version: 1\n");
    refuses(state, WHOLE "---\n" WHOLE,
            "job.yaml:11:1: a job spec is one document, but another one starts here\n"
            "  hint: put the other job into a file of its own\n");
    load(state, "%YAML 1.2\n---\n" WHOLE "...\n");
}

static void what_is_no_yaml_is_said_in_words_that_help(void **state)
{
    refuses(state, "version: 1\n\tname: x\n", "job.yaml:2:1: a tab cannot indent YAML\n  hint: indent with spaces\n");
    refuses(state, "\tname: x\n", "job.yaml:1:1: a tab cannot indent YAML\n  hint: indent with spaces\n");
    refuses(state, "name: @x\n", "job.yaml:1:7: a value cannot start with \"@\"\n  hint: put the value in quotes\n");
    refuses(state, "a: [b, c\nd: e\n",
            "job.yaml:1:4: the list that starts here is not closed, or lacks a comma\n"
            "  hint: put commas between its entries and close it with ]\n");
    refuses(state, "a: {b: c\n",
            "job.yaml:1:4: the mapping that starts here is not closed, or lacks a comma\n"
            "  hint: put commas between its entries and close it with }\n");
    refuses(state, "a: \"b\n\nc: d\n",
            "job.yaml:1:4: the quote that opens here is not closed\n"
            "  hint: close it in the same line\n");
    refuses(state, "a: b: c\n",
            "job.yaml:1:5: a \":\" cannot stand here\n"
            "  hint: check the indentation of this line and the one above; put a value that holds "
            "\": \" in quotes\n");
    refuses(state, "a:\nb c\nd: 1\n", "job.yaml:2:1: a key without its \":\"\n  hint: write key: value\n");
    refuses(state, "a: 1\n- b\n",
            "job.yaml:2:1: a key was expected here\n"
            "  hint: keys of one mapping stand in the same column; check the indentation, quotes "
            "and brackets\n");
    refuses(state, "a: 'b' c\n",
            "job.yaml:1:8: a key was expected here\n"
            "  hint: keys of one mapping stand in the same column; check the indentation, quotes "
            "and brackets\n");
    refuses(state, "a: \"\\q\"\n",
            "job.yaml:1:5: an unknown escape in a text in double quotes\n"
            "  hint: write \\\\ for a backslash, or use single quotes\n");
    refuses(state, "%FOO\n---\na: b\n",
            "job.yaml:1:5: not valid YAML: found unknown directive name\n"
            "  hint: check the quotes, brackets and indentation of this line and the one above\n");
}

static void faults_before_the_end_of_the_yaml_are_reported_with_it(void **state)
{
    refuses(state, "a: 1\na: 2\nb: [\n",
            "job.yaml:2:1: key \"a\" stands already in line 1\n"
            "  hint: remove one of the two\n"
            "job.yaml:4:1: a value was expected here\n"
            "  hint: give the value, or remove the comma or bracket\n");
}

static void columns_count_characters(void **state)
{
    refuses(state, WHOLE "outputs: { mapping: 'gr\xC3\xBC\xC3\x9F\x65.csv', \xC3\xA4: 1 }\n",
            "job.yaml:11:34: unknown key \"\xC3\xA4\" in outputs\n"
            "  hint: remove it, or use one of mapping, tokens, failures, metrics or escape_formulas\n");
    refuses(state, "n\xC3\xA4me: \xFF\n",
            "job.yaml:1:7: the file is not valid UTF-8 here\n  hint: save the file as UTF-8\n");
    refuses(state, "a: 1\n\xC3\xA4: \x01\n",
            "job.yaml:2:4: a control character cannot stand in a job spec\n"
            "  hint: remove it; in double quotes it can be written as an escape\n");
}

static void a_byte_order_mark_is_no_character(void **state)
{
    load(state, "\xEF\xBB\xBF" WHOLE);
    refuses(state,
            "\xEF\xBB\xBF"
            "x: 1\n" WHOLE,
            "job.yaml:1:1: unknown key \"x\"\n"
            "  hint: remove it, or use one of version, name, resource, resources, ledger, roster, token, rules, "
            "limits, outputs, hooks or "
            "engine\n");
    refuses(state,
            "\xEF\xBB\xBF"
            "a: \xFF\n",
            "job.yaml:1:4: the file is not valid UTF-8 here\n"
            "  hint: save the file as UTF-8\n");
}

static void windows_line_ends_are_line_ends(void **state)
{
    load(state, "version: 1\r\nname: demo\r\nresource: { connection_string: { env: ACS_CONNECTION } }\r\n"
                "ledger: demo.ledger\r\nroster: { csv: users.csv, key: user_id }\r\nrules: { added: keep }\r\n");
}

static void nesting_has_an_end(void **state)
{
    char yaml[2048] = WHOLE "limits: ";

    memset(yaml + strlen(yaml), '[', 40);
    refuses(state, yaml, "job.yaml:11:40: this is nested too deep\n  hint: no part of a job spec needs that\n");
}

/* A spec with `count` repetitions of a text in the middle. */
static char *repeat(const char *before, const char *text, size_t count, const char *after)
{
    const size_t length = strlen(text);
    char *yaml = malloc(strlen(before) + count * length + strlen(after) + 1);

    assert_non_null(yaml);
    strcpy(yaml, before);
    for (size_t i = 0, end = strlen(before); i < count; i++, end += length)
        memcpy(yaml + end, text, length + 1);
    strcat(yaml, after);
    return yaml;
}

static void a_value_has_at_most_64_kib(void **state)
{
    char *longest = repeat(WHOLE "outputs: { tokens: { sqlite: t.db, table: ", "x", SPEC_SCALAR_MAX, " } }\n");
    char *longer = repeat(WHOLE "outputs: { tokens: { sqlite: t.db, table: x", "x", SPEC_SCALAR_MAX, " } }\n");

    load(state, longest);
    refuses(
        state, longer,
        "job.yaml:11:43: this value is too long\n  hint: keep every value below 64 KiB; is this file a job spec?\n");
    free(longest);
    free(longer);
}

static void a_value_holds_no_nul(void **state)
{
    refuses(state, WHOLE "outputs: { mapping: \"a\\0b\" }\n",
            "job.yaml:11:21: a value cannot hold a NUL character\n  hint: remove \\0 from it\n");
}

static void a_file_has_at_most_1_mib(void **state)
{
    struct fixture *fixture = *state;
    char *largest = repeat(WHOLE, "#", SPEC_FILE_MAX - strlen(WHOLE), "");
    char *larger = repeat(WHOLE "#", "#", SPEC_FILE_MAX - strlen(WHOLE), "");

    load(state, largest);
    load_bytes(fixture, larger, strlen(larger), SPEC_WITH_SECRETS);
    assert_string_equal(fixture->error.message, "job.yaml is larger than 1 MiB");
    assert_int_equal(fixture->error.code, ERROR_INPUT);
    free(largest);
    free(larger);
}

static void the_number_of_values_keys_and_anchors_is_capped(void **state)
{
    struct fixture *fixture = *state;
    char *values = repeat(WHOLE "limits: { protect: [", "x,", SPEC_NODES_MAX, "] }\n");
    char *keys = repeat(WHOLE "limits:\n", "  ? x\n", SPEC_ENTRIES_MAX + 1, "");
    char *anchors = repeat(WHOLE "limits:\n  protect:\n", "  - &a x\n", SPEC_ANCHORS_MAX + 1, "");
    char *entries = repeat(WHOLE "limits:\n  protect:\n", "  - x\n", 10001, "");

    load_bytes(fixture, values, strlen(values), SPEC_WITH_SECRETS);
    assert_non_null(strstr(fixture->printed, "this file holds too many values"));
    load_bytes(fixture, keys, strlen(keys), SPEC_WITH_SECRETS);
    assert_non_null(strstr(fixture->printed, "more of these"));
    refuses(state, anchors, "job.yaml:1037:5: this file holds too many anchors\n  hint: use fewer anchors\n");
    refuses(state, entries, "job.yaml:13:3: limits.protect has more than 10000 entries\n  hint: shorten the list\n");
    free(values);
    free(keys);
    free(anchors);
    free(entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_anchor_and_its_aliases_are_one_value),
        TEST(an_anchor_may_hold_a_secret_or_a_section),
        TEST(a_fault_of_an_alias_is_shown_where_it_is_used),
        TEST(an_alias_needs_an_anchor_above_it),
        TEST(a_value_cannot_contain_itself),
        TEST(aliases_of_aliases_cannot_grow_without_end),
        TEST(a_key_stands_once),
        TEST(merge_keys_tags_and_odd_keys_are_refused),
        TEST(a_job_spec_is_one_mapping_in_one_document),
        TEST(what_is_no_yaml_is_said_in_words_that_help),
        TEST(faults_before_the_end_of_the_yaml_are_reported_with_it),
        TEST(columns_count_characters),
        TEST(a_byte_order_mark_is_no_character),
        TEST(windows_line_ends_are_line_ends),
        TEST(nesting_has_an_end),
        TEST(a_value_has_at_most_64_kib),
        TEST(a_value_holds_no_nul),
        TEST(a_file_has_at_most_1_mib),
        TEST(the_number_of_values_keys_and_anchors_is_capped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
