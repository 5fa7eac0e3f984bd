/* Making a plan: both sides are read, the join deals every user its reason, and what follows is counted. */
#include "run/places.h"
#include "run/planner.h"
#include "run/teams.h"

#include <stdlib.h>
#include <string.h>

uint32_t plan_key_check(const char *key, size_t key_length)
{
    return (uint32_t)(join_watch_hash(key, key_length) & ((1U << 25) - 1));
}

bool plan_roster_options(const struct spec *spec, const char *name, int fd, struct roster_options *options,
                         struct error *error)
{
    struct roster_filter *filters = calloc(spec->roster.where_count + 1, sizeof *filters);

    if (filters == NULL)
        return error_no_memory(error);
    for (size_t i = 0; i < spec->roster.where_count; i++)
        filters[i] = (struct roster_filter){
            .column = spec->roster.where[i].column,
            .values = (const char *const *)spec->roster.where[i].values.items,
            .value_count = spec->roster.where[i].values.count,
        };
    *options = (struct roster_options){
        .name = name,
        .fd = fd,
        .delimiter = spec->roster.delimiter,
        .key = spec->roster.key,
        .watch = (const char *const *)spec->roster.watch.items,
        .watch_count = spec->roster.watch.count,
        .filters = filters,
        .filter_count = spec->roster.where_count,
    };
    homes_ask(spec, options);
    teams_ask(spec, options);
    return true;
}

void plan_roster_options_clear(struct roster_options *options)
{
    free((void *)options->filters);
    *options = (struct roster_options){0};
}

struct plan_place plan_place_of(const struct plan *plan, uint64_t index)
{
    if (plan->places == NULL)
        return (struct plan_place){0};
    return plan->places[index];
}

/* --- duplicates --- */

static bool note_duplicate(void *context, enum join_side side, const struct join_entry *first,
                           const struct join_entry *again, struct error *error)
{
    struct planner *planner = context;

    (void)error;
    if (side == JOIN_ROSTER && planner->spec->roster.duplicates == DUPLICATES_FIRST) {
        planner->plan->rows[again->ref].reason = REASON_OUTSIDE;
        return true;
    }
    if (side == JOIN_PREVIOUS) {
        problems_add(planner->previous_problems, again->extra, 0, "remove one of the rows",
                     "the key stands already in line %llu", (unsigned long long)first->extra);
        return true;
    }
    if (planner->duplicate_count < PROBLEMS_KEPT)
        planner->duplicates[planner->duplicate_count] =
            (struct duplicate){.index = again->ref, .first_line = first->extra};
    planner->duplicate_count++;
    return true;
}

/* Two rows of one Teams user would take its place in the ledger from each other in every run. */
static bool note_teams_twice(void *context, enum join_side side, const struct join_entry *first,
                             const struct join_entry *again, struct error *error)
{
    struct planner *planner = context;
    const struct plan_row *rows = planner->plan->rows;

    (void)side, (void)error;
    if (rows[first->ref].reason != REASON_OUTSIDE && rows[again->ref].reason != REASON_OUTSIDE)
        problems_add(planner->problems, again->extra, 0, "remove one of the rows",
                     "the user of this object id stands already in line %llu", (unsigned long long)first->extra);
    return true;
}

static bool ignore_match(void *context, const struct join_entry *const entries[JOIN_SIDES], struct error *error)
{
    (void)context, (void)entries, (void)error;
    return true;
}

/* --- what needs a second look at the roster --- */

static bool name_duplicate(void *context, const struct roster_row *row, struct error *error)
{
    struct planner *planner = context;
    const uint64_t kept = planner->duplicate_count < PROBLEMS_KEPT ? planner->duplicate_count : (uint64_t)PROBLEMS_KEPT;

    (void)error;
    for (uint64_t i = 0; i < kept; i++)
        if (planner->duplicates[i].index == row->index)
            problems_add(planner->problems, row->line, 0, "remove one of the rows, or set roster.duplicates: first",
                         "key \"%s\" stands already in line %llu", row->key.bytes,
                         (unsigned long long)planner->duplicates[i].first_line);
    return true;
}

/* Compares the watch texts column by column. A column that was not watched when the text was applied has no former
 * value: it is taken over, not taken for a change. */
static bool watch_differs(const struct text_list *watch, const char *now, const char *applied)
{
    const char *a;
    const char *b;
    size_t a_length;
    size_t b_length;

    for (size_t i = 0; i < watch->count; i++)
        if (roster_watch_find(applied, watch->items[i], &a, &a_length) &&
            roster_watch_find(now, watch->items[i], &b, &b_length) &&
            (a_length != b_length || memcmp(a, b, a_length) != 0))
            return true;
    return false;
}

