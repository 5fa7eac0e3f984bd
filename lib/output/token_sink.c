#include "output/token_sink.h"

#include "core/buffer.h"
#include "core/clock.h"
#include "core/crash.h"
#include "core/file.h"
#include "core/problems.h"
#include "output/csv_out.h"
#include "roster/roster.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PENDING_CAP = 64 * 1024 * 1024, FLUSH_AT = 256 * 1024, TOKEN_COLUMNS = 4 };

/* Named value in the ledger: see journal_to_file(). */
#define JOURNAL_LENGTH "token_journal_length"

struct token_sink {
    char path[PATH_MAX];
    char journal[PATH_MAX];
    char *key_column;
    int fd;
    bool rewrites;  /* at its end: a token was added, or one that the file may hold has ended */
    bool is_broken; /* a write failed: what would follow half a line could not be read again */
    struct buffer pending;
};

static const char *const columns[TOKEN_COLUMNS] = {NULL /* the key's own name */, "identity_id", "token", "expires_at"};

bool token_fingerprint(const struct secret *token, unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    if (EVP_Digest(secret_reveal(token), token->length, digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    memcpy(fingerprint, digest, TOKEN_FINGERPRINT_SIZE);
    return true;
}

/* Writes out what is pending, without a sync. */
static bool flush_pending(struct token_sink *sink, struct error *error)
{
    if (buffer_failed(&sink->pending))
        return buffer_error(&sink->pending, "the tokens of one batch", error);
    if (sink->is_broken)
        return error_set(error, ERROR_SYSTEM, "cannot write %s any more", sink->journal);
    if (!file_write_all(sink->fd, sink->pending.data, sink->pending.length)) {
        sink->is_broken = true;
        return error_errno(error, "cannot write %s", sink->journal);
    }
    if (sink->pending.capacity > 0)
        explicit_bzero(sink->pending.data, sink->pending.length);
    buffer_reset(&sink->pending);
    return true;
}

/* --- reading the token file --- */

struct reading {
    struct token_sink *sink;
    struct ledger *ledger;
    int64_t now_s;
    bool row_failed; /* the ledger or the writing, not the file that is read */
};

static bool check_header(void *context, const struct roster_header *header, struct error *error)
{
    const struct reading *reading = context;
    bool ok = header->count == TOKEN_COLUMNS && header->key_column == 0;

    for (size_t i = 1; ok && i < TOKEN_COLUMNS; i++)
        ok = strcmp(header->fields[i].bytes, columns[i]) == 0;
    return ok ? true
              : error_set(error, ERROR_INPUT, "its columns are not %s,%s,%s,%s", reading->sink->key_column, columns[1],
                          columns[2], columns[3]);
}

static bool stop_reading(void *context, const struct roster_row *row, struct error *error)
{
    (void)context, (void)row;
    error->code = ERROR_NONE;
    return false;
}

/* For a ledger that knows nobody: it was lost, or emptied, and this file is perhaps the only trace of who has which
 * identity. */
static bool refuse_row(void *context, const struct roster_row *row, struct error *error)
{
    struct reading *reading = context;

    (void)row;
    reading->row_failed = true;
    error_set(error, ERROR_LIMIT, "%s names identities, and the ledger knows none", reading->sink->path);
    return error_hint(error,
                      "was the ledger lost? Restore it, or adopt them: `rollcall import JOB.yaml %s`; or move "
                      "the file away",
                      reading->sink->path);
}

/* Does the ledger count the token of this row? */
static bool is_counted(const struct reading *reading, const struct roster_row *row,
                       unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE], bool *counted, struct error *error)
{
    const struct secret token = {.bytes = (char *)row->fields[2].bytes, .length = row->fields[2].length};

    if (!token_fingerprint(&token, fingerprint))
        return error_no_memory(error);
    return ledger_has_token(reading->ledger, row->key.bytes, row->key.length, fingerprint, reading->now_s, counted,
                            error);
}

static bool copy_row(const struct reading *reading, const struct roster_row *row, struct error *error)
{
    struct buffer *pending = &reading->sink->pending;

    for (size_t i = 0; i < TOKEN_COLUMNS; i++)
        csv_append(pending, &csv_plain, i == 0, row->fields[i].bytes, row->fields[i].length);
    csv_end_line(pending);
    return pending->length < FLUSH_AT || flush_pending(reading->sink, error);
}

/* Takes over a row whose token is still the one that the ledger counts. */
static bool keep_row(void *context, const struct roster_row *row, struct error *error)
{
    struct reading *reading = context;
    unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE];
    bool counted = false;

    reading->row_failed =
        !is_counted(reading, row, fingerprint, &counted, error) || (counted && !copy_row(reading, row, error));
    return !reading->row_failed;
}

/* As keep_row, for the journal of a run that was killed between the journal and the ledger: what the service answered
 * stands here and nowhere else, an identity perhaps. The ledger learns it now; a row that it does not want goes. */
