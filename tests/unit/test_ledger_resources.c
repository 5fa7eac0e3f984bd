/* Which resource an identity belongs to is known for good: names, places, and ledgers from before there were several.
 */
#include "ledger_writing.h"

#include "ledger/ledger_internal.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#define CONTOSO "contoso.communication.azure.com"
#define FABRIKAM "fabrikam.communication.azure.com"

static int64_t ids[4];

static int enter(void **state)
{
    (void)state;
    place = 1;
    return scratch_enter();
}

static int enter_new(void **state)
{
    const int result = enter(state);

    open_ledger();
    begin_run();
    return result;
}

static bool bind_all(size_t count, const struct ledger_resource *wanted)
{
    memset(ids, 0, sizeof ids);
    return ledger_bind_resources(ledger, wanted, count, ids, &error);
}

#define BIND(...)                                                                            \
    bind_all(sizeof(struct ledger_resource[]){__VA_ARGS__} / sizeof(struct ledger_resource), \
             (struct ledger_resource[]){__VA_ARGS__})

static void refuses(bool bound, const char *message)
{
    assert_false(bound);
    assert_int_equal(error.code, ERROR_LIMIT);
    says(message);
}

static void a_ledger_belongs_to_one_resource(void **state)
{
    (void)state;
    works(BIND({"", CONTOSO}));
    place = ids[0];
    provision("anna", 1, "", 0);
    works(BIND({"", CONTOSO}));
    reopen_ledger();
    refuses(BIND({"", FABRIKAM}), LEDGER_PATH " belongs to the resource " CONTOSO ", the job spec points to " FABRIKAM);
    works(BIND({"", CONTOSO}));
    assert_int_equal(ids[0], place);
}

static void a_resource_that_nobody_was_ever_in_may_turn_out_to_be_elsewhere(void **state)
{
    (void)state;
    works(BIND({"", "cantoso.communication.azure.com"}));
    works(BIND({"", CONTOSO}));
    place = ids[0];
    provision("anna", 1, "", 0);
    refuses(BIND({"", FABRIKAM}), "belongs to the resource " CONTOSO);
}

static void expect_it_stays_with_an_unanswered_create(bool has_custom_id)
{
    works(BIND({"", CONTOSO}));
    place = ids[0];
    intend("anna", ACTION_PROVISION, "", has_custom_id);
    refuses(BIND({"", FABRIKAM}), "belongs to the resource " CONTOSO);
    settle(WHEN_MS);
    refuses(BIND({"", FABRIKAM}), "belongs to the resource " CONTOSO);
    works(BIND({"", CONTOSO}));
}

static void a_resource_where_a_create_is_in_doubt_stays_where_it_is(void **state)
{
    (void)state;
    expect_it_stays_with_an_unanswered_create(false);
}

static void a_resource_where_a_create_with_a_custom_id_was_not_repeated_stays_where_it_is(void **state)
{
    (void)state;
    expect_it_stays_with_an_unanswered_create(true);
}

static void a_resource_where_creates_were_refused_may_turn_out_to_be_elsewhere(void **state)
{
    (void)state;
    works(BIND({"", "cantoso.communication.azure.com"}));
    place = ids[0];
    const struct result refused = result_of("anna", ACTION_PROVISION, OUTCOME_REJECTED, "");
    record(&refused);
    works(BIND({"", CONTOSO}));
    assert_int_equal(ids[0], place);
}

static void each_of_several_resources_keeps_its_name_and_its_place(void **state)
{
    (void)state;
    works(BIND({"emea", CONTOSO}, {"us", FABRIKAM}));
    assert_int_not_equal(ids[0], ids[1]);
    const int64_t us = place = ids[1];
    provision("anna", 1, "", 0);
    assert_int_equal(identity_of("anna").resource, us);
    works(BIND({"us", FABRIKAM}, {"emea", CONTOSO}));
    assert_int_equal(ids[0], us);
    refuses(BIND({"us", "else.example"}),
            LEDGER_PATH " has the resource \"us\" at " FABRIKAM ", the job spec points to else.example");
    refuses(BIND({"emea", CONTOSO}, {"usa", FABRIKAM}),
            LEDGER_PATH " knows the resource " FABRIKAM " as \"us\", the job spec calls it \"usa\"");
    refuses(BIND({"", FABRIKAM}),
            LEDGER_PATH " knows the resource " FABRIKAM " as \"us\", and the job spec gives it no name");
}

