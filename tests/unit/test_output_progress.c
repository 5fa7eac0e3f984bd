#include "output/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static struct pace pace;
static struct buffer line;
static struct progress_style style;

static int begin(void **state)
{
    (void)state;
    pace = (struct pace){0};
    style = (struct progress_style){.label = "contoso-staff", .utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL)};
    buffer_init(&line, 64 * 1024);
    return style.utf8 != NULL ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    freelocale(style.utf8);
    buffer_clear(&line);
    return 0;
}

static const char *draw(const struct progress *progress)
{
    buffer_reset(&line);
    progress_line(&line, &pace, progress, &style);
    assert_false(buffer_failed(&line));
    return line.data;
}

static const char *look(const struct progress *progress)
{
    pace_note(&pace, progress);
    return draw(progress);
}

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

/* --- the time left --- */

static int64_t left_after(const struct progress *progress)
{
    pace_note(&pace, progress);
    return pace_left_ms(&pace, progress);
}

static void before_anybody_has_ended_only_the_quota_can_tell(void **state)
{
    struct progress progress = {.elapsed_ms = 100, .users = 10000};

    (void)state;
    assert_int_equal(left_after(&progress), -1);
    progress.quota_left_ms = 270000;
    assert_int_equal(left_after(&progress), 270000);
}

/* 1,000 of 10,000 users in the first second: at that speed nine more would do, but the quota asks for 270. */
static void a_first_burst_does_not_promise_what_the_quota_forbids(void **state)
{
    const struct progress progress = {.elapsed_ms = 1000, .users = 10000, .done = 1000, .quota_left_ms = 269000};

    (void)state;
    assert_int_equal(left_after(&progress), 269000);
}

/* 9,500 of 10,000 in 271 seconds, 261 of which were waits; the last 500 may leave at once. */
static void the_last_burst_is_not_judged_by_the_waits_before_it(void **state)
{
    struct progress progress = {.elapsed_ms = 10000, .users = 10000, .done = 9000};

    (void)state;
    left_after(&progress);
    progress.elapsed_ms = 271000;
    progress.waiting_for = "waiting for the quota";
    left_after(&progress);
    progress.waiting_for = NULL;
    progress.done = 9500;
    assert_int_equal(left_after(&progress), 500 * 10000 / 9500);
}

static void a_service_slower_than_the_quota_decides(void **state)
{
    const struct progress progress = {.elapsed_ms = 10000, .users = 1000, .done = 100, .quota_left_ms = 1000};

    (void)state;
    assert_int_equal(left_after(&progress), 90000);
}

static void a_wait_does_not_make_the_time_left_grow(void **state)
{
    struct progress progress = {
        .elapsed_ms = 1000, .users = 20, .done = 6, .waiting_ms = 27000, .waiting_for = "waiting for the quota"};

    (void)state;
    assert_int_equal(left_after(&progress), 27000);
    progress.elapsed_ms = 23000;
    progress.waiting_ms = 5000;
    assert_int_equal(left_after(&progress), 5000);
}

static void when_all_have_ended_no_time_is_left(void **state)
{
    const struct progress progress = {.elapsed_ms = 1000, .users = 20, .done = 15, .failed = 5, .quota_left_ms = 9000};

    (void)state;
    assert_int_equal(left_after(&progress), 0);
}

static void the_rate_follows_what_happens_now(void **state)
{
    struct progress progress = {.elapsed_ms = 1000, .users = 10000, .done = 1000};

    (void)state;
    pace_note(&pace, &progress);
    assert_true(pace.rate > 999 && pace.rate < 1001);
    for (unsigned i = 0; i < 20; i++) {
        progress.elapsed_ms += 500;
        progress.done += 50;
        pace_note(&pace, &progress);
    }
    assert_true(pace.rate > 99 && pace.rate < 102);
}

/* --- the line --- */

