/* The two sides of the join: the roster on one hand, the ledger and an older CSV on the other. */
#include "run/planner.h"
#include "run/teams.h"

#include "core/text.h"
#include "output/failures.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Is this one of the users to look at? Both threads note whom they have found. */
static bool is_asked(const struct planner *planner, const char *key)
{
    const struct text_list *only = planner->plan->options.only;
    bool asked = only == NULL;

    for (size_t i = 0; only != NULL && i < only->count; i++) {
        if (strcmp(only->items[i], key) != 0)
            continue;
        atomic_store_explicit(&planner->found[i], true, memory_order_relaxed);
        asked = true;
    }
    return asked;
}

/* --- the roster --- */

static bool find_category_column(void *context, const struct roster_header *header, struct error *error)
{
    struct planner *planner = context;

    (void)error;
    planner->category_column = SIZE_MAX;
    for (size_t i = 0; i < header->count; i++)
        if (strcmp(header->fields[i].bytes, FAILURES_CATEGORY_COLUMN) == 0)
            planner->category_column = i;
    planner->plan->is_failures = planner->category_column != SIZE_MAX;
    return true;
}

static bool grow_places(struct planner *planner, uint64_t capacity, struct error *error)
{
    if (planner->spec->resource_count == 1)
        return true;
    struct plan_place *places = realloc(planner->plan->places, capacity * sizeof *places);
    if (places == NULL)
        return error_no_memory(error);
    memset(places + planner->capacity, 0, (capacity - planner->capacity) * sizeof *places);
    planner->plan->places = places;
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
        if (!grow_places(planner, capacity, error))
            return NULL;
        planner->capacity = capacity;
    }
    return &plan->rows[index];
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

static void report_no_resource(struct planner *planner, const struct roster_row *row)
{
    const char *column = planner->spec->roster.resource_column;
    const struct roster_field *value = &row->extras[0];
    char hint[SPEC_SUGGESTION_SIZE];

    spec_suggest_resource(planner->spec, value->bytes, hint);
    if (value->length == 0)
        problems_add(planner->problems, row->line, 0, hint, "%s is empty: in which resource is the user?", column);
    else
        problems_add(planner->problems, row->line, 0, hint, "%s \"%.64s\" is none of the job's resources", column,
                     value->bytes);
}

/* Writes down which resource the user belongs to; one that cannot be told is a fault of the roster. */
static bool note_place(struct planner *planner, const struct roster_row *row)
{
    const size_t belongs = homes_find(&planner->homes, row);

    if (belongs == SPEC_NO_RESOURCE) {
        report_no_resource(planner, row);
        return false;
    }
    if (planner->plan->places != NULL)
        planner->plan->places[row->index] = (struct plan_place){(uint8_t)belongs, (uint8_t)belongs};
    if (planner->spec->resources[belongs].custom_id)
        check_custom_id(planner, row);
    return true;
}

static bool note_teams_user(struct planner *planner, const struct roster_row *row, struct error *error)
{
    struct roster_field token;
    char identity[ACS_IDENTITY_MAX + 1];

    if (!teams_check(planner->spec, row, planner->problems))
        return true;
    teams_of_row(planner->spec, row, &token, identity);
    return join_add(planner->teams, JOIN_ROSTER, identity, strlen(identity), 0, row->index, row->line, error);
}

