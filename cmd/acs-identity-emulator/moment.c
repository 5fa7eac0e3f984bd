#include "moment.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct moment moment_now(void)
{
    struct timespec wall;
    struct timespec monotonic;

    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    return (struct moment){
        .wall_ticks = (int64_t)wall.tv_sec * TICKS_PER_SECOND + wall.tv_nsec / 100,
        .monotonic_us = (int64_t)monotonic.tv_sec * 1000000 + monotonic.tv_nsec / 1000,
    };
}

int64_t moment_wall_s(struct moment moment)
{
    return moment.wall_ticks / TICKS_PER_SECOND;
}

int64_t moment_wall_ms(struct moment moment)
{
    return moment.wall_ticks / (TICKS_PER_SECOND / 1000);
}

void moment_format_ticks(int64_t wall_ticks, char text[MOMENT_TEXT_SIZE])
{
    const time_t seconds = (time_t)(wall_ticks / TICKS_PER_SECOND);
    const int fraction = (int)(wall_ticks % TICKS_PER_SECOND);
    struct tm utc;

    gmtime_r(&seconds, &utc);
    size_t length = strftime(text, MOMENT_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    if (fraction == 0)
        return;
    length += (size_t)snprintf(text + length, MOMENT_TEXT_SIZE - length, ".%07d", fraction);
    while (text[length - 1] == '0')
        text[--length] = '\0';
}
