/* Opening, locking, migrating and closing. */
#include "ledger/ledger_internal.h"

#include "core/crash.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { READER_BUSY_MS = 10000, LOCK_TRIES = 5 };

bool ledger_exists(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0;
}

bool ledger_is_held(const char *path)
{
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return false;
    const bool held = flock(fd, LOCK_SH | LOCK_NB) != 0;
    close(fd);
    return held;
}

/* Somebody who looks whether it is held, in ledger_is_held(), is through in a moment. */
static bool take_lock(int fd)
{
    static const struct timespec moment = {.tv_nsec = 10 * 1000000L};

    for (int tries = 1; flock(fd, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (errno != EWOULDBLOCK || tries == LOCK_TRIES)
            return false;
        nanosleep(&moment, NULL);
    }
    return true;
}

static bool execute(struct ledger *ledger, const char *sql, const char *what, struct error *error)
{
    return sqlite3_exec(ledger->db, sql, NULL, NULL, NULL) == SQLITE_OK ? true : ledger_error(ledger, what, error);
}

static bool schema_version(struct ledger *ledger, int *version, struct error *error)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(ledger->db, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK)
        return ledger_error(ledger, "read", error);
    const bool ok = sqlite3_step(statement) == SQLITE_ROW;
    *version = ok ? sqlite3_column_int(statement, 0) : 0;
    if (!ok)
        ledger_error(ledger, "read", error);
    sqlite3_finalize(statement);
    return ok;
}

static bool check_not_newer(const struct ledger *ledger, int version, struct error *error)
{
    if (version <= ledger_schema_version)
        return true;
    error_set(error, ERROR_INPUT, "%s has schema version %d; this rollcall knows up to %d", ledger->path, version,
              ledger_schema_version);
    return error_hint(error, "use the newer rollcall that wrote it");
}

/* Each step is one transaction with the new version number in it, so that a crash leaves one version or the next. */
static bool migrate(struct ledger *ledger, struct error *error)
{
    char set_version[64];
    int version = 0;

    if (!schema_version(ledger, &version, error) || !check_not_newer(ledger, version, error))
        return false;
    for (; version < ledger_schema_version; version++) {
        snprintf(set_version, sizeof set_version, "PRAGMA user_version = %d", version + 1);
        if (!execute(ledger, "BEGIN IMMEDIATE", "begin a migration", error))
            return false;
        crash_point();
        if (!execute(ledger, ledger_migrations[version], "migrate the schema", error) ||
            !execute(ledger, set_version, "migrate the schema", error) || !ledger_commit(ledger, error)) {
            ledger_rollback(ledger);
            return false;
        }
    }
    return true;
}

static bool check_file(const struct ledger *ledger, const struct stat *info, struct error *error)
{
    if (!S_ISREG(info->st_mode) || info->st_uid != geteuid()) {
        error_set(error, ERROR_INPUT, "%s is %s", ledger->path,
                  S_ISREG(info->st_mode) ? "another user's file" : "not a regular file");
        return error_hint(error, "a ledger must be a file of the user that runs rollcall");
    }
    if ((info->st_mode & 077) != 0) {
        error_set(error, ERROR_INPUT, "%s can be used by others (mode %04o)", ledger->path,
                  (unsigned)(info->st_mode & 07777));
        return error_hint(error, "chmod 600 %s", ledger->path);
    }
    return true;
}

/* A reader opens no descriptor of its own to look at the file: closing it would drop the locks that SQLite holds on the
 * file for another connection of this process. */
static bool check_for_reading(const struct ledger *ledger, struct error *error)
{
    struct stat info;

    if (lstat(ledger->path, &info) == 0)
        return check_file(ledger, &info, error) && file_check_database(ledger->path, error);
    if (errno != ENOENT) {
        error_errno(error, "cannot look at %s", ledger->path);
        error->code = ERROR_INPUT;
        return false;
    }
    error_set(error, ERROR_INPUT, "there is no ledger at %s", ledger->path);
    return error_hint(error, "the first `rollcall run` makes it; if there was one, correct `ledger` in the job spec");
}

/* Takes the run lock on the file itself: flock() does not meet SQLite's own fcntl() locks, and the kernel lets go of it
 * when the process dies. The descriptor is closed after the database, since closing any descriptor of the file would
 * drop SQLite's locks. */
