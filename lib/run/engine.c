/* The threads of a run: set up, started, waited for. */
#include "run/engine.h"

#include "run/moves.h"
#include "run/gate_past.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { PLANNED_QUEUE = 512 };

struct feeding {
    struct site *site;
    enum action kind;
    const struct run_input *input;
    struct ledger *ledger; /* its own connection; NULL: nobody begins with this kind there */
    pthread_t thread;
    bool started;
    bool ok;
    struct error error;
};

/* --- setting up --- */

static bool is_used(const struct plan_part *part)
{
    for (int action = 0; action < ACTION_COUNT; action++)
        if (part->requests[action] > 0)
            return true;
    return false;
}

static bool make_queue(struct queue **queue, size_t capacity, struct error *error)
{
    *queue = queue_new(capacity, error);
    return *queue != NULL;
}

bool engine_is_repeatable(const struct task *task)
{
    return task_action(task) != ACTION_PROVISION || task->site->resource->custom_id;
}

static bool open_queues(struct site *site, struct error *error)
{
    for (int action = 0; action < ACTION_COUNT; action++)
        if (!make_queue(&site->planned[action], PLANNED_QUEUE, error))
            return false;
    return make_queue(&site->recorded, engine_tasks_max(site->engine->spec), error) &&
           (site->part->arriving == 0 || make_queue(&site->arriving, BERTHS_MAX, error));
}

static bool open_site(struct site *site, const struct run_input *input, struct error *error)
{
    struct gate_lane lanes[ACTION_COUNT];
    uint64_t seed;

    if (!open_queues(site, error) || !gate_past_open(input, site->resource, site->place, lanes, error))
        return false;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        for (int action = 0; action < ACTION_COUNT; action++)
            quota_clear(&lanes[action].quota);
        return error_errno(error, "cannot get random bytes");
    }
    atomic_store(&site->berths, 1);
    memcpy(site->to_send, site->part->requests, sizeof site->to_send);
    site->executor = executor_new(site, lanes, seed, error);
    if (site->executor == NULL)
        return false;
    site->engine->executing++;
    return true;
}

static bool open_feedings(struct site *site, const struct run_input *input, struct error *error)
{
    struct feeding *feedings = &site->engine->feedings[(site - site->engine->sites) * ACTION_COUNT];

    for (int action = 0; action < ACTION_COUNT; action++) {
        feedings[action] = (struct feeding){.site = site, .kind = (enum action)action, .input = input, .ok = true};
        if (site->part->first[action] == 0)
            continue;
        feedings[action].ledger = ledger_open_beside(input->ledger, error);
        if (feedings[action].ledger == NULL)
            return false;
        site->engine->feeding++;
    }
    return true;
}

bool engine_open(struct engine *engine, const struct run_input *input, int64_t run, const int64_t *places,
                 struct error *error)
{
    const size_t count = input->spec->resource_count;
    size_t used = 0;

    *engine = (struct engine){.spec = input->spec, .clock = input->clock, .run = run, .stop_fd = input->stop_fd};
    engine->sites = calloc(count, sizeof *engine->sites);
    engine->feedings = calloc(count * ACTION_COUNT, sizeof *engine->feedings);
    if (engine->sites == NULL || engine->feedings == NULL)
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        struct site *site = &engine->sites[i];
        site->engine = engine;
        site->resource = &input->spec->resources[i];
        site->address = &input->addresses[i];
        site->credential = input->credentials != NULL ? input->credentials[i] : NULL;
        site->place = places[i];
        site->part = &input->plan->parts[i];
        if (!is_used(site->part))
            continue;
        used++;
        if (!open_site(site, input, error) || !open_feedings(site, input, error))
            return false;
    }
    return make_queue(&engine->to_record, used * engine_tasks_max(input->spec), error);
}

static void close_site(struct site *site)
{
    executor_free(site->executor);
    for (int action = 0; action < ACTION_COUNT; action++)
        queue_free(site->planned[action]);
    queue_free(site->arriving);
    queue_free(site->recorded);
}

void engine_close(struct engine *engine)
{
    for (size_t i = 0; engine->sites != NULL && i < engine->spec->resource_count; i++)
        close_site(&engine->sites[i]);
    for (size_t i = 0; engine->feedings != NULL && i < engine->spec->resource_count * ACTION_COUNT; i++)
        ledger_close(engine->feedings[i].ledger);
    queue_free(engine->to_record);
    free(engine->feedings);
    free(engine->sites);
    engine->sites = NULL;
}

