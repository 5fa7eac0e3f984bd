/* The journals of token files: which run's tokens stand in which of them. */
#include "ledger/ledger_internal.h"

static bool do_with_id(struct ledger *ledger, enum statement which, int64_t id, const char *what, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, which, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, id);
    return ledger_do(ledger, statement, what, error);
}

bool ledger_note_journal(struct ledger *ledger, const char *path, uint64_t inode, int64_t run, int64_t *id,
                         struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_JOURNAL_INSERT, error);

    if (statement == NULL)
        return false;
    ledger_bind_text(statement, 1, path);
    sqlite3_bind_int64(statement, 2, run);
    sqlite3_bind_int64(statement, 3, (int64_t)inode);
    if (!ledger_do(ledger, statement, "note a journal", error))
        return false;
    *id = sqlite3_last_insert_rowid(ledger->db);
    return true;
}

bool ledger_find_journal(struct ledger *ledger, const char *path, struct token_journal *journal, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_JOURNAL_BY_PATH, error);
    bool row;

    *journal = (struct token_journal){.length = -1};
    if (statement == NULL)
        return false;
    ledger_bind_text(statement, 1, path);
    if (!ledger_step(ledger, statement, "look for a journal", &row, error))
        return false;
    if (row) {
        journal->id = sqlite3_column_int64(statement, 0);
        journal->run = sqlite3_column_int64(statement, 1);
        journal->inode = (uint64_t)sqlite3_column_int64(statement, 2);
        if (sqlite3_column_type(statement, 3) != SQLITE_NULL)
            journal->length = sqlite3_column_int64(statement, 3);
    }
    sqlite3_reset(statement);
    return true;
}

bool ledger_note_journal_length(struct ledger *ledger, int64_t id, uint64_t inode, int64_t length, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_JOURNAL_LENGTH, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, id);
    sqlite3_bind_int64(statement, 2, (int64_t)inode);
    sqlite3_bind_int64(statement, 3, length);
    return ledger_do(ledger, statement, "note the length of a journal", error);
}

bool ledger_end_journal(struct ledger *ledger, int64_t id, struct error *error)
{
    return do_with_id(ledger, SQL_JOURNAL_DELETE, id, "end a journal", error);
}

bool ledger_last_journal(struct ledger *ledger, int64_t *id, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_JOURNAL_LAST, error);

    return statement != NULL && ledger_number(ledger, statement, "look for journals", id, error);
}

bool ledger_forget_journals(struct ledger *ledger, int64_t last, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_JOURNALS_EXIST, error);
    int64_t exist;

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, last);
    if (!ledger_number(ledger, statement, "look for journals", &exist, error))
        return false;
    if (exist == 0)
        return true;
    if (ledger_begin(ledger, error) &&
        do_with_id(ledger, SQL_JOURNALS_FORGET, last, "forget tokens that no file has", error) &&
        do_with_id(ledger, SQL_JOURNALS_DELETE, last, "end journals", error) && ledger_commit(ledger, error))
        return true;
    ledger_rollback(ledger);
    return false;
}
