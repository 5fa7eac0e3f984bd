#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static const char *printed(const char *text)
{
    static char line[64];

    text_print(text, line, sizeof line);
    return line;
}

static void a_text_is_one_printable_line(void **state)
{
    (void)state;
    assert_string_equal(printed("plain"), "plain");
    assert_string_equal(printed("two\nlines\ttab\x1b[2J"), "two lines tab [2J");
    assert_string_equal(printed("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
                        "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    assert_string_equal(printed("c1 \xc2\x85, sep \xe2\x80\xa8, bidi \xe2\x81\xa6."), "c1  , sep  , bidi  .");
}

static void bytes_that_are_no_text_become_question_marks(void **state)
{
    (void)state;
    assert_string_equal(printed("a\x80\xff"
                                "b"),
                        "a??b");
    assert_string_equal(printed("cut \xe2\x82"), "cut ??");
    assert_string_equal(printed("cut \xf0\x9f\x98"), "cut ???");
    assert_string_equal(printed("over \xc0\xaf"), "over ??");
    assert_string_equal(printed("\xc2"), "?");
}

static void what_may_be_a_token_is_not_shown(void **state)
{
    (void)state;
    assert_string_equal(printed("row anna,eyJhbGciOi.J9.c2ln-_x==,2026"), "row anna,***,2026");
    assert_string_equal(printed("\"eyJ\""), "\"***\"");
}

static void a_line_that_does_not_fit_ends_with_a_whole_character(void **state)
{
    char line[6];

    (void)state;
    text_print("abc\xe2\x82\xac"
               "d",
               line, sizeof line);
    assert_string_equal(line, "abc");
    text_print("ab\xe2\x82\xac"
               "d",
               line, sizeof line);
    assert_string_equal(line, "ab\xe2\x82\xac");
}

static void one_thing_has_another_noun_than_none_or_many(void **state)
{
    (void)state;
    assert_string_equal(text_noun(0, "identity", "identities"), "identities");
    assert_string_equal(text_noun(1, "identity", "identities"), "identity");
    assert_string_equal(text_noun(2, "identity", "identities"), "identities");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_one_printable_line),
        cmocka_unit_test(bytes_that_are_no_text_become_question_marks),
        cmocka_unit_test(what_may_be_a_token_is_not_shown),
        cmocka_unit_test(a_line_that_does_not_fit_ends_with_a_whole_character),
        cmocka_unit_test(one_thing_has_another_noun_than_none_or_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
