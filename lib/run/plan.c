/* Making a plan: two threads read the two sides, the join deals every user its reason. */
#include "run/plan.h"

#include "output/failures.h"
#include "roster/join.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the ledger side of the join knows of a user, in join_entry.extra. */
enum {
    KNOWN_STATE = 3, /* enum identity_state */
    KNOWN_NO_TOKEN = 1 << 2,
    KNOWN_ENDING = 1 << 3,
    KNOWN_COMPARABLE = 1 << 4, /* its watch text has the columns that the spec watches */
    KNOWN_MARKED = 1 << 5,     /* marked as removed */
    KNOWN_GRACE_OVER = 1 << 6,
    KNOWN_ASKED = 1 << 7, /* by --only, or there is no --only */
};

struct planner {
    struct plan *plan;
    const struct spec *spec;
    struct join *join;
    struct ledger *ledger;
    uint64_t capacity; /* of plan->rows */
    size_t category_column; /* of a failures file; SIZE_MAX */
    bool unresolved;
    struct duplicate {
        uint64_t index;
        uint64_t first_line;
    } duplicates[PROBLEMS_KEPT];
    uint64_t duplicate_count;
    struct problems *problems;
    struct problems *previous_problems;
};

uint32_t plan_key_check(const char *key, size_t key_length)
{
    return (uint32_t)(join_watch_hash(key, key_length) & ((1U << 25) - 1));
}

static bool is_in(const struct text_list *list, const char *key)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], key) == 0)
            return true;
    return false;
}

/* --- the roster's side --- */

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
    return true;
}

void plan_roster_options_clear(struct roster_options *options)
{
    free((void *)options->filters);
    *options = (struct roster_options){0};
}

static bool find_category_column(void *context, const struct roster_header *header, struct error *error)
{
    struct planner *planner = context;

    (void)error;
    planner->category_column = SIZE_MAX;
    for (size_t i = 0; i < header->count; i++)
        if (strcmp(header->fields[i].bytes, FAILURES_CATEGORY_COLUMN) == 0)
            planner->category_column = i;
    return true;
}

static struct plan_row *row_at(struct planner *planner, uint64_t index, struct error *error)
{
    struct plan *plan = planner->plan;

    if (index >= planner->capacity) {
        const uint64_t capacity = planner->capacity == 0 ? 1024 : planner->capacity * 2;
        struct plan_row *rows = realloc(plan->rows, capacity * sizeof *rows);
        if (rows == NULL) {
            error_no_memory(error);
            return NULL;
        }
        memset(rows + planner->capacity, 0, (capacity - planner->capacity) * sizeof *rows);
        plan->rows = rows;
        planner->capacity = capacity;
    }
    return &plan->rows[index];
}

static bool note_protected(struct plan *plan, const struct roster_row *row, struct error *error)
{
    const struct text_list *protect = &plan->spec->limits.protect;

    for (size_t i = 0; i < protect->count; i++) {
        if (strcmp(protect->items[i], row->key.bytes) != 0)
            continue;
        struct plan_protected *grown = realloc(plan->protected, (plan->protected_count + 1) * sizeof *grown);
        if (grown == NULL)
            return error_no_memory(error);
        plan->protected = grown;
        plan->protected[plan->protected_count++] =
            (struct plan_protected){.index = row->index, .key = protect->items[i]};
    }
    return true;
}

/* The service takes an id of ours only up to this length [REST 2025-03-02-preview]. */
static void check_custom_id(struct planner *planner, const struct roster_row *row)
{
    enum { CUSTOM_ID_MAX = 256 };
    size_t characters = 0;

    for (size_t i = 0; i < row->key.length; i++)
        characters += ((unsigned char)row->key.bytes[i] & 0xc0) != 0x80;
    if (characters > CUSTOM_ID_MAX)
        problems_add(planner->problems, row->line, 0, "shorten it, or leave resource.custom_id out",
                     "the key has %zu characters; with resource.custom_id it may have %d", characters,
                     (int)CUSTOM_ID_MAX);
}

