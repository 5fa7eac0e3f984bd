/* What a file of tokens was before this run: the file itself, and the journal that a killed run left beside it. */
#include "core/clock.h"
#include "core/crash.h"
#include "core/file.h"
#include "output/token_file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLUSH_AT = 256 * 1024, DESCRIPTION_SIZE = 512 };

/* Named value in the ledger for each token file, with its path: what it looked like when the ledger knew all identities
 * in it. */
#define SEEN "token_file "

/* --- what stands in the file and in a journal --- */

struct reading {
    struct token_file *file;
    struct ledger *ledger;
    int64_t now_s;
    const char *path; /* being read */
    int64_t run;      /* that was killed: whose journal it is; 0: not known */
    bool is_lost;     /* nobody will read the tokens in it: they are owed */
};

/* An identity that the ledger knows nothing of, and no create that is in doubt can have made: the ledger was lost, or
 * is an older copy, and this file is perhaps the only trace of who has that identity. */
static bool refuse_strangers(void *context, const struct token_row *row, struct error *error)
{
    const struct reading *reading = context;
    bool known = false;

    if (!ledger_knows(reading->ledger, row->key, row->identity, &known, error) ||
        (!known && !ledger_may_have_more(reading->ledger, row->key, &known, error)))
        return false;
    if (known)
        return true;
    error_set(error, ERROR_LIMIT, "%s names identities that the ledger does not know", reading->path);
    return error_hint(error,
                      "was the ledger lost, or restored from an older copy? Adopt them first: "
                      "`rollcall import JOB.yaml %s`; or move the file away",
                      reading->path);
}

/* Does the ledger count the token of this row? */
static bool is_counted(const struct reading *reading, const struct token_row *row,
                       const unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE], bool *counted, struct error *error)
{
    return ledger_has_token(reading->ledger, row->key, row->key_length, fingerprint, reading->now_s, counted, error);
}

static bool copy_row(const struct reading *reading, const struct token_row *row, struct error *error)
{
    struct token_file *file = reading->file;

    token_rows_append(&file->layout, row, &file->pending);
    return file->pending.length < FLUSH_AT || token_file_flush(file, error);
}

/* Takes over a row whose token is still the one that the ledger counts. */
static bool keep_row(void *context, const struct token_row *row, struct error *error)
{
    const struct reading *reading = context;
    unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE];
    bool counted = false;

    if (!token_fingerprint(row->token, row->token_length, fingerprint))
        return error_no_memory(error);
    return is_counted(reading, row, fingerprint, &counted, error) && (!counted || copy_row(reading, row, error));
}

/* What the service answered to a run that was killed between the journal and the ledger stands in the journal and
 * nowhere else, an identity perhaps. The ledger learns it now; *counted is set when that makes its token a delivered
 * one. */
static bool recover(const struct reading *reading, const struct token_row *row,
                    const unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE], bool *counted, struct error *error)
{
    struct result result = {
        .key = row->key,
        .key_length = row->key_length,
        .identity = row->identity,
        .at_ms = reading->now_s * 1000,
        .token_wanted = true,
        .token_delivered = reading->file->is_alone && !reading->is_lost,
    };
    int64_t expires_at_ms;
    bool recovered = false;

    *counted = false;
    if (!time_parse_rfc3339_ms(row->expires_at, &expires_at_ms))
        return true;
    memcpy(result.token_fingerprint, fingerprint, sizeof result.token_fingerprint);
    result.token_expires_at_s = expires_at_ms / 1000;
    if (!ledger_recover_result(reading->ledger, reading->run, &result, &recovered, error))
        return false;
    *counted = recovered && result.token_delivered;
    return true;
}

/* As keep_row, for the journal of a killed run. A row that the ledger does not want goes. */
static bool recover_row(void *context, const struct token_row *row, struct error *error)
{
    struct reading *reading = context;
    unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE];
    bool counted = false;

    reading->is_lost |= strncmp(row->token, TOKEN_PRINT_PREFIX, strlen(TOKEN_PRINT_PREFIX)) == 0;
    if (!token_fingerprint(row->token, row->token_length, fingerprint))
        return error_no_memory(error);
    return is_counted(reading, row, fingerprint, &counted, error) &&
           (counted || recover(reading, row, fingerprint, &counted, error)) &&
           (counted || refuse_strangers(reading, row, error)) &&
           (!counted || reading->is_lost || copy_row(reading, row, error));
}

static bool file_is_there(const char *path)
{
    return access(path, F_OK) == 0 || errno != ENOENT;
}

/* Reads a token file, if there is one, with `visit` for each row. */
static bool read_tokens(struct reading *reading, const char *path, token_row_visitor *visit, struct error *error)
{
    const struct token_file *file = reading->file;
    bool by_visitor = false;

    if (!file_is_there(path))
        return true;
    reading->path = path;
    const int fd = file_open_private(path, error);
    if (fd < 0)
        return false;
    const bool ok = token_rows_read(&file->layout, fd, path, visit, reading, &by_visitor, error);
    if (!ok && !by_visitor) {
        error_context(error, "%s is no token file of this job", path);
        error_hint(error, "name another file in outputs.tokens, or move this one away");
    }
    close(fd);
    return ok;
}

