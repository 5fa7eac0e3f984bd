/* ledger_internal.h - what the files of this module share. All SQL stands in ledger_sql.c. */
#ifndef ROLLCALL_LEDGER_LEDGER_INTERNAL_H
#define ROLLCALL_LEDGER_LEDGER_INTERNAL_H

#include "core/buffer.h"
#include "ledger/ledger.h"

#include <sqlite3.h>

/* The code of what a run left behind that was killed. The time until the next one found it is nobody's latency. */
#define RUN_ENDED "run_ended"

enum statement {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_COUNT_OBJECTS,
    SQL_INTEGRITY,
    SQL_META_GET,
    SQL_META_SET,
    SQL_RESOURCES,
    SQL_RESOURCE_NAMES,
    SQL_RESOURCE_BY_NAME,
    SQL_RESOURCE_BY_AUTHORITY,
    SQL_RESOURCE_IS_USED,
    SQL_RESOURCE_INSERT,
    SQL_RESOURCE_UPDATE,
    SQL_IDENTITIES,
    SQL_IDENTITY_BY_KEY,
    SQL_IDENTITY_BY_ROW,
    SQL_IDENTITY_BY_ID,
    SQL_IDENTITY_ANY,
    SQL_KNOWS,
    SQL_MAY_HAVE_MORE,
    SQL_IDENTITY_ADOPT,
    SQL_HAS_TOKEN,
    SQL_RUN_CRASHED,
    SQL_RUN_DONE_SO_FAR,
    SQL_RUN_INSERT,
    SQL_RUN_END,
    SQL_RUNS,
    SQL_RUN_BY_ID,
    SQL_RUN_LAST,
    SQL_LAST_ROSTER_ROWS,
    SQL_LAST_ANSWERED,
    SQL_TASK_INSERT,
    SQL_TASK_DELETE,
    SQL_TASKS,
    SQL_TASK_OF_KEY,
    SQL_TASKS_DELETE_ALL,
    SQL_AUDIT_INSERT,
    SQL_AUDIT_OF_KEY,
    SQL_AUDIT_AFTER,
    SQL_AUDIT_IN_DOUBT,
    SQL_AUDIT_SINCE,
    SQL_AUDIT_LAST,
    SQL_VERSION,
    SQL_MAY_BE_DELETED,
    SQL_IDENTITY_PROVISIONED,
    SQL_IDENTITY_OF_OTHERS,
    SQL_IDENTITY_ISSUED,
    SQL_IDENTITY_REVOKED,
    SQL_IDENTITY_ENDED,
    SQL_IDENTITY_WATCH,
    SQL_MARK_REMOVED,
    SQL_MARK_STALE,
    SQL_ADOPT_WATCH,
    SQL_IDENTITY_DELIVERED,
    SQL_JOURNAL_INSERT,
    SQL_JOURNAL_BY_PATH,
    SQL_JOURNAL_LENGTH,
    SQL_JOURNAL_DELETE,
    SQL_JOURNAL_LAST,
    SQL_JOURNALS_EXIST,
    SQL_JOURNALS_FORGET,
    SQL_JOURNALS_DELETE,
    SQL_TOTALS_NEW,
    SQL_TOTALS_ADD,
    SQL_TOTALS,
    SQL_LAST_SUCCESS,
    SQL_COUNT_STATES,
    SQL_COUNT_TOKENS,
    SQL_COUNT_IN_DOUBT,
    SQL_COUNT_IN_DOUBT_OF_RUN,
    SQL_COUNT_TASKS,
    SQL_STATEMENTS
};

extern const char *const ledger_sql[SQL_STATEMENTS];

/* ledger_migrations[i] brings a ledger from schema version i to i + 1. */
extern const char *const ledger_migrations[];
extern const int ledger_schema_version;

struct ledger {
    sqlite3 *db;
    char *path;
    int lock_fd;         /* holds the run lock; -1 for a reader */
    int reserve_fd;      /* a nameless file that takes room; -1: none */
    struct buffer found; /* the texts of the row that was found last */
    struct resource_name {
        int64_t id;
        char name[LEDGER_NAME_SIZE];
    } * names; /* of the resources */
    size_t name_count;
    sqlite3_stmt *prepared[SQL_STATEMENTS];
};

/* Fills the error from SQLite's last one; `what` is what could not be done. Returns false. */
bool ledger_error(const struct ledger *ledger, const char *what, struct error *error);
/* Reads what the resources are called. */
bool ledger_read_names(struct ledger *ledger, struct error *error);
/* The statement, prepared on first use and reset; NULL with the error. */
sqlite3_stmt *ledger_statement(struct ledger *ledger, enum statement which, struct error *error);
/* Steps a statement that gives no rows, and resets it. */
bool ledger_do(struct ledger *ledger, sqlite3_stmt *statement, const char *what, struct error *error);
/* Steps a statement that gives rows: true with *row = false at the end (then it is reset). */
bool ledger_step(struct ledger *ledger, sqlite3_stmt *statement, const char *what, bool *row, struct error *error);

/* Steps a statement that gives one number, and resets it. Without a row it is 0. */
bool ledger_number(struct ledger *ledger, sqlite3_stmt *statement, const char *what, int64_t *number,
                   struct error *error);

/* Binding by position; the text must outlive the step. Their failures (a wrong position, memory) show in the step. */
void ledger_bind_text(sqlite3_stmt *statement, int position, const char *text);
void ledger_bind_text_or_null(sqlite3_stmt *statement, int position, const char *text); /* "" and NULL: NULL */
/* Column as text, "" for NULL. */
const char *ledger_column_text(sqlite3_stmt *statement, int column);

#endif
