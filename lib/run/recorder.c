/* The recorder: owns the ledger and the outputs while a run lasts. What comes in together is made durable together,
 * tokens in files before the ledger that counts them as delivered; only then is anybody told. Where tokens go elsewhere
 * as well the ledger says at first that they are owed, and counts them when the deliverer brings them back. */
#include "run/gate_past.h"
#include "run/moves.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { BATCH = 512, TICK_MS = 200, GATHER_MS = 2 };

static bool wants_token(const struct recorder *recorder, const struct task *task)
{
    return recorder->sinks != NULL && task_action(task) != ACTION_REVOKE && task_action(task) != ACTION_DELETE;
}

/* A revoke on the way to a new token: until that is delivered, it is owed. */
static bool owes_token(const struct recorder *recorder, const struct task *task)
{
    return recorder->sinks != NULL && task_action(task) == ACTION_REVOKE && !task_is_last_action(task) &&
           task->actions.items[task->step + 1] == ACTION_ISSUE;
}

/* Does this result make the tokens that the user has worthless? */
static bool ends_tokens(const struct task *task)
{
    return task->outcome == OUTCOME_GONE || (task->outcome == OUTCOME_DONE && (task_action(task) == ACTION_REVOKE ||
                                                                               task_action(task) == ACTION_DELETE));
}

/* After a fault a token was not delivered, so who wanted one is not done. */
static enum task_verdict verdict_of(const struct recorder *recorder, const struct task *task)
{
    return task->verdict == VERDICT_DONE && !recorder->ok && wants_token(recorder, task) ? VERDICT_LEFT : task->verdict;
}

static bool write_intent(struct recorder *recorder, struct task *task, struct error *error)
{
    const struct engine *engine = recorder->engine;
    const enum action action = task_action(task);
    const bool makes_known = action == ACTION_PROVISION || action == ACTION_EXCHANGE;
    const struct intent intent = {
        .resource = task->site->place,
        .key = task->key,
        .key_length = task->key_length,
        .action = action,
        .attempt = task->attempt,
        .request_id = task->request_id,
        .identity = action == ACTION_PROVISION ? "" : task->identity,
        .watch = makes_known ? task->watch : NULL,
        .watch_length = task->watch_length,
        .repeatable = engine_is_repeatable(task),
        .at_ms = clock_wall_ms(engine->clock),
    };

    return ledger_record_intent(recorder->ledger, engine->run, &intent, &task->ledger_task, error);
}

static bool write_result(struct recorder *recorder, struct task *task, struct error *error)
{
    struct result result = {
        .task = task->ledger_task,
        .resource = task->site->place,
        .key = task->key,
        .key_length = task->key_length,
        .action = task_action(task),
        .outcome = task->outcome,
        .attempt = task->attempt,
        .request_id = task->request_id,
        .identity = task->identity,
        .ms_cv = task->ms_cv,
        .code = task->answer.code,
        .message = task->answer.message,
        .status = task->status,
        .at_ms = task->answered_at_ms,
        .elapsed_ms = task->elapsed_ms,
        .category = category_name(task->category),
        .verdict = task_verdict_name(verdict_of(recorder, task)),
        /* Only what was done about a change makes it applied: a rotation that issues a token to a user whose password
         * changed must leave the change to the job that revokes. */
        .is_last = task->category == CATEGORY_CHANGED && task_is_last_action(task),
        .watch = task->watch,
        .watch_length = task->watch_length,
        .is_removal = task->is_removal,
        .token_wanted = wants_token(recorder, task) || owes_token(recorder, task),
    };

    if (recorder->ok && task->token_is_written) {
        memcpy(result.token_fingerprint, task->token_print, sizeof result.token_fingerprint);
        result.token_expires_at_s = task->answer.token_expires_at_ms / 1000;
        result.token_delivered = recorder->deliverer == NULL;
    }
    if (recorder->sinks != NULL && ends_tokens(task))
        sinks_note_end(recorder->sinks);
    if (task->answer.class == ACS_THROTTLED &&
        !gate_past_keep(recorder->ledger, result.resource, result.action, &task->throttle, result.at_ms, error))
        return false;
    return ledger_record_result(recorder->ledger, recorder->engine->run, &result, error);
}

