#include "planning.h"

#include "run/engine.h"

#define RULES                                                                                         \
    "token:\n  scopes: [chat]\noutputs:\n  tokens: { csv: tokens.csv }\n"                             \
    "rules:\n  added: provision\n  changed: [revoke, issue]\n  expiring: { within: 6h, do: issue }\n" \
    "  removed: delete\n"

static struct engine engine;
static struct site site = {.engine = &engine};
static struct task *tasks[64];
static size_t task_count;

static int begin(void **state)
{
    const int result = plan_begin_test(state);

    engine = (struct engine){.sites = &site};
    for (int action = 0; action < ACTION_COUNT; action++) {
        site.planned[action] = queue_new(64, &error);
        works(site.planned[action] != NULL);
    }
    return result;
}

static void forget_tasks(void)
{
    while (task_count > 0)
        task_free(tasks[--task_count]);
}

static int end(void **state)
{
    forget_tasks();
    for (int action = 0; action < ACTION_COUNT; action++)
        queue_free(site.planned[action]);
    return plan_end_test(state);
}

/* Feeds one kind, and takes what came. */
static bool feed(enum action kind)
{
    error.code = ERROR_NONE;
    const bool ok = feeder_run(&site, kind, plan, roster_fd, ledger, &error);
    task_count += queue_try_pop(site.planned[kind], (void **)tasks + task_count, 64 - task_count);
    assert_true(queue_is_finished(site.planned[kind]));
    return ok;
}

static void a_new_user_becomes_a_task_with_its_row_and_no_identity(void **state)
{
    (void)state;
    load_spec("  watch: [w]\n", RULES);
    const char *watch = watch_of("id,w,note\nx,1,\n");
    make_plan("id,w,note\nanna,1,\"a, \"\"b\"\"\"\n");
    works(feed(ACTION_PROVISION));
    assert_int_equal(task_count, 1);
    assert_string_equal(tasks[0]->key, "anna");
    assert_int_equal(tasks[0]->key_length, 4);
    assert_string_equal(tasks[0]->identity, "");
    assert_string_equal(tasks[0]->watch, watch);
    assert_string_equal(tasks[0]->row, "anna,1,\"a, \"\"b\"\"\"");
    assert_int_equal(tasks[0]->row_length, strlen(tasks[0]->row));
    assert_int_equal(tasks[0]->category, CATEGORY_ADDED);
    assert_false(tasks[0]->is_removal);
    assert_int_equal(task_action(tasks[0]), ACTION_PROVISION);
    assert_true(task_is_last_action(tasks[0]));
}

static void a_changed_user_keeps_its_actions_in_order_and_its_identity(void **state)
{
    (void)state;
    load_spec("  watch: [w]\n", RULES);
    provision("anna", 1, watch_of("id,w\nx,1\n"), NOW_S + 86400);
    make_plan("id,w\nanna,2\n");
    works(feed(ACTION_REVOKE));
    assert_int_equal(task_count, 1);
    assert_int_equal(tasks[0]->actions.count, 2);
    assert_int_equal(tasks[0]->actions.items[0], ACTION_REVOKE);
    assert_int_equal(tasks[0]->actions.items[1], ACTION_ISSUE);
    assert_string_equal(tasks[0]->identity, identity_id(1));
    assert_false(task_is_last_action(tasks[0]));
}

static void a_removed_user_becomes_a_task_from_the_ledger(void **state)
{
    (void)state;
    load_spec("", RULES);
    provision("anna", 1, "", NOW_S + 86400);
    provision("bert", 2, "w=1", NOW_S + 86400);
    make_plan("id\nanna\n");
    works(feed(ACTION_DELETE));
    assert_int_equal(task_count, 1);
    assert_string_equal(tasks[0]->key, "bert");
    assert_string_equal(tasks[0]->identity, identity_id(2));
    assert_string_equal(tasks[0]->watch, "w=1");
    assert_null(tasks[0]->row);
    assert_true(tasks[0]->is_removal);
    assert_int_equal(tasks[0]->category, CATEGORY_REMOVED);
}

