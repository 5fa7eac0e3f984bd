#include "output/user_program.h"

#include <stdlib.h>
#include <string.h>

/* What signs in to Azure, or to the databases that tokens go to, and is not named in the spec. */
static const char *const withheld[] = {
    "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD", "IDENTITY_HEADER", "MSI_SECRET",
    "PGPASSWORD",
};

enum { WITHHELD = sizeof withheld / sizeof withheld[0] };

/* The texts are borrowed, the array is malloc'd. */
static char **end_list(const struct text_list *list, const char *const *more, size_t more_count)
{
    char **ended = calloc(list->count + more_count + 1, sizeof *ended);

    if (ended == NULL)
        return NULL;
    for (size_t i = 0; i < list->count; i++)
        ended[i] = list->items[i];
    for (size_t i = 0; i < more_count; i++)
        ended[list->count + i] = (char *)more[i];
    return ended;
}

bool user_program_run(const struct spec *spec, const struct text_list *command, const struct child_options *given,
                      struct child_result *result, struct error *error)
{
    char **arguments = end_list(command, NULL, 0);
    char **without = end_list(&spec->secret_variables, withheld, WITHHELD);
    struct child_options options = *given;

    options.argv = arguments;
    options.directory = spec->directory;
    options.without = without;
    *result = (struct child_result){.end = CHILD_NOT_STARTED};
    const bool ok = arguments != NULL && without != NULL ? child_run(&options, result, error) : error_no_memory(error);
    free(arguments);
    free(without);
    return ok;
}
