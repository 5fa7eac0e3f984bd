/* rollcall history: the audit trail of one user, oldest first. */
#include "command.h"

#include "acs/acs.h"
#include "core/clock.h"
#include "output/json_out.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Attempts that were throttled or went wrong on the way, in a row, are one line: how often, from when to when, the
 * first cause and the last. */
struct folded {
    uint64_t count;
    int64_t first_ms;
    int64_t last_ms;
    char action[16];
    char first_code[64];
    char last_code[64];
};

struct history {
    bool json;
    const struct ledger *ledger;
    uint64_t records;
    char identity[ACS_IDENTITY_MAX + 1]; /* that was told last */
    struct folded folded;
};

static void print_folded(struct history *history)
{
    const struct folded *folded = &history->folded;
    char from[TIME_TEXT_SIZE];
    char to[TIME_TEXT_SIZE];

    if (folded->count == 0)
        return;
    time_format_rfc3339_ms(folded->first_ms, from);
    time_format_rfc3339_ms(folded->last_ms, to);
    if (folded->count == 1)
        printf("%s  %-9s  repeated: %s\n", from, folded->action, folded->last_code);
    else if (strcmp(folded->first_code, folded->last_code) == 0)
        printf("%s  %-9s  repeated %" PRIu64 " times\n until %s: %s\n", from, folded->action, folded->count, to,
               folded->last_code);
    else
        printf("%s  %-9s  repeated %" PRIu64 " times\n until %s: first %s, last %s\n", from, folded->action,
               folded->count, to, folded->first_code, folded->last_code);
    history->folded.count = 0;
}

static void fold(struct history *history, const struct audit_record *record)
{
    struct folded *folded = &history->folded;

    if (folded->count > 0 && strcmp(folded->action, record->action) != 0)
        print_folded(history);
    if (folded->count++ == 0) {
        folded->first_ms = record->at_ms;
        snprintf(folded->action, sizeof folded->action, "%s", record->action);
        snprintf(folded->first_code, sizeof folded->first_code, "%s", record->code);
    }
    folded->last_ms = record->at_ms;
    snprintf(folded->last_code, sizeof folded->last_code, "%s", record->code);
}

static bool print_json(const struct audit_record *record, const char *resource, struct error *error)
{
    char at[TIME_TEXT_SIZE];

    time_format_rfc3339_ms(record->at_ms, at);
    json_t *line =
        json_pack("{s:s, s:I, s:o, s:s, s:s, s:o, s:i, s:o, s:i, s:o, s:o, s:o, s:o, s:o}", "at", at, "run",
                  (json_int_t)record->run, "category", json_out_text(record->category), "action", record->action,
                  "outcome", record->outcome, "verdict", json_out_text(record->verdict), "attempt",
                  (int)record->attempt, "identity_id", json_out_text(record->identity), "status", record->status,
                  "elapsed_ms", record->elapsed_ms > 0 ? json_integer(record->elapsed_ms) : json_null(), "code",
                  json_out_text(record->code), "message", json_out_text(record->message), "request_id",
                  json_out_text(record->request_id), "ms_cv", json_out_text(record->ms_cv));
    if (resource[0] != '\0')
        json_out_member(&line, "resource", json_string(resource));
    return json_out_print(stdout, line, JSON_COMPACT, error);
}

static void print_answer(const struct audit_record *record)
{
    if (record->status != 0)
        printf(" HTTP %d", record->status);
    else if (record->elapsed_ms > 0)
        printf(" no answer");
    if (record->elapsed_ms > 0)
        printf(" after %u ms", (unsigned)record->elapsed_ms);
    if (record->status != 0 || record->elapsed_ms > 0)
        putchar('\n');
    if (record->code[0] != '\0')
        printf(" %s: %s\n", record->code, record->message);
}

/* On lines that a terminal of 80 columns has room for, of which an identity takes one. */
static void print_text(struct history *history, const struct audit_record *record, const char *resource)
{
    char at[TIME_TEXT_SIZE];

    if (strcmp(record->outcome, "throttled") == 0 || strcmp(record->outcome, "transient") == 0) {
        fold(history, record);
        return;
    }
    print_folded(history);
    time_format_rfc3339_ms(record->at_ms, at);
    printf("%s  %-9s  %-8s  ", at, record->action, record->outcome);
    if (record->category[0] != '\0')
        printf("%s, ", record->category);
    if (resource[0] != '\0')
        printf("at %s, ", resource);
    printf("run %" PRId64 ", attempt %u\n", record->run, (unsigned)record->attempt);
    print_answer(record);
    if (record->request_id[0] != '\0')
        printf(" request %s%s%s\n", record->request_id, record->ms_cv[0] != '\0' ? ", MS-CV " : "", record->ms_cv);
    if (record->identity[0] == '\0' || strcmp(record->identity, history->identity) == 0)
        return;
    printf(" %s\n", record->identity);
    snprintf(history->identity, sizeof history->identity, "%s", record->identity);
}

static bool print_record(void *context, const struct audit_record *record, struct error *error)
{
    struct history *history = context;

    const char *resource = ledger_resource_name(history->ledger, record->resource);

    history->records++;
    if (history->json)
        return print_json(record, resource, error);
    print_text(history, record, resource);
    return true;
}

static int show_history(const char *path, const char *key, bool json)
{
    struct history history = {.json = json};
    struct error error = {.code = ERROR_NONE};
    struct spec *spec;
    const int loaded = command_load(path, SPEC_WITHOUT_FILES, &spec);

    if (loaded != 0)
        return loaded;
    struct ledger *ledger = ledger_open(spec->ledger, LEDGER_READ, &error);
    history.ledger = ledger;
    bool ok = ledger != NULL && ledger_each_audit(ledger, key, print_record, &history, &error);
    print_folded(&history);
    if (ok && history.records == 0) {
        error_set(&error, ERROR_INPUT, "the ledger knows nothing of the user \"%s\"", key);
        ok = error_hint(&error, "the key is what stands in the roster's column \"%s\"", spec->roster.key);
    }
    ledger_close(ledger);
    spec_free(spec);
    return ok ? 0 : command_error(&error);
}

static int run(const struct command *command, int argc, char **argv)
{
    const char *arguments[2];
    bool json = false;
    int status;

    if (!command_take_json(command, argc, argv, &json, &status))
        return status;
    return command_arguments(command, argc, argv, 2, arguments) ? show_history(arguments[0], arguments[1], json)
                                                                : EXIT_USAGE;
}

static const struct command_option options[] = {
    {"json", NULL, "one JSON object a line", 1},
    {0},
};

const struct command command_history = {
    .name = "history",
    .arguments = "JOB.yaml KEY",
    .summary = "the audit trail of one user, oldest first",
    .options = options,
    .run = run,
};
