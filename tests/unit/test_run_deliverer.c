/* The deliverer: tokens to a sink that may take long, on a thread of its own. */
#include "ledger_writing.h"

#include "run/engine.h"

enum { TASKS = 40, BATCH = 8, IN_TIME_MS = 20000 };

static char program[] = "./store";
static char *words[] = {program};
static struct spec_sink sink;
static struct spec spec;
static struct sinks *sinks;
static struct deliverer *deliverer;

/* A deliverer to a program that is this shell script. */
static void deliver_to(const char *script)
{
    char text[256];

    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", script);
    write_file(program, text);
    assert_int_equal(chmod(program, 0700), 0);
    sinks = sinks_open(&spec, ledger, &clock_system, &error);
    works(sinks != NULL);
    works(sinks_connect(sinks, &error));
    deliverer = deliverer_new(sinks, TASKS, &error);
    works(deliverer != NULL);
}

static int begin(void **state)
{
    static char key[] = "user_id";
    static char directory[] = ".";

    sink = (struct spec_sink){.kind = SINK_COMMAND,
                              .name = program,
                              .command = {words, 1},
                              .time_limit_ms = IN_TIME_MS,
                              .batch = BATCH,
                              .required = true};
    spec = (struct spec){.roster.key = key, .directory = directory, .outputs = {.sinks = &sink, .sink_count = 1}};
    return ledger_begin_test(state);
}

static int end(void **state)
{
    deliverer_free(deliverer);
    sinks_close(sinks);
    return ledger_end_test(state);
}

/* Tasks with a token for each of `count` users. */
static void push_tasks(unsigned count)
{
    static const struct action_list actions = {.items = {ACTION_PROVISION}, .count = 1};
    char text[32];

    for (unsigned i = 0; i < count; i++) {
        const int length = snprintf(text, sizeof text, "user%u", i);
        struct task *task = task_new(CATEGORY_ADDED, &actions, text, (size_t)length, "", 0, "", 0);
        assert_non_null(task);
        snprintf(task->identity, sizeof task->identity, "%s", identity_id(i));
        snprintf(text, sizeof text, "token-%u", i);
        works(secret_set(&task->answer.token, text, strlen(text), &error));
        deliverer_push(deliverer, task);
    }
}

/* Takes one that came back: whether its token was delivered. */
static bool take_back(void)
{
    void *item;

    assert_int_equal(queue_pop(deliverer_delivered(deliverer), &item, 1, IN_TIME_MS), 1);
    struct task *task = item;
    const bool delivered = task->delivered;
    assert_int_equal(task->phase, PHASE_DELIVERED);
    assert_false(secret_is_set(&task->answer.token));
    assert_string_equal(task->answer.code, delivered ? "" : "not_delivered");
    assert_string_equal(task->answer.message, delivered ? "" : "./store ended with status 3: no place for user13");
    task_free(task);
    return delivered;
}

static void every_task_comes_back_with_what_became_of_its_token(void **state)
{
    unsigned delivered = 0;

    (void)state;
    deliver_to("cat >batch; grep -q token-13 batch || exec cat batch >>stored; echo no place for user13 >&2; exit 3");
    push_tasks(TASKS);
    deliverer_end(deliverer);
    for (unsigned i = 0; i < TASKS; i++)
        delivered += take_back();
    void *none;
    assert_int_equal(queue_pop(deliverer_delivered(deliverer), &none, 1, IN_TIME_MS), 0);
    assert_true(queue_is_finished(deliverer_delivered(deliverer)));
    /* The batch that is refused is one of at most eight. */
    assert_in_range(TASKS - delivered, 1, BATCH);
    assert_int_equal(sinks_report(sinks, 0).delivered, delivered);
    unsigned stored = 0;
    for (const char *text = read_file("stored"); *text != '\0'; text++)
        stored += *text == '\n';
    assert_int_equal(stored, delivered);
}

static void one_that_is_let_go_of_does_not_wait_for_a_sink_that_is_away(void **state)
{
    (void)state;
    deliver_to("echo >>asked; exit 75");
    push_tasks(TASKS);
    while (access("asked", F_OK) != 0)
        usleep(1000);
    const int64_t before_us = clock_monotonic_us(&clock_system);
    deliverer_free(deliverer);
    deliverer = NULL;
    /* Three tries take three seconds and more. */
    assert_true(clock_monotonic_us(&clock_system) - before_us < INT64_C(2500) * 1000);
    assert_true(strlen(read_file("asked")) < 3);
    assert_int_equal(sinks_report(sinks, 0).missed, TASKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_task_comes_back_with_what_became_of_its_token, begin, end),
        cmocka_unit_test_setup_teardown(one_that_is_let_go_of_does_not_wait_for_a_sink_that_is_away, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
