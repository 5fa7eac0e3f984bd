#include "run/quota.h"

#include <stdlib.h>

bool quota_init(struct quota_window *quota, uint32_t count, uint32_t window_ms, struct error *error)
{
    *quota = (struct quota_window){.count = count, .window_us = (int64_t)window_ms * 1000};
    if (count == 0)
        return true;
    quota->ended = calloc(count, sizeof *quota->ended);
    return quota->ended != NULL ? true : error_no_memory(error);
}

void quota_clear(struct quota_window *quota)
{
    free(quota->ended);
    *quota = (struct quota_window){0};
}

static void forget_old(struct quota_window *quota, int64_t now_us)
{
    while (quota->ended_count > 0 && quota->ended[quota->ended_head] + quota->window_us <= now_us) {
        quota->ended_head = (quota->ended_head + 1) % quota->count;
        quota->ended_count--;
    }
}

static void add_ended(struct quota_window *quota, int64_t ended_us)
{
    /* Full only when an earlier run had a larger quota: the newest ones decide. */
    if (quota->ended_count == quota->count) {
        quota->ended_head = (quota->ended_head + 1) % quota->count;
        quota->ended_count--;
    }
    quota->ended[(quota->ended_head + quota->ended_count) % quota->count] = ended_us;
    quota->ended_count++;
}

void quota_remember(struct quota_window *quota, int64_t ended_us)
{
    if (quota->count > 0)
        add_ended(quota, ended_us);
}

bool quota_available(struct quota_window *quota, int64_t now_us)
{
    if (quota->count == 0)
        return true;
    forget_old(quota, now_us);
    return quota->taken + quota->ended_count < quota->count;
}

int64_t quota_next_us(struct quota_window *quota, int64_t now_us)
{
    if (quota_available(quota, now_us))
        return now_us;
    return quota->ended_count > 0 ? quota->ended[quota->ended_head] + quota->window_us : INT64_MAX;
}

void quota_take(struct quota_window *quota)
{
    quota->taken++;
}

void quota_end(struct quota_window *quota, int64_t now_us)
{
    quota->taken--;
    if (quota->count > 0)
        add_ended(quota, now_us);
}

void quota_give_back(struct quota_window *quota)
{
    quota->taken--;
}
