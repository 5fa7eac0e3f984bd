#include "ledger_writing.h"

#include "output/mapping.h"

#define PATH "out/mapping.csv"

static struct mapping_options options;

static int begin(void **state)
{
    options = (struct mapping_options){.key_column = "user_id", .style = csv_plain};
    return ledger_begin_test(state);
}

static void update(void)
{
    works(mapping_update(ledger, &options, PATH, &error));
}

/* Another file stands there after a write: each has its own inode while the former one is held. */
static bool is_rewritten(void)
{
    FILE *held = fopen(PATH, "r");
    struct stat before;
    struct stat after;

    assert_int_equal(stat(PATH, &before), 0);
    update();
    assert_int_equal(stat(PATH, &after), 0);
    fclose(held);
    return before.st_ino != after.st_ino;
}

static bool collect(void *context, const void *bytes, size_t length, struct error *ignored)
{
    char *text = context;
    const size_t used = strlen(text);

    (void)ignored;
    memcpy(text + used, bytes, length);
    text[used + length] = '\0';
    return true;
}

static void exports(const char *expected)
{
    static char text[64 * 1024];

    text[0] = '\0';
    works(mapping_export(ledger, &options, collect, text, &error));
    assert_string_equal(text, expected);
}

static void the_mapping_shows_every_user_with_state_and_token_end(void **state)
{
    (void)state;
    provision("anna", 1, "", 1700000000);
    provision("b,ert", 2, "", 0);
    provision("carl", 3, "", 0);
    act("carl", ACTION_DELETE, true);
    update();
    assert_string_equal(read_file(PATH), "user_id,identity_id,state,token_expires_at\n"
                                         "anna," RESOURCE_PART "0000000f-7c78-2611-f40f-000000000001,active,"
                                         "2023-11-14T22:13:20Z\n"
                                         "\"b,ert\"," RESOURCE_PART "0000000f-7c78-2611-f40f-000000000002,active,\n"
                                         "carl," RESOURCE_PART "0000000f-7c78-2611-f40f-000000000003,deleted,\n");
}

static void a_mapping_of_nobody_has_its_header(void **state)
{
    (void)state;
    update();
    assert_string_equal(read_file(PATH), "user_id,identity_id,state,token_expires_at\n");
}

static void a_mapping_is_not_rewritten_when_nothing_changed(void **state)
{
    (void)state;
    provision("anna", 1, "", 0);
    update();
    assert_false(is_rewritten());
    reopen_ledger();
    assert_false(is_rewritten());
}

static void a_mapping_is_rewritten_when_an_identity_changed(void **state)
{
    (void)state;
    provision("anna", 1, "", 0);
    update();
    act("anna", ACTION_DELETE, true);
    assert_true(is_rewritten());
    assert_non_null(strstr(read_file(PATH), "deleted"));
}

static void a_mapping_that_somebody_removed_or_changed_is_written_again(void **state)
{
    (void)state;
    provision("anna", 1, "", 0);
    update();
    assert_int_equal(unlink(PATH), 0);
    update();
    assert_non_null(strstr(read_file(PATH), "anna"));
    write_file(PATH, "cut");
    update();
    assert_non_null(strstr(read_file(PATH), "anna"));
}

static void a_mapping_is_rewritten_for_another_form_of_it(void **state)
{
    (void)state;
    provision("=anna", 1, "", 0);
    update();
    options.key_column = "mail";
    assert_true(is_rewritten());
    assert_memory_equal(read_file(PATH), "mail,", 5);
    options.style.escape_formulas = true;
    assert_true(is_rewritten());
    assert_non_null(strstr(read_file(PATH), "\n'=anna,"));
}

/* The key column's name may be longer than what is kept of the file's looks. */
static void a_long_column_name_hides_no_change(void **state)
{
    static char name[2000];

    (void)state;
    memset(name, 'k', sizeof name - 1);
    options.key_column = name;
    provision("anna", 1, "", 0);
    update();
    assert_false(is_rewritten());
    write_file(PATH, "cut");
    update();
    assert_non_null(strstr(read_file(PATH), "anna"));
}

/* What a run finds in the place of its mapping. */
static void is_refused(const char *text, enum error_code code, const char *part, const char *hint)
{
    write_file(PATH, text);
    assert_false(mapping_check(ledger, &options, PATH, &error));
    assert_int_equal(error.code, code);
    says(part);
    hints(hint);
    assert_string_equal(read_file(PATH), text);
}

static void a_file_that_is_no_mapping_is_refused_and_left_as_it_is(void **state)
{
    static const char none[] = PATH " stands in the place of the mapping and is none";

    (void)state;
    assert_int_equal(mkdir("out", 0700), 0);
    is_refused("user_id,department\nanna,sales\n", ERROR_INPUT, none, "name another file in outputs.mapping");
    says("it has no column \"identity_id\"");
    is_refused("mail,identity_id\nanna,8:acs:1\n", ERROR_INPUT, none, "name another file");
    is_refused("", ERROR_INPUT, none, "name another file");
    is_refused("user_id,identity_id\nanna\n", ERROR_INPUT, none, "name another file");
    assert_int_equal(unlink(PATH), 0);
    assert_int_equal(mkdir(PATH, 0700), 0);
    assert_false(mapping_check(ledger, &options, PATH, &error));
    says(PATH " is a directory");
}

