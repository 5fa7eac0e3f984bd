/* The safety limits (design, invariant 8): checked on the whole plan, before the first request. */
#include "run/plan.h"

#include "core/clock.h"
#include "core/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The most that a limit allows of `base`; UINT64_MAX without one. */
static uint64_t most(const struct limit *limit, uint64_t base)
{
    uint64_t allowed = UINT64_MAX;

    if (limit->has_count)
        allowed = limit->count;
    /* 100% is said by those who want no limit; leavers who are cut off count, though not for the base. */
    if (limit->has_percent && limit->percent < 100) {
        const uint64_t share = (uint64_t)((double)base * limit->percent / 100.0 + 1e-9);
        if (share < allowed)
            allowed = share;
    }
    return allowed;
}

static void describe(const struct limit *limit, char *text, size_t size)
{
    if (limit->has_count && limit->has_percent)
        snprintf(text, size, "[%g%%, %" PRIu64 "]", limit->percent, limit->count);
    else if (limit->has_percent)
        snprintf(text, size, "%g%%", limit->percent);
    else
        snprintf(text, size, "%" PRIu64, limit->count);
}

/* What a run may not do more than so often, unless --allow says how often. */
struct bound {
    const char *name;
    const struct limit *limit;
    uint64_t base; /* of a share */
    uint64_t planned;
    bool allowed;
    uint64_t allow;
};

enum { SHRINK, DELETE, REVOKE, BOUNDS };

static void find_bounds(const struct plan *plan, uint64_t last_users, const struct plan_allow *allow,
                        struct bound bounds[BOUNDS])
{
    const struct spec *spec = plan->spec;
    const uint64_t users = plan->roster_users;
    /* --only names users one by one: their roster is not the company. */
    const uint64_t lost = plan->options.only == NULL && last_users > users ? last_users - users : 0;
    bounds[SHRINK] = (struct bound){"shrink", &spec->limits.shrink, last_users, lost, allow->has_shrink, allow->shrink};
    /* Deletes of leavers who are cut off already count like others, though not for the base: those of one day are a
     * share of the company whenever they are due. */
    bounds[DELETE] = (struct bound){"delete",         &spec->limits.erase, plan->in_use, plan->whole[ACTION_DELETE],
                                    allow->has_erase, allow->erase};
    bounds[REVOKE] = (struct bound){"revoke",          &spec->limits.revoke, plan->in_use, plan->whole[ACTION_REVOKE],
                                    allow->has_revoke, allow->revoke};
}

static uint64_t maximum_of(const struct bound *bound)
{
    return bound->allowed ? bound->allow : most(bound->limit, bound->base);
}

/* All that the plan needs: whoever does what one refusal says must not meet the next one. */
static bool hint_at_options(const struct bound bounds[BOUNDS], const char *question, struct error *error)
{
    char options[128] = "";

    for (size_t i = 0; i < BOUNDS; i++) {
        const size_t used = strlen(options);
        if (bounds[i].planned > most(bounds[i].limit, bounds[i].base) || bounds[i].planned > maximum_of(&bounds[i]))
            snprintf(options + used, sizeof options - used, " --allow %s=%" PRIu64, bounds[i].name, bounds[i].planned);
    }
    return error_hint(error, "%s it is right, run once with%s", question, options);
}

static bool check_count(const struct bound bounds[BOUNDS], const struct bound *bound, const struct plan *plan,
                        struct error *error)
{
    char text[64];
    char in_use[48] = "";

    if (bound->planned <= maximum_of(bound))
        return true;
    describe(bound->limit, text, sizeof text);
    if (plan->in_use != plan->active)
        snprintf(in_use, sizeof in_use, " (%" PRIu64 " in use)", plan->in_use);
    if (bound->allowed)
        error_set(error, ERROR_LIMIT,
                  "the plan would %s %" PRIu64 " of %" PRIu64 " identities%s; --allow %s=%" PRIu64
                  " lets it %s that many at the most",
                  bound->name, bound->planned, plan->active, in_use, bound->name, bound->allow, bound->name);
    else
        error_set(error, ERROR_LIMIT,
                  "the plan would %s %" PRIu64 " of %" PRIu64 " identities%s; limits.%s (%s) allows %" PRIu64,
                  bound->name, bound->planned, plan->active, in_use, bound->name, text, maximum_of(bound));
    return hint_at_options(bounds, "look at `rollcall plan`; if", error);
}

