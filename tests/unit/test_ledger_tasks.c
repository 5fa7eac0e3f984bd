#include "ledger_writing.h"

#include <sqlite3.h>

static const unsigned char print_1[TOKEN_FINGERPRINT_SIZE] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
static const unsigned char print_2[TOKEN_FINGERPRINT_SIZE] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2};

static bool has_token(const char *key, const unsigned char *print, int64_t now_s)
{
    bool has;

    works(ledger_has_token(ledger, key, strlen(key), print, now_s, &has, &error));
    return has;
}

/* --- provision --- */

static void a_provisioned_user_is_active_with_its_identity_and_watch_text(void **state)
{
    (void)state;
    provision("anna", 1, "password=0123456789abcdef", 0);
    const struct identity anna = identity_of("anna");
    assert_string_equal(anna.id, identity_id(1));
    assert_int_equal(anna.state, IDENTITY_ACTIVE);
    assert_string_equal(anna.watch, "password=0123456789abcdef");
    assert_int_equal(anna.watch_length, strlen(anna.watch));
    assert_int_equal(anna.token_expires_at_s, 0);
    assert_false(anna.token_owed);
    assert_int_equal(counts_at(0).open_tasks, 0);
}

static void a_token_counts_only_when_it_was_delivered(void **state)
{
    struct result result = result_of("anna", ACTION_PROVISION, OUTCOME_DONE, identity_id(1));

    (void)state;
    result.token_wanted = true;
    result.token_expires_at_s = 2000;
    result.token_delivered = false;
    memcpy(result.token_fingerprint, print_1, sizeof print_1);
    record(&result);
    assert_true(identity_of("anna").token_owed);
    assert_int_equal(identity_of("anna").token_expires_at_s, 0);
    assert_false(has_token("anna", print_1, 1000));
    provision("bert", 2, "", 2000);
    assert_false(identity_of("bert").token_owed);
    assert_int_equal(identity_of("bert").token_expires_at_s, 2000);
    assert_true(has_token("bert", print_2, 1999));
    assert_false(has_token("bert", print_2, 2000));
    assert_false(has_token("bert", print_1, 1000));
    assert_false(has_token("nobody", print_1, 1000));
}

static void a_user_without_a_wanted_token_is_owed_none(void **state)
{
    (void)state;
    provision("anna", 1, "", 0);
    assert_false(identity_of("anna").token_owed);
}

static void a_deleted_user_who_comes_back_keeps_one_row_with_the_new_identity(void **state)
{
    (void)state;
    provision("anna", 1, "w=1", 2000);
    const int64_t row = identity_of("anna").row;
    works(ledger_mark_removed(ledger, row, 1234, &error));
    act("anna", ACTION_DELETE, true);
    assert_int_equal(identity_of("anna").state, IDENTITY_DELETED);
    provision("anna", 2, "w=2", 3000);
    const struct identity anna = identity_of("anna");
    assert_int_equal(anna.row, row);
    assert_int_equal(anna.state, IDENTITY_ACTIVE);
    assert_string_equal(anna.id, identity_id(2));
    assert_string_equal(anna.watch, "w=2");
    assert_int_equal(anna.removed_at_s, 0);
    assert_int_equal(anna.token_expires_at_s, 3000);
}

static void one_identity_is_never_that_of_two_users(void **state)
{
    (void)state;
    provision("anna", 1, "", 0);
    const struct result result = result_of("bert", ACTION_PROVISION, OUTCOME_DONE, identity_id(1));
    assert_false(ledger_record_result(ledger, run_id, &result, &error));
    assert_int_equal(error.code, ERROR_SYSTEM);
}

/* --- issue, revoke, delete --- */

static void an_issue_replaces_the_token_and_makes_a_revoked_user_active(void **state)
{
    (void)state;
    provision("anna", 1, "w=1", 2000);
    act("anna", ACTION_REVOKE, true);
    assert_int_equal(identity_of("anna").state, IDENTITY_REVOKED);
    struct result result = result_of("anna", ACTION_ISSUE, OUTCOME_DONE, identity_id(1));
    result.token_wanted = result.token_delivered = true;
    result.token_expires_at_s = 5000;
    memcpy(result.token_fingerprint, print_2, sizeof print_2);
    result.watch = "w=2";
    result.watch_length = 3;
    record(&result);
    const struct identity anna = identity_of("anna");
    assert_int_equal(anna.state, IDENTITY_ACTIVE);
    assert_int_equal(anna.removed_at_s, 0);
    assert_int_equal(anna.token_expires_at_s, 5000);
    assert_string_equal(anna.watch, "w=2");
    assert_true(has_token("anna", print_2, 1000));
    assert_false(has_token("anna", print_1, 1000));
}

