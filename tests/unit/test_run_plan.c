#include "planning.h"

#include "output/failures.h"

#define TOKENS "token:\n  scopes: [chat]\noutputs:\n  tokens: { csv: tokens.csv }\n"
#define ADDED "rules:\n  added: provision\n"
#define RULES                                                                                         \
    "rules:\n  added: provision\n  changed: [revoke, issue]\n  expiring: { within: 6h, do: issue }\n" \
    "  removed: delete\n"
#define COME_AND_GO "rules:\n  added: provision\n  removed: delete\n"
#define GRACE "rules:\n  removed: { do: delete, after: 30d, meanwhile: revoke }\n"

enum { HOUR = 3600, DAY = 24 * HOUR };

static enum plan_reason reason_of(uint64_t row)
{
    return (enum plan_reason)plan->rows[row].reason;
}

/* The plan of one user who is in both, with a token that ends in so many seconds. */
static enum plan_reason reason_with_token(int64_t left_s)
{
    load_spec("", TOKENS RULES);
    provision("anna", 1, "", NOW_S + left_s);
    make_plan("id\nanna\n");
    return reason_of(0);
}

static void nobody_is_in_the_ledger_yet(void **state)
{
    (void)state;
    load_spec("", ADDED);
    struct ledger *kept = ledger;
    ledger = NULL;
    make_plan("id\nanna\nbert\n");
    ledger = kept;
    assert_int_equal(plan->categories[CATEGORY_ADDED], 2);
    assert_int_equal(plan->users, 2);
    assert_int_equal(plan->requests[ACTION_PROVISION], 2);
    assert_int_equal(plan->parts[0].first[ACTION_PROVISION], 2);
    assert_int_equal(reason_of(0), REASON_NEW);
    assert_true(plan->rows[0].acts && plan->rows[1].acts);
}

static void a_user_without_a_rule_is_counted_and_kept(void **state)
{
    (void)state;
    load_spec("", "rules:\n  removed: delete\n");
    make_plan("id\nanna\n");
    assert_int_equal(plan->categories[CATEGORY_ADDED], 1);
    assert_int_equal(plan->users, 0);
    assert_false(plan->rows[0].acts);
}

static void a_deleted_user_who_is_in_the_roster_is_added(void **state)
{
    (void)state;
    load_spec("", ADDED);
    provision("anna", 1, "", 0);
    act("anna", ACTION_DELETE, true);
    make_plan("id\nanna\n");
    assert_int_equal(reason_of(0), REASON_DELETED);
    assert_int_equal(plan->categories[CATEGORY_ADDED], 1);
    assert_int_equal(plan->active, 0);
}

static void a_lost_identity_is_reported_and_replaced_only_by_rule(void **state)
{
    (void)state;
    load_spec("", ADDED);
    provision("anna", 1, "", 0);
    const struct result gone = result_of("anna", ACTION_ISSUE, OUTCOME_GONE, identity_id(1));
    record(&gone);
    make_plan("id\nanna\n");
    assert_int_equal(reason_of(0), REASON_LOST);
    assert_int_equal(plan->users, 0);
    load_spec("", ADDED "  lost: provision\n");
    make_plan("id\nanna\n");
    assert_int_equal(plan->requests[ACTION_PROVISION], 1);
}

static void nothing_to_do_is_unchanged(void **state)
{
    (void)state;
    assert_int_equal(reason_with_token(DAY), REASON_SAME);
    assert_int_equal(plan->categories[CATEGORY_UNCHANGED], 1);
    assert_int_equal(plan->users, 0);
}

/* --- changed --- */

static void a_watched_column_that_differs_is_a_change(void **state)
{
    (void)state;
    load_spec("  watch: [w]\n", TOKENS RULES);
    provision("anna", 1, watch_of("id,w\nanna,one\n"), NOW_S + DAY);
    provision("bert", 2, watch_of("id,w\nbert,one\n"), NOW_S + DAY);
    make_plan("id,w\nanna,two\nbert,one\n");
    assert_int_equal(reason_of(0), REASON_WATCH);
    assert_int_equal(reason_of(1), REASON_SAME);
    assert_int_equal(plan->requests[ACTION_REVOKE], 1);
    assert_int_equal(plan->requests[ACTION_ISSUE], 1);
    assert_int_equal(plan->parts[0].first[ACTION_REVOKE], 1);
    assert_int_equal(plan->parts[0].first[ACTION_ISSUE], 0);
}

static void a_change_without_a_rule_does_not_keep_a_token_from_being_renewed(void **state)
{
    (void)state;
    load_spec("  watch: [w]\n", TOKENS "rules:\n  expiring: { within: 6h, do: issue }\n");
    provision("anna", 1, watch_of("id,w\nanna,one\n"), NOW_S + HOUR);
    make_plan("id,w\nanna,two\n");
    assert_int_equal(reason_of(0), REASON_ENDING);
}

static void a_column_watched_from_now_on_is_adopted_and_is_no_change(void **state)
{
    (void)state;
    load_spec("  watch: [w]\n", TOKENS RULES);
    const char *applied = watch_of("id,w\nanna,one\n");
    load_spec("  watch: [w, v]\n", TOKENS RULES);
    provision("anna", 1, applied, NOW_S + DAY);
    provision("bert", 2, applied, NOW_S + DAY);
    provision("carl", 3, "", NOW_S + DAY);
    make_plan("id,w,v\nanna,one,x\nbert,two,x\ncarl,one,x\n");
    assert_int_equal(reason_of(0), REASON_SAME);
    assert_true(plan->rows[0].adopts);
    assert_int_equal(reason_of(1), REASON_WATCH); /* w did change */
    assert_false(plan->rows[1].adopts);
    assert_true(plan->rows[2].adopts);
    assert_int_equal(plan->adopting, 2);
}

static void a_column_no_longer_watched_is_no_change(void **state)
{
    (void)state;
    load_spec("  watch: [w, v]\n", TOKENS RULES);
    provision("anna", 1, watch_of("id,w,v\nanna,one,x\n"), NOW_S + DAY);
    load_spec("  watch: [w]\n", TOKENS RULES);
    make_plan("id,w,v\nanna,one,y\n");
    assert_int_equal(reason_of(0), REASON_SAME);
    assert_false(plan->rows[0].adopts);
}

