#include "output/user_program.h"

#include <stdlib.h>

bool user_program_run(const struct spec *spec, const struct text_list *command, const struct child_options *given,
                      struct child_result *result, struct error *error)
{
    char **arguments = calloc(command->count + 1, sizeof *arguments); /* NULL at the end */
    struct child_options options = *given;

    for (size_t i = 0; arguments != NULL && i < command->count; i++)
        arguments[i] = command->items[i];
    options.argv = arguments;
    options.directory = spec->directory;
    options.without = spec->secret_variables.items;
    options.without_count = spec->secret_variables.count;
    *result = (struct child_result){.end = CHILD_NOT_STARTED};
    const bool ok = arguments != NULL ? child_run(&options, result, error) : error_no_memory(error);
    free(arguments);
    return ok;
}
