/* rollcall import: adopts identities that exist already. All of the file, or nothing. */
#include "command.h"

#include "acs/acs.h"
#include "core/clock.h"
#include "core/text.h"
#include "output/csv_out.h"
#include "roster/roster.h"
#include "run/places.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COLUMN_NONE = -1 };

struct import {
    struct ledger *ledger;
    struct problems problems;
    int64_t *places; /* what the ledger calls the spec's resources */
    int fd;          /* of the mapping */
    int64_t run;
    int64_t at_ms;
    int identity_column;
    int state_column;
    int expires_column;
    int resource_column;
    const struct spec *spec;
    uint64_t adopted;
    uint64_t there;
};

static int find_column(const struct roster_header *header, const char *name)
{
    for (size_t i = 0; i < header->count; i++)
        if (strcmp(header->fields[i].bytes, name) == 0)
            return (int)i;
    return COLUMN_NONE;
}

static bool find_columns(void *context, const struct roster_header *header, struct error *error)
{
    struct import *import = context;

    import->identity_column = find_column(header, "identity_id");
    import->state_column = find_column(header, "state");
    import->expires_column = find_column(header, "token_expires_at");
    import->resource_column = find_column(header, "resource");
    if (import->identity_column == COLUMN_NONE) {
        error_set(error, ERROR_INPUT, "%s has no column \"identity_id\"", import->problems.file);
        return error_hint(error,
                          "a mapping has the key's column and identity_id, and may have state and token_expires_at");
    }
    if (import->resource_column != COLUMN_NONE || import->spec->resource_count == 1)
        return true;
    error_set(error, ERROR_INPUT, "%s has no column \"resource\"", import->problems.file);
    return error_hint(error, "the job has several resources: the mapping says in which of them each identity is");
}

static const char *value_of(const struct roster_row *row, int column)
{
    return column == COLUMN_NONE ? "" : row->fields[column].bytes;
}

/* The resource of a row; SPEC_NO_RESOURCE after saying what is wrong with it. */
static size_t read_resource(struct import *import, const struct roster_row *row)
{
    const char *name = value_of(row, import->resource_column);
    char hint[SPEC_SUGGESTION_SIZE];

    if (import->resource_column == COLUMN_NONE || !spec_names_resources(import->spec))
        return 0;
    const size_t found = spec_find_resource(import->spec, name);
    if (found == SPEC_NO_RESOURCE)
        problems_add(&import->problems, row->line, 0, spec_suggest_resource(import->spec, name, hint),
                     "resource \"%.64s\" is none of the job's resources", name);
    return found;
}

/* Fills the adoption, or says what is wrong with the row. */
static bool read_row(struct import *import, const struct roster_row *row, struct adoption *adoption)
{
    const char *state = value_of(row, import->state_column);
    const char *expires = value_of(row, import->expires_column);
    int64_t expires_ms = 0;

    /* It may be a mapping of this job's own. */
    const char *key = csv_unescape(row->key.bytes, import->spec->outputs.escape_formulas);
    const size_t resource = read_resource(import, row);
    if (resource == SPEC_NO_RESOURCE)
        return false;
    *adoption = (struct adoption){.resource = import->places[resource],
                                  .key = key,
                                  .identity = value_of(row, import->identity_column),
                                  .state = IDENTITY_ACTIVE};
    if (!acs_identity_is_valid(adoption->identity)) {
        problems_add(&import->problems, row->line, 0, "an id has the form 8:acs:<resource>_<user>, in lower case",
                     "\"%.100s\" is no identity of Azure Communication Services", adoption->identity);
        return false;
    }
    if (state[0] != '\0' && !identity_state_parse(state, &adoption->state)) {
        problems_add(&import->problems, row->line, 0, "use active, revoked, deleted or lost", "unknown state \"%.40s\"",
                     state);
        return false;
    }
    if (expires[0] != '\0' && !time_parse_rfc3339_ms(expires, &expires_ms)) {
        problems_add(&import->problems, row->line, 0, "write it as 2026-01-31T08:00:00Z",
                     "\"%.40s\" is no time of RFC 3339", expires);
        return false;
    }
    adoption->token_expires_at_s = adoption->state == IDENTITY_ACTIVE ? expires_ms / 1000 : 0;
    return true;
}

static bool import_row(void *context, const struct roster_row *row, struct error *error)
{
    struct import *import = context;
    struct adoption adoption;
    char conflict[LEDGER_CONFLICT_SIZE];
    bool adopted;

    if (!read_row(import, row, &adoption))
        return true;
    if (!ledger_adopt(import->ledger, import->run, &adoption, import->at_ms, &adopted, conflict, error))
        return false;
    if (conflict[0] != '\0')
        problems_add(&import->problems, row->line, 0, NULL, "\"%s\": %s", adoption.key, conflict);
    import->adopted += adopted;
    import->there += !adopted && conflict[0] == '\0';
    return true;
}