/* --- tokens --- */

static void a_token_that_ends_within_the_time_is_renewed(void **state)
{
    (void)state;
    assert_int_equal(reason_with_token(6 * HOUR), REASON_ENDING);
    assert_int_equal(plan->requests[ACTION_ISSUE], 1);
}

static void a_token_that_lasts_a_second_longer_is_not(void **state)
{
    (void)state;
    assert_int_equal(reason_with_token(6 * HOUR + 1), REASON_SAME);
}

static void a_token_that_ended_is_renewed(void **state)
{
    (void)state;
    assert_int_equal(reason_with_token(-DAY), REASON_ENDING);
}

static void a_user_without_a_token_gets_one(void **state)
{
    (void)state;
    load_spec("", TOKENS RULES);
    provision("anna", 1, "", 0);
    make_plan("id\nanna\n");
    assert_int_equal(reason_of(0), REASON_NO_TOKEN);
    assert_int_equal(plan->requests[ACTION_ISSUE], 1);
}

static void a_token_that_was_not_delivered_is_owed_whatever_the_rules_say(void **state)
{
    (void)state;
    load_spec("", TOKENS ADDED);
    struct result result = result_of("anna", ACTION_PROVISION, OUTCOME_DONE, identity_id(1));
    result.token_wanted = true;
    record(&result);
    provision("bert", 2, "", 0); /* adopted without one: nobody asked for it */
    make_plan("id\nanna\nbert\n");
    assert_int_equal(reason_of(0), REASON_NO_TOKEN);
    assert_int_equal(plan->requests[ACTION_ISSUE], 1);
    assert_int_equal(reason_of(1), REASON_SAME);
}

static void identities_without_tokens_are_never_expiring(void **state)
{
    (void)state;
    load_spec("", ADDED);
    provision("anna", 1, "", 0);
    make_plan("id\nanna\n");
    assert_int_equal(reason_of(0), REASON_SAME);
}

static void each_user_has_a_share_of_the_jitter_that_stays(void **state)
{
    char key[8];
    char roster[4096] = "id\n";
    uint64_t ending;

    (void)state;
    load_spec("", TOKENS "rules:\n  expiring: { within: 6h, do: issue, jitter: 4h }\n");
    for (unsigned i = 0; i < 200; i++) {
        snprintf(key, sizeof key, "u%u", i);
        provision(key, i, "", NOW_S + 8 * HOUR);
        strcat(strcat(roster, key), "\n");
    }
    make_plan(roster);
    ending = plan->categories[CATEGORY_EXPIRING];
    assert_in_range(ending, 60, 140); /* half of them, by their keys' hashes */
    make_plan(roster);
    assert_int_equal(plan->categories[CATEGORY_EXPIRING], ending);
}

static void all_tokens_are_issued_again_on_demand(void **state)
{
    (void)state;
    load_spec("", TOKENS ADDED);
    provision("anna", 1, "", NOW_S + DAY);
    plan_options.reissue_all = true;
    make_plan("id\nanna\nbert\n");
    assert_int_equal(reason_of(0), REASON_REISSUE);
    assert_int_equal(reason_of(1), REASON_NEW);
    assert_int_equal(plan->requests[ACTION_ISSUE], 1);
}

static void a_token_that_was_to_be_replaced_is_issued_by_any_later_run(void **state)
{
    (void)state;
    load_spec("", TOKENS ADDED);
    provision("anna", 1, "", NOW_S + DAY);
    provision("bert", 2, "", NOW_S + DAY);
    works(ledger_mark_stale(ledger, "anna", 4, &error));
    make_plan("id\nanna\nbert\n");
    assert_int_equal(reason_of(0), REASON_REISSUE);
    assert_int_equal(reason_of(1), REASON_SAME);
    /* A job without tokens leaves it to one that has them. */
    load_spec("", ADDED);
    make_plan("id\nanna\nbert\n");
    assert_int_equal(reason_of(0), REASON_SAME);
}

/* --- removed --- */

static void a_user_who_is_gone_is_removed_at_once_without_a_grace_period(void **state)
{
    (void)state;
    load_spec("", COME_AND_GO);
    provision("anna", 1, "", 0);
    provision("bert", 2, "", 0);
    make_plan("id\nanna\n");
    assert_int_equal(plan->removed_count, 1);
    assert_int_equal(plan->removed[0].reason, REASON_GONE);
    assert_int_equal(plan->removed[0].row, identity_of("bert").row);
    assert_true(plan->removed[0].acts);
    assert_false(plan->removed[0].marks);
    assert_int_equal(plan->requests[ACTION_DELETE], 1);
    assert_int_equal(plan->active, 2);
}

static void who_is_deleted_or_lost_is_not_removed_again(void **state)
{
    (void)state;
    load_spec("", COME_AND_GO);
    provision("anna", 1, "", 0);
    provision("bert", 2, "", 0);
    act("bert", ACTION_DELETE, true);
    provision("carl", 3, "", 0);
    const struct result gone = result_of("carl", ACTION_DELETE, OUTCOME_GONE, identity_id(3));
    record(&gone);
    make_plan("id\nanna\n");
    assert_int_equal(plan->removed_count, 0);
}

static void who_is_revoked_is_not_revoked_again_but_deleted(void **state)
{
    (void)state;
    load_spec("", "rules:\n  removed: revoke\n");
    provision("anna", 1, "", 0);
    act("anna", ACTION_REVOKE, true);
    make_plan("id\nbert\n");
    assert_int_equal(plan->removed_count, 0);
    load_spec("", "rules:\n  removed: delete\n");
    make_plan("id\nbert\n");
    assert_int_equal(plan->removed[0].reason, REASON_GONE);
}

static void a_grace_period_starts_with_what_is_done_meanwhile(void **state)
{
    (void)state;
    load_spec("", GRACE);
    provision("anna", 1, "", 0);
    make_plan("id\nbert\n");
    assert_int_equal(plan->removed[0].reason, REASON_MEANWHILE);
    assert_true(plan->removed[0].marks);
    assert_int_equal(plan->requests[ACTION_REVOKE], 1);
    assert_int_equal(plan->requests[ACTION_DELETE], 0);
}

