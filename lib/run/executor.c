/* The executor: owns the network. It has the intent of each request recorded, sends it when the gate lets it, and
 * judges the answer. */
#include "run/engine.h"

#include "core/uuid.h"
#include "http/pool.h"
#include "run/gate.h"
#include "run/moves.h"
#include "run/sign_in.h"
#include "run/transport.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    AT_ONCE = 256,   /* taken from a queue at one time */
    READY_MAX = 256, /* tasks of one kind that are kept ready */
    TRIES_MAX = 10,  /* of one user while the service works for others */
    STOP_PATIENCE_US = 10 * 1000000,
    RETRY_BASE_US = 500000,
    WAIT_CAP_US = 30 * 1000000,
    BERTH_WAIT_US = 50000,
    REQUEST_IDS = 64,
};

struct executor {
    struct site *site;
    struct http_pool *pool;
    struct http_options transport;
    struct sign_in *sign_in;
    enum sign_in_state signed_in;
    struct acs_request_options request_options;
    struct gate gate;
    struct task_list ready[ACTION_COUNT];
    struct task_list delayed;  /* waiting for their time, earliest first */
    struct task_list sendable; /* their intent is durable */
    size_t held;               /* tasks in our hands, the recorder's or the network's */
    size_t admitted;           /* of these: intent asked for, sendable, or under way */
    size_t admitted_max;
    unsigned turn; /* which kind is asked first */
    bool crowded;  /* the next to be deleted moves, and there is no berth for it */
    bool answered; /* the service has answered anything in this run */
    bool draining; /* nothing new leaves */
    int64_t drain_until_us;
    unsigned char random[REQUEST_IDS * UUID_BYTES];
    size_t random_left;
};

size_t engine_tasks_max(const struct spec *spec)
{
    /* Those admitted or on their way back, and twice what is kept ready: a pause sends admitted ones back to wait. */
    return (size_t)spec->engine.concurrency * 8 + (size_t)2 * ACTION_COUNT * READY_MAX;
}

/* --- ends --- */

static void let_go(struct executor *executor, struct task *task)
{
    executor->held--;
    engine_let_go(task);
}

static void drop_list(struct executor *executor, struct task_list *list)
{
    struct task *task;

    while ((task = task_list_take(list)) != NULL)
        let_go(executor, task);
}

/* Gives a task to the recorder. The queue has room for every task, so this does not wait. */
static void record(struct executor *executor, struct task *task, enum task_phase phase)
{
    task->phase = phase;
    queue_push(executor->site->engine->to_record, task);
}

static void stop(struct executor *executor, enum stop reason, const struct error *error)
{
    if (executor->draining)
        return;
    executor->draining = true;
    atomic_store(&executor->site->closed, true);
    executor->drain_until_us = clock_monotonic_us(executor->site->engine->clock) + STOP_PATIENCE_US;
    executor->site->end.stop = reason;
    if (error != NULL)
        executor->site->end.error = *error;
    for (int action = 0; action < ACTION_COUNT; action++)
        queue_close(executor->site->planned[action]);
    if (executor->site->arriving != NULL)
        queue_close(executor->site->arriving);
    for (int action = 0; action < ACTION_COUNT; action++)
        drop_list(executor, &executor->ready[action]);
    drop_list(executor, &executor->delayed);
}

/* --- admission: a task gets a slot and its intent is recorded --- */

static bool new_request_id(struct executor *executor, char id[ACS_REQUEST_ID_LENGTH + 1])
{
    if (executor->random_left == 0) {
        if (getrandom(executor->random, sizeof executor->random, 0) != (ssize_t)sizeof executor->random)
            return false;
        executor->random_left = REQUEST_IDS;
    }
    uuid_format(executor->random + --executor->random_left * UUID_BYTES, id);
    return true;
}

/* The outlook counts what a plan asks for "at the least": a request more than that was not counted. */
static void count_off(struct executor *executor, enum action action)
{
    uint64_t *to_send = &executor->site->to_send[action];

    *to_send -= *to_send > 0;
}

