/* Statements, transactions, named values and room on the disk. */
#include "ledger/ledger_internal.h"

#include "core/crash.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool ledger_error(const struct ledger *ledger, const char *what, struct error *error)
{
    const int code = sqlite3_errcode(ledger->db) & 0xff;
    const int reason = code == SQLITE_IOERR || code == SQLITE_CANTOPEN ? sqlite3_system_errno(ledger->db) : 0;

    if (reason != 0) {
        errno = reason;
        error_errno(error, "%s: cannot %s: %s", ledger->path, what, sqlite3_errmsg(ledger->db));
        if (code == SQLITE_CANTOPEN && reason != EMFILE)
            error_hint(error, "its side files must be there or be made: on a disk that is read-only, look at a copy");
        return false;
    }
    error_set(error, ERROR_SYSTEM, "%s: cannot %s: %s", ledger->path, what, sqlite3_errmsg(ledger->db));
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) {
        error->code = ERROR_INPUT;
        error_hint(error, "the file is damaged or no ledger; restore it from a backup, never delete it: it holds the "
                          "only record of which identity is whose");
    } else if (code == SQLITE_FULL) {
        error_hint(error, "make room on the disk and run again; what was done so far is recorded");
    } else if (code == SQLITE_IOERR) {
        error_hint(error, "look at the disk, its quota and the limit on the size of files (ulimit -f), and run again");
    } else if (code == SQLITE_BUSY) {
        error_set(error, ERROR_BUSY, "another program holds the ledger %s: cannot %s", ledger->path, what);
        error_hint(error, "end it, or wait until it has ended, and run again");
    }
    return false;
}

sqlite3_stmt *ledger_statement(struct ledger *ledger, enum statement which, struct error *error)
{
    sqlite3_stmt **slot = &ledger->prepared[which];

    if (*slot == NULL &&
        sqlite3_prepare_v3(ledger->db, ledger_sql[which], -1, SQLITE_PREPARE_PERSISTENT, slot, NULL) != SQLITE_OK) {
        ledger_error(ledger, "prepare a statement", error);
        return NULL;
    }
    sqlite3_reset(*slot);
    return *slot;
}

bool ledger_step(struct ledger *ledger, sqlite3_stmt *statement, const char *what, bool *row, struct error *error)
{
    const int result = sqlite3_step(statement);

    *row = result == SQLITE_ROW;
    if (*row)
        return true;
    if (result != SQLITE_DONE) {
        ledger_error(ledger, what, error);
        sqlite3_reset(statement);
        return false;
    }
    sqlite3_reset(statement);
    return true;
}

bool ledger_number(struct ledger *ledger, sqlite3_stmt *statement, const char *what, int64_t *number,
                   struct error *error)
{
    bool row;

    if (!ledger_step(ledger, statement, what, &row, error))
        return false;
    *number = row ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return true;
}

bool ledger_do(struct ledger *ledger, sqlite3_stmt *statement, const char *what, struct error *error)
{
    bool row;

    return ledger_step(ledger, statement, what, &row, error);
}

void ledger_bind_text(sqlite3_stmt *statement, int position, const char *text)
{
    sqlite3_bind_text(statement, position, text, -1, SQLITE_STATIC);
}

void ledger_bind_text_or_null(sqlite3_stmt *statement, int position, const char *text)
{
    if (text == NULL || text[0] == '\0')
        sqlite3_bind_null(statement, position);
    else
        sqlite3_bind_text(statement, position, text, -1, SQLITE_STATIC);
}

const char *ledger_column_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);

    return text != NULL ? (const char *)text : "";
}

static bool simple(struct ledger *ledger, enum statement which, const char *what, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, which, error);

    return statement != NULL && ledger_do(ledger, statement, what, error);
}

bool ledger_begin(struct ledger *ledger, struct error *error)
{
    return simple(ledger, SQL_BEGIN, "begin a change", error);
}

bool ledger_commit(struct ledger *ledger, struct error *error)
{
    crash_point();
    const bool ok = simple(ledger, SQL_COMMIT, "commit a change", error);
    crash_point();
    return ok;
}

void ledger_rollback(struct ledger *ledger)
{
    struct error ignored;

    /* SQLite may have rolled back by itself, as it does when the disk is full. */
    if (sqlite3_get_autocommit(ledger->db) == 0)
        simple(ledger, SQL_ROLLBACK, "roll back", &ignored);
}

bool ledger_check_integrity(struct ledger *ledger, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_INTEGRITY, error);
    bool row;

    if (statement == NULL || !ledger_step(ledger, statement, "check", &row, error))
        return false;
    const bool sound = row && strcmp(ledger_column_text(statement, 0), "ok") == 0;
    if (!sound) {
        char finding[256];
        text_print(ledger_column_text(statement, 0), finding, sizeof finding);
        error_set(error, ERROR_INPUT, "%s is damaged: %s", ledger->path, finding);
        error_hint(error,
                   "restore it from a backup, never delete it: it holds the only record of which identity is whose");
    }
    sqlite3_reset(statement);
    return sound;
}

bool ledger_get(struct ledger *ledger, const char *name, char *value, size_t size, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_META_GET, error);
    bool row;

    value[0] = '\0';
    if (statement == NULL)
        return false;
    ledger_bind_text(statement, 1, name);
    if (!ledger_step(ledger, statement, "read a named value", &row, error))
        return false;
    if (row) {
        const char *text = ledger_column_text(statement, 0);
        const size_t length = strlen(text) < size ? strlen(text) : size - 1;
        memcpy(value, text, length);
        value[length] = '\0';
        sqlite3_reset(statement);
    }
    return true;
}

bool ledger_set(struct ledger *ledger, const char *name, const char *value, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_META_SET, error);

    if (statement == NULL)
        return false;
    ledger_bind_text(statement, 1, name);
    ledger_bind_text(statement, 2, value);
    crash_point();
    return ledger_do(ledger, statement, "write a named value", error);
}

bool ledger_reserve(struct ledger *ledger, size_t bytes, struct error *error)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(ledger->path, '/');

    ledger_use_reserve(ledger);
    snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - ledger->path) + 1 : 1,
             slash != NULL ? ledger->path : ".");
    ledger->reserve_fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (ledger->reserve_fd < 0 || fallocate(ledger->reserve_fd, 0, 0, (off_t)bytes) == 0)
        return true;
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
        error_errno(error, "there is no room for %zu KiB beside the ledger %s, which a run may need", bytes / 1024,
                    ledger->path);
    else
        error->code = ERROR_NONE; /* a file system that cannot reserve */
    ledger_use_reserve(ledger);
    return error->code == ERROR_NONE;
}

void ledger_use_reserve(struct ledger *ledger)
{
    if (ledger->reserve_fd >= 0)
        close(ledger->reserve_fd);
    ledger->reserve_fd = -1;
}
