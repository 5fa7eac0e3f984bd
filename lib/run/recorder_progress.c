/* How far a run is, and what it waits for. */
#include "run/engine.h"

/* What all sites together wait for; with one that goes on there is nothing to be said. */
static enum waiting waiting_for(const struct engine *engine, int64_t *until_us)
{
    enum waiting found = WAITING_NOT;

    *until_us = 0;
    for (size_t i = 0; i < engine->spec->resource_count; i++) {
        struct site *site = &engine->sites[i];
        const enum waiting waiting = (enum waiting)atomic_load(&site->waiting);
        const int64_t site_until_us = atomic_load(&site->waiting_until_us);
        if (site->executor == NULL || waiting == WAITING_IDLE)
            continue;
        if (waiting == WAITING_NOT)
            return WAITING_NOT;
        if (found == WAITING_NOT || site_until_us < *until_us) {
            found = waiting;
            *until_us = site_until_us;
        }
    }
    return found;
}

/* The sums, and what the slowest and the busiest of them say. */
static void sum_up(const struct engine *engine, struct progress *progress, int64_t now_us)
{
    for (size_t i = 0; i < engine->spec->resource_count; i++) {
        struct site *site = &engine->sites[i];
        if (site->executor == NULL)
            continue;
        const int64_t left_ms = (atomic_load(&site->quota_until_us) - now_us) / 1000;
        const uint32_t used_percent = (atomic_load(&site->quota_used_permille) + 5) / 10;
        progress->throttled += atomic_load(&site->throttled);
        progress->retried += atomic_load(&site->retried);
        progress->quota_left_ms = left_ms > progress->quota_left_ms ? left_ms : progress->quota_left_ms;
        progress->quota_used_percent =
            used_percent > progress->quota_used_percent ? used_percent : progress->quota_used_percent;
    }
}

void recorder_tell_progress(const struct recorder *recorder)
{
    static const char *const reasons[] = {
        [WAITING_NOT] = NULL,
        [WAITING_IDLE] = NULL,
        [WAITING_QUOTA] = "waiting for the quota",
        [WAITING_THROTTLED] = "the service asked to wait",
        [WAITING_SERVICE] = "the service fails; trying again",
        [WAITING_SIGN_IN] = "signing in",
        [WAITING_TO_STOP] = "stopping: Ctrl-C again quits at once",
    };
    const struct engine *engine = recorder->engine;
    const int64_t now_us = clock_monotonic_us(engine->clock);
    int64_t until_us;
    const enum waiting waiting = waiting_for(engine, &until_us);
    struct progress progress = {
        .elapsed_ms = (now_us - recorder->started_us) / 1000,
        .waiting_ms = until_us > now_us ? (until_us - now_us) / 1000 : 0,
        .users = recorder->users,
        .done = recorder->done_users,
        .failed = recorder->failed,
        .in_doubt = recorder->in_doubt,
        .waiting_for = reasons[waiting],
        .stopping = waiting == WAITING_TO_STOP,
    };

    sum_up(engine, &progress, now_us);
    reporter_progress(recorder->reporter, &progress);
}