static void admit(struct executor *executor, struct task *task)
{
    struct error error;

    task->attempt++;
    if (!new_request_id(executor, task->request_id)) {
        error_errno(&error, "cannot get random bytes");
        let_go(executor, task);
        stop(executor, STOP_FAULT, &error);
        return;
    }
    gate_take_slot(&executor->gate, task_action(task));
    count_off(executor, task_action(task));
    executor->admitted++;
    record(executor, task, PHASE_INTENT);
}

static bool has_room(const struct executor *executor)
{
    return !executor->draining && executor->signed_in == SIGN_IN_READY && executor->admitted < executor->admitted_max &&
           atomic_load(&executor->site->engine->undelivered) < UNDELIVERED_MAX;
}

/* Admits the first of a list, or lets it go. False: it must wait. */
static bool admit_first(struct executor *executor, struct task_list *ready)
{
    const enum move_answer answer = move_ask(ready->head);

    executor->crowded = answer == MOVE_LATER;
    if (answer == MOVE_NOW)
        admit(executor, task_list_take(ready));
    else if (answer == MOVE_NEVER)
        let_go(executor, task_list_take(ready));
    return answer != MOVE_LATER;
}

static void admit_all(struct executor *executor, int64_t now_us)
{
    executor->crowded = false;
    while (executor->delayed.head != NULL && executor->delayed.head->not_before_us <= now_us) {
        struct task *task = task_list_take(&executor->delayed);
        task_list_append(&executor->ready[task_action(task)], task);
    }
    /* The kinds take turns, so that none starves behind another that has much to do. */
    executor->turn++;
    for (unsigned i = 0; i < ACTION_COUNT; i++) {
        const enum action action = (enum action)((executor->turn + i) % ACTION_COUNT);
        struct task_list *ready = &executor->ready[action];
        while (ready->head != NULL && has_room(executor) &&
               gate_admits(&executor->gate, action, executor->admitted, now_us) && admit_first(executor, ready))
            continue;
    }
}

/* --- sending --- */

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
    record(executor, task, PHASE_WITHDRAW);
}

static bool build_request(const struct executor *executor, const struct task *task, struct acs_request *request,
                          struct error *error)
{
    const struct acs_request_options *options = &executor->request_options;
    const char *custom_id = executor->site->resource->custom_id ? task->key : NULL;

    if (task_action(task) == ACTION_EXCHANGE)
        return acs_exchange_build(options, task->identity, secret_reveal(&task->teams_token), request, error);
    return acs_request_build(task_action(task), options, task->identity, custom_id, request, error);
}

static bool send_request(struct executor *executor, struct task *task, struct error *error)
{
    const struct site *site = executor->site;
    struct acs_request request;
    struct sign_in_headers authorization;
    char request_id[HTTP_HEADER_SIZE];

    if (!build_request(executor, task, &request, error) ||
        !sign_in_authorize(executor->sign_in, &request, &authorization, error))
        return false;
    task->generation = authorization.generation;
    snprintf(request_id, sizeof request_id, "x-ms-client-request-id: %s", task->request_id);
    struct http_request http = {
        .method = request.method,
        .target = request.target,
        .headers = {request_id, "Accept: application/json", ("User-Agent: rollcall/" ROLLCALL_VERSION),
                    request.has_content_type ? "Content-Type: application/json" : "Content-Type:"},
        .header_count = 4,
        .body = request.body,
        .body_length = request.body_length,
    };
    for (size_t i = 0; i < authorization.count; i++)
        http.headers[http.header_count++] = authorization.headers[i];
    task->sent_us = clock_monotonic_us(site->engine->clock);
    const bool ok = http_pool_send(executor->pool, &http, task, error);
    if (task_action(task) == ACTION_EXCHANGE)
        explicit_bzero(request.body, request.body_length); /* the user's token is in it */
    return ok;
}

