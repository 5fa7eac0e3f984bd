#include "run/executor.h"

#include "output/progress.h"
#include "run/moves.h"

enum {
    LONGEST_MS = 1000,
    BERTH_WAIT_US = 50000,
    USUAL_PAUSE_US = 60 * 1000000, /* no service is given up for pauses like this, however little patience there is */
};

static int64_t earlier(int64_t one_us, int64_t other_us)
{
    return one_us < other_us ? one_us : other_us;
}

/* --- patience --- */

static int64_t patience_us(const struct executor *executor)
{
    return (int64_t)executor->site->engine->spec->engine.give_up_after_ms * 1000;
}

static void give_up_on_service(struct executor *executor, int64_t silence_us)
{
    char silence[32];
    struct error error;

    duration_text(silence_us / 1000, silence, sizeof silence);
    error_set(&error, ERROR_SYSTEM, "%s has failed for %s (%s); the rest is left for the next run",
              executor->site->address->origin.host, silence, executor->last_failure);
    error_hint(&error,
               "run again when `rollcall doctor` finds it well; engine.give_up_after says how long a run waits");
    executor_stop(executor, STOP_GAVE_UP, &error);
}

/* Until when everybody who is left has to wait because the service asked for it; 0 where somebody can go on. */
static int64_t paused_until_us(const struct executor *executor)
{
    int64_t until_us = INT64_MAX;
    size_t ready = 0;

    for (int action = 0; action < ACTION_COUNT; action++) {
        const struct task_list *list = &executor->ready[action];
        ready += list->count;
        if (list->count > 0)
            until_us = earlier(until_us, executor->gate.lanes[action].paused_until_us);
        else if (!queue_is_finished(executor->site->planned[action]))
            return 0;
    }
    return ready == 0 || ready < executor->held || move_may_come(executor->site) ? 0 : until_us;
}

static void give_up_on_pause(struct executor *executor, int64_t pause_us)
{
    const int64_t now_s = clock_wall_ms(executor->site->engine->clock) / 1000;
    char when[TIME_TEXT_SIZE];
    char pause[32];
    struct error error;

    duration_text(pause_us / 1000, pause, sizeof pause);
    time_format_rfc3339(now_s + pause_us / 1000000 + 1, when);
    error_set(&error, ERROR_SYSTEM, "%s asks to wait for %s; the rest is left for the next run",
              executor->site->address->origin.host, pause);
    error_hint(&error, "run again after %s; engine.give_up_after says how long a run waits", when);
    executor_stop(executor, STOP_GAVE_UP, &error);
}

static void give_up_on_throttles(struct executor *executor, int64_t throttled_us)
{
    char throttled[32];
    struct error error;

    duration_text(throttled_us / 1000, throttled, sizeof throttled);
    error_set(&error, ERROR_SYSTEM, "%s has done nothing but throttle for %s; the rest is left for the next run",
              executor->site->address->origin.host, throttled);
    error_hint(&error, "run again when the service is less busy; engine.give_up_after says how long to wait");
    executor_stop(executor, STOP_GAVE_UP, &error);
}

void executor_check_patience(struct executor *executor)
{
    const int64_t now_us = executor_now_us(executor);
    const int64_t silence_us = gate_silence_us(&executor->gate, now_us);
    const int64_t throttled_us = gate_throttled_us(&executor->gate);
    const int64_t pause_us = paused_until_us(executor) - now_us;
    const int64_t most_us = patience_us(executor);
    const int64_t most_paused_us = most_us > USUAL_PAUSE_US ? most_us : USUAL_PAUSE_US;

    if (executor->draining) {
        if (now_us >= executor->drain_until_us)
            http_pool_abort(executor->pool); /* recorded as what it is: not known */
    } else if (silence_us > 0 && silence_us >= most_us) {
        give_up_on_service(executor, silence_us);
    } else if (throttled_us > most_paused_us) {
        give_up_on_throttles(executor, throttled_us);
    } else if (pause_us > most_paused_us) {
        give_up_on_pause(executor, pause_us);
    }
}