static void each_feeder_takes_its_own_kind_and_together_they_take_all(void **state)
{
    static const struct {
        enum action kind;
        const char *key;
    } feeders[] = {
        {ACTION_PROVISION, "new"}, {ACTION_ISSUE, "ending"}, {ACTION_REVOKE, "changed"}, {ACTION_DELETE, "gone"}};

    (void)state;
    load_spec("  watch: [w]\n", RULES);
    const char *watch = watch_of("id,w\nx,1\n");
    provision("ending", 1, watch, NOW_S + 60);
    provision("changed", 2, watch, NOW_S + 86400);
    provision("gone", 3, watch, NOW_S + 86400);
    provision("same", 4, watch, NOW_S + 86400);
    make_plan("id,w\nsame,1\nnew,1\nchanged,2\nending,1\n");
    for (size_t i = 0; i < 4; i++) {
        works(feed(feeders[i].kind));
        assert_int_equal(task_count, 1);
        assert_string_equal(tasks[0]->key, feeders[i].key);
        forget_tasks();
    }
}

static void users_left_out_by_a_canary_are_not_fed(void **state)
{
    (void)state;
    load_spec("", RULES);
    plan_options.limit = 1;
    make_plan("id\nanna\nbert\n");
    works(feed(ACTION_PROVISION));
    assert_int_equal(task_count, 1);
    assert_string_equal(tasks[0]->key, "anna");
}

static void the_row_of_a_task_has_no_error_columns(void **state)
{
    (void)state;
    load_spec("", RULES);
    make_plan("id,error_category,team,error_code\nanna,added,sales,http_503\n");
    works(feed(ACTION_PROVISION));
    assert_string_equal(tasks[0]->row, "anna,sales");
}

static void a_roster_that_changed_between_plan_and_run_is_refused(void **state)
{
    (void)state;
    load_spec("", RULES);
    provision("gone", 1, "", NOW_S + 86400);
    make_plan("id\nanna\nbert\n");
    write_file("users.csv", "id\nanna\nbort\n");
    assert_false(feed(ACTION_PROVISION));
    assert_int_equal(error.code, ERROR_SYSTEM);
    says("the roster changed after it was planned (line 3)");
    write_file("users.csv", "id\nanna\n"); /* bert is gone as well: nobody is deleted on this roster's word */
    forget_tasks();
    assert_false(feed(ACTION_DELETE));
    assert_int_equal(task_count, 0);
}

static void a_user_who_vanished_from_the_ledger_is_an_error(void **state)
{
    struct identity identity;

    (void)state;
    load_spec("", RULES);
    provision("anna", 1, "", NOW_S + 60);
    make_plan("id\nanna\n");
    struct ledger *kept = ledger;
    ledger = ledger_open("other.ledger", LEDGER_RUN, &error);
    works(ledger != NULL);
    assert_false(ledger_find(ledger, "anna", 4, &identity, &error));
    assert_false(feed(ACTION_ISSUE));
    ledger_close(ledger);
    ledger = kept;
    says("vanished from the ledger");
}

static void a_feeder_ends_without_an_error_when_the_run_stops(void **state)
{
    (void)state;
    load_spec("", RULES);
    provision("gone", 1, "", 0);
    make_plan("id\nanna\nbert\n");
    queue_close(site.planned[ACTION_PROVISION]);
    queue_close(site.planned[ACTION_DELETE]);
    works(feed(ACTION_PROVISION));
    works(feed(ACTION_DELETE));
    assert_int_equal(task_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static const struct CMUnitTest tests[] = {
    TEST(a_new_user_becomes_a_task_with_its_row_and_no_identity),
    TEST(a_changed_user_keeps_its_actions_in_order_and_its_identity),
    TEST(a_removed_user_becomes_a_task_from_the_ledger),
    TEST(each_feeder_takes_its_own_kind_and_together_they_take_all),
    TEST(users_left_out_by_a_canary_are_not_fed),
    TEST(the_row_of_a_task_has_no_error_columns),
    TEST(a_roster_that_changed_between_plan_and_run_is_refused),
    TEST(a_user_who_vanished_from_the_ledger_is_an_error),
    TEST(a_feeder_ends_without_an_error_when_the_run_stops),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
