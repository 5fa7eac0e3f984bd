#include "run/gate.h"

#include <string.h>

enum {
    BREAKER_AT = 8, /* failures in a row after which the service counts as down */
    THROTTLE_BASE_US = 1000000,
    PROBE_BASE_US = 500000,
    WAIT_CAP_US = 30 * 1000000,
    EXPONENT_MAX = 16,
};

void gate_init(struct gate *gate, const struct gate_lane lanes[ACTION_COUNT], bool create_takes_issue, uint64_t seed)
{
    *gate = (struct gate){.jitter.state = seed, .create_takes_issue = create_takes_issue};
    memcpy(gate->lanes, lanes, sizeof gate->lanes);
}

void gate_clear(struct gate *gate)
{
    for (int action = 0; action < ACTION_COUNT; action++)
        quota_clear(&gate->lanes[action].quota);
}

/* --- quota --- */

/* The second quota that a request counts against; NULL for none. */
static struct quota_window *second_quota(struct gate *gate, enum action action)
{
    return action == ACTION_PROVISION && gate->create_takes_issue ? &gate->lanes[ACTION_ISSUE].quota : NULL;
}

static bool slot_available(struct gate *gate, enum action action, int64_t now_us)
{
    struct quota_window *second = second_quota(gate, action);

    return quota_available(&gate->lanes[action].quota, now_us) && (second == NULL || quota_available(second, now_us));
}

void gate_take_slot(struct gate *gate, enum action action)
{
    struct quota_window *second = second_quota(gate, action);

    quota_take(&gate->lanes[action].quota);
    if (second != NULL)
        quota_take(second);
}

void gate_give_back_slot(struct gate *gate, enum action action)
{
    struct quota_window *second = second_quota(gate, action);

    quota_give_back(&gate->lanes[action].quota);
    if (second != NULL)
        quota_give_back(second);
}

void gate_end_slot(struct gate *gate, enum action action, bool accepted, int64_t now_us)
{
    struct quota_window *second = second_quota(gate, action);

    quota_end(&gate->lanes[action].quota, accepted, now_us);
    if (second != NULL)
        quota_end(second, accepted, now_us);
}

int64_t gate_next_us(struct gate *gate, enum action action, int64_t now_us)
{
    const struct gate_lane *lane = &gate->lanes[action];
    struct quota_window *second = second_quota(gate, action);
    int64_t at_us = quota_next_us(&gate->lanes[action].quota, now_us);

    if (second != NULL) {
        const int64_t other_us = quota_next_us(second, now_us);
        at_us = other_us > at_us ? other_us : at_us;
    }
    return lane->paused_until_us > at_us ? lane->paused_until_us : at_us;
}

struct gate_outlook gate_look_ahead(struct gate *gate, const uint64_t to_send[ACTION_COUNT], int64_t now_us)
{
    struct gate_outlook outlook = {.last_us = now_us};

    for (int action = 0; action < ACTION_COUNT; action++) {
        struct gate_lane *lane = &gate->lanes[action];
        uint64_t count = to_send[action];
        if (action == ACTION_ISSUE && gate->create_takes_issue)
            count += to_send[ACTION_PROVISION];
        if (count == 0)
            continue;
        const uint32_t used_permille = quota_used_permille(&lane->quota, now_us);
        const int64_t by_quota_us = quota_nth_us(&lane->quota, count, now_us);
        const int64_t last_us = by_quota_us > lane->paused_until_us ? by_quota_us : lane->paused_until_us;
        if (used_permille > outlook.used_permille)
            outlook.used_permille = used_permille;
        if (last_us > outlook.last_us)
            outlook.last_us = last_us;
    }
    return outlook;
}

/* --- a service that is down --- */

bool gate_service_is_down(const struct gate *gate)
{
    return gate->failures >= BREAKER_AT;
}

bool gate_is_open(const struct gate *gate, size_t admitted, int64_t now_us)
{
    return !gate_service_is_down(gate) || (admitted == 0 && now_us >= gate->probe_at_us);
}