static bool plan_roster_row(void *context, const struct roster_row *row, struct error *error)
{
    struct planner *planner = context;
    const struct plan_options *options = &planner->plan->options;
    struct plan_row *decision = row_at(planner, row->index, error);

    if (decision == NULL)
        return false;
    if (planner->spec->resource.custom_id)
        check_custom_id(planner, row);
    decision->check = plan_key_check(row->key.bytes, row->key.length) & ((1U << 25) - 1);
    decision->reason = row->selected ? REASON_UNRESOLVED : REASON_OUTSIDE;
    decision->acts = options->only == NULL || is_in(options->only, row->key.bytes);
    /* A row of a failures file whose user was not in the roster: still not in the roster. */
    if (planner->category_column != SIZE_MAX &&
        strcmp(row->fields[planner->category_column].bytes, FAILURES_REMOVED) == 0) {
        decision->reason = REASON_OUTSIDE;
        return true;
    }
    return note_protected(planner->plan, row, error) &&
           join_add(planner->join, JOIN_ROSTER, row->key.bytes, row->key.length,
                    join_watch_hash(row->watch, row->watch_length), row->index, row->line, error);
}

static bool read_roster(struct planner *planner, int fd, struct error *error)
{
    const char *name = strcmp(planner->spec->roster.csv, "-") == 0 ? "standard input" : planner->spec->roster.csv;
    const struct roster_visitor visitor = {
        .header = find_category_column, .row = plan_roster_row, .context = planner};
    struct roster_options options;

    if (!plan_roster_options(planner->spec, name, fd, &options, error))
        return false;
    /* Counted on this thread's own stack: the two threads must not write to one cache line for every row. */
    struct roster_summary summary;
    const bool ok = roster_read(&options, &visitor, planner->problems, &summary, error);
    planner->plan->roster = summary;
    plan_roster_options_clear(&options);
    return ok;
}

/* --- the other side --- */

/* Do the columns of a watch text stand as the spec watches them? The common case; names that need escaping, columns in
 * another order and those of other jobs are left to roster_watch_select(). */
static bool is_comparable(const struct text_list *watch, const char *text)
{
    for (size_t i = 0; i < watch->count; i++) {
        const size_t length = strlen(watch->items[i]);
        if (strncmp(text, watch->items[i], length) != 0 || text[length] != '=')
            return false;
        const char *end = strchr(text, ';');
        if ((end != NULL) != (i + 1 < watch->count))
            return false;
        text = end != NULL ? end + 1 : text + strlen(text);
    }
    return *text == '\0';
}

/* Tokens that were made together do not end in the same minute for this purpose: each user has its own part of jitter. */
static int64_t renewal_margin_s(const struct spec *spec, const struct identity *identity)
{
    const uint32_t jitter_s = spec->rules.expiring.jitter_s;

    return (int64_t)spec->rules.expiring.within_s +
           (jitter_s == 0 ? 0 : (int64_t)(join_watch_hash(identity->key, identity->key_length) % jitter_s));
}

static uint64_t known_of(const struct planner *planner, const struct identity *identity)
{
    const struct spec *spec = planner->spec;
    const struct plan_options *options = &planner->plan->options;
    const struct action_list *actions = &spec->rules.expiring.actions;
    const bool looks = spec->rules.expiring.set;
    uint64_t known = (uint64_t)identity->state;

    if (spec->token.scopes.count > 0) {
        const int64_t ends = identity->token_expires_at_s;
        if (identity->token_owed || (looks && ends == 0 && action_list_has(actions, ACTION_ISSUE)))
            known |= KNOWN_NO_TOKEN;
        else if (looks && ends == 0)
            /* To revoke what is not there would be done again by every run. */
            known |= action_list_has(actions, ACTION_DELETE) ? KNOWN_ENDING : 0;
        else if (looks && ends - options->now_s <= renewal_margin_s(spec, identity))
            known |= KNOWN_ENDING;
    }
    if (is_comparable(&spec->roster.watch, identity->watch))
        known |= KNOWN_COMPARABLE;
    if (identity->removed_at_s != 0)
        known |= KNOWN_MARKED;
    if (identity->removed_at_s != 0 && options->now_s - identity->removed_at_s >= (int64_t)spec->rules.removed.after_s)
        known |= KNOWN_GRACE_OVER;
    if (options->only == NULL || is_in(options->only, identity->key))
        known |= KNOWN_ASKED;
    return known;
}

struct other_side {
    struct planner *planner;
    uint64_t active;
    struct buffer watch; /* the watched columns of one user */
    bool ok;
    struct error error;
};

static bool plan_identity(void *context, const struct identity *identity, struct error *error)
{
    struct other_side *side = context;
    const struct planner *planner = side->planner;

    const struct text_list *watched = &planner->spec->roster.watch;
    uint64_t known = known_of(planner, identity);
    uint64_t watch = 0;

    side->active += identity->state == IDENTITY_ACTIVE || identity->state == IDENTITY_REVOKED;
    if ((known & KNOWN_COMPARABLE) != 0) {
        watch = join_watch_hash(identity->watch, identity->watch_length);
    } else {
        buffer_reset(&side->watch);
        if (roster_watch_select(identity->watch, (const char *const *)watched->items, watched->count, &side->watch)) {
            known |= KNOWN_COMPARABLE;
            watch = join_watch_hash(side->watch.data, side->watch.length);
        }
        if (buffer_failed(&side->watch))
            return buffer_error(&side->watch, "the watched columns of a user", error);
    }
    return join_add(planner->join, JOIN_LEDGER, identity->key, identity->key_length, watch, (uint64_t)identity->row,
                    known, error);
}

