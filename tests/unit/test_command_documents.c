/* The manual and the completions say what the tables of the commands say. */
#include "committed.h"

#include "command.h"
#include "documents.h"

#define FOLDER SOURCE_DIR "/cmd/rollcall/"

static void the_committed_manual_is_the_one_of_the_tables(void **state)
{
    (void)state;
    committed_part_is(FOLDER "rollcall.1", manual_commands());
}

static void the_committed_completions_are_those_of_the_tables(void **state)
{
    (void)state;
    committed_is(FOLDER "completions/rollcall.bash", completion_bash());
    committed_is(FOLDER "completions/_rollcall", completion_zsh());
    committed_is(FOLDER "completions/rollcall.fish", completion_fish());
}

static void no_command_has_two_options_of_one_name_or_value(void **state)
{
    (void)state;
    for (size_t i = 0; commands[i] != NULL; i++)
        for (const struct command_option *one = commands[i]->options; one != NULL && one->name != NULL; one++)
            for (const struct command_option *other = one + 1; other->name != NULL; other++) {
                assert_string_not_equal(one->name, other->name);
                assert_int_not_equal(one->value, other->value);
            }
}

static void every_option_has_a_value_and_a_phrase(void **state)
{
    (void)state;
    for (size_t i = 0; commands[i] != NULL; i++)
        for (const struct command_option *option = commands[i]->options; option != NULL && option->name != NULL;
             option++) {
            assert_true(option->value > 0);
            assert_true(option->help[strlen(option->help) - 1] != '.');
            assert_string_not_equal(option->name, "help");
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_committed_manual_is_the_one_of_the_tables),
        cmocka_unit_test(the_committed_completions_are_those_of_the_tables),
        cmocka_unit_test(no_command_has_two_options_of_one_name_or_value),
        cmocka_unit_test(every_option_has_a_value_and_a_phrase),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