static bool check_shrink(const struct bound bounds[BOUNDS], const struct plan *plan, struct error *error)
{
    const struct bound *bound = &bounds[SHRINK];
    char text[64];

    if (plan->options.only == NULL && (plan->roster.selected == 0 || plan->roster_users == 0) && plan->active > 0) {
        error_set(error, ERROR_LIMIT, "the roster selects no user, and the ledger has %" PRIu64 " %s", plan->active,
                  text_noun(plan->active, "identity", "identities"));
        return error_hint(error, "an empty export is more likely than an empty company: look at the roster");
    }
    if (bound->planned <= maximum_of(bound))
        return true;
    describe(bound->limit, text, sizeof text);
    error_set(error, ERROR_LIMIT,
              "the roster has %" PRIu64 " %s, %" PRIu64 " less than the %" PRIu64
              " of the last good run; limits.shrink (%s) allows %" PRIu64 " less",
              plan->roster_users, text_noun(plan->roster_users, "user", "users"), bound->planned, bound->base, text,
              maximum_of(bound));
    return hint_at_options(bounds, "was the export cut short? If", error);
}

static bool touches(const struct spec *spec, enum plan_reason reason)
{
    const struct action_list actions = plan_actions(spec, reason);

    return action_list_has(&actions, ACTION_REVOKE) || action_list_has(&actions, ACTION_DELETE);
}

static bool refuse_protected(struct ledger *ledger, int64_t row, enum plan_reason reason, struct error *error)
{
    struct identity identity;

    if (!ledger_find_row(ledger, row, &identity, error))
        return error->code == ERROR_NONE ? error_set(error, ERROR_SYSTEM, "a user vanished from the ledger") : false;
    error_set(error, ERROR_LIMIT, "the plan would %s \"%s\", which limits.protect names (%s)",
              plan_category(reason) == CATEGORY_REMOVED ? "cut off"
              : plan_category(reason) == CATEGORY_MOVED ? "delete the identity of"
                                                        : "revoke the tokens of",
              identity.key, plan_reason_text(reason));
    return error_hint(error, plan_category(reason) == CATEGORY_REMOVED
                                 ? "put the user back into the roster, or take it out of limits.protect"
                                 : "take the user out of limits.protect for this change, or undo it in the roster");
}

static bool check_protected(const struct plan *plan, struct ledger *ledger, struct error *error)
{
    for (size_t i = 0; i < plan->protected_count; i++) {
        const struct plan_row *row = &plan->rows[plan->protected[i].index];
        if (row->acts && touches(plan->spec, (enum plan_reason)row->reason))
            return refuse_protected(ledger, plan->protected[i].row, (enum plan_reason)row->reason, error);
    }
    for (size_t i = 0; i < plan->removed_count; i++)
        if (plan->removed[i].acts && plan->removed[i].is_protected)
            return refuse_protected(ledger, plan->removed[i].row, plan->removed[i].reason, error);
    return true;
}

/* A clock that lost its time would have a grace period begin long ago, and the next run delete at once. */
static bool check_clock(const struct plan *plan, struct ledger *ledger, const struct plan_allow *allow,
                        struct error *error)
{
    const int64_t now_s = plan->options.now_s;
    char now[TIME_TEXT_SIZE];
    char then[TIME_TEXT_SIZE];
    int64_t last_ms = 0;

    if (ledger != NULL && !ledger_last_answered(ledger, &last_ms, error))
        return false;
    const int64_t behind_s = last_ms / 1000 - now_s;
    if (behind_s <= PLAN_CLOCK_OFF_MAX_S || (allow->has_clock && (uint64_t)behind_s / 60 <= allow->clock_min))
        return true;
    time_format_rfc3339(now_s, now);
    time_format_rfc3339(last_ms / 1000, then);
    error_set(error, ERROR_LIMIT, "by this machine's clock it is %s, before the end of the last good run, %s", now,
              then);
    return error_hint(error,
                      "set the clock; if it is right now and was wrong then, run once with --allow clock=%" PRId64,
                      behind_s / 60);
}

bool plan_check_limits(const struct plan *plan, struct ledger *ledger, uint64_t last_users,
                       const struct plan_allow *allow, struct error *error)
{
    struct bound bounds[BOUNDS];

    find_bounds(plan, last_users, allow, bounds);
    return check_clock(plan, ledger, allow, error) && check_shrink(bounds, plan, error) &&
           check_count(bounds, &bounds[DELETE], plan, error) && check_count(bounds, &bounds[REVOKE], plan, error) &&
           check_protected(plan, ledger, error);
}
