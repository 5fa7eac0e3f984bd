#include "core/roff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct buffer page;

static int begin(void **state)
{
    (void)state;
    buffer_init(&page, 1024);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buffer_clear(&page);
    return 0;
}

static const char *text(void)
{
    buffer_append_char(&page, '\0');
    assert_false(buffer_failed(&page));
    return page.data;
}

static void what_a_manual_page_would_obey_is_text(void **state)
{
    (void)state;
    roff_append(&page, "a\\fB --since \\");
    assert_string_equal(text(), "a\\efB \\-\\-since \\e");
}

static void an_option_is_bold_and_its_argument_italic(void **state)
{
    (void)state;
    roff_append_option(&page, "--only", "KEY");
    roff_append_option(&page, "--yes", NULL);
    assert_string_equal(text(), ".TP\n\\fB\\-\\-only\\fR \\fIKEY\\fR\n"
                                ".TP\n\\fB\\-\\-yes\\fR\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_manual_page_would_obey_is_text),
        TEST(an_option_is_bold_and_its_argument_italic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
