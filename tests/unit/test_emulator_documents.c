/* The emulator's manual says what its options' table says. */
#include "committed.h"

#include "options.h"

static void the_committed_manual_is_the_one_of_the_table(void **state)
{
    (void)state;
    committed_part_is(SOURCE_DIR "/cmd/acs-identity-emulator/acs-identity-emulator.1", options_manual());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_committed_manual_is_the_one_of_the_table)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