static bool write_delivery(struct recorder *recorder, const struct task *task, struct error *error)
{
    struct result result = {
        .resource = task->site->place,
        .key = task->key,
        .key_length = task->key_length,
        .action = task_action(task),
        .attempt = task->attempt,
        .identity = task->identity,
        .code = task->answer.code,
        .message = task->answer.message,
        .at_ms = clock_wall_ms(recorder->engine->clock),
        .category = category_name(task->category),
        .verdict = task_verdict_name(VERDICT_LEFT),
        .token_expires_at_s = task->answer.token_expires_at_ms / 1000,
        .token_delivered = task->delivered,
    };

    memcpy(result.token_fingerprint, task->token_print, sizeof result.token_fingerprint);
    return ledger_record_delivery(recorder->ledger, recorder->engine->run, &result, error);
}

static bool write_one(struct recorder *recorder, struct task *task, struct error *error)
{
    switch (task->phase) {
    case PHASE_INTENT: return !recorder->ok || write_intent(recorder, task, error);
    case PHASE_WITHDRAW: return ledger_withdraw(recorder->ledger, task->ledger_task, error);
    case PHASE_RESULT: return write_result(recorder, task, error);
    case PHASE_DELIVERED: return write_delivery(recorder, task, error);
    case PHASE_DROPPED: break;
    }
    return true;
}

/* Did this answer bring a token that is to be delivered? */
static bool brings_token(const struct recorder *recorder, const struct task *task)
{
    return recorder->sinks != NULL && task->phase == PHASE_RESULT && task->outcome == OUTCOME_DONE &&
           wants_token(recorder, task) && secret_is_set(&task->answer.token);
}

/* The tokens of a batch to the files: durable before the ledger counts them. */
static bool write_tokens(struct recorder *recorder, struct task **tasks, size_t count, bool is_unrecorded,
                         struct error *error)
{
    struct token tokens[BATCH];
    size_t token_count = 0;

    for (size_t i = 0; i < count; i++) {
        if (!brings_token(recorder, tasks[i]) || tasks[i]->token_is_written)
            continue;
        tokens[token_count] = task_token(tasks[i]);
        tokens[token_count++].is_unrecorded = is_unrecorded;
        if (!token_fingerprint(secret_reveal(&tasks[i]->answer.token), tasks[i]->answer.token.length,
                               tasks[i]->token_print))
            return error_no_memory(error);
    }
    if (token_count > 0 && !sinks_write(recorder->sinks, tokens, token_count, error))
        return false;
    for (size_t i = 0; i < count; i++)
        tasks[i]->token_is_written |= brings_token(recorder, tasks[i]);
    return true;
}

/* With a custom id the service answers with what it once made for that, which the ledger may know as another user's: an
 * import gave it to that one. Neither it nor its token is this user's. */
static bool refuse_identity_of_another(struct recorder *recorder, struct task *task, struct error *error)
{
    struct identity owner;

    if (task->phase != PHASE_RESULT || task->outcome != OUTCOME_DONE || task_action(task) != ACTION_PROVISION ||
        !engine_is_repeatable(task))
        return true;
    if (!ledger_find_owner(recorder->ledger, task->identity, &owner, error))
        return error->code == ERROR_NONE;
    if (owner.key_length == task->key_length && memcmp(owner.key, task->key, owner.key_length) == 0)
        return true;
    task->awaited = task_comes_back(task);
    task->outcome = OUTCOME_FAILED;
    task->verdict = VERDICT_FAILED;
    secret_clear(&task->answer.token);
    snprintf(task->answer.code, sizeof task->answer.code, "identity_of_another");
    snprintf(task->answer.message, sizeof task->answer.message,
             "the service's identity for this custom id, %.100s, is that of \"%.100s\"", task->identity, owner.key);
    task->identity[0] = '\0';
    return true;
}

