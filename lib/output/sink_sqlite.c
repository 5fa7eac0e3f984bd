/* Tokens into a table of an SQLite database of the user's: all of a batch in one transaction, or, where a row is
 * refused, each in one of its own. */
#include "core/file.h"
#include "core/text.h"
#include "output/sql_upsert.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct sqlite_sink {
    const struct spec_sink *spec;
    sqlite3 *db;
    sqlite3_stmt *insert;
    char *names[1 + UPSERT_COLUMNS]; /* sqlite3_malloc'd */
    struct upsert upsert;
};

/* What SQLite said, without anything that may be a token: a trigger may say what it likes. */
static bool fail(const struct sqlite_sink *sink, const char *what, struct error *error)
{
    char words[256];

    text_print(sink->db != NULL ? sqlite3_errmsg(sink->db) : "out of memory", words, sizeof words);
    return error_set(error, ERROR_SYSTEM, "%s: cannot %s: %s", sink->spec->path, what, words);
}

static bool run_sql(const struct sqlite_sink *sink, const char *sql, const char *what, struct error *error)
{
    return sqlite3_exec(sink->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail(sink, what, error);
}

static void close_sqlite(void *self)
{
    struct sqlite_sink *sink = self;

    sqlite3_finalize(sink->insert);
    sqlite3_close(sink->db);
    for (size_t i = 0; i < 1 + UPSERT_COLUMNS; i++)
        sqlite3_free(sink->names[i]);
    free(sink);
}

/* --- opening --- */

/* 0600 from its first byte; SQLite gives its journals the same mode. One that others may read is not for tokens. */
static bool prepare_file(const char *path, struct error *error)
{
    struct stat info;

    if (!file_make_parents(path, 0700, error) || !file_check_database(path, error))
        return false;
    const int made = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (made >= 0)
        return close(made) == 0 || error_errno(error, "cannot write %s", path);
    if (errno != EEXIST)
        return error_errno(error, "cannot write %s", path);
    const int fd = file_open_private(path, error);
    if (fd < 0)
        return false;
    const bool known = fstat(fd, &info) == 0;
    close(fd);
    if (!known)
        return error_errno(error, "cannot look at %s", path);
    if ((info.st_mode & 077) == 0)
        return true;
    error_set(error, ERROR_INPUT, "%s can be read by others (mode %04o)", path, (unsigned)(info.st_mode & 07777));
    return error_hint(error, "chmod 600 %s", path);
}

static bool name_columns(struct sqlite_sink *sink, struct error *error)
{
    const struct spec_sink *spec = sink->spec;
    const char *const plain[] = {spec->table, spec->columns.key, spec->columns.identity_id, spec->columns.token,
                                 spec->columns.expires_at};

    for (size_t i = 0; i < 1 + UPSERT_COLUMNS; i++) {
        if (plain[i] == NULL)
            continue;
        sink->names[i] = sqlite3_mprintf("\"%w\"", plain[i]);
        if (sink->names[i] == NULL)
            return error_no_memory(error);
    }
    sink->upsert.table = sink->names[0];
    for (size_t i = 0; i < UPSERT_COLUMNS; i++)
        sink->upsert.columns[i] = sink->names[1 + i];
    return true;
}

static bool make_table(const struct sqlite_sink *sink, struct error *error)
{
    struct buffer sql;

    buffer_init(&sql, UPSERT_SQL_CAP);
    buffer_append_format(&sql, "CREATE TABLE IF NOT EXISTS %s (%s TEXT NOT NULL PRIMARY KEY", sink->upsert.table,
                         sink->upsert.columns[0]);
    for (size_t i = 1; i < UPSERT_COLUMNS; i++)
        if (sink->upsert.columns[i] != NULL)
            buffer_append_format(&sql, ", %s TEXT NOT NULL", sink->upsert.columns[i]);
    buffer_append_text(&sql, ")");
    const bool ok = buffer_failed(&sql) ? buffer_error(&sql, "a statement", error)
                                        : run_sql(sink, sql.data, "make the table", error);
    buffer_clear(&sql);
    return ok;
}

/* A table without such columns, or whose key is not unique, is the user's to change. */
static bool prepare_insert(struct sqlite_sink *sink, struct error *error)
{
    struct buffer sql;

    buffer_init(&sql, UPSERT_SQL_CAP);
    upsert_append(&sql, &sink->upsert, NULL);
    const bool ok = !buffer_failed(&sql) && sqlite3_prepare_v3(sink->db, sql.data, -1, SQLITE_PREPARE_PERSISTENT,
                                                               &sink->insert, NULL) == SQLITE_OK;
    buffer_clear(&sql);
    if (ok)
        return true;
    fail(sink, "write into the table", error);
    error->code = sqlite3_errcode(sink->db) == SQLITE_ERROR ? ERROR_INPUT : ERROR_SYSTEM;
    return error_hint(error, "outputs.tokens.columns names the columns of %s; that of the key must be UNIQUE",
                      sink->spec->table);
}

static bool open_database(struct sqlite_sink *sink, struct error *error)
{
    const char *path = sink->spec->path;

    if (!prepare_file(path, error))
        return false;
    if (sqlite3_open_v2(path, &sink->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        return fail(sink, "open it", error);
    sqlite3_busy_timeout(sink->db, (int)sink->spec->time_limit_ms);
    /* EXTRA: a transaction must not be rolled back after a power cut because its journal is there again. Tokens that
     * are replaced do not stay in the file's free pages. */
    return run_sql(sink, "PRAGMA synchronous = EXTRA; PRAGMA secure_delete = ON", "open it", error) &&
           name_columns(sink, error) && make_table(sink, error) && prepare_insert(sink, error);
}

static void *open_sqlite(const struct sink_options *options, struct error *error)
{
    struct sqlite_sink *sink = calloc(1, sizeof *sink);

    if (sink == NULL) {
        error_no_memory(error);
        return NULL;
    }
    sink->spec = options->sink;
    if (options->only_check || open_database(sink, error))
        return sink;
    close_sqlite(sink);
    return NULL;
}

/* --- delivering --- */

/* Is it about the row, and would another one be taken? */
static bool is_refusal(int code)
{
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_ERROR: return true;
    default: return false;
    }
}

static int insert(struct sqlite_sink *sink, const struct token *token)
{
    struct upsert_row row;

    upsert_row_fill(&row, &sink->upsert, token);
    for (size_t i = 0; i < row.count; i++)
        sqlite3_bind_text(sink->insert, (int)i + 1, row.texts[i], (int)row.lengths[i], SQLITE_STATIC);
    sqlite3_step(sink->insert);
    const int code = sqlite3_reset(sink->insert);
    sqlite3_clear_bindings(sink->insert);
    return code;
}

static void roll_back(const struct sqlite_sink *sink)
{
    if (sqlite3_get_autocommit(sink->db) == 0)
        sqlite3_exec(sink->db, "ROLLBACK", NULL, NULL, NULL);
}

/* SQLITE_OK, or why nothing was written, with the error. */
static int insert_together(struct sqlite_sink *sink, const struct token *tokens, size_t count, struct error *error)
{
    int code = sqlite3_exec(sink->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    for (size_t i = 0; code == SQLITE_OK && i < count; i++)
        code = insert(sink, &tokens[i]);
    if (code == SQLITE_OK)
        code = sqlite3_exec(sink->db, "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        fail(sink, "write into the table", error);
        roll_back(sink);
    }
    return code;
}

static enum sink_answer deliver(void *self, const struct token *tokens, size_t count, bool *refused,
                                struct error *error)
{
    struct sqlite_sink *sink = self;
    struct error why;
    bool any_refused = false;
    int code = insert_together(sink, tokens, count, error);

    if (code != SQLITE_OK && !is_refusal(code))
        return SINK_UNAVAILABLE;
    for (size_t i = 0; code != SQLITE_OK && i < count; i++) {
        const int own = insert_together(sink, &tokens[i], 1, &why);
        refused[i] = own != SQLITE_OK;
        if (refused[i] && (!any_refused || !is_refusal(own)))
            *error = why;
        if (refused[i] && !is_refusal(own))
            return SINK_UNAVAILABLE;
        any_refused |= refused[i];
    }
    return SINK_ANSWERED;
}

const struct sink_kind sink_sqlite = {.open = open_sqlite, .deliver = deliver, .close = close_sqlite};
