#include "core/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty;
    pthread_cond_t not_full;
    int event_fd;
    bool closed;
    size_t capacity;
    size_t head;
    size_t count;
    void *items[];
};

struct queue *queue_new(size_t capacity, struct error *error)
{
    struct queue *queue = calloc(1, sizeof *queue + capacity * sizeof(void *));
    pthread_condattr_t monotonic;

    if (queue == NULL) {
        error_no_memory(error);
        return NULL;
    }
    queue->capacity = capacity;
    queue->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (queue->event_fd < 0) {
        error_errno(error, "cannot make an event descriptor");
        free(queue);
        return NULL;
    }
    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->not_empty, &monotonic);
    pthread_cond_init(&queue->not_full, NULL);
    pthread_condattr_destroy(&monotonic);
    return queue;
}

void queue_free(struct queue *queue)
{
    if (queue == NULL)
        return;
    pthread_cond_destroy(&queue->not_full);
    pthread_cond_destroy(&queue->not_empty);
    pthread_mutex_destroy(&queue->lock);
    close(queue->event_fd);
    free(queue);
}

static void raise_event(const struct queue *queue)
{
    const uint64_t one = 1;
    /* The counter saturating would mean 2^64 pushes without a pop: nothing to handle. */
    const ssize_t ignored = write(queue->event_fd, &one, sizeof one);

    (void)ignored;
}

bool queue_push(struct queue *queue, void *item)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->count == queue->capacity && !queue->closed)
        pthread_cond_wait(&queue->not_full, &queue->lock);
    const bool open = !queue->closed;
    if (open) {
        queue->items[(queue->head + queue->count) % queue->capacity] = item;
        if (queue->count++ == 0) {
            raise_event(queue);
            pthread_cond_signal(&queue->not_empty);
        }
    }
    pthread_mutex_unlock(&queue->lock);
    return open;
}

/* With the lock held. */
static size_t take(struct queue *queue, void **items, size_t count)
{
    size_t taken = 0;

    while (taken < count && queue->count > 0) {
        items[taken++] = queue->items[queue->head];
        queue->head = (queue->head + 1) % queue->capacity;
        queue->count--;
    }
    if (queue->count == 0 && !queue->closed) {
        uint64_t ignored;
        const ssize_t drained = read(queue->event_fd, &ignored, sizeof ignored);
        (void)drained;
    }
    if (taken > 0)
        pthread_cond_broadcast(&queue->not_full);
    return taken;
}

static struct timespec deadline_after(int timeout_ms)
{
    struct timespec deadline;

    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += timeout_ms / 1000;
    deadline.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    return deadline;
}

size_t queue_pop(struct queue *queue, void **items, size_t count, int timeout_ms)
{
    const struct timespec deadline = deadline_after(timeout_ms < 0 ? 0 : timeout_ms);
    int waited = 0;

    pthread_mutex_lock(&queue->lock);
    while (queue->count == 0 && !queue->closed && waited != ETIMEDOUT)
        waited = timeout_ms < 0 ? pthread_cond_wait(&queue->not_empty, &queue->lock)
                                : pthread_cond_timedwait(&queue->not_empty, &queue->lock, &deadline);
    const size_t taken = take(queue, items, count);
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

size_t queue_try_pop(struct queue *queue, void **items, size_t count)
{
    pthread_mutex_lock(&queue->lock);
    const size_t taken = take(queue, items, count);
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

int queue_event_fd(const struct queue *queue)
{
    return queue->event_fd;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    raise_event(queue);
    pthread_cond_broadcast(&queue->not_empty);
    pthread_cond_broadcast(&queue->not_full);
    pthread_mutex_unlock(&queue->lock);
}

bool queue_is_finished(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    const bool finished = queue->closed && queue->count == 0;
    pthread_mutex_unlock(&queue->lock);
    return finished;
}