static void during_the_grace_period_nothing_more_is_done(void **state)
{
    (void)state;
    load_spec("", GRACE);
    provision("anna", 1, "", 0);
    works(ledger_mark_removed(ledger, identity_of("anna").row, NOW_S - 30 * DAY + 1, &error));
    act("anna", ACTION_REVOKE, true);
    make_plan("id\nbert\n");
    assert_int_equal(plan->removed[0].reason, REASON_GRACE);
    assert_int_equal(plan->users, 0);
    assert_int_equal(plan->categories[CATEGORY_REMOVED], 1);
}

/* The run that marked the user was stopped before its revoke, or the revoke failed: the tokens still work. */
static void a_revoke_that_was_not_done_meanwhile_is_planned_again(void **state)
{
    (void)state;
    load_spec("", GRACE);
    provision("anna", 1, "", 0);
    works(ledger_mark_removed(ledger, identity_of("anna").row, NOW_S - DAY, &error));
    make_plan("id\nbert\n");
    assert_int_equal(plan->removed[0].reason, REASON_MEANWHILE);
    assert_true(plan->removed[0].acts);
    assert_false(plan->removed[0].marks); /* the period does not start again */
}

static void a_grace_period_without_anything_meanwhile_is_only_marked(void **state)
{
    (void)state;
    load_spec("", "rules:\n  removed: { do: delete, after: 30d }\n");
    provision("anna", 1, "", 0);
    make_plan("id\nbert\n");
    assert_true(plan->removed[0].marks);
    assert_false(plan->removed[0].acts);
    works(ledger_mark_removed(ledger, identity_of("anna").row, NOW_S - DAY, &error));
    make_plan("id\nbert\n");
    assert_int_equal(plan->removed[0].reason, REASON_GRACE);
}

static void after_the_grace_period_the_rule_is_done(void **state)
{
    (void)state;
    load_spec("", GRACE);
    provision("anna", 1, "", 0);
    works(ledger_mark_removed(ledger, identity_of("anna").row, NOW_S - 30 * DAY, &error));
    make_plan("id\nbert\n");
    assert_int_equal(plan->removed[0].reason, REASON_GRACE_OVER);
    assert_int_equal(plan->requests[ACTION_DELETE], 1);
}

static void a_revoke_after_the_grace_period_is_done_once(void **state)
{
    (void)state;
    load_spec("", "rules:\n  removed: { do: revoke, after: 30d }\n");
    provision("anna", 1, "", 0);
    works(ledger_mark_removed(ledger, identity_of("anna").row, NOW_S - 31 * DAY, &error));
    make_plan("id\nbert\n");
    assert_int_equal(plan->requests[ACTION_REVOKE], 1);
    act("anna", ACTION_REVOKE, true);
    make_plan("id\nbert\n");
    assert_int_equal(plan->requests[ACTION_REVOKE], 0);
}

static void who_is_back_in_time_gets_a_token_and_loses_the_mark(void **state)
{
    (void)state;
    load_spec("", TOKENS GRACE);
    provision("anna", 1, "", NOW_S + DAY);
    act("anna", ACTION_REVOKE, true);
    make_plan("id\nanna\n");
    assert_int_equal(reason_of(0), REASON_RETURNED);
    assert_int_equal(plan->requests[ACTION_ISSUE], 1);
    assert_int_equal(plan->returned_count, 1);
    assert_int_equal(plan->returned[0], identity_of("anna").row);
}

/* Else a later removal would count its grace period from the old mark. */
static void who_is_back_outside_of_the_filter_loses_the_mark_too(void **state)
{
    (void)state;
    load_spec("  where: { team: [a] }\n", GRACE);
    provision("anna", 1, "", 0);
    works(ledger_mark_removed(ledger, identity_of("anna").row, NOW_S - 31 * DAY, &error));
    make_plan("id,team\nanna,b\nbert,a\n");
    assert_int_equal(plan->removed_count, 0);
    assert_int_equal(plan->returned_count, 1);
}

/* --- which rows count --- */

static void a_row_that_the_filter_leaves_out_is_neither_added_nor_removed(void **state)
{
    (void)state;
    load_spec("  where: { team: [a] }\n", COME_AND_GO);
    provision("anna", 1, "", 0);
    make_plan("id,team\nanna,b\nbert,b\ncarl,a\n");
    assert_int_equal(reason_of(0), REASON_OUTSIDE);
    assert_int_equal(reason_of(1), REASON_OUTSIDE);
    assert_int_equal(plan->removed_count, 0);
    assert_int_equal(plan->users, 1);
    assert_int_equal(plan->roster.selected, 1);
}

static void rows_of_removed_users_in_a_failures_file_are_passed_over(void **state)
{
    (void)state;
    load_spec("", COME_AND_GO);
    provision("anna", 1, "", 0);
    provision("bert", 2, "", 0);
    make_plan("id," FAILURES_CATEGORY_COLUMN "\nanna,changed\nbert," FAILURES_REMOVED "\n");
    assert_int_equal(reason_of(0), REASON_SAME);
    assert_int_equal(reason_of(1), REASON_OUTSIDE);
    assert_int_equal(plan->removed_count, 1);
    assert_int_equal(plan->removed[0].row, identity_of("bert").row);
}

static void only_the_named_users_are_acted_on(void **state)
{
    char bert[] = "bert";
    char dora[] = "dora";
    char *names[] = {bert, dora};
    const struct text_list only = {.items = names, .count = 2};

    (void)state;
    load_spec("", COME_AND_GO);
    provision("carl", 3, "", 0);
    provision("dora", 4, "", 0);
    plan_options.only = &only;
    make_plan("id\nanna\nbert\n");
    assert_false(plan->rows[0].acts);
    assert_true(plan->rows[1].acts);
    assert_int_equal(plan->removed_count, 2);
    assert_false(plan->removed[0].acts);
    assert_true(plan->removed[1].acts);
    assert_int_equal(plan->users, 2);
    assert_int_equal(plan->whole[ACTION_DELETE], 1);
}

