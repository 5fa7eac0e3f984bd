/* All SQL of rollcall. */
#include "ledger/ledger_internal.h"

#define IDENTITY_COLUMNS "id, key, identity, state, watch, token_expires_at, removed_at, resource, token_stale"
#define AUDIT_COLUMNS                                                                                 \
    "id, at, run, key, action, outcome, attempt, identity, status, code, message, request_id, ms_cv," \
    " elapsed_ms, category, verdict, resource"
#define RUN_COLUMNS                                                                                         \
    "id, started_at, ended_at, state, job, operator, roster_rows, failed, left_over, in_doubt, throttled, " \
    "audit_before, users, reason, added, changed, expiring, unchanged, removed, lost, moved, "              \
    "provisioned, issued, revoked, deleted, exchanged"

/* The first line is that of the index, as SQLite wants it. */
#define FROM_AUDIT_IN_DOUBT                                                                           \
    " FROM audit WHERE (outcome = 'in_doubt' OR outcome = 'unconfirmed')"                             \
    " AND (outcome = 'in_doubt' OR NOT EXISTS (SELECT 1 FROM audit later WHERE later.key = audit.key" \
    " AND later.resource = audit.resource AND later.id > audit.id AND later.action = 'provision'"     \
    " AND later.outcome = 'done' AND later.repeatable IS NOT 0))"

