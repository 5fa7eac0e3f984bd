/* Adopting identities that were made elsewhere. */
#include "ledger/ledger_internal.h"

#include <stdio.h>
#include <string.h>

/* What stands against an adoption: a row of the ledger. */
struct other {
    bool found;
    int64_t resource;
    char key[LEDGER_CONFLICT_SIZE];
    char id[LEDGER_CONFLICT_SIZE];
};

/* Steps a statement that has its parameter. */
static bool look_up(struct ledger *ledger, sqlite3_stmt *statement, struct other *other, struct error *error)
{
    if (!ledger_step(ledger, statement, "find an identity", &other->found, error))
        return false;
    if (!other->found)
        return true;
    snprintf(other->key, sizeof other->key, "%s", ledger_column_text(statement, 1));
    snprintf(other->id, sizeof other->id, "%s", ledger_column_text(statement, 2));
    other->resource = sqlite3_column_int64(statement, 7);
    sqlite3_reset(statement);
    return true;
}

static bool look_up_text(struct ledger *ledger, enum statement which, const char *text, struct other *other,
                         struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, which, error);

    if (statement == NULL)
        return false;
    ledger_bind_text(statement, 1, text);
    return look_up(ledger, statement, other, error);
}

static bool look_up_neighbour(struct ledger *ledger, int64_t resource, struct other *other, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_IDENTITY_ANY, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, resource);
    return look_up(ledger, statement, other, error);
}

/* "8:acs:<resource>": what identities of one resource have in common. */
static size_t resource_part(const char *id)
{
    const char *underscore = strchr(id, '_');

    return underscore != NULL ? (size_t)(underscore - id) : strlen(id);
}

static bool find_conflict(struct ledger *ledger, const struct adoption *adoption, bool *there,
                          char conflict[LEDGER_CONFLICT_SIZE], struct error *error)
{
    struct other other;

    *there = false;
    if (!look_up_text(ledger, SQL_IDENTITY_BY_KEY, adoption->key, &other, error))
        return false;
    if (other.found) {
        *there = strcmp(other.id, adoption->identity) == 0 && other.resource == adoption->resource;
        if (!*there)
            snprintf(conflict, LEDGER_CONFLICT_SIZE, "the user has the identity %.100s%s already", other.id,
                     other.resource == adoption->resource ? "" : " of another resource");
        return true;
    }
    if (!look_up_text(ledger, SQL_IDENTITY_BY_ID, adoption->identity, &other, error))
        return false;
    if (other.found) {
        snprintf(conflict, LEDGER_CONFLICT_SIZE, "the identity is that of \"%.100s\" already", other.key);
        return true;
    }
    if (!look_up_neighbour(ledger, adoption->resource, &other, error))
        return false;
    const size_t length = resource_part(adoption->identity);
    if (other.found && (resource_part(other.id) != length || strncmp(other.id, adoption->identity, length) != 0))
        snprintf(conflict, LEDGER_CONFLICT_SIZE, "the identity is of another resource than the others (%.*s)",
                 (int)resource_part(other.id), other.id);
    return true;
}

bool ledger_adopt(struct ledger *ledger, int64_t run, const struct adoption *adoption, int64_t at_ms, bool *adopted,
                  char conflict[LEDGER_CONFLICT_SIZE], struct error *error)
{
    bool there;

    conflict[0] = '\0';
    *adopted = false;
    if (!find_conflict(ledger, adoption, &there, conflict, error))
        return false;
    if (there || conflict[0] != '\0')
        return true;

    sqlite3_stmt *insert = ledger_statement(ledger, SQL_IDENTITY_ADOPT, error);
    sqlite3_stmt *audit = ledger_statement(ledger, SQL_AUDIT_INSERT, error);
    if (insert == NULL || audit == NULL)
        return false;
    ledger_bind_text(insert, 1, adoption->key);
    ledger_bind_text(insert, 2, adoption->identity);
    ledger_bind_text(insert, 3, identity_state_name(adoption->state));
    if (adoption->token_expires_at_s != 0)
        sqlite3_bind_int64(insert, 4, adoption->token_expires_at_s);
    else
        sqlite3_bind_null(insert, 4);
    sqlite3_bind_int64(insert, 5, adoption->resource);
    if (!ledger_do(ledger, insert, "adopt an identity", error))
        return false;
    sqlite3_clear_bindings(audit);
    sqlite3_bind_int64(audit, 1, at_ms);
    sqlite3_bind_int64(audit, 2, run);
    ledger_bind_text(audit, 3, adoption->key);
    ledger_bind_text(audit, 4, "import");
    ledger_bind_text(audit, 5, outcome_name(OUTCOME_DONE));
    sqlite3_bind_int(audit, 6, 1);
    ledger_bind_text(audit, 7, adoption->identity);
    sqlite3_bind_int(audit, 8, 0);
    sqlite3_bind_int64(audit, 16, adoption->resource);
    *adopted = true;
    return ledger_do(ledger, audit, "write the audit trail", error);
}
