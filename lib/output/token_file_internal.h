/* token_file_internal.h - a file of tokens, as token_file.c (the sink) and token_journal.c (what it was before) see it.
 */
#ifndef ROLLCALL_OUTPUT_TOKEN_FILE_INTERNAL_H
#define ROLLCALL_OUTPUT_TOKEN_FILE_INTERNAL_H

#include "core/buffer.h"
#include "output/sink.h"
#include "output/token_rows.h"
#include "output/token_seal.h"

#include <limits.h>

struct token_file {
    char path[PATH_MAX];
    char journal[PATH_MAX];
    struct token_layout layout;
    bool is_alone;           /* what stands here is delivered, whatever becomes of it elsewhere */
    struct token_seal *seal; /* NULL: in the clear */
    int fd;                  /* of the journal */
    int64_t note;            /* of the journal, in the ledger; 0: none */
    bool rewrites;           /* at its end: a token was added, or one that the file may hold has ended */
    bool is_broken;          /* a write failed: what would follow half a line could not be read again */
    struct buffer pending;   /* for the journal */
};

/* A fingerprint as it stands in the journal of a sealed file, in place of the token: this, and hexadecimal digits. */
#define TOKEN_PRINT_PREFIX "sha256:"
enum { TOKEN_PRINT_SIZE = sizeof TOKEN_PRINT_PREFIX + 2 * TOKEN_FINGERPRINT_SIZE };

/* Writes out what is pending, without a sync. */
bool token_file_flush(struct token_file *file, struct error *error);

/* --- token_journal.c --- */

/* Refuses a file in this one's place that is something else (ERROR_INPUT), and one that names identities that the
 * ledger does not know (ERROR_LIMIT): it may be the only trace of them. */
bool token_journal_check(struct token_file *file, struct ledger *ledger, struct error *error);
/* Makes the best of what a killed run left behind; there is no journal afterwards. The ledger keeps its note when the
 * tokens in it are not in the file. */
bool token_journal_take_over(struct token_file *file, struct ledger *ledger, int64_t now_s, struct error *error);
bool token_journal_make(struct token_file *file, struct error *error);
/* It is that of this run. */
bool token_journal_note(struct token_file *file, struct ledger *ledger, int64_t run, struct error *error);
/* The journal becomes the file, with what still counts of the old one. */
bool token_journal_to_file(struct token_file *file, struct ledger *ledger, int64_t now_s, struct error *error);
/* Its tokens are where they belong: the file is as it was, or sealed. */
bool token_journal_end(struct token_file *file, struct ledger *ledger, struct error *error);

#endif
