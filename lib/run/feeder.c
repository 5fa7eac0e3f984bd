/* From a plan to tasks. */
#include "run/moves.h"
#include "run/teams.h"

#include <string.h>

struct feeder {
    struct site *site;
    uint8_t at; /* its index */
    enum action kind;
    const struct spec *spec;
    struct ledger *ledger;
    const struct roster_header *header;
    size_t secret_column; /* of the roster; SIZE_MAX: none */
    struct csv_style style;
    struct buffer row;
    struct buffer watch;
    bool stopped;
};

static bool keep_header(void *context, const struct roster_header *header, struct error *error)
{
    struct feeder *feeder = context;

    (void)error;
    feeder->header = header;
    feeder->secret_column = SIZE_MAX;
    for (size_t i = 0; spec_exchanges(feeder->spec) && i < header->count; i++)
        if (strcmp(header->fields[i].bytes, feeder->spec->roster.teams_token_column) == 0)
            feeder->secret_column = i;
    return true;
}

static bool set_identity(struct task *task, const struct identity *identity, struct error *error)
{
    const size_t length = strlen(identity->id);

    if (length >= sizeof task->identity)
        return error_set(error, ERROR_INPUT, "user \"%s\" has an identity of more than %zu characters in the ledger",
                         identity->key, sizeof task->identity - 1);
    memcpy(task->identity, identity->id, length + 1);
    return true;
}

static bool vanished(const char *what, struct error *error)
{
    return error->code != ERROR_NONE ? false : error_set(error, ERROR_SYSTEM, "%s vanished from the ledger", what);
}

/* What the ledger knows of a user of the roster: nothing of one to be provisioned, and perhaps nothing of one whose
 * token is to be exchanged. */
static bool find_known(struct feeder *feeder, const struct roster_row *row, struct identity *identity,
                       struct error *error)
{
    *identity = (struct identity){.id = "", .watch = ""};
    if (feeder->kind == ACTION_PROVISION ||
        ledger_find(feeder->ledger, row->key.bytes, row->key.length, identity, error))
        return true;
    return feeder->kind == ACTION_EXCHANGE ? error->code == ERROR_NONE : vanished(row->key.bytes, error);
}

/* The identity that the actions are about, and what an exchange gives for its token. */
static bool set_subject(struct feeder *feeder, struct task *task, const struct identity *identity,
                        const struct roster_row *row, struct error *error)
{
    struct roster_field token;

    if (feeder->kind == ACTION_PROVISION)
        return true;
    if (feeder->kind != ACTION_EXCHANGE)
        return set_identity(task, identity, error);
    teams_of_row(feeder->spec, row, &token, task->identity);
    return secret_set(&task->teams_token, token.bytes, token.length, error);
}

/* Puts the watch text and the row, as the recorder wants them, into the feeder's buffers. `applied`: the watched values
 * that are known of the identity already. */
static bool encode(struct feeder *feeder, const struct roster_row *row, const char *applied, struct error *error)
{
    buffer_reset(&feeder->watch);
    roster_watch_merge(row->watch, applied, &feeder->watch);
    if (buffer_failed(&feeder->watch))
        return buffer_error(&feeder->watch, "the watched columns of a user", error);
    buffer_reset(&feeder->row);
    failures_encode_row(&feeder->row, &feeder->style, feeder->header, row->fields, feeder->secret_column);
    return !buffer_failed(&feeder->row) || buffer_error(&feeder->row, "a row of the roster", error);
}

/* A task for a user of the roster; NULL with the error. */
static struct task *task_of_row(struct feeder *feeder, const struct plan_user *user, const struct action_list *actions,
                                struct error *error)
{
    const struct roster_row *row = user->row;
    struct identity identity;

    if (!find_known(feeder, row, &identity, error))
        return NULL;
    /* Who moves gets a new identity: what was applied to the old one is not about it. */
    const bool is_new = action_list_has(actions, ACTION_PROVISION);
    if (!encode(feeder, row, is_new ? "" : identity.watch, error))
        return NULL;
    struct task *task = task_new(plan_category(user->reason), actions, row->key.bytes, row->key.length,
                                 feeder->watch.data, feeder->watch.length, feeder->row.data, feeder->row.length);
    if (task == NULL) {
        error_no_memory(error);
        return NULL;
    }
    if (set_subject(feeder, task, &identity, row, error))
        return task;
    task_free(task);
    return NULL;
}

/* A task for a user that is gone from the roster; NULL with the error. */
static struct task *task_of_removed(struct feeder *feeder, const struct plan_user *user,
                                    const struct action_list *actions, struct error *error)
{
    struct identity identity;

    if (!ledger_find_row(feeder->ledger, user->ledger_row, &identity, error)) {
        vanished("a removed user", error);
        return NULL;
    }
    struct task *task = task_new(CATEGORY_REMOVED, actions, identity.key, identity.key_length, identity.watch,
                                 identity.watch_length, NULL, 0);
    if (task == NULL) {
        error_no_memory(error);
        return NULL;
    }
    if (set_identity(task, &identity, error))
        return task;
    task_free(task);
    return NULL;
}

static bool feed_user(void *context, const struct plan_user *user, struct error *error)
{
    struct feeder *feeder = context;
    const struct action_list actions = plan_actions(feeder->spec, user->reason);

    if (!user->acts || user->place.at != feeder->at || actions.items[0] != feeder->kind)
        return true;
    struct task *task =
        user->row != NULL ? task_of_row(feeder, user, &actions, error) : task_of_removed(feeder, user, &actions, error);
    if (task == NULL)
        return false;
    task->site = feeder->site;
    task->belongs = &feeder->site->engine->sites[user->place.belongs];
    engine_take_in(task);
    if (queue_push(feeder->site->planned[feeder->kind], task))
        return true;
    engine_let_go(task);
    feeder->stopped = true;
    error->code = ERROR_NONE;
    return false;
}

bool feeder_run(struct site *site, enum action kind, const struct plan *plan, int roster_fd, struct ledger *ledger,
                struct error *error)
{
    struct feeder feeder = {
        .site = site,
        .at = (uint8_t)(site - site->engine->sites),
        .kind = kind,
        .spec = plan->spec,
        .ledger = ledger,
        .style = {.delimiter = plan->spec->roster.delimiter, .escape_formulas = plan->spec->outputs.escape_formulas}};
    const struct plan_visitor visitor = {.header = keep_header, .user = feed_user, .context = &feeder};

    buffer_init(&feeder.row, (size_t)ROSTER_FIELD_MAX * ROSTER_COLUMNS_MAX);
    buffer_init(&feeder.watch, ROSTER_WATCH_MAX);
    const bool ok = plan_each(plan, roster_fd, &visitor, error) || feeder.stopped;
    buffer_clear(&feeder.row);
    buffer_clear(&feeder.watch);
    queue_close(site->planned[kind]);
    return ok;
}
