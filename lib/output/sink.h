/* sink.h - one place that tokens go to, and what every kind of it has in common.
 *
 * There are two ways of being durable.  A file is written before the ledger's commit that counts its tokens as
 * delivered; a sync is all that takes.  Anything else (a program, a database) may take long, may refuse and may be
 * away: it gets its tokens after the commit that says that they are owed, and a later one says that they are delivered.
 * So whatever happens in between, no identity is lost, and a token that nobody has is issued again by the next run.
 *
 * A sink may get a token twice, or two tokens of a user one after the other; the last one counts.
 */
#ifndef ROLLCALL_OUTPUT_SINK_H
#define ROLLCALL_OUTPUT_SINK_H

#include "core/error.h"
#include "core/secret.h"
#include "ledger/ledger.h"
#include "spec/spec.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SINK_BATCH = 512, /* tokens in one delivery, at most */
    SINK_SHOWN_SIZE = PATH_MAX + 64,
};

/* All of it is borrowed. */
struct token {
    const char *key;
    size_t key_length;
    const char *identity;
    const struct secret *value;
    int64_t expires_at_s;
    /* The ledger could not take its result: a file keeps it for the next run, nobody else gets it. */
    bool is_unrecorded;
};

enum sink_answer {
    SINK_ANSWERED,    /* each token was taken or refused */
    SINK_UNAVAILABLE, /* it is away, or did not answer in time: it may be asked again */
};

struct sink_options {
    const struct spec *spec;
    const struct spec_sink *sink;
    bool only_check; /* look at what can be seen without making or touching anything; the rest is not needed then */
    struct ledger *ledger; /* for a file */
    int64_t now_s;
};

struct sink_kind {
    bool is_file;
    /* Before the first request: what would make every delivery fail is found here. NULL with the error. */
    void *(*open)(const struct sink_options *options, struct error *error);
    /* Delivers up to SINK_BATCH tokens: what is not refused is durable afterwards. refused[i] is false at first; a file
     * refuses none. The error is set where a token was refused, and says why the first one was, or why the sink is not
     * available. Never shows a token. */
    enum sink_answer (*deliver)(void *self, const struct token *tokens, size_t count, bool *refused,
                                struct error *error);
    /* Files only: the journal is that of this run from now on. Part of the open transaction. */
    bool (*begin)(void *self, struct ledger *ledger, int64_t run, struct error *error);
    /* Files only: a token that it may hold has ended (its user was revoked, deleted or lost). */
    void (*note_end)(void *self);
    /* Files only, takes it: the file of this run stands in its place, and `shown` has its name; "" where there was
     * nothing to write. When that fails, the next run takes care of its tokens. The ledger must hold the results of all
     * that was delivered. */
    bool (*finish)(void *self, struct ledger *ledger, int64_t now_s, char shown[SINK_SHOWN_SIZE], struct error *error);
    /* Takes it; a file leaves its journal to the next run. */
    void (*close)(void *self);
};

extern const struct sink_kind sink_token_file; /* csv and ndjson */
extern const struct sink_kind sink_command;
extern const struct sink_kind sink_postgres;
extern const struct sink_kind sink_sqlite;

/* The ledger's fingerprint of a token. */
bool token_fingerprint(const char *token, size_t length, unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE]);

#endif