static bool write_batch(struct recorder *recorder, struct task **tasks, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!refuse_identity_of_another(recorder, tasks[i], error))
            return false;
    if (recorder->ok && !write_tokens(recorder, tasks, count, false, error))
        return false;
    if (!ledger_begin(recorder->ledger, error))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!write_one(recorder, tasks[i], error))
            goto fail;
    if (!ledger_commit(recorder->ledger, error))
        goto fail;
    return true;
fail:
    ledger_rollback(recorder->ledger);
    return false;
}

static void tell(struct recorder *recorder, const struct task *task, const char *event)
{
    if (!reporter_wants_users(recorder->reporter))
        return;
    const struct user_event user = {
        .event = event,
        .key = task->key,
        .action = action_name(task_action(task)),
        .identity = task->identity,
        .resource = task->site->resource->name,
        .code = task->answer.code,
        .message = task->answer.message,
        .request_id = task->request_id,
        .attempt = task->attempt,
        .status = task->status,
    };
    reporter_user(recorder->reporter, &user);
}

static void report_failure(struct recorder *recorder, const struct task *task)
{
    const struct failure failure = {
        .row = task->row,
        .row_length = task->row_length,
        .key = task->key,
        .category = category_name(task->category),
        .action = action_name(task_action(task)),
        .code = task->answer.code,
        .message = task->answer.message,
        .request_id = task->request_id,
        .first_code = task->first_code,
        .attempts = task->attempt,
    };

    recorder->failed++;
    task->site->failed++;
    recorder->lost += task->outcome == OUTCOME_GONE;
    if (recorder->failures != NULL)
        failures_add(recorder->failures, &failure);
    tell(recorder, task, task->outcome == OUTCOME_GONE ? "user_lost" : "user_failed");
}

/* Is its token still to be delivered? */
static bool goes_on(const struct recorder *recorder, const struct task *task)
{
    return recorder->ok && recorder->deliverer != NULL && task->token_is_written;
}

/* What has become of a token is recorded: its user is done, or left for the next run. */
static void count_delivery(struct recorder *recorder, const struct task *task)
{
    recorder->done_users += task->delivered;
    recorder->undelivered += !task->delivered;
    tell(recorder, task, task->delivered ? "user_done" : "user_undelivered");
}

/* A result that is recorded. */
static void count_result(struct recorder *recorder, const struct task *task)
{
    recorder->done[task_action(task)] += task->outcome == OUTCOME_DONE;
    task->site->done[task_action(task)] += task->outcome == OUTCOME_DONE;
    recorder->in_doubt += task->outcome == OUTCOME_IN_DOUBT;
    switch (verdict_of(recorder, task)) {
    case VERDICT_AGAIN: tell(recorder, task, "user_retried"); break;
    case VERDICT_NEXT: break;
    case VERDICT_DONE:
        if (goes_on(recorder, task))
            break;
        recorder->done_users++;
        tell(recorder, task, "user_done");
        break;
    case VERDICT_FAILED: report_failure(recorder, task); break;
    case VERDICT_LEFT: break;
    }
}

/* After the commit: count it, tell it, and hand the task on. */
static void pass_on(struct recorder *recorder, struct task *task)
{
    const bool goes_back = task->phase == PHASE_INTENT || task->awaited ||
                           (task->phase == PHASE_WITHDRAW ? task->verdict == VERDICT_AGAIN
                                                          : task->phase == PHASE_RESULT && task_comes_back(task));
    const bool is_to_be_delivered =
        task->phase == PHASE_RESULT && task->verdict == VERDICT_DONE && goes_on(recorder, task);

    if (task->phase == PHASE_RESULT)
        count_result(recorder, task);
    if (task->phase == PHASE_DELIVERED)
        count_delivery(recorder, task);
    if (goes_back) {
        queue_push(task->site->recorded, task);
    } else if (task->phase == PHASE_RESULT && task->verdict == VERDICT_NEXT) {
        move_across(task);
    } else if (is_to_be_delivered) {
        atomic_fetch_add(&recorder->engine->undelivered, 1);
        deliverer_push(recorder->deliverer, task);
    } else {
        engine_let_go(task);
    }
}

/* After the first fault: what the service has answered is recorded where that can be, with the room that was kept for
 * it and without tokens, which the next run issues again. */
