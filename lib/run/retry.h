/* retry.h - what an end of a request means for its task, and how long to wait before the next attempt. */
#ifndef ROLLCALL_RUN_RETRY_H
#define ROLLCALL_RUN_RETRY_H

#include "acs/acs.h"
#include "http/pool.h"
#include "ledger/ledger.h"

#include <stdint.h>

/* Random numbers from a seed, for jitter: the same seed gives the same waits. */
struct jitter {
    uint64_t state;
};

/* Full jitter: a time between 0 and base x 2^exponent, at most cap. */
int64_t retry_backoff_us(struct jitter *jitter, int64_t base_us, unsigned exponent, int64_t cap_us);

/* Turns the end of an attempt into an outcome, and fills answer->code and ->message where no answer came.
 * `if_lost`: what it is when the request may have been acted on, and nobody knows (ledger_outcome_if_lost()). */
enum outcome retry_judge(const struct http_answer *http, enum outcome if_lost, struct acs_answer *answer);

#endif
