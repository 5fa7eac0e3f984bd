/* Going through a plan's users: the roster is read again, and each row must be the one that was planned. */
#include "run/plan.h"

#include <string.h>

struct walk {
    const struct plan *plan;
    const struct plan_visitor *visitor;
};

static bool visit_header(void *context, const struct roster_header *header, struct error *error)
{
    const struct plan_visitor *visitor = ((const struct walk *)context)->visitor;

    return visitor->header == NULL || visitor->header(visitor->context, header, error);
}

static bool visit_row(void *context, const struct roster_row *row, struct error *error)
{
    const struct walk *walk = context;
    const struct plan *plan = walk->plan;

    if (row->index >= plan->roster.rows ||
        plan->rows[row->index].check != plan_key_check(row->key.bytes, row->key.length))
        return error_set(error, ERROR_SYSTEM, "the roster changed after it was planned (line %llu)",
                         (unsigned long long)row->line);
    const struct plan_row *decision = &plan->rows[row->index];
    const struct plan_user user = {.reason = (enum plan_reason)decision->reason,
                                   .acts = decision->acts,
                                   .adopts = decision->adopts,
                                   .place = plan_place_of(plan, row->index),
                                   .row = row};
    return user.reason == REASON_OUTSIDE || walk->visitor->user(walk->visitor->context, &user, error);
}

static bool walk_roster(const struct plan *plan, int roster_fd, const struct plan_visitor *visitor, struct error *error)
{
    struct walk walk = {.plan = plan, .visitor = visitor};
    const struct roster_visitor roster_visitor = {.header = visit_header, .row = visit_row, .context = &walk};
    struct roster_options options;
    struct roster_summary summary;
    struct problems problems;

    if (!problems_init(&problems, plan->spec->roster.csv, error))
        return false;
    bool ok = plan_roster_options(plan->spec, problems.file, roster_fd, &options, error);
    if (ok) {
        ok = roster_read(&options, &roster_visitor, &problems, &summary, error);
        plan_roster_options_clear(&options);
    }
    problems_clear(&problems);
    if (ok && memcmp(summary.digest, plan->roster.digest, sizeof summary.digest) != 0)
        return error_set(error, ERROR_SYSTEM, "the roster changed after it was planned");
    return ok;
}

bool plan_each(const struct plan *plan, int roster_fd, const struct plan_visitor *visitor, struct error *error)
{
    if (!walk_roster(plan, roster_fd, visitor, error))
        return false;
    for (size_t i = 0; i < plan->removed_count; i++) {
        const struct plan_removed *removed = &plan->removed[i];
        const struct plan_user user = {.reason = removed->reason,
                                       .acts = removed->acts,
                                       .place = {removed->at, removed->at},
                                       .ledger_row = removed->row};
        if (!visitor->user(visitor->context, &user, error))
            return false;
    }
    return true;
}