static const struct progress busy = {.elapsed_ms = 10000,
                                     .users = 1000,
                                     .done = 490,
                                     .failed = 10,
                                     .throttled = 3,
                                     .in_doubt = 1,
                                     .quota_left_ms = 15000,
                                     .quota_used_percent = 98,
                                     .waiting_for = "waiting for the quota"};

static void without_a_terminal_the_line_has_everything_and_no_bar(void **state)
{
    (void)state;
    assert_string_equal(look(&busy), "490/1000 done, 10 failed, 1 in doubt, 50/s, 98% of the quota, 3 throttled, 15 s "
                                     "left, waiting for the quota");
}

static void a_run_that_is_to_stop_has_no_time_left(void **state)
{
    struct progress stopping = busy;

    (void)state;
    stopping.waiting_for = "stopping";
    stopping.stopping = true;
    assert_string_equal(look(&stopping),
                        "490/1000 done, 10 failed, 1 in doubt, 50/s, 98% of the quota, 3 throttled, stopping");
}

static void what_is_nothing_is_not_said(void **state)
{
    const struct progress fresh = {.elapsed_ms = 200, .users = 10};

    (void)state;
    assert_string_equal(look(&fresh), "0/10 done");
}

static void a_narrow_terminal_gets_what_matters_most(void **state)
{
    static const struct {
        int width;
        const char *text;
    } lines[] = {
        {5, ""},
        {6, "  50%"},
        {10, "  50%"},
        {20, "  50%  10 failed"},
        {40, " #####-----   50%  10 failed  15 s left"},
        {45, "  50%  490/1000 done  10 failed  15 s left"},
        {80, " ######------   50%  490/1000 done  10 failed  15 s left  waiting for the quota"},
    };

    (void)state;
    pace_note(&pace, &busy);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        style.width = lines[i].width;
        assert_string_equal(draw(&busy), lines[i].text);
    }
}

static void a_wide_terminal_gets_all_of_it(void **state)
{
    (void)state;
    style.width = 150;
    assert_string_equal(look(&busy), " contoso-staff  #########---------   50%  490/1000 done  10 failed  1 in doubt"
                                     "  50/s  98% of the quota  3 throttled  15 s left  waiting for the quota");
}

/* Columns of a line without its colours; fails on anything else that moves the cursor. */
static int columns(const char *text)
{
    const locale_t before = uselocale(style.utf8);
    wchar_t wide[4096];
    int sum = 0;

    assert_true(mbstowcs(wide, text, 4096) != (size_t)-1);
    for (const wchar_t *c = wide; *c != L'\0'; c++) {
        if (*c == L'\033') {
            while (*c != L'm')
                c++;
            continue;
        }
        assert_true(*c >= L' ');
        sum += wcwidth(*c);
    }
    uselocale(before);
    return sum;
}

/* Every state a run may be in, with every width: the line keeps within it and uses the room that it has. */
static void at_every_width_the_line_fits(void **state)
{
    static const struct progress states[] = {
        {.elapsed_ms = 0},
        {.elapsed_ms = 200, .users = 1},
        {.elapsed_ms = 900, .users = 3, .failed = 3},
        {.elapsed_ms = 10000,
         .users = 1000,
         .done = 490,
         .failed = 10,
         .throttled = 3,
         .quota_left_ms = 15000,
         .quota_used_percent = 98,
         .waiting_for = "waiting for the quota"},
        {.elapsed_ms = 360000000,
         .users = 100000000,
         .done = 99999990,
         .failed = 9,
         .throttled = 123456,
         .in_doubt = 77,
         .quota_left_ms = 360000000,
         .quota_used_percent = 100,
         .waiting_for = "the service fails; trying again"},
    };
    static const char *const labels[] = {"", "contoso-staff", "\u5165\u793e\u624b\u7d9a\u304d", "cafe\u0301",
                                         "\xff\xfe"};

    (void)state;
    style.lines = true;
    for (size_t s = 0; s < sizeof states / sizeof *states; s++) {
        for (size_t l = 0; l < sizeof labels / sizeof *labels; l++) {
            pace = (struct pace){0};
            pace_note(&pace, &states[s]);
            style.label = labels[l];
            int before = 0;
            for (style.width = 1; style.width <= 300; style.width++) {
                style.color = style.width % 2 == 0;
                const char *text = draw(&states[s]);
                const int wide = labels[l][0] == '\xff' ? style.width - 1 : columns(text);
                assert_true(wide <= style.width - 1 || wide == 0);
                assert_true(wide > 0 || style.width < 6);
                assert_true(wide >= before - 40);
                before = wide;
            }
        }
    }
}

