/* window.h - how many requests came within the last so many seconds, and the most that ever did. */
#ifndef EMULATOR_WINDOW_H
#define EMULATOR_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window {
    int64_t length_us;
    int64_t *times; /* a ring: 8 bytes for each request that is still inside */
    size_t first;
    size_t count;
    size_t capacity; /* a power of two */
    size_t most;     /* the most that any window of this length has held */
};

void window_init(struct window *window, int64_t length_us);
void window_clear(struct window *window);
/* A request exactly one length ago is outside. */
size_t window_count(struct window *window, int64_t now_us);
bool window_add(struct window *window, int64_t now_us);
/* When the oldest request inside leaves; only where there is one. */
int64_t window_frees_at(const struct window *window);

#endif