static void nobody_elses_grace_period_starts_when_one_user_is_named(void **state)
{
    char dora[] = "dora";
    char *names[] = {dora};
    const struct text_list only = {.items = names, .count = 1};

    (void)state;
    load_spec("", GRACE);
    provision("carl", 3, "", 0);
    provision("dora", 4, "", 0);
    plan_options.only = &only;
    make_plan("id\nanna\n");
    assert_false(plan->removed[0].marks);
    assert_true(plan->removed[1].marks);
}

static void a_canary_takes_the_first_users_and_the_limits_still_see_all(void **state)
{
    (void)state;
    load_spec("", COME_AND_GO);
    provision("carl", 3, "", 0);
    provision("dora", 4, "", 0);
    plan_options.limit = 2;
    make_plan("id\nanna\nbert\nemil\n");
    assert_true(plan->rows[0].acts && plan->rows[1].acts);
    assert_false(plan->rows[2].acts);
    assert_false(plan->removed[0].acts || plan->removed[1].acts);
    assert_int_equal(plan->users, 2);
    assert_int_equal(plan->requests[ACTION_PROVISION], 2);
    assert_int_equal(plan->whole[ACTION_PROVISION], 3);
    assert_int_equal(plan->whole[ACTION_DELETE], 2);
}

/* --- against an older export --- */

static void an_older_roster_decides_who_changed_and_who_is_gone(void **state)
{
    (void)state;
    write_file("older.csv", "id,w\nanna,one\nbert,one\ncarl,one\n");
    load_spec("  watch: [w]\n  previous: older.csv\n", TOKENS RULES);
    const char *applied = watch_of("id,w\nx,two\n");
    provision("anna", 1, applied, NOW_S + DAY);
    provision("bert", 2, watch_of("id,w\nx,one\n"), NOW_S + DAY);
    provision("carl", 3, applied, NOW_S + DAY);
    provision("dora", 4, applied, NOW_S + DAY); /* never in either export: not this job's to remove */
    make_plan("id,w\nanna,two\nbert,one\nemil,one\n");
    assert_int_equal(reason_of(0), REASON_WATCH); /* from file to file, although the ledger has the value already */
    assert_int_equal(reason_of(1), REASON_SAME);
    assert_int_equal(reason_of(2), REASON_NEW);
    assert_int_equal(plan->removed_count, 1);
    assert_int_equal(plan->removed[0].row, identity_of("carl").row);
    assert_int_equal(plan->previous_gone, 1);
    assert_int_equal(plan->previous_changed, 1);
    assert_int_equal(plan->previous.rows, 3);
}

static void a_change_whose_run_failed_is_still_one_when_the_older_roster_has_it_too(void **state)
{
    (void)state;
    write_file("older.csv", "id,w\nanna,two\n");
    load_spec("  watch: [w]\n  previous: older.csv\n", TOKENS RULES);
    provision("anna", 1, watch_of("id,w\nx,one\n"), NOW_S + DAY);
    make_plan("id,w\nanna,two\n");
    assert_int_equal(reason_of(0), REASON_WATCH);
}

static void a_grace_period_that_runs_is_not_forgotten_with_the_older_roster(void **state)
{
    (void)state;
    write_file("older.csv", "id\nanna\n");
    load_spec("  previous: older.csv\n", GRACE);
    provision("anna", 1, "", 0);
    provision("bert", 2, "", 0);
    works(ledger_mark_removed(ledger, identity_of("bert").row, NOW_S - 30 * DAY, &error));
    make_plan("id\nanna\n");
    assert_int_equal(plan->removed_count, 1);
    assert_int_equal(plan->removed[0].reason, REASON_GRACE_OVER);
}

static void faults_of_the_older_roster_are_its_own(void **state)
{
    (void)state;
    write_file("older.csv", "id\nanna\nanna\n");
    load_spec("  previous: older.csv\n", COME_AND_GO);
    assert_false(try_plan("id\nanna\n"));
    assert_int_equal(error.code, ERROR_INPUT);
    assert_int_equal(problems.total, 0);
    assert_int_equal(previous_problems.total, 1);
    assert_int_equal(previous_problems.list[0].line, 3);
    assert_string_equal(previous_problems.list[0].message, "the key stands already in line 2");
}

/* --- rosters that are refused --- */

static void a_duplicate_key_names_both_lines(void **state)
{
    (void)state;
    load_spec("", COME_AND_GO);
    assert_false(try_plan("id\nanna\nbert\ncarl\nanna\nbert\n"));
    assert_int_equal(error.code, ERROR_INPUT);
    assert_int_equal(problems.total, 2);
    assert_int_equal(problems.list[0].line, 5);
    assert_string_equal(problems.list[0].message, "key \"anna\" stands already in line 2");
    assert_int_equal(problems.list[1].line, 6);
    assert_string_equal(problems.list[1].message, "key \"bert\" stands already in line 3");
}

static void duplicates_are_told_with_the_other_faults(void **state)
{
    (void)state;
    load_spec("", COME_AND_GO);
    assert_false(try_plan("id\nanna\n\"\"\nbert\nanna\nbert,x\n"));
    assert_int_equal(error.code, ERROR_INPUT);
    problems_sort(&problems);
    assert_int_equal(problems.total, 3);
    assert_int_equal(problems.list[0].line, 3);
    assert_string_equal(problems.list[1].message, "key \"anna\" stands already in line 2");
    assert_int_equal(problems.list[1].line, 5);
    assert_int_equal(problems.list[2].line, 6);
}

static void of_duplicates_the_first_is_taken_where_asked(void **state)
{
    (void)state;
    load_spec("  duplicates: first\n", COME_AND_GO);
    make_plan("id\nanna\nanna\n");
    assert_int_equal(reason_of(0), REASON_NEW);
    assert_int_equal(reason_of(1), REASON_OUTSIDE);
    assert_int_equal(plan->users, 1);
}

static void a_roster_of_nobody_without_a_ledger_is_refused(void **state)
{
    (void)state;
    load_spec("", COME_AND_GO);
    assert_false(try_plan("id\n"));
    assert_int_equal(error.code, ERROR_INPUT);
    assert_int_equal(problems.total, 1);
}