static void what_a_job_with_one_resource_had_is_the_first_of_several(void **state)
{
    (void)state;
    works(BIND({"", CONTOSO}));
    const int64_t first = place = ids[0];
    provision("anna", 1, "", 0);
    refuses(BIND({"us", FABRIKAM}, {"emea", CONTOSO}),
            LEDGER_PATH " has the resource \"us\" at " CONTOSO ", the job spec points to " FABRIKAM);
    works(BIND({"emea", CONTOSO}, {"us", FABRIKAM}));
    assert_int_equal(ids[0], first);
    works(BIND({"us", FABRIKAM}, {"emea", CONTOSO}));
    assert_int_equal(ids[1], first);
}

static void only_the_names_count_where_the_places_are_not_known(void **state)
{
    const struct ledger_resource wanted[] = {{"emea", NULL}, {"us", NULL}, {"asia", NULL}};

    (void)state;
    works(BIND({"us", FABRIKAM}, {"emea", CONTOSO}));
    const int64_t us = ids[0];
    works(ledger_find_resources(ledger, wanted, 3, ids, &error));
    assert_int_equal(ids[1], us);
    assert_int_not_equal(ids[0], 0);
    assert_int_equal(ids[2], 0);
}

static void a_resource_with_the_longest_name_is_known_again(void **state)
{
    char authority[LEDGER_AUTHORITY_SIZE];
    char name[65];

    (void)state;
    memset(authority, 'a', sizeof authority - 1);
    authority[sizeof authority - 1] = '\0';
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    works(BIND({name, authority}));
    place = ids[0];
    provision("anna", 1, "", 0);
    works(BIND({name, authority}));
    assert_int_equal(ids[0], place);
}

static bool note_resource(void *context, const struct resource_count *one, struct error *ignored)
{
    char *text = context;
    const size_t length = strlen(text);

    (void)ignored;
    snprintf(text + length, 512 - length, "%s %s %u %u;", one->name, one->authority,
             (unsigned)one->by_state[IDENTITY_ACTIVE], (unsigned)one->by_state[IDENTITY_DELETED]);
    return true;
}

static const char *resources(void)
{
    static char text[512];

    text[0] = '\0';
    works(ledger_each_resource(ledger, note_resource, text, &error));
    return text;
}

static void the_identities_of_each_resource_are_counted(void **state)
{
    (void)state;
    works(BIND({"emea", CONTOSO}, {"us", FABRIKAM}));
    place = ids[0];
    provision("anna", 1, "", 0);
    provision("bert", 2, "", 0);
    act("bert", ACTION_DELETE, true);
    assert_string_equal(resources(), "emea " CONTOSO " 1 1;us " FABRIKAM " 0 0;");
}

/* A user who comes back after a delete may be somewhere else. */
static void a_new_identity_takes_its_user_to_its_own_resource(void **state)
{
    (void)state;
    works(BIND({"emea", CONTOSO}, {"us", FABRIKAM}));
    place = ids[0];
    provision("anna", 1, "", 0);
    act("anna", ACTION_DELETE, false);
    place = ids[1];
    provision("anna", 2, "", 0);
    assert_int_equal(identity_of("anna").resource, ids[1]);
    assert_string_equal(resources(), "emea " CONTOSO " 0 0;us " FABRIKAM " 1 0;");
}

/* --- ledgers of the first schema --- */

