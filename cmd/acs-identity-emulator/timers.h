/* timers.h - what is to happen later, the earliest first: a binary heap. */
#ifndef EMULATOR_TIMERS_H
#define EMULATOR_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer {
    int64_t due_us; /* monotonic */
    void *item;
};

struct timers {
    struct timer *heap;
    size_t count;
    size_t capacity;
};

void timers_clear(struct timers *timers);
/* Borrows the item. False when out of memory. */
bool timers_add(struct timers *timers, int64_t due_us, void *item);
/* Takes an item that is due; NULL when none is. */
void *timers_take(struct timers *timers, int64_t now_us);
/* When the earliest is due; INT64_MAX when there is none. */
int64_t timers_next(const struct timers *timers);

#endif
