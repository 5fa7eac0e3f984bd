/* rollcall export: the mapping on standard output. */
#include "command.h"

#include "output/mapping.h"

#include <getopt.h>
#include <string.h>

struct export_arguments {
    struct mapping_options options;
    enum mapping_column columns[MAPPING_COLUMNS];
};

static bool write_out(void *context, const void *bytes, size_t length, struct error *error)
{
    (void)context;
    return command_write(bytes, length, error);
}

static int export_mapping(const char *path, struct export_arguments *arguments)
{
    struct error error;
    struct spec *spec;
    const int loaded = command_load(path, SPEC_WITHOUT_FILES, &spec);

    if (loaded != 0)
        return loaded;
    const struct mapping_options usual = mapping_options_of(spec);
    arguments->options.key_column = usual.key_column;
    arguments->options.style = usual.style;
    if (arguments->options.columns == NULL) {
        arguments->options.columns = usual.columns;
        arguments->options.column_count = usual.column_count;
    }
    struct ledger *ledger = ledger_open(spec->ledger, LEDGER_READ, &error);
    const bool ok = ledger != NULL && mapping_export(ledger, &arguments->options, write_out, NULL, &error);
    ledger_close(ledger);
    spec_free(spec);
    return ok ? 0 : command_error(&error);
}

/* "key,state": each column once, in the order asked for. */
static bool take_columns(struct export_arguments *arguments, char *list)
{
    struct mapping_options *options = &arguments->options;
    char *rest = NULL;

    options->columns = arguments->columns;
    options->column_count = 0;
    for (char *name = strtok_r(list, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        enum mapping_column column;
        if (options->column_count == MAPPING_COLUMNS || !mapping_column_parse(name, &column)) {
            fprintf(stderr,
                    "rollcall: --columns takes some of key,identity_id,state,token_expires_at,resource, not \"%s\"\n",
                    name);
            return false;
        }
        arguments->columns[options->column_count++] = column;
    }
    return options->column_count > 0;
}

enum { FORMAT = 1, STATE, COLUMNS };

static bool take(struct export_arguments *arguments, int option, char *value)
{
    switch (option) {
    case FORMAT:
        if (strcmp(value, "csv") != 0 && strcmp(value, "ndjson") != 0) {
            fprintf(stderr, "rollcall: --format takes csv or ndjson, not \"%s\"\n", value);
            return false;
        }
        arguments->options.format = strcmp(value, "csv") == 0 ? MAPPING_CSV : MAPPING_NDJSON;
        return true;
    case STATE:
        arguments->options.has_state = true;
        if (identity_state_parse(value, &arguments->options.state))
            return true;
        fprintf(stderr, "rollcall: --state takes active, revoked, deleted or lost, not \"%s\"\n", value);
        return false;
    case COLUMNS: return take_columns(arguments, value);
    default: return false;
    }
}

static int run(const struct command *command, int argc, char **argv)
{
    struct export_arguments arguments = {0};
    const char *path;
    int option;
    int status;

    while ((option = command_next_option(command, argc, argv, &status)) > 0)
        if (!take(&arguments, option, optarg))
            return EXIT_USAGE;
    if (option == COMMAND_ENDS)
        return status;
    return command_arguments(command, argc, argv, 1, &path) ? export_mapping(path, &arguments) : EXIT_USAGE;
}

static const struct command_option options[] = {
    {"format", "csv|ndjson", "how to write it (default csv)", FORMAT},
    {"state", "active|revoked|deleted|lost", "only identities in this state", STATE},
    {"columns", "LIST", "some of key,identity_id,state,token_expires_at,resource", COLUMNS},
    {0},
};

const struct command command_export = {
    .name = "export",
    .arguments = "JOB.yaml",
    .summary = "write the mapping to standard output",
    .options = options,
    .run = run,
};