static void salvage(struct recorder *recorder, struct task **tasks, size_t count)
{
    struct error ignored;

    if (!write_batch(recorder, tasks, count, &ignored)) {
        /* The journal of a file keeps what an answer with a token says, an identity perhaps: the next run records it.
         */
        write_tokens(recorder, tasks, count, true, &ignored);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (tasks[i]->phase == PHASE_RESULT)
            count_result(recorder, tasks[i]);
        else if (tasks[i]->phase == PHASE_DELIVERED)
            count_delivery(recorder, tasks[i]);
    }
}

/* When nothing can be written any more: no task may leave, and none may be told as done. What was on its way is in
 * doubt, as its intent says. */
static void drop(struct task *task)
{
    const bool ended = task->phase != PHASE_INTENT && !task_comes_back(task);

    if (ended) {
        engine_let_go(task);
        return;
    }
    task->phase = PHASE_DROPPED;
    queue_push(task->site->recorded, task);
}

/* A batch costs its two syncs whether it is large or small, so a small one waits a moment for more. The executor does
 * not notice: it has the intents of four times as many requests recorded as are under way at one time. */
static size_t next_results(const struct recorder *recorder, void *items[BATCH])
{
    static const struct timespec moment = {.tv_nsec = GATHER_MS * 1000000L};
    struct queue *queue = recorder->engine->to_record;
    size_t count = queue_pop(queue, items, BATCH, TICK_MS);

    if (count > 0 && count < (size_t)recorder->engine->spec->engine.concurrency * 2) {
        nanosleep(&moment, NULL);
        count += queue_try_pop(queue, items + count, BATCH - count);
    }
    return count;
}

/* What the executor and the deliverer have to record; when the executor has no more, the deliverer is waited for. */
static size_t next_batch(const struct recorder *recorder, void *items[2 * BATCH])
{
    const bool has_results = !queue_is_finished(recorder->engine->to_record);
    size_t count = has_results ? next_results(recorder, items) : 0;

    if (recorder->deliverer == NULL)
        return count;
    if (!has_results)
        deliverer_end(recorder->deliverer);
    const size_t delivered =
        queue_pop(deliverer_delivered(recorder->deliverer), items + count, BATCH, has_results ? 0 : TICK_MS);
    atomic_fetch_sub(&recorder->engine->undelivered, delivered);
    return count + delivered;
}

/* Somebody may want the run to end when nobody but the deliverer is at work any more. */
static void watch_patience(const struct recorder *recorder)
{
    struct pollfd stop = {.fd = recorder->engine->stop_fd, .events = POLLIN};

    if (recorder->deliverer != NULL && (atomic_load(&recorder->engine->recorder_failed) || poll(&stop, 1, 0) > 0))
        sinks_hurry(recorder->sinks);
}

static bool is_over(const struct recorder *recorder)
{
    return queue_is_finished(recorder->engine->to_record) &&
           (recorder->deliverer == NULL || queue_is_finished(deliverer_delivered(recorder->deliverer)));
}

static void record_batch(struct recorder *recorder, struct task **tasks, size_t count)
{
    if (recorder->ok && !write_batch(recorder, tasks, count, &recorder->error)) {
        recorder->ok = false;
        ledger_use_reserve(recorder->ledger);
        atomic_store(&recorder->engine->recorder_failed, true);
    }
    if (!recorder->ok)
        salvage(recorder, tasks, count);
    for (size_t i = 0; i < count; i++) {
        if (recorder->ok)
            pass_on(recorder, tasks[i]);
        else
            drop(tasks[i]);
    }
}

void recorder_run(struct recorder *recorder)
{
    void *items[2 * BATCH];
    struct task *tasks[2 * BATCH];

    recorder->ok = true;
    while (!is_over(recorder)) {
        const size_t count = next_batch(recorder, items);
        for (size_t i = 0; i < count; i++)
            tasks[i] = items[i];
        if (count > 0)
            record_batch(recorder, tasks, count);
        watch_patience(recorder);
        recorder_tell_progress(recorder);
    }
}
