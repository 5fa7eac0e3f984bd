/* Intents, results and the audit trail: how a task gets from "may be on its way" to its end. */
#include "ledger/ledger_internal.h"

#include <stdio.h>
#include <string.h>

static const char *const outcome_names[] = {
    [OUTCOME_DONE] = "done",
    [OUTCOME_GONE] = "gone",
    [OUTCOME_FAILED] = "failed",
    [OUTCOME_THROTTLED] = "throttled",
    [OUTCOME_TRANSIENT] = "transient",
    [OUTCOME_IN_DOUBT] = "in_doubt",
    [OUTCOME_UNCONFIRMED] = "unconfirmed",
    [OUTCOME_REJECTED] = "rejected",
    [OUTCOME_UNDELIVERED] = "undelivered",
};

const char *outcome_name(enum outcome outcome)
{
    return outcome_names[outcome];
}

enum outcome ledger_outcome_if_lost(enum action action, bool repeatable)
{
    if (!repeatable)
        return OUTCOME_IN_DOUBT;
    return action == ACTION_PROVISION ? OUTCOME_UNCONFIRMED : OUTCOME_TRANSIENT;
}

bool ledger_record_intent(struct ledger *ledger, int64_t run, const struct intent *intent, int64_t *task,
                          struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_TASK_INSERT, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, run);
    sqlite3_bind_text(statement, 2, intent->key, (int)intent->key_length, SQLITE_STATIC);
    ledger_bind_text(statement, 3, action_name(intent->action));
    sqlite3_bind_int64(statement, 4, intent->attempt);
    ledger_bind_text(statement, 5, intent->request_id);
    ledger_bind_text_or_null(statement, 6, intent->identity);
    sqlite3_bind_int(statement, 7, intent->repeatable);
    sqlite3_bind_int64(statement, 8, intent->at_ms);
    sqlite3_bind_int64(statement, 9, intent->resource);
    if (intent->watch != NULL)
        sqlite3_bind_text(statement, 10, intent->watch, (int)intent->watch_length, SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, 10);
    if (!ledger_do(ledger, statement, "record a task", error))
        return false;
    *task = sqlite3_last_insert_rowid(ledger->db);
    /* Until its answer is known the user may be without a good token: who is in the roster again gets another one. */
    const bool ends_tokens = intent->action == ACTION_REVOKE || intent->action == ACTION_DELETE;
    return !ends_tokens || ledger_mark_stale(ledger, intent->key, intent->key_length, error);
}

bool ledger_withdraw(struct ledger *ledger, int64_t task, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_TASK_DELETE, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, task);
    return ledger_do(ledger, statement, "end a task", error);
}

/* Before the task is withdrawn, which knows whether the attempt could be repeated. */
static bool append_audit(struct ledger *ledger, int64_t run, const struct result *result, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_AUDIT_INSERT, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, result->at_ms);
    sqlite3_bind_int64(statement, 2, run);
    sqlite3_bind_text(statement, 3, result->key, (int)result->key_length, SQLITE_STATIC);
    ledger_bind_text(statement, 4, action_name(result->action));
    ledger_bind_text(statement, 5, outcome_name(result->outcome));
    sqlite3_bind_int64(statement, 6, result->attempt);
    ledger_bind_text_or_null(statement, 7, result->identity);
    sqlite3_bind_int(statement, 8, result->status);
    ledger_bind_text_or_null(statement, 9, result->code);
    ledger_bind_text_or_null(statement, 10, result->message);
    ledger_bind_text_or_null(statement, 11, result->request_id);
    ledger_bind_text_or_null(statement, 12, result->ms_cv);
    if (result->elapsed_ms > 0)
        sqlite3_bind_int64(statement, 13, result->elapsed_ms);
    else
        sqlite3_bind_null(statement, 13);
    ledger_bind_text_or_null(statement, 14, result->category);
    ledger_bind_text_or_null(statement, 15, result->verdict);
    sqlite3_bind_int64(statement, 16, result->resource);
    sqlite3_bind_int64(statement, 17, result->task);
    return ledger_do(ledger, statement, "write the audit trail", error);
}

