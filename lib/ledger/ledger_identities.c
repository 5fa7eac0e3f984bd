/* Reading who has which identity, and counting. */
#include "ledger/ledger_internal.h"

#include <stdio.h>
#include <string.h>

static const char *const state_names[] = {
    [IDENTITY_ACTIVE] = "active",
    [IDENTITY_REVOKED] = "revoked",
    [IDENTITY_DELETED] = "deleted",
    [IDENTITY_LOST] = "lost",
};

enum { STATE_COUNT = sizeof state_names / sizeof *state_names };

const char *identity_state_name(enum identity_state state)
{
    return state_names[state];
}

bool identity_state_parse(const char *name, enum identity_state *state)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (strcmp(state_names[i], name) == 0) {
            *state = (enum identity_state)i;
            return true;
        }
    }
    return false;
}

static bool fill(struct ledger *ledger, sqlite3_stmt *statement, struct identity *identity, struct error *error)
{
    *identity = (struct identity){
        .row = sqlite3_column_int64(statement, 0),
        .resource = sqlite3_column_int64(statement, 7),
        .key = ledger_column_text(statement, 1),
        .key_length = (size_t)sqlite3_column_bytes(statement, 1),
        .id = ledger_column_text(statement, 2),
        .watch = ledger_column_text(statement, 4),
        .watch_length = (size_t)sqlite3_column_bytes(statement, 4),
        .token_expires_at_s = sqlite3_column_int64(statement, 5),
        .token_owed = sqlite3_column_type(statement, 5) != SQLITE_NULL && sqlite3_column_int64(statement, 5) == 0,
        .token_stale = sqlite3_column_int(statement, 8) != 0,
        .removed_at_s = sqlite3_column_int64(statement, 6),
    };
    const char *state = ledger_column_text(statement, 3);
    if (!identity_state_parse(state, &identity->state))
        return error_set(error, ERROR_INPUT, "%s: user \"%s\" has the unknown state \"%s\"", ledger->path,
                         identity->key, state);
    return true;
}

bool ledger_each_identity(struct ledger *ledger, identity_visitor *visit, void *context, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_IDENTITIES, error);
    struct identity identity;
    bool row = true;

    if (statement == NULL)
        return false;
    for (;;) {
        if (!ledger_step(ledger, statement, "read the identities", &row, error))
            return false;
        if (!row)
            return true;
        if (!fill(ledger, statement, &identity, error) || !visit(context, &identity, error)) {
            sqlite3_reset(statement);
            return false;
        }
    }
}

/* Copies the texts, so that the statement can end: one that stays open keeps what it reads from being checkpointed, and
 * a reader that waits between two users would make the log grow for as long as the run lasts. */
static bool keep_texts(struct ledger *ledger, struct identity *identity, struct error *error)
{
    struct buffer *found = &ledger->found;
    const size_t id_length = strlen(identity->id);

    buffer_reset(found);
    buffer_append(found, identity->key, identity->key_length + 1);
    buffer_append(found, identity->id, id_length + 1);
    buffer_append(found, identity->watch, identity->watch_length + 1);
    if (buffer_failed(found))
        return buffer_error(found, "a user of the ledger", error);
    identity->key = found->data;
    identity->id = identity->key + identity->key_length + 1;
    identity->watch = identity->id + id_length + 1;
    return true;
}

static bool find(struct ledger *ledger, sqlite3_stmt *statement, struct identity *identity, struct error *error)
{
    bool row;

    error->code = ERROR_NONE;
    if (!ledger_step(ledger, statement, "find a user", &row, error) || !row)
        return false;
    const bool ok = fill(ledger, statement, identity, error) && keep_texts(ledger, identity, error);
    sqlite3_reset(statement);
    return ok;
}

bool ledger_find(struct ledger *ledger, const char *key, size_t key_length, struct identity *identity,
                 struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_IDENTITY_BY_KEY, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_text(statement, 1, key, (int)key_length, SQLITE_TRANSIENT);
    return find(ledger, statement, identity, error);
}

bool ledger_find_owner(struct ledger *ledger, const char *id, struct identity *identity, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_IDENTITY_BY_ID, error);

    if (statement == NULL)
        return false;
    ledger_bind_text(statement, 1, id);
    return find(ledger, statement, identity, error);
}

bool ledger_find_row(struct ledger *ledger, int64_t row, struct identity *identity, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_IDENTITY_BY_ROW, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, row);
    return find(ledger, statement, identity, error);
}

static bool look(struct ledger *ledger, sqlite3_stmt *statement, bool *found, struct error *error)
{
    int64_t number;

    if (!ledger_number(ledger, statement, "look for an identity", &number, error))
        return false;
    *found = number != 0;
    return true;
}

