/* The executor: owns the network. It has the intent of each request recorded, sends it when the gate lets it, and
 * judges the answer. */
#include "run/executor.h"

#include "run/moves.h"
#include "run/transport.h"

#include <poll.h>
#include <stdlib.h>

enum {
    AT_ONCE = 256,   /* taken from a queue at one time */
    READY_MAX = 256, /* tasks of one kind that are kept ready */
    STOP_PATIENCE_US = 10 * 1000000,
};

size_t engine_tasks_max(const struct spec *spec)
{
    /* Those admitted or on their way back, and twice what is kept ready: a pause sends admitted ones back to wait. */
    return (size_t)spec->engine.concurrency * ADMITTED_PER_REQUEST * 2 + (size_t)2 * ACTION_COUNT * READY_MAX;
}

int64_t executor_now_us(const struct executor *executor)
{
    return clock_monotonic_us(executor->site->engine->clock);
}

/* --- ends --- */

void executor_let_go(struct executor *executor, struct task *task)
{
    executor->held--;
    engine_let_go(task);
}

static void drop_list(struct executor *executor, struct task_list *list)
{
    struct task *task;

    while ((task = task_list_take(list)) != NULL)
        executor_let_go(executor, task);
}

/* The queue has room for every task, so this does not wait. */
void executor_record(struct executor *executor, struct task *task, enum task_phase phase)
{
    task->phase = phase;
    queue_push(executor->site->engine->to_record, task);
}

/* The outlook counts what a plan asks for "at the least": a request more than that was not counted. */
void executor_count_off(struct executor *executor, enum action action)
{
    uint64_t *to_send = &executor->site->to_send[action];

    *to_send -= *to_send > 0;
}

void executor_stop(struct executor *executor, enum stop reason, const struct error *error)
{
    struct site *site = executor->site;

    if (executor->draining)
        return;
    executor->draining = true;
    atomic_store(&site->closed, true);
    executor->drain_until_us = executor_now_us(executor) + STOP_PATIENCE_US;
    site->end.stop = reason;
    if (error != NULL)
        site->end.error = *error;
    for (int action = 0; action < ACTION_COUNT; action++)
        queue_close(site->planned[action]);
    if (site->arriving != NULL)
        queue_close(site->arriving);
    for (int action = 0; action < ACTION_COUNT; action++)
        drop_list(executor, &executor->ready[action]);
    drop_list(executor, &executor->delayed);
}

/* --- the loop --- */

/* Intents and results that are durable now. */
static void take_recorded(struct executor *executor)
{
    void *items[AT_ONCE];
    size_t count;

    while ((count = queue_try_pop(executor->site->recorded, items, AT_ONCE)) > 0) {
        for (size_t i = 0; i < count; i++) {
            struct task *task = items[i];
            if (task->phase == PHASE_INTENT) {
                task_list_append(&executor->sendable, task);
            } else if (task->phase == PHASE_DROPPED || task->verdict == VERDICT_FAILED || executor->draining) {
                executor_let_go(executor, task);
            } else {
                if (task->verdict == VERDICT_NEXT)
                    task_next_action(task);
                task_list_insert(&executor->delayed, task);
            }
        }
    }
}

/* Takes some of the users that wait in a queue; more than are soon needed would only take memory. */
static void take_in(struct executor *executor, struct queue *queue, size_t most)
{
    void *items[AT_ONCE];
    const size_t count = queue_try_pop(queue, items, most < AT_ONCE ? most : AT_ONCE);

    executor->held += count;
    for (size_t i = 0; i < count; i++) {
        if (executor->draining)
            executor_let_go(executor, items[i]);
        else
            task_list_append(&executor->ready[task_action(items[i])], items[i]);
    }
}

static void take_new(struct executor *executor)
{
    struct site *site = executor->site;

    for (int action = 0; action < ACTION_COUNT; action++) {
        const size_t ready = executor->ready[action].count;
        take_in(executor, site->planned[action], ready < READY_MAX ? READY_MAX - ready : 0);
    }
    if (site->arriving != NULL) /* from other sites: as many as have a berth */
        take_in(executor, site->arriving, BERTHS_MAX);
}

static bool is_all_planned(const struct executor *executor)
{
    for (int action = 0; action < ACTION_COUNT; action++)
        if (!queue_is_finished(executor->site->planned[action]))
            return false;
    return true;
}

/* The descriptor is looked at, not read: it is for all executors. */
static void note_signal(struct executor *executor)
{
    struct pollfd asked = {.fd = executor->site->engine->stop_fd, .events = POLLIN};

    if (executor->draining || poll(&asked, 1, 0) != 1)
        return;
    executor_stop(executor, STOP_SIGNAL, NULL);
    atomic_store(&executor->site->waiting, WAITING_TO_STOP);
    atomic_store(&executor->site->waiting_until_us, 0);
}