const char *const ledger_migrations[] = {
    /* 0 to 1 */
    "CREATE TABLE meta ("
    "  name TEXT NOT NULL PRIMARY KEY,"
    "  value TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE runs ("
    "  id INTEGER PRIMARY KEY,"
    "  started_at INTEGER NOT NULL," /* times are milliseconds since 1970, but token and removal times: seconds */
    "  ended_at INTEGER,"
    "  state TEXT NOT NULL CHECK (state IN ('running','done','failed','stopped','interrupted','crashed')),"
    "  job TEXT NOT NULL,"
    "  operator TEXT NOT NULL,"
    "  roster_rows INTEGER NOT NULL,"
    "  provisioned INTEGER NOT NULL DEFAULT 0,"
    "  issued INTEGER NOT NULL DEFAULT 0,"
    "  revoked INTEGER NOT NULL DEFAULT 0,"
    "  deleted INTEGER NOT NULL DEFAULT 0,"
    "  failed INTEGER NOT NULL DEFAULT 0,"
    "  left_over INTEGER NOT NULL DEFAULT 0,"
    "  in_doubt INTEGER NOT NULL DEFAULT 0,"
    "  throttled INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"

    /* The checks of the two busy tables are no IN (...): SQLite makes a table of such a list for every row written. */
    "CREATE TABLE identities ("
    "  id INTEGER PRIMARY KEY,"
    "  key TEXT NOT NULL UNIQUE,"
    "  identity TEXT NOT NULL UNIQUE,"
    "  state TEXT NOT NULL CHECK (state = 'active' OR state = 'revoked' OR state = 'deleted' OR state = 'lost'),"
    "  watch TEXT NOT NULL,"
    "  token_expires_at INTEGER," /* NULL: no token; 0: one is owed; else the end of the delivered one */
    "  token_fingerprint BLOB,"
    "  token_run INTEGER,"
    "  removed_at INTEGER"
    ") STRICT;"

    "CREATE TABLE tasks ("
    "  id INTEGER PRIMARY KEY,"
    "  run INTEGER NOT NULL,"
    "  key TEXT NOT NULL,"
    "  action TEXT NOT NULL CHECK (action = 'provision' OR action = 'issue' OR action = 'revoke' OR action = 'delete'),"
    "  attempt INTEGER NOT NULL,"
    "  request_id TEXT NOT NULL,"
    "  identity TEXT,"
    "  repeatable INTEGER NOT NULL,"
    "  at INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE audit ("
    "  id INTEGER PRIMARY KEY,"
    "  at INTEGER NOT NULL,"
    "  run INTEGER NOT NULL,"
    "  key TEXT NOT NULL,"
    "  action TEXT NOT NULL,"
    "  outcome TEXT NOT NULL,"
    "  attempt INTEGER NOT NULL,"
    "  identity TEXT,"
    "  status INTEGER NOT NULL,"
    "  code TEXT,"
    "  message TEXT,"
    "  request_id TEXT,"
    "  ms_cv TEXT"
    ") STRICT;"
    "CREATE INDEX audit_key ON audit (key);"
    "CREATE INDEX audit_in_doubt ON audit (id) WHERE outcome = 'in_doubt';"
    "CREATE TRIGGER audit_is_append_only_update BEFORE UPDATE ON audit"
    "  BEGIN SELECT RAISE (ABORT, 'the audit trail is append-only'); END;"
    "CREATE TRIGGER audit_is_append_only_delete BEFORE DELETE ON audit"
    "  BEGIN SELECT RAISE (ABORT, 'the audit trail is append-only'); END;",

    /* 1 to 2: how long an attempt took, why the user was acted on and how it went on; what the join found */
    "ALTER TABLE audit ADD COLUMN elapsed_ms INTEGER;"
    "ALTER TABLE audit ADD COLUMN category TEXT;"
    "ALTER TABLE audit ADD COLUMN verdict TEXT;"
    "ALTER TABLE runs ADD COLUMN audit_before INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN users INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN added INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN expiring INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN unchanged INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;",

    /* 2 to 3: several resources; what is there belongs to the one that the ledger was bound to */
    "CREATE TABLE resources ("
    "  id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  authority TEXT NOT NULL UNIQUE"
    ") STRICT;"
    "INSERT INTO resources (id, name, authority) SELECT 1, '', value FROM meta WHERE name = 'resource';"
    "DELETE FROM meta WHERE name = 'resource';"
    "ALTER TABLE identities ADD COLUMN resource INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE tasks ADD COLUMN resource INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE audit ADD COLUMN resource INTEGER NOT NULL DEFAULT 1;",

    /* 3 to 4: why a run stopped before its end */
    "ALTER TABLE runs ADD COLUMN reason TEXT;",

    /* 4 to 5: users who belong to another resource than their identity */
    "ALTER TABLE runs ADD COLUMN moved INTEGER NOT NULL DEFAULT 0;",

    /* 5 to 6: counters for outputs.metrics */
    "CREATE TABLE totals ("
    "  job TEXT NOT NULL,"
    "  action TEXT NOT NULL,"
    "  outcome TEXT NOT NULL,"
    "  bucket INTEGER NOT NULL,"
    "  count INTEGER NOT NULL,"
    "  sum_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (job, action, outcome, bucket)"
    ") STRICT, WITHOUT ROWID;",

    /* 6 to 7: exchanges, which the check of the tasks has to let in */
    "CREATE TABLE wider_tasks ("
    "  id INTEGER PRIMARY KEY,"
    "  run INTEGER NOT NULL,"
    "  key TEXT NOT NULL,"
    "  action TEXT NOT NULL CHECK (action = 'provision' OR action = 'issue' OR action = 'revoke' OR action = 'delete'"
    "    OR action = 'exchange'),"
    "  attempt INTEGER NOT NULL,"
    "  request_id TEXT NOT NULL,"
    "  identity TEXT,"
    "  repeatable INTEGER NOT NULL,"
    "  at INTEGER NOT NULL,"
    "  resource INTEGER NOT NULL"
    ") STRICT;"
    "INSERT INTO wider_tasks (id, run, key, action, attempt, request_id, identity, repeatable, at, resource)"
    "  SELECT id, run, key, action, attempt, request_id, identity, repeatable, at, resource FROM tasks;"
    "DROP TABLE tasks;"
    "ALTER TABLE wider_tasks RENAME TO tasks;"
    "ALTER TABLE runs ADD COLUMN exchanged INTEGER NOT NULL DEFAULT 0;",

    /* 7 to 8: tokens that are to be replaced */
    "ALTER TABLE identities ADD COLUMN token_stale INTEGER NOT NULL DEFAULT 0;",

    /* 8 to 9: creates with a custom id that nobody has repeated */
    "DROP INDEX audit_in_doubt;"
    "CREATE INDEX audit_in_doubt ON audit (id) WHERE outcome = 'in_doubt' OR outcome = 'unconfirmed';",

    /* 9 to 10: whether a create had a custom id; NULL in what was written before */
    "ALTER TABLE audit ADD COLUMN repeatable INTEGER;",

    /* 10 to 11: which run's tokens stand in which journal, instead of a guess by how the last run ended; and what a
     * create is to apply, for one that only a journal knows of */
    "CREATE TABLE token_journals ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  path TEXT NOT NULL,"
    "  run INTEGER NOT NULL,"
    "  inode INTEGER NOT NULL,"
    "  length INTEGER" /* before what counts of the old file is appended */
    ") STRICT;"
    "UPDATE identities SET token_expires_at = 0, token_fingerprint = NULL, token_run = NULL"
    "  WHERE token_run IN (SELECT id FROM runs WHERE state = 'running');"
    "DELETE FROM meta WHERE name = 'token_journal_length';"
    "ALTER TABLE tasks ADD COLUMN watch TEXT;",
};