static bool plan_previous_row(void *context, const struct roster_row *row, struct error *error)
{
    struct planner *planner = context;

    return join_add(planner->join, JOIN_PREVIOUS, row->key.bytes, row->key.length,
                    join_watch_hash(row->watch, row->watch_length), row->index, row->line, error);
}

static bool read_previous(struct planner *planner, struct error *error)
{
    const char *path = planner->spec->roster.previous;
    const struct roster_visitor visitor = {.row = plan_previous_row, .context = planner};
    struct roster_options options;

    const int fd = roster_open(path, error);
    if (fd < 0)
        return false;
    bool ok = plan_roster_options(planner->spec, path, fd, &options, error);
    if (ok) {
        options.watch_may_be_missing = true;
        options.filter_count = 0;
        struct roster_summary summary;
        ok = roster_read(&options, &visitor, planner->previous_problems, &summary, error);
        planner->plan->previous = summary;
        plan_roster_options_clear(&options);
    }
    close(fd);
    return ok;
}

static void *read_other_side(void *context)
{
    struct other_side *side = context;
    struct planner *planner = side->planner;

    side->ok = (planner->ledger == NULL ||
                ledger_each_identity(planner->ledger, plan_identity, side, &side->error)) &&
               (planner->spec->roster.previous == NULL || read_previous(planner, &side->error));
    return NULL;
}

static bool read_both_sides(struct planner *planner, int roster_fd, struct error *error)
{
    struct other_side side = {.planner = planner};
    pthread_t thread;

    buffer_init(&side.watch, ROSTER_WATCH_MAX);
    if (pthread_create(&thread, NULL, read_other_side, &side) != 0)
        return error_set(error, ERROR_SYSTEM, "cannot start a thread");
    const bool ok = read_roster(planner, roster_fd, error);
    pthread_join(thread, NULL);
    buffer_clear(&side.watch);
    planner->plan->active = side.active;
    if (ok && !side.ok)
        *error = side.error;
    return ok && side.ok;
}

/* --- judging --- */

static enum plan_reason judge_present(const struct planner *planner, const struct join_entry *const entries[JOIN_SIDES])
{
    const struct join_entry *here = entries[JOIN_ROSTER];
    const struct join_entry *ledger = entries[JOIN_LEDGER];
    const struct join_entry *before = entries[JOIN_PREVIOUS];

    if (ledger == NULL)
        return REASON_NEW;
    const uint64_t known = ledger->extra;
    const enum identity_state state = (enum identity_state)(known & KNOWN_STATE);
    if (state == IDENTITY_DELETED)
        return REASON_DELETED;
    if (state == IDENTITY_LOST)
        return REASON_LOST;

    /* The value last applied decides, so that a change whose run failed is still one; an older roster adds what changed
     * from file to file. */
    const bool is_comparable_now = (known & KNOWN_COMPARABLE) != 0;
    const bool differs_from_applied = ledger->watch != here->watch;
    if (before == NULL && differs_from_applied && !is_comparable_now)
        return REASON_UNRESOLVED;
    const bool differs =
        (before != NULL && before->watch != here->watch) || (is_comparable_now && differs_from_applied);
    const bool has_tokens = planner->spec->token.scopes.count > 0;
    const struct action_list *changed = &planner->spec->rules.changed;
    /* Who is back needs a token, and the revoke that a change asks for is done. */
    const bool is_revoked_already = has_tokens && state == IDENTITY_REVOKED && changed->count == 1 &&
                                    changed->items[0] == ACTION_REVOKE;
    /* A change that no rule acts on must not keep a token from being renewed. */
    if (differs && changed->count > 0 && !is_revoked_already)
        return REASON_WATCH;
    if (planner->plan->options.reissue_all && has_tokens)
        return REASON_REISSUE;
    if (state == IDENTITY_REVOKED)
        return has_tokens ? REASON_RETURNED : REASON_SAME;
    if ((known & KNOWN_NO_TOKEN) != 0)
        return REASON_NO_TOKEN;
    if ((known & KNOWN_ENDING) != 0)
        return REASON_ENDING;
    return differs ? REASON_WATCH : REASON_SAME;
}

