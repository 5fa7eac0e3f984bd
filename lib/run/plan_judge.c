/* Judging: from what the two sides know of a user to the reason for what is done about it. */
#include "run/planner.h"

#include <stdlib.h>

enum plan_reason planner_judge_present(const struct planner *planner,
                                       const struct join_entry *const entries[JOIN_SIDES])
{
    const struct join_entry *here = entries[JOIN_ROSTER];
    const struct join_entry *ledger = entries[JOIN_LEDGER];
    const struct join_entry *before = entries[JOIN_PREVIOUS];

    if (ledger == NULL)
        return REASON_NEW;
    const uint64_t known = ledger->extra;
    const enum identity_state state = (enum identity_state)(known & KNOWN_STATE);
    if (state == IDENTITY_DELETED)
        return REASON_DELETED;
    if (state == IDENTITY_LOST)
        return REASON_LOST;
    /* Without a rule the user stays where its identity is, and is treated there. */
    const bool moved = planner_known_place(known) != plan_place_of(planner->plan, here->ref).belongs;
    if (moved && planner->spec->rules.moved.count > 0)
        return REASON_MOVED;
    /* What one resource exchanged is no good at another. */
    if (moved && spec_exchanges(planner->spec))
        return REASON_NO_TOKEN;

    /* The value last applied decides, so that a change whose run failed is still one; an older roster adds what changed
     * from file to file. */
    const bool is_comparable_now = (known & KNOWN_COMPARABLE) != 0;
    const bool differs_from_applied = ledger->watch != here->watch;
    if (before == NULL && differs_from_applied && !is_comparable_now)
        return REASON_UNRESOLVED;
    const bool differs =
        (before != NULL && before->watch != here->watch) || (is_comparable_now && differs_from_applied);
    const bool has_tokens = spec_has_tokens(planner->spec);
    const struct action_list *changed = &planner->spec->rules.changed;
    /* Who is back needs a token, and the revoke that a change asks for is done. */
    const bool is_revoked_already =
        has_tokens && state == IDENTITY_REVOKED && changed->count == 1 && changed->items[0] == ACTION_REVOKE;
    /* A change that no rule acts on must not keep a token from being renewed. */
    if (differs && changed->count > 0 && !is_revoked_already)
        return REASON_WATCH;
    if ((known & KNOWN_STALE) != 0 && has_tokens)
        return REASON_REISSUE;
    if (state == IDENTITY_REVOKED)
        return has_tokens ? REASON_RETURNED : REASON_SAME;
    if ((known & KNOWN_NO_TOKEN) != 0)
        return REASON_NO_TOKEN;
    if ((known & KNOWN_ENDING) != 0)
        return REASON_ENDING;
    if (differs)
        return REASON_WATCH;
    return moved ? REASON_MOVED : REASON_SAME;
}

/* Where the first request about a user of the roster goes. */
static uint8_t place_now(const struct spec *spec, const struct join_entry *ledger, uint8_t belongs)
{
    if (ledger == NULL || spec_exchanges(spec))
        return belongs;
    const enum identity_state state = (enum identity_state)(ledger->extra & KNOWN_STATE);
    return state == IDENTITY_DELETED || state == IDENTITY_LOST ? belongs : planner_known_place(ledger->extra);
}

/* REASON_SAME: not removed, or nothing is left to do about it. */
static enum plan_reason judge_absent(const struct planner *planner, const struct join_entry *const entries[JOIN_SIDES])
{
    const struct spec *spec = planner->spec;
    const uint64_t known = entries[JOIN_LEDGER]->extra;
    const enum identity_state state = (enum identity_state)(known & KNOWN_STATE);

    if (state == IDENTITY_DELETED || state == IDENTITY_LOST)
        return REASON_SAME;
    if (spec->roster.previous != NULL && entries[JOIN_PREVIOUS] == NULL && (known & KNOWN_MARKED) == 0)
        return REASON_SAME;
    const bool deletes = action_list_has(&spec->rules.removed.actions, ACTION_DELETE);
    const bool over = spec->rules.removed.after_s == 0 || (known & KNOWN_GRACE_OVER) != 0;
    if (over && state == IDENTITY_REVOKED && !deletes)
        return REASON_SAME;
    if (over)
        return spec->rules.removed.after_s == 0 ? REASON_GONE : REASON_GRACE_OVER;
    /* A mark alone does not say that the revoke was done: the run that set it may have been stopped, or it failed. */
    const bool waits = state == IDENTITY_REVOKED || spec->rules.removed.meanwhile.count == 0;
    return (known & KNOWN_MARKED) != 0 && waits ? REASON_GRACE : REASON_MEANWHILE;
}