bool ledger_knows(struct ledger *ledger, const char *key, const char *id, bool *known, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_KNOWS, error);

    if (statement == NULL)
        return false;
    ledger_bind_text(statement, 1, key);
    ledger_bind_text(statement, 2, id);
    return look(ledger, statement, known, error);
}

bool ledger_may_have_more(struct ledger *ledger, const char *key, bool *may, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_MAY_HAVE_MORE, error);

    if (statement == NULL)
        return false;
    ledger_bind_text(statement, 1, key);
    return look(ledger, statement, may, error);
}

bool ledger_mark_removed(struct ledger *ledger, int64_t row, int64_t removed_at_s, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_MARK_REMOVED, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, row);
    if (removed_at_s != 0)
        sqlite3_bind_int64(statement, 2, removed_at_s);
    else
        sqlite3_bind_null(statement, 2);
    return ledger_do(ledger, statement, "mark a user as removed", error);
}

bool ledger_mark_stale(struct ledger *ledger, const char *key, size_t key_length, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_MARK_STALE, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_text(statement, 1, key, (int)key_length, SQLITE_STATIC);
    return ledger_do(ledger, statement, "mark a token as one to replace", error);
}

bool ledger_adopt_watch(struct ledger *ledger, int64_t row, const char *watch, size_t watch_length, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_ADOPT_WATCH, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, row);
    sqlite3_bind_text(statement, 2, watch, (int)watch_length, SQLITE_STATIC);
    return ledger_do(ledger, statement, "record the watched columns", error);
}

bool ledger_has_token(struct ledger *ledger, const char *key, size_t key_length,
                      const unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE], int64_t now_s, bool *has,
                      struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_HAS_TOKEN, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_text(statement, 1, key, (int)key_length, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 2, fingerprint, TOKEN_FINGERPRINT_SIZE, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, now_s);
    return look(ledger, statement, has, error);
}

bool ledger_version(struct ledger *ledger, char version[LEDGER_VERSION_SIZE], struct error *error)
{
    bool row;

    memcpy(version, "none", sizeof "none");
    if (ledger == NULL)
        return true;
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_VERSION, error);
    if (statement == NULL || !ledger_step(ledger, statement, "read the version", &row, error))
        return false;
    if (row)
        snprintf(version, LEDGER_VERSION_SIZE, "%s", ledger_column_text(statement, 0));
    sqlite3_reset(statement);
    return true;
}

static bool count_one(struct ledger *ledger, enum statement which, uint64_t *count, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, which, error);
    int64_t number;

    if (statement == NULL || !ledger_number(ledger, statement, "count", &number, error))
        return false;
    *count = (uint64_t)number;
    return true;
}

bool ledger_count_in_doubt(struct ledger *ledger, int64_t run, uint64_t *count, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_COUNT_IN_DOUBT_OF_RUN, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, run);
    return count_one(ledger, SQL_COUNT_IN_DOUBT_OF_RUN, count, error);
}

static bool count_tokens(struct ledger *ledger, int64_t now_s, struct ledger_counts *counts, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_COUNT_TOKENS, error);
    bool row;

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, now_s);
    if (!ledger_step(ledger, statement, "count the tokens", &row, error))
        return false;
    if (row) {
        counts->tokens_live = (uint64_t)sqlite3_column_int64(statement, 0);
        counts->tokens_within_1h = (uint64_t)sqlite3_column_int64(statement, 1);
        counts->tokens_within_6h = (uint64_t)sqlite3_column_int64(statement, 2);
        counts->tokens_within_24h = (uint64_t)sqlite3_column_int64(statement, 3);
        sqlite3_reset(statement);
    }
    return true;
}

bool ledger_count(struct ledger *ledger, int64_t now_s, struct ledger_counts *counts, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_COUNT_STATES, error);
    enum identity_state state;
    bool row;

    *counts = (struct ledger_counts){0};
    if (statement == NULL)
        return false;
    for (;;) {
        if (!ledger_step(ledger, statement, "count the identities", &row, error))
            return false;
        if (!row)
            break;
        if (identity_state_parse(ledger_column_text(statement, 0), &state))
            counts->by_state[state] = (uint64_t)sqlite3_column_int64(statement, 1);
    }
    return count_tokens(ledger, now_s, counts, error) &&
           count_one(ledger, SQL_COUNT_IN_DOUBT, &counts->in_doubt, error) &&
           count_one(ledger, SQL_COUNT_TASKS, &counts->open_tasks, error);
}

bool ledger_generation(struct ledger *ledger, int64_t *generation, struct error *error)
{
    uint64_t last;

    /* No identity changes without a row in the audit trail. */
    if (!count_one(ledger, SQL_AUDIT_LAST, &last, error))
        return false;
    *generation = (int64_t)last;
    return true;
}
