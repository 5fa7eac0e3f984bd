/* join.h - a full outer join of up to three sides on the key, in memory that does not grow with the rows.
 *
 * Rows are reduced to fixed entries, keyed by a 128-bit hash with a random seed, and dealt to partitions by their
 * hash.  A partition that outgrows its buffer goes to a nameless scratch file; partitions are joined one by one.
 * Different sides may be filled by different threads at the same time.  A side takes 8 MB; what is repeated takes no
 * memory.
 */
#ifndef ROLLCALL_ROSTER_JOIN_H
#define ROLLCALL_ROSTER_JOIN_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

enum join_side { JOIN_ROSTER, JOIN_LEDGER, JOIN_PREVIOUS };

enum { JOIN_SIDES = 3 };

struct join_entry {
    uint64_t key[2]; /* filled by join_add() */
    uint64_t watch;  /* hash of the watch text */
    uint64_t ref;    /* the side's own: a row's index, an identity's rowid */
    uint64_t extra;  /* the side's own: a row's line, a token's expiry */
};

struct join;

struct join *join_new(struct error *error);
void join_free(struct join *join);

/* Hash of a watch text for join_entry.watch; the same in every run. */
uint64_t join_watch_hash(const char *watch, size_t length);

bool join_add(struct join *join, enum join_side side, const char *key, size_t key_length, uint64_t watch, uint64_t ref,
              uint64_t extra, struct error *error);

struct join_visitor {
    /* Once for every key, in no particular order; entries[side] is NULL where the side lacks the key. */
    bool (*match)(void *context, const struct join_entry *const entries[JOIN_SIDES], struct error *error);
    /* Once for every repetition of a key on one side; the repeated entry is not matched again. */
    bool (*duplicate)(void *context, enum join_side side, const struct join_entry *first,
                      const struct join_entry *again, struct error *error);
    void *context;
};

/* After the last join_add(), once. "first" of duplicates is the one added first. */
bool join_run(struct join *join, const struct join_visitor *visitor, struct error *error);

#endif