static bool resolve(void *context, const struct roster_row *row, struct error *error)
{
    struct planner *planner = context;
    struct plan_row *decision = &planner->plan->rows[row->index];
    struct identity identity;

    if (decision->reason != REASON_UNRESOLVED)
        return true;
    if (!ledger_find(planner->ledger, row->key.bytes, row->key.length, &identity, error))
        return error->code == ERROR_NONE
                   ? error_set(error, ERROR_SYSTEM, "user \"%s\" vanished from the ledger", row->key.bytes)
                   : false;
    const bool differs = watch_differs(&planner->spec->roster.watch, row->watch, identity.watch);
    const struct join_entry here = {.watch = differs, .ref = row->index};
    const struct join_entry ledger = {.extra = planner_known(planner, &identity) | KNOWN_COMPARABLE};
    const struct join_entry *const entries[JOIN_SIDES] = {[JOIN_ROSTER] = &here, [JOIN_LEDGER] = &ledger};
    decision->reason = planner_judge_present(planner, entries);
    /* A change that no rule of this job acts on stays one for another job. */
    decision->adopts = !differs || decision->reason == REASON_RETURNED;
    return true;
}

static bool read_again(struct planner *planner, int roster_fd, struct problems *problems,
                       bool (*row)(void *context, const struct roster_row *row, struct error *error),
                       struct error *error)
{
    const struct roster_visitor visitor = {.row = row, .context = planner};
    struct roster_summary summary;
    struct roster_options options;

    if (!plan_roster_options(planner->spec, problems->file, roster_fd, &options, error))
        return false;
    const bool ok = roster_read(&options, &visitor, problems, &summary, error);
    plan_roster_options_clear(&options);
    if (ok && memcmp(summary.digest, planner->plan->roster.digest, sizeof summary.digest) != 0)
        return error_set(error, ERROR_INPUT, "%s changed while it was read", problems->file);
    return ok;
}

static bool name_duplicates(struct planner *planner, int roster_fd, struct error *error)
{
    struct problems told; /* what else is wrong with the roster, by the first reading */

    if (!problems_init(&told, planner->problems->file, error))
        return false;
    const bool ok = read_again(planner, roster_fd, &told, name_duplicate, error) || told.total > 0;
    problems_clear(&told);
    return ok;
}

static bool refuse_duplicates(struct planner *planner, int roster_fd, struct error *error)
{
    const uint64_t others = planner->problems->total;

    if (planner->duplicate_count > 0 && !name_duplicates(planner, roster_fd, error))
        return false;
    planner->problems->total = others + planner->duplicate_count;
    if (planner->problems->total > 0)
        return error_set(error, ERROR_INPUT, "%s has faults", planner->problems->file);
    return planner->previous_problems->total == 0 ||
           error_set(error, ERROR_INPUT, "%s has faults", planner->previous_problems->file);
}

/* --- counting --- */

static void count_actions(const struct action_list *actions, uint64_t counts[ACTION_COUNT])
{
    for (size_t i = 0; i < actions->count; i++)
        counts[actions->items[i]]++;
}

/* What one user asks of each resource. */
static void count_parts(struct plan *plan, const struct action_list *actions, struct plan_place place)
{
    struct plan_part *part = &plan->parts[place.at];

    part->users++;
    part->first[actions->items[0]]++;
    for (size_t i = 0; i < actions->count; i++) {
        const uint8_t at = plan_step_at(actions, i, place);
        plan->parts[at].requests[actions->items[i]]++;
        plan->parts[at].arriving += at != place.at && actions->items[i] == ACTION_PROVISION;
    }
}

/* Counts one user; false when it is not acted on. */
static bool count_user(struct plan *plan, enum plan_reason reason, struct plan_place place, bool asked)
{
    const struct action_list actions = plan_actions(plan->spec, reason);

    plan->categories[plan_category(reason)]++;
    if (!asked || actions.count == 0)
        return false;
    count_actions(&actions, plan->whole);
    if (plan->options.limit != 0 && plan->users == plan->options.limit)
        return false;
    plan->users++;
    count_actions(&actions, plan->requests);
    count_parts(plan, &actions, place);
    return true;
}

static int by_row(const void *left, const void *right)
{
    const struct plan_removed *a = left;
    const struct plan_removed *b = right;

    return (a->row > b->row) - (a->row < b->row);
}