static bool recover_row(void *context, const struct roster_row *row, struct error *error)
{
    struct reading *reading = context;
    struct result result = {
        .key = row->key.bytes,
        .key_length = row->key.length,
        .identity = row->fields[1].bytes,
        .at_ms = reading->now_s * 1000,
        .token_wanted = true,
        .token_delivered = true,
    };
    int64_t expires_at_ms;
    bool counted = false;

    reading->row_failed = true;
    if (!is_counted(reading, row, result.token_fingerprint, &counted, error))
        return false;
    if (!counted && time_parse_rfc3339_ms(row->fields[3].bytes, &expires_at_ms)) {
        result.token_expires_at_s = expires_at_ms / 1000;
        if (!ledger_recover_result(reading->ledger, &result, &counted, error))
            return false;
    }
    reading->row_failed = counted && !copy_row(reading, row, error);
    return !reading->row_failed;
}

static bool file_is_there(const char *path)
{
    return access(path, F_OK) == 0 || errno != ENOENT;
}

/* Reads a token file, if there is one, with `row` for each row. */
static bool read_tokens(struct reading *reading, const char *path,
                        bool (*row)(void *context, const struct roster_row *row, struct error *error),
                        struct error *error)
{
    const struct token_sink *sink = reading->sink;
    struct problems problems;
    struct roster_summary summary;

    if (!file_is_there(path))
        return true;
    const int fd = file_open_private(path, error);
    if (fd < 0)
        return false;
    if (!problems_init(&problems, path, error)) {
        close(fd);
        return false;
    }
    const struct roster_options options = {.name = path, .fd = fd, .delimiter = ',', .key = sink->key_column};
    const struct roster_visitor visitor = {.header = check_header, .row = row, .context = reading};
    error->code = ERROR_NONE;
    const bool ok = roster_read(&options, &visitor, &problems, &summary, error) || error->code == ERROR_NONE;
    if (!ok && !reading->row_failed) {
        error_context(error, "%s is no token file of this job", path);
        if (problems.count > 0)
            error_hint(error, "line %" PRIu64 ": %s", problems.list[0].line, problems.list[0].message);
        else
            error_hint(error, "name another file in outputs.tokens, or move this one away");
    }
    problems_clear(&problems);
    close(fd);
    return ok;
}

/* --- the journal --- */

/* The journal becomes the file: what still counts of the old file is appended to it, then it is renamed. The length it
 * had before stands in the ledger, so that half an appending can be cut off again. */
