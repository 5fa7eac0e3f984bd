#include "window.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 256 };

void window_init(struct window *window, int64_t length_us)
{
    *window = (struct window){.length_us = length_us};
}

void window_clear(struct window *window)
{
    free(window->times);
    window_init(window, window->length_us);
}

size_t window_count(struct window *window, int64_t now_us)
{
    while (window->count > 0 && window->times[window->first] <= now_us - window->length_us) {
        window->first = (window->first + 1) & (window->capacity - 1);
        window->count--;
    }
    return window->count;
}

static bool grow(struct window *window)
{
    const size_t capacity = window->capacity == 0 ? FIRST_CAPACITY : window->capacity * 2;
    int64_t *times = malloc(capacity * sizeof *times);

    if (times == NULL)
        return false;
    for (size_t i = 0; i < window->count; i++)
        times[i] = window->times[(window->first + i) & (window->capacity - 1)];
    free(window->times);
    window->times = times;
    window->first = 0;
    window->capacity = capacity;
    return true;
}

bool window_add(struct window *window, int64_t now_us)
{
    window_count(window, now_us);
    if (window->count == window->capacity && !grow(window))
        return false;
    window->times[(window->first + window->count) & (window->capacity - 1)] = now_us;
    window->count++;
    if (window->count > window->most)
        window->most = window->count;
    return true;
}

int64_t window_frees_at(const struct window *window)
{
    return window->times[window->first] + window->length_us;
}