static void send_all(struct executor *executor)
{
    struct error error;

    while (executor->sendable.head != NULL &&
           (executor->draining ||
            http_pool_under_way(executor->pool) < executor->site->engine->spec->engine.concurrency)) {
        struct task *task = task_list_take(&executor->sendable);
        const int64_t now_us = clock_monotonic_us(executor->site->engine->clock);
        if (executor->draining || executor->signed_in != SIGN_IN_READY ||
            gate_holds_back(&executor->gate, task_action(task), executor->admitted, now_us)) {
            withdraw(executor, task, executor->draining ? VERDICT_LEFT : VERDICT_AGAIN, now_us);
            continue;
        }
        if (!send_request(executor, task, &error)) {
            withdraw(executor, task, VERDICT_LEFT, now_us);
            stop(executor, STOP_FAULT, &error);
            continue;
        }
        atomic_fetch_add(&executor->site->requests, 1);
    }
}

/* --- answers --- */

static void reject(struct executor *executor, const struct task *task, const struct http_answer *http)
{
    const struct acs_answer *answer = &task->answer;
    const int64_t now_s = clock_wall_ms(executor->site->engine->clock) / 1000;
    struct error error;
    int64_t server_s = 0;
    char hint[ACS_HINT_SIZE] = "";
    static const char bearer_hint[] =
        "the service takes no token of this credential: check that the endpoint is that of a "
        "resource in its tenant, and that the identity has a role on it (such as Contributor)";

    if (http->end != HTTP_ANSWERED) {
        error_set(&error, ERROR_REJECTED, "cannot reach %s safely: %s", executor->site->address->origin.host,
                  answer->message);
        error_hint(&error, "%s", transport_hint(http));
    } else {
        time_parse_http(http->date, &server_s);
        acs_credential_hint(answer, server_s, now_s, hint);
        error_set(&error, ERROR_REJECTED, "%s answered %d %s: %s", executor->site->address->origin.host, task->status,
                  answer->code, answer->message);
        error_hint(&error, "%s", executor->site->credential != NULL && task->status == 401 ? bearer_hint : hint);
    }
    stop(executor, STOP_REJECTED, &error);
}

/* A 401 to a bearer token may mean that this one was revoked: then a new one is fetched, and the request repeated. */
static bool may_renew(struct executor *executor, const struct task *task, int64_t now_us)
{
    return task->status == 401 && sign_in_rejected(executor->sign_in, task->generation, now_us);
}

