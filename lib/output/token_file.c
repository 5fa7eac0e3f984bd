/* Tokens in a file, mode 0600: CSV or one JSON object a line, in the clear or sealed.
 *
 * While a run lasts, what it delivers is appended to a journal beside the file (".<name>.partial") and synced before
 * the ledger counts it; at its end journal and file become the new file in one rename.  A journal that a run left
 * behind (it was killed) is merged by the next one, so no delivered token is lost; and what it holds of answers that
 * the killed run could not record any more is recorded then, before anybody sees it.  The file holds, for each user,
 * the token that the ledger knows as delivered: older ones, and those that have ended, are dropped.
 *
 * Of a sealed file the journal holds fingerprints in place of the tokens.  The tokens of a run that did not come to its
 * end cannot be read any more by anybody: the next run has the ledger forget them.
 */
#include "core/clock.h"
#include "core/file.h"
#include "output/token_file_internal.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PENDING_CAP = 64 * 1024 * 1024 };

bool token_fingerprint(const char *token, size_t length, unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    if (EVP_Digest(token, length, digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    memcpy(fingerprint, digest, TOKEN_FINGERPRINT_SIZE);
    return true;
}

bool token_file_flush(struct token_file *file, struct error *error)
{
    if (buffer_failed(&file->pending))
        return buffer_error(&file->pending, "the tokens of one batch", error);
    if (file->is_broken)
        return error_set(error, ERROR_SYSTEM, "cannot write %s any more", file->journal);
    if (!file_write_all(file->fd, file->pending.data, file->pending.length)) {
        file->is_broken = true;
        return error_errno(error, "cannot write %s", file->journal);
    }
    if (file->pending.capacity > 0)
        explicit_bzero(file->pending.data, file->pending.length);
    buffer_reset(&file->pending);
    return true;
}

/* --- opening --- */

static bool name_files(struct token_file *file, const char *path, struct error *error)
{
    const char *slash = strrchr(path, '/');
    const int directory = slash == NULL ? 0 : (int)(slash - path) + 1;
    const int length =
        snprintf(file->journal, sizeof file->journal, "%.*s.%s.partial", directory, path, path + directory);

    if (length < 0 || (size_t)length >= sizeof file->journal)
        return error_set(error, ERROR_INPUT, "the path %.64s... is too long", path);
    snprintf(file->path, sizeof file->path, "%s", path);
    return true;
}

static bool open_seal(struct token_file *file, const struct text_list *recipients, struct error *error)
{
    struct buffer header;

    if (recipients->count == 0)
        return true;
    buffer_init(&header, PENDING_CAP);
    token_rows_begin(&file->layout, &header);
    if (buffer_failed(&header))
        buffer_error(&header, "the first line", error);
    else
        file->seal = token_seal_new(file->path, recipients, header.data, TOKEN_SEAL_PART_BYTES, error);
    buffer_clear(&header);
    return file->seal != NULL;
}

static bool is_alone(const struct sink_options *options)
{
    bool alone = options->sink->required;

    for (size_t i = 0; i < options->spec->outputs.sink_count; i++) {
        const struct spec_sink *other = &options->spec->outputs.sinks[i];
        alone = alone && (other == options->sink || !other->required);
    }
    return alone;
}

static void close_file(void *self)
{
    struct token_file *file = self;

    if (file->fd >= 0)
        close(file->fd);
    buffer_wipe(&file->pending);
    token_seal_free(file->seal);
    free(file);
}

static void *open_file(const struct sink_options *options, struct error *error)
{
    struct token_file *file = calloc(1, sizeof *file);
    struct ledger *ledger = options->ledger;
    const char *path = options->sink->path;

    if (file == NULL) {
        error_no_memory(error);
        return NULL;
    }
    file->layout = (struct token_layout){
        .format = options->sink->kind == SINK_CSV ? TOKEN_CSV : TOKEN_NDJSON,
        .key_column = options->spec->roster.key,
        .escape_formulas = options->spec->outputs.escape_formulas,
    };
    file->is_alone = is_alone(options);
    file->fd = -1;
    buffer_init(&file->pending, PENDING_CAP);
    if (name_files(file, path, error) && open_seal(file, &options->sink->recipients, error) &&
        (options->only_check ||
         (file_make_parents(path, 0700, error) && file_check_directory(path, error) &&
          token_journal_check(file, ledger, error) && token_journal_take_over(file, ledger, options->now_s, error) &&
          token_journal_make(file, error))))
        return file;
    close_file(file);
    return NULL;
}

static bool begin(void *self, struct ledger *ledger, int64_t run, struct error *error)
{
    return token_journal_note(self, ledger, run, error);
}

/* --- delivering --- */

static void print_fingerprint(const unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE], char text[TOKEN_PRINT_SIZE])
{
    size_t length = (size_t)snprintf(text, TOKEN_PRINT_SIZE, TOKEN_PRINT_PREFIX);

    for (size_t i = 0; i < TOKEN_FINGERPRINT_SIZE; i++, length += 2)
        snprintf(text + length, TOKEN_PRINT_SIZE - length, "%02x", fingerprint[i]);
}

/* The rows of a batch, for the journal and for what is sealed. */
static bool append_tokens(struct token_file *file, const struct token *tokens, size_t count, struct buffer *sealed,
                          struct error *error)
{
    unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE];
    char print[TOKEN_PRINT_SIZE];
    char expires[TIME_TEXT_SIZE];

    for (size_t i = 0; i < count; i++) {
        const struct token *token = &tokens[i];
        time_format_rfc3339(token->expires_at_s, expires);
        struct token_row row = {
            .key = token->key,
            .key_length = token->key_length,
            .identity = token->identity,
            .token = secret_reveal(token->value),
            .token_length = token->value->length,
            .expires_at = expires,
        };
        if (file->seal != NULL) {
            if (!token->is_unrecorded)
                token_rows_append(&file->layout, &row, sealed);
            if (!token_fingerprint(row.token, row.token_length, fingerprint))
                return error_no_memory(error);
            print_fingerprint(fingerprint, print);
            row.token = print;
            row.token_length = strlen(print);
        }
        token_rows_append(&file->layout, &row, &file->pending);
    }
    return !buffer_failed(sealed) || buffer_error(sealed, "the tokens of one batch", error);
}

