/* From a plan to tasks: the roster is read a second time, and each row must be the one that was planned. */
#include "run/engine.h"

#include <string.h>

struct feeder {
    struct engine *engine;
    const struct plan *plan;
    struct ledger *ledger;
    const struct roster_header *header;
    struct csv_style style;
    struct buffer row;
    bool stopped;
};

static bool keep_header(void *context, const struct roster_header *header, struct error *error)
{
    struct feeder *feeder = context;

    (void)error;
    feeder->header = header;
    return true;
}

/* Takes the task. */
static bool push(struct feeder *feeder, struct task *task, struct error *error)
{
    if (task == NULL)
        return error_no_memory(error);
    if (queue_push(feeder->engine->planned, task))
        return true;
    task_free(task);
    feeder->stopped = true;
    error->code = ERROR_NONE;
    return false;
}

static bool set_identity(struct task *task, const struct identity *identity, struct error *error)
{
    if (strlen(identity->id) >= sizeof task->identity)
        return error_set(error, ERROR_INPUT, "user \"%s\" has an identity of more than %zu characters in the ledger",
                         identity->key, sizeof task->identity - 1);
    memcpy(task->identity, identity->id, strlen(identity->id) + 1);
    return true;
}

/* The identity that the task acts on. A lost one is kept out of the requests: it is replaced. */
static bool attach_identity(struct feeder *feeder, struct task *task, struct error *error)
{
    struct identity identity;

    if (task_action(task) == ACTION_PROVISION)
        return true;
    if (!ledger_find(feeder->ledger, task->key, task->key_length, &identity, error))
        return error->code != ERROR_NONE
                   ? false
                   : error_set(error, ERROR_SYSTEM, "user \"%s\" vanished from the ledger", task->key);
    return set_identity(task, &identity, error);
}

static bool feed_row(void *context, const struct roster_row *row, struct error *error)
{
    struct feeder *feeder = context;
    const struct plan_row *decision;

    if (row->index >= feeder->plan->roster.rows)
        return error_set(error, ERROR_SYSTEM, "the roster changed during the run");
    decision = &feeder->plan->rows[row->index];
    if (decision->check != plan_key_check(row->key.bytes, row->key.length))
        return error_set(error, ERROR_SYSTEM, "the roster changed during the run (line %llu)",
                         (unsigned long long)row->line);
    if (!decision->acts)
        return true;

    const enum plan_reason reason = (enum plan_reason)decision->reason;
    const struct action_list actions = plan_actions(feeder->plan->spec, reason);
    buffer_reset(&feeder->row);
    failures_encode_row(&feeder->row, &feeder->style, feeder->header, row->fields);
    if (buffer_failed(&feeder->row))
        return buffer_error(&feeder->row, "a row of the roster", error);
    struct task *task = task_new(plan_category(reason), &actions, row->key.bytes, row->key.length, row->watch,
                                 row->watch_length, feeder->row.data, feeder->row.length);
    if (task != NULL && !attach_identity(feeder, task, error)) {
        task_free(task);
        return false;
    }
    return push(feeder, task, error);
}

static bool feed_roster(struct feeder *feeder, int roster_fd, struct error *error)
{
    const struct spec *spec = feeder->plan->spec;
    const struct roster_visitor visitor = {.header = keep_header, .row = feed_row, .context = feeder};
    struct problems problems;
    struct roster_summary summary;
    struct roster_options options;

    if (!problems_init(&problems, spec->roster.csv, error))
        return false;
    bool ok = plan_roster_options(spec, spec->roster.csv, roster_fd, &options, error);
    if (ok) {
        ok = roster_read(&options, &visitor, &problems, &summary, error);
        plan_roster_options_clear(&options);
    }
    problems_clear(&problems);
    return ok || feeder->stopped;
}

static bool feed_removed(struct feeder *feeder, struct error *error)
{
    const struct plan *plan = feeder->plan;
    struct identity identity;

    for (size_t i = 0; i < plan->removed_count && !feeder->stopped; i++) {
        if (!plan->removed[i].acts)
            continue;
        const struct action_list actions = plan_actions(plan->spec, plan->removed[i].reason);
        if (!ledger_find_row(feeder->ledger, plan->removed[i].row, &identity, error))
            return error->code != ERROR_NONE
                       ? false
                       : error_set(error, ERROR_SYSTEM, "a user vanished from the ledger");
        struct task *task = task_new(CATEGORY_REMOVED, &actions, identity.key, identity.key_length, identity.watch,
                                     identity.watch_length, NULL, 0);
        if (task != NULL && !set_identity(task, &identity, error)) {
            task_free(task);
            return false;
        }
        if (!push(feeder, task, error) && !feeder->stopped)
            return false;
    }
    return true;
}

bool feeder_run(struct engine *engine, const struct plan *plan, int roster_fd, struct ledger *ledger,
                struct error *error)
{
    struct feeder feeder = {.engine = engine,
                            .plan = plan,
                            .ledger = ledger,
                            .style = {.delimiter = plan->spec->roster.delimiter,
                                      .escape_formulas = plan->spec->outputs.escape_formulas}};

    buffer_init(&feeder.row, (size_t)ROSTER_FIELD_MAX * ROSTER_COLUMNS_MAX);
    const bool ok = feed_roster(&feeder, roster_fd, error) && feed_removed(&feeder, error);
    buffer_clear(&feeder.row);
    queue_close(engine->planned);
    return ok;
}