static void a_token_is_to_be_replaced_until_another_one_or_none_takes_its_place(void **state)
{
    static const enum action ends[] = {ACTION_ISSUE, ACTION_REVOKE, ACTION_DELETE, ACTION_PROVISION};

    (void)state;
    for (unsigned i = 0; i < sizeof ends / sizeof *ends; i++) {
        provision("anna", 10 + i, "", WHEN_MS / 1000 + 3600);
        works(ledger_mark_stale(ledger, "anna", 4, &error));
        assert_true(identity_of("anna").token_stale);
        assert_int_equal(identity_of("anna").token_expires_at_s, WHEN_MS / 1000 + 3600);
        const struct result done = result_of("anna", ends[i], OUTCOME_DONE, identity_id(20 + i));
        record(&done);
        assert_false(identity_of("anna").token_stale);
    }
}

static void a_token_is_to_be_replaced_while_it_may_have_been_revoked(void **state)
{
    (void)state;
    provision("anna", 1, "", WHEN_MS / 1000 + 3600);
    provision("bert", 2, "", WHEN_MS / 1000 + 3600);
    provision("carl", 3, "", WHEN_MS / 1000 + 3600);
    const struct result lost = result_of("anna", ACTION_REVOKE, OUTCOME_TRANSIENT, identity_id(1));
    intend("bert", ACTION_DELETE, identity_id(2), true);
    intend("carl", ACTION_ISSUE, identity_id(3), true);
    assert_true(identity_of("bert").token_stale);
    record(&lost);
    assert_true(identity_of("anna").token_stale);
    assert_false(identity_of("carl").token_stale);
}

static void a_watched_change_is_applied_only_by_the_last_action(void **state)
{
    (void)state;
    provision("anna", 1, "w=1", 2000);
    struct result result = result_of("anna", ACTION_REVOKE, OUTCOME_DONE, identity_id(1));
    result.watch = "w=2";
    result.watch_length = 3;
    result.is_last = false;
    record(&result);
    assert_string_equal(identity_of("anna").watch, "w=1");
    assert_int_equal(identity_of("anna").state, IDENTITY_ACTIVE);
    assert_int_equal(identity_of("anna").token_expires_at_s, 0);
    assert_false(has_token("anna", print_1, 1000));
    result.task = intend("anna", ACTION_REVOKE, identity_id(1), true);
    result.is_last = true;
    record(&result);
    assert_string_equal(identity_of("anna").watch, "w=2");
}

static void a_revoke_of_a_removed_user_leaves_it_revoked_since_then(void **state)
{
    (void)state;
    provision("anna", 1, "w=1", 2000);
    act("anna", ACTION_REVOKE, true);
    const struct identity anna = identity_of("anna");
    assert_int_equal(anna.state, IDENTITY_REVOKED);
    assert_int_equal(anna.removed_at_s, WHEN_MS / 1000);
    assert_int_equal(anna.token_expires_at_s, 0);
    assert_string_equal(anna.watch, "w=1");
}

static void a_revoke_in_the_grace_period_does_not_make_it_longer(void **state)
{
    (void)state;
    provision("anna", 1, "", 2000);
    works(ledger_mark_removed(ledger, identity_of("anna").row, 1234, &error));
    act("anna", ACTION_REVOKE, true);
    assert_int_equal(identity_of("anna").removed_at_s, 1234);
}

static void a_delete_leaves_the_row_as_a_record(void **state)
{
    (void)state;
    provision("anna", 1, "", 2000);
    act("anna", ACTION_DELETE, true);
    const struct identity anna = identity_of("anna");
    assert_int_equal(anna.state, IDENTITY_DELETED);
    assert_string_equal(anna.id, identity_id(1));
    assert_int_equal(anna.token_expires_at_s, 0);
}

