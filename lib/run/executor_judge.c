#include "run/executor.h"

#include "run/moves.h"
#include "run/transport.h"

#include <stdio.h>
#include <string.h>

enum {
    TRIES_MAX = 10, /* of one user while the service works for others */
    RETRY_BASE_US = 500000,
    RETRY_CAP_US = 30 * 1000000,
    EXPONENT_MAX = 16,
};

/* "401 Denied: the key is wrong", or what the network said; a code of our own making says no more than the status. */
static void describe(const struct task *task, char text[EXECUTOR_CAUSE_SIZE])
{
    const struct acs_answer *answer = &task->answer;
    const bool has_code = strncmp(answer->code, "http_", 5) != 0;

    if (task->status == 0)
        snprintf(text, EXECUTOR_CAUSE_SIZE, "%s", answer->message);
    else
        snprintf(text, EXECUTOR_CAUSE_SIZE, "%d%s%s: %s", task->status, has_code ? " " : "",
                 has_code ? answer->code : "", answer->message);
}

static void reject(struct executor *executor, const struct task *task, const struct http_answer *http)
{
    const struct acs_answer *answer = &task->answer;
    const int64_t now_s = clock_wall_ms(executor->site->engine->clock) / 1000;
    struct error error;
    int64_t server_s = 0;
    char cause[EXECUTOR_CAUSE_SIZE];
    char hint[ACS_HINT_SIZE];

    if (http->end != HTTP_ANSWERED) {
        error_set(&error, ERROR_REJECTED, "cannot reach %s%s: %s", executor->site->address->origin.host,
                  http->end == HTTP_UNTRUSTED ? " safely" : "", answer->message);
        error_hint(&error, "%s", transport_hint(http));
    } else {
        time_parse_http(http->date, &server_s);
        acs_stop_hint(answer, executor->site->credential != NULL, server_s, now_s, hint);
        describe(task, cause);
        error_set(&error, ERROR_REJECTED, "%s answered %s", executor->site->address->origin.host, cause);
        error_hint(&error, "%s", hint);
    }
    executor_stop(executor, STOP_REJECTED, &error);
}

/* --- the verdict --- */

/* What would be repeated is left for the next run once this one has stopped. */
static enum task_verdict again(const struct executor *executor)
{
    return executor->draining ? VERDICT_LEFT : VERDICT_AGAIN;
}

/* The service made the identity and gave no token with it: the token is asked for on its own. */
static void add_missing_issue(const struct executor *executor, struct task *task)
{
    if (task_action(task) != ACTION_PROVISION || executor->request_options.scope_count == 0 ||
        secret_is_set(&task->answer.token) || !task_is_last_action(task))
        return;
    task->actions.items[task->actions.count++] = ACTION_ISSUE;
    executor->site->to_send[ACTION_ISSUE]++;
}

static enum task_verdict after_success(struct executor *executor, struct task *task)
{
    gate_note_success(&executor->gate, task_action(task));
    add_missing_issue(executor, task);
    if (task_is_last_action(task))
        return VERDICT_DONE;
    return executor->draining ? VERDICT_LEFT : VERDICT_NEXT;
}

static enum task_verdict after_rejection(struct executor *executor, const struct task *task,
                                         const struct http_answer *http, int64_t now_us)
{
    /* A 401 may mean that the bearer token was revoked: then a new one is fetched, and the request repeated. */
    if (task->status == 401 && sign_in_rejected(executor->sign_in, task->generation, now_us))
        return again(executor);
    reject(executor, task, http);
    return VERDICT_LEFT;
}

static enum task_verdict after_throttle(struct executor *executor, struct task *task, int64_t delay_ms, int64_t now_us)
{
    struct gate *gate = &executor->gate;

    atomic_fetch_add(&executor->site->throttled, 1);
    if (task->status == 503) {
        describe(task, executor->last_failure);
        task->throttle = gate_note_outage(gate, task_action(task), delay_ms, now_us);
    } else {
        task->throttle = gate_note_throttle(gate, task_action(task), delay_ms, now_us);
    }
    return again(executor);
}

static enum task_verdict after_failure(struct executor *executor, struct task *task, const struct http_answer *http,
                                       int64_t now_us)
{
    const unsigned exponent = task->tries < EXPONENT_MAX ? task->tries : EXPONENT_MAX;

    /* Resolvers have their moments; twice is no accident. */
    if ((http->end == HTTP_NO_HOST || http->end == HTTP_NO_PROXY) && !executor->answered && task->attempt > 1) {
        reject(executor, task, http);
        return VERDICT_LEFT;
    }
    describe(task, executor->last_failure);
    gate_note_failure(&executor->gate, now_us);
    task->not_before_us = now_us + retry_backoff_us(&executor->gate.jitter, RETRY_BASE_US, exponent, RETRY_CAP_US);
    if (executor->draining)
        return VERDICT_LEFT;
    /* While the service is down for everybody, nobody's tries are counted. */
    if (!gate_service_is_down(&executor->gate) && ++task->tries >= TRIES_MAX)
        return VERDICT_FAILED;
    return VERDICT_AGAIN;
}

