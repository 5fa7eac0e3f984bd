/* user_program.h - a program of the user's, as the job spec names it: without a shell, in the spec's directory, and
 * without our secrets in its environment. */
#ifndef ROLLCALL_OUTPUT_USER_PROGRAM_H
#define ROLLCALL_OUTPUT_USER_PROGRAM_H

#include "core/child.h"
#include "spec/spec.h"

/* As child_run(). */
bool user_program_run(const struct spec *spec, const struct text_list *command, uint32_t time_limit_ms,
                      const void *input, size_t input_length, struct child_result *result, struct error *error);

#endif
