/* rollcall validate: the spec, and the roster that it names. */
#include "job.h"

#include "core/text.h"

#include <inttypes.h>
#include <string.h>

static bool check_resources(struct spec *spec, struct error *error)
{
    struct acs_resource *addresses;

    for (size_t i = 0; i < spec->resource_count; i++)
        if (!secret_is_set(&spec->resources[i].connection_string))
            return true;
    addresses = command_addresses(spec, error);
    command_addresses_free(spec, addresses);
    return addresses != NULL;
}

static int validate(const char *path, enum spec_secrets secrets)
{
    struct job job = {.roster_fd = -1};
    struct error error;
    int status = command_load(path, secrets, &job.spec);

    if (status != 0)
        return status;
    if (!check_resources(job.spec, &error) || !sinks_check(job.spec, &error))
        status = command_error(&error);
    else if (strcmp(job.spec->roster.csv, "-") != 0)
        status = job_plan(&job, &(struct plan_options){0});
    if (status == 0 && job.plan != NULL)
        printf("%s: valid; %s: %" PRIu64 " %s\n", path, job.spec->roster.csv, job.plan->roster.selected,
               text_noun(job.plan->roster.selected, "user", "users"));
    else if (status == 0)
        printf("%s: valid\n", path);
    job_close(&job);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    enum spec_secrets secrets = SPEC_WITH_SECRETS;
    const char *path;
    int option;
    int status;

    while ((option = command_next_option(command, argc, argv, &status)) > 0)
        secrets = SPEC_WITHOUT_SECRETS;
    if (option == COMMAND_ENDS)
        return status;
    return command_arguments(command, argc, argv, 1, &path) ? validate(path, secrets) : EXIT_USAGE;
}

static const struct command_option options[] = {
    {"no-secrets", NULL, "do not look up { env } and { file } secrets", 1},
    {0},
};

const struct command command_validate = {
    .name = "validate",
    .arguments = "JOB.yaml",
    .summary = "check a job spec, and the roster that it names",
    .options = options,
    .run = run,
};
