#include "roster_reading.h"

#include "roster/roster_watch.h"

#include <xxhash.h>

static void expect_state(const char *watch, const char *name, const char *expected)
{
    const char *found = NULL;
    size_t length = 0;

    assert_true(roster_watch_find(watch, name, &found, &length));
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(found, expected, length);
}

static const char *hash_of(const char *value)
{
    static char text[17];

    snprintf(text, sizeof text, "%016" PRIx64, (uint64_t)XXH3_64bits(value, strlen(value)));
    return text;
}

/* ---- The watch text --------------------------------------------------------------------------------------------- */

static void a_watched_value_is_kept_as_its_hash(void **state)
{
    (void)state;
    const char *const watch[] = {"changed_at"};
    char expected[128];

    reading.options.watch = watch;
    reading.options.watch_count = 1;
    read_text("id,changed_at\nanna,2026-11-22\n");
    snprintf(expected, sizeof expected, "0 2 anna:anna|2026-11-22 changed_at=%s\n", hash_of("2026-11-22"));
    expect_rows(expected);
}

/* The ledger keeps these texts from run to run: another hash would make every user `changed`. */
static void the_hash_is_the_same_in_every_version(void **state)
{
    (void)state;
    const char *const watch[] = {"v"};

    reading.options.watch = watch;
    reading.options.watch_count = 1;
    read_text("id,v\nanna,rollcall\n");
    expect_rows("0 2 anna:anna|rollcall v=41606aadb804b00f\n");
}

static void a_blank_value_is_a_state_of_its_own(void **state)
{
    (void)state;
    const char *const watch[] = {"a", "b"};

    reading.options.watch = watch;
    reading.options.watch_count = 2;
    read_text("id,b,a\nanna,,\"\"\n");
    expect_rows("0 2 anna:anna|| a=blank;b=blank\n");
}

static void a_missing_column_is_a_state_of_its_own_where_it_may_be_missing(void **state)
{
    (void)state;
    const char *const watch[] = {"a", "gone"};

    reading.options.watch = watch;
    reading.options.watch_count = 2;
    reading.options.watch_may_be_missing = true;
    read_text("id,a\nanna,\n");
    expect_rows("0 2 anna:anna| a=blank;gone=missing\n");
}

static void separators_in_names_are_escaped(void **state)
{
    (void)state;
    const char *const watch[] = {"a;b=c%d", "%3B"};

    reading.options.watch = watch;
    reading.options.watch_count = 2;
    read_text("id,a;b=c%d,%3B\nanna,,\n");
    expect_rows("0 2 anna:anna|| a%3Bb%3Dc%25d=blank;%253B=blank\n");
}

/* ---- roster_watch_find() ---------------------------------------------------------------------------------------- */

static void a_state_is_found_by_its_name(void **state)
{
    (void)state;
    expect_state("a=blank", "a", "blank");
    expect_state("a=blank;bc=0123456789abcdef;d=missing", "bc", "0123456789abcdef");
    expect_state("a=blank;bc=0123456789abcdef;d=missing", "d", "missing");
}

static void an_escaped_name_is_found_by_the_plain_one(void **state)
{
    (void)state;
    expect_state("x=blank;a%3Bb%3Dc%25d=missing;%253B=blank", "a;b=c%d", "missing");
    expect_state("x=blank;a%3Bb%3Dc%25d=missing;%253B=blank", "%3B", "blank");
}

static void a_name_that_is_not_there_is_not_found(void **state)
{
    (void)state;
    const char *found = NULL;
    size_t length = 0;

    assert_false(roster_watch_find("", "a", &found, &length));
    assert_false(roster_watch_find("ab=blank;c=blank", "a", &found, &length));
    assert_false(roster_watch_find("a=blank", "ab", &found, &length));
    assert_false(roster_watch_find("a=blank", "blank", &found, &length));
    assert_false(roster_watch_find("a=blank", "", &found, &length));
}

static void a_damaged_watch_text_does_no_harm(void **state)
{
    (void)state;
    const char *found = NULL;
    size_t length = 0;

    assert_false(roster_watch_find(";;a;%=b;%2", "a", &found, &length));
    assert_true(roster_watch_find("%=b", "%", &found, &length));
    assert_int_equal(length, 1);
}

/* ---- roster_watch_select() and roster_watch_merge() -------------------------------------------------------------- */

static void expect_selected(const char *watch, const char *const *names, size_t count, const char *expected)
{
    struct buffer text;

    buffer_init(&text, 1024);
    assert_int_equal(roster_watch_select(watch, names, count, &text), expected != NULL);
    if (expected != NULL)
        assert_string_equal(text.data, expected);
    buffer_clear(&text);
}

