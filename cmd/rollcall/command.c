#include "command.h"

#include "core/clock.h"
#include "run/sign_in.h"
#include "run/transport.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void print_help(const struct command *command)
{
    char option[64];

    printf("usage: rollcall %s %s%s\n\n%s\n", command->name, command->arguments,
           command->options != NULL ? " [options]" : "", command->summary);
    if (command->options != NULL || command->notes != NULL)
        putchar('\n');
    for (const struct command_option *row = command->options; row != NULL && row->name != NULL; row++) {
        snprintf(option, sizeof option, "--%s%s%s", row->name, row->argument != NULL ? " " : "",
                 row->argument != NULL ? row->argument : "");
        printf(strlen(option) > 24 ? "  %s\n%27s%s\n" : "  %-24s%s %s\n", option, "", row->help);
    }
    if (command->notes != NULL)
        fputs(command->notes, stdout);
}

enum { OPTIONS_MAX = 32, OPTION_HELP = 'h', OPTION_UNKNOWN = '?', OPTION_BASE = 256 /* above all characters */ };

int command_next_option(const struct command *command, int argc, char **argv, int *status)
{
    struct option options[OPTIONS_MAX + 2] = {{"help", no_argument, NULL, OPTION_HELP}};
    size_t count = 1;

    for (const struct command_option *row = command->options; row != NULL && row->name != NULL; row++) {
        assert(count <= OPTIONS_MAX);
        options[count++] = (struct option){row->name, row->argument != NULL ? required_argument : no_argument, NULL,
                                           OPTION_BASE + row->value};
    }
    const int option = getopt_long(argc, argv, "h", options, NULL);
    if (option == -1)
        return 0;
    if (option != OPTION_HELP && option != OPTION_UNKNOWN)
        return option - OPTION_BASE;
    *status = option == OPTION_HELP ? 0 : EXIT_USAGE;
    if (option == OPTION_HELP)
        print_help(command);
    else
        fprintf(stderr, "  hint: `rollcall %s --help` lists the options\n", command->name);
    return COMMAND_ENDS;
}

bool command_take_json(const struct command *command, int argc, char **argv, bool *json, int *status)
{
    int option;

    while ((option = command_next_option(command, argc, argv, status)) > 0)
        *json = true;
    return option != COMMAND_ENDS;
}

bool command_arguments(const struct command *command, int argc, char **argv, int count, const char **arguments)
{
    if (argc - optind != count) {
        fprintf(stderr, "rollcall %s: %s\n  hint: usage: rollcall %s %s\n", command->name,
                argc - optind < count ? "an argument is missing" : "too many arguments", command->name,
                command->arguments);
        return false;
    }
    for (int i = 0; i < count; i++)
        arguments[i] = argv[optind + i];
    return true;
}

bool command_write(const void *bytes, size_t length, struct error *error)
{
    return fwrite(bytes, 1, length, stdout) == length || errno == EPIPE ||
           error_errno(error, "cannot write to standard output");
}

int command_log_error(const struct log *log, const struct error *error)
{
    log_error(log, LEVEL_ERROR, error);
    return error_exit_status(error->code);
}

struct log command_to_people(void)
{
    return (struct log){.format = LOG_FOR_PEOPLE, .stream = stderr};
}

int command_error(const struct error *error)
{
    const struct log log = command_to_people();

    return command_log_error(&log, error);
}

/* What a command prints is its result, and half of it is none. That a reader of a pipe has seen enough is no fault.
 * What was said here is not said again, nor what ended a command that does nothing but print. */
int command_finish_logged(const struct command *command, const struct log *log, int status)
{
    struct stat info;
    const bool is_pipe = fstat(STDOUT_FILENO, &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode));
    const bool is_told = ferror(stdout) != 0 && !command->acts && status == error_exit_status(ERROR_SYSTEM);
    struct error error;

    errno = 0;
    if ((fflush(stdout) == 0 && ferror(stdout) == 0) || is_pipe)
        return status;
    if (errno != 0)
        error_errno(&error, "cannot write to standard output");
    else
        error_set(&error, ERROR_SYSTEM, "cannot write to standard output");
    clearerr(stdout);
    __fpurge(stdout);
    if (is_told)
        return status;
    const int failed = command_log_error(log, &error);
    return command->acts || status != 0 ? status : failed;
}

int command_finish(const struct command *command, int status)
{
    const struct log log = command_to_people();

    return command_finish_logged(command, &log, status);
}

int command_load_logged(const struct log *log, const char *path, enum spec_secrets secrets, struct spec **spec)
{
    struct problems problems = {0};
    struct error error = {.code = ERROR_NONE};
    int status = 0;

    *spec = spec_load(path, secrets, &problems, &error);
    if (*spec == NULL && problems.count > 0 && error.code != ERROR_SYSTEM) {
        log_problems(log, &problems);
        status = error_exit_status(ERROR_INPUT);
    } else if (*spec == NULL) {
        status = command_log_error(log, &error);
    }
    problems_clear(&problems);
    return status;
}