static enum task_verdict verdict_after_failure(struct executor *executor, struct task *task)
{
    if (executor->draining)
        return VERDICT_LEFT;
    /* While the service is down for everybody, nobody's tries are counted. */
    if (!gate_service_is_down(&executor->gate) && ++task->tries >= TRIES_MAX)
        return VERDICT_FAILED;
    atomic_fetch_add(&executor->site->retried, 1);
    return VERDICT_AGAIN;
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

/* How many requests are still to come, now that this one has its verdict. */
static void count_what_follows(struct executor *executor, const struct task *task)
{
    if (task->verdict == VERDICT_AGAIN)
        executor->site->to_send[task_action(task)]++;
    else if (task->verdict == VERDICT_FAILED)
        for (size_t i = task->step + 1; i < task->actions.count; i++)
            count_off(executor, task->actions.items[i]);
}

static enum task_verdict verdict_of(struct executor *executor, struct task *task, const struct http_answer *http,
                                    int64_t delay_ms, int64_t now_us)
{
    switch (task->outcome) {
    case OUTCOME_DONE:
        gate_note_success(&executor->gate, task_action(task));
        add_missing_issue(executor, task);
        if (task_is_last_action(task))
            return VERDICT_DONE;
        return executor->draining ? VERDICT_LEFT : VERDICT_NEXT;
    case OUTCOME_GONE:
    case OUTCOME_FAILED: gate_note_success(&executor->gate, task_action(task)); return VERDICT_FAILED;
    case OUTCOME_THROTTLED: break;
    case OUTCOME_REJECTED:
        if (may_renew(executor, task, now_us)) {
            atomic_fetch_add(&executor->site->retried, 1);
            return executor->draining ? VERDICT_LEFT : VERDICT_AGAIN;
        }
        reject(executor, task, http);
        return VERDICT_LEFT;
    case OUTCOME_TRANSIENT:
    case OUTCOME_IN_DOUBT:
    case OUTCOME_UNDELIVERED: break;
    }
    if (task->answer.class == ACS_THROTTLED) {
        atomic_fetch_add(&executor->site->throttled, 1);
        gate_note_throttle(&executor->gate, task_action(task), delay_ms, now_us);
        return executor->draining ? VERDICT_LEFT : VERDICT_AGAIN;
    }
    /* Resolvers have their moments; twice is no accident. */
    if ((http->end == HTTP_NO_HOST || http->end == HTTP_NO_PROXY) && !executor->answered && task->attempt > 1) {
        reject(executor, task, http);
        return VERDICT_LEFT;
    }
    gate_note_failure(&executor->gate, now_us);
    task->not_before_us = now_us + retry_backoff_us(&executor->gate.jitter, RETRY_BASE_US,
                                                    task->tries < 16 ? task->tries : 16, WAIT_CAP_US);
    return verdict_after_failure(executor, task);
}

static void read_answer(struct task *task, const struct executor *executor, const struct http_answer *http,
                        int64_t delay_ms, struct error *error)
{
    const bool wants_token = executor->request_options.scope_count > 0;
    const bool repeatable = task_action(task) != ACTION_PROVISION || executor->site->resource->custom_id;

    acs_answer_clear(&task->answer);
    error->code = ERROR_NONE;
    if (http->no_memory)
        error_no_memory(error);
    if (http->end == HTTP_ANSWERED && !acs_answer_read(task_action(task), wants_token, http->status, http->body,
                                                       http->body_length, &task->answer, error))
        task->answer = (struct acs_answer){.class = ACS_TRANSIENT, .code = "no_memory"};
    acs_answer_set_delay(&task->answer, delay_ms);
    task->outcome = retry_judge(http, repeatable, &task->answer);
    if (task->outcome == OUTCOME_DONE && task_action(task) == ACTION_PROVISION)
        memcpy(task->identity, task->answer.identity, sizeof task->identity);
    if (task->outcome != OUTCOME_DONE && task->first_code[0] == '\0')
        memcpy(task->first_code, task->answer.code, sizeof task->first_code);
}

static void on_done(void *context, void *request_context, struct http_answer *http)
{
    struct executor *executor = context;
    struct task *task = request_context;
    const int64_t now_us = clock_monotonic_us(executor->site->engine->clock);
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
        stop(executor, STOP_FAULT, &error);
    if (!task_comes_back(task))
        executor->held--;
    record(executor, task, PHASE_RESULT);
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
            } else if (task->phase == PHASE_DROPPED || executor->draining) {
                let_go(executor, task);
            } else {
                if (task->verdict == VERDICT_NEXT)
                    task_next_action(task);
                task_list_insert(&executor->delayed, task);
            }
        }
    }
}

/* Keeps some tasks of each kind ready; more would only take memory. */
static void take_planned(struct executor *executor)
{
    void *items[READY_MAX];

    for (int action = 0; action < ACTION_COUNT; action++) {
        struct task_list *ready = &executor->ready[action];
        const size_t room = executor->draining ? READY_MAX : ready->count < READY_MAX ? READY_MAX - ready->count : 0;
        const size_t count = queue_try_pop(executor->site->planned[action], items, room);
        executor->held += count;
        for (size_t i = 0; i < count; i++) {
            if (executor->draining)
                let_go(executor, items[i]);
            else
                task_list_append(ready, items[i]);
        }
    }
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

    if (!executor->draining && poll(&asked, 1, 0) == 1)
        stop(executor, STOP_SIGNAL, NULL);
}

