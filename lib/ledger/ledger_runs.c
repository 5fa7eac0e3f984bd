/* Runs: one row each. */
#include "ledger/ledger_internal.h"

#include <string.h>

static const char *const state_names[] = {
    [RUN_RUNNING] = "running",         [RUN_DONE] = "done",       [RUN_FAILED] = "failed", [RUN_STOPPED] = "stopped",
    [RUN_INTERRUPTED] = "interrupted", [RUN_CRASHED] = "crashed",
};

enum { STATE_COUNT = sizeof state_names / sizeof *state_names };

const char *run_state_name(enum run_state state)
{
    return state_names[state];
}

static enum run_state parse_state(const char *name)
{
    for (size_t i = 0; i < STATE_COUNT; i++)
        if (strcmp(state_names[i], name) == 0)
            return (enum run_state)i;
    return RUN_CRASHED;
}

bool ledger_run_begin(struct ledger *ledger, struct run_record *record, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_RUN_CRASHED, error);

    if (statement == NULL || !ledger_do(ledger, statement, "close the former run", error) ||
        !ledger_generation(ledger, &record->audit_before, error))
        return false;
    statement = ledger_statement(ledger, SQL_RUN_INSERT, error);
    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, record->started_at_ms);
    ledger_bind_text(statement, 2, record->job);
    ledger_bind_text(statement, 3, record->operator_name);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)record->roster_rows);
    sqlite3_bind_int64(statement, 5, record->audit_before);
    sqlite3_bind_int64(statement, 6, (sqlite3_int64)record->users);
    for (int category = 0; category < CATEGORY_COUNT; category++)
        sqlite3_bind_int64(statement, 7 + category, (sqlite3_int64)record->categories[category]);
    if (!ledger_do(ledger, statement, "record the run", error))
        return false;
    record->id = sqlite3_last_insert_rowid(ledger->db);
    return true;
}

bool ledger_run_end(struct ledger *ledger, const struct run_record *record, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_RUN_END, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, record->id);
    sqlite3_bind_int64(statement, 2, record->ended_at_ms);
    ledger_bind_text(statement, 3, run_state_name(record->state));
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)record->failed);
    sqlite3_bind_int64(statement, 5, (sqlite3_int64)record->left);
    sqlite3_bind_int64(statement, 6, (sqlite3_int64)record->in_doubt);
    sqlite3_bind_int64(statement, 7, (sqlite3_int64)record->throttled);
    ledger_bind_text_or_null(statement, 8, record->reason);
    for (int action = 0; action < ACTION_COUNT; action++)
        sqlite3_bind_int64(statement, 9 + action, (sqlite3_int64)record->done[action]);
    return ledger_do(ledger, statement, "record the end of the run", error);
}

static void fill(sqlite3_stmt *statement, struct run_record *run)
{
    *run = (struct run_record){
        .id = sqlite3_column_int64(statement, 0),
        .started_at_ms = sqlite3_column_int64(statement, 1),
        .ended_at_ms = sqlite3_column_int64(statement, 2),
        .state = parse_state(ledger_column_text(statement, 3)),
        .job = ledger_column_text(statement, 4),
        .operator_name = ledger_column_text(statement, 5),
        .roster_rows = (uint64_t)sqlite3_column_int64(statement, 6),
        .failed = (uint64_t)sqlite3_column_int64(statement, 7),
        .left = (uint64_t)sqlite3_column_int64(statement, 8),
        .in_doubt = (uint64_t)sqlite3_column_int64(statement, 9),
        .throttled = (uint64_t)sqlite3_column_int64(statement, 10),
        .audit_before = sqlite3_column_int64(statement, 11),
        .users = (uint64_t)sqlite3_column_int64(statement, 12),
        .reason = ledger_column_text(statement, 13),
    };
    for (int category = 0; category < CATEGORY_COUNT; category++)
        run->categories[category] = (uint64_t)sqlite3_column_int64(statement, 14 + category);
    for (int action = 0; action < ACTION_COUNT; action++)
        run->done[action] = (uint64_t)sqlite3_column_int64(statement, 14 + CATEGORY_COUNT + action);
}

/* One that did not come to its end wrote no numbers: the audit trail has them. */
static bool count_so_far(struct ledger *ledger, struct run_record *run, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_RUN_DONE_SO_FAR, error);
    enum action action;
    bool row = true;

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, run->audit_before);
    sqlite3_bind_int64(statement, 2, run->id);
    while (row) {
        if (!ledger_step(ledger, statement, "count what a run has done", &row, error))
            return false;
        if (row && action_parse(ledger_column_text(statement, 0), &action))
            run->done[action] = (uint64_t)sqlite3_column_int64(statement, 1);
    }
    return true;
}

static bool complete(struct ledger *ledger, struct run_record *run, struct error *error)
{
    /* A run that was killed could not say so; the next one will. */
    if (run->state == RUN_RUNNING && !ledger_is_held(ledger->path))
        run->state = RUN_CRASHED;
    return (run->state != RUN_RUNNING && run->state != RUN_CRASHED) || count_so_far(ledger, run, error);
}

bool ledger_each_run(struct ledger *ledger, size_t count, run_visitor *visit, void *context, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_RUNS, error);
    struct run_record run;
    bool row;

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)count);
    for (;;) {
        if (!ledger_step(ledger, statement, "read the runs", &row, error))
            return false;
        if (!row)
            return true;
        fill(statement, &run);
        if (!complete(ledger, &run, error) || !visit(context, &run, error)) {
            sqlite3_reset(statement);
            return false;
        }
    }
}

/* Copies the texts, so that the statement can end. */
static bool keep_texts(struct ledger *ledger, struct run_record *run, struct error *error)
{
    struct buffer *found = &ledger->found;
    const size_t job_length = strlen(run->job);
    const size_t operator_length = strlen(run->operator_name);

    buffer_reset(found);
    buffer_append(found, run->job, job_length + 1);
    buffer_append(found, run->operator_name, operator_length + 1);
    buffer_append(found, run->reason, strlen(run->reason) + 1);
    if (buffer_failed(found))
        return buffer_error(found, "a run of the ledger", error);
    run->job = found->data;
    run->operator_name = run->job + job_length + 1;
    run->reason = run->operator_name + operator_length + 1;
    return true;
}

bool ledger_find_run(struct ledger *ledger, int64_t id, const char *job, struct run_record *run, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, id != 0 ? SQL_RUN_BY_ID : SQL_RUN_LAST, error);
    bool row;

    if (statement == NULL)
        return false;
    if (id != 0)
        sqlite3_bind_int64(statement, 1, id);
    else
        ledger_bind_text_or_null(statement, 1, job);
    error->code = ERROR_NONE;
    if (!ledger_step(ledger, statement, "find a run", &row, error) || !row)
        return false;
    fill(statement, run);
    const bool ok = complete(ledger, run, error) && keep_texts(ledger, run, error);
    sqlite3_reset(statement);
    return ok;
}

bool ledger_last_answered(struct ledger *ledger, int64_t *at_ms, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_LAST_ANSWERED, error);

    return statement != NULL && ledger_number(ledger, statement, "read the last run", at_ms, error);
}

bool ledger_last_roster_rows(struct ledger *ledger, const char *job, uint64_t *rows, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_LAST_ROSTER_ROWS, error);
    int64_t number;

    if (statement == NULL)
        return false;
    ledger_bind_text(statement, 1, job);
    if (!ledger_number(ledger, statement, "read the last run", &number, error))
        return false;
    *rows = (uint64_t)number;
    return true;
}
