/* A plan file against what it was made from; cli/lifecycle_plan_files has what a user sees of it. */
#include "planning.h"

#include "run/plan_file.h"

#define PLAN "the.plan"

static struct plan_file *file;

static void write_plan(void)
{
    load_spec("", "rules:\n  added: provision\n");
    make_plan("id\nanna\n");
    works(plan_file_write(PLAN, plan, ledger, &error));
}

static void a_plan_that_comes_out_as_it_did_is_the_one(void **state)
{
    (void)state;
    write_plan();
    file = plan_file_read(PLAN, spec, &plan_options, &error);
    works(file != NULL);
    make_plan(NULL);
    works(plan_file_check(file, plan, ledger, &error));
    plan_file_free(file);
}

/* Its reasons may be equal and the outcome another: in another version of rollcall, or when somebody wrote to the file.
 */
static void a_plan_that_comes_out_otherwise_is_refused(void **state)
{
    (void)state;
    write_plan();
    char text[4096];
    snprintf(text, sizeof text, "%s", read_file(PLAN));
    char *users = strstr(text, "\"users\": 1");
    assert_non_null(users);
    users[strlen("\"users\": ")] = '2';
    write_file(PLAN, text);
    file = plan_file_read(PLAN, spec, &plan_options, &error);
    works(file != NULL);
    make_plan(NULL);
    assert_false(plan_file_check(file, plan, ledger, &error));
    assert_int_equal(error.code, ERROR_INPUT);
    says("the plan does not come out as it did");
    plan_file_free(file);
}

static void without_its_job_spec_a_plan_is_neither_written_nor_read(void **state)
{
    (void)state;
    write_plan();
    assert_int_equal(unlink("job.yaml"), 0);
    assert_null(plan_file_read(PLAN, spec, &plan_options, &error));
    says("cannot read job.yaml: No such file or directory");
    error = (struct error){0};
    assert_false(plan_file_write("another.plan", plan, ledger, &error));
    says("cannot read job.yaml: No such file or directory");
    assert_false(is_there("another.plan"));
}

static void a_plan_of_a_time_to_come_is_refused(void **state)
{
    (void)state;
    write_plan();
    plan_options.now_s = NOW_S - 15 * 60;
    file = plan_file_read(PLAN, spec, &plan_options, &error);
    works(file != NULL);
    plan_file_free(file);
    plan_options.now_s = NOW_S - 15 * 60 - 1;
    assert_null(plan_file_read(PLAN, spec, &plan_options, &error));
    assert_int_equal(error.code, ERROR_INPUT);
    says("the.plan was made at");
    hints("set the clock");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        plan_test(a_plan_that_comes_out_as_it_did_is_the_one),
        plan_test(a_plan_that_comes_out_otherwise_is_refused),
        plan_test(a_plan_of_a_time_to_come_is_refused),
        plan_test(without_its_job_spec_a_plan_is_neither_written_nor_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
