#include "ledger_writing.h"

#include <sqlite3.h>

static bool note_identity(void *context, const struct identity *identity, struct error *ignored)
{
    (void)ignored;
    strcat(strcat(context, identity->key), ";");
    return true;
}

static void all_identities_come_in_the_order_of_the_users(void **state)
{
    char keys[64] = "";

    (void)state;
    provision("zoe", 1, "", 0);
    provision("anna", 2, "", 0);
    provision("bert", 3, "", 0);
    act("zoe", ACTION_DELETE, true);
    provision("zoe", 4, "", 0);
    works(ledger_each_identity(ledger, note_identity, keys, &error));
    assert_string_equal(keys, "zoe;anna;bert;");
}

static bool stop_at_once(void *context, const struct identity *identity, struct error *why)
{
    (void)identity;
    (*(int *)context)++;
    return error_set(why, ERROR_LIMIT, "enough");
}

static void a_visitor_can_end_the_walk_with_its_own_error(void **state)
{
    int calls = 0;

    (void)state;
    provision("anna", 1, "", 0);
    provision("bert", 2, "", 0);
    assert_false(ledger_each_identity(ledger, stop_at_once, &calls, &error));
    assert_int_equal(calls, 1);
    assert_int_equal(error.code, ERROR_LIMIT);
}

static void a_user_is_found_by_key_and_by_row(void **state)
{
    struct identity identity;

    (void)state;
    provision("anna", 1, "w=1", 0);
    const int64_t row = identity_of("anna").row;
    works(ledger_find_row(ledger, row, &identity, &error));
    assert_string_equal(identity.key, "anna");
    assert_int_equal(identity.key_length, 4);
    assert_string_equal(identity.id, identity_id(1));
    assert_string_equal(identity.watch, "w=1");
}

static void nobody_is_not_an_error(void **state)
{
    struct identity identity;

    (void)state;
    error.code = ERROR_SYSTEM;
    assert_false(ledger_find(ledger, "nobody", 6, &identity, &error));
    assert_int_equal(error.code, ERROR_NONE);
    error.code = ERROR_SYSTEM;
    assert_false(ledger_find_row(ledger, 4711, &identity, &error));
    assert_int_equal(error.code, ERROR_NONE);
}

static void keys_are_compared_byte_by_byte(void **state)
{
    struct identity identity;

    (void)state;
    provision("Anna", 1, "", 0);
    provision("anna", 2, "", 0);
    provision("anna ", 3, "", 0);
    assert_string_equal(identity_of("Anna").id, identity_id(1));
    assert_string_equal(identity_of("anna").id, identity_id(2));
    works(ledger_find(ledger, "anna  ", 5, &identity, &error));
    assert_string_equal(identity.id, identity_id(3));
}

