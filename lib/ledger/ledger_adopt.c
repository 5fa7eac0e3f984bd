/* Adopting identities that were made elsewhere. */
#include "ledger/ledger_internal.h"

#include <stdio.h>
#include <string.h>

/* Finds a row by a statement that takes `text` (or nothing, when NULL). False with ERROR_NONE: there is none. */
static bool look_up(struct ledger *ledger, enum statement which, const char *text, char key[LEDGER_CONFLICT_SIZE],
                    char id[LEDGER_CONFLICT_SIZE], struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, which, error);
    bool row;

    if (statement == NULL)
        return false;
    error->code = ERROR_NONE;
    if (text != NULL)
        ledger_bind_text(statement, 1, text);
    if (!ledger_step(ledger, statement, "find an identity", &row, error) || !row)
        return false;
    snprintf(key, LEDGER_CONFLICT_SIZE, "%s", ledger_column_text(statement, 1));
    snprintf(id, LEDGER_CONFLICT_SIZE, "%s", ledger_column_text(statement, 2));
    sqlite3_reset(statement);
    return true;
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
    char key[LEDGER_CONFLICT_SIZE];
    char id[LEDGER_CONFLICT_SIZE];

    *there = false;
    if (look_up(ledger, SQL_IDENTITY_BY_KEY, adoption->key, key, id, error)) {
        *there = strcmp(id, adoption->identity) == 0;
        if (!*there)
            snprintf(conflict, LEDGER_CONFLICT_SIZE, "the user has the identity %.100s already", id);
        return true;
    }
    if (error->code == ERROR_NONE && look_up(ledger, SQL_IDENTITY_BY_ID, adoption->identity, key, id, error)) {
        snprintf(conflict, LEDGER_CONFLICT_SIZE, "the identity is that of \"%.100s\" already", key);
        return true;
    }
    if (error->code == ERROR_NONE && look_up(ledger, SQL_IDENTITY_ANY, NULL, key, id, error) &&
        (resource_part(id) != resource_part(adoption->identity) ||
         strncmp(id, adoption->identity, resource_part(id)) != 0))
        snprintf(conflict, LEDGER_CONFLICT_SIZE, "the identity is of another resource than the others (%.*s)",
                 (int)resource_part(id), id);
    return error->code == ERROR_NONE;
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
    *adopted = true;
    return ledger_do(ledger, audit, "write the audit trail", error);
}
