/* token_sink.h - where access tokens go: a CSV file, mode 0600.
 *
 * While a run lasts, tokens are appended to a journal beside the file (".<name>.partial") and synced before the ledger
 * counts them as delivered; at its end journal and file become the new file in one rename.  A journal that a run left
 * behind (it was killed) is merged by the next one, so no delivered token is lost; and what it holds of answers that
 * the killed run could not record any more is recorded then, before anybody sees it.  The file holds, for each user,
 * the token that the ledger knows as delivered: older ones, and those that have ended, are dropped.
 */
#ifndef ROLLCALL_OUTPUT_TOKEN_SINK_H
#define ROLLCALL_OUTPUT_TOKEN_SINK_H

#include "core/secret.h"
#include "ledger/ledger.h"

#include <stdint.h>

struct token_sink;

/* Merges what an earlier run left, and makes a new journal. A file at `path` that is not a token file with this key
 * column is refused (ERROR_INPUT), and so is one that names anybody when the ledger has never known anybody
 * (ERROR_LIMIT): it may be the only trace of them. When a former run was killed and its journal is gone, the ledger is
 * made to forget the tokens that were in it. Call it before ledger_run_begin(). */
struct token_sink *token_sink_open(const char *path, const char *key_column, struct ledger *ledger, int64_t now_s,
                                   struct error *error);

/* The ledger's fingerprint of a token. */
bool token_fingerprint(const struct secret *token, unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE]);

/* Buffered; a failure shows in token_sink_sync(). */
void token_sink_add(struct token_sink *sink, const char *key, size_t key_length, const char *identity,
                    const struct secret *token, int64_t expires_at_s);
/* A token that the file may hold has ended (its user was revoked, deleted or lost): token_sink_finish() writes the file
 * anew, although nothing may have been added. */
void token_sink_note_end(struct token_sink *sink);
/* After this, what was added is durable. */
bool token_sink_sync(struct token_sink *sink, struct error *error);

/* Takes the sink: puts the new file in place. On failure the journal stays, for the next run. The ledger must hold the
 * results of all that was added. */
bool token_sink_finish(struct token_sink *sink, struct ledger *ledger, int64_t now_s, struct error *error);
/* Takes the sink and leaves the journal where it is. */
void token_sink_abandon(struct token_sink *sink);

#endif