static void wide_characters_take_two_columns(void **state)
{
    const struct progress progress = {.elapsed_ms = 1000, .users = 10, .done = 5};

    (void)state;
    pace_note(&pace, &progress);
    style.label = "\u5165\u793e"; /* four columns, six bytes */
    /* The first column is the cursor's and the last one stays empty; five gaps between bar, label and the others. */
    style.width = 1 + 4 + 10 + 4 + 9 + 3 + 10 + 5 * 2 + 1;
    assert_int_equal(columns(draw(&progress)), style.width - 1);
    assert_non_null(strstr(line.data, style.label));
    style.width--;
    assert_null(strstr(draw(&progress), style.label));
}

/* The bar of 1,000 users, as numbers of full and empty cells. */
static void bar_of(uint64_t done, uint64_t failed, size_t *full, size_t *empty)
{
    const struct progress progress = {.elapsed_ms = 1000, .users = 1000, .done = done, .failed = failed};

    pace = (struct pace){0};
    const char *text = look(&progress);
    assert_int_equal(text[0], ' ');
    *full = strspn(text + 1, "#");
    *empty = strspn(text + 1 + *full, "-");
}

static void the_bar_is_as_full_as_users_have_ended(void **state)
{
    static const uint64_t users[] = {0, 1, 100, 333, 500, 999, 1000};
    size_t full;
    size_t empty;

    (void)state;
    style.width = 60;
    style.label = "";
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        bar_of(users[i], 0, &full, &empty);
        assert_true(full + empty >= 10);
        assert_int_equal(full, users[i] * (full + empty) / 1000);
        bar_of(0, users[i], &full, &empty);
        assert_int_equal(full, users[i] * (full + empty) / 1000);
    }
}

static void one_failure_among_thousands_shows_in_the_bar(void **state)
{
    const struct progress progress = {.elapsed_ms = 1000, .users = 100000, .done = 50000, .failed = 1};

    (void)state;
    style.width = 100;
    style.color = style.lines = true;
    assert_non_null(strstr(look(&progress), "\033[31m\u2501\033[0m\u2500"));
}

static void without_colour_there_is_no_escape_sequence(void **state)
{
    (void)state;
    style.width = 200;
    style.lines = true;
    assert_null(strchr(look(&busy), '\033'));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_duration_reads_well_at_every_length),
    TEST(before_anybody_has_ended_only_the_quota_can_tell),
    TEST(a_first_burst_does_not_promise_what_the_quota_forbids),
    TEST(the_last_burst_is_not_judged_by_the_waits_before_it),
    TEST(a_service_slower_than_the_quota_decides),
    TEST(a_wait_does_not_make_the_time_left_grow),
    TEST(when_all_have_ended_no_time_is_left),
    TEST(the_rate_follows_what_happens_now),
    TEST(without_a_terminal_the_line_has_everything_and_no_bar),
    TEST(a_run_that_is_to_stop_has_no_time_left),
    TEST(what_is_nothing_is_not_said),
    TEST(a_narrow_terminal_gets_what_matters_most),
    TEST(a_wide_terminal_gets_all_of_it),
    TEST(at_every_width_the_line_fits),
    TEST(wide_characters_take_two_columns),
    TEST(the_bar_is_as_full_as_users_have_ended),
    TEST(one_failure_among_thousands_shows_in_the_bar),
    TEST(without_colour_there_is_no_escape_sequence),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
