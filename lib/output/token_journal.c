/* What a file of tokens was before this run: the file itself, and the journal that a killed run left beside it. */
#include "core/clock.h"
#include "core/crash.h"
#include "core/file.h"
#include "output/token_file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLUSH_AT = 256 * 1024 };

/* Named value in the ledger, "<inode of the journal> <length>": see token_journal_to_file(). */
#define JOURNAL_LENGTH "token_journal_length"

/* --- what stands in the file and in a journal --- */

struct reading {
    struct token_file *file;
    struct ledger *ledger;
    int64_t now_s;
};

static bool stop_reading(void *context, const struct token_row *row, struct error *error)
{
    (void)context, (void)row, (void)error;
    return false;
}

/* For a ledger that knows nobody: it was lost, or emptied, and this file is perhaps the only trace of who has which
 * identity. */
static bool refuse_row(void *context, const struct token_row *row, struct error *error)
{
    const struct reading *reading = context;

    (void)row;
    error_set(error, ERROR_LIMIT, "%s names identities, and the ledger knows none", reading->file->path);
    return error_hint(error,
                      "was the ledger lost? Restore it, or adopt them: `rollcall import JOB.yaml %s`; or move "
                      "the file away",
                      reading->file->path);
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
        .token_delivered = reading->file->is_alone && reading->file->seal == NULL,
    };
    int64_t expires_at_ms;
    bool recovered = false;

    *counted = false;
    if (!time_parse_rfc3339_ms(row->expires_at, &expires_at_ms))
        return true;
    memcpy(result.token_fingerprint, fingerprint, sizeof result.token_fingerprint);
    result.token_expires_at_s = expires_at_ms / 1000;
    if (!ledger_recover_result(reading->ledger, &result, &recovered, error))
        return false;
    *counted = recovered && result.token_delivered;
    return true;
}

/* As keep_row, for the journal of a killed run. A row that the ledger does not want goes. */
static bool recover_row(void *context, const struct token_row *row, struct error *error)
{
    const struct reading *reading = context;
    unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE];
    bool counted = false;

    if (!token_fingerprint(row->token, row->token_length, fingerprint))
        return error_no_memory(error);
    return is_counted(reading, row, fingerprint, &counted, error) &&
           (counted || recover(reading, row, fingerprint, &counted, error)) &&
           (!counted || copy_row(reading, row, error));
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

static bool note_length(const struct token_file *file, struct ledger *ledger, struct error *error)
{
    struct stat info;
    char value[64];

    if (fstat(file->fd, &info) != 0)
        return error_errno(error, "cannot look at %s", file->journal);
    snprintf(value, sizeof value, "%ju %jd", (uintmax_t)info.st_ino, (intmax_t)info.st_size);
    return ledger_set(ledger, JOURNAL_LENGTH, value, error);
}

/* The length that was noted for this very journal; -1: none. */
static off_t noted_length(const char *value, ino_t inode)
{
    char *end;
    const uintmax_t number = strtoumax(value, &end, 10);

    return end != value && number == inode && *end == ' ' ? (off_t)strtoimax(end + 1, &end, 10) : -1;
}

/* The journal becomes the file: what still counts of the old file is appended to it, then it is renamed. The length it
 * had before stands in the ledger, so that half an appending can be cut off again. */
