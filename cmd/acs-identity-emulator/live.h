/* live.h - the tokens that are valid now: a short list for each identity, and how many there are in all.
 *
 * Tokens are kept as (second of expiry, how many) pairs, 12 bytes each, in one pool. The total is exact at any time
 * without looking at every identity: a ring holds how many tokens end in each second to come.
 */
#ifndef EMULATOR_LIVE_H
#define EMULATOR_LIVE_H

#include "chunks.h"

/* The longest lifetime is a day. */
enum { LIVE_LONGEST_S = 24 * 60 * 60, LIVE_RING = 1 << 17 };

struct live {
    struct chunks pool;
    uint32_t free_list;
    int64_t now_s; /* every second up to this one has been taken off the ring */
    uint64_t total;
    uint32_t *ring;
};

bool live_init(struct live *live, int64_t now_s);
void live_clear(struct live *live);

/* Adds a token to the list that starts at *list (0: empty). expires_s is at most LIVE_LONGEST_S from now. */
bool live_add(struct live *live, uint32_t *list, int64_t expires_s, int64_t now_s);
/* Empties a list: revoked, or the identity deleted. */
void live_drop(struct live *live, uint32_t *list, int64_t now_s);
/* How many tokens of one list are valid at now_s. */
uint32_t live_count(const struct live *live, uint32_t list, int64_t now_s);
/* How many tokens of all lists are. */
uint64_t live_total(struct live *live, int64_t now_s);

#endif