static void the_columns_of_a_spec_are_selected_in_its_order(void **state)
{
    (void)state;
    const char *const names[] = {"c;", "a"};

    expect_selected("a=1;b=2;c%3B=3", names, 2, "c%3B=3;a=1");
    expect_selected("a=1;b=2;c%3B=3", names, 0, "");
    expect_selected("", names, 0, "");
    expect_selected("a=1;b=2", names, 2, NULL);
}

static void expect_merged(const char *now, const char *applied, const char *expected)
{
    struct buffer text;

    buffer_init(&text, 1024);
    roster_watch_merge(now, applied, &text);
    assert_string_equal(text.data, expected);
    buffer_clear(&text);
}

static void the_columns_of_other_jobs_are_kept(void **state)
{
    (void)state;
    expect_merged("a=1;b=2", "a=0;b=0", "a=1;b=2");
    expect_merged("b=2", "a=0;b=0;c=0", "b=2;a=0;c=0");
    expect_merged("", "a=0;b=0", "a=0;b=0");
    expect_merged("a=1", "", "a=1");
    expect_merged("", "", "");
    expect_merged("ab=1", "a=0;b=0", "ab=1;a=0;b=0");
}

/* ---- Filters ---------------------------------------------------------------------------------------------------- */

static void a_row_is_selected_when_every_filter_lets_it_through(void **state)
{
    (void)state;
    const char *const teams[] = {"red", "blue", ""};
    const char *const yes[] = {"yes"};
    const struct roster_filter filters[] = {
        {.column = "team", .values = teams, .value_count = 3},
        {.column = "active", .values = yes, .value_count = 1},
    };

    reading.options.filters = filters;
    reading.options.filter_count = 2;
    read_text("id,team,active\na,red,yes\nb,green,yes\nc,blue,no\nd,,yes\ne,redder,yes\nf,Red,yes\ng,blue,yes\n");
    expect_rows("0 2 a:a|red|yes\n1 3 b:b|green|yes (not selected)\n2 4 c:c|blue|no (not selected)\n3 5 d:d||yes\n"
                "4 6 e:e|redder|yes (not selected)\n5 7 f:f|Red|yes (not selected)\n6 8 g:g|blue|yes\n");
    assert_int_equal(reading.summary.rows, 7);
    assert_int_equal(reading.summary.selected, 3);
}

static void a_row_that_is_not_selected_must_still_be_sound(void **state)
{
    (void)state;
    const char *const yes[] = {"yes"};
    const struct roster_filter filter = {.column = "active", .values = yes, .value_count = 1};

    reading.options.filters = &filter;
    reading.options.filter_count = 1;
    read_text("id,active\n,no\nb\n");
    assert_int_equal(reading.problems.total, 2);
    expect_problem(0, 2, 0, "the key (column \"id\") is empty");
    expect_problem(1, 3, 0, "1 field where the header has 2");
}

/* All names stand in memory before the first row: a spec that was made by a program may name very many. */
static void names_that_take_more_than_a_mebibyte_are_refused(void **state)
{
    (void)state;
    static char name[32 * 1024];
    const char *names[33];
    struct watch watch;

    memset(name, 'n', sizeof name - 1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        names[i] = name;
    assert_true(watch_init(&watch, names, 31, &reading.error));
    watch_clear(&watch);
    assert_false(watch_init(&watch, names, 33, &reading.error));
    assert_non_null(strstr(reading.error.message, "the list of watched columns is larger than 1048576 bytes"));
    watch_clear(&watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        reading_test(a_watched_value_is_kept_as_its_hash),
        reading_test(the_hash_is_the_same_in_every_version),
        reading_test(a_blank_value_is_a_state_of_its_own),
        reading_test(a_missing_column_is_a_state_of_its_own_where_it_may_be_missing),
        reading_test(separators_in_names_are_escaped),
        reading_test(a_state_is_found_by_its_name),
        reading_test(an_escaped_name_is_found_by_the_plain_one),
        reading_test(a_name_that_is_not_there_is_not_found),
        reading_test(a_damaged_watch_text_does_no_harm),
        reading_test(names_that_take_more_than_a_mebibyte_are_refused),
        reading_test(the_columns_of_a_spec_are_selected_in_its_order),
        reading_test(the_columns_of_other_jobs_are_kept),
        reading_test(a_row_is_selected_when_every_filter_lets_it_through),
        reading_test(a_row_that_is_not_selected_must_still_be_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
