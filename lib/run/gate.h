/* gate.h - what may leave when: the quota and the pauses of each kind of request, and a service that is down.
 *
 * The gate is asked before a request leaves and told how it ended; it keeps no requests and waits for nothing.  Times
 * are microseconds of the monotonic clock.
 */
#ifndef ROLLCALL_RUN_GATE_H
#define ROLLCALL_RUN_GATE_H

#include "core/action.h"
#include "run/quota.h"
#include "run/retry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One kind of request. */
struct gate_lane {
    struct quota_window quota;
    int64_t paused_until_us;
    unsigned throttles; /* pauses in a row, without a success, that the service gave no length */
};

struct gate {
    struct gate_lane lanes[ACTION_COUNT];
    struct jitter jitter;
    bool create_takes_issue; /* a create brings a token along, which counts as an issue too */

    unsigned failures;     /* in a row, of all kinds */
    int64_t down_since_us; /* of the first of them; 0: the service works */
    int64_t failed_at_us;  /* of the last of them */
    int64_t probe_at_us;   /* when the next attempt may leave while it is down */

    int64_t throttled_since_us; /* the first throttle of any kind since something succeeded; 0: none */
    int64_t throttled_at_us;    /* the last of them */
};

/* lanes: by enum action, with what earlier runs used and were told; taken over. */
void gate_init(struct gate *gate, const struct gate_lane lanes[ACTION_COUNT], bool create_takes_issue, uint64_t seed);
void gate_clear(struct gate *gate);

/* So many failures in a row that only one request at a time is tried, now and then. */
bool gate_service_is_down(const struct gate *gate);
/* May anything leave at all, `admitted` being on their way? While the service is down, one at a time, when its time has
 * come. */
bool gate_is_open(const struct gate *gate, size_t admitted, int64_t now_us);
/* May one more request of this kind be admitted? It then takes a slot. */
bool gate_admits(struct gate *gate, enum action action, size_t admitted, int64_t now_us);
/* Must a request that was admitted (and is one of `admitted`) be held back after all? */
bool gate_holds_back(const struct gate *gate, enum action action, size_t admitted, int64_t now_us);
/* The earliest moment at which a request of this kind may be admitted, as far as the quota and the pauses tell;
 * INT64_MAX when that depends on answers that have not come. */
int64_t gate_next_us(struct gate *gate, enum action action, int64_t now_us);

/* What the quotas and pauses say of requests that have yet to be admitted. */
struct gate_outlook {
    int64_t last_us;        /* when the last of them may leave, at the earliest */
    uint32_t used_permille; /* how much of the quota is used, where it is used most: of the kinds that have any */
};
struct gate_outlook gate_look_ahead(struct gate *gate, const uint64_t to_send[ACTION_COUNT], int64_t now_us);

void gate_take_slot(struct gate *gate, enum action action);
/* The request of a taken slot never left. */
void gate_give_back_slot(struct gate *gate, enum action action);
/* It was answered, or lost. */
void gate_end_slot(struct gate *gate, enum action action, bool accepted, int64_t now_us);

/* What a throttle has come to: what the next run should know as well. */
struct gate_throttle {
    int64_t pause_ms; /* from now on nothing of its kind leaves */
    uint32_t limit;   /* of the kind's quota */
};

/* What the answer said of the service. delay_ms: how long it asks to wait; negative when it does not say. */
void gate_note_success(struct gate *gate, enum action action);
struct gate_throttle gate_note_throttle(struct gate *gate, enum action action, int64_t delay_ms, int64_t now_us);
/* A 503 that says how long to wait: a pause, and a failure as well, for each create of it may be in doubt. After some
 * of these one request finds out for all the others. */
struct gate_throttle gate_note_outage(struct gate *gate, enum action action, int64_t delay_ms, int64_t now_us);
void gate_note_failure(struct gate *gate, int64_t now_us);

/* For how long nothing but failures came; 0 while the service works. Failures in a row that span so long are enough,
 * however few they are: one user alone may not make more. */
int64_t gate_silence_us(const struct gate *gate, int64_t now_us);
/* For how long it throttled again and again, and let nothing through. */
int64_t gate_throttled_us(const struct gate *gate);

#endif