static bool read_mapping(struct import *import, const struct spec *spec, const char *path, struct error *error)
{
    const struct roster_visitor visitor = {.header = find_columns, .row = import_row, .context = import};
    const struct roster_options options = {.name = path, .fd = import->fd, .delimiter = ',', .key = spec->roster.key};
    struct roster_summary summary;
    bool ok = roster_read(&options, &visitor, &import->problems, &summary, error);

    if (ok && import->problems.total > 0)
        ok = error_set(error, ERROR_INPUT, "%s has conflicts", path);
    return ok;
}

/* One transaction: a fault in any row, or a crash, leaves the ledger as it was. */
static bool import_all(struct import *import, const struct spec *spec, const struct acs_resource *addresses,
                       const char *path, struct error *error)
{
    char operator_text[COMMAND_OPERATOR_SIZE];
    struct run_record record = {.started_at_ms = import->at_ms, .job = spec->name, .operator_name = operator_text};

    command_operator(operator_text);
    import->spec = spec;
    if (!ledger_begin(import->ledger, error))
        return false;
    import->places = places_bind(spec, addresses, import->ledger, error);
    if (import->places != NULL && ledger_run_begin(import->ledger, &record, error)) {
        import->run = record.id;
        if (read_mapping(import, spec, path, error)) {
            record.ended_at_ms = clock_wall_ms(&clock_system);
            record.state = RUN_DONE;
            if (ledger_run_end(import->ledger, &record, error) && ledger_commit(import->ledger, error))
                return true;
        }
    }
    ledger_rollback(import->ledger);
    return false;
}

/* A ledger is made only when nothing speaks against the mapping: an import that is refused leaves nothing behind. */
static bool rehearse(struct import *import, const struct spec *spec, const struct acs_resource *addresses,
                     const char *path, struct error *error)
{
    import->ledger = ledger_open_scratch(error);
    const bool ok = import->ledger != NULL && import_all(import, spec, addresses, path, error);

    ledger_close(import->ledger);
    free(import->places);
    import->ledger = NULL;
    import->places = NULL;
    import->adopted = 0;
    return ok;
}

static int import_mapping(const char *job, const char *path)
{
    struct import import = {.fd = -1, .at_ms = clock_wall_ms(&clock_system)};
    struct acs_resource *addresses = NULL;
    struct error error = {.code = ERROR_NONE};
    struct spec *spec;
    const int loaded = command_load(job, SPEC_WITH_SECRETS, &spec);

    if (loaded != 0)
        return loaded;
    const bool ok = (addresses = command_addresses(spec, &error)) != NULL &&
                    problems_init(&import.problems, path, &error) && (import.fd = roster_open(path, &error)) >= 0 &&
                    (ledger_exists(spec->ledger) || rehearse(&import, spec, addresses, path, &error)) &&
                    (import.ledger = ledger_open(spec->ledger, LEDGER_RUN, &error)) != NULL &&
                    import_all(&import, spec, addresses, path, &error);
    int status = 0;
    if (ok)
        printf("%s: %" PRIu64 " %s adopted, %" PRIu64 " known already\n", path, import.adopted,
               text_noun(import.adopted, "identity", "identities"), import.there);
    else if (import.problems.total > 0 && error.code != ERROR_SYSTEM) {
        problems_print(&import.problems, stderr);
        fputs("rollcall: nothing was adopted\n  hint: correct the rows or take them out, and import the whole again\n",
              stderr);
        status = EXIT_USAGE;
    } else {
        status = command_error(&error);
    }
    problems_clear(&import.problems);
    free(import.places);
    ledger_close(import.ledger);
    if (import.fd >= 0)
        close(import.fd);
    command_addresses_free(spec, addresses);
    spec_free(spec);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    const char *arguments[2];
    int status;

    if (command_next_option(command, argc, argv, &status) == COMMAND_ENDS)
        return status;
    return command_arguments(command, argc, argv, 2, arguments) ? import_mapping(arguments[0], arguments[1])
                                                                : EXIT_USAGE;
}

const struct command command_import = {
    .name = "import",
    .arguments = "JOB.yaml MAPPING.csv",
    .summary = "adopt identities that exist already, all or none",
    .notes = "MAPPING.csv has the key's column and identity_id, and may have state, token_expires_at and, for "
             "several\nresources, resource.\n",
    .acts = true,
    .run = run,
};