bool token_journal_to_file(struct token_file *file, struct ledger *ledger, int64_t now_s, struct error *error)
{
    struct reading reading = {.file = file, .ledger = ledger, .now_s = now_s};

    if (!token_file_flush(file, error))
        return false;
    if (file_is_there(file->path) &&
        (!note_length(file, ledger, error) || !read_tokens(&reading, file->path, keep_row, error) ||
         !token_file_flush(file, error)))
        return false;
    crash_point();
    if (fsync(file->fd) != 0 || rename(file->journal, file->path) != 0)
        return error_errno(error, "cannot write %s", file->path);
    return file_sync_directory(file->path, error);
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
static bool repair_journal(struct token_file *file, struct ledger *ledger, off_t *size, struct error *error)
{
    char value[64];
    struct stat info;

    if (!ledger_get(ledger, JOURNAL_LENGTH, value, sizeof value, error))
        return false;
    if (fstat(file->fd, &info) != 0 || !last_whole_line(file->fd, info.st_size, size))
        return error_errno(error, "cannot read %s", file->journal);
    const off_t noted = noted_length(value, info.st_ino);
    if (noted >= 0 && noted < *size)
        *size = noted;
    return ftruncate(file->fd, *size) == 0 || error_errno(error, "cannot shorten %s", file->journal);
}

/* Brings journal and ledger together: rows that were synced when the ledger's commit did not come are recorded, or
 * dropped. The new journal takes the place of the old one in one rename. An empty one is settled too: a run that was
 * killed may have ended tokens without having made any. */
static bool settle_journal(struct token_file *file, bool is_empty, struct ledger *ledger, int64_t now_s,
                           struct error *error)
{
    struct reading reading = {.file = file, .ledger = ledger, .now_s = now_s};
    char settled[PATH_MAX + 8];

    snprintf(settled, sizeof settled, "%s.new", file->journal);
    if (unlink(settled) != 0 && errno != ENOENT)
        return error_errno(error, "cannot remove %s", settled);
    close(file->fd);
    file->fd = open(settled, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file->fd < 0)
        return error_errno(error, "cannot write %s", settled);
    token_rows_begin(&file->layout, &file->pending);
    if (!is_empty && !read_tokens(&reading, file->journal, recover_row, error))
        return false;
    if (!token_file_flush(file, error))
        return false;
    crash_point();
    if (fsync(file->fd) != 0 || rename(settled, file->journal) != 0)
        return error_errno(error, "cannot write %s", file->journal);
    return true;
}

/* --- the journal of a sealed file --- */

/* A row of such a journal: the ledger learns of the identity, and the token is owed. */
static bool recover_sealed_row(void *context, const struct token_row *row, struct error *error)
{
    static const unsigned char nothing[TOKEN_FINGERPRINT_SIZE];
    bool counted = false;

    return recover(context, row, nothing, &counted, error);
}

/* The fingerprint in the place of a token. False: there is none. */
static bool parse_print(const struct token_row *row, unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    const char *next = row->token + strlen(TOKEN_PRINT_PREFIX);

    if (row->token_length + 1 != TOKEN_PRINT_SIZE ||
        memcmp(row->token, TOKEN_PRINT_PREFIX, strlen(TOKEN_PRINT_PREFIX)) != 0 || next[strspn(next, digits)] != '\0')
        return false;
    for (size_t i = 0; i < TOKEN_FINGERPRINT_SIZE; i++, next += 2)
        fingerprint[i] = (unsigned char)((strchr(digits, next[0]) - digits) * 16 + (strchr(digits, next[1]) - digits));
    return true;
}

static bool forget_sealed_row(void *context, const struct token_row *row, struct error *error)
{
    const struct reading *reading = context;
    unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE];

    return !parse_print(row, fingerprint) ||
           ledger_forget_token(reading->ledger, row->key, row->key_length, fingerprint, error);
}

/* Nobody can read what was sealed and not ended: all that the journal names is owed again. */
static bool forget_sealed(struct token_file *file, struct ledger *ledger, int64_t now_s, struct error *error)
{
    struct reading reading = {.file = file, .ledger = ledger, .now_s = now_s};

    if (!read_tokens(&reading, file->journal, recover_sealed_row, error) || !ledger_begin(ledger, error))
        return false;
    if (!read_tokens(&reading, file->journal, forget_sealed_row, error) || !ledger_commit(ledger, error)) {
        ledger_rollback(ledger);
        return false;
    }
    return unlink(file->journal) == 0 || error_errno(error, "cannot remove %s", file->journal);
}

/* --- all of it --- */

bool token_journal_check(struct token_file *file, struct ledger *ledger, struct error *error)
{
    struct reading look = {.file = file};
    int64_t generation;

    return ledger_generation(ledger, &generation, error) &&
           (file->seal != NULL || read_tokens(&look, file->path, generation == 0 ? refuse_row : stop_reading, error));
}

static bool settle(struct token_file *file, struct ledger *ledger, int64_t now_s, struct error *error)
{
    struct stat info;
    off_t size = 0;

    if (fstat(file->fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid() || info.st_nlink > 1) {
        error_set(error, ERROR_INPUT, "%s is not ours to read", file->journal);
        return error_hint(error, "look at who made it, and remove it");
    }
    if (!repair_journal(file, ledger, &size, error))
        return false;
    if (file->seal != NULL)
        return forget_sealed(file, ledger, now_s, error);
    return settle_journal(file, size == 0, ledger, now_s, error) && token_journal_to_file(file, ledger, now_s, error);
}

bool token_journal_take_over(struct token_file *file, struct ledger *ledger, int64_t now_s, struct error *error)
{
    file->fd = open(file->journal, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    if (file->fd < 0 && errno != ENOENT)
        return error_errno(error, "cannot open %s", file->journal);
    const bool ok = file->fd < 0 ? ledger_forget_undelivered(ledger, error) : settle(file, ledger, now_s, error);
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    return ok && (file->seal == NULL || token_seal_clear(file->seal, error));
}

/* An inode may have been another journal's before: what was noted about that is not about this one. */
bool token_journal_make(struct token_file *file, struct ledger *ledger, struct error *error)
{
    char value[64];
    struct stat info;

    file->fd = open(file->journal, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file->fd < 0 || fstat(file->fd, &info) != 0)
        return error_errno(error, "cannot write %s", file->journal);
    if (!ledger_get(ledger, JOURNAL_LENGTH, value, sizeof value, error) ||
        (noted_length(value, info.st_ino) >= 0 && !ledger_set(ledger, JOURNAL_LENGTH, "", error)))
        return false;
    token_rows_begin(&file->layout, &file->pending);
    return file_sync_directory(file->journal, error);
}