/* --- the journal --- */

/* The path by which the ledger knows a file, there or not: the same from wherever rollcall is started. */
static bool absolute(const char *path, char resolved[PATH_MAX], struct error *error)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    char directory[PATH_MAX];

    snprintf(directory, sizeof directory, "%.*s.", (int)(name - path), path);
    if (realpath(directory, resolved) == NULL)
        return error_errno(error, "cannot look at %s", directory);
    const size_t length = strlen(resolved);
    const int added = snprintf(resolved + length, PATH_MAX - length, "/%s", name);
    return (size_t)added < PATH_MAX - length ||
           error_set(error, ERROR_INPUT, "the path %.64s... is too long", resolved);
}

/* --- whom the file names --- */

static bool name_of_seen(const struct token_file *file, char name[sizeof SEEN + PATH_MAX], struct error *error)
{
    memcpy(name, SEEN, sizeof SEEN);
    return absolute(file->path, name + strlen(SEEN), error);
}

/* "" when it is not there. */
static void describe(const struct token_file *file, char text[DESCRIPTION_SIZE])
{
    struct stat info;

    if (lstat(file->path, &info) != 0)
        text[0] = '\0';
    else
        snprintf(text, DESCRIPTION_SIZE, "%d %ju %jd %jd.%09ld %s", file->layout.format, (uintmax_t)info.st_ino,
                 (intmax_t)info.st_size, (intmax_t)info.st_mtim.tv_sec, info.st_mtim.tv_nsec, file->layout.key_column);
}

static bool note_seen(const struct token_file *file, struct ledger *ledger, struct error *error)
{
    char name[sizeof SEEN + PATH_MAX];
    char now[DESCRIPTION_SIZE];

    describe(file, now);
    return name_of_seen(file, name, error) && ledger_set(ledger, name, now, error);
}

bool token_journal_check(struct token_file *file, struct ledger *ledger, struct error *error)
{
    struct reading look = {.file = file, .ledger = ledger};
    char name[sizeof SEEN + PATH_MAX];
    char seen[DESCRIPTION_SIZE];
    char now[DESCRIPTION_SIZE];

    describe(file, now);
    if (file->seal != NULL || now[0] == '\0')
        return true;
    if (!name_of_seen(file, name, error) || !ledger_get(ledger, name, seen, sizeof seen, error))
        return false;
    return strcmp(seen, now) == 0 ||
           (read_tokens(&look, file->path, refuse_strangers, error) && ledger_set(ledger, name, now, error));
}

/* --- the journal --- */

/* The length that it has before rows of the old file are appended: half an appending can be cut off again. And what the
 * file will be known by when it has been renamed. */
static bool note_length(const struct token_file *file, struct ledger *ledger, struct error *error)
{
    struct stat info;

    if (file->note == 0)
        return true;
    if (fstat(file->fd, &info) != 0)
        return error_errno(error, "cannot look at %s", file->journal);
    return ledger_note_journal_length(ledger, file->note, info.st_ino, info.st_size, error);
}

/* The journal becomes the file: what still counts of the old file is appended to it, then it is renamed. */
bool token_journal_to_file(struct token_file *file, struct ledger *ledger, int64_t now_s, struct error *error)
{
    struct reading reading = {.file = file, .ledger = ledger, .now_s = now_s};

    if (!token_file_flush(file, error) || !note_length(file, ledger, error) ||
        !read_tokens(&reading, file->path, keep_row, error) || !token_file_flush(file, error))
        return false;
    crash_point();
    if (fsync(file->fd) != 0 || rename(file->journal, file->path) != 0)
        return error_errno(error, "cannot write %s", file->path);
    crash_point();
    return file_sync_directory(file->path, error) && token_journal_end(file, ledger, error) &&
           note_seen(file, ledger, error);
}

bool token_journal_end(struct token_file *file, struct ledger *ledger, struct error *error)
{
    return file->note == 0 || ledger_end_journal(ledger, file->note, error);
}

/* The end of the last whole line: a journal may end in half a line, which was not synced and nothing counts on. */
static bool last_whole_line(int fd, off_t size, off_t *end)
{
    char bytes[4096];

    *end = size;
    while (*end > 0) {
        const off_t start = *end > (off_t)sizeof bytes ? *end - (off_t)sizeof bytes : 0;
        const ssize_t got = pread(fd, bytes, (size_t)(*end - start), start);
        if (got <= 0)
            return false;
        const char *newline = memrchr(bytes, '\n', (size_t)got);
        const off_t offset = newline != NULL ? newline - bytes + 1 : 0;
        explicit_bzero(bytes, sizeof bytes);
        *end = start + offset;
        if (newline != NULL)
            return true;
    }
    return true;
}

