#include "output/csv_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void writes(const struct csv_style *style, const char *field, const char *expected)
{
    struct buffer line;

    buffer_init(&line, 1024);
    csv_append_text(&line, style, true, field);
    assert_string_equal(line.data, expected);
    buffer_clear(&line);
}

static void a_field_is_quoted_only_where_needed(void **state)
{
    (void)state;
    writes(&csv_plain, "", "");
    writes(&csv_plain, "anna", "anna");
    writes(&csv_plain, " a;b ", " a;b ");
    writes(&csv_plain, "a,b", "\"a,b\"");
    writes(&csv_plain, "say \"hi\"", "\"say \"\"hi\"\"\"");
    writes(&csv_plain, "\"", "\"\"\"\"");
    writes(&csv_plain, "two\nlines", "\"two\nlines\"");
    writes(&csv_plain, "two\rlines", "\"two\rlines\"");
    writes(&csv_plain, "J\xC3\xB6rg", "J\xC3\xB6rg");
}

static void a_value_that_begins_with_a_byte_order_mark_is_quoted_so_that_it_stays_part_of_the_value(void **state)
{
    (void)state;
    writes(&csv_plain, "\xEF\xBB\xBFid", "\"\xEF\xBB\xBFid\"");
    writes(&csv_plain, "id\xEF\xBB\xBF", "id\xEF\xBB\xBF");
    writes(&csv_plain, "\xEF\xBB", "\xEF\xBB");
}

static void the_delimiter_decides_what_needs_quotes(void **state)
{
    static const struct csv_style semicolon = {.delimiter = ';'};

    (void)state;
    writes(&semicolon, "a;b", "\"a;b\"");
    writes(&semicolon, "a,b", "a,b");
}

static void fields_are_joined_and_lines_ended(void **state)
{
    static const struct csv_style tab = {.delimiter = '\t'};
    struct buffer line;

    (void)state;
    buffer_init(&line, 1024);
    csv_append_text(&line, &tab, true, "a");
    csv_append(&line, &tab, false, "bcd", 2);
    csv_append_text(&line, &tab, false, "");
    csv_end_line(&line);
    csv_append_text(&line, &tab, true, "d");
    assert_string_equal(line.data, "a\tbc\t\nd");
    buffer_clear(&line);
}

static void a_formula_is_disarmed_only_where_asked(void **state)
{
    static const struct csv_style escaping = {.delimiter = ',', .escape_formulas = true};
    static const char *const formulas[] = {"=1+1", "+1", "-1", "@SUM(A1)", "\tx"};
    char expected[16];

    (void)state;
    for (size_t i = 0; i < sizeof formulas / sizeof *formulas; i++) {
        writes(&csv_plain, formulas[i], formulas[i]);
        expected[0] = '\'';
        strcpy(expected + 1, formulas[i]);
        writes(&escaping, formulas[i], expected);
    }
    writes(&escaping, "\rx", "\"'\rx\"");
    writes(&escaping, "=a,b", "\"'=a,b\"");
    writes(&escaping, "a=1", "a=1");
    writes(&escaping, "", "");
}

static void what_was_disarmed_can_be_told_from_what_looks_like_it(void **state)
{
    static const struct csv_style escaping = {.delimiter = ',', .escape_formulas = true};
    static const char *const values[] = {"=1", "'=1", "''=1", "'", "''", "'a", "'a=1", "a", ""};
    struct buffer line;

    (void)state;
    buffer_init(&line, 1024);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        buffer_reset(&line);
        csv_append_text(&line, &escaping, true, values[i]);
        assert_string_equal(csv_unescape(line.data, true), values[i]);
        assert_ptr_equal(csv_unescape(line.data, false), line.data);
    }
    buffer_clear(&line);
    writes(&escaping, "'=1", "''=1");
    writes(&escaping, "'a", "'a");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_field_is_quoted_only_where_needed),
    cmocka_unit_test(a_value_that_begins_with_a_byte_order_mark_is_quoted_so_that_it_stays_part_of_the_value),
    cmocka_unit_test(the_delimiter_decides_what_needs_quotes),
    cmocka_unit_test(fields_are_joined_and_lines_ended),
    cmocka_unit_test(a_formula_is_disarmed_only_where_asked),
    cmocka_unit_test(what_was_disarmed_can_be_told_from_what_looks_like_it),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