static void a_mapping_that_knows_more_than_the_ledger_is_refused(void **state)
{
    (void)state;
    works(mapping_check(ledger, &options, PATH, &error)); /* nothing is there */
    provision("anna", 1, "", 0);
    update();
    works(mapping_check(ledger, &options, PATH, &error));
    act("anna", ACTION_ISSUE, true);
    works(mapping_check(ledger, &options, PATH, &error)); /* an older one */
    is_refused("user_id,identity_id\nanna,8:acs:1\nbert,8:acs:2\n", ERROR_LIMIT,
               PATH " names 2 identities that the ledger does not know", "`rollcall import JOB.yaml " PATH "`");
    assert_false(mapping_check(NULL, &options, PATH, &error));
    says("names 2 identities");
}

static void the_former_identity_of_a_user_whose_key_was_disarmed_is_known(void **state)
{
    (void)state;
    options.style.escape_formulas = true;
    provision("=anna", 1, "", 0);
    update();
    provision("=anna", 2, "", 0);
    works(mapping_check(ledger, &options, PATH, &error));
}

static void columns_and_state_can_be_chosen(void **state)
{
    static const enum mapping_column columns[] = {MAPPING_STATE, MAPPING_KEY};

    (void)state;
    provision("anna", 1, "", 0);
    provision("bert", 2, "", 0);
    act("bert", ACTION_DELETE, true);
    options.columns = columns;
    options.column_count = 2;
    exports("state,user_id\nactive,anna\ndeleted,bert\n");
    options.has_state = true;
    options.state = IDENTITY_DELETED;
    exports("state,user_id\ndeleted,bert\n");
}

static void as_json_each_user_is_one_line(void **state)
{
    (void)state;
    provision("an\"na", 1, "", 1700000000);
    provision("bert", 2, "", 0);
    options.format = MAPPING_NDJSON;
    exports("{\"user_id\":\"an\\\"na\",\"identity_id\":\"" RESOURCE_PART
            "0000000f-7c78-2611-f40f-000000000001\",\"state\":\"active\",\"token_expires_at\":"
            "\"2023-11-14T22:13:20Z\"}\n"
            "{\"user_id\":\"bert\",\"identity_id\":\"" RESOURCE_PART
            "0000000f-7c78-2611-f40f-000000000002\",\"state\":\"active\",\"token_expires_at\":null}\n");
}

static bool fails_later(void *context, const void *bytes, size_t length, struct error *why)
{
    (void)bytes, (void)length;
    return ++*(int *)context < 2 || error_set(why, ERROR_SYSTEM, "the disk is full");
}

static void a_receiver_that_fails_ends_the_export(void **state)
{
    int calls = 0;
    char key[8];

    (void)state;
    works(ledger_begin(ledger, &error));
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(key, sizeof key, "u%u", i);
        provision(key, i, "", 0);
    }
    works(ledger_commit(ledger, &error));
    assert_false(mapping_export(ledger, &options, fails_later, &calls, &error));
    assert_int_equal(calls, 2);
    says("the disk is full");
}

static void without_a_ledger_nobody_is_exported(void **state)
{
    char text[256] = "";

    (void)state;
    works(mapping_export(NULL, &options, collect, text, &error));
    assert_string_equal(text, "user_id,identity_id,state,token_expires_at\n");
}

static void each_column_is_known_by_its_name(void **state)
{
    enum mapping_column column;

    (void)state;
    assert_true(mapping_column_parse("key", &column));
    assert_int_equal(column, MAPPING_KEY);
    assert_true(mapping_column_parse("token_expires_at", &column));
    assert_int_equal(column, MAPPING_EXPIRES);
    assert_false(mapping_column_parse("token", &column));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, ledger_end_test)

static const struct CMUnitTest tests[] = {
    TEST(the_mapping_shows_every_user_with_state_and_token_end),
    TEST(a_mapping_of_nobody_has_its_header),
    TEST(a_mapping_is_not_rewritten_when_nothing_changed),
    TEST(a_mapping_is_rewritten_when_an_identity_changed),
    TEST(a_mapping_that_somebody_removed_or_changed_is_written_again),
    TEST(a_mapping_is_rewritten_for_another_form_of_it),
    TEST(a_long_column_name_hides_no_change),
    TEST(a_file_that_is_no_mapping_is_refused_and_left_as_it_is),
    TEST(a_mapping_that_knows_more_than_the_ledger_is_refused),
    TEST(the_former_identity_of_a_user_whose_key_was_disarmed_is_known),
    TEST(columns_and_state_can_be_chosen),
    TEST(as_json_each_user_is_one_line),
    TEST(a_receiver_that_fails_ends_the_export),
    TEST(without_a_ledger_nobody_is_exported),
    TEST(each_column_is_known_by_its_name),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
