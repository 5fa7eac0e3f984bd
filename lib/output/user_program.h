/* user_program.h - a program of the user's, as the job spec names it: without a shell, in the spec's directory, and
 * without our secrets in its environment. */
#ifndef ROLLCALL_OUTPUT_USER_PROGRAM_H
#define ROLLCALL_OUTPUT_USER_PROGRAM_H

#include "core/child.h"
#include "spec/spec.h"

/* As child_run(), whose options are given but for argv, directory and without. */
bool user_program_run(const struct spec *spec, const struct text_list *command, const struct child_options *given,
                      struct child_result *result, struct error *error);

#endif