void executor_go_on_signing_in(struct executor *executor)
{
    int64_t silence_us;
    char silence[32];
    struct error error = {.code = ERROR_NONE};

    if (executor->draining)
        return;
    executor->signed_in = sign_in_go_on(executor->sign_in, executor_now_us(executor), &silence_us, &error);
    if (executor->signed_in == SIGN_IN_REFUSED)
        executor_stop(executor, STOP_REJECTED, &error);
    if (executor->signed_in != SIGN_IN_TROUBLE || silence_us < patience_us(executor))
        return;
    error.code = ERROR_SYSTEM;
    duration_text(silence_us / 1000, silence, sizeof silence);
    error_context(&error, "no token could be had for %s", silence);
    error_hint(&error, "run again when signing in works; engine.give_up_after says how long to wait");
    executor_stop(executor, STOP_GAVE_UP, &error);
}

/* --- waiting --- */

/* Why nothing moves, and the earliest moment at which something may be admitted; INT64_MAX where answers decide. */
static enum waiting find_cause(struct executor *executor, int64_t now_us, int64_t *until_us)
{
    struct gate *gate = &executor->gate;
    enum waiting waiting = executor->held == 0 ? WAITING_IDLE : WAITING_NOT;

    *until_us = executor->crowded ? now_us + BERTH_WAIT_US : INT64_MAX;
    if (executor->delayed.head != NULL)
        *until_us = earlier(*until_us, executor->delayed.head->not_before_us);
    for (int action = 0; action < ACTION_COUNT; action++) {
        const struct task *head = executor->ready[action].head;
        if (head == NULL || (executor->crowded && move_is_next(head) && !head->comes))
            continue;
        const int64_t at_us = gate_next_us(gate, (enum action)action, now_us);
        if (at_us == gate->lanes[action].paused_until_us)
            waiting = WAITING_THROTTLED;
        else if (at_us > now_us && executor->admitted == 0)
            waiting = WAITING_QUOTA;
        *until_us = earlier(*until_us, at_us);
    }
    if (gate_service_is_down(gate)) {
        waiting = WAITING_SERVICE;
        *until_us = *until_us == INT64_MAX || gate->probe_at_us > *until_us ? gate->probe_at_us : *until_us;
    }
    if (executor->signed_in != SIGN_IN_READY) {
        waiting = WAITING_SIGN_IN;
        *until_us = INT64_MAX;
    }
    return waiting;
}

/* For the progress line. */
static void tell(struct executor *executor, enum waiting waiting, int64_t until_us, int64_t now_us)
{
    struct site *site = executor->site;
    const struct gate_outlook outlook = gate_look_ahead(&executor->gate, site->to_send, now_us);

    atomic_store(&site->waiting, waiting);
    atomic_store(&site->waiting_until_us, waiting <= WAITING_IDLE || until_us == INT64_MAX ? 0 : until_us);
    atomic_store(&site->quota_until_us, outlook.last_us);
    atomic_store(&site->quota_used_permille, outlook.used_permille);
}

static int64_t next_event_us(struct executor *executor, int64_t now_us)
{
    int64_t until_us;

    if (executor->draining)
        return executor->drain_until_us;
    const enum waiting waiting = find_cause(executor, now_us, &until_us);
    tell(executor, waiting, until_us, now_us);
    /* Without room, or with a probe under way, the moment alone does not help: an answer must come. */
    if (!executor_has_room(executor) || !gate_is_open(&executor->gate, executor->admitted, until_us))
        until_us = INT64_MAX;
    return earlier(until_us, sign_in_next_us(executor->sign_in, now_us));
}

int executor_timeout_ms(struct executor *executor)
{
    const int64_t now_us = executor_now_us(executor);
    const int64_t at_us = next_event_us(executor, now_us);

    if (at_us <= now_us)
        return 0;
    if (at_us - now_us > LONGEST_MS * INT64_C(1000))
        return LONGEST_MS;
    return (int)((at_us - now_us + 999) / 1000);
}
