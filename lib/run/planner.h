/* planner.h - what the parts of plan making share; private to lib/run.
 *
 *   plan_sides.c reads roster and ledger into the join, plan_judge.c gives every user its reason, plan.c has it done.
 */
#ifndef ROLLCALL_RUN_PLANNER_H
#define ROLLCALL_RUN_PLANNER_H

#include "roster/join.h"
#include "run/home.h"
#include "run/plan.h"
#include "run/protects.h"

#include <stdatomic.h>

/* What the ledger side of the join knows of a user, in join_entry.extra. */
enum {
    KNOWN_STATE = 3, /* enum identity_state */
    KNOWN_NO_TOKEN = 1 << 2,
    KNOWN_ENDING = 1 << 3,
    KNOWN_COMPARABLE = 1 << 4, /* its watch text has the columns that the spec watches */
    KNOWN_MARKED = 1 << 5,     /* marked as removed */
    KNOWN_GRACE_OVER = 1 << 6,
    KNOWN_ASKED = 1 << 7,     /* by --only, or there is no --only */
    KNOWN_STALE = 1 << 8,     /* its token is to be replaced */
    KNOWN_PROTECTED = 1 << 9, /* by limits.protect */
    KNOWN_PLACE_SHIFT = 10, /* above these: the index of its resource, KNOWN_ELSEWHERE when the spec does not have it */
    KNOWN_ELSEWHERE = 0xff,
};

struct planner {
    struct plan *plan;
    const struct spec *spec;
    struct join *join;
    struct join *teams; /* of the Teams users, in a job that exchanges; else NULL */
    struct ledger *ledger;
    struct homes homes;
    struct protects protects;
    int64_t *ids;           /* what the ledger calls the spec's resources; NULL without a ledger */
    uint64_t capacity;      /* of plan->rows and plan->places */
    size_t category_column; /* of a failures file; SIZE_MAX */
    atomic_bool *found;     /* for each key of --only: the roster or the ledger has it */
    bool unresolved;
    struct duplicate {
        uint64_t index;
        uint64_t first_line;
    } duplicates[PROBLEMS_KEPT];
    uint64_t duplicate_count;
    struct problems *problems;
    struct problems *previous_problems;
};

/* --- plan_sides.c --- */

/* Reads both sides, each in a thread of its own. */
bool planner_read_sides(struct planner *planner, int roster_fd, struct error *error);
/* What the rules have to know of an identity: KNOWN_ flags. */
uint64_t planner_known(const struct planner *planner, const struct identity *identity);
/* The resource of what the ledger knows. */
uint8_t planner_known_place(uint64_t known);

/* --- plan_judge.c --- */

/* A join_visitor's match: writes the reason of one user into the plan. */
bool planner_judge(void *context, const struct join_entry *const entries[JOIN_SIDES], struct error *error);
/* The reason of a user that the roster has. */
enum plan_reason planner_judge_present(const struct planner *planner,
                                       const struct join_entry *const entries[JOIN_SIDES]);

#endif
