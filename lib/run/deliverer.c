/* The deliverer: hands tokens to the sinks that may take long, beside everything else. */
#include "core/text.h"
#include "run/engine.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct deliverer {
    struct sinks *sinks;
    struct queue *to_deliver;
    struct queue *delivered;
    pthread_t thread;
};

static void deliver_batch(struct deliverer *deliverer, struct task **tasks, size_t count)
{
    struct token tokens[SINK_BATCH];
    bool delivered[SINK_BATCH];
    struct error why;

    for (size_t i = 0; i < count; i++)
        tokens[i] = task_token(tasks[i]);
    sinks_deliver(deliverer->sinks, tokens, count, delivered, &why);
    for (size_t i = 0; i < count; i++) {
        struct task *task = tasks[i];
        secret_clear(&task->answer.token);
        task->phase = PHASE_DELIVERED;
        task->delivered = delivered[i];
        if (!delivered[i]) {
            snprintf(task->answer.code, sizeof task->answer.code, "not_delivered");
            text_print(why.message, task->answer.message, sizeof task->answer.message);
        }
        queue_push(deliverer->delivered, task);
    }
}

static void *run(void *context)
{
    struct deliverer *deliverer = context;
    void *items[SINK_BATCH];
    struct task *tasks[SINK_BATCH];
    size_t count;

    while ((count = queue_pop(deliverer->to_deliver, items, SINK_BATCH, -1)) > 0) {
        for (size_t i = 0; i < count; i++)
            tasks[i] = items[i];
        deliver_batch(deliverer, tasks, count);
    }
    queue_close(deliverer->delivered);
    return NULL;
}

struct deliverer *deliverer_new(struct sinks *sinks, size_t capacity, struct error *error)
{
    struct deliverer *deliverer = calloc(1, sizeof *deliverer);

    if (deliverer == NULL) {
        error_no_memory(error);
        return NULL;
    }
    deliverer->sinks = sinks;
    deliverer->to_deliver = queue_new(capacity, error);
    deliverer->delivered = deliverer->to_deliver != NULL ? queue_new(capacity, error) : NULL;
    if (deliverer->delivered != NULL && pthread_create(&deliverer->thread, NULL, run, deliverer) == 0)
        return deliverer;
    if (deliverer->delivered != NULL)
        error_set(error, ERROR_SYSTEM, "cannot start a thread");
    queue_free(deliverer->to_deliver);
    queue_free(deliverer->delivered);
    free(deliverer);
    return NULL;
}

void deliverer_push(struct deliverer *deliverer, struct task *task)
{
    queue_push(deliverer->to_deliver, task);
}

void deliverer_end(struct deliverer *deliverer)
{
    queue_close(deliverer->to_deliver);
}

struct queue *deliverer_delivered(const struct deliverer *deliverer)
{
    return deliverer->delivered;
}

void deliverer_free(struct deliverer *deliverer)
{
    void *task;

    if (deliverer == NULL)
        return;
    sinks_hurry(deliverer->sinks);
    queue_close(deliverer->to_deliver);
    pthread_join(deliverer->thread, NULL);
    while (queue_try_pop(deliverer->delivered, &task, 1) == 1)
        task_free(task);
    queue_free(deliverer->to_deliver);
    queue_free(deliverer->delivered);
    free(deliverer);
}