static void write_first_ledger(void)
{
    static char dump[64 * 1024];
    FILE *file = fopen(SOURCE_DIR "/tests/unit/ledger_v1.sql", "r");
    sqlite3 *db;

    assert_non_null(file);
    dump[fread(dump, 1, sizeof dump - 1, file)] = '\0';
    fclose(file);
    write_file(LEDGER_PATH, "");
    assert_int_equal(chmod(LEDGER_PATH, 0600), 0);
    assert_int_equal(sqlite3_open(LEDGER_PATH, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, dump, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static bool note_attempt(void *context, const struct audit_record *one, struct error *ignored)
{
    (void)ignored;
    assert_int_equal(one->resource, 1);
    (*(unsigned *)context)++;
    return true;
}

static void expect_first_ledger_in_one_place(void)
{
    unsigned attempts = 0;

    assert_string_equal(resources(), " " CONTOSO " 1 1;");
    assert_int_equal(identity_of("anna").resource, 1);
    assert_int_equal(identity_of("anna").token_expires_at_s, 1700086400);
    assert_int_equal(identity_of("bert").state, IDENTITY_REVOKED);
    works(BIND({"", CONTOSO}));
    assert_int_equal(ids[0], 1);
    refuses(BIND({"", FABRIKAM}), "belongs to the resource " CONTOSO);
    begin_run();
    assert_int_equal(settle(WHEN_MS), 1);
    works(ledger_each_attempt_since(ledger, 0, note_attempt, &attempts, &error));
    assert_int_equal(attempts, 7);
}

static void what_an_older_ledger_holds_belongs_to_the_resource_that_it_was_bound_to(void **state)
{
    (void)state;
    write_first_ledger();
    open_ledger();
    expect_first_ledger_in_one_place();
}

#ifdef ROLLCALL_CRASH_POINTS
/* Opens the ledger in a child that dies at the n-th point; true when it came through. */
static bool survives(int point)
{
    char text[16];
    int status;
    const pid_t child = fork();

    if (child == 0) {
        struct error ignored;
        snprintf(text, sizeof text, "%d", point);
        setenv("ROLLCALL_CRASH_AT", text, 1);
        _exit(ledger_open(LEDGER_PATH, LEDGER_RUN, &ignored) != NULL ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL);
    return WIFEXITED(status);
}
#endif

static void a_migration_that_is_killed_is_done_by_the_next_one(void **state)
{
    (void)state;
#ifdef ROLLCALL_CRASH_POINTS
    int point = 0;

    for (bool survived = false; !survived;) {
        remove(LEDGER_PATH);
        remove(LEDGER_PATH "-wal");
        remove(LEDGER_PATH "-shm");
        write_first_ledger();
        survived = survives(++point);
        open_ledger();
        expect_first_ledger_in_one_place();
        ledger_close(ledger);
    }
    ledger = NULL;
    assert_true(point > 3);
#else
    skip();
#endif
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_new, ledger_end_test)
#define TEST_OLD(name) cmocka_unit_test_setup_teardown(name, enter, ledger_end_test)

static const struct CMUnitTest tests[] = {
    TEST(a_ledger_belongs_to_one_resource),
    TEST(a_resource_that_nobody_was_ever_in_may_turn_out_to_be_elsewhere),
    TEST(a_resource_where_a_create_is_in_doubt_stays_where_it_is),
    TEST(a_resource_where_a_create_with_a_custom_id_was_not_repeated_stays_where_it_is),
    TEST(a_resource_where_creates_were_refused_may_turn_out_to_be_elsewhere),
    TEST(each_of_several_resources_keeps_its_name_and_its_place),
    TEST(what_a_job_with_one_resource_had_is_the_first_of_several),
    TEST(only_the_names_count_where_the_places_are_not_known),
    TEST(a_resource_with_the_longest_name_is_known_again),
    TEST(the_identities_of_each_resource_are_counted),
    TEST(a_new_identity_takes_its_user_to_its_own_resource),
    TEST_OLD(what_an_older_ledger_holds_belongs_to_the_resource_that_it_was_bound_to),
    TEST_OLD(a_migration_that_is_killed_is_done_by_the_next_one),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
