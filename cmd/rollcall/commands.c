/* The index of the program. */
#include "command.h"

const struct command *const commands[] = {
    &command_init,   &command_validate, &command_doctor, &command_plan,   &command_run, &command_status,
    &command_report, &command_history,  &command_import, &command_export, NULL,
};