static void a_missing_column_is_refused(void **state)
{
    (void)state;
    load_spec("", COME_AND_GO);
    provision("anna", 1, "", 0);
    assert_false(try_plan("user\nanna\n"));
    assert_int_equal(error.code, ERROR_INPUT);
    assert_true(problems.total > 0);
}

static void an_identity_that_lives_is_not_forgotten_for_a_teams_user(void **state)
{
    (void)state;
    load_spec("  teams_token_column: entra_token\n  teams_user_column: object_id\n",
              "token:\n  teams_app_id: 1b2c3d4e-0000-4000-8000-00000000000a\n"
              "outputs:\n  tokens: { csv: tokens.csv }\nrules:\n  added: exchange\n");
    provision("anna", 1, "", 0);
    act("anna", ACTION_REVOKE, true);
    assert_false(try_plan("id,object_id,entra_token\nanna,00000000-0000-4000-8000-000000000001,eyJ\n"));
    assert_int_equal(error.code, ERROR_LIMIT);
    says(LEDGER_PATH " has 1 identity of the service's, and the job exchanges the tokens of Teams users");
    act("anna", ACTION_DELETE, true);
    make_plan(NULL);
    assert_int_equal(reason_of(0), REASON_DELETED);
}

static void a_key_too_long_for_a_custom_id_is_a_fault_of_its_row(void **state)
{
    char roster[2048] = "id\n";

    (void)state;
    load_spec("", COME_AND_GO);
    for (int i = 0; i < 256; i++)
        strcat(roster, "\xC3\xB6");
    strcat(roster, "\n");
    for (int i = 0; i < 257; i++)
        strcat(roster, "o");
    strcat(roster, "\n");
    make_plan(roster);
    spec->resources[0].custom_id = true;
    assert_false(try_plan(roster));
    assert_int_equal(problems.total, 1);
    assert_int_equal(problems.list[0].line, 3);
}

/* --- limits --- */

static struct plan_allow allow;

/* 40 active users, of whom the plan removes so many; `rest` is the spec. */
static bool allows_removal(unsigned removed, const char *rest)
{
    char key[8];
    char roster[1024] = "id\n";

    load_spec("", rest);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "u%02u", i);
        if (counts_at(NOW_S).by_state[IDENTITY_ACTIVE] < 40)
            provision(key, i, "", 0);
        if (i >= removed)
            strcat(strcat(roster, key), "\n");
    }
    make_plan(roster);
    error.code = ERROR_NONE;
    const bool ok = plan_check_limits(plan, ledger, 0, &allow, &error);
    assert_int_equal(error.code, ok ? ERROR_NONE : ERROR_LIMIT);
    return ok;
}

static int begin_limits(void **state)
{
    allow = (struct plan_allow){0};
    return plan_begin_test(state);
}

static void a_percentage_is_of_the_active_identities(void **state)
{
    (void)state;
    assert_true(allows_removal(2, "rules:\n  removed: delete\nlimits:\n  delete: 5%\n"));
    assert_false(allows_removal(3, "rules:\n  removed: delete\nlimits:\n  delete: 5%\n"));
    says("would delete 3 of 40");
    says("5%");
    hints("--allow delete=3");
    assert_true(allows_removal(40 - 1, "rules:\n  removed: delete\nlimits:\n  delete: 100%\n  shrink: 100%\n"));
}

/* Forty users, of whom those from `leavers` on have gone and are cut off; of the others `changed` have a new value. */
static bool allows_change(unsigned leavers, unsigned changed, const char *rest)
{
    char key[8];
    char roster[1024] = "id,w\n";

    load_spec("  watch: [w]\n", rest);
    const char *applied = watch_of("id,w\nx,one\n");
    for (unsigned i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "u%02u", i);
        if (counts_at(NOW_S).by_state[IDENTITY_ACTIVE] + counts_at(NOW_S).by_state[IDENTITY_REVOKED] < 40) {
            provision(key, i, applied, 0);
            if (i >= leavers)
                act(key, ACTION_REVOKE, true);
        }
        if (i < leavers)
            strcat(strcat(roster, key), i < changed ? ",two\n" : ",one\n");
    }
    make_plan(roster);
    return plan_check_limits(plan, ledger, 0, &allow, &error);
}

static void leavers_who_are_cut_off_do_not_make_the_share_of_the_others_larger(void **state)
{
    (void)state;
    const char *deletes = "rules:\n  removed: revoke\n  changed: delete\nlimits:\n  delete: 20%\n";
    assert_true(allows_change(10, 2, deletes));
    assert_false(allows_change(10, 3, deletes));
    says("would delete 3 of 40 identities (10 in use); limits.delete (20%) allows 2");
    const char *revokes = "rules:\n  removed: revoke\n  changed: revoke\nlimits:\n  revoke: 20%\n";
    assert_true(allows_change(10, 2, revokes));
    assert_false(allows_change(10, 3, revokes));
    says("would revoke 3 of 40 identities (10 in use); limits.revoke (20%) allows 2");
}

static void deletes_of_leavers_who_are_cut_off_count_as_well(void **state)
{
    (void)state;
    assert_true(allows_change(36, 0, "rules:\n  removed: delete\nlimits:\n  delete: 12%\n"));
    assert_false(allows_change(36, 0, "rules:\n  removed: delete\nlimits:\n  delete: 11%\n"));
    says("would delete 4 of 40 identities (36 in use); limits.delete (11%) allows 3");
    assert_true(allows_change(1, 0, "rules:\n  removed: delete\nlimits:\n  delete: 100%\n"));
    assert_false(allows_change(1, 0, "rules:\n  removed: delete\nlimits:\n  delete: [100%, 38]\n"));
}

static void who_is_revoked_and_in_the_roster_is_one_of_the_company(void **state)
{
    char roster[1024] = "id,w\n";
    char key[8];

    (void)state;
    allows_change(5, 0, "rules:\n  changed: revoke\nlimits:\n  revoke: 20%\n");
    for (unsigned i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "u%02u", i);
        strcat(strcat(roster, key), i < 8 ? ",two\n" : ",one\n");
    }
    make_plan(roster);
    works(plan_check_limits(plan, ledger, 0, &allow, &error));
}

