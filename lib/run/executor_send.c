#include "run/executor.h"

#include "core/uuid.h"
#include "run/moves.h"

#include <stdio.h>
#include <string.h>

/* --- admission --- */

bool executor_has_room(const struct executor *executor)
{
    const struct engine *engine = executor->site->engine;

    return !executor->draining && executor->signed_in == SIGN_IN_READY &&
           executor->admitted < (size_t)engine->spec->engine.concurrency * ADMITTED_PER_REQUEST &&
           atomic_load(&engine->undelivered) < UNDELIVERED_MAX;
}

static void admit(struct executor *executor, struct task *task)
{
    struct error error;

    task->attempt++;
    if (!uuid_random(task->request_id, &error)) {
        executor_let_go(executor, task);
        executor_stop(executor, STOP_FAULT, &error);
        return;
    }
    gate_take_slot(&executor->gate, task_action(task));
    executor_count_off(executor, task_action(task));
    executor->admitted++;
    executor_record(executor, task, PHASE_INTENT);
}

/* The request of an admitted task does not leave: VERDICT_AGAIN: not yet; VERDICT_LEFT: not in this run. */
static void withdraw(struct executor *executor, struct task *task, enum task_verdict verdict, int64_t now_us)
{
    gate_give_back_slot(&executor->gate, task_action(task));
    executor->admitted--;
    if (verdict == VERDICT_LEFT)
        executor->held--;
    else
        executor->site->to_send[task_action(task)]++;
    task->attempt--;
    task->not_before_us = now_us;
    task->verdict = verdict;
    executor_record(executor, task, PHASE_WITHDRAW);
}

/* Admits the first of a list, or lets it go. False: it must wait. */
static bool admit_first(struct executor *executor, struct task_list *ready)
{
    const enum move_answer answer = move_ask(ready->head);

    executor->crowded |= answer == MOVE_LATER;
    if (answer == MOVE_NOW)
        admit(executor, task_list_take(ready));
    else if (answer == MOVE_NEVER)
        executor_let_go(executor, task_list_take(ready));
    return answer != MOVE_LATER;
}

void executor_admit(struct executor *executor)
{
    const int64_t now_us = executor_now_us(executor);

    executor->crowded = false;
    while (executor->delayed.head != NULL && executor->delayed.head->not_before_us <= now_us) {
        struct task *task = task_list_take(&executor->delayed);
        struct task_list *ready = &executor->ready[task_action(task)];
        /* Who has a berth goes before those who wait for it to become free. */
        if (task->comes)
            task_list_prepend(ready, task);
        else
            task_list_append(ready, task);
    }
    /* The kinds take turns, so that none starves behind another that has much to do. */
    executor->turn++;
    for (unsigned i = 0; i < ACTION_COUNT; i++) {
        const enum action action = (enum action)((executor->turn + i) % ACTION_COUNT);
        struct task_list *ready = &executor->ready[action];
        while (ready->head != NULL && executor_has_room(executor) &&
               gate_admits(&executor->gate, action, executor->admitted, now_us) && admit_first(executor, ready))
            continue;
    }
}

/* --- sending --- */

static bool build_request(const struct executor *executor, const struct task *task, struct acs_request *request,
                          struct error *error)
{
    const struct acs_request_options *options = &executor->request_options;
    const char *custom_id = executor->site->resource->custom_id ? task->key : NULL;

    if (task_action(task) == ACTION_EXCHANGE)
        return acs_exchange_build(options, task->identity, secret_reveal(&task->teams_token), request, error);
    return acs_request_build(task_action(task), options, task->identity, custom_id, request, error);
}

static bool hand_over(struct executor *executor, struct task *task, const struct acs_request *request,
                      struct error *error)
{
    struct sign_in_headers authorization;
    char request_id[HTTP_HEADER_SIZE];

    if (!sign_in_authorize(executor->sign_in, request, &authorization, error))
        return false;
    task->generation = authorization.generation;
    snprintf(request_id, sizeof request_id, "x-ms-client-request-id: %s", task->request_id);
    struct http_request http = {
        .method = request->method,
        .target = request->target,
        .headers = {request_id, "Accept: application/json", ("User-Agent: rollcall/" ROLLCALL_VERSION),
                    request->has_content_type ? "Content-Type: application/json" : "Content-Type:"},
        .header_count = 4,
        .body = request->body,
        .body_length = request->body_length,
    };
    for (size_t i = 0; i < authorization.count; i++)
        http.headers[http.header_count++] = authorization.headers[i];
    task->sent_us = executor_now_us(executor);
    return http_pool_send(executor->pool, &http, task, error);
}

static bool send_request(struct executor *executor, struct task *task, struct error *error)
{
    struct acs_request request;
    const bool ok = build_request(executor, task, &request, error) && hand_over(executor, task, &request, error);

    if (task_action(task) == ACTION_EXCHANGE)
        explicit_bzero(request.body, sizeof request.body); /* the user's token is in it */
    return ok;
}

void executor_send(struct executor *executor)
{
    const size_t concurrency = executor->site->engine->spec->engine.concurrency;
    struct error error;

    while (executor->sendable.head != NULL &&
           (executor->draining || http_pool_under_way(executor->pool) < concurrency)) {
        struct task *task = task_list_take(&executor->sendable);
        const int64_t now_us = executor_now_us(executor);
        if (executor->draining || executor->signed_in != SIGN_IN_READY ||
            gate_holds_back(&executor->gate, task_action(task), executor->admitted, now_us)) {
            withdraw(executor, task, executor->draining ? VERDICT_LEFT : VERDICT_AGAIN, now_us);
            continue;
        }
        if (!send_request(executor, task, &error)) {
            withdraw(executor, task, VERDICT_LEFT, now_us);
            executor_stop(executor, STOP_FAULT, &error);
            continue;
        }
        atomic_fetch_add(&executor->site->requests, 1);
        if (task->attempt > 1)
            atomic_fetch_add(&executor->site->retried, 1);
    }
}
