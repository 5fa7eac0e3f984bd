#include "timers.h"

#include <stdlib.h>

void timers_clear(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}

static bool grow(struct timers *timers)
{
    const size_t capacity = timers->capacity == 0 ? 64 : timers->capacity * 2;
    struct timer *heap = realloc(timers->heap, capacity * sizeof *heap);

    if (heap == NULL)
        return false;
    timers->heap = heap;
    timers->capacity = capacity;
    return true;
}

bool timers_add(struct timers *timers, int64_t due_us, void *item)
{
    if (timers->count == timers->capacity && !grow(timers))
        return false;
    size_t place = timers->count++;
    for (; place > 0; place = (place - 1) / 2) {
        const struct timer *parent = &timers->heap[(place - 1) / 2];
        if (parent->due_us <= due_us)
            break;
        timers->heap[place] = *parent;
    }
    timers->heap[place] = (struct timer){due_us, item};
    return true;
}

void *timers_take(struct timers *timers, int64_t now_us)
{
    if (timers->count == 0 || timers->heap[0].due_us > now_us)
        return NULL;
    void *item = timers->heap[0].item;
    const struct timer last = timers->heap[--timers->count];
    size_t place = 0;
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count && timers->heap[child + 1].due_us < timers->heap[child].due_us)
            child++;
        if (timers->heap[child].due_us >= last.due_us)
            break;
        timers->heap[place] = timers->heap[child];
        place = child;
    }
    if (timers->count > 0)
        timers->heap[place] = last;
    return item;
}

int64_t timers_next(const struct timers *timers)
{
    return timers->count == 0 ? INT64_MAX : timers->heap[0].due_us;
}