/* Who was cut off and is gone from the roster makes the company no larger: of these, leavers of years are kept, and a
 * share of all would in the end be everybody who still works here. Who is revoked and in the roster stays. */
static bool is_in_use(const struct join_entry *ledger, bool in_roster)
{
    const enum identity_state state =
        ledger != NULL ? (enum identity_state)(ledger->extra & KNOWN_STATE) : IDENTITY_LOST;

    return state == IDENTITY_ACTIVE || (state == IDENTITY_REVOKED && in_roster);
}

static bool append_removed(struct plan *plan, const struct plan_removed *removed, struct error *error)
{
    const size_t count = plan->removed_count;

    if ((count & (count - 1)) == 0) { /* a power of two: full */
        struct plan_removed *grown = realloc(plan->removed, (count == 0 ? 1 : count * 2) * sizeof *grown);
        if (grown == NULL)
            return error_no_memory(error);
        plan->removed = grown;
    }
    plan->removed[plan->removed_count++] = *removed;
    return true;
}

static bool append_returned(struct plan *plan, int64_t row, struct error *error)
{
    const size_t count = plan->returned_count;

    if ((count & (count - 1)) == 0) {
        int64_t *grown = realloc(plan->returned, (count == 0 ? 1 : count * 2) * sizeof *grown);
        if (grown == NULL)
            return error_no_memory(error);
        plan->returned = grown;
    }
    plan->returned[plan->returned_count++] = row;
    return true;
}

static bool append_protected(struct plan *plan, uint64_t index, int64_t row, struct error *error)
{
    struct plan_protected *grown = realloc(plan->protected, (plan->protected_count + 1) * sizeof *grown);

    if (grown == NULL)
        return error_no_memory(error);
    plan->protected = grown;
    plan->protected[plan->protected_count++] = (struct plan_protected){.index = index, .row = row};
    return true;
}

bool planner_judge(void *context, const struct join_entry *const entries[JOIN_SIDES], struct error *error)
{
    struct planner *planner = context;
    struct plan *plan = planner->plan;
    const struct join_entry *here = entries[JOIN_ROSTER];
    const struct join_entry *ledger = entries[JOIN_LEDGER];
    const struct join_entry *before = entries[JOIN_PREVIOUS];

    plan->roster_users += here != NULL;
    plan->in_use += is_in_use(ledger, here != NULL && plan->rows[here->ref].reason != REASON_OUTSIDE);
    plan->previous_gone += here == NULL && before != NULL;
    plan->previous_changed += here != NULL && before != NULL && here->watch != before->watch;
    if (here != NULL) {
        struct plan_row *row = &plan->rows[here->ref];
        if (row->reason != REASON_OUTSIDE)
            row->reason = planner_judge_present(planner, entries);
        /* Every token from before is dead: the new one stands for the values of today. */
        row->adopts = row->reason == REASON_RETURNED;
        planner->unresolved |= row->reason == REASON_UNRESOLVED;
        if (plan->places != NULL)
            plan->places[here->ref].at = place_now(planner->spec, ledger, plan->places[here->ref].belongs);
        if (ledger != NULL && (ledger->extra & KNOWN_PROTECTED) != 0 &&
            !append_protected(plan, here->ref, (int64_t)ledger->ref, error))
            return false;
        if (ledger != NULL && (ledger->extra & KNOWN_MARKED) != 0)
            return append_returned(plan, (int64_t)ledger->ref, error);
        return true;
    }
    if (ledger == NULL)
        return true;
    const bool asked = (ledger->extra & KNOWN_ASKED) != 0;
    const enum plan_reason reason = judge_absent(planner, entries);
    const struct plan_removed removed = {
        .row = (int64_t)ledger->ref,
        .at = planner_known_place(ledger->extra),
        .reason = reason,
        .acts = asked,
        .is_protected = (ledger->extra & KNOWN_PROTECTED) != 0,
        .marks = asked && reason == REASON_MEANWHILE && (ledger->extra & KNOWN_MARKED) == 0,
    };
    return removed.reason == REASON_SAME || append_removed(plan, &removed, error);
}