int command_load(const char *path, enum spec_secrets secrets, struct spec **spec)
{
    const struct log log = command_to_people();

    return command_load_logged(&log, path, secrets, spec);
}

void command_addresses_free(const struct spec *spec, struct acs_resource *addresses)
{
    for (size_t i = 0; addresses != NULL && i < spec->resource_count; i++)
        acs_resource_clear(&addresses[i]);
    free(addresses);
}

/* Two names for one resource would have its quota used twice. */
static bool check_twice(const struct spec *spec, const struct acs_resource *addresses, size_t index,
                        struct error *error)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(addresses[i].origin.authority, addresses[index].origin.authority) != 0)
            continue;
        error_set(error, ERROR_INPUT, "%s:%" PRIu64 ":%" PRIu64 ": resources.%s and resources.%s are both %s",
                  spec->path, spec->resources[index].line, spec->resources[index].column, spec->resources[i].name,
                  spec->resources[index].name, addresses[i].origin.authority);
        return error_hint(error, "keep one of the two: a resource has its quota only once");
    }
    return true;
}

struct acs_resource *command_addresses(struct spec *spec, struct error *error)
{
    struct acs_resource *addresses = calloc(spec->resource_count, sizeof *addresses);

    if (addresses == NULL) {
        error_no_memory(error);
        return NULL;
    }
    for (size_t i = 0; i < spec->resource_count; i++) {
        struct spec_resource *resource = &spec->resources[i];
        char place[SPEC_RESOURCE_PLACE_SIZE];
        if (!transport_address(resource, &addresses[i], error)) {
            error_context(error, "%s:%" PRIu64 ":%" PRIu64 ": %s.%s", spec->path, resource->line, resource->column,
                          spec_resource_place(resource, place),
                          resource->credential.kind == CREDENTIAL_ACCESS_KEY ? "connection_string" : "endpoint");
            goto fail;
        }
        secret_clear(&resource->connection_string);
        if (!check_twice(spec, addresses, i, error))
            goto fail;
    }
    return addresses;
fail:
    command_addresses_free(spec, addresses);
    return NULL;
}

void command_credentials_free(const struct spec *spec, struct entra_credential **credentials)
{
    for (size_t i = 0; credentials != NULL && i < spec->resource_count; i++)
        entra_credential_free(credentials[i]);
    free(credentials);
}

struct entra_credential **command_credentials(struct spec *spec, struct error *error)
{
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    struct entra_credential **credentials = calloc(spec->resource_count, sizeof *credentials);

    if (credentials == NULL) {
        error_no_memory(error);
        return NULL;
    }
    for (size_t i = 0; i < spec->resource_count; i++) {
        struct spec_resource *resource = &spec->resources[i];
        if (!sign_in_credential(resource, &credentials[i], error)) {
            char place[SPEC_RESOURCE_PLACE_SIZE];
            error_context(error, "%s:%" PRIu64 ":%" PRIu64 ": %s.credential", spec->path, resource->line,
                          resource->column, spec_resource_place(resource, place));
            command_credentials_free(spec, credentials);
            return NULL;
        }
        secret_clear(&resource->credential.client_secret);
        secret_clear(&resource->credential.certificate_password);
    }
    return credentials;
}

static bool parse_number(const char *option, const char *text, uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && text[0] != '-' && *number > 0)
        return true;
    fprintf(stderr, "rollcall: %s takes a whole number from 1, not \"%s\"\n", option, text);
    return false;
}

bool plan_arguments_take(struct plan_arguments *arguments, int option, const char *value, int *status)
{
    struct text_list *only = &arguments->only;

    if (option == OPTION_REISSUE_ALL) {
        arguments->options.reissue_all = true;
        return true;
    }
    if (option == OPTION_LIMIT)
        return parse_number("--limit", value, &arguments->options.limit);
    char **items = realloc(only->items, (only->count + 1) * sizeof *items);
    if (items == NULL) {
        fputs("rollcall: out of memory\n", stderr);
        *status = EXIT_FAILURE;
        return false;
    }
    only->items = items;
    only->items[only->count++] = (char *)value;
    return true;
}

void plan_arguments_clear(struct plan_arguments *arguments)
{
    free(arguments->only.items);
}

struct plan_options plan_arguments_options(struct plan_arguments *arguments)
{
    struct plan_options options = arguments->options;

    options.now_s = clock_wall_ms(&clock_system) / 1000;
    options.only = arguments->only.count > 0 ? &arguments->only : NULL;
    return options;
}

void command_operator(char text[COMMAND_OPERATOR_SIZE])
{
    const struct passwd *user = getpwuid(getuid());
    char host[64] = "";

    gethostname(host, sizeof host - 1);
    if (user != NULL)
        snprintf(text, COMMAND_OPERATOR_SIZE, "%.64s@%s", user->pw_name, host);
    else
        snprintf(text, COMMAND_OPERATOR_SIZE, "%u@%s", (unsigned)getuid(), host);
}