/* Cuts off what is no part of the journal: half a line, or half an appending of the old file. */
static bool repair_journal(struct token_file *file, const struct token_journal *note, off_t *size, struct error *error)
{
    struct stat info;

    if (fstat(file->fd, &info) != 0 || !last_whole_line(file->fd, info.st_size, size))
        return error_errno(error, "cannot read %s", file->journal);
    if (note->inode == info.st_ino && note->length >= 0 && note->length < *size)
        *size = note->length;
    return ftruncate(file->fd, *size) == 0 || error_errno(error, "cannot shorten %s", file->journal);
}

/* Brings journal and ledger together: rows that were synced when the ledger's commit did not come are recorded, or
 * dropped. The new journal takes the place of the old one in one rename. An empty one is settled too: a run that was
 * killed may have ended tokens without having made any. */
static bool settle_journal(struct reading *reading, bool is_empty, struct error *error)
{
    struct token_file *file = reading->file;
    char settled[PATH_MAX + 8];

    snprintf(settled, sizeof settled, "%s.new", file->journal);
    if (unlink(settled) != 0 && errno != ENOENT)
        return error_errno(error, "cannot remove %s", settled);
    close(file->fd);
    file->fd = open(settled, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file->fd < 0)
        return error_errno(error, "cannot write %s", settled);
    token_rows_begin(&file->layout, &file->pending);
    if (!is_empty && !read_tokens(reading, file->journal, recover_row, error))
        return false;
    if (!token_file_flush(file, error))
        return false;
    crash_point();
    if (fsync(file->fd) != 0 || rename(settled, file->journal) != 0)
        return error_errno(error, "cannot write %s", file->journal);
    return true;
}

/* What is sealed in parts that were not ended cannot be read by anybody. */
static bool give_up_journal(struct reading *reading, bool is_empty, struct error *error)
{
    struct token_file *file = reading->file;

    if (!is_empty && !read_tokens(reading, file->journal, recover_row, error))
        return false;
    return unlink(file->journal) == 0 || error_errno(error, "cannot remove %s", file->journal);
}

static bool settle(struct token_file *file, const struct token_journal *note, struct ledger *ledger, int64_t now_s,
                   struct error *error)
{
    struct reading reading = {
        .file = file, .ledger = ledger, .now_s = now_s, .run = note->run, .is_lost = file->seal != NULL};
    struct stat info;
    off_t size = 0;

    if (fstat(file->fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid() || info.st_nlink > 1) {
        error_set(error, ERROR_INPUT, "%s is not ours to read", file->journal);
        return error_hint(error, "look at who made it, and remove it");
    }
    if (!repair_journal(file, note, &size, error))
        return false;
    if (file->seal != NULL)
        return give_up_journal(&reading, size == 0, error);
    if (!settle_journal(&reading, size == 0, error))
        return false;
    /* A note that stays has the tokens of its run forgotten: ledger_forget_journals(). */
    file->note = reading.is_lost ? 0 : note->id;
    return token_journal_to_file(file, ledger, now_s, error);
}

/* Killed behind the last rename, the journal is the file already. */
static bool end_if_renamed(struct token_file *file, const struct token_journal *note, struct ledger *ledger,
                           struct error *error)
{
    struct stat info;

    return note->id == 0 || lstat(file->path, &info) != 0 || info.st_ino != note->inode ||
           ledger_end_journal(ledger, note->id, error);
}

bool token_journal_take_over(struct token_file *file, struct ledger *ledger, int64_t now_s, struct error *error)
{
    struct token_journal note;
    char path[PATH_MAX];

    if (!absolute(file->journal, path, error) || !ledger_find_journal(ledger, path, &note, error))
        return false;
    file->fd = open(file->journal, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    if (file->fd < 0 && errno != ENOENT)
        return error_errno(error, "cannot open %s", file->journal);
    const bool ok =
        file->fd < 0 ? end_if_renamed(file, &note, ledger, error) : settle(file, &note, ledger, now_s, error);
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    return ok && token_seal_clear(file->path, error);
}

bool token_journal_make(struct token_file *file, struct error *error)
{
    file->note = 0;
    file->fd = open(file->journal, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file->fd < 0)
        return error_errno(error, "cannot write %s", file->journal);
    token_rows_begin(&file->layout, &file->pending);
    return file_sync_directory(file->journal, error);
}

bool token_journal_note(struct token_file *file, struct ledger *ledger, int64_t run, struct error *error)
{
    char path[PATH_MAX];
    struct stat info;

    if (fstat(file->fd, &info) != 0)
        return error_errno(error, "cannot look at %s", file->journal);
    return absolute(file->journal, path, error) &&
           ledger_note_journal(ledger, path, info.st_ino, run, &file->note, error);
}