/* --- other outcomes --- */

static void an_outcome_without_success_changes_no_identity(void **state)
{
    static const enum outcome outcomes[] = {OUTCOME_FAILED, OUTCOME_THROTTLED, OUTCOME_TRANSIENT, OUTCOME_IN_DOUBT,
                                            OUTCOME_REJECTED};

    (void)state;
    provision("anna", 1, "w=1", 2000);
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        for (int action = 0; action < ACTION_COUNT; action++) {
            struct result result = result_of("anna", (enum action)action, outcomes[i], identity_id(1));
            result.watch = "w=2";
            result.watch_length = 3;
            record(&result);
            const struct identity anna = identity_of("anna");
            assert_int_equal(anna.state, IDENTITY_ACTIVE);
            assert_string_equal(anna.watch, "w=1");
            assert_int_equal(anna.token_expires_at_s, 2000);
        }
    }
    assert_int_equal(counts_at(0).open_tasks, 0);
}

static void an_identity_that_is_gone_is_lost_and_not_deleted(void **state)
{
    static const enum action actions[] = {ACTION_ISSUE, ACTION_REVOKE, ACTION_DELETE};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        const char *key = action_name(actions[i]);
        provision(key, i, "w=1", 2000);
        const struct result result = result_of(key, actions[i], OUTCOME_GONE, identity_id(i));
        record(&result);
        assert_int_equal(identity_of(key).state, IDENTITY_LOST);
        assert_string_equal(identity_of(key).id, identity_id(i));
        assert_int_equal(identity_of(key).token_expires_at_s, 0);
    }
}

static void expect_to_end(const char *key, enum action action, enum identity_state ended)
{
    const struct result gone = result_of(key, action, OUTCOME_GONE, identity_of(key).id);

    record(&gone);
    assert_int_equal(identity_of(key).state, ended);
}

static void who_is_gone_after_a_delete_without_an_answer_is_deleted(void **state)
{
    (void)state;
    provision("anna", 1, "", 2000);
    intend("anna", ACTION_DELETE, identity_id(1), true);
    settle(WHEN_MS);
    begin_run();
    expect_to_end("anna", ACTION_ISSUE, IDENTITY_DELETED);
    provision("anna", 2, "", 2000);
    expect_to_end("anna", ACTION_ISSUE, IDENTITY_LOST);
}

static void who_was_seen_after_a_delete_without_an_answer_is_lost_when_gone(void **state)
{
    (void)state;
    provision("anna", 1, "", 2000);
    intend("anna", ACTION_DELETE, identity_id(1), true);
    settle(WHEN_MS);
    act("anna", ACTION_ISSUE, false);
    expect_to_end("anna", ACTION_REVOKE, IDENTITY_LOST);
}

static void a_withdrawn_intent_leaves_no_trace(void **state)
{
    (void)state;
    const int64_t task = intend("anna", ACTION_PROVISION, "", false);
    assert_int_equal(counts_at(0).open_tasks, 1);
    works(ledger_withdraw(ledger, task, &error));
    assert_int_equal(counts_at(0).open_tasks, 0);
    assert_string_equal(audit_of("anna"), "");
}

/* --- the audit trail --- */

static void every_attempt_stands_in_the_audit_trail_in_order(void **state)
{
    (void)state;
    struct result result = result_of("anna", ACTION_PROVISION, OUTCOME_THROTTLED, "");
    result.status = 429;
    record(&result);
    result = result_of("anna", ACTION_PROVISION, OUTCOME_DONE, identity_id(1));
    result.attempt = 2;
    result.status = 201;
    record(&result);
    assert_string_equal(audit_of("anna"), "provision throttled 1 429 code 5a3c0f00-0000-4000-8000-000000000001 cv.1;"
                                          "provision done 2 201  5a3c0f00-0000-4000-8000-000000000001 cv.1;");
    assert_string_equal(audit_of("bert"), "");
}

static bool note_course(void *context, const struct audit_record *one, struct error *ignored)
{
    char *text = context;
    const size_t length = strlen(text);

    (void)ignored;
    snprintf(text + length, 256 - length, "%s %s %u;", one->category, one->verdict, (unsigned)one->elapsed_ms);
    return true;
}

