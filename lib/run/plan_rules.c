/* What the rules make of a reason: pure functions of spec and reason. */
#include "run/plan.h"

#include <string.h>

static const struct {
    enum category category;
    const char *text;
} reasons[] = {
    [REASON_OUTSIDE] = {CATEGORY_UNCHANGED, "left out by roster.where"},
    [REASON_NEW] = {CATEGORY_ADDED, "has no identity yet"},
    [REASON_DELETED] = {CATEGORY_ADDED, "its identity was deleted"},
    [REASON_WATCH] = {CATEGORY_CHANGED, "a watched column differs from the value last applied"},
    [REASON_ENDING] = {CATEGORY_EXPIRING, "its token ends soon"},
    [REASON_NO_TOKEN] = {CATEGORY_EXPIRING, "it has no token"},
    [REASON_RETURNED] = {CATEGORY_EXPIRING, "it was gone and is back; its tokens were revoked"},
    [REASON_REISSUE] = {CATEGORY_EXPIRING, "its token is to be replaced"},
    [REASON_SAME] = {CATEGORY_UNCHANGED, "nothing to do"},
    [REASON_GONE] = {CATEGORY_REMOVED, "it is not in the roster any more"},
    [REASON_MEANWHILE] = {CATEGORY_REMOVED, "it is not in the roster any more; its grace period runs"},
    [REASON_GRACE] = {CATEGORY_REMOVED, "it is not in the roster any more; its grace period is not over"},
    [REASON_GRACE_OVER] = {CATEGORY_REMOVED, "it is not in the roster any more, and its grace period is over"},
    [REASON_LOST] = {CATEGORY_LOST, "the service does not know its identity any more"},
    [REASON_MOVED] = {CATEGORY_MOVED, "it belongs to another resource than the one where its identity is"},
    [REASON_UNRESOLVED] = {CATEGORY_UNCHANGED, "not compared yet"},
};

enum category plan_category(enum plan_reason reason)
{
    return reasons[reason].category;
}

const char *plan_reason_text(enum plan_reason reason)
{
    return reasons[reason].text;
}

struct action_list plan_actions(const struct spec *spec, enum plan_reason reason)
{
    static const struct action_list keep = {.count = 0};
    static const struct action_list issue = {.items = {ACTION_ISSUE}, .count = 1};
    static const struct action_list exchange = {.items = {ACTION_EXCHANGE}, .count = 1};

    switch (reason) {
    case REASON_NEW:
    case REASON_DELETED: return spec->rules.added;
    case REASON_WATCH: return spec->rules.changed;
    case REASON_ENDING: return spec->rules.expiring.actions;
    /* A token that was to be delivered and was not is owed whatever the rules say; so is one to a user who is back. */
    case REASON_NO_TOKEN:
    case REASON_RETURNED:
    case REASON_REISSUE:
        if (spec_exchanges(spec))
            return exchange;
        return action_list_has(&spec->rules.expiring.actions, ACTION_ISSUE) ? spec->rules.expiring.actions : issue;
    case REASON_GONE:
    case REASON_GRACE_OVER: return spec->rules.removed.actions;
    case REASON_MEANWHILE: return spec->rules.removed.meanwhile;
    case REASON_LOST: return spec->rules.lost;
    case REASON_MOVED: return spec->rules.moved;
    case REASON_OUTSIDE:
    case REASON_SAME:
    case REASON_GRACE:
    case REASON_UNRESOLVED: break;
    }
    return keep;
}

/* The last of n requests may leave when (ceil(n / count) - 1) windows have passed. */
static int64_t least_ms(uint64_t requests, const struct quota *quota)
{
    if (quota->count == 0 || requests == 0)
        return 0;
    return (int64_t)((requests - 1) / quota->count) * quota->window_ms;
}

static int64_t part_least_ms(const struct spec *spec, const struct spec_resource *resource,
                             const struct plan_part *part)
{
    uint64_t requests[ACTION_COUNT];
    int64_t longest = 0;

    memcpy(requests, part->requests, sizeof requests);
    if (spec->engine.create_counts_as_issue && spec->token.scopes.count > 0)
        requests[ACTION_ISSUE] += requests[ACTION_PROVISION];
    for (int action = 0; action < ACTION_COUNT; action++) {
        const int64_t needed = least_ms(requests[action], &resource->quotas[action]);
        if (needed > longest)
            longest = needed;
    }
    return longest;
}

/* All resources work side by side. */
int64_t plan_least_ms(const struct plan *plan)
{
    int64_t longest = 0;

    for (size_t i = 0; i < plan->spec->resource_count; i++) {
        const int64_t needed = part_least_ms(plan->spec, &plan->spec->resources[i], &plan->parts[i]);
        if (needed > longest)
            longest = needed;
    }
    return longest;
}

uint8_t plan_step_at(const struct action_list *actions, size_t step, struct plan_place place)
{
    for (size_t i = 0; i <= step; i++)
        if (actions->items[i] == ACTION_PROVISION || actions->items[i] == ACTION_EXCHANGE)
            return place.belongs;
    return place.at;
}
