#include "output/reporter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct reporter_options options;
static struct reporter *reporter;
static char *out_text;
static char *err_text;
static size_t out_size;
static size_t err_size;

static int begin(void **state)
{
    (void)state;
    options = (struct reporter_options){.width = 80};
    options.out = open_memstream(&out_text, &out_size);
    options.err = open_memstream(&err_text, &err_size);
    return options.out != NULL && options.err != NULL ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    reporter_free(reporter);
    fclose(options.out);
    fclose(options.err);
    free(out_text);
    free(err_text);
    return 0;
}

static void make(void)
{
    struct error error;

    reporter = reporter_new(&options, &error);
    assert_non_null(reporter);
}

static const char *printed(void)
{
    fflush(options.err);
    return err_text;
}

/* The one event that was written. */
static json_t *event(void)
{
    json_error_t why;

    fflush(options.out);
    assert_true(out_size > 0);
    assert_int_equal(out_text[out_size - 1], '\n');
    assert_ptr_equal(strchr(out_text, '\n'), out_text + out_size - 1);
    json_t *json = json_loads(out_text, JSON_REJECT_DUPLICATES, &why);
    assert_non_null(json);
    return json;
}

static void has_members(const json_t *json, const char *names)
{
    char copy[512];
    size_t count = 0;

    snprintf(copy, sizeof copy, "%s", names);
    for (char *name = strtok(copy, " "); name != NULL; name = strtok(NULL, " ")) {
        if (json_object_get(json, name) == NULL)
            fail_msg("there is no member %s", name);
        count++;
    }
    assert_int_equal(json_object_size(json), count);
}

static const struct progress halfway = {
    .elapsed_ms = 10000, .users = 1000, .done = 490, .failed = 10, .throttled = 3, .least_ms = 15000};

static const struct run_summary summary = {
    .run = 7,
    .state = "failed",
    .elapsed_ms = 83000,
    .users = 20,
    .done_users = 15,
    .done = {10, 5, 0, 2},
    .failed = 3,
    .lost = 1,
    .left = 2,
    .throttled = 4,
    .retried = 6,
    .in_doubt = 1,
    .requests = 40,
    .mapping = "out/mapping.csv",
    .failures = "out/failures.csv",
};

static void a_duration_reads_well_at_every_length(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } durations[] = {
        {0, "0.0 s"},
        {99, "0.0 s"},
        {1500, "1.5 s"},
        {9999, "9.9 s"},
        {10000, "10 s"},
        {59499, "59 s"},
        {59500, "1 min 00 s"},
        {690000, "11 min 30 s"},
        {3599499, "59 min 59 s"},
        {3599500, "1 h 00 min"},
        {3720000, "1 h 02 min"},
        {360000000, "100 h 00 min"},
    };
    char text[32];

    (void)state;
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        duration_text(durations[i].ms, text, sizeof text);
        assert_string_equal(text, durations[i].text);
    }
}

static void the_start_is_an_event_with_these_members(void **state)
{
    (void)state;
    options.json = true;
    make();
    reporter_started(reporter, 7, "demo", 20);
    json_t *json = event();
    has_members(json, "event run job users");
    assert_string_equal(json_string_value(json_object_get(json, "event")), "run_started");
    assert_int_equal(json_integer_value(json_object_get(json, "users")), 20);
    json_decref(json);
}

static void a_user_is_an_event_with_these_members_and_null_for_nothing(void **state)
{
    static const struct user_event user = {
        .event = "user_failed",
        .key = "anna\n\"\xE2\x82\xAC",
        .action = "issue",
        .identity = "",
        .code = "ValidationError",
        .message = NULL,
        .request_id = "5a3c0f00",
        .attempt = 2,
        .status = 400,
    };

    (void)state;
    options.json = true;
    make();
    assert_true(reporter_wants_users(reporter));
    reporter_user(reporter, &user);
    json_t *json = event();
    has_members(json, "event key action identity_id code message request_id attempt status");
    assert_string_equal(json_string_value(json_object_get(json, "key")), user.key);
    assert_true(json_is_null(json_object_get(json, "identity_id")));
    assert_true(json_is_null(json_object_get(json, "message")));
    assert_int_equal(json_integer_value(json_object_get(json, "status")), 400);
    json_decref(json);
}

static void the_end_is_an_event_with_these_members(void **state)
{
    (void)state;
    options.json = true;
    make();
    reporter_ended(reporter, &summary);
    json_t *json = event();
    has_members(json, "event run state users done failed lost left throttled retried in_doubt requests elapsed_ms "
                      "provision issue revoke delete");
    assert_string_equal(json_string_value(json_object_get(json, "state")), "failed");
    assert_int_equal(json_integer_value(json_object_get(json, "done")), 15);
    assert_int_equal(json_integer_value(json_object_get(json, "delete")), 2);
    assert_string_equal(printed(), "");
    json_decref(json);
}

static void progress_as_an_event_has_these_members(void **state)
{
    (void)state;
    options.json = true;
    make();
    reporter_progress(reporter, &halfway);
    json_t *json = event();
    has_members(json, "event users done failed throttled elapsed_ms");
    assert_int_equal(json_integer_value(json_object_get(json, "failed")), 10);
    json_decref(json);
}

