#include "output/reporter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

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
    .elapsed_ms = 10000, .users = 1000, .done = 490, .failed = 10, .throttled = 3, .quota_left_ms = 5000};

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
    has_members(json,
                "event run state users done failed lost left throttled retried in_doubt requests elapsed_ms reason "
                "provision issue revoke delete exchange undelivered sinks learnt");
    assert_string_equal(json_string_value(json_object_get(json, "state")), "failed");
    assert_int_equal(json_integer_value(json_object_get(json, "done")), 15);
    assert_int_equal(json_integer_value(json_object_get(json, "delete")), 2);
    assert_string_equal(printed(), "");
    json_decref(json);
}

static void the_end_as_an_event_says_what_was_learnt_of_the_quotas(void **state)
{
    struct resource_summary resources[2] = {{.name = "emea"}, {.name = "us"}};
    struct run_summary ended = summary;

    (void)state;
    resources[1].learnt[ACTION_ISSUE].limit = 480;
    resources[1].learnt[ACTION_ISSUE].count = 1000;
    resources[1].learnt[ACTION_ISSUE].window_ms = 30000;
    ended.resources = resources;
    ended.resource_count = 2;
    options.json = true;
    make();
    reporter_ended(reporter, &ended);
    json_t *json = event();
    char *learnt = json_dumps(json_object_get(json, "learnt"), JSON_COMPACT);
    assert_string_equal(
        learnt, "[{\"resource\":\"us\",\"action\":\"issue\",\"limit\":480,\"quota\":1000,\"window_ms\":30000}]");
    free(learnt);
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

static void the_event_of_the_end_is_kept_for_others_as_a_line(void **state)
{
    struct run_summary stopped = summary;
    struct buffer kept;

    (void)state;
    buffer_init(&kept, 64 * 1024);
    options.ended = &kept;
    options.quiet = true;
    make();
    stopped.reason = "the key is wrong";
    reporter_ended(reporter, &stopped);
    fflush(options.out);
    assert_int_equal(out_size, 0);
    reporter_free(reporter);
    options.json = true;
    options.ended = NULL;
    make();
    reporter_ended(reporter, &stopped);
    json_t *json = event();
    assert_string_equal(json_string_value(json_object_get(json, "reason")), "the key is wrong");
    json_decref(json);
    assert_string_equal(kept.data, out_text);
    buffer_clear(&kept);
}

static void what_cannot_be_kept_of_the_end_is_known(void **state)
{
    struct buffer kept;

    (void)state;
    buffer_init(&kept, 10);
    options.ended = &kept;
    options.quiet = true;
    make();
    reporter_ended(reporter, &summary);
    assert_true(buffer_failed(&kept));
    buffer_clear(&kept);
}

static void progress_is_a_plain_line_where_there_is_no_terminal(void **state)
{
    (void)state;
    options.color = true;
    make();
    reporter_progress(reporter, &halfway);
    assert_string_equal(printed(), "490/1000 done, 10 failed, 50/s, 3 throttled, 10 s left\n");
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

/* --- on a terminal --- */

static void on_a_terminal_the_line_is_written_over_and_wiped_at_the_end(void **state)
{
    (void)state;
    options.terminal = true;
    options.width = 30;
    make();
    reporter_progress(reporter, &halfway);
    assert_string_equal(printed(), "\r  50%  10 failed  10 s left\033[J\r");
    const size_t before = err_size;
    reporter_ended(reporter, &summary);
    assert_memory_equal(printed() + before, "\r\033[Jrun 7 failed: ", 18);
}

static unsigned writes;

static ssize_t count_write(void *cookie, const char *bytes, size_t size)
{
    (void)cookie, (void)bytes;
    writes++;
    return (ssize_t)size;
}

static void an_update_is_one_write(void **state)
{
    FILE *err = options.err;
    struct progress progress = halfway;

    (void)state;
    options.err = fopencookie(NULL, "w", (cookie_io_functions_t){.write = count_write});
    setvbuf(options.err, NULL, _IONBF, 0); /* as standard error is */
    options.terminal = options.color = options.lines = true;
    options.width = 300;
    make();
    writes = 0;
    for (unsigned updates = 1; updates <= 10; updates++) {
        progress.elapsed_ms += 200;
        reporter_progress(reporter, &progress);
        assert_int_equal(writes, updates);
    }
    fclose(options.err);
    options.err = err;
}

/* What arrived at the other end of a terminal. */
static void terminal_shows(int terminal, const char *expected)
{
    char text[1024];
    const ssize_t length = read(terminal, text, sizeof text - 1);

    assert_true(length > 0);
    text[length] = '\0';
    assert_string_equal(text, expected);
}

static void a_terminal_that_is_resized_gets_lines_of_its_new_width(void **state)
{
    struct winsize size = {.ws_row = 10, .ws_col = 45};
    struct termios raw;
    struct progress progress = halfway;
    FILE *err = options.err;
    int terminal;
    int end_of_it;

    (void)state;
    memset(&raw, 0, sizeof raw);
    assert_int_equal(openpty(&terminal, &end_of_it, NULL, &raw, &size), 0);
    options.err = fdopen(end_of_it, "w");
    options.terminal = true;
    make();
    reporter_progress(reporter, &progress);
    terminal_shows(terminal, "\r  50%  490/1000 done  10 failed  10 s left\033[J\r");
    size.ws_col = 12;
    assert_int_equal(ioctl(terminal, TIOCSWINSZ, &size), 0);
    progress.elapsed_ms += 200;
    reporter_progress(reporter, &progress);
    terminal_shows(terminal, "\r  50%  50/s\033[J\r");
    fclose(options.err);
    close(terminal);
    options.err = err;
}

static void nothing_is_drawn_between_two_updates(void **state)
{
    struct progress progress = halfway;

    (void)state;
    options.terminal = true;
    make();
    reporter_progress(reporter, &progress);
    const size_t before = strlen(printed());
    progress.elapsed_ms += 199;
    reporter_progress(reporter, &progress);
    assert_int_equal(strlen(printed()), before);
}

static void the_summary_says_what_was_done_and_what_was_not(void **state)
{
    (void)state;
    make();
    reporter_ended(reporter, &summary);
    assert_string_equal(
        printed(), "run 7 failed: 10 provisioned, 5 issued, 2 deleted in 1 min 23 s\n"
                   "  3 failed: see out/failures.csv\n"
                   "  1 lost: the service no longer knows the identity; `lost: provision` in rules makes a new one\n"
                   "  2 left for the next run\n"
                   "  40 requests, 4 throttled, 6 repeated\n"
                   "  1 create in doubt: maybe identities that nobody knows; see `rollcall status`\n"
                   "  mapping   out/mapping.csv\n");
}

static void each_of_several_resources_has_its_line(void **state)
{
    struct resource_summary resources[] = {
        {.name = "emea", .done = {[ACTION_PROVISION] = 7}, .failed = 3, .stopped = ""},
        {.name = "us", .stopped = "us.example answered 401"},
    };
    struct run_summary of_two = summary;

    (void)state;
    of_two.resources = resources;
    of_two.resource_count = 2;
    make();
    reporter_ended(reporter, &of_two);
    assert_non_null(strstr(printed(), "  emea      7 provisioned, 3 failed\n"));
    assert_non_null(strstr(printed(), "  us        nothing done; stopped: us.example answered 401\n"));
}

static void a_run_without_work_says_so(void **state)
{
    static const struct run_summary nothing = {.run = 1, .state = "done"};

    (void)state;
    make();
    reporter_ended(reporter, &nothing);
    assert_string_equal(printed(), "run 1 done: nothing to do in 0.0 s\n");
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

/* Does a terminal of this kind get a line that is rewritten, and in colour? */
static struct reporter_options look_at_terminal(const char *term, const char *no_color)
{
    struct reporter_options look = {0};
    int terminal;
    int end_of_it;

    setenv("TERM", term, 1);
    setenv("NO_COLOR", no_color, 1);
    assert_int_equal(openpty(&terminal, &end_of_it, NULL, NULL, NULL), 0);
    FILE *stream = fdopen(end_of_it, "w");
    reporter_look_at(stream, &look);
    fclose(stream);
    close(terminal);
    return look;
}

static void a_terminal_may_forbid_colour_or_rewriting(void **state)
{
    (void)state;
    assert_true(look_at_terminal("xterm", "").terminal);
    assert_true(look_at_terminal("xterm", "").color);
    assert_true(look_at_terminal("xterm", "1").terminal);
    assert_false(look_at_terminal("xterm", "1").color);
    assert_false(look_at_terminal("dumb", "").terminal);
    assert_false(look_at_terminal("dumb", "").color);
}

static void line_drawing_takes_a_locale_of_utf_8(void **state)
{
    (void)state;
    setenv("LC_ALL", "C.UTF-8", 1);
    assert_true(look_at_terminal("xterm", "").lines);
    setenv("LC_ALL", "C", 1);
    assert_false(look_at_terminal("xterm", "").lines);
    setenv("LC_ALL", "no_such_locale", 1);
    assert_false(look_at_terminal("xterm", "").lines);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static const struct CMUnitTest tests[] = {
    TEST(the_start_is_an_event_with_these_members),
    TEST(a_user_is_an_event_with_these_members_and_null_for_nothing),
    TEST(the_end_is_an_event_with_these_members),
    TEST(the_end_as_an_event_says_what_was_learnt_of_the_quotas),
    TEST(progress_as_an_event_has_these_members),
    TEST(without_json_nothing_goes_to_standard_output),
    TEST(the_event_of_the_end_is_kept_for_others_as_a_line),
    TEST(what_cannot_be_kept_of_the_end_is_known),
    TEST(progress_is_a_plain_line_where_there_is_no_terminal),
    TEST(a_plain_line_comes_after_one_second_and_then_every_five),
    TEST(on_a_terminal_the_line_is_written_over_and_wiped_at_the_end),
    TEST(an_update_is_one_write),
    TEST(a_terminal_that_is_resized_gets_lines_of_its_new_width),
    TEST(nothing_is_drawn_between_two_updates),
    TEST(the_summary_says_what_was_done_and_what_was_not),
    TEST(each_of_several_resources_has_its_line),
    TEST(a_run_without_work_says_so),
    TEST(quiet_says_nothing),
    cmocka_unit_test(a_file_is_no_terminal),
    cmocka_unit_test(a_terminal_may_forbid_colour_or_rewriting),
    cmocka_unit_test(line_drawing_takes_a_locale_of_utf_8),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