static void a_count_is_a_count(void **state)
{
    (void)state;
    assert_true(allows_removal(10, "rules:\n  removed: revoke\nlimits:\n  revoke: 10\n"));
    assert_false(allows_removal(11, "rules:\n  removed: revoke\nlimits:\n  revoke: 10\n"));
    says("would revoke 11 of 40");
    assert_false(allows_removal(1, "rules:\n  removed: delete\nlimits:\n  delete: 0\n"));
}

static void of_both_the_smaller_decides(void **state)
{
    (void)state;
    assert_false(allows_removal(3, "rules:\n  removed: delete\nlimits:\n  delete: [5%, 10]\n"));
    assert_false(allows_removal(3, "rules:\n  removed: delete\nlimits:\n  delete: [50%, 2]\n"));
    assert_true(allows_removal(2, "rules:\n  removed: delete\nlimits:\n  delete: [50%, 2]\n"));
}

static void without_limits_in_the_spec_there_are_limits(void **state)
{
    (void)state;
    assert_true(allows_removal(2, "rules:\n  removed: delete\n"));
    assert_false(allows_removal(3, "rules:\n  removed: delete\n"));
    assert_true(allows_removal(8, "rules:\n  removed: revoke\n"));
    assert_false(allows_removal(9, "rules:\n  removed: revoke\n"));
}

static void a_limit_is_lifted_for_one_run_to_exactly_a_number(void **state)
{
    (void)state;
    allow = (struct plan_allow){.has_erase = true, .erase = 5};
    assert_true(allows_removal(5, "rules:\n  removed: delete\n"));
    assert_false(allows_removal(6, "rules:\n  removed: delete\n"));
    says("--allow delete=5");
    assert_false(allows_removal(9, "rules:\n  removed: revoke\n")); /* the other limit stands */
    allow = (struct plan_allow){.has_revoke = true, .revoke = 9};
    assert_true(allows_removal(9, "rules:\n  removed: revoke\n"));
}

static void a_canary_does_not_slip_under_the_limits(void **state)
{
    (void)state;
    plan_options.limit = 1;
    assert_false(allows_removal(3, "rules:\n  removed: delete\n"));
}

static bool allows_shrink(unsigned rows, uint64_t last_rows)
{
    char roster[1024] = "id\n";
    char key[16];

    for (unsigned i = 0; i < rows; i++) {
        snprintf(key, sizeof key, "u%02u\n", i);
        strcat(roster, key);
    }
    make_plan(roster);
    error.code = ERROR_NONE;
    return plan_check_limits(plan, ledger, last_rows, &allow, &error);
}

static void a_roster_that_shrank_too_much_is_refused(void **state)
{
    (void)state;
    load_spec("", ADDED "limits:\n  shrink: 10%\n");
    assert_true(allows_shrink(18, 20));
    assert_false(allows_shrink(17, 20));
    assert_int_equal(error.code, ERROR_LIMIT);
    says("17 users, 3 less than the 20");
    hints("--allow shrink=3");
    assert_true(allows_shrink(17, 0)); /* there was no run before */
    assert_true(allows_shrink(40, 20));
    allow = (struct plan_allow){.has_shrink = true, .shrink = 3};
    assert_true(allows_shrink(17, 20));
    assert_false(allows_shrink(16, 20));
}

static void an_empty_roster_is_refused_whatever_is_allowed(void **state)
{
    (void)state;
    load_spec("", "rules:\n  removed: delete\nlimits:\n  delete: 100%\n  shrink: 100%\n");
    provision("anna", 1, "", 0);
    allow = (struct plan_allow){.has_shrink = true, .shrink = 100, .has_erase = true, .erase = 100};
    assert_false(allows_shrink(0, 1));
    assert_int_equal(error.code, ERROR_LIMIT);
    says("selects no user");
}

/* Whose absence would remove them: each user once, selected or not. */
static void the_users_that_the_roster_has_are_counted_and_not_its_rows(void **state)
{
    (void)state;
    load_spec("  duplicates: first\n", ADDED "limits:\n  shrink: 1\n");
    make_plan("id\nanna\nbert\nanna\nbert\n");
    assert_false(plan_check_limits(plan, ledger, 4, &allow, &error));
    says("the roster has 2 users, 2 less than the 4");
    load_spec("  where: { team: [a] }\n", ADDED "limits:\n  shrink: 1\n");
    make_plan("id,team\nanna,a\nbert,b\ncarl,b\n");
    works(plan_check_limits(plan, ledger, 4, &allow, &error));
    make_plan("id,team\nanna,a\n");
    assert_false(plan_check_limits(plan, ledger, 3, &allow, &error));
    says("the roster has 1 user, 2 less than the 3");
    load_spec("", ADDED "limits:\n  shrink: 1\n");
    make_plan("id," FAILURES_CATEGORY_COLUMN "\nanna,changed\nbert," FAILURES_REMOVED "\ncarl," FAILURES_REMOVED "\n");
    assert_false(plan_check_limits(plan, ledger, 3, &allow, &error));
    says("the roster has 1 user, 2 less than the 3");
}

static void a_roster_of_removed_users_alone_is_an_empty_one(void **state)
{
    (void)state;
    load_spec("", "rules:\n  removed: delete\nlimits:\n  delete: 100%\n  shrink: 100%\n");
    provision("anna", 1, "", 0);
    make_plan("id," FAILURES_CATEGORY_COLUMN "\nanna," FAILURES_REMOVED "\n");
    allow = (struct plan_allow){.has_shrink = true, .shrink = 100, .has_erase = true, .erase = 100};
    assert_false(plan_check_limits(plan, ledger, 1, &allow, &error));
    assert_int_equal(error.code, ERROR_LIMIT);
    says("selects no user");
}

/* --only names them: its roster need not be the company. */
static void a_named_user_is_not_held_up_by_a_small_roster(void **state)
{
    char first[] = "u00";
    char *names[] = {first};
    const struct text_list only = {.items = names, .count = 1};

    (void)state;
    load_spec("", ADDED);
    plan_options.only = &only;
    assert_true(allows_shrink(1, 1000));
}