static void check_patience(struct executor *executor, int64_t now_us)
{
    const int64_t silence_us = gate_silence_us(&executor->gate, now_us);
    struct error error;

    if (executor->draining || silence_us == 0 ||
        silence_us < (int64_t)executor->site->engine->spec->engine.give_up_after_ms * 1000)
        return;
    error_set(&error, ERROR_SYSTEM, "%s has not answered for %lld s; the rest is left for the next run",
              executor->site->address->origin.host, (long long)(silence_us / 1000000));
    error_hint(&error, "run again when the service works; engine.give_up_after says how long to wait");
    stop(executor, STOP_GAVE_UP, &error);
}

/* A renewal that is due or under way goes on beside the requests. */
static void go_on_signing_in(struct executor *executor, int64_t now_us)
{
    const int64_t patience_us = (int64_t)executor->site->engine->spec->engine.give_up_after_ms * 1000;
    int64_t silence_us;
    struct error error = {.code = ERROR_NONE};

    if (executor->draining)
        return;
    executor->signed_in = sign_in_go_on(executor->sign_in, now_us, &silence_us, &error);
    if (executor->signed_in == SIGN_IN_REFUSED)
        stop(executor, STOP_REJECTED, &error);
    if (executor->signed_in != SIGN_IN_TROUBLE || silence_us < patience_us)
        return;
    error.code = ERROR_SYSTEM;
    error_context(&error, "no token could be had for %lld s", (long long)(silence_us / 1000000));
    error_hint(&error, "run again when signing in works; engine.give_up_after says how long to wait");
    stop(executor, STOP_GAVE_UP, &error);
}

/* Why nothing moves, and until when: the earliest moment at which something may be admitted. */
static int64_t next_event_us(struct executor *executor, int64_t now_us)
{
    struct gate *gate = &executor->gate;
    int64_t earliest = INT64_MAX;
    enum waiting waiting = executor->held == 0 ? WAITING_IDLE : WAITING_NOT;

    if (executor->draining)
        return executor->drain_until_us;
    if (executor->crowded)
        earliest = now_us + BERTH_WAIT_US;
    if (executor->delayed.head != NULL)
        earliest = executor->delayed.head->not_before_us;
    for (int action = 0; action < ACTION_COUNT; action++) {
        if (executor->ready[action].head == NULL)
            continue;
        const int64_t at_us = gate_next_us(gate, (enum action)action, now_us);
        if (at_us == gate->lanes[action].paused_until_us)
            waiting = WAITING_THROTTLED;
        else if (at_us > now_us && executor->admitted == 0)
            waiting = WAITING_QUOTA;
        if (at_us < earliest)
            earliest = at_us;
    }
    if (gate_service_is_down(gate)) {
        waiting = WAITING_SERVICE;
        earliest = earliest == INT64_MAX || gate->probe_at_us > earliest ? gate->probe_at_us : earliest;
    }
    if (executor->signed_in != SIGN_IN_READY) {
        waiting = WAITING_SIGN_IN;
        earliest = INT64_MAX;
    }
    atomic_store(&executor->site->waiting, waiting);
    atomic_store(&executor->site->waiting_until_us, waiting <= WAITING_IDLE || earliest == INT64_MAX ? 0 : earliest);
    const struct gate_outlook outlook = gate_look_ahead(gate, executor->site->to_send, now_us);
    atomic_store(&executor->site->quota_until_us, outlook.last_us);
    atomic_store(&executor->site->quota_used_permille, outlook.used_permille);
    return earliest;
}

static int timeout_ms(struct executor *executor)
{
    const int64_t now_us = clock_monotonic_us(executor->site->engine->clock);
    const int64_t renewal_us = executor->draining ? INT64_MAX : sign_in_next_us(executor->sign_in, now_us);
    int64_t at_us = next_event_us(executor, now_us);

    /* With room to admit nothing but an event can help; otherwise sleep until the moment, rounded up. */
    if (at_us != INT64_MAX && !executor->draining &&
        !(has_room(executor) && gate_is_open(&executor->gate, executor->admitted, at_us)))
        at_us = INT64_MAX;
    at_us = renewal_us < at_us ? renewal_us : at_us;
    if (at_us == INT64_MAX)
        return 1000;
    if (at_us <= now_us)
        return 0;
    const int64_t wait_ms = (at_us - now_us + 999) / 1000;
    return wait_ms > 1000 ? 1000 : (int)wait_ms;
}