static bool plan_roster_row(void *context, const struct roster_row *row, struct error *error)
{
    struct planner *planner = context;
    struct plan_row *decision = row_at(planner, row->index, error);

    if (decision == NULL)
        return false;
    decision->check = plan_key_check(row->key.bytes, row->key.length) & ((1U << 25) - 1);
    decision->reason = row->selected ? REASON_UNRESOLVED : REASON_OUTSIDE;
    decision->acts = is_asked(planner, row->key.bytes);
    /* A row of a failures file whose user was not in the roster: still not in the roster. */
    if (planner->category_column != SIZE_MAX &&
        strcmp(row->fields[planner->category_column].bytes, FAILURES_REMOVED) == 0) {
        decision->reason = REASON_OUTSIDE;
        return true;
    }
    if (row->selected && !note_place(planner, row))
        return true;
    if (row->selected && planner->teams != NULL && !note_teams_user(planner, row, error))
        return false;
    protects_has(&planner->protects, row->key.bytes, row->key.length); /* noted, for who is in no ledger yet */
    return join_add(planner->join, JOIN_ROSTER, row->key.bytes, row->key.length,
                    join_watch_hash(row->watch, row->watch_length), row->index, row->line, error);
}

static bool read_roster(struct planner *planner, int fd, struct error *error)
{
    const char *name = strcmp(planner->spec->roster.csv, "-") == 0 ? "standard input" : planner->spec->roster.csv;
    const struct roster_visitor visitor = {.header = find_category_column, .row = plan_roster_row, .context = planner};
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

static bool gives_token(const struct action_list *actions)
{
    return action_list_has(actions, ACTION_ISSUE) || action_list_has(actions, ACTION_EXCHANGE);
}

/* Tokens that were made together do not end in the same minute for this purpose: each user has its part of jitter. */
static int64_t renewal_margin_s(const struct spec *spec, const struct identity *identity)
{
    const uint32_t jitter_s = spec->rules.expiring.jitter_s;

    return (int64_t)spec->rules.expiring.within_s +
           (jitter_s == 0 ? 0 : (int64_t)(join_watch_hash(identity->key, identity->key_length) % jitter_s));
}

/* The index of an identity's resource, or KNOWN_ELSEWHERE. */
static uint64_t place_of(const struct planner *planner, const struct identity *identity)
{
    for (size_t i = 0; i < planner->spec->resource_count; i++)
        if (planner->ids[i] == identity->resource)
            return i;
    return KNOWN_ELSEWHERE;
}

uint8_t planner_known_place(uint64_t known)
{
    return (uint8_t)(known >> KNOWN_PLACE_SHIFT);
}

uint64_t planner_known(const struct planner *planner, const struct identity *identity)
{
    const struct spec *spec = planner->spec;
    const struct plan_options *options = &planner->plan->options;
    const struct action_list *actions = &spec->rules.expiring.actions;
    const bool looks = spec->rules.expiring.set;
    uint64_t known = (uint64_t)identity->state;

    if (spec_has_tokens(spec)) {
        const int64_t ends = identity->token_expires_at_s;
        if (identity->token_owed || (looks && ends == 0 && gives_token(actions)))
            known |= KNOWN_NO_TOKEN;
        else if (looks && ends == 0)
            /* To revoke what is not there would be done again by every run. */
            known |= action_list_has(actions, ACTION_DELETE) ? KNOWN_ENDING : 0;
        else if (looks && ends - options->now_s <= renewal_margin_s(spec, identity))
            known |= KNOWN_ENDING;
    }
    if (identity->token_stale || options->reissue_all)
        known |= KNOWN_STALE;
    known |= place_of(planner, identity) << KNOWN_PLACE_SHIFT;
    if (is_comparable(&spec->roster.watch, identity->watch))
        known |= KNOWN_COMPARABLE;
    if (identity->removed_at_s != 0)
        known |= KNOWN_MARKED;
    if (identity->removed_at_s != 0 && options->now_s - identity->removed_at_s >= (int64_t)spec->rules.removed.after_s)
        known |= KNOWN_GRACE_OVER;
    if (is_asked(planner, identity->key))
        known |= KNOWN_ASKED;
    if (protects_has(&planner->protects, identity->key, identity->key_length))
        known |= KNOWN_PROTECTED;
    return known;
}

struct other_side {
    struct planner *planner;
    uint64_t active;
    uint64_t strangers;  /* of these, those of resources that the spec does not have */
    int64_t elsewhere;   /* what the ledger calls one of these resources */
    bool exchanges;      /* the job: its users are Teams users, to whom the service has given no identity */
    uint64_t misfits;    /* of those that live, who is of the other kind */
    struct buffer watch; /* the watched columns of one user */
    bool ok;
    struct error error;
};

static bool plan_identity(void *context, const struct identity *identity, struct error *error)
{
    struct other_side *side = context;
    const struct planner *planner = side->planner;

    const struct text_list *watched = &planner->spec->roster.watch;
    uint64_t known = planner_known(planner, identity);
    uint64_t watch = 0;

    const bool lives = identity->state == IDENTITY_ACTIVE || identity->state == IDENTITY_REVOKED;

    side->active += lives;
    side->misfits += lives && acs_identity_is_teams(identity->id) != side->exchanges;
    if (lives && planner_known_place(known) == KNOWN_ELSEWHERE) {
        side->strangers++;
        side->elsewhere = identity->resource;
    }
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

    const int fd = spec_exchanges(planner->spec) ? roster_open_secret(path, error) : roster_open(path, error);
    if (fd < 0)
        return false;
    bool ok = plan_roster_options(planner->spec, path, fd, &options, error);
    if (ok) {
        options.watch_may_be_missing = true;
        options.filter_count = 0;
        options.extra_count = 0;
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

    side->ok = (planner->ledger == NULL || ledger_each_identity(planner->ledger, plan_identity, side, &side->error)) &&
               (planner->spec->roster.previous == NULL || read_previous(planner, &side->error));
    return NULL;
}

struct stranger {
    int64_t id;
    char name[LEDGER_NAME_SIZE];
    char authority[LEDGER_AUTHORITY_SIZE];
};

static bool name_stranger(void *context, const struct resource_count *resource, struct error *error)
{
    struct stranger *stranger = context;

    (void)error;
    if (resource->id == stranger->id) {
        snprintf(stranger->name, sizeof stranger->name, "%s", resource->name);
        snprintf(stranger->authority, sizeof stranger->authority, "%s", resource->authority);
    }
    return true;
}

/* Who is in a resource that the spec does not have can be neither looked after nor deleted, and is not forgotten. */
static bool refuse_strangers(const struct planner *planner, const struct other_side *side, struct error *error)
{
    struct stranger stranger = {.id = side->elsewhere};

    if (!ledger_each_resource(planner->ledger, name_stranger, &stranger, error))
        return false;
    error_set(error, ERROR_LIMIT, "%s has %" PRIu64 " %s in resources that the job spec does not have, such as %s%s%s",
              planner->spec->ledger, side->strangers, text_noun(side->strangers, "user", "users"), stranger.name,
              stranger.name[0] != '\0' ? " at " : "", stranger.authority);
    return error_hint(error, "put it back under resources; to leave it, move its users to another first (rules.moved)");
}

/* A user has one row in the ledger: to write the one kind of identity over the other would forget one that lives. */
static bool refuse_misfits(const struct planner *planner, const struct other_side *side, struct error *error)
{
    if (side->exchanges)
        error_set(error, ERROR_LIMIT,
                  "%s has %" PRIu64 " %s of the service's, and the job exchanges the tokens of Teams users",
                  planner->spec->ledger, side->misfits, text_noun(side->misfits, "identity", "identities"));
    else
        error_set(error, ERROR_LIMIT, "%s has %" PRIu64 " Teams %s, and the job exchanges no tokens",
                  planner->spec->ledger, side->misfits, text_noun(side->misfits, "user", "users"));
    return error_hint(error, "write another file under ledger: Teams users have one of their own");
}

bool planner_read_sides(struct planner *planner, int roster_fd, struct error *error)
{
    struct other_side side = {.planner = planner, .exchanges = spec_exchanges(planner->spec)};
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
    return ok && side.ok && (side.strangers == 0 || refuse_strangers(planner, &side, error)) &&
           (side.misfits == 0 || refuse_misfits(planner, &side, error));
}