static void without_json_nothing_goes_to_standard_output(void **state)
{
    static const struct user_event user = {.event = "user_done", .key = "anna", .action = "issue"};

    (void)state;
    make();
    assert_false(reporter_wants_users(reporter));
    reporter_started(reporter, 7, "demo", 20);
    reporter_user(reporter, &user);
    reporter_progress(reporter, &halfway);
    reporter_ended(reporter, &summary);
    fflush(options.out);
    assert_int_equal(out_size, 0);
}

static void progress_says_how_far_how_fast_and_how_long(void **state)
{
    (void)state;
    make();
    reporter_progress(reporter, &halfway);
    assert_string_equal(printed(), "490/1000 done, 10 failed, 50/s, 3 throttled, 10 s left\n");
}

static void the_time_left_is_never_less_than_the_quotas_ask_for(void **state)
{
    struct progress slow = halfway;

    (void)state;
    make();
    slow.least_ms = 690000;
    reporter_progress(reporter, &slow);
    assert_non_null(strstr(printed(), ", 11 min 20 s left"));
}

static void a_wait_does_not_make_the_time_left_grow(void **state)
{
    struct progress waiting = {
        .elapsed_ms = 1000, .users = 20, .done = 6, .waiting_ms = 27000, .waiting_for = "waiting for the quota"};

    (void)state;
    make();
    reporter_progress(reporter, &waiting);
    waiting.elapsed_ms = 23000;
    waiting.waiting_ms = 5000;
    reporter_progress(reporter, &waiting);
    assert_non_null(strstr(printed(), ", 27 s left"));
    assert_non_null(strstr(printed(), ", 5.0 s left"));
}

static void progress_says_why_nothing_moves(void **state)
{
    const struct progress waiting = {.elapsed_ms = 6000, .users = 10, .waiting_for = "waiting for the quota"};

    (void)state;
    make();
    reporter_progress(reporter, &waiting);
    assert_string_equal(printed(), "0/10 done, 0/s (waiting for the quota)\n");
}

static void a_plain_line_comes_after_one_second_and_then_every_five(void **state)
{
    struct progress progress = halfway;

    (void)state;
    make();
    for (progress.elapsed_ms = 0; progress.elapsed_ms <= 11000; progress.elapsed_ms += 200)
        reporter_progress(reporter, &progress);
    size_t lines = 0;
    for (const char *c = printed(); *c != '\0'; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 3);
}

static void on_a_terminal_the_line_is_cut_to_its_width_and_wiped_at_the_end(void **state)
{
    (void)state;
    options.terminal = true;
    options.width = 20;
    make();
    reporter_progress(reporter, &halfway);
    assert_string_equal(printed(), "\r\033[K490/1000 done, 10 f");
    const size_t before = err_size;
    reporter_ended(reporter, &summary);
    assert_memory_equal(printed() + before, "\r\033[Krun 7 failed: ", 18);
}

static void the_summary_says_what_was_done_and_what_was_not(void **state)
{
    (void)state;
    make();
    reporter_ended(reporter, &summary);
    assert_string_equal(printed(),
                        "run 7 failed: 10 provisioned, 5 issued, 2 deleted in 1 min 23 s\n"
                        "  3 failed: see out/failures.csv\n"
                        "  1 lost: the service does not know their identities any more\n"
                        "  2 left for the next run\n"
                        "  40 requests, 4 throttled, 6 repeated\n"
                        "  1 creates in doubt: there may be identities that nobody knows; `rollcall status` lists "
                        "them\n"
                        "  mapping   out/mapping.csv\n");
}

static void a_run_without_work_says_so(void **state)
{
    static const struct run_summary nothing = {.run = 1, .state = "done"};

    (void)state;
    make();
    reporter_ended(reporter, &nothing);
    assert_string_equal(printed(), "run 1 done: nothing done in 0.0 s\n");
}

static void quiet_says_nothing(void **state)
{
    (void)state;
    options.quiet = true;
    make();
    reporter_progress(reporter, &halfway);
    reporter_ended(reporter, &summary);
    assert_string_equal(printed(), "");
}

static void a_file_is_no_terminal(void **state)
{
    FILE *file = tmpfile();
    struct reporter_options look = {0};

    (void)state;
    reporter_look_at(file, &look);
    assert_false(look.terminal);
    assert_false(look.color);
    assert_int_equal(look.width, 80);
    fclose(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_duration_reads_well_at_every_length),
    TEST(the_start_is_an_event_with_these_members),
    TEST(a_user_is_an_event_with_these_members_and_null_for_nothing),
    TEST(the_end_is_an_event_with_these_members),
    TEST(progress_as_an_event_has_these_members),
    TEST(without_json_nothing_goes_to_standard_output),
    TEST(progress_says_how_far_how_fast_and_how_long),
    TEST(the_time_left_is_never_less_than_the_quotas_ask_for),
    TEST(a_wait_does_not_make_the_time_left_grow),
    TEST(progress_says_why_nothing_moves),
    TEST(a_plain_line_comes_after_one_second_and_then_every_five),
    TEST(on_a_terminal_the_line_is_cut_to_its_width_and_wiped_at_the_end),
    TEST(the_summary_says_what_was_done_and_what_was_not),
    TEST(a_run_without_work_says_so),
    TEST(quiet_says_nothing),
    cmocka_unit_test(a_file_is_no_terminal),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