/* The last run that the service did something for ended then. */
static void ran_until(int64_t ended_at_s, enum run_state state, uint64_t issued)
{
    const struct run_record record = {
        .id = begin_run(), .ended_at_ms = ended_at_s * 1000, .state = state, .done = {[ACTION_ISSUE] = issued}};

    works(ledger_run_end(ledger, &record, &error));
}

static void a_clock_that_stands_before_the_last_good_run_is_refused(void **state)
{
    (void)state;
    load_spec("", ADDED);
    ran_until(NOW_S + 15 * 60, RUN_FAILED, 1);
    assert_true(allows_shrink(1, 0));
    ran_until(NOW_S + 40 * DAY, RUN_STOPPED, 1); /* for the clock, perhaps */
    ran_until(NOW_S + 40 * DAY, RUN_DONE, 0);
    assert_true(allows_shrink(1, 0));
    ran_until(NOW_S + 15 * 60 + 1, RUN_DONE, 1);
    assert_false(allows_shrink(1, 0));
    assert_int_equal(error.code, ERROR_LIMIT);
    says("before the end of the last good run");
    hints("set the clock; if it is right now and was wrong then, run once with --allow clock=15");
    allow = (struct plan_allow){.has_clock = true, .clock_min = 14};
    assert_false(allows_shrink(1, 0));
    allow.clock_min = 15;
    assert_true(allows_shrink(1, 0));
}

static void a_protected_key_is_neither_removed_nor_revoked(void **state)
{
    (void)state;
    load_spec("  watch: [w]\n", TOKENS RULES "limits:\n  delete: 100%\n  revoke: 100%\n  protect: [ceo, cfo]\n");
    const char *applied = watch_of("id,w\nx,one\n");
    provision("anna", 1, applied, NOW_S + DAY);
    provision("ceo", 2, applied, NOW_S + HOUR);
    make_plan("id,w\nanna,one\nceo,one\n"); /* a renewal takes nothing away */
    works(plan_check_limits(plan, ledger, 0, &allow, &error));
    make_plan("id,w\nanna,one\nceo,two\n");
    assert_false(plan_check_limits(plan, ledger, 0, &allow, &error));
    says("would revoke the tokens of \"ceo\"");
    make_plan("id,w\nanna,one\n");
    assert_false(plan_check_limits(plan, ledger, 0, &allow, &error));
    assert_int_equal(error.code, ERROR_LIMIT);
    says("would cut off \"ceo\"");
    allow = (struct plan_allow){.has_erase = true, .erase = 100};
    assert_false(plan_check_limits(plan, ledger, 0, &allow, &error)); /* whatever is allowed */
}

static void a_protected_key_may_be_written_otherwise(void **state)
{
    static const char *const ways[] = {"[CEO]", "['ceo ']", "'cfo, ceo'", "'Ceo,'", "[cto, \" ceo\"]"};

    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char rest[256];
        snprintf(rest, sizeof rest,
                 "rules:\n  removed: delete\nlimits:\n  delete: 100%%\n  shrink: 100%%\n  protect: %s\n", ways[i]);
        load_spec("", rest);
        if (i == 0) {
            provision("anna", 1, "", 0);
            provision("ceo", 2, "", 0);
        }
        make_plan("id\nanna\n");
        assert_false(plan_check_limits(plan, ledger, 0, &allow, &error));
        says("would cut off \"ceo\"");
    }
}

static void a_protected_key_that_nobody_has_is_told(void **state)
{
    (void)state;
    load_spec("", "rules:\n  added: provision\nlimits:\n  protect: [left, new, nobody, ceo2]\n");
    provision("left", 1, "", 0);
    act("left", ACTION_DELETE, true);
    make_plan("id\nnew\n");
    assert_int_equal(plan->unknown_count, 2);
    assert_string_equal(plan->unknown, "nobody");
}

/* --- time --- */

static void twelve_thousand_deletes_take_eleven_and_a_half_minutes(void **state)
{
    struct plan_part part = {.requests = {[ACTION_DELETE] = 12000}};
    struct plan large = {.parts = &part};

    (void)state;
    load_spec("", COME_AND_GO);
    large.spec = spec;
    assert_int_equal(plan_least_ms(&large), 690000);
    part.requests[ACTION_DELETE] = 12001;
    assert_int_equal(plan_least_ms(&large), 720000);
    part.requests[ACTION_DELETE] = 500;
    assert_int_equal(plan_least_ms(&large), 0);
    part.requests[ACTION_DELETE] = 0;
    assert_int_equal(plan_least_ms(&large), 0);
}

static void creates_with_tokens_also_wait_for_the_other_quota(void **state)
{
    struct plan_part part = {.requests = {[ACTION_PROVISION] = 1000, [ACTION_ISSUE] = 1000}};
    struct plan large = {.parts = &part};

    (void)state;
    load_spec("", TOKENS RULES);
    large.spec = spec;
    assert_int_equal(plan_least_ms(&large), 30000);
    spec->engine.create_counts_as_issue = false;
    assert_int_equal(plan_least_ms(&large), 0);
    spec->resources[0].quotas[ACTION_PROVISION].count = 0; /* none of our own */
    part.requests[ACTION_PROVISION] = 1000000;
    assert_int_equal(plan_least_ms(&large), 0);
}

/* --- going through it --- */

static bool note_user(void *context, const struct plan_user *user, struct error *ignored)
{
    (void)ignored;
    strcat(context, user->row != NULL ? user->row->key.bytes : "(gone)");
    strcat(context, user->acts ? "! " : " ");
    return true;
}

static const char *walk(void)
{
    static char text[512];
    const struct plan_visitor visitor = {.user = note_user, .context = text};

    text[0] = '\0';
    error.code = ERROR_NONE;
    return plan_each(plan, roster_fd, &visitor, &error) ? text : NULL;
}

static void the_users_of_a_plan_come_in_the_rosters_order_and_the_removed_ones_last(void **state)
{
    (void)state;
    load_spec("  where: { team: [a] }\n", COME_AND_GO);
    provision("anna", 1, "", 0);
    provision("dora", 2, "", 0);
    make_plan("id,team\nzoe,a\nanna,a\nbert,b\n");
    assert_string_equal(walk(), "zoe! anna (gone)! ");
}