bool gate_admits(struct gate *gate, enum action action, size_t admitted, int64_t now_us)
{
    return gate_is_open(gate, admitted, now_us) && now_us >= gate->lanes[action].paused_until_us &&
           slot_available(gate, action, now_us);
}

bool gate_holds_back(const struct gate *gate, enum action action, size_t admitted, int64_t now_us)
{
    if (now_us < gate->lanes[action].paused_until_us)
        return true;
    return gate_service_is_down(gate) && (admitted > 1 || now_us < gate->probe_at_us);
}

int64_t gate_silence_us(const struct gate *gate, int64_t now_us)
{
    const int64_t until_us = gate_service_is_down(gate) ? now_us : gate->failed_at_us;

    return gate->down_since_us == 0 ? 0 : until_us - gate->down_since_us;
}

int64_t gate_throttled_us(const struct gate *gate)
{
    return gate->throttled_since_us == 0 ? 0 : gate->throttled_at_us - gate->throttled_since_us;
}

/* --- answers --- */

/* The service answered, whatever it said. */
static void note_sign_of_life(struct gate *gate)
{
    gate->failures = 0;
    gate->down_since_us = 0;
}

void gate_note_success(struct gate *gate, enum action action)
{
    note_sign_of_life(gate);
    gate->throttled_since_us = 0;
    gate->lanes[action].throttles = 0;
}

/* One answer pauses its kind of request for everyone. Answers to requests that left before the pause began do not make
 * it longer, unless they ask for it. Is it the first of its pause? */
static bool pause_lane(struct gate *gate, enum action action, int64_t delay_ms, int64_t now_us)
{
    struct gate_lane *lane = &gate->lanes[action];
    const bool is_first = now_us >= lane->paused_until_us;
    int64_t until_us = lane->paused_until_us;

    if (delay_ms >= 0)
        until_us = now_us + delay_ms * 1000;
    else if (is_first)
        until_us = now_us + retry_backoff_us(&gate->jitter, THROTTLE_BASE_US, lane->throttles++, WAIT_CAP_US);
    if (until_us > lane->paused_until_us)
        lane->paused_until_us = until_us;
    return is_first;
}

static struct gate_throttle look_at_lane(const struct gate_lane *lane, int64_t now_us)
{
    return (struct gate_throttle){.pause_ms = (lane->paused_until_us - now_us + 999) / 1000,
                                  .limit = lane->quota.limit};
}

struct gate_throttle gate_note_throttle(struct gate *gate, enum action action, int64_t delay_ms, int64_t now_us)
{
    struct gate_lane *lane = &gate->lanes[action];

    note_sign_of_life(gate);
    gate->throttled_at_us = now_us;
    if (gate->throttled_since_us == 0)
        gate->throttled_since_us = now_us;
    /* Once a pause: what else was on its way when it began says nothing new. */
    if (pause_lane(gate, action, delay_ms, now_us))
        quota_shrink(&lane->quota, now_us, lane->paused_until_us);
    return look_at_lane(lane, now_us);
}

void gate_note_failure(struct gate *gate, int64_t now_us)
{
    const unsigned beyond = gate->failures >= BREAKER_AT ? gate->failures - BREAKER_AT : 0;
    const unsigned exponent = beyond < EXPONENT_MAX ? beyond : EXPONENT_MAX;

    gate->failures++;
    if (gate->down_since_us == 0)
        gate->down_since_us = now_us;
    gate->failed_at_us = now_us;
    gate->probe_at_us = now_us + retry_backoff_us(&gate->jitter, PROBE_BASE_US, exponent, WAIT_CAP_US);
}

struct gate_throttle gate_note_outage(struct gate *gate, enum action action, int64_t delay_ms, int64_t now_us)
{
    gate_note_failure(gate, now_us);
    pause_lane(gate, action, delay_ms, now_us);
    return look_at_lane(&gate->lanes[action], now_us);
}