/* --- running --- */

static void *executor_thread(void *context)
{
    executor_run(context);
    return NULL;
}

static void *recorder_thread(void *context)
{
    recorder_run(context);
    return NULL;
}

static void *feeder_thread(void *context)
{
    struct feeding *feeding = context;
    const struct run_input *input = feeding->input;

    feeding->ok =
        feeder_run(feeding->site, feeding->kind, input->plan, input->roster_fd, feeding->ledger, &feeding->error);
    atomic_fetch_sub(&feeding->site->engine->feeding, 1);
    return NULL;
}

/* A kind whose thread cannot start is left for the next run, with the error. */
static void start_feeding(struct feeding *feeding)
{
    if (feeding->site == NULL)
        return;
    if (feeding->ledger != NULL) {
        feeding->started = pthread_create(&feeding->thread, NULL, feeder_thread, feeding) == 0;
        if (feeding->started)
            return;
        feeding->ok = error_set(&feeding->error, ERROR_SYSTEM, "cannot start a thread");
        atomic_fetch_sub(&feeding->site->engine->feeding, 1);
    }
    queue_close(feeding->site->planned[feeding->kind]);
}

/* Waits until all is fed. */
static bool feed(struct engine *engine, struct error *error)
{
    const size_t count = engine->spec->resource_count * ACTION_COUNT;
    bool ok = true;

    for (size_t i = 0; i < count; i++)
        start_feeding(&engine->feedings[i]);
    for (size_t i = 0; i < count; i++) {
        struct feeding *feeding = &engine->feedings[i];
        if (feeding->started)
            pthread_join(feeding->thread, NULL);
        if (feeding->site == NULL || feeding->ok)
            continue;
        if (ok)
            *error = feeding->error;
        ok = false;
    }
    return ok;
}

/* Starts the executors; the sites of those that cannot be started are left for the next run. */
static void start_executors(struct engine *engine, pthread_t *threads, bool *started)
{
    for (size_t i = 0; i < engine->spec->resource_count; i++) {
        struct site *site = &engine->sites[i];
        if (site->executor == NULL)
            continue;
        started[i] = pthread_create(&threads[i], NULL, executor_thread, site->executor) == 0;
        if (started[i])
            continue;
        executor_never_ran(site->executor);
    }
}

enum stop engine_stop(const struct engine *engine)
{
    enum stop worst = STOP_NONE;

    for (size_t i = 0; engine->sites != NULL && i < engine->spec->resource_count; i++)
        if (engine->sites[i].end.stop > worst)
            worst = engine->sites[i].end.stop;
    return worst;
}

/* The error of the first site that ended for the worst reason of all. */
static void tell_stop(const struct engine *engine, enum stop worst, struct error *error)
{
    const struct site *site = engine->sites;

    while (site->end.stop != worst)
        site++;
    *error = site->end.error;
    if (error->code != ERROR_NONE && site->resource->name[0] != '\0')
        error_context(error, "resource %s", site->resource->name);
}

bool engine_run(struct engine *engine, struct recorder *recorder, struct error *error)
{
    pthread_t threads[SPEC_RESOURCES_MAX];
    bool started[SPEC_RESOURCES_MAX] = {false};
    pthread_t writer;
    struct error feeder_error;

    if (pthread_create(&writer, NULL, recorder_thread, recorder) != 0)
        return error_set(error, ERROR_SYSTEM, "cannot start a thread");
    start_executors(engine, threads, started);
    const bool fed = feed(engine, &feeder_error);
    for (size_t i = 0; i < engine->spec->resource_count; i++)
        if (started[i])
            pthread_join(threads[i], NULL);
    pthread_join(writer, NULL);

    const enum stop worst = engine_stop(engine);
    *error = (struct error){.code = ERROR_NONE};
    if (!recorder->ok) {
        *error = recorder->error;
        error->code = ERROR_SYSTEM; /* whatever it is about: "nothing was sent" would not be true any more */
    } else if (worst != STOP_NONE) {
        tell_stop(engine, worst, error);
    } else if (!fed) {
        *error = feeder_error;
    }
    return recorder->ok && worst == STOP_NONE && fed;
}
