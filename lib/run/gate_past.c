#include "run/gate_past.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* --- what was used: the attempts of the last window --- */

/* The audit trail is in the order of recording: what one resource answered may stand before an older answer of another
 * by as much as their threads were held up. */
enum { DISORDER_MS = 10 * 1000 };

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

static bool recall_attempts(const struct run_input *input, const struct spec_resource *resource, int64_t place,
                            struct gate_lane lanes[ACTION_COUNT], struct error *error)
{
    struct attempts attempts = {
        .spec = input->spec, .resource = resource, .place = place, .now_ms = clock_wall_ms(input->clock)};
    const int64_t now_us = clock_monotonic_us(input->clock);
    int64_t longest_ms = 0;
    bool ok = true;

    for (int action = 0; action < ACTION_COUNT; action++) {
        const struct quota *quota = &resource->quotas[action];
        attempts.age_ms[action] = calloc((size_t)quota->count + 1, sizeof(int64_t));
        if (ok && attempts.age_ms[action] == NULL)
            ok = error_no_memory(error);
        if (quota->count > 0 && quota->window_ms > longest_ms)
            longest_ms = quota->window_ms;
    }
    ok = ok && (longest_ms == 0 || ledger_each_attempt_since(input->ledger, attempts.now_ms - longest_ms - DISORDER_MS,
                                                             note_attempt, &attempts, error));
    for (int action = 0; action < ACTION_COUNT; action++) {
        for (uint32_t i = attempts.count[action]; ok && i > 0; i--)
            quota_remember(&lanes[action].quota, now_us - attempts.age_ms[action][i - 1] * 1000);
        free(attempts.age_ms[action]);
    }
    return ok;
}

/* --- what was told: the last throttle of each kind, a named value of three numbers --- */

enum { AT_MS, PAUSE_MS, LIMIT, NUMBERS, TEXT_SIZE = 96 };

static void name_throttle(int64_t place, enum action action, char name[TEXT_SIZE])
{
    snprintf(name, TEXT_SIZE, "throttle %" PRId64 " %s", place, action_name(action));
}

bool gate_past_keep(struct ledger *ledger, int64_t place, enum action action, const struct gate_throttle *throttle,
                    int64_t at_ms, struct error *error)
{
    char name[TEXT_SIZE];
    char value[TEXT_SIZE];

    name_throttle(place, action, name);
    snprintf(value, sizeof value, "%" PRId64 " %" PRId64 " %" PRIu32, at_ms, throttle->pause_ms, throttle->limit);
    return ledger_set(ledger, name, value, error);
}

/* False for anything but such a value. */
static bool read_numbers(const char *text, int64_t numbers[NUMBERS])
{
    for (int i = 0; i < NUMBERS; i++) {
        char *end;
        errno = 0;
        numbers[i] = strtoll(text, &end, 10);
        if (end == text || errno != 0 || numbers[i] < 0 || *end != (i + 1 < NUMBERS ? ' ' : '\0'))
            return false;
        text = end + 1;
    }
    return numbers[PAUSE_MS] <= ACS_DELAY_MAX_MS && numbers[LIMIT] <= UINT32_MAX;
}

static bool recall_throttle(const struct run_input *input, int64_t place, enum action action, struct gate_lane *lane,
                            struct error *error)
{
    const int64_t now_us = clock_monotonic_us(input->clock);
    int64_t numbers[NUMBERS];
    char name[TEXT_SIZE];
    char value[TEXT_SIZE];

    name_throttle(place, action, name);
    if (!ledger_get(input->ledger, name, value, sizeof value, error))
        return false;
    if (!read_numbers(value, numbers))
        return true;
    /* A clock that was set back must not make a pause longer. */
    const int64_t age_ms = clock_wall_ms(input->clock) - numbers[AT_MS];
    const int64_t at_us = age_ms > 0 ? now_us - age_ms * 1000 : now_us;
    lane->paused_until_us = at_us + numbers[PAUSE_MS] * 1000;
    quota_recall(&lane->quota, (uint32_t)numbers[LIMIT], at_us, lane->paused_until_us, now_us);
    return true;
}

/* --- both --- */

bool gate_past_open(const struct run_input *input, const struct spec_resource *resource, int64_t place,
                    struct gate_lane lanes[ACTION_COUNT], struct error *error)
{
    bool ok = true;

    for (int action = 0; action < ACTION_COUNT; action++) {
        const struct quota *quota = &resource->quotas[action];
        lanes[action] = (struct gate_lane){0}; /* for clearing them all, whichever of them fails */
        ok = ok && quota_init(&lanes[action].quota, quota->count, quota->window_ms, error);
    }
    ok = ok && recall_attempts(input, resource, place, lanes, error);
    for (int action = 0; action < ACTION_COUNT; action++)
        ok = ok && recall_throttle(input, place, (enum action)action, &lanes[action], error);
    for (int action = 0; !ok && action < ACTION_COUNT; action++)
        quota_clear(&lanes[action].quota);
    return ok;
}
