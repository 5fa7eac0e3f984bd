/* What the rules make of a reason: pure functions of spec and reason. */
#include "run/plan.h"

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
    [REASON_REISSUE] = {CATEGORY_EXPIRING, "every token is issued again"},
    [REASON_SAME] = {CATEGORY_UNCHANGED, "nothing to do"},
    [REASON_GONE] = {CATEGORY_REMOVED, "it is not in the roster any more"},
    [REASON_MEANWHILE] = {CATEGORY_REMOVED, "it is not in the roster any more; its grace period runs"},
    [REASON_GRACE] = {CATEGORY_REMOVED, "it is not in the roster any more; its grace period is not over"},
    [REASON_GRACE_OVER] = {CATEGORY_REMOVED, "it is not in the roster any more, and its grace period is over"},
    [REASON_LOST] = {CATEGORY_LOST, "the service does not know its identity any more"},
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
    static const struct action_list keep;
    static const struct action_list issue = {.items = {ACTION_ISSUE}, .count = 1};

    switch (reason) {
    case REASON_NEW:
    case REASON_DELETED: return spec->rules.added;
    case REASON_WATCH: return spec->rules.changed;
    case REASON_ENDING: return spec->rules.expiring.actions;
    /* A token that was to be delivered and was not is owed whatever the rules say; so is one to a user who is back. */
    case REASON_NO_TOKEN:
    case REASON_RETURNED:
    case REASON_REISSUE:
        return action_list_has(&spec->rules.expiring.actions, ACTION_ISSUE) ? spec->rules.expiring.actions : issue;
    case REASON_GONE:
    case REASON_GRACE_OVER: return spec->rules.removed.actions;
    case REASON_MEANWHILE: return spec->rules.removed.meanwhile;
    case REASON_LOST: return spec->rules.lost;
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

int64_t plan_least_ms(const struct plan *plan)
{
    const struct spec *spec = plan->spec;
    uint64_t requests[ACTION_COUNT];
    int64_t longest = 0;

    for (int action = 0; action < ACTION_COUNT; action++)
        requests[action] = plan->requests[action];
    if (spec->engine.create_counts_as_issue && spec->token.scopes.count > 0)
        requests[ACTION_ISSUE] += requests[ACTION_PROVISION];
    for (int action = 0; action < ACTION_COUNT; action++) {
        const int64_t needed = least_ms(requests[action], &spec->resources[0].quotas[action]);
        if (needed > longest)
            longest = needed;
    }
    return longest;
}
