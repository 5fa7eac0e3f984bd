/* The safety limits (design, invariant 8): checked on the whole plan, before the first request. */
#include "run/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The most that a limit allows of `base`; UINT64_MAX without one. */
static uint64_t most(const struct limit *limit, uint64_t base)
{
    uint64_t allowed = UINT64_MAX;

    if (limit->has_count)
        allowed = limit->count;
    if (limit->has_percent) {
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

static bool check_count(const char *name, const struct limit *limit, uint64_t planned, uint64_t active, bool allowed,
                        uint64_t allow, struct error *error)
{
    const uint64_t maximum = allowed ? allow : most(limit, active);
    char text[64];

    if (planned <= maximum)
        return true;
    if (allowed) {
        error_set(error, ERROR_LIMIT,
                  "the plan would %s %" PRIu64 " of %" PRIu64 " identities; --allow %s=%" PRIu64
                  " lets it %s that many at the most",
                  name, planned, active, name, allow, name);
        return error_hint(error, "look at `rollcall plan`; if it is right, --allow %s=%" PRIu64, name, planned);
    }
    describe(limit, text, sizeof text);
    error_set(error, ERROR_LIMIT,
              "the plan would %s %" PRIu64 " of %" PRIu64 " identities; limits.%s (%s) allows %" PRIu64, name, planned,
              active, name, text, maximum);
    return error_hint(error, "look at `rollcall plan`; if it is right, run once with --allow %s=%" PRIu64, name,
                      planned);
}

static bool check_shrink(const struct plan *plan, uint64_t last_rows, const struct plan_allow *allow,
                         struct error *error)
{
    const uint64_t rows = plan->roster.selected;
    const uint64_t lost = last_rows > rows ? last_rows - rows : 0;
    const uint64_t maximum = allow->has_shrink ? allow->shrink : most(&plan->spec->limits.shrink, last_rows);
    char text[64];

    if (rows == 0 && plan->active > 0) {
        error_set(error, ERROR_LIMIT, "the roster selects no user, and the ledger has %" PRIu64 " identities",
                  plan->active);
        return error_hint(error, "an empty export is more likely than an empty company: look at the roster");
    }
    if (lost <= maximum)
        return true;
    describe(&plan->spec->limits.shrink, text, sizeof text);
    error_set(error, ERROR_LIMIT,
              "the roster has %" PRIu64 " users, %" PRIu64 " less than the %" PRIu64
              " of the last good run; limits.shrink (%s) allows %" PRIu64 " less",
              rows, lost, last_rows, text, maximum);
    return error_hint(error, "was the export cut short? If it is right, run once with --allow shrink=%" PRIu64, lost);
}

static bool touches(const struct spec *spec, enum plan_reason reason)
{
    const struct action_list actions = plan_actions(spec, reason);

    return action_list_has(&actions, ACTION_REVOKE) || action_list_has(&actions, ACTION_DELETE);
}

static bool refuse_protected(const char *key, enum plan_reason reason, struct error *error)
{
    error_set(error, ERROR_LIMIT, "the plan would %s \"%s\", which limits.protect names (%s)",
              plan_category(reason) == CATEGORY_REMOVED ? "cut off"
              : plan_category(reason) == CATEGORY_MOVED ? "delete the identity of"
                                                        : "revoke the tokens of",
              key, plan_reason_text(reason));
    return error_hint(error, plan_category(reason) == CATEGORY_REMOVED
                                 ? "put the user back into the roster, or take it out of limits.protect"
                                 : "take the user out of limits.protect for this change, or undo it in the roster");
}

static bool check_protected(const struct plan *plan, struct ledger *ledger, struct error *error)
{
    const struct text_list *protect = &plan->spec->limits.protect;
    struct identity identity;

    for (size_t i = 0; i < plan->protected_count; i++) {
        const struct plan_row *row = &plan->rows[plan->protected[i].index];
        if (row->acts && touches(plan->spec, (enum plan_reason)row->reason))
            return refuse_protected(plan->protected[i].key, (enum plan_reason)row->reason, error);
    }
    for (size_t i = 0; i < protect->count && plan->removed_count > 0; i++) {
        if (!ledger_find(ledger, protect->items[i], strlen(protect->items[i]), &identity, error)) {
            if (error->code != ERROR_NONE)
                return false;
            continue;
        }
        for (size_t k = 0; k < plan->removed_count; k++)
            if (plan->removed[k].acts && plan->removed[k].row == identity.row)
                return refuse_protected(protect->items[i], plan->removed[k].reason, error);
    }
    return true;
}

bool plan_check_limits(const struct plan *plan, struct ledger *ledger, uint64_t last_rows,
                       const struct plan_allow *allow, struct error *error)
{
    const struct spec *spec = plan->spec;

    /* --only names users one by one: their roster is not the company. */
    if (plan->options.only == NULL && !check_shrink(plan, last_rows, allow, error))
        return false;
    if (!check_count("delete", &spec->limits.erase, plan->whole[ACTION_DELETE], plan->active, allow->has_erase,
                     allow->erase, error) ||
        !check_count("revoke", &spec->limits.revoke, plan->whole[ACTION_REVOKE], plan->active, allow->has_revoke,
                     allow->revoke, error))
        return false;
    return check_protected(plan, ledger, error);
}
