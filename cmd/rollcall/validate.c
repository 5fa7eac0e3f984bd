/* rollcall validate: the spec, and the roster that it names. */
#include "command.h"

#include "acs/acs.h"

#include <inttypes.h>
#include <string.h>

static bool check_resource(const struct spec *spec, struct error *error)
{
    struct acs_resource resource;

    if (!secret_is_set(&spec->resource.connection_string))
        return true;
    if (!acs_resource_parse(secret_reveal(&spec->resource.connection_string), &resource, error))
        return error_context(error, "%s: resource.connection_string", spec->path);
    acs_resource_clear(&resource);
    return true;
}

static int validate(const char *path, enum spec_secrets secrets)
{
    struct job job = {.roster_fd = -1};
    struct error error;
    int status = 0;

    job.spec = command_load(path, secrets);
    if (job.spec == NULL)
        return EXIT_USAGE;
    if (!check_resource(job.spec, &error))
        status = command_error(&error);
    else if (strcmp(job.spec->roster.csv, "-") != 0)
        status = job_plan(&job, &(struct plan_options){0});
    if (status == 0 && job.plan != NULL)
        printf("%s: valid; %s: %" PRIu64 " users\n", path, job.spec->roster.csv, job.plan->roster.selected);
    else if (status == 0)
        printf("%s: valid\n", path);
    job_close(&job);
    return status;
}

int command_validate(const struct command *command, int argc, char **argv)
{
    static const struct option options[] = {
        {"no-secrets", no_argument, NULL, OPTION_OWN}, {"help", no_argument, NULL, 'h'}, {0}};
    enum spec_secrets secrets = SPEC_WITH_SECRETS;
    const char *path;
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option != OPTION_OWN)
            return command_usage(command, option);
        secrets = SPEC_WITHOUT_SECRETS;
    }
    return command_arguments(command, argc, argv, 1, &path) ? validate(path, secrets) : EXIT_USAGE;
}
