/* token_seal.h - a file of tokens that only the holders of certificates can read.
 *
 * What was sealed cannot be read here any more, so each run makes files of its own: "dir/tokens.csv" becomes
 * "dir/tokens-20261122T080910Z.csv.cms", and where there is more than one part can hold, "...Z-2.csv.cms" and so on.
 * They get these names when the run ends; until then, and for ever when it is killed, they are
 * ".tokens.csv.cms.partial-1" and of no use to anybody.
 */
#ifndef ROLLCALL_OUTPUT_TOKEN_SEAL_H
#define ROLLCALL_OUTPUT_TOKEN_SEAL_H

#include "core/error.h"
#include "spec/spec.h"

#include <stddef.h>
#include <stdint.h>

struct token_seal;

/* So much goes into one part: what `openssl cms -decrypt` takes into its memory two or three times. */
#define TOKEN_SEAL_PART_BYTES (UINT64_C(256) * 1024 * 1024)

/* `header` stands at the beginning of each part; it is copied. */
struct token_seal *token_seal_new(const char *path, const struct text_list *recipients, const char *header,
                                  uint64_t part_bytes, struct error *error);
/* Removes the parts that a killed run left behind. `path` as above. */
bool token_seal_clear(const char *path, struct error *error);
/* Adds whole lines. After a failure nothing can be added any more. */
bool token_seal_add(struct token_seal *seal, const char *lines, size_t length, struct error *error);
/* Gives the parts their names; there is none where nothing was added. `shown` gets the first one. */
bool token_seal_finish(struct token_seal *seal, int64_t now_s, char *shown, size_t size, struct error *error);
void token_seal_free(struct token_seal *seal);

#endif
