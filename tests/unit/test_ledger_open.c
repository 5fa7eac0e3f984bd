#include "ledger_writing.h"

#include "ledger/ledger_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/wait.h>

static int enter(void **state)
{
    (void)state;
    return scratch_enter();
}

static void refuses(const char *path, enum ledger_mode mode, enum error_code code)
{
    error.code = ERROR_NONE;
    assert_null(ledger_open(path, mode, &error));
    if (error.code != code)
        fail_msg("%s: code %d, %s", path, (int)error.code, error.message);
}

static void sqlite(const char *path, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_new_ledger_is_its_owners_alone(void **state)
{
    (void)state;
    open_ledger();
    begin_run();
    assert_int_equal(mode_of(LEDGER_PATH), 0600);
    assert_int_equal(mode_of(LEDGER_PATH "-wal"), 0600);
    assert_int_equal(mode_of(LEDGER_PATH "-shm"), 0600);
}

static void folders_on_the_way_to_a_new_ledger_are_made(void **state)
{
    (void)state;
    ledger = ledger_open("a/b/job.ledger", LEDGER_RUN, &error);
    works(ledger != NULL);
    assert_int_equal(mode_of("a"), 0700);
    assert_int_equal(mode_of("a/b"), 0700);
}

static void reading_a_ledger_that_is_not_there_is_an_input_error_and_makes_none(void **state)
{
    (void)state;
    refuses(LEDGER_PATH, LEDGER_READ, ERROR_INPUT);
    says("there is no ledger");
    assert_false(ledger_exists(LEDGER_PATH));
}

static void a_ledger_stays_what_it_was_after_it_is_closed(void **state)
{
    (void)state;
    open_ledger();
    begin_run();
    provision("anna", 1, "", 0);
    reopen_ledger();
    assert_string_equal(identity_of("anna").id, identity_id(1));
}

static void a_second_run_on_a_ledger_is_turned_away(void **state)
{
    (void)state;
    open_ledger();
    refuses(LEDGER_PATH, LEDGER_RUN, ERROR_BUSY);
    says("another run holds the ledger");
    ledger_close(ledger);
    open_ledger();
}

static void a_ledger_in_use_can_be_read_beside_it(void **state)
{
    struct identity identity;

    (void)state;
    open_ledger();
    begin_run();
    provision("anna", 1, "", 0);
    struct ledger *reader = ledger_open_beside(ledger, &error);
    works(reader != NULL);
    works(ledger_find(reader, "anna", 4, &identity, &error));
    assert_string_equal(identity.id, identity_id(1));
    ledger_close(reader);
    refuses(LEDGER_PATH, LEDGER_RUN, ERROR_BUSY); /* the reader's end took no lock away */
}

static void the_lock_goes_with_a_killed_process(void **state)
{
    int status;

    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        struct error ignored;
        _exit(ledger_open(LEDGER_PATH, LEDGER_RUN, &ignored) != NULL ? 7 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 7);
    open_ledger();
}

static void a_reader_cannot_write(void **state)
{
    (void)state;
    open_ledger();
    struct ledger *reader = ledger_open_beside(ledger, &error);
    works(reader != NULL);
    assert_false(ledger_set(reader, "a", "b", &error));
    ledger_close(reader);
}

static void a_symbolic_link_is_refused(void **state)
{
    (void)state;
    open_ledger();
    assert_int_equal(symlink(LEDGER_PATH, "link"), 0);
    refuses("link", LEDGER_RUN, ERROR_INPUT);
    refuses("link", LEDGER_READ, ERROR_INPUT);
}

/* As where /home is a link, or /var/run: what counts is the file itself and who may write to its folder. */
static void a_folder_behind_a_symbolic_link_is_fine(void **state)
{
    char path[128];

    (void)state;
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(symlink("folder", "link"), 0);
    snprintf(path, sizeof path, "%s/link/job.ledger", scratch_folder);
    ledger = ledger_open(path, LEDGER_RUN, &error);
    works(ledger != NULL);
    begin_run();
    struct ledger *reader = ledger_open_beside(ledger, &error);
    works(reader != NULL);
    ledger_close(reader);
    assert_true(is_there("folder/job.ledger"));
}

/* SQLite would keep it in memory, and every identity would be lost with the process. */
static void a_ledger_named_memory_is_a_file_too(void **state)
{
    (void)state;
    ledger = ledger_open(":memory:", LEDGER_RUN, &error);
    works(ledger != NULL);
    begin_run();
    provision("anna", 1, "", 0);
    ledger_close(ledger);
    ledger = ledger_open(":memory:", LEDGER_READ, &error);
    works(ledger != NULL);
    assert_string_equal(identity_of("anna").id, identity_id(1));
}

static void what_others_can_use_is_refused(void **state)
{
    (void)state;
    open_ledger();
    ledger_close(ledger);
    ledger = NULL;
    assert_int_equal(chmod(LEDGER_PATH, 0640), 0);
    refuses(LEDGER_PATH, LEDGER_RUN, ERROR_INPUT);
    hints("chmod 600");
    refuses(LEDGER_PATH, LEDGER_READ, ERROR_INPUT);
    assert_int_equal(chmod(LEDGER_PATH, 0600), 0);
    assert_int_equal(chmod(".", 0777), 0);
    refuses(LEDGER_PATH, LEDGER_RUN, ERROR_INPUT);
    refuses(LEDGER_PATH, LEDGER_READ, ERROR_INPUT);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    refuses("folder", LEDGER_RUN, ERROR_INPUT);
    refuses("folder", LEDGER_READ, ERROR_INPUT);
    refuses("pipe", LEDGER_RUN, ERROR_INPUT);
    refuses("pipe", LEDGER_READ, ERROR_INPUT);
}

static void a_file_that_is_no_database_is_refused_and_left_as_it_is(void **state)
{
    (void)state;
    write_file(LEDGER_PATH, "user_id,department\nanna,sales\n");
    assert_int_equal(chmod(LEDGER_PATH, 0600), 0);
    refuses(LEDGER_PATH, LEDGER_RUN, ERROR_INPUT);
    hints("never delete it");
    refuses(LEDGER_PATH, LEDGER_READ, ERROR_INPUT);
    assert_string_equal(read_file(LEDGER_PATH), "user_id,department\nanna,sales\n");
}

static void the_database_of_another_program_is_refused_and_left_as_it_is(void **state)
{
    sqlite3 *db;
    sqlite3_stmt *statement;

    (void)state;
    sqlite(LEDGER_PATH, "CREATE TABLE bookmarks (url TEXT)");
    assert_int_equal(chmod(LEDGER_PATH, 0600), 0);
    refuses(LEDGER_PATH, LEDGER_RUN, ERROR_INPUT);
    says("another program");
    refuses(LEDGER_PATH, LEDGER_READ, ERROR_INPUT);
    assert_int_equal(sqlite3_open(LEDGER_PATH, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM sqlite_schema", -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(statement, 0), 1);
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

static void a_newer_ledger_is_refused(void **state)
{
    (void)state;
    open_ledger();
    ledger_close(ledger);
    ledger = NULL;
    sqlite(LEDGER_PATH, "PRAGMA user_version = 999");
    refuses(LEDGER_PATH, LEDGER_RUN, ERROR_INPUT);
    says("schema version 999");
    refuses(LEDGER_PATH, LEDGER_READ, ERROR_INPUT);
    says("schema version 999");
}

/* An empty file is version 0: what a run that was killed while it made its ledger leaves behind. */
static void an_older_ledger_is_migrated_by_a_run_and_not_by_a_reader(void **state)
{
    (void)state;
    write_file(LEDGER_PATH, "");
    assert_int_equal(chmod(LEDGER_PATH, 0600), 0);
    refuses(LEDGER_PATH, LEDGER_READ, ERROR_INPUT);
    says("no ledger, or an empty one");
    open_ledger();
    begin_run();
    ledger_close(ledger);
    ledger = ledger_open(LEDGER_PATH, LEDGER_READ, &error);
    works(ledger != NULL);
}

static bool keep_run(void *context, const struct run_record *run, struct error *ignored)
{
    (void)ignored;
    *(struct run_record *)context = *run;
    return true;
}

/* A ledger of the first schema, with one run and one attempt in it. */
static void write_first_ledger(void)
{
    write_file(LEDGER_PATH, "");
    assert_int_equal(chmod(LEDGER_PATH, 0600), 0);
    sqlite(LEDGER_PATH, ledger_migrations[0]);
    sqlite(LEDGER_PATH,
           "INSERT INTO runs (started_at, state, job, operator, roster_rows) VALUES (1, 'done', 'demo', 'anna', 7);"
           "INSERT INTO audit (at, run, key, action, outcome, attempt, status)"
           " VALUES (2, 1, 'anna', 'provision', 'done', 1, 201);"
           "PRAGMA user_version = 1");
}

static void what_an_older_ledger_did_not_record_is_not_known(void **state)
{
    struct run_record run;

    (void)state;
    write_first_ledger();
    refuses(LEDGER_PATH, LEDGER_READ, ERROR_INPUT);
    says("the older schema version 1");
    open_ledger();
    works(ledger_each_run(ledger, 1, keep_run, &run, &error));
    assert_int_equal(run.roster_rows, 7);
    assert_int_equal(run.users, 0);
    assert_string_equal(audit_of("anna"), "provision done 1 201   ;");
    begin_run();
    struct result result = result_of("anna", ACTION_REVOKE, OUTCOME_FAILED, "");
    record(&result);
    assert_non_null(strstr(audit_of("anna"), "revoke failed"));
}

static void a_named_value_is_kept_and_replaced(void **state)
{
    char value[8];

    (void)state;
    open_ledger();
    works(ledger_get(ledger, "thing", value, sizeof value, &error));
    assert_string_equal(value, "");
    works(ledger_set(ledger, "thing", "one", &error));
    works(ledger_set(ledger, "thing", "two", &error));
    reopen_ledger();
    works(ledger_get(ledger, "thing", value, sizeof value, &error));
    assert_string_equal(value, "two");
    works(ledger_set(ledger, "thing", "longer than it fits", &error));
    works(ledger_get(ledger, "thing", value, sizeof value, &error));
    assert_string_equal(value, "longer ");
}

static void what_is_not_committed_is_gone(void **state)
{
    char value[8];

    (void)state;
    open_ledger();
    works(ledger_begin(ledger, &error));
    works(ledger_set(ledger, "thing", "one", &error));
    ledger_rollback(ledger);
    works(ledger_get(ledger, "thing", value, sizeof value, &error));
    assert_string_equal(value, "");
    ledger_rollback(ledger); /* nothing is open: no harm */
    works(ledger_begin(ledger, &error));
    works(ledger_set(ledger, "thing", "two", &error));
    works(ledger_commit(ledger, &error));
    reopen_ledger();
    works(ledger_get(ledger, "thing", value, sizeof value, &error));
    assert_string_equal(value, "two");
}

static void what_is_committed_outlives_a_kill(void **state)
{
    int status;

    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        open_ledger();
        begin_run();
        works(ledger_begin(ledger, &error));
        provision("anna", 1, "", 0);
        works(ledger_commit(ledger, &error));
        works(ledger_begin(ledger, &error));
        provision("bert", 2, "", 0);
        _exit(7);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 7);
    open_ledger();
    assert_string_equal(identity_of("anna").id, identity_id(1));
    struct identity identity;
    assert_false(ledger_find(ledger, "bert", 4, &identity, &error));
    assert_int_equal(error.code, ERROR_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, ledger_end_test)

static const struct CMUnitTest tests[] = {
    TEST(a_new_ledger_is_its_owners_alone),
    TEST(folders_on_the_way_to_a_new_ledger_are_made),
    TEST(reading_a_ledger_that_is_not_there_is_an_input_error_and_makes_none),
    TEST(a_ledger_stays_what_it_was_after_it_is_closed),
    TEST(a_second_run_on_a_ledger_is_turned_away),
    TEST(a_ledger_in_use_can_be_read_beside_it),
    TEST(the_lock_goes_with_a_killed_process),
    TEST(a_reader_cannot_write),
    TEST(a_symbolic_link_is_refused),
    TEST(a_folder_behind_a_symbolic_link_is_fine),
    TEST(a_ledger_named_memory_is_a_file_too),
    TEST(what_others_can_use_is_refused),
    TEST(what_is_no_file_is_refused),
    TEST(a_file_that_is_no_database_is_refused_and_left_as_it_is),
    TEST(the_database_of_another_program_is_refused_and_left_as_it_is),
    TEST(a_newer_ledger_is_refused),
    TEST(an_older_ledger_is_migrated_by_a_run_and_not_by_a_reader),
    TEST(what_an_older_ledger_did_not_record_is_not_known),
    TEST(a_named_value_is_kept_and_replaced),
    TEST(what_is_not_committed_is_gone),
    TEST(what_is_committed_outlives_a_kill),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