static bool journal_to_file(struct token_sink *sink, struct ledger *ledger, int64_t now_s, struct error *error)
{
    struct reading reading = {.sink = sink, .ledger = ledger, .now_s = now_s};
    struct stat info;
    char length[32];

    if (!flush_pending(sink, error))
        return false;
    if (file_is_there(sink->path)) {
        if (fstat(sink->fd, &info) != 0)
            return error_errno(error, "cannot look at %s", sink->journal);
        snprintf(length, sizeof length, "%lld", (long long)info.st_size);
        if (!ledger_set(ledger, JOURNAL_LENGTH, length, error) || !read_tokens(&reading, sink->path, keep_row, error) ||
            !flush_pending(sink, error))
            return false;
    }
    crash_point();
    if (fsync(sink->fd) != 0 || rename(sink->journal, sink->path) != 0)
        return error_errno(error, "cannot write %s", sink->path);
    return file_sync_directory(sink->path, error);
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
static bool repair_journal(struct token_sink *sink, struct ledger *ledger, off_t *size, struct error *error)
{
    char length[32];
    char *end;
    struct stat info;

    if (!ledger_get(ledger, JOURNAL_LENGTH, length, sizeof length, error))
        return false;
    if (fstat(sink->fd, &info) != 0 || !last_whole_line(sink->fd, info.st_size, size))
        return error_errno(error, "cannot read %s", sink->journal);
    const long long counted = strtoll(length, &end, 10);
    if (*end == '\0' && counted > 0 && counted < *size)
        *size = (off_t)counted;
    return ftruncate(sink->fd, *size) == 0 || error_errno(error, "cannot shorten %s", sink->journal);
}

static void add_header(struct token_sink *sink)
{
    for (size_t i = 0; i < TOKEN_COLUMNS; i++)
        csv_append_text(&sink->pending, &csv_plain, i == 0, i == 0 ? sink->key_column : columns[i]);
    csv_end_line(&sink->pending);
}

/* Brings journal and ledger together: rows that were synced when the ledger's commit did not come are recorded, or
 * dropped. The new journal takes the place of the old one in one rename. An empty one is settled too: a run that was
 * killed may have ended tokens without having made any. */
static bool settle_journal(struct token_sink *sink, bool is_empty, struct ledger *ledger, int64_t now_s,
                           struct error *error)
{
    struct reading reading = {.sink = sink, .ledger = ledger, .now_s = now_s};
    char settled[PATH_MAX + 8];

    snprintf(settled, sizeof settled, "%s.new", sink->journal);
    if (unlink(settled) != 0 && errno != ENOENT)
        return error_errno(error, "cannot remove %s", settled);
    close(sink->fd);
    sink->fd = open(settled, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (sink->fd < 0)
        return error_errno(error, "cannot write %s", settled);
    add_header(sink);
    if (!is_empty && !read_tokens(&reading, sink->journal, recover_row, error))
        return false;
    if (!flush_pending(sink, error))
        return false;
    crash_point();
    if (fsync(sink->fd) != 0 || rename(settled, sink->journal) != 0)
        return error_errno(error, "cannot write %s", sink->journal);
    return true;
}

/* What a run left behind that was killed. */
static bool take_over_journal(struct token_sink *sink, struct ledger *ledger, int64_t now_s, struct error *error)
{
    off_t size = 0;

    sink->fd = open(sink->journal, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    if (sink->fd < 0)
        return errno == ENOENT ? ledger_forget_undelivered(ledger, error)
                               : error_errno(error, "cannot open %s", sink->journal);
    struct stat info;
    bool ok = true;
    if (fstat(sink->fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid() || info.st_nlink > 1) {
        ok = error_set(error, ERROR_INPUT, "%s is not ours to read", sink->journal);
        error_hint(error, "look at who made it, and remove it");
    }
    ok = ok && repair_journal(sink, ledger, &size, error) && settle_journal(sink, size == 0, ledger, now_s, error) &&
         journal_to_file(sink, ledger, now_s, error);
    if (sink->fd >= 0)
        close(sink->fd);
    sink->fd = -1;
    return ok;
}

static bool make_journal(struct token_sink *sink, struct ledger *ledger, struct error *error)
{
    if (!ledger_set(ledger, JOURNAL_LENGTH, "", error))
        return false;
    sink->fd = open(sink->journal, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (sink->fd < 0)
        return error_errno(error, "cannot write %s", sink->journal);
    add_header(sink);
    return file_sync_directory(sink->journal, error);
}

static bool name_files(struct token_sink *sink, const char *path, struct error *error)
{
    const char *slash = strrchr(path, '/');
    const int directory = slash == NULL ? 0 : (int)(slash - path) + 1;
    const int length =
        snprintf(sink->journal, sizeof sink->journal, "%.*s.%s.partial", directory, path, path + directory);

    if (length < 0 || (size_t)length >= sizeof sink->journal)
        return error_set(error, ERROR_INPUT, "the path %.64s... is too long", path);
    snprintf(sink->path, sizeof sink->path, "%s", path);
    return true;
}

struct token_sink *token_sink_open(const char *path, const char *key_column, struct ledger *ledger, int64_t now_s,
                                   struct error *error)
{
    struct token_sink *sink = calloc(1, sizeof *sink);

    if (sink == NULL) {
        error_no_memory(error);
        return NULL;
    }
    sink->fd = -1;
    buffer_init(&sink->pending, PENDING_CAP);
    sink->key_column = strdup(key_column);
    if (sink->key_column == NULL) {
        error_no_memory(error);
        goto fail;
    }
    struct reading look = {.sink = sink};
    int64_t generation;
    if (!ledger_generation(ledger, &generation, error) || !name_files(sink, path, error) ||
        !file_make_parents(path, 0700, error) || !file_check_directory(path, error) ||
        !read_tokens(&look, path, generation == 0 ? refuse_row : stop_reading, error) ||
        !take_over_journal(sink, ledger, now_s, error) || !make_journal(sink, ledger, error))
        goto fail;
    return sink;
fail:
    token_sink_abandon(sink);
    return NULL;
}

void token_sink_add(struct token_sink *sink, const char *key, size_t key_length, const char *identity,
                    const struct secret *token, int64_t expires_at_s)
{
    char expires[TIME_TEXT_SIZE];

    time_format_rfc3339(expires_at_s, expires);
    csv_append(&sink->pending, &csv_plain, true, key, key_length);
    csv_append_text(&sink->pending, &csv_plain, false, identity);
    csv_append(&sink->pending, &csv_plain, false, secret_reveal(token), token->length);
    csv_append_text(&sink->pending, &csv_plain, false, expires);
    csv_end_line(&sink->pending);
    sink->rewrites = true;
}

void token_sink_note_end(struct token_sink *sink)
{
    sink->rewrites = true;
}

bool token_sink_sync(struct token_sink *sink, struct error *error)
{
    if (sink->pending.length == 0 && !buffer_failed(&sink->pending))
        return true;
    return flush_pending(sink, error) &&
           (fdatasync(sink->fd) == 0 || error_errno(error, "cannot write %s", sink->journal));
}

bool token_sink_finish(struct token_sink *sink, struct ledger *ledger, int64_t now_s, struct error *error)
{
    const bool ok = sink->rewrites
                        ? journal_to_file(sink, ledger, now_s, error)
                        : unlink(sink->journal) == 0 || error_errno(error, "cannot remove %s", sink->journal);

    token_sink_abandon(sink);
    return ok;
}

void token_sink_abandon(struct token_sink *sink)
{
    if (sink == NULL)
        return;
    if (sink->fd >= 0)
        close(sink->fd);
    buffer_wipe(&sink->pending);
    free(sink->key_column);
    free(sink);
}