static enum task_verdict verdict_of(struct executor *executor, struct task *task, const struct http_answer *http,
                                    int64_t delay_ms, int64_t now_us)
{
    switch (task->outcome) {
    case OUTCOME_DONE: return after_success(executor, task);
    case OUTCOME_GONE:
    case OUTCOME_FAILED: gate_note_success(&executor->gate, task_action(task)); return VERDICT_FAILED;
    case OUTCOME_REJECTED: return after_rejection(executor, task, http, now_us);
    case OUTCOME_THROTTLED:
    case OUTCOME_TRANSIENT:
    case OUTCOME_UNCONFIRMED:
    case OUTCOME_IN_DOUBT: /* a throttle may leave a create in doubt as well */
    case OUTCOME_UNDELIVERED: break;
    }
    return task->answer.class == ACS_THROTTLED ? after_throttle(executor, task, delay_ms, now_us)
                                               : after_failure(executor, task, http, now_us);
}

/* How many requests are still to come, now that this one has its verdict. */
static void count_what_follows(struct executor *executor, const struct task *task)
{
    if (task->verdict == VERDICT_AGAIN)
        executor->site->to_send[task_action(task)]++;
    else if (task->verdict == VERDICT_FAILED)
        for (size_t i = task->step + 1; i < task->actions.count; i++)
            executor_count_off(executor, task->actions.items[i]);
}

/* --- the answer --- */

/* Nothing is left to revoke of an identity that is to be deleted and is not there: the delete of a run that was killed
 * may have come to it. */
static bool is_revoked_with_its_identity(const struct task *task)
{
    bool is_to_be_deleted = false;

    for (size_t i = task->step + 1; i < task->actions.count; i++)
        is_to_be_deleted |= task->actions.items[i] == ACTION_DELETE;
    return task->outcome == OUTCOME_GONE && task->status == 404 && task_action(task) == ACTION_REVOKE &&
           is_to_be_deleted;
}

static void read_answer(struct task *task, const struct executor *executor, const struct http_answer *http,
                        int64_t delay_ms, struct error *error)
{
    const bool wants_token = executor->request_options.scope_count > 0;
    const enum outcome if_lost = ledger_outcome_if_lost(task_action(task), engine_is_repeatable(task));

    acs_answer_clear(&task->answer);
    error->code = ERROR_NONE;
    if (http->no_memory)
        error_no_memory(error);
    if (http->end == HTTP_ANSWERED && !acs_answer_read(task_action(task), wants_token, http->status, http->body,
                                                       http->body_length, &task->answer, error))
        task->answer = (struct acs_answer){.class = ACS_TRANSIENT, .code = "no_memory"};
    acs_answer_set_headers(&task->answer, http->ms_cv, delay_ms);
    task->outcome = retry_judge(http, if_lost, &task->answer);
    if (is_revoked_with_its_identity(task))
        task->outcome = OUTCOME_DONE;
    if (task->outcome == OUTCOME_DONE && task_action(task) == ACTION_PROVISION)
        memcpy(task->identity, task->answer.identity, sizeof task->identity);
    if (task->outcome != OUTCOME_DONE && task->first_code[0] == '\0')
        memcpy(task->first_code, task->answer.code, sizeof task->first_code);
}

void executor_take_answer(void *context, void *request_context, struct http_answer *http)
{
    struct executor *executor = context;
    struct task *task = request_context;
    const int64_t now_us = executor_now_us(executor);
    struct error error;

    executor->admitted--;
    executor->answered |= http->end == HTTP_ANSWERED;
    task->status = http->status;
    task->answered_at_ms = clock_wall_ms(executor->site->engine->clock);
    task->elapsed_ms = (uint32_t)((now_us - task->sent_us + 999) / 1000);
    memcpy(task->ms_cv, http->ms_cv, sizeof task->ms_cv);
    const int64_t delay_ms = acs_retry_after_ms(http->retry_after_ms, http->x_ms_retry_after_ms, http->retry_after,
                                                task->answered_at_ms / 1000);
    read_answer(task, executor, http, delay_ms, &error);
    if (http->end == HTTP_ANSWERED && http->status < 500 && task->answer.class != ACS_CREDENTIAL)
        sign_in_accepted(executor->sign_in, task->generation);
    gate_end_slot(&executor->gate, task_action(task), task->answer.class != ACS_THROTTLED, now_us);
    task->not_before_us = now_us;
    task->verdict = verdict_of(executor, task, http, delay_ms, now_us);
    count_what_follows(executor, task);
    if (error.code != ERROR_NONE)
        executor_stop(executor, STOP_FAULT, &error);
    if (!task_comes_back(task))
        executor->held--;
    executor_record(executor, task, PHASE_RESULT);
}