/* Nobody may be deleted elsewhere for a service that does not work; one at a time finds out. */
static void tell_berths(struct executor *executor)
{
    const bool works = executor->answered && !gate_service_is_down(&executor->gate);

    atomic_store(&executor->site->berths, works ? BERTHS_MAX : 1);
}

static void work(struct executor *executor)
{
    if (atomic_load(&executor->site->engine->recorder_failed))
        executor_stop(executor, STOP_FAULT, NULL);
    take_recorded(executor);
    take_new(executor);
    executor_check_patience(executor);
    executor_go_on_signing_in(executor);
    executor_admit(executor);
    executor_send(executor);
    tell_berths(executor);
}

static void end(struct executor *executor)
{
    struct site *site = executor->site;

    for (int action = 0; action < ACTION_COUNT; action++)
        site->end.least[action] = executor->gate.lanes[action].quota.least;
    atomic_store(&site->waiting, WAITING_IDLE);
    if (atomic_fetch_sub(&site->engine->executing, 1) == 1)
        queue_close(site->engine->to_record);
}

void executor_run(struct executor *executor)
{
    struct error error;

    for (;;) {
        note_signal(executor);
        const bool may_come = !executor->draining && move_may_come(executor->site);
        work(executor);
        if (executor->held == 0 && is_all_planned(executor) && !may_come)
            break;
        if (!http_pool_wait(executor->pool, executor_timeout_ms(executor), &error))
            executor_stop(executor, STOP_FAULT, &error);
    }
    end(executor);
}

void executor_never_ran(struct executor *executor)
{
    struct error error;

    error_set(&error, ERROR_SYSTEM, "cannot start a thread");
    executor_stop(executor, STOP_FAULT, &error);
    end(executor);
}

/* --- life --- */

static bool watch_planned(struct executor *executor, struct error *error)
{
    for (int action = 0; action < ACTION_COUNT; action++)
        if (!http_pool_watch(executor->pool, queue_event_fd(executor->site->planned[action]), error))
            return false;
    return true;
}

static bool open_pool(struct executor *executor, struct error *error)
{
    const struct site *site = executor->site;

    executor->transport = transport_options(site->engine->spec, site->resource, site->address);
    executor->pool = http_pool_new(&executor->transport, executor_take_answer, executor, error);
    return executor->pool != NULL && http_pool_watch(executor->pool, queue_event_fd(site->recorded), error) &&
           (site->arriving == NULL || http_pool_watch(executor->pool, queue_event_fd(site->arriving), error)) &&
           watch_planned(executor, error) && http_pool_watch(executor->pool, site->engine->stop_fd, error);
}

static bool open_sign_in(struct executor *executor, struct error *error)
{
    const struct site *site = executor->site;
    const struct sign_in_options options = {
        .address = site->address,
        .credential = site->credential,
        .ca_file = site->resource->credential.ca_file,
        .transport = &executor->transport,
        .clock = site->engine->clock,
        .secret_variables = &site->engine->spec->secret_variables,
    };

    executor->signed_in = SIGN_IN_WAITING;
    executor->sign_in = sign_in_new(&options, executor->pool, error);
    return executor->sign_in != NULL;
}

struct executor *executor_new(struct site *site, struct gate_lane lanes[ACTION_COUNT], uint64_t seed,
                              struct error *error)
{
    const struct spec *spec = site->engine->spec;
    struct executor *executor = calloc(1, sizeof *executor);

    if (executor == NULL) {
        for (int action = 0; action < ACTION_COUNT; action++)
            quota_clear(&lanes[action].quota);
        error_no_memory(error);
        return NULL;
    }
    executor->site = site;
    executor->request_options = (struct acs_request_options){
        .api_version = site->resource->api_version,
        .scopes = (const char *const *)spec->token.scopes.items,
        .scope_count = spec->token.scopes.count,
        .lifetime_min = spec->token.lifetime_min,
        .teams_app_id = spec->token.teams_app_id,
    };
    gate_init(&executor->gate, lanes, spec->engine.create_counts_as_issue && executor->request_options.scope_count > 0,
              seed);
    if (!open_pool(executor, error) || !open_sign_in(executor, error)) {
        executor_free(executor);
        return NULL;
    }
    return executor;
}

void executor_free(struct executor *executor)
{
    if (executor == NULL)
        return;
    http_pool_free(executor->pool); /* after executor_run() nothing is under way but a renewal, which is dropped */
    sign_in_free(executor->sign_in);
    gate_clear(&executor->gate);
    free(executor);
}