/* A reader that waits between two users must not keep the log from being checkpointed. */
static void a_user_that_was_found_holds_nothing_open(void **state)
{
    sqlite3 *db;
    struct identity identity;
    int frames;
    int done;

    (void)state;
    provision("anna", 1, "", 0);
    struct ledger *reader = ledger_open_beside(ledger, &error);
    works(reader != NULL);
    works(ledger_find(reader, "anna", 4, &identity, &error));
    provision("bert", 2, "", 0);
    assert_int_equal(sqlite3_open(LEDGER_PATH, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT 1 FROM meta", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &frames, &done), SQLITE_OK);
    assert_int_equal(frames, 0); /* -1: there was nothing to do */
    sqlite3_close(db);
    assert_string_equal(identity.key, "anna");
    assert_string_equal(identity.id, identity_id(1));
    ledger_close(reader);
}

static void a_mark_of_removal_comes_and_goes(void **state)
{
    (void)state;
    provision("anna", 1, "", 0);
    const int64_t row = identity_of("anna").row;
    works(ledger_mark_removed(ledger, row, 1234, &error));
    assert_int_equal(identity_of("anna").removed_at_s, 1234);
    assert_int_equal(identity_of("anna").state, IDENTITY_ACTIVE);
    works(ledger_mark_removed(ledger, row, 0, &error));
    assert_int_equal(identity_of("anna").removed_at_s, 0);
}

static void a_watch_text_is_adopted_without_a_request(void **state)
{
    (void)state;
    provision("anna", 1, "w=1", 2000);
    works(ledger_adopt_watch(ledger, identity_of("anna").row, "w=1;v=2 and more", 7, &error));
    assert_string_equal(identity_of("anna").watch, "w=1;v=2");
    assert_int_equal(identity_of("anna").token_expires_at_s, 2000);
}

/* Another program wrote to the ledger while it was open. */
static void nothing_is_adopted_without(const char *table)
{
    const struct adoption adoption = {
        .resource = place, .key = "anna", .identity = identity_id(1), .state = IDENTITY_ACTIVE};
    char conflict[LEDGER_CONFLICT_SIZE];
    char rename_it[64];
    struct identity nobody;
    bool adopted;
    sqlite3 *db;

    reopen_ledger(); /* with no statement prepared */
    snprintf(rename_it, sizeof rename_it, "ALTER TABLE %s RENAME TO elsewhere", table);
    assert_int_equal(sqlite3_open(LEDGER_PATH, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, rename_it, NULL, NULL, NULL), SQLITE_OK);
    assert_false(ledger_adopt(ledger, run_id, &adoption, WHEN_MS, &adopted, conflict, &error));
    says(table);
    assert_false(adopted);
    assert_string_equal(conflict, "");
    snprintf(rename_it, sizeof rename_it, "ALTER TABLE elsewhere RENAME TO %s", table);
    assert_int_equal(sqlite3_exec(db, rename_it, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    reopen_ledger();
    assert_false(ledger_find(ledger, "anna", 4, &nobody, &error));
    assert_int_equal(error.code, ERROR_NONE);
}

static void an_identity_that_cannot_be_looked_up_is_not_adopted(void **state)
{
    (void)state;
    nothing_is_adopted_without("identities");
}

static void an_identity_is_not_adopted_without_the_audit_trail(void **state)
{
    (void)state;
    nothing_is_adopted_without("audit");
}

static void counts_go_by_state_and_by_the_end_of_tokens(void **state)
{
    static const int64_t now = 1000000;
    static const int64_t ends[] = {0, 1, 3600, 3601, 21600, 21601, 86400, 86401};

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        const char key[2] = {(char)('a' + i), '\0'};
        provision(key, i, "", now + ends[i]);
    }
    provision("revoked", 20, "", now + 1);
    act("revoked", ACTION_REVOKE, true);
    provision("deleted", 21, "", now + 1);
    act("deleted", ACTION_DELETE, true);
    provision("lost", 22, "", now + 1);
    const struct result gone = result_of("lost", ACTION_ISSUE, OUTCOME_GONE, identity_id(22));
    record(&gone);
    intend("open", ACTION_PROVISION, "", false);

    const struct ledger_counts counts = counts_at(now);
    assert_int_equal(counts.by_state[IDENTITY_ACTIVE], 8);
    assert_int_equal(counts.by_state[IDENTITY_REVOKED], 1);
    assert_int_equal(counts.by_state[IDENTITY_DELETED], 1);
    assert_int_equal(counts.by_state[IDENTITY_LOST], 1);
    assert_int_equal(counts.tokens_live, 7);
    assert_int_equal(counts.tokens_within_1h, 2);
    assert_int_equal(counts.tokens_within_6h, 4);
    assert_int_equal(counts.tokens_within_24h, 6);
    assert_int_equal(counts.open_tasks, 1);
    assert_int_equal(counts.in_doubt, 0);
}

static void an_empty_ledger_counts_nothing(void **state)
{
    (void)state;
    const struct ledger_counts counts = counts_at(0);
    assert_int_equal(counts.by_state[IDENTITY_ACTIVE] + counts.tokens_live + counts.open_tasks, 0);
}

static void every_change_of_an_identity_changes_the_generation(void **state)
{
    int64_t before;
    int64_t after;

    (void)state;
    works(ledger_generation(ledger, &before, &error));
    provision("anna", 1, "", 0);
    works(ledger_generation(ledger, &after, &error));
    assert_int_not_equal(before, after);
    before = after;
    act("anna", ACTION_REVOKE, true);
    works(ledger_generation(ledger, &after, &error));
    assert_int_not_equal(before, after);
    before = after;
    works(ledger_set(ledger, "thing", "value", &error));
    works(ledger_generation(ledger, &after, &error));
    assert_int_equal(before, after);
}

static void each_state_has_a_name_that_is_understood(void **state)
{
    enum identity_state parsed;

    (void)state;
    for (int i = IDENTITY_ACTIVE; i <= IDENTITY_LOST; i++) {
        assert_true(identity_state_parse(identity_state_name((enum identity_state)i), &parsed));
        assert_int_equal(parsed, i);
    }
    assert_false(identity_state_parse("gone", &parsed));
}

/* --- runs --- */

static bool note_run(void *context, const struct run_record *run, struct error *ignored)
{
    char *text = context;
    const size_t length = strlen(text);

    (void)ignored;
    snprintf(text + length, 1024 - length, "%d %s %d %d %lld;", (int)run->id, run_state_name(run->state),
             (int)run->roster_rows, (int)run->done[ACTION_REVOKE],
             run->ended_at_ms == 0 ? -1LL : (long long)(run->ended_at_ms - run->started_at_ms));
    return true;
}

static const char *runs(size_t count)
{
    static char text[1024];

    text[0] = '\0';
    works(ledger_each_run(ledger, count, note_run, text, &error));
    return text;
}

static void a_run_that_never_ended_is_called_crashed_by_the_next_one(void **state)
{
    (void)state;
    assert_string_equal(runs(10), "1 running 10 0 -1;");
    begin_run();
    assert_string_equal(runs(1), "2 running 10 0 -1;");
    end_run(RUN_DONE);
    assert_string_equal(runs(10), "2 done 10 0 1000;1 crashed 10 0 -1;");
}

static void a_run_that_did_not_end_is_told_by_the_audit_trail(void **state)
{
    (void)state;
    provision("anna", 1, "", 0);
    act("anna", ACTION_REVOKE, true);
    assert_string_equal(runs(10), "1 running 10 1 -1;");
    begin_run();
    act("anna", ACTION_REVOKE, true);
    act("anna", ACTION_REVOKE, true);
    assert_string_equal(runs(10), "2 running 10 2 -1;1 crashed 10 1 -1;");
}

static void the_end_of_a_run_keeps_all_its_numbers(void **state)
{
    struct run_record end = {.id = run_id,
                             .ended_at_ms = WHEN_MS + 7,
                             .state = RUN_INTERRUPTED,
                             .failed = 15,
                             .left = 16,
                             .in_doubt = 17,
                             .throttled = 18,
                             .reason = "asked to"};
    struct run_record found;

    (void)state;
    for (int action = 0; action < ACTION_COUNT; action++)
        end.done[action] = (uint64_t)(100 + action);
    works(ledger_run_end(ledger, &end, &error));
    works(ledger_find_run(ledger, run_id, NULL, &found, &error));
    assert_int_equal(found.ended_at_ms, end.ended_at_ms);
    assert_int_equal(found.state, end.state);
    assert_memory_equal(found.done, end.done, sizeof end.done);
    assert_int_equal(found.failed, 15);
    assert_int_equal(found.left, 16);
    assert_int_equal(found.in_doubt, 17);
    assert_int_equal(found.throttled, 18);
    assert_string_equal(found.reason, "asked to");
}

static bool note_plan(void *context, const struct run_record *run, struct error *ignored)
{
    char *text = context;
    const size_t length = strlen(text);

    (void)ignored;
    snprintf(text + length, 1024 - length, "%d of", (int)run->users);
    for (int category = 0; category < CATEGORY_COUNT; category++)
        snprintf(text + strlen(text), 1024 - strlen(text), " %d", (int)run->categories[category]);
    snprintf(text + strlen(text), 1024 - strlen(text), ", after %d;", (int)run->audit_before);
    return true;
}

static void a_run_knows_its_plan_and_where_its_audit_trail_begins(void **state)
{
    struct run_record record = {
        .started_at_ms = WHEN_MS, .job = "demo", .operator_name = "", .users = 9, .categories = {1, 2, 3, 4, 5, 6, 7}};
    char text[1024] = "";

    (void)state;
    provision("anna", 1, "", 0);
    provision("bert", 2, "", 0);
    works(ledger_run_begin(ledger, &record, &error));
    assert_int_equal(record.audit_before, 2);
    works(ledger_each_run(ledger, 2, note_plan, text, &error));
    assert_string_equal(text, "9 of 1 2 3 4 5 6 7, after 2;0 of 0 0 0 0 0 0 0, after 0;");
}

static int64_t found_run(int64_t id, const char *job)
{
    struct run_record run;

    if (ledger_find_run(ledger, id, job, &run, &error))
        return run.id;
    assert_int_equal(error.code, ERROR_NONE);
    return 0;
}

static void a_run_is_found_by_its_id_or_as_the_last_of_a_job(void **state)
{
    struct run_record other = {.started_at_ms = WHEN_MS, .job = "rotate", .operator_name = "bert@host"};
    struct run_record run;

    (void)state;
    works(ledger_run_begin(ledger, &other, &error));
    other.state = RUN_STOPPED;
    other.reason = "the service has not answered; run again";
    works(ledger_run_end(ledger, &other, &error));
    begin_run();
    works(ledger_find_run(ledger, 2, NULL, &run, &error));
    assert_string_equal(run.job, "rotate");
    assert_string_equal(run.operator_name, "bert@host");
    assert_string_equal(run.reason, "the service has not answered; run again");
    assert_int_equal(found_run(1, NULL), 1);
    assert_int_equal(found_run(0, NULL), 3);
    assert_int_equal(found_run(0, "rotate"), 2);
    assert_int_equal(found_run(0, "nothing"), 0);
    assert_int_equal(found_run(4, NULL), 0);
}

static uint64_t last_rows_of(const char *job)
{
    uint64_t rows;

    works(ledger_last_roster_rows(ledger, job, &rows, &error));
    return rows;
}

static uint64_t last_rows(void)
{
    return last_rows_of("demo");
}

static void the_roster_is_compared_with_the_last_run_that_ended_well(void **state)
{
    static const enum run_state not_well[] = {RUN_STOPPED, RUN_INTERRUPTED};

    (void)state;
    assert_int_equal(last_rows(), 0);
    end_run(RUN_FAILED);
    assert_int_equal(last_rows(), 10);
    for (size_t i = 0; i < 2; i++) {
        struct run_record other = {.started_at_ms = WHEN_MS, .job = "demo", .operator_name = "", .roster_rows = 5};
        works(ledger_run_begin(ledger, &other, &error));
        run_id = other.id;
        assert_int_equal(last_rows(), 10);
        end_run(not_well[i]);
        assert_int_equal(last_rows(), 10);
    }
}

/* A run of `job` that ends well. */
static void run_with_rows(const char *job, uint64_t rows)
{
    struct run_record record = {.started_at_ms = WHEN_MS, .job = job, .operator_name = "", .roster_rows = rows};

    works(ledger_run_begin(ledger, &record, &error));
    run_id = record.id;
    end_run(RUN_DONE);
}

static void the_roster_of_another_job_raises_the_measure_and_never_lowers_it(void **state)
{
    (void)state;
    run_with_rows("sync", 200);
    run_with_rows("again", 1);
    assert_int_equal(last_rows_of("sync"), 200);
    assert_int_equal(last_rows_of("renamed"), 1);
    run_with_rows("onboard", 300);
    assert_int_equal(last_rows_of("sync"), 300);
    assert_int_equal(last_rows_of("renamed"), 300);
    run_with_rows("sync", 250);
    assert_int_equal(last_rows_of("sync"), 250);
}

static const struct CMUnitTest tests[] = {
    ledger_test(all_identities_come_in_the_order_of_the_users),
    ledger_test(a_visitor_can_end_the_walk_with_its_own_error),
    ledger_test(a_user_is_found_by_key_and_by_row),
    ledger_test(nobody_is_not_an_error),
    ledger_test(keys_are_compared_byte_by_byte),
    ledger_test(a_user_that_was_found_holds_nothing_open),
    ledger_test(a_mark_of_removal_comes_and_goes),
    ledger_test(a_watch_text_is_adopted_without_a_request),
    ledger_test(an_identity_that_cannot_be_looked_up_is_not_adopted),
    ledger_test(an_identity_is_not_adopted_without_the_audit_trail),
    ledger_test(counts_go_by_state_and_by_the_end_of_tokens),
    ledger_test(an_empty_ledger_counts_nothing),
    ledger_test(every_change_of_an_identity_changes_the_generation),
    ledger_test(each_state_has_a_name_that_is_understood),
    ledger_test(a_run_that_never_ended_is_called_crashed_by_the_next_one),
    ledger_test(a_run_that_did_not_end_is_told_by_the_audit_trail),
    ledger_test(the_end_of_a_run_keeps_all_its_numbers),
    ledger_test(a_run_knows_its_plan_and_where_its_audit_trail_begins),
    ledger_test(a_run_is_found_by_its_id_or_as_the_last_of_a_job),
    ledger_test(the_roster_is_compared_with_the_last_run_that_ended_well),
    ledger_test(the_roster_of_another_job_raises_the_measure_and_never_lowers_it),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
