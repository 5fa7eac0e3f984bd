/* rollcall status: what the ledger knows. */
#include "command.h"

#include "core/clock.h"
#include "core/text.h"
#include "output/json_out.h"

#include <inttypes.h>
#include <string.h>

enum { RUNS_SHOWN = 5, IN_DOUBT_SHOWN = 20 };

struct shown {
    uint64_t count;
    bool json;
    json_t *list; /* of the JSON */
};

static void print_count(uint64_t count, const char *what, const char **separator)
{
    if (count == 0)
        return;
    printf("%s%" PRIu64 " %s", *separator, count, what);
    *separator = ", ";
}

/* What a run did, without what it did not; ends the line. */
static void print_counts(const struct run_record *run)
{
    const char *separator = "";

    for (int action = 0; action < ACTION_COUNT; action++)
        print_count(run->done[action], action_past((enum action)action), &separator);
    print_count(run->failed, "failed", &separator);
    print_count(run->left, "left", &separator);
    puts(separator[0] != '\0' ? "" : "nothing done");
}

static bool print_run(void *context, const struct run_record *run, struct error *error)
{
    char started[TIME_TEXT_SIZE];
    struct shown *shown = context;
    const char *state = run_state_name(run->state);

    (void)error;
    time_format_rfc3339(run->started_at_ms / 1000, started);
    if (shown->json) {
        json_t *one =
            json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "run", (json_int_t)run->id, "started_at",
                      started, "state", state, "job", run->job, "operator", run->operator_name, "roster_rows",
                      (json_int_t)run->roster_rows, "failed", (json_int_t)run->failed, "left", (json_int_t)run->left,
                      "in_doubt", (json_int_t)run->in_doubt, "throttled", (json_int_t)run->throttled);
        for (int action = 0; action < ACTION_COUNT; action++)
            json_out_member(&one, action_past((enum action)action), json_integer((json_int_t)run->done[action]));
        json_out_item(&shown->list, one);
        return true;
    }
    printf("  %4" PRId64 "  %s  %-11s %s, %s\n        ", run->id, started, state, run->job, run->operator_name);
    print_counts(run);
    return true;
}

static bool print_in_doubt(void *context, const struct audit_record *record, struct error *error)
{
    char at[TIME_TEXT_SIZE];
    struct shown *shown = context;

    (void)error;
    /* When it was asked, which is what the service's own records are searched for, not when it was given up. */
    time_format_rfc3339_ms(record->at_ms - record->elapsed_ms, at);
    if (shown->json)
        json_out_item(&shown->list, json_pack("{s:s, s:s, s:s, s:I}", "key", record->key, "at", at, "request_id",
                                              record->request_id, "run", (json_int_t)record->run));
    else if (shown->count < IN_DOUBT_SHOWN)
        printf("  %s  request %s  for \"%s\"\n", at, record->request_id, record->key);
    shown->count++;
    return true;
}

/* A resource without a name is the job's only one: what is said of all identities is said of its own. */
static bool print_resource(void *context, const struct resource_count *resource, struct error *error)
{
    struct shown *shown = context;

    (void)error;
    if (shown->json)
        json_out_item(&shown->list,
                      json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "name", resource->name, "resource",
                                resource->authority, "active", (json_int_t)resource->by_state[IDENTITY_ACTIVE],
                                "revoked", (json_int_t)resource->by_state[IDENTITY_REVOKED], "deleted",
                                (json_int_t)resource->by_state[IDENTITY_DELETED], "lost",
                                (json_int_t)resource->by_state[IDENTITY_LOST]));
    else if (resource->name[0] == '\0')
        printf("resource    %s\n", resource->authority);
    else
        printf("resource    %s at %s: %" PRIu64 " active, %" PRIu64 " revoked, %" PRIu64 " deleted, %" PRIu64 " lost\n",
               resource->name, resource->authority, resource->by_state[IDENTITY_ACTIVE],
               resource->by_state[IDENTITY_REVOKED], resource->by_state[IDENTITY_DELETED],
               resource->by_state[IDENTITY_LOST]);
    shown->count++;
    return true;
}