static void a_roster_that_changed_after_it_was_planned_is_refused(void **state)
{
    static const char *const changed[] = {
        "id,w\nanna,1\nbort,1\n",         /* another key */
        "id,w\nbert,1\nanna,1\n",         /* another order */
        "id,w\nanna,1\n",                 /* a row less */
        "id,w\nanna,1\nbert,1\ncarl,1\n", /* a row more */
        "id,w\nanna,1\nbert,2\n",         /* another value */
    };

    (void)state;
    load_spec("  watch: [w]\n", COME_AND_GO);
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
        make_plan("id,w\nanna,1\nbert,1\n");
        assert_non_null(walk());
        write_file("users.csv", changed[i]); /* the same file, as its descriptor sees it */
        assert_null(walk());
        assert_int_equal(error.code, ERROR_SYSTEM);
    }
}

#define LIMITS(name) cmocka_unit_test_setup_teardown(name, begin_limits, plan_end_test)

static const struct CMUnitTest tests[] = {
    plan_test(nobody_is_in_the_ledger_yet),
    plan_test(a_user_without_a_rule_is_counted_and_kept),
    plan_test(a_deleted_user_who_is_in_the_roster_is_added),
    plan_test(a_lost_identity_is_reported_and_replaced_only_by_rule),
    plan_test(nothing_to_do_is_unchanged),
    plan_test(a_watched_column_that_differs_is_a_change),
    plan_test(a_change_without_a_rule_does_not_keep_a_token_from_being_renewed),
    plan_test(a_column_watched_from_now_on_is_adopted_and_is_no_change),
    plan_test(a_column_no_longer_watched_is_no_change),
    plan_test(a_token_that_ends_within_the_time_is_renewed),
    plan_test(a_token_that_lasts_a_second_longer_is_not),
    plan_test(a_token_that_ended_is_renewed),
    plan_test(a_user_without_a_token_gets_one),
    plan_test(a_token_that_was_not_delivered_is_owed_whatever_the_rules_say),
    plan_test(identities_without_tokens_are_never_expiring),
    plan_test(each_user_has_a_share_of_the_jitter_that_stays),
    plan_test(all_tokens_are_issued_again_on_demand),
    plan_test(a_token_that_was_to_be_replaced_is_issued_by_any_later_run),
    plan_test(a_user_who_is_gone_is_removed_at_once_without_a_grace_period),
    plan_test(who_is_deleted_or_lost_is_not_removed_again),
    plan_test(who_is_revoked_is_not_revoked_again_but_deleted),
    plan_test(a_grace_period_starts_with_what_is_done_meanwhile),
    plan_test(during_the_grace_period_nothing_more_is_done),
    plan_test(a_revoke_that_was_not_done_meanwhile_is_planned_again),
    plan_test(a_grace_period_without_anything_meanwhile_is_only_marked),
    plan_test(after_the_grace_period_the_rule_is_done),
    plan_test(a_revoke_after_the_grace_period_is_done_once),
    plan_test(who_is_back_in_time_gets_a_token_and_loses_the_mark),
    plan_test(who_is_back_outside_of_the_filter_loses_the_mark_too),
    plan_test(a_row_that_the_filter_leaves_out_is_neither_added_nor_removed),
    plan_test(rows_of_removed_users_in_a_failures_file_are_passed_over),
    plan_test(only_the_named_users_are_acted_on),
    plan_test(nobody_elses_grace_period_starts_when_one_user_is_named),
    plan_test(a_canary_takes_the_first_users_and_the_limits_still_see_all),
    plan_test(an_older_roster_decides_who_changed_and_who_is_gone),
    plan_test(a_change_whose_run_failed_is_still_one_when_the_older_roster_has_it_too),
    plan_test(a_grace_period_that_runs_is_not_forgotten_with_the_older_roster),
    plan_test(faults_of_the_older_roster_are_its_own),
    plan_test(a_duplicate_key_names_both_lines),
    plan_test(duplicates_are_told_with_the_other_faults),
    plan_test(of_duplicates_the_first_is_taken_where_asked),
    plan_test(a_roster_of_nobody_without_a_ledger_is_refused),
    plan_test(a_missing_column_is_refused),
    plan_test(an_identity_that_lives_is_not_forgotten_for_a_teams_user),
    plan_test(a_key_too_long_for_a_custom_id_is_a_fault_of_its_row),
    LIMITS(a_percentage_is_of_the_active_identities),
    LIMITS(leavers_who_are_cut_off_do_not_make_the_share_of_the_others_larger),
    LIMITS(deletes_of_leavers_who_are_cut_off_count_as_well),
    LIMITS(who_is_revoked_and_in_the_roster_is_one_of_the_company),
    LIMITS(a_count_is_a_count),
    LIMITS(of_both_the_smaller_decides),
    LIMITS(without_limits_in_the_spec_there_are_limits),
    LIMITS(a_limit_is_lifted_for_one_run_to_exactly_a_number),
    LIMITS(a_canary_does_not_slip_under_the_limits),
    LIMITS(a_roster_that_shrank_too_much_is_refused),
    LIMITS(an_empty_roster_is_refused_whatever_is_allowed),
    LIMITS(the_users_that_the_roster_has_are_counted_and_not_its_rows),
    LIMITS(a_roster_of_removed_users_alone_is_an_empty_one),
    LIMITS(a_named_user_is_not_held_up_by_a_small_roster),
    LIMITS(a_clock_that_stands_before_the_last_good_run_is_refused),
    LIMITS(a_protected_key_is_neither_removed_nor_revoked),
    LIMITS(a_protected_key_may_be_written_otherwise),
    LIMITS(a_protected_key_that_nobody_has_is_told),
    plan_test(twelve_thousand_deletes_take_eleven_and_a_half_minutes),
    plan_test(creates_with_tokens_also_wait_for_the_other_quota),
    plan_test(the_users_of_a_plan_come_in_the_rosters_order_and_the_removed_ones_last),
    plan_test(a_roster_that_changed_after_it_was_planned_is_refused),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
