/* quota.h - a promise: in any window of its length no more than its count of requests (design, invariant 5).
 *
 * A slot is taken before a request leaves and is free again one window after its answer came, since the service may
 * have counted the request as late as that.  So neither a sliding nor a fixed window nor a token bucket of the same
 * size ever sees too many.  Times are microseconds of the monotonic clock.
 *
 * Where the service allows less than it publishes (it refuses again and again although the promise was kept), the limit
 * shrinks to the rate at which it did accept, and grows back by a twentieth of the count for each window without a
 * refusal. A pause that the service asks for counts as one window at the most: during the rest of it nothing is
 * learnt.
 */
#ifndef ROLLCALL_RUN_QUOTA_H
#define ROLLCALL_RUN_QUOTA_H

#include "core/error.h"

#include <stdint.h>

struct quota_window {
    uint32_t count; /* as promised; 0: no limit */
    uint32_t limit; /* as learnt: at most count */
    uint32_t least; /* the smallest limit so far */
    int64_t window_us;
    int64_t grow_at_us; /* when a shrunk limit grows again */
    int64_t refused_us; /* the last refusal, or one window before its pause ends; 0: none */
    uint64_t accepted;  /* requests since then */
    uint32_t taken;     /* slots of requests without an answer */
    int64_t *ended;     /* when the requests ended that are still counted; a ring of `count`, oldest first */
    uint32_t ended_head;
    uint32_t ended_count;
};

bool quota_init(struct quota_window *quota, uint32_t count, uint32_t window_ms, struct error *error);
void quota_clear(struct quota_window *quota);

/* A request of an earlier run ended then (which may lie before the clock's zero). In the order of time, before anything
 * is taken. */
void quota_remember(struct quota_window *quota, int64_t ended_us);

/* An earlier run was refused at refused_us, with a pause until resume_us, and had learnt this limit. */
void quota_recall(struct quota_window *quota, uint32_t limit, int64_t refused_us, int64_t resume_us, int64_t now_us);

bool quota_available(struct quota_window *quota, int64_t now_us);
/* When a slot will be free as far as is known: now when one is; INT64_MAX when that depends on answers that have not
 * come. */
int64_t quota_next_us(struct quota_window *quota, int64_t now_us);

/* When the n-th request from now on (1: the next) may leave at the earliest: as far as is known, and with answers that
 * come at once where it is not. */
int64_t quota_nth_us(struct quota_window *quota, uint64_t n, int64_t now_us);
/* How much of the limit is used up, in thousandths; 0 without a limit. */
uint32_t quota_used_permille(struct quota_window *quota, int64_t now_us);

void quota_take(struct quota_window *quota);
/* The request of a taken slot ended, now. */
void quota_end(struct quota_window *quota, bool accepted, int64_t now_us);
/* The request of a taken slot never left. */
void quota_give_back(struct quota_window *quota);

/* The service refused for too many, and may be asked again at resume_us. One refusal may have any cause; a second
 * within two windows shrinks the limit. Those less than a twentieth of a window after the last one count as the same.
 * True when it did. */
bool quota_shrink(struct quota_window *quota, int64_t now_us, int64_t resume_us);

#endif