/* REASON_SAME: not removed, or nothing is left to do about it. */
static enum plan_reason judge_absent(const struct planner *planner, const struct join_entry *const entries[JOIN_SIDES])
{
    const struct spec *spec = planner->spec;
    const uint64_t known = entries[JOIN_LEDGER]->extra;
    const enum identity_state state = (enum identity_state)(known & KNOWN_STATE);

    if (state == IDENTITY_DELETED || state == IDENTITY_LOST)
        return REASON_SAME;
    if (spec->roster.previous != NULL && entries[JOIN_PREVIOUS] == NULL && (known & KNOWN_MARKED) == 0)
        return REASON_SAME;
    const bool deletes = action_list_has(&spec->rules.removed.actions, ACTION_DELETE);
    const bool over = spec->rules.removed.after_s == 0 || (known & KNOWN_GRACE_OVER) != 0;
    if (over && state == IDENTITY_REVOKED && !deletes)
        return REASON_SAME;
    if (over)
        return spec->rules.removed.after_s == 0 ? REASON_GONE : REASON_GRACE_OVER;
    /* A mark alone does not say that the revoke was done: the run that set it may have been stopped, or it failed. */
    const bool waits = state == IDENTITY_REVOKED || spec->rules.removed.meanwhile.count == 0;
    return (known & KNOWN_MARKED) != 0 && waits ? REASON_GRACE : REASON_MEANWHILE;
}

static bool append_removed(struct plan *plan, const struct plan_removed *removed, struct error *error)
{
    const size_t count = plan->removed_count;

    if ((count & (count - 1)) == 0) { /* a power of two: full */
        struct plan_removed *grown = realloc(plan->removed, (count == 0 ? 1 : count * 2) * sizeof *grown);
        if (grown == NULL)
            return error_no_memory(error);
        plan->removed = grown;
    }
    plan->removed[plan->removed_count++] = *removed;
    return true;
}

static bool append_returned(struct plan *plan, int64_t row, struct error *error)
{
    const size_t count = plan->returned_count;

    if ((count & (count - 1)) == 0) {
        int64_t *grown = realloc(plan->returned, (count == 0 ? 1 : count * 2) * sizeof *grown);
        if (grown == NULL)
            return error_no_memory(error);
        plan->returned = grown;
    }
    plan->returned[plan->returned_count++] = row;
    return true;
}

static bool judge(void *context, const struct join_entry *const entries[JOIN_SIDES], struct error *error)
{
    struct planner *planner = context;
    struct plan *plan = planner->plan;
    const struct join_entry *here = entries[JOIN_ROSTER];
    const struct join_entry *ledger = entries[JOIN_LEDGER];
    const struct join_entry *before = entries[JOIN_PREVIOUS];

    plan->previous_gone += here == NULL && before != NULL;
    plan->previous_changed += here != NULL && before != NULL && here->watch != before->watch;
    if (here != NULL) {
        struct plan_row *row = &plan->rows[here->ref];
        if (row->reason != REASON_OUTSIDE)
            row->reason = judge_present(planner, entries);
        /* Every token from before is dead: the new one stands for the values of today. */
        row->adopts = row->reason == REASON_RETURNED;
        planner->unresolved |= row->reason == REASON_UNRESOLVED;
        if (ledger != NULL && (ledger->extra & KNOWN_MARKED) != 0)
            return append_returned(plan, (int64_t)ledger->ref, error);
        return true;
    }
    if (ledger == NULL)
        return true;
    const bool asked = (ledger->extra & KNOWN_ASKED) != 0;
    const enum plan_reason reason = judge_absent(planner, entries);
    const struct plan_removed removed = {
        .row = (int64_t)ledger->ref,
        .reason = reason,
        .acts = asked,
        .marks = asked && reason == REASON_MEANWHILE && (ledger->extra & KNOWN_MARKED) == 0,
    };
    return removed.reason == REASON_SAME || append_removed(plan, &removed, error);
}

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

/* --- what needs a second look at the roster --- */

static bool name_duplicate(void *context, const struct roster_row *row, struct error *error)
{
    struct planner *planner = context;
    const uint64_t kept =
        planner->duplicate_count < PROBLEMS_KEPT ? planner->duplicate_count : (uint64_t)PROBLEMS_KEPT;

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
    const struct join_entry here = {.watch = differs};
    const struct join_entry ledger = {.extra = known_of(planner, &identity) | KNOWN_COMPARABLE};
    const struct join_entry *const entries[JOIN_SIDES] = {[JOIN_ROSTER] = &here, [JOIN_LEDGER] = &ledger};
    decision->reason = judge_present(planner, entries);
    /* A change that no rule of this job acts on stays one for another job. */
    decision->adopts = !differs || decision->reason == REASON_RETURNED;
    return true;
}