/* Expiry, fingerprint and run of a token, at three positions in a row. */
static void bind_token(sqlite3_stmt *statement, int position, int64_t run, const struct result *result)
{
    if (result->token_expires_at_s == 0 || !result->token_delivered) {
        if (result->token_wanted)
            sqlite3_bind_int64(statement, position, 0);
        else
            sqlite3_bind_null(statement, position);
        sqlite3_bind_null(statement, position + 1);
        sqlite3_bind_null(statement, position + 2);
        return;
    }
    sqlite3_bind_int64(statement, position, result->token_expires_at_s);
    sqlite3_bind_blob(statement, position + 1, result->token_fingerprint, TOKEN_FINGERPRINT_SIZE, SQLITE_STATIC);
    sqlite3_bind_int64(statement, position + 2, run);
}

static bool apply_provision(struct ledger *ledger, int64_t run, const struct result *result, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_IDENTITY_PROVISIONED, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_text(statement, 1, result->key, (int)result->key_length, SQLITE_STATIC);
    ledger_bind_text(statement, 2, result->identity);
    sqlite3_bind_text(statement, 3, result->watch, (int)result->watch_length, SQLITE_STATIC);
    bind_token(statement, 4, run, result);
    sqlite3_bind_int64(statement, 7, result->resource);
    return ledger_do(ledger, statement, "record an identity", error);
}

/* A Teams user is the same whatever its key: one that goes by another key now leaves that behind. */
static bool apply_exchange(struct ledger *ledger, int64_t run, const struct result *result, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_IDENTITY_OF_OTHERS, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_text(statement, 1, result->key, (int)result->key_length, SQLITE_STATIC);
    ledger_bind_text(statement, 2, result->identity);
    return ledger_do(ledger, statement, "record an identity", error) && apply_provision(ledger, run, result, error);
}

static bool apply_issue(struct ledger *ledger, int64_t run, const struct result *result, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_IDENTITY_ISSUED, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_text(statement, 1, result->key, (int)result->key_length, SQLITE_STATIC);
    bind_token(statement, 2, run, result);
    return ledger_do(ledger, statement, "record a token", error);
}

static bool apply_revoke(struct ledger *ledger, const struct result *result, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_IDENTITY_REVOKED, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_text(statement, 1, result->key, (int)result->key_length, SQLITE_STATIC);
    ledger_bind_text(statement, 2, identity_state_name(result->is_removal ? IDENTITY_REVOKED : IDENTITY_ACTIVE));
    if (result->is_removal)
        sqlite3_bind_int64(statement, 3, result->at_ms / 1000);
    else
        sqlite3_bind_null(statement, 3);
    if (result->token_wanted)
        sqlite3_bind_int64(statement, 4, 0);
    else
        sqlite3_bind_null(statement, 4);
    return ledger_do(ledger, statement, "record a revocation", error);
}

static bool apply_end(struct ledger *ledger, const struct result *result, enum identity_state state,
                      struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_IDENTITY_ENDED, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_text(statement, 1, result->key, (int)result->key_length, SQLITE_STATIC);
    ledger_bind_text(statement, 2, identity_state_name(state));
    return ledger_do(ledger, statement, "record the end of an identity", error);
}

/* Who is not there after a delete of ours without an answer, and was not seen since, is deleted and not lost. */
static bool apply_gone(struct ledger *ledger, const struct result *result, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_MAY_BE_DELETED, error);
    int64_t deletes;

    if (statement == NULL)
        return false;
    sqlite3_bind_text(statement, 1, result->key, (int)result->key_length, SQLITE_STATIC);
    ledger_bind_text(statement, 2, result->identity);
    return ledger_number(ledger, statement, "look for a delete", &deletes, error) &&
           apply_end(ledger, result, deletes != 0 ? IDENTITY_DELETED : IDENTITY_LOST, error);
}

static bool apply_watch(struct ledger *ledger, const struct result *result, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_IDENTITY_WATCH, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_text(statement, 1, result->key, (int)result->key_length, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, result->watch, (int)result->watch_length, SQLITE_STATIC);
    return ledger_do(ledger, statement, "record the watched columns", error);
}

static bool apply_done(struct ledger *ledger, int64_t run, const struct result *result, struct error *error)
{
    bool ok = false;

    switch (result->action) {
    case ACTION_PROVISION: return apply_provision(ledger, run, result, error);
    case ACTION_ISSUE: ok = apply_issue(ledger, run, result, error); break;
    case ACTION_REVOKE: ok = apply_revoke(ledger, result, error); break;
    case ACTION_DELETE: return apply_end(ledger, result, IDENTITY_DELETED, error);
    case ACTION_EXCHANGE: return apply_exchange(ledger, run, result, error);
    }
    /* The watched values count as applied when all that they asked for is done: a change whose run failed half-way is
     * still a change next time. */
    return ok && (!result->is_last || result->is_removal || apply_watch(ledger, result, error));
}