static void an_attempt_keeps_how_long_it_took_why_it_was_made_and_what_came_of_it(void **state)
{
    char course[256] = "";

    (void)state;
    struct result result = result_of("anna", ACTION_PROVISION, OUTCOME_THROTTLED, "");
    result.elapsed_ms = 120;
    result.category = "added";
    result.verdict = "again";
    record(&result);
    result = result_of("anna", ACTION_PROVISION, OUTCOME_DONE, identity_id(1));
    record(&result);
    works(ledger_each_audit(ledger, "anna", note_course, course, &error));
    assert_string_equal(course, "added again 120;  0;");
}

static void the_audit_trail_cannot_be_changed_or_shortened(void **state)
{
    sqlite3 *db;
    char *message = NULL;

    (void)state;
    provision("anna", 1, "", 0);
    ledger_close(ledger);
    ledger = NULL;
    assert_int_equal(sqlite3_open(LEDGER_PATH, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE audit SET outcome = 'failed'", NULL, NULL, &message), SQLITE_CONSTRAINT);
    assert_string_equal(message, "the audit trail is append-only");
    sqlite3_free(message);
    assert_int_equal(sqlite3_exec(db, "DELETE FROM audit", NULL, NULL, &message), SQLITE_CONSTRAINT);
    assert_string_equal(message, "the audit trail is append-only");
    sqlite3_free(message);
    sqlite3_close(db);
    open_ledger();
    assert_string_not_equal(audit_of("anna"), "");
}

static bool note_key(void *context, const struct audit_record *one, struct error *ignored)
{
    (void)ignored;
    strcat(strcat(context, one->key), ";");
    return true;
}

static const char *keys_of_run(int64_t id)
{
    static char keys[64];
    struct run_record run;

    keys[0] = '\0';
    works(ledger_find_run(ledger, id, NULL, &run, &error));
    works(ledger_each_of_run(ledger, &run, note_key, keys, &error));
    return keys;
}

static bool stop_with_error(void *context, const struct audit_record *one, struct error *why)
{
    (void)context, (void)one;
    return error_set(why, ERROR_SYSTEM, "enough");
}

static void the_attempts_of_one_run_come_oldest_first_and_without_those_of_others(void **state)
{
    struct run_record run;

    (void)state;
    provision("anna", 1, "", 0);
    provision("bert", 2, "", 0);
    begin_run();
    provision("cleo", 3, "", 0);
    act("anna", ACTION_REVOKE, false);
    begin_run();
    begin_run();
    provision("dora", 4, "", 0);
    assert_string_equal(keys_of_run(1), "anna;bert;");
    assert_string_equal(keys_of_run(2), "cleo;anna;");
    assert_string_equal(keys_of_run(3), "");
    assert_string_equal(keys_of_run(4), "dora;");
    works(ledger_find_run(ledger, 2, NULL, &run, &error));
    assert_false(ledger_each_of_run(ledger, &run, stop_with_error, NULL, &error));
    says("enough");
    /* A run of before this was recorded: everything is looked at. */
    run.audit_before = 0;
    char keys[64] = "";
    works(ledger_each_of_run(ledger, &run, note_key, keys, &error));
    assert_string_equal(keys, "cleo;anna;");
}

static void attempts_since_a_moment_come_newest_first(void **state)
{
    char keys[64] = "";

    (void)state;
    for (int i = 0; i < 4; i++) {
        const char key[2] = {(char)('a' + i), '\0'};
        struct result result = result_of(key, ACTION_PROVISION, OUTCOME_FAILED, "");
        result.at_ms = WHEN_MS + i;
        record(&result);
    }
    works(ledger_each_attempt_since(ledger, WHEN_MS + 2, note_key, keys, &error));
    assert_string_equal(keys, "d;c;");
}

/* --- what a killed run left --- */

static void a_provision_in_doubt_is_listed_with_its_request_id(void **state)
{
    char listed[4096] = "";

    (void)state;
    intend("anna", ACTION_PROVISION, "", false);
    reopen_ledger();
    begin_run();
    assert_int_equal(settle(WHEN_MS + 5), 1);
    works(ledger_each_in_doubt(ledger, note_audit, listed, &error));
    assert_string_equal(listed, "provision in_doubt 1 0 run_ended 5a3c0f00-0000-4000-8000-000000000001 ;");
    assert_int_equal(counts_at(0).in_doubt, 1);
    assert_int_equal(counts_at(0).open_tasks, 0);
}

static bool note_when_asked(void *context, const struct audit_record *record, struct error *ignored)
{
    (void)ignored;
    *(int64_t *)context = record->at_ms - record->elapsed_ms;
    return true;
}

static bool note_bucket(void *context, const struct ledger_total *total, struct error *ignored)
{
    (void)ignored;
    *(int *)context = total->bucket;
    return true;
}

static void a_provision_in_doubt_says_when_it_was_asked_and_is_nobodys_latency(void **state)
{
    const int64_t hours_later_ms = WHEN_MS + INT64_C(6) * 3600 * 1000;
    int64_t asked_at_ms = 0;
    int bucket = -1;

    (void)state;
    intend("anna", ACTION_PROVISION, "", false);
    reopen_ledger();
    begin_run();
    settle(hours_later_ms);
    works(ledger_each_in_doubt(ledger, note_when_asked, &asked_at_ms, &error));
    assert_int_equal(asked_at_ms, WHEN_MS);
    works(ledger_add_totals(ledger, &error));
    works(ledger_each_total(ledger, "demo", note_bucket, &bucket, &error));
    assert_int_equal(bucket, LEDGER_UNTIMED);
}

static void what_can_be_repeated_is_settled_without_doubt(void **state)
{
    static const enum action actions[] = {ACTION_ISSUE, ACTION_REVOKE, ACTION_DELETE};

    (void)state;
    provision("anna", 1, "", 2000);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        intend("bert", actions[i], identity_id(1), true);
    reopen_ledger();
    begin_run();
    assert_int_equal(settle(WHEN_MS), 0);
    assert_int_equal(counts_at(0).in_doubt, 0);
    assert_int_equal(counts_at(0).open_tasks, 0);
    assert_non_null(strstr(audit_of("bert"), "delete transient 1 0 run_ended"));
    assert_int_equal(identity_of("anna").state, IDENTITY_ACTIVE);
}

static void do_at(int64_t resource, const char *key, enum action action, unsigned number)
{
    struct result result = result_of(key, action, OUTCOME_DONE, identity_id(number));

    result.resource = resource;
    works(ledger_record_result(ledger, run_id, &result, &error));
}

static void repeat(const char *key, unsigned number)
{
    struct result result = result_of(key, ACTION_PROVISION, OUTCOME_DONE, identity_id(number));

    works(ledger_withdraw(ledger, result.task, &error));
    result.task = intend(key, ACTION_PROVISION, "", true);
    record(&result);
}

static void with_a_custom_id_a_provision_is_in_doubt_until_it_is_repeated(void **state)
{
    (void)state;
    repeat("anna", 1); /* what was before says nothing */
    intend("anna", ACTION_PROVISION, "", true);
    reopen_ledger();
    begin_run();
    assert_int_equal(settle(WHEN_MS), 1);
    assert_non_null(strstr(audit_of("anna"), "provision unconfirmed 1 0 run_ended 5a3c0f00"));
    assert_int_equal(counts_at(0).in_doubt, 1);
    repeat("bert", 2);
    do_at(place + 1, "anna", ACTION_PROVISION, 3);
    do_at(place, "anna", ACTION_REVOKE, 3);
    assert_int_equal(counts_at(0).in_doubt, 1);
    begin_run();
    assert_int_equal(settle(WHEN_MS), 0);
    assert_int_equal(counts_at(0).in_doubt, 1);
    provision("anna", 4, "", 2000); /* without a custom id it is another identity */
    assert_int_equal(counts_at(0).in_doubt, 1);
    repeat("anna", 1);
    assert_int_equal(counts_at(0).in_doubt, 0);
}

static void settling_twice_doubts_once(void **state)
{
    (void)state;
    intend("anna", ACTION_PROVISION, "", false);
    settle(WHEN_MS);
    assert_int_equal(settle(WHEN_MS), 1);
    assert_int_equal(counts_at(0).in_doubt, 1);
}

/* --- an answer that only the token journal has --- */

static struct result journal_row(const char *key, unsigned number)
{
    struct result result = {
        .key = key,
        .key_length = strlen(key),
        .identity = identity_id(number),
        .at_ms = WHEN_MS,
        .token_wanted = true,
        .token_delivered = true,
        .token_expires_at_s = 2000,
    };

    memcpy(result.token_fingerprint, print_1, sizeof print_1);
    return result;
}

static void a_provision_answered_before_the_kill_is_recovered(void **state)
{
    struct result row = journal_row("anna", 1);
    bool recovered;

    (void)state;
    intend("anna", ACTION_PROVISION, "", false);
    reopen_ledger();
    works(ledger_recover_result(ledger, run_id, &row, &recovered, &error));
    assert_true(recovered);
    assert_int_equal(settle(WHEN_MS), 0);
    assert_string_equal(identity_of("anna").id, identity_id(1));
    assert_true(has_token("anna", print_1, 1000));
    assert_string_equal(audit_of("anna"), "provision done 1 0 recovered 5a3c0f00-0000-4000-8000-000000000001 ;");
}

static void an_issue_answered_before_the_kill_is_recovered_and_its_change_stays_one(void **state)
{
    struct result row = journal_row("anna", 2);
    bool recovered;

    (void)state;
    provision("anna", 2, "w=1", 0);
    intend("anna", ACTION_ISSUE, identity_id(2), true);
    works(ledger_recover_result(ledger, run_id, &row, &recovered, &error));
    assert_true(recovered);
    assert_true(has_token("anna", print_1, 1000));
    assert_string_equal(identity_of("anna").watch, "w=1");
}

static void without_such_a_task_nothing_is_recovered(void **state)
{
    struct result row = journal_row("anna", 1);
    bool recovered;

    (void)state;
    works(ledger_recover_result(ledger, run_id, &row, &recovered, &error));
    assert_false(recovered);
    provision("anna", 2, "", 0);
    intend("anna", ACTION_REVOKE, identity_id(1), true);
    intend("anna", ACTION_ISSUE, identity_id(2), true); /* of another identity than the row's */
    works(ledger_recover_result(ledger, run_id, &row, &recovered, &error));
    assert_false(recovered);
    assert_string_equal(identity_of("anna").id, identity_id(2));
    assert_int_equal(counts_at(0).open_tasks, 2);
}

/* A result whose token goes to sinks that take long. */
static struct result owed_result(const char *key, unsigned number)
{
    struct result result = result_of(key, ACTION_PROVISION, OUTCOME_DONE, identity_id(number));

    result.token_wanted = true;
    record(&result);
    result.token_expires_at_s = 2000;
    memset(result.token_fingerprint, (int)number, sizeof result.token_fingerprint);
    return result;
}

static void a_token_that_is_owed_counts_when_it_is_delivered(void **state)
{
    struct result result = owed_result("anna", 1);

    (void)state;
    assert_true(identity_of("anna").token_owed);
    result.token_delivered = true;
    works(ledger_record_delivery(ledger, run_id, &result, &error));
    assert_false(identity_of("anna").token_owed);
    assert_int_equal(identity_of("anna").token_expires_at_s, 2000);
    bool has;
    works(ledger_has_token(ledger, "anna", 4, result.token_fingerprint, 1000, &has, &error));
    assert_true(has);
}

static void a_delivery_counts_for_the_identity_that_it_was_made_for(void **state)
{
    struct result result = owed_result("anna", 1);

    (void)state;
    result.token_delivered = true;
    result.identity = identity_id(2);
    works(ledger_record_delivery(ledger, run_id, &result, &error));
    assert_true(identity_of("anna").token_owed);
    /* Nor does it bring back a token that was revoked meanwhile. */
    act("anna", ACTION_REVOKE, true);
    result.identity = identity_id(1);
    works(ledger_record_delivery(ledger, run_id, &result, &error));
    assert_int_equal(identity_of("anna").token_expires_at_s, 0);
    assert_int_equal(identity_of("anna").state, IDENTITY_REVOKED);
}

static void a_token_that_did_not_arrive_stands_in_the_audit_trail_and_is_no_attempt(void **state)
{
    struct result result = owed_result("anna", 1);

    (void)state;
    result.code = "not_delivered";
    result.request_id = NULL;
    result.ms_cv = NULL;
    result.status = 0;
    works(ledger_record_delivery(ledger, run_id, &result, &error));
    assert_true(identity_of("anna").token_owed);
    assert_non_null(strstr(audit_of("anna"), "provision undelivered 1 0 not_delivered  ;"));
}

static void tokens_whose_journal_nobody_reads_are_owed(void **state)
{
    struct token_journal journal;
    int64_t last;
    int64_t id;

    (void)state;
    provision("anna", 1, "", 2000);
    end_run(RUN_DONE);
    works(ledger_note_journal(ledger, "/tokens", 7, begin_run(), &last, &error));
    provision("bert", 2, "", 2000);
    works(ledger_note_journal(ledger, "/tokens", 8, begin_run(), &id, &error));
    assert_true(id > last);
    works(ledger_forget_journals(ledger, last, &error));
    assert_false(identity_of("anna").token_owed);
    assert_int_equal(identity_of("anna").token_expires_at_s, 2000);
    assert_true(identity_of("bert").token_owed);
    assert_int_equal(identity_of("bert").token_expires_at_s, 0);
    works(ledger_find_journal(ledger, "/tokens", &journal, &error));
    assert_int_equal(journal.id, id);
    works(ledger_end_journal(ledger, id, &error));
    works(ledger_find_journal(ledger, "/tokens", &journal, &error));
    assert_int_equal(journal.id, 0);
    works(ledger_last_journal(ledger, &last, &error));
    assert_int_equal(last, 0);
}

static const struct CMUnitTest tests[] = {
    ledger_test(a_provisioned_user_is_active_with_its_identity_and_watch_text),
    ledger_test(a_token_counts_only_when_it_was_delivered),
    ledger_test(a_user_without_a_wanted_token_is_owed_none),
    ledger_test(a_deleted_user_who_comes_back_keeps_one_row_with_the_new_identity),
    ledger_test(one_identity_is_never_that_of_two_users),
    ledger_test(an_issue_replaces_the_token_and_makes_a_revoked_user_active),
    ledger_test(a_token_is_to_be_replaced_until_another_one_or_none_takes_its_place),
    ledger_test(a_token_is_to_be_replaced_while_it_may_have_been_revoked),
    ledger_test(a_watched_change_is_applied_only_by_the_last_action),
    ledger_test(a_revoke_of_a_removed_user_leaves_it_revoked_since_then),
    ledger_test(a_revoke_in_the_grace_period_does_not_make_it_longer),
    ledger_test(a_delete_leaves_the_row_as_a_record),
    ledger_test(an_outcome_without_success_changes_no_identity),
    ledger_test(an_identity_that_is_gone_is_lost_and_not_deleted),
    ledger_test(who_is_gone_after_a_delete_without_an_answer_is_deleted),
    ledger_test(who_was_seen_after_a_delete_without_an_answer_is_lost_when_gone),
    ledger_test(a_withdrawn_intent_leaves_no_trace),
    ledger_test(every_attempt_stands_in_the_audit_trail_in_order),
    ledger_test(an_attempt_keeps_how_long_it_took_why_it_was_made_and_what_came_of_it),
    ledger_test(the_audit_trail_cannot_be_changed_or_shortened),
    ledger_test(the_attempts_of_one_run_come_oldest_first_and_without_those_of_others),
    ledger_test(attempts_since_a_moment_come_newest_first),
    ledger_test(a_provision_in_doubt_is_listed_with_its_request_id),
    ledger_test(a_provision_in_doubt_says_when_it_was_asked_and_is_nobodys_latency),
    ledger_test(what_can_be_repeated_is_settled_without_doubt),
    ledger_test(with_a_custom_id_a_provision_is_in_doubt_until_it_is_repeated),
    ledger_test(settling_twice_doubts_once),
    ledger_test(a_provision_answered_before_the_kill_is_recovered),
    ledger_test(an_issue_answered_before_the_kill_is_recovered_and_its_change_stays_one),
    ledger_test(without_such_a_task_nothing_is_recovered),
    ledger_test(a_token_that_is_owed_counts_when_it_is_delivered),
    ledger_test(a_delivery_counts_for_the_identity_that_it_was_made_for),
    ledger_test(a_token_that_did_not_arrive_stands_in_the_audit_trail_and_is_no_attempt),
    ledger_test(tokens_whose_journal_nobody_reads_are_owed),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