static bool lock_for_run(struct ledger *ledger, struct error *error)
{
    if (!file_make_parents(ledger->path, 0700, error) || !file_check_database(ledger->path, error))
        return false;
    ledger->lock_fd = open(ledger->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (ledger->lock_fd < 0) {
        error_errno(error, "cannot open the ledger %s", ledger->path);
        error->code = ERROR_INPUT;
        return false;
    }
    struct stat info;
    if (fstat(ledger->lock_fd, &info) != 0)
        return error_errno(error, "cannot look at %s", ledger->path);
    if (!check_file(ledger, &info, error))
        return false;
    if (!take_lock(ledger->lock_fd)) {
        if (errno != EWOULDBLOCK)
            return error_errno(error, "cannot lock %s", ledger->path);
        error_set(error, ERROR_BUSY, "another run holds the ledger %s", ledger->path);
        return error_hint(error, "wait until it has ended; `rollcall status` shows it");
    }
    return true;
}

/* Another program's database is not made into a ledger. */
static bool check_is_ledger(struct ledger *ledger, struct error *error)
{
    sqlite3_stmt *objects = ledger_statement(ledger, SQL_COUNT_OBJECTS, error);
    bool row;
    int version = 0;

    if (objects == NULL || !ledger_step(ledger, objects, "read", &row, error))
        return false;
    const bool empty = row && sqlite3_column_int64(objects, 0) == 0;
    sqlite3_reset(objects);
    if (!schema_version(ledger, &version, error))
        return false;
    if (empty || version > 0)
        return true;
    error_set(error, ERROR_INPUT, "%s is a database of another program", ledger->path);
    return error_hint(error, "check the path in the job spec");
}

/* The path for SQLite, which refuses a symbolic link in any part of one, and takes ":memory:" for a ledger that is gone
 * with the process: the folder is resolved, the name itself stays, so that a link there is still refused. */
static bool real_path(const char *path, char real[PATH_MAX], struct error *error)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    char folder[PATH_MAX];

    if (strlen(path) >= sizeof folder)
        return error_set(error, ERROR_INPUT, "the path %.64s... is too long", path);
    snprintf(folder, sizeof folder, "%.*s", (int)(name - path), path);
    if (realpath(slash != NULL ? folder : ".", real) == NULL) {
        error_errno(error, "cannot find the folder of %s", path);
        error->code = ERROR_INPUT;
        return false;
    }
    const size_t length = strlen(real);
    if (length + strlen(name) + 2 > PATH_MAX)
        return error_set(error, ERROR_INPUT, "the path %.64s... is too long", path);
    snprintf(real + length, PATH_MAX - length, "%s%s", length > 1 ? "/" : "", name);
    return true;
}

/* 8 MiB of cache hold the pages that a batch touches; the rest is the system's page cache. */
static const char run_settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8192;"
                                   "PRAGMA wal_autocheckpoint = 4000; PRAGMA foreign_keys = ON;"
                                   "PRAGMA temp_store = MEMORY";

/* A reader may not change anything, but it may take its side files away again: one that is opened for reading alone
 * makes them, and leaves them. */
static bool open_file(struct ledger *ledger, const char *path, int more_flags, struct error *error)
{
    const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_READWRITE | more_flags;

    if (sqlite3_open_v2(path, &ledger->db, flags, NULL) != SQLITE_OK) {
        if (ledger->db == NULL)
            return error_no_memory(error);
        ledger_error(ledger, "open the ledger", error);
        error->code = ERROR_INPUT;
        return false;
    }
    sqlite3_extended_result_codes(ledger->db, 1);
    sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_busy_timeout(ledger->db, READER_BUSY_MS);
    return true;
}

static bool open_database(struct ledger *ledger, enum ledger_mode mode, struct error *error)
{
    char path[PATH_MAX];
    int version = 0;

    if (!real_path(ledger->path, path, error) || !open_file(ledger, path, 0, error))
        return false;
    if (mode == LEDGER_RUN)
        return check_is_ledger(ledger, error) && execute(ledger, run_settings, "set up the ledger", error) &&
               migrate(ledger, error) && ledger_read_names(ledger, error);

    if (!execute(ledger, "PRAGMA query_only = ON", "set up the ledger", error) ||
        !schema_version(ledger, &version, error) || !check_not_newer(ledger, version, error))
        return false;
    if (version == ledger_schema_version)
        return ledger_read_names(ledger, error);
    error_set(error, ERROR_INPUT,
              version == 0 ? "%s is no ledger, or an empty one (schema version %d)"
                           : "%s has the older schema version %d",
              ledger->path, version);
    return error_hint(error, version == 0 ? "check the path in the job spec" : "`rollcall run` brings it up to date");
}

static struct ledger *ledger_new(const char *path, struct error *error)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);

    if (ledger != NULL) {
        ledger->lock_fd = -1;
        ledger->reserve_fd = -1;
        ledger->path = strdup(path);
    }
    if (ledger == NULL || ledger->path == NULL) {
        free(ledger);
        error_no_memory(error);
        return NULL;
    }
    buffer_init(&ledger->found, SIZE_MAX / 2);
    return ledger;
}

struct ledger *ledger_open(const char *path, enum ledger_mode mode, struct error *error)
{
    struct ledger *ledger = ledger_new(path, error);

    if (ledger == NULL)
        return NULL;
    if (!(mode == LEDGER_RUN ? lock_for_run(ledger, error) : check_for_reading(ledger, error)))
        goto fail;
    if (!open_database(ledger, mode, error))
        goto fail;
    return ledger;
fail:
    ledger_close(ledger);
    return NULL;
}

struct ledger *ledger_open_scratch(struct error *error)
{
    /* To SQLite a file without a name is a temporary one, which is in memory until it becomes large. */
    struct ledger *ledger = ledger_new("a temporary ledger", error);

    if (ledger != NULL && open_file(ledger, "", SQLITE_OPEN_CREATE, error) && migrate(ledger, error))
        return ledger;
    ledger_close(ledger);
    return NULL;
}

struct ledger *ledger_open_beside(const struct ledger *ledger, struct error *error)
{
    return ledger_open(ledger->path, LEDGER_READ, error);
}

void ledger_close(struct ledger *ledger)
{
    if (ledger == NULL)
        return;
    for (size_t i = 0; i < SQL_STATEMENTS; i++)
        sqlite3_finalize(ledger->prepared[i]);
    sqlite3_close(ledger->db);
    ledger_use_reserve(ledger);
    if (ledger->lock_fd >= 0)
        close(ledger->lock_fd);
    buffer_clear(&ledger->found);
    free(ledger->names);
    free(ledger->path);
    free(ledger);
}