bool ledger_record_result(struct ledger *ledger, int64_t run, const struct result *result, struct error *error)
{
    if (!append_audit(ledger, run, result, error) || !ledger_withdraw(ledger, result->task, error))
        return false;
    if (result->outcome == OUTCOME_DONE)
        return apply_done(ledger, run, result, error);
    if (result->outcome == OUTCOME_GONE)
        return apply_gone(ledger, result, error);
    return true;
}

/* Fills in what the task row knows; the task is 0 when there is none. */
static bool find_open_task(struct ledger *ledger, int64_t run, struct result *result, char request_id[64],
                           struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_TASK_OF_KEY, error);
    bool row;

    result->task = 0;
    if (statement == NULL)
        return false;
    sqlite3_bind_text(statement, 1, result->key, (int)result->key_length, SQLITE_STATIC);
    ledger_bind_text(statement, 2, result->identity);
    sqlite3_bind_int64(statement, 3, run);
    if (!ledger_step(ledger, statement, "look for a task", &row, error))
        return false;
    buffer_reset(&ledger->found);
    if (row && action_parse(ledger_column_text(statement, 1), &result->action)) {
        result->task = sqlite3_column_int64(statement, 0);
        result->attempt = (uint32_t)sqlite3_column_int64(statement, 2);
        snprintf(request_id, 64, "%s", ledger_column_text(statement, 3));
        result->resource = sqlite3_column_int64(statement, 4);
        buffer_append(&ledger->found, ledger_column_text(statement, 5), (size_t)sqlite3_column_bytes(statement, 5));
    }
    sqlite3_reset(statement);
    result->watch = ledger->found.data;
    result->watch_length = ledger->found.length;
    return !buffer_failed(&ledger->found) || buffer_error(&ledger->found, "the watched columns of a user", error);
}

bool ledger_recover_result(struct ledger *ledger, int64_t run, struct result *result, bool *recovered,
                           struct error *error)
{
    char request_id[64] = "";

    *recovered = false;
    if (!find_open_task(ledger, run, result, request_id, error))
        return false;
    if (result->task == 0)
        return true;
    result->outcome = OUTCOME_DONE;
    result->request_id = request_id;
    result->code = "recovered";
    result->message = "the run ended before it recorded the answer";
    result->is_last = false;
    *recovered =
        ledger_begin(ledger, error) && ledger_record_result(ledger, run, result, error) && ledger_commit(ledger, error);
    if (!*recovered)
        ledger_rollback(ledger);
    result->request_id = "";
    return *recovered;
}

/* Puts one task that a former run left behind into the audit trail. */
static bool settle(struct ledger *ledger, int64_t run, int64_t at_ms, sqlite3_stmt *tasks, struct error *error)
{
    const bool repeatable = sqlite3_column_int(tasks, 5) != 0;
    const int64_t elapsed_ms = at_ms - sqlite3_column_int64(tasks, 6);
    struct result result = {
        .resource = sqlite3_column_int64(tasks, 7),
        .key = ledger_column_text(tasks, 0),
        .key_length = (size_t)sqlite3_column_bytes(tasks, 0),
        .attempt = (uint32_t)sqlite3_column_int64(tasks, 2),
        .request_id = ledger_column_text(tasks, 3),
        .identity = ledger_column_text(tasks, 4),
        .code = RUN_ENDED,
        .message = "the run ended before the answer came",
        .at_ms = at_ms,
        .elapsed_ms = elapsed_ms > 0 && elapsed_ms < UINT32_MAX ? (uint32_t)elapsed_ms : 0,
    };

    if (!action_parse(ledger_column_text(tasks, 1), &result.action))
        return error_set(error, ERROR_INPUT, "%s: a task has an unknown action", ledger->path);
    result.outcome = ledger_outcome_if_lost(result.action, repeatable);
    return append_audit(ledger, run, &result, error);
}

