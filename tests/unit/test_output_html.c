#include "output/html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static struct buffer page;

static int begin(void **state)
{
    (void)state;
    buffer_init(&page, 4096);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buffer_clear(&page);
    return 0;
}

static void a_value_can_be_nothing_but_text(void **state)
{
    (void)state;
    html_add(&page, "<td title=\"{}\">{}</td>", "\" onload='x' & <b>", "<script>alert(1)</script>");
    assert_string_equal(page.data, "<td title=\"&quot; onload=&#39;x&#39; &amp; &lt;b&gt;\">"
                                   "&lt;script&gt;alert(1)&lt;/script&gt;</td>");
}

static void a_value_is_no_template(void **state)
{
    (void)state;
    html_add(&page, "<p>{} {}</p>", "{}", "%s {} {");
    assert_string_equal(page.data, "<p>{} %s {} {</p>");
}

static void control_characters_do_not_reach_the_page(void **state)
{
    (void)state;
    html_add(&page, "{}", "a\x1b[31m\x7f\tb\nc");
    assert_string_equal(page.data, "a\uFFFD[31m\uFFFD\tb\nc");
}

static void other_writing_is_left_as_it_is(void **state)
{
    (void)state;
    html_add(&page, "{}", "Ulla \u00d6zt\u00fcrk \u5165\u793e \U0001F600");
    assert_string_equal(page.data, "Ulla \u00d6zt\u00fcrk \u5165\u793e \U0001F600");
}

static void numbers_read_well(void **state)
{
    (void)state;
    assert_string_equal(html_count(0).text, "0");
    assert_string_equal(html_count(999).text, "999");
    assert_string_equal(html_count(1000).text, "1,000");
    assert_string_equal(html_count(1234567).text, "1,234,567");
    assert_string_equal(html_count(UINT64_MAX).text, "18,446,744,073,709,551,615");
    assert_string_equal(html_decimal(100, 0).text, "100");
    assert_string_equal(html_decimal(100, 2).text, "100");
    assert_string_equal(html_decimal(0.5, 2).text, "0.5");
    assert_string_equal(html_decimal(1.25, 2).text, "1.25");
    assert_string_equal(html_decimal(0, 1).text, "0");
    assert_string_equal(html_duration(83000).text, "1 min 23 s");
    assert_string_equal(html_time(INT64_C(1700000000123)).text, "2023-11-14 22:13:20 UTC");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static const struct CMUnitTest tests[] = {
    TEST(a_value_can_be_nothing_but_text), TEST(a_value_is_no_template), TEST(control_characters_do_not_reach_the_page),
    TEST(other_writing_is_left_as_it_is),  TEST(numbers_read_well),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