/* What is still under way when patience ends is cut off and recorded as what it is: not known. */
static void end_patience(struct executor *executor)
{
    if (executor->draining && clock_monotonic_us(executor->site->engine->clock) >= executor->drain_until_us)
        http_pool_abort(executor->pool);
}

/* Users who come from other sites: they wait like those whose turn it is. */
static void take_arriving(struct executor *executor)
{
    struct queue *arriving = executor->site->arriving;
    void *items[BERTHS_MAX];

    const size_t count = arriving != NULL ? queue_try_pop(arriving, items, BERTHS_MAX) : 0;
    executor->held += count;
    for (size_t i = 0; i < count; i++) {
        if (executor->draining)
            let_go(executor, items[i]);
        else
            task_list_append(&executor->ready[task_action(items[i])], items[i]);
    }
}

/* Nobody may be deleted elsewhere for a service that does not work; one at a time finds out. */
static void tell_berths(struct executor *executor)
{
    const bool works = executor->answered && !gate_service_is_down(&executor->gate);

    atomic_store(&executor->site->berths, works ? BERTHS_MAX : 1);
}

static void work(struct executor *executor)
{
    const struct clock *clock = executor->site->engine->clock;

    if (atomic_load(&executor->site->engine->recorder_failed))
        stop(executor, STOP_FAULT, NULL);
    take_recorded(executor);
    take_planned(executor);
    take_arriving(executor);
    check_patience(executor, clock_monotonic_us(clock));
    go_on_signing_in(executor, clock_monotonic_us(clock));
    admit_all(executor, clock_monotonic_us(clock));
    send_all(executor);
    end_patience(executor);
    tell_berths(executor);
}

static void end(struct executor *executor)
{
    struct site *site = executor->site;

    site->end.connections = http_pool_connections(executor->pool);
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
        if (!http_pool_wait(executor->pool, timeout_ms(executor), &error))
            stop(executor, STOP_FAULT, &error);
    }
    end(executor);
}

void executor_never_ran(struct executor *executor)
{
    struct error error;

    error_set(&error, ERROR_SYSTEM, "cannot start a thread");
    stop(executor, STOP_FAULT, &error);
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
    executor->pool = http_pool_new(&executor->transport, on_done, executor, error);
    return executor->pool != NULL && http_pool_watch(executor->pool, queue_event_fd(site->recorded), error) &&
           (site->arriving == NULL || http_pool_watch(executor->pool, queue_event_fd(site->arriving), error)) &&
           watch_planned(executor, error) && http_pool_watch(executor->pool, executor->site->engine->stop_fd, error);
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

struct executor *executor_new(struct site *site, struct quota_window quotas[ACTION_COUNT], uint64_t seed,
                              struct error *error)
{
    const struct spec *spec = site->engine->spec;
    struct executor *executor = calloc(1, sizeof *executor);

    if (executor == NULL) {
        for (int action = 0; action < ACTION_COUNT; action++)
            quota_clear(&quotas[action]);
        error_no_memory(error);
        return NULL;
    }
    executor->site = site;
    executor->admitted_max = (size_t)spec->engine.concurrency * 4;
    executor->request_options = (struct acs_request_options){
        .api_version = site->resource->api_version,
        .scopes = (const char *const *)spec->token.scopes.items,
        .scope_count = spec->token.scopes.count,
        .lifetime_min = spec->token.lifetime_min,
        .teams_app_id = spec->token.teams_app_id,
    };
    gate_init(&executor->gate, quotas, spec->engine.create_counts_as_issue && executor->request_options.scope_count > 0,
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