static bool print_text(struct ledger *ledger, const struct ledger_counts *counts, bool held, struct error *error)
{
    struct shown shown = {0};
    struct shown resources = {0};

    if (!ledger_each_resource(ledger, print_resource, &resources, error))
        return false;
    if (resources.count == 0)
        printf("resource    (none yet)\n");
    printf("identities  %" PRIu64 " active, %" PRIu64 " revoked, %" PRIu64 " deleted, %" PRIu64 " lost\n",
           counts->by_state[IDENTITY_ACTIVE], counts->by_state[IDENTITY_REVOKED], counts->by_state[IDENTITY_DELETED],
           counts->by_state[IDENTITY_LOST]);
    printf("tokens      %" PRIu64 " live; %" PRIu64 " end within 1 h, %" PRIu64 " within 6 h, %" PRIu64
           " within 24 h\n",
           counts->tokens_live, counts->tokens_within_1h, counts->tokens_within_6h, counts->tokens_within_24h);
    if (counts->open_tasks > 0)
        printf(
            "under way   %" PRIu64 " %s%s\n", counts->open_tasks, text_noun(counts->open_tasks, "request", "requests"),
            held ? ", sent or about to be" : " of a run that was killed, sent or about to be: the next run finds out");
    printf("in doubt    %" PRIu64 " %s%s\n", counts->in_doubt, text_noun(counts->in_doubt, "create", "creates"),
           counts->in_doubt > 0 ? " whose answer was lost: there may be identities that nobody knows" : "");
    if (!ledger_each_in_doubt(ledger, print_in_doubt, &shown, error))
        return false;
    if (shown.count > IN_DOUBT_SHOWN)
        printf("  and %" PRIu64 " more (--json lists all)\n", shown.count - IN_DOUBT_SHOWN);
    if (shown.count > 0)
        printf("  hint: the service's support can search for them by request id and time\n");
    printf("last runs\n");
    return ledger_each_run(ledger, RUNS_SHOWN, print_run, &shown, error);
}

static bool has_names(const json_t *resources)
{
    return json_array_size(resources) > 1 ||
           json_string_length(json_object_get(json_array_get(resources, 0), "name")) > 0;
}

/* The list, or the host alone of the resource of a job that has one and no name for it. Takes the list. */
static json_t *only_host(json_t *resources)
{
    if (resources == NULL || has_names(resources))
        return resources;
    json_t *host = json_incref(json_object_get(json_array_get(resources, 0), "resource"));
    json_decref(resources);
    return host != NULL ? host : json_string("");
}

static bool print_json(struct ledger *ledger, const struct ledger_counts *counts, struct error *error)
{
    struct shown runs = {.json = true, .list = json_array()};
    struct shown in_doubt = {.json = true, .list = json_array()};
    struct shown resources = {.json = true, .list = json_array()};
    const bool ok = ledger_each_resource(ledger, print_resource, &resources, error) &&
                    ledger_each_in_doubt(ledger, print_in_doubt, &in_doubt, error) &&
                    ledger_each_run(ledger, RUNS_SHOWN, print_run, &runs, error);
    const char *member = has_names(resources.list) ? "resources" : "resource";
    json_t *status = json_pack(
        "{s:o, s:{s:I, s:I, s:I, s:I}, s:{s:I, s:I, s:I, s:I}, s:I, s:o, s:o}", member, only_host(resources.list),
        "identities", "active", (json_int_t)counts->by_state[IDENTITY_ACTIVE], "revoked",
        (json_int_t)counts->by_state[IDENTITY_REVOKED], "deleted", (json_int_t)counts->by_state[IDENTITY_DELETED],
        "lost", (json_int_t)counts->by_state[IDENTITY_LOST], "tokens", "live", (json_int_t)counts->tokens_live,
        "within_1h", (json_int_t)counts->tokens_within_1h, "within_6h", (json_int_t)counts->tokens_within_6h,
        "within_24h", (json_int_t)counts->tokens_within_24h, "open_tasks", (json_int_t)counts->open_tasks, "in_doubt",
        in_doubt.list, "runs", runs.list);

    if (ok)
        return json_out_print(stdout, status, JSON_INDENT(2), error);
    json_decref(status);
    return false;
}

static int show_status(const char *path, bool json)
{
    struct ledger_counts counts;
    struct error error;
    struct spec *spec;
    const int loaded = command_load(path, SPEC_WITHOUT_FILES, &spec);

    if (loaded != 0)
        return loaded;
    const bool held = ledger_is_held(spec->ledger);
    struct ledger *ledger = ledger_open(spec->ledger, LEDGER_READ, &error);
    const bool ok = ledger != NULL && ledger_count(ledger, clock_wall_ms(&clock_system) / 1000, &counts, &error) &&
                    (json ? print_json(ledger, &counts, &error) : print_text(ledger, &counts, held, &error));
    ledger_close(ledger);
    spec_free(spec);
    return ok ? 0 : command_error(&error);
}

static int run(const struct command *command, int argc, char **argv)
{
    const char *path;
    bool json = false;
    int status;

    if (!command_take_json(command, argc, argv, &json, &status))
        return status;
    return command_arguments(command, argc, argv, 1, &path) ? show_status(path, json) : EXIT_USAGE;
}

static const struct command_option options[] = {
    {"json", NULL, "one JSON object", 1},
    {0},
};

const struct command command_status = {
    .name = "status",
    .arguments = "JOB.yaml",
    .summary = "what the ledger knows: identities, tokens, runs",
    .options = options,
    .run = run,
};