bool ledger_settle_tasks(struct ledger *ledger, int64_t run, int64_t at_ms, struct error *error)
{
    sqlite3_stmt *tasks = ledger_statement(ledger, SQL_TASKS, error);
    bool row = true;

    if (tasks == NULL)
        return false;
    while (row) {
        if (!ledger_step(ledger, tasks, "read the tasks", &row, error))
            return false;
        if (row && !settle(ledger, run, at_ms, tasks, error)) {
            sqlite3_reset(tasks);
            return false;
        }
    }
    sqlite3_stmt *clear = ledger_statement(ledger, SQL_TASKS_DELETE_ALL, error);
    return clear != NULL && ledger_do(ledger, clear, "clear the tasks", error);
}

bool ledger_record_delivery(struct ledger *ledger, int64_t run, const struct result *result, struct error *error)
{
    struct result undelivered = *result;

    if (!result->token_delivered) {
        undelivered.outcome = OUTCOME_UNDELIVERED;
        undelivered.task = 0;
        return append_audit(ledger, run, &undelivered, error);
    }
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_IDENTITY_DELIVERED, error);
    if (statement == NULL)
        return false;
    sqlite3_bind_text(statement, 1, result->key, (int)result->key_length, SQLITE_STATIC);
    ledger_bind_text(statement, 2, result->identity);
    bind_token(statement, 3, run, result);
    return ledger_do(ledger, statement, "record the delivery of a token", error);
}

static void fill(sqlite3_stmt *statement, struct audit_record *record)
{
    *record = (struct audit_record){
        .id = sqlite3_column_int64(statement, 0),
        .at_ms = sqlite3_column_int64(statement, 1),
        .run = sqlite3_column_int64(statement, 2),
        .key = ledger_column_text(statement, 3),
        .action = ledger_column_text(statement, 4),
        .outcome = ledger_column_text(statement, 5),
        .attempt = (uint32_t)sqlite3_column_int64(statement, 6),
        .identity = ledger_column_text(statement, 7),
        .status = sqlite3_column_int(statement, 8),
        .code = ledger_column_text(statement, 9),
        .message = ledger_column_text(statement, 10),
        .request_id = ledger_column_text(statement, 11),
        .ms_cv = ledger_column_text(statement, 12),
        .elapsed_ms = (uint32_t)sqlite3_column_int64(statement, 13),
        .category = ledger_column_text(statement, 14),
        .verdict = ledger_column_text(statement, 15),
        .resource = sqlite3_column_int64(statement, 16),
    };
}

/* Records that ended before since_ms end the walk: rows are in the order of time. */
static bool each_record(struct ledger *ledger, sqlite3_stmt *statement, int64_t since_ms, audit_visitor *visit,
                        void *context, struct error *error)
{
    struct audit_record record;
    bool row;

    for (;;) {
        if (!ledger_step(ledger, statement, "read the audit trail", &row, error))
            return false;
        if (!row)
            return true;
        fill(statement, &record);
        if (record.at_ms < since_ms) {
            sqlite3_reset(statement);
            return true;
        }
        if (!visit(context, &record, error)) {
            sqlite3_reset(statement);
            return false;
        }
    }
}

bool ledger_each_audit(struct ledger *ledger, const char *key, audit_visitor *visit, void *context, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_AUDIT_OF_KEY, error);

    if (statement == NULL)
        return false;
    ledger_bind_text(statement, 1, key);
    return each_record(ledger, statement, INT64_MIN, visit, context, error);
}

struct of_run {
    int64_t run;
    audit_visitor *visit;
    void *context;
    bool over;
};

static bool visit_of_run(void *context, const struct audit_record *record, struct error *error)
{
    struct of_run *of_run = context;

    of_run->over = record->run > of_run->run;
    return !of_run->over && (record->run < of_run->run || of_run->visit(of_run->context, record, error));
}

bool ledger_each_of_run(struct ledger *ledger, const struct run_record *run, audit_visitor *visit, void *context,
                        struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_AUDIT_AFTER, error);
    struct of_run of_run = {.run = run->id, .visit = visit, .context = context};

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, run->audit_before);
    /* Rows are in the order of runs. */
    return each_record(ledger, statement, INT64_MIN, visit_of_run, &of_run, error) || of_run.over;
}

bool ledger_each_in_doubt(struct ledger *ledger, audit_visitor *visit, void *context, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_AUDIT_IN_DOUBT, error);

    return statement != NULL && each_record(ledger, statement, INT64_MIN, visit, context, error);
}

bool ledger_each_attempt_since(struct ledger *ledger, int64_t since_ms, audit_visitor *visit, void *context,
                               struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_AUDIT_SINCE, error);

    return statement != NULL && each_record(ledger, statement, since_ms, visit, context, error);
}