static void count_all(struct plan *plan)
{
    for (uint64_t i = 0; i < plan->roster.rows; i++) {
        struct plan_row *row = &plan->rows[i];
        const enum plan_reason reason = (enum plan_reason)row->reason;
        row->adopts = row->adopts && row->acts;
        plan->adopting += row->adopts;
        row->acts = reason != REASON_OUTSIDE && count_user(plan, reason, plan_place_of(plan, i), row->acts);
    }
    if (plan->removed_count > 1)
        qsort(plan->removed, plan->removed_count, sizeof *plan->removed, by_row);
    for (size_t i = 0; i < plan->removed_count; i++) {
        struct plan_removed *removed = &plan->removed[i];
        removed->acts = count_user(plan, removed->reason, (struct plan_place){removed->at, removed->at}, removed->acts);
    }
}

static bool open_planner(struct planner *planner, const struct plan_options *options, struct error *error)
{
    const struct spec *spec = planner->spec;

    planner->found = calloc(options->only != NULL ? options->only->count : 1, sizeof *planner->found);
    planner->plan = calloc(1, sizeof *planner->plan);
    if (planner->found == NULL || planner->plan == NULL)
        return error_no_memory(error);
    planner->plan->spec = spec;
    planner->plan->options = *options;
    planner->plan->parts = calloc(spec->resource_count, sizeof *planner->plan->parts);
    if (planner->plan->parts == NULL)
        return error_no_memory(error);
    if (!protects_init(&planner->protects, &spec->limits.protect, error))
        return false;
    homes_init(&planner->homes, spec);
    if (planner->ledger != NULL && (planner->ids = places_find(spec, NULL, planner->ledger, error)) == NULL)
        return false;
    planner->join = join_new(error);
    if (spec_exchanges(spec) && (planner->teams = join_new(error)) == NULL)
        return false;
    return planner->join != NULL;
}

/* There must be somebody, and everybody whom --only names: who cuts off a leaver and mistypes must hear of it. */
static bool check_users(const struct planner *planner, struct error *error)
{
    const struct plan *plan = planner->plan;
    const struct text_list *only = plan->options.only;

    if (plan->roster.rows == 0 && plan->active == 0) {
        problems_add(planner->problems, 0, 0, "a roster needs a header and at least one user", "it has no rows");
        return error_set(error, ERROR_INPUT, "%s has no rows", planner->problems->file);
    }
    for (size_t i = 0; only != NULL && i < only->count; i++) {
        if (planner->found[i])
            continue;
        error_set(error, ERROR_INPUT, "neither the roster nor the ledger has a user \"%s\"", only->items[i]);
        return error_hint(error, "--only takes what stands in the roster's column \"%s\"", planner->spec->roster.key);
    }
    return true;
}

/* A roster's faults are told in one pass: duplicates are looked for among the rows that have no other. */
static bool read_and_judge(struct planner *planner, int roster_fd, struct error *error)
{
    const bool ok = planner_read_sides(planner, roster_fd, error) && check_users(planner, error);
    const struct join_visitor users = {
        .match = ok ? planner_judge : ignore_match, .duplicate = note_duplicate, .context = planner};
    const struct join_visitor teams = {.match = ignore_match, .duplicate = note_teams_twice, .context = planner};
    struct error found;

    if (!ok && (error->code == ERROR_SYSTEM || planner->problems->total == 0))
        return false;
    if (join_run(planner->join, &users, &found) &&
        (planner->teams == NULL || join_run(planner->teams, &teams, &found)) &&
        refuse_duplicates(planner, roster_fd, &found))
        return ok;
    if (ok)
        *error = found;
    return false;
}

struct plan *plan_make(const struct spec *spec, int roster_fd, struct ledger *ledger,
                       const struct plan_options *options, struct problems *problems,
                       struct problems *previous_problems, struct error *error)
{
    struct planner planner = {
        .spec = spec, .ledger = ledger, .problems = problems, .previous_problems = previous_problems};

    bool ok = open_planner(&planner, options, error) && read_and_judge(&planner, roster_fd, error);
    join_free(planner.join);
    join_free(planner.teams);
    ok = ok && (!planner.unresolved || read_again(&planner, roster_fd, problems, resolve, error));
    if (ok)
        planner.plan->unknown_count = protects_unknown(&planner.protects, &planner.plan->unknown);
    protects_clear(&planner.protects);
    free(planner.ids);
    free(planner.found);
    if (ok) {
        count_all(planner.plan);
        return planner.plan;
    }
    plan_free(planner.plan);
    return NULL;
}

void plan_free(struct plan *plan)
{
    if (plan == NULL)
        return;
    free(plan->rows);
    free(plan->places);
    free(plan->parts);
    free(plan->removed);
    free(plan->returned);
    free(plan->protected);
    free(plan);
}
