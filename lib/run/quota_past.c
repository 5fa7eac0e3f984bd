/* What the last window has seen. */
#include "run/quota_past.h"

#include <stdlib.h>

/* Attempts come newest first, and the windows want them oldest first: they are kept in one array a kind, as many as its
 * quota can still count. */
struct attempts {
    const struct spec *spec;
    const struct spec_resource *resource;
    int64_t place; /* of the resource, in the ledger */
    int64_t now_ms;
    int64_t *age_ms[ACTION_COUNT];
    uint32_t count[ACTION_COUNT];
};

static void keep_attempt(struct attempts *attempts, enum action action, int64_t age_ms)
{
    const struct quota *quota = &attempts->resource->quotas[action];

    if (age_ms < (int64_t)quota->window_ms && attempts->count[action] < quota->count)
        attempts->age_ms[action][attempts->count[action]++] = age_ms;
}

static bool note_attempt(void *context, const struct audit_record *record, struct error *error)
{
    struct attempts *attempts = context;
    /* Both moments are cut to milliseconds: it may be one younger than it looks. A clock that was set back must not
     * make a slot wait for longer than its window. */
    const int64_t age_ms = record->at_ms < attempts->now_ms ? attempts->now_ms - record->at_ms - 1 : 0;
    enum action action;

    (void)error;
    if (record->resource != attempts->place || !action_parse(record->action, &action) || record->request_id[0] == '\0')
        return true;
    keep_attempt(attempts, action, age_ms);
    if (action == ACTION_PROVISION && attempts->spec->engine.create_counts_as_issue &&
        attempts->spec->token.scopes.count > 0)
        keep_attempt(attempts, ACTION_ISSUE, age_ms);
    return true;
}

bool quota_open_windows(const struct run_input *input, const struct spec_resource *resource, int64_t place,
                        struct quota_window quotas[ACTION_COUNT], struct error *error)
{
    struct attempts attempts = {
        .spec = input->spec, .resource = resource, .place = place, .now_ms = clock_wall_ms(input->clock)};
    const int64_t now_us = clock_monotonic_us(input->clock);
    int64_t longest_ms = 0;
    bool ok = true;

    for (int action = 0; action < ACTION_COUNT; action++) {
        const struct quota *quota = &resource->quotas[action];
        quotas[action] = (struct quota_window){0}; /* for clearing them all, whichever of them fails */
        ok = ok && quota_init(&quotas[action], quota->count, quota->window_ms, error);
        attempts.age_ms[action] = calloc((size_t)quota->count + 1, sizeof(int64_t));
        if (ok && attempts.age_ms[action] == NULL)
            ok = error_no_memory(error);
        if (quota->count > 0 && quota->window_ms > longest_ms)
            longest_ms = quota->window_ms;
    }
    ok = ok && (longest_ms == 0 ||
                ledger_each_attempt_since(input->ledger, attempts.now_ms - longest_ms, note_attempt, &attempts, error));
    for (int action = 0; action < ACTION_COUNT; action++) {
        for (uint32_t i = attempts.count[action]; ok && i > 0; i--)
            quota_remember(&quotas[action], now_us - attempts.age_ms[action][i - 1] * 1000);
        free(attempts.age_ms[action]);
        if (!ok)
            quota_clear(&quotas[action]);
    }
    return ok;
}
