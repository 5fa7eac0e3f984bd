#include "core/problems.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is printed; malloc'd. */
static char *printed(struct problems *problems)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);

    assert_non_null(stream);
    problems_print(problems, stream);
    fclose(stream);
    return text;
}

static void prints(struct problems *problems, const char *expected)
{
    char *text = printed(problems);

    assert_string_equal(text, expected);
    free(text);
}

static struct problems new_problems(void)
{
    struct problems problems;
    struct error error;

    assert_true(problems_init(&problems, "users.csv", &error));
    return problems;
}

static void no_problems_print_nothing(void **state)
{
    struct problems problems = new_problems();

    (void)state;
    prints(&problems, "");
    problems_clear(&problems);
}

/* Found by fuzzing: a file was quoted with its escapes. */
static void what_a_terminal_would_obey_is_not_printed(void **state)
{
    struct problems problems = new_problems();

    (void)state;
    problems_add(&problems, 1, 0, "not\tthat\xE2\x80\xAEone", "cannot open a\x1B[2J\nb\xC2\x9B\xFF");
    prints(&problems, "users.csv:1: cannot open a [2J b ?\n  hint: not that one\n");
    problems_clear(&problems);
}

static void a_place_is_as_exact_as_it_is_known(void **state)
{
    struct problems problems = new_problems();

    (void)state;
    problems_add(&problems, 3, 14, NULL, "wrong %s", "type");
    problems_add(&problems, 3, 0, "", "too short");
    problems_add(&problems, 0, 0, "add one", "no rows");
    prints(&problems, "users.csv: no rows\n"
                      "  hint: add one\n"
                      "users.csv:3: too short\n"
                      "users.csv:3:14: wrong type\n");
    problems_clear(&problems);
}

static void problems_are_printed_in_the_order_of_their_place(void **state)
{
    struct problems problems = new_problems();

    (void)state;
    for (int line = 20; line > 0; line--)
        problems_add(&problems, (uint64_t)line, 1, NULL, "x");
    free(printed(&problems));
    for (size_t i = 0; i < problems.count; i++)
        assert_int_equal(problems.list[i].line, i + 1);
    problems_clear(&problems);
}

static void only_the_first_hundred_are_kept_and_the_rest_counted(void **state)
{
    struct problems problems = new_problems();

    (void)state;
    for (int i = 0; i < PROBLEMS_KEPT + 23; i++)
        problems_add(&problems, (uint64_t)i + 1, 0, "fix it", "wrong");
    assert_int_equal(problems.count, PROBLEMS_KEPT);
    assert_int_equal(problems.total, PROBLEMS_KEPT + 23);
    char *text = printed(&problems);
    assert_non_null(strstr(text, "users.csv:100: wrong\n"));
    assert_null(strstr(text, "users.csv:101:"));
    assert_non_null(strstr(text, "users.csv: and 23 more of these\n"));
    free(text);
    problems_clear(&problems);
}

static void a_message_too_long_is_cut(void **state)
{
    struct problems problems = new_problems();
    char message[3000];

    (void)state;
    memset(message, 'x', sizeof message);
    message[sizeof message - 1] = '\0';
    problems_add(&problems, 1, 1, NULL, "%s", message);
    assert_int_equal(strlen(problems.list[0].message), 1023);
    problems_clear(&problems);
    assert_int_equal(problems.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_problems_print_nothing),
        cmocka_unit_test(what_a_terminal_would_obey_is_not_printed),
        cmocka_unit_test(a_place_is_as_exact_as_it_is_known),
        cmocka_unit_test(problems_are_printed_in_the_order_of_their_place),
        cmocka_unit_test(only_the_first_hundred_are_kept_and_the_rest_counted),
        cmocka_unit_test(a_message_too_long_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