/* The journal is durable; what is sealed becomes so at the end, and until then the journal names what would be missing.
 */
static enum sink_answer deliver(void *self, const struct token *tokens, size_t count, bool *refused,
                                struct error *error)
{
    struct token_file *file = self;
    struct buffer sealed;

    (void)refused;
    buffer_init(&sealed, PENDING_CAP);
    file->rewrites = true;
    const bool ok = append_tokens(file, tokens, count, &sealed, error) &&
                    (sealed.length == 0 || token_seal_add(file->seal, sealed.data, sealed.length, error)) &&
                    token_file_flush(file, error) &&
                    (fdatasync(file->fd) == 0 || error_errno(error, "cannot write %s", file->journal));
    buffer_wipe(&sealed);
    if (!ok) {
        file->is_broken = true;
        buffer_wipe(&file->pending);
    }
    return ok ? SINK_ANSWERED : SINK_UNAVAILABLE;
}

static void note_end(void *self)
{
    ((struct token_file *)self)->rewrites = true;
}

static bool finish(void *self, struct ledger *ledger, int64_t now_s, char shown[SINK_SHOWN_SIZE], struct error *error)
{
    struct token_file *file = self;
    bool ok = true;

    snprintf(shown, SINK_SHOWN_SIZE, "%s", file->seal == NULL ? file->path : "");
    if (file->seal != NULL)
        ok = token_seal_finish(file->seal, now_s, shown, SINK_SHOWN_SIZE, error);
    else if (file->rewrites)
        ok = token_journal_to_file(file, ledger, now_s, error);
    if (ok && (file->seal != NULL || !file->rewrites))
        ok = (token_journal_end(file, ledger, error) && unlink(file->journal) == 0) ||
             error_errno(error, "cannot remove %s", file->journal);
    close_file(file);
    return ok;
}

const struct sink_kind sink_token_file = {
    .is_file = true,
    .open = open_file,
    .begin = begin,
    .deliver = deliver,
    .note_end = note_end,
    .finish = finish,
    .close = close_file,
};
