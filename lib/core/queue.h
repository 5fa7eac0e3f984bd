/* queue.h - a bounded queue of pointers between two threads.
 *
 * Pushing waits while the queue is full, which is what keeps memory from growing with the number of users.  The
 * consumer waits either in queue_pop(), or in epoll on queue_event_fd() and then drains with queue_try_pop().
 */
#ifndef ROLLCALL_CORE_QUEUE_H
#define ROLLCALL_CORE_QUEUE_H

#include "core/error.h"

#include <stddef.h>

struct queue;

struct queue *queue_new(size_t capacity, struct error *error);
/* The queue does not own what is in it. */
void queue_free(struct queue *queue);

/* Waits for room. False when the queue was closed; the item stays the caller's. */
bool queue_push(struct queue *queue, void *item);
/* Takes up to `count` items, waiting up to `timeout_ms` for the first one (-1: for ever). Returns how many; 0 on
 * time-out, and when the queue is closed and empty (queue_is_finished() tells which). */
size_t queue_pop(struct queue *queue, void **items, size_t count, int timeout_ms);
/* As queue_pop, without waiting; also clears the event descriptor. */
size_t queue_try_pop(struct queue *queue, void **items, size_t count);
/* Readable while the queue has items or is closed. Owned by the queue. */
int queue_event_fd(const struct queue *queue);
/* No more items will come: wakes both sides. What is queued can still be popped. */
void queue_close(struct queue *queue);
bool queue_is_finished(struct queue *queue);

#endif