const int ledger_schema_version = sizeof ledger_migrations / sizeof *ledger_migrations;

const char *const ledger_sql[SQL_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_COUNT_OBJECTS] = "SELECT count(*) FROM sqlite_schema",
    [SQL_INTEGRITY] = "PRAGMA integrity_check(1)",
    [SQL_META_GET] = "SELECT value FROM meta WHERE name = ?1",
    [SQL_META_SET] = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",

    [SQL_RESOURCES] = "SELECT r.id, r.name, r.authority, count(*) FILTER (WHERE i.state = 'active'),"
                      " count(*) FILTER (WHERE i.state = 'revoked'), count(*) FILTER (WHERE i.state = 'deleted'),"
                      " count(*) FILTER (WHERE i.state = 'lost')"
                      " FROM resources r LEFT JOIN identities i ON i.resource = r.id GROUP BY r.id ORDER BY r.id",
    [SQL_RESOURCE_NAMES] = "SELECT id, name FROM resources ORDER BY id",
    [SQL_RESOURCE_BY_NAME] = "SELECT id, name, authority FROM resources WHERE name = ?1",
    [SQL_RESOURCE_BY_AUTHORITY] = "SELECT id, name, authority FROM resources WHERE authority = ?1",
    [SQL_RESOURCE_IS_USED] = "SELECT EXISTS (SELECT 1 FROM identities WHERE resource = ?1)"
                             " OR EXISTS (SELECT 1 FROM tasks WHERE resource = ?1 AND action = 'provision')"
                             " OR EXISTS (SELECT 1" FROM_AUDIT_IN_DOUBT " AND resource = ?1)",
    [SQL_RESOURCE_INSERT] = "INSERT INTO resources (name, authority) VALUES (?1, ?2)",
    [SQL_RESOURCE_UPDATE] = "UPDATE resources SET name = ?1, authority = ?2 WHERE id = ?3",

    [SQL_IDENTITIES] = "SELECT " IDENTITY_COLUMNS " FROM identities ORDER BY id",
    [SQL_IDENTITY_BY_KEY] = "SELECT " IDENTITY_COLUMNS " FROM identities WHERE key = ?1",
    [SQL_IDENTITY_BY_ROW] = "SELECT " IDENTITY_COLUMNS " FROM identities WHERE id = ?1",
    [SQL_IDENTITY_BY_ID] = "SELECT " IDENTITY_COLUMNS " FROM identities WHERE identity = ?1",
    [SQL_IDENTITY_ANY] = "SELECT " IDENTITY_COLUMNS " FROM identities WHERE resource = ?1 LIMIT 1",
    [SQL_KNOWS] = "SELECT EXISTS (SELECT 1 FROM identities WHERE identity = ?2)"
                  " OR EXISTS (SELECT 1 FROM audit WHERE key = ?1 AND identity = ?2)",
    [SQL_MAY_HAVE_MORE] = "SELECT EXISTS (SELECT 1 FROM tasks WHERE key = ?1 AND action = 'provision')"
                          " OR EXISTS (SELECT 1 FROM audit WHERE key = ?1"
                          " AND (outcome = 'in_doubt' OR outcome = 'unconfirmed'))",
    [SQL_IDENTITY_ADOPT] = "INSERT INTO identities (key, identity, state, watch, token_expires_at, resource)"
                           " VALUES (?1, ?2, ?3, '', ?4, ?5)",
    [SQL_HAS_TOKEN] = "SELECT (token_fingerprint IS NULL OR token_fingerprint = ?2) AND token_expires_at > ?3"
                      " FROM identities WHERE key = ?1",

    [SQL_RUN_CRASHED] = "UPDATE runs SET state = 'crashed' WHERE state = 'running'",
    [SQL_RUN_DONE_SO_FAR] = "SELECT action, count(*) FROM audit WHERE id > ?1 AND run = ?2 AND outcome = 'done'"
                            " AND id <= coalesce((SELECT min(audit_before) FROM runs WHERE id > ?2), id)"
                            " GROUP BY action",
    [SQL_RUN_INSERT] = "INSERT INTO runs (started_at, state, job, operator, roster_rows, audit_before, users, added,"
                       " changed, expiring, unchanged, removed, lost, moved)"
                       " VALUES (?1, 'running', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    [SQL_RUN_END] =
        "UPDATE runs SET ended_at = ?2, state = ?3, failed = ?4, left_over = ?5, in_doubt = ?6, throttled = ?7,"
        " reason = ?8, provisioned = ?9, issued = ?10, revoked = ?11, deleted = ?12, exchanged = ?13 WHERE id = ?1",
    [SQL_RUNS] = "SELECT " RUN_COLUMNS " FROM runs ORDER BY id DESC LIMIT ?1",
    [SQL_RUN_BY_ID] = "SELECT " RUN_COLUMNS " FROM runs WHERE id = ?1",
    [SQL_RUN_LAST] = "SELECT " RUN_COLUMNS " FROM runs WHERE ?1 IS NULL OR job = ?1 ORDER BY id DESC LIMIT 1",
    [SQL_LAST_ROSTER_ROWS] =
        "SELECT max(roster_rows) FROM runs WHERE id IN"
        " ((SELECT max(id) FROM runs WHERE state IN ('done', 'failed') AND roster_rows > 0),"
        " (SELECT max(id) FROM runs WHERE state IN ('done', 'failed') AND roster_rows > 0 AND job = ?1))",
    [SQL_LAST_ANSWERED] = "SELECT ended_at FROM runs WHERE state IN ('done', 'failed')"
                          " AND provisioned + issued + revoked + deleted + exchanged > 0 ORDER BY id DESC LIMIT 1",

    [SQL_TASK_INSERT] = "INSERT INTO tasks (run, key, action, attempt, request_id, identity, repeatable, at, resource,"
                        " watch) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [SQL_TASK_DELETE] = "DELETE FROM tasks WHERE id = ?1",
    [SQL_TASKS] = "SELECT key, action, attempt, request_id, identity, repeatable, at, resource FROM tasks ORDER BY id",
    [SQL_TASK_OF_KEY] =
        "SELECT id, action, attempt, request_id, resource, coalesce(watch, '') FROM tasks WHERE key = ?1 AND run = ?3"
        " AND ((action = 'provision' AND NOT EXISTS (SELECT 1 FROM identities WHERE key = ?1 AND identity <> ?2"
        " AND (state = 'active' OR state = 'revoked')))"
        " OR ((action = 'issue' OR action = 'exchange') AND identity = ?2)) ORDER BY id DESC LIMIT 1",
    [SQL_TASKS_DELETE_ALL] = "DELETE FROM tasks",

    [SQL_AUDIT_INSERT] = "INSERT INTO audit (at, run, key, action, outcome, attempt, identity, status, code, message,"
                         " request_id, ms_cv, elapsed_ms, category, verdict, resource, repeatable)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,"
                         " (SELECT repeatable FROM tasks WHERE id = ?17))",
    [SQL_AUDIT_OF_KEY] = "SELECT " AUDIT_COLUMNS " FROM audit WHERE key = ?1 ORDER BY id",
    [SQL_AUDIT_AFTER] = "SELECT " AUDIT_COLUMNS " FROM audit WHERE id > ?1 ORDER BY id",
    [SQL_AUDIT_IN_DOUBT] = "SELECT " AUDIT_COLUMNS FROM_AUDIT_IN_DOUBT " ORDER BY id",
    [SQL_AUDIT_SINCE] = "SELECT " AUDIT_COLUMNS " FROM audit ORDER BY id DESC",
    [SQL_VERSION] = "SELECT coalesce((SELECT max(id) FROM runs), 0) || '.' || coalesce((SELECT max(id) FROM audit), 0)",
    [SQL_AUDIT_LAST] = "SELECT coalesce(max(id), 0) FROM audit",

    [SQL_MAY_BE_DELETED] = "SELECT EXISTS (SELECT 1 FROM audit WHERE key = ?1 AND identity = ?2"
                           " AND action = 'delete' AND outcome = 'transient'"
                           " AND NOT EXISTS (SELECT 1 FROM audit later WHERE later.key = ?1 AND later.identity = ?2"
                           " AND later.id > audit.id AND later.outcome = 'done'))",

    [SQL_IDENTITY_PROVISIONED] =
        "INSERT INTO identities (key, identity, state, watch, token_expires_at, token_fingerprint, token_run, resource)"
        " VALUES (?1, ?2, 'active', ?3, ?4, ?5, ?6, ?7)"
        " ON CONFLICT (key) DO UPDATE SET identity = ?2, state = 'active', watch = ?3, token_expires_at = ?4,"
        " token_fingerprint = ?5, token_run = ?6, token_stale = 0, removed_at = NULL, resource = ?7",
    [SQL_IDENTITY_OF_OTHERS] = "DELETE FROM identities WHERE identity = ?2 AND key <> ?1",
    [SQL_IDENTITY_ISSUED] = "UPDATE identities SET state = 'active', token_expires_at = ?2, token_fingerprint = ?3,"
                            " token_run = ?4, token_stale = 0, removed_at = NULL WHERE key = ?1",
    [SQL_IDENTITY_REVOKED] = "UPDATE identities SET state = ?2, token_expires_at = ?4, token_fingerprint = NULL,"
                             " token_run = NULL, token_stale = 0, removed_at = CASE WHEN ?3 IS NULL THEN NULL"
                             " ELSE coalesce(removed_at, ?3) END WHERE key = ?1",
    [SQL_IDENTITY_ENDED] = "UPDATE identities SET state = ?2, token_expires_at = NULL, token_fingerprint = NULL,"
                           " token_run = NULL, token_stale = 0 WHERE key = ?1",
    [SQL_IDENTITY_WATCH] = "UPDATE identities SET watch = ?2 WHERE key = ?1",
    [SQL_MARK_REMOVED] = "UPDATE identities SET removed_at = ?2 WHERE id = ?1",
    [SQL_MARK_STALE] = "UPDATE identities SET token_stale = 1 WHERE key = ?1",
    [SQL_ADOPT_WATCH] = "UPDATE identities SET watch = ?2 WHERE id = ?1",
    [SQL_IDENTITY_DELIVERED] = "UPDATE identities SET token_expires_at = ?3, token_fingerprint = ?4, token_run = ?5"
                               " WHERE key = ?1 AND identity = ?2 AND token_expires_at = 0",

    [SQL_JOURNAL_INSERT] = "INSERT INTO token_journals (path, run, inode) VALUES (?1, ?2, ?3)",
    [SQL_JOURNAL_BY_PATH] =
        "SELECT id, run, inode, length FROM token_journals WHERE path = ?1 ORDER BY id DESC LIMIT 1",
    [SQL_JOURNAL_LENGTH] = "UPDATE token_journals SET inode = ?2, length = ?3 WHERE id = ?1",
    [SQL_JOURNAL_DELETE] = "DELETE FROM token_journals WHERE id = ?1",
    [SQL_JOURNAL_LAST] = "SELECT coalesce(max(id), 0) FROM token_journals",
    [SQL_JOURNALS_EXIST] = "SELECT EXISTS (SELECT 1 FROM token_journals WHERE id <= ?1)",
    [SQL_JOURNALS_FORGET] = "UPDATE identities SET token_expires_at = 0, token_fingerprint = NULL, token_run = NULL"
                            " WHERE token_run IN (SELECT run FROM token_journals WHERE id <= ?1)",
    [SQL_JOURNALS_DELETE] = "DELETE FROM token_journals WHERE id <= ?1",

    [SQL_TOTALS_NEW] = "SELECT id, run, action, outcome, CASE code WHEN '" RUN_ENDED "' THEN NULL ELSE elapsed_ms END"
                       " FROM audit WHERE id > ?1 AND request_id IS NOT NULL ORDER BY id",
    [SQL_TOTALS_ADD] = "INSERT INTO totals SELECT job, ?2, ?3, ?4, ?5, ?6 FROM runs WHERE id = ?1"
                       " ON CONFLICT DO UPDATE SET count = count + excluded.count, sum_ms = sum_ms + excluded.sum_ms",
    [SQL_TOTALS] = "SELECT action, outcome, bucket, count, sum_ms FROM totals WHERE job = ?1"
                   " ORDER BY action, outcome, bucket",
    [SQL_LAST_SUCCESS] = "SELECT coalesce(max(ended_at), 0) FROM runs WHERE job = ?1 AND state = 'done'",

    [SQL_COUNT_STATES] = "SELECT state, count(*) FROM identities GROUP BY state",
    [SQL_COUNT_TOKENS] = "SELECT count(*) FILTER (WHERE token_expires_at > ?1),"
                         " count(*) FILTER (WHERE token_expires_at > ?1 AND token_expires_at <= ?1 + 3600),"
                         " count(*) FILTER (WHERE token_expires_at > ?1 AND token_expires_at <= ?1 + 21600),"
                         " count(*) FILTER (WHERE token_expires_at > ?1 AND token_expires_at <= ?1 + 86400)"
                         " FROM identities WHERE state = 'active'",
    [SQL_COUNT_IN_DOUBT] = "SELECT count(*)" FROM_AUDIT_IN_DOUBT,
    [SQL_COUNT_IN_DOUBT_OF_RUN] = "SELECT count(*)" FROM_AUDIT_IN_DOUBT " AND run = ?1",
    [SQL_COUNT_TASKS] = "SELECT count(*) FROM tasks",
};
