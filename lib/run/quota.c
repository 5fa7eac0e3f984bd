#include "run/quota.h"

#include <stdlib.h>

enum { GROWTH_STEPS = 20, BURST_SHARE = 20 };

bool quota_init(struct quota_window *quota, uint32_t count, uint32_t window_ms, struct error *error)
{
    *quota =
        (struct quota_window){.count = count, .limit = count, .least = count, .window_us = (int64_t)window_ms * 1000};
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

static void forget_oldest(struct quota_window *quota)
{
    quota->ended_head = (quota->ended_head + 1) % quota->count;
    quota->ended_count--;
}

static void forget_old(struct quota_window *quota, int64_t now_us)
{
    while (quota->ended_count > 0 && quota->ended[quota->ended_head] + quota->window_us <= now_us)
        forget_oldest(quota);
}

static void add_ended(struct quota_window *quota, int64_t ended_us)
{
    /* Full only when an earlier run had a larger quota: the newest ones decide. */
    if (quota->ended_count == quota->count)
        forget_oldest(quota);
    quota->ended[(quota->ended_head + quota->ended_count) % quota->count] = ended_us;
    quota->ended_count++;
}

static void grow_back(struct quota_window *quota, int64_t now_us)
{
    const uint32_t step = quota->count / GROWTH_STEPS + 1;

    while (quota->limit < quota->count && now_us >= quota->grow_at_us) {
        quota->limit = quota->limit + step < quota->count ? quota->limit + step : quota->count;
        quota->grow_at_us += quota->window_us;
    }
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
    grow_back(quota, now_us);
    return quota->taken + quota->ended_count < quota->limit;
}

int64_t quota_next_us(struct quota_window *quota, int64_t now_us)
{
    if (quota_available(quota, now_us))
        return now_us;
    if (quota->taken >= quota->limit)
        return INT64_MAX;
    /* So many of the oldest must go before one more fits; with a shrunk limit that may be several. */
    const uint32_t excess = quota->taken + quota->ended_count - quota->limit;
    const uint32_t last = (quota->ended_head + excess) % quota->count;
    const int64_t freed_us = quota->ended[last] + quota->window_us;
    return quota->limit < quota->count && quota->grow_at_us < freed_us ? quota->grow_at_us : freed_us;
}

int64_t quota_nth_us(struct quota_window *quota, uint64_t n, int64_t now_us)
{
    if (quota->count == 0)
        return now_us;
    quota_available(quota, now_us); /* forgets what is over */
    const uint64_t used = (uint64_t)quota->taken + quota->ended_count;
    const uint64_t free_slots = used < quota->limit ? quota->limit - used : 0;
    if (n <= free_slots)
        return now_us;
    /* From here on every slot comes round once a window: first those that ended, oldest first, then the others, which
     * end now at the earliest. With a shrunk limit the oldest give none. */
    const uint64_t excess = used > quota->limit ? used - quota->limit : 0;
    const uint64_t place = n - free_slots - 1;
    const uint64_t oldest = excess + place % quota->limit;
    const int64_t ended_us =
        oldest < quota->ended_count ? quota->ended[(quota->ended_head + oldest) % quota->count] : now_us;
    return ended_us + (int64_t)(place / quota->limit + 1) * quota->window_us;
}

uint32_t quota_used_permille(struct quota_window *quota, int64_t now_us)
{
    if (quota->count == 0)
        return 0;
    quota_available(quota, now_us); /* forgets what is over */
    const uint64_t used = ((uint64_t)quota->taken + quota->ended_count) * 1000 / quota->limit;
    return used < 1000 ? (uint32_t)used : 1000;
}

void quota_take(struct quota_window *quota)
{
    quota->taken++;
}

void quota_end(struct quota_window *quota, bool accepted, int64_t now_us)
{
    quota->taken--;
    quota->accepted += accepted;
    if (quota->count > 0)
        add_ended(quota, now_us);
}

void quota_give_back(struct quota_window *quota)
{
    quota->taken--;
}

/* When a refusal counts as made. */
static int64_t refusal_us(const struct quota_window *quota, int64_t now_us, int64_t resume_us)
{
    return resume_us - quota->window_us > now_us ? resume_us - quota->window_us : now_us;
}

void quota_recall(struct quota_window *quota, uint32_t limit, int64_t refused_us, int64_t resume_us, int64_t now_us)
{
    if (limit == 0 || limit >= quota->count)
        return;
    quota->limit = limit;
    quota->grow_at_us = refusal_us(quota, refused_us, resume_us) + quota->window_us;
    grow_back(quota, now_us);
    quota->least = quota->limit;
}

bool quota_shrink(struct quota_window *quota, int64_t now_us, int64_t resume_us)
{
    const int64_t span_us = now_us - quota->refused_us;
    /* Answers to what was on its way together are one refusal: between them nothing could be accepted. */
    if (quota->refused_us != 0 && span_us < quota->window_us / BURST_SHARE)
        return false;
    const bool again = quota->refused_us != 0 && span_us <= 2 * quota->window_us;
    /* What was accepted since the last refusal, over the time that it took. */
    const double seen = (double)quota->accepted * (double)quota->window_us / (double)(span_us > 0 ? span_us : 1);

    quota->refused_us = refusal_us(quota, now_us, resume_us);
    quota->accepted = 0;
    quota->grow_at_us = quota->refused_us + quota->window_us;
    if (quota->count == 0 || !again || seen >= (double)quota->limit)
        return false;
    quota->limit = seen < 1 ? 1 : (uint32_t)seen;
    if (quota->limit < quota->least)
        quota->least = quota->limit;
    return true;
}