static bool read_again(struct planner *planner, int roster_fd,
                       bool (*row)(void *context, const struct roster_row *row, struct error *error),
                       struct error *error)
{
    const struct roster_visitor visitor = {.row = row, .context = planner};
    struct roster_summary summary;
    struct roster_options options;

    if (!plan_roster_options(planner->spec, planner->problems->file, roster_fd, &options, error))
        return false;
    const bool ok = roster_read(&options, &visitor, planner->problems, &summary, error);
    plan_roster_options_clear(&options);
    if (ok && memcmp(summary.digest, planner->plan->roster.digest, sizeof summary.digest) != 0)
        return error_set(error, ERROR_INPUT, "%s changed while it was read", planner->problems->file);
    return ok;
}

static bool refuse_duplicates(struct planner *planner, int roster_fd, struct error *error)
{
    if (planner->previous_problems->total > 0)
        return error_set(error, ERROR_INPUT, "%s has faults", planner->previous_problems->file);
    if (planner->duplicate_count == 0)
        return true;
    if (!read_again(planner, roster_fd, name_duplicate, error) && planner->problems->total == 0)
        return false;
    if (planner->duplicate_count > PROBLEMS_KEPT)
        planner->problems->total = planner->duplicate_count;
    return error_set(error, ERROR_INPUT, "%s has duplicate keys", planner->problems->file);
}

/* --- counting --- */

static void count_actions(const struct action_list *actions, uint64_t counts[ACTION_COUNT])
{
    for (size_t i = 0; i < actions->count; i++)
        counts[actions->items[i]]++;
}

/* Counts one user; false when it is not acted on. */
static bool count_user(struct plan *plan, enum plan_reason reason, bool asked)
{
    const struct action_list actions = plan_actions(plan->spec, reason);

    plan->categories[plan_category(reason)]++;
    if (!asked || actions.count == 0)
        return false;
    count_actions(&actions, plan->whole);
    if (plan->options.limit != 0 && plan->users == plan->options.limit)
        return false;
    plan->users++;
    plan->first[actions.items[0]]++;
    count_actions(&actions, plan->requests);
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
        row->acts = reason != REASON_OUTSIDE && count_user(plan, reason, row->acts);
    }
    if (plan->removed_count > 1)
        qsort(plan->removed, plan->removed_count, sizeof *plan->removed, by_row);
    for (size_t i = 0; i < plan->removed_count; i++)
        plan->removed[i].acts = count_user(plan, plan->removed[i].reason, plan->removed[i].acts);
}

struct plan *plan_make(const struct spec *spec, int roster_fd, struct ledger *ledger,
                       const struct plan_options *options, struct problems *problems,
                       struct problems *previous_problems, struct error *error)
{
    struct planner planner = {
        .spec = spec, .ledger = ledger, .problems = problems, .previous_problems = previous_problems};
    const struct join_visitor visitor = {.match = judge, .duplicate = note_duplicate, .context = &planner};
    bool ok = false;

    planner.plan = calloc(1, sizeof *planner.plan);
    if (planner.plan == NULL) {
        error_no_memory(error);
        return NULL;
    }
    planner.plan->spec = spec;
    planner.plan->options = *options;
    planner.join = join_new(error);
    if (planner.join == NULL)
        goto out;
    if (!read_both_sides(&planner, roster_fd, error))
        goto out;
    if (planner.plan->roster.rows == 0 && planner.plan->active == 0) {
        problems_add(problems, 0, 0, "a roster needs a header and at least one user", "it has no rows");
        error_set(error, ERROR_INPUT, "%s has no rows", problems->file);
        goto out;
    }
    if (!join_run(planner.join, &visitor, error) || !refuse_duplicates(&planner, roster_fd, error))
        goto out;
    join_free(planner.join);
    planner.join = NULL;
    if (planner.unresolved && !read_again(&planner, roster_fd, resolve, error))
        goto out;
    count_all(planner.plan);
    ok = true;
out:
    join_free(planner.join);
    if (!ok) {
        plan_free(planner.plan);
        return NULL;
    }
    return planner.plan;
}

void plan_free(struct plan *plan)
{
    if (plan == NULL)
        return;
    free(plan->rows);
    free(plan->removed);
    free(plan->returned);
    free(plan->protected);
    free(plan);
}
