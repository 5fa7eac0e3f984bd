/* plan.h - the join of roster and ledger, and the actions that follow from the rules (design, section 2).
 *
 * `plan` and `run` share it: what is printed is what is done.  A plan keeps four bytes a roster row and eight a removed
 * user; the users themselves are read again when it is carried out.
 */
#ifndef ROLLCALL_RUN_PLAN_H
#define ROLLCALL_RUN_PLAN_H

#include "core/action.h"
#include "core/category.h"
#include "core/error.h"
#include "core/problems.h"
#include "ledger/ledger.h"
#include "roster/roster.h"
#include "spec/spec.h"

#include <stdint.h>

/* Why a user is where it is; more than its category, since some rules look closer. */
enum plan_reason {
    REASON_OUTSIDE,    /* roster.where leaves the row out: no category, nothing done */
    REASON_NEW,        /* no identity */
    REASON_DELETED,    /* its identity was deleted */
    REASON_WATCH,      /* a watched column differs */
    REASON_ENDING,     /* its token ends soon */
    REASON_NO_TOKEN,   /* it has none */
    REASON_RETURNED,   /* was removed and revoked, is back */
    REASON_REISSUE,    /* its token is to be replaced: all are (--reissue-all), or it may have been revoked */
    REASON_SAME,       /* nothing to do */
    REASON_GONE,       /* not in the roster any more */
    REASON_MEANWHILE,  /* the same, in its grace period, and what is to be done meanwhile is not done yet */
    REASON_GRACE,      /* the same, and its grace period is not over */
    REASON_GRACE_OVER, /* the same, and it is over */
    REASON_LOST,       /* the service does not know its identity */
    REASON_MOVED,      /* belongs to another resource than the one where its identity is */
    REASON_UNRESOLVED, /* while planning: the watch texts must be compared column by column */
};

struct plan_options {
    int64_t now_s;
    bool reissue_all;
    const struct text_list *only; /* users to look at; NULL: all */
    uint64_t limit;               /* act on the first so many users; 0: on all */
};

struct plan_row {
    uint32_t reason : 5;
    uint32_t acts : 1;   /* has actions, and neither --only nor --limit leaves it out */
    uint32_t adopts : 1; /* its watched columns are to be taken over without a request */
    uint32_t check : 25; /* of the key's hash: the row must be the same when it is read again */
};

/* Resources, by their index in the spec. */
struct plan_place {
    uint8_t at;      /* where the identity is, or will be made: the first request goes there */
    uint8_t belongs; /* where the roster has the user */
};

struct plan_removed {
    int64_t row; /* in the ledger */
    uint8_t at;  /* the resource */
    enum plan_reason reason;
    bool acts;
    bool is_protected;
    bool marks; /* its grace period starts now: the ledger is to remember when */
};

struct plan_protected {
    uint64_t index; /* of the roster row */
    int64_t row;    /* in the ledger */
};

/* What of a plan is about one resource. */
struct plan_part {
    uint64_t users;                  /* whose first request goes there */
    uint64_t requests[ACTION_COUNT]; /* at the least */
    uint64_t first[ACTION_COUNT];    /* users by the action that they begin with there */
    uint64_t arriving;               /* users who come from another resource */
};

struct plan {
    const struct spec *spec;
    struct plan_options options;
    struct roster_summary roster;
    uint64_t roster_users;          /* whom it has, selected or not: whose absence would be a removal */
    bool is_failures;               /* the roster is a failures file, which has only some users of another one */
    struct roster_summary previous; /* rows 0 without roster.previous */
    uint64_t previous_gone;         /* keys that only the older CSV has */
    uint64_t previous_changed;      /* keys in both with a different watch text */

    struct plan_row *rows;     /* roster.rows of them */
    struct plan_place *places; /* likewise; NULL in a job with one resource: see plan_place_of() */
    struct plan_removed *removed;
    size_t removed_count;
    int64_t *returned; /* ledger rows marked as removed whose users are in the roster */
    size_t returned_count;

    struct plan_protected *protected; /* users of the roster whom limits.protect names */
    size_t protected_count;
    size_t unknown_count; /* entries of limits.protect that neither roster nor ledger has */
    const char *unknown;  /* the first of them */

    uint64_t categories[CATEGORY_COUNT];
    uint64_t users;                  /* that will be acted on */
    uint64_t requests[ACTION_COUNT]; /* at the least */
    uint64_t whole[ACTION_COUNT];    /* the same without --limit: what the limits are about */
    struct plan_part *parts;         /* by the index of the resource */
    uint64_t active;                 /* identities that there are: active or revoked */
    uint64_t in_use;                 /* of these, those of which the limits take their share */
    uint64_t adopting;
};

/* Reads the roster at `roster_fd` (and roster.previous), joins it with the ledger (NULL: there is none yet). Faults of
 * the roster go to `problems`, those of the older CSV to `previous_problems`, with ERROR_INPUT. */
struct plan *plan_make(const struct spec *spec, int roster_fd, struct ledger *ledger,
                       const struct plan_options *options, struct problems *problems,
                       struct problems *previous_problems, struct error *error);
void plan_free(struct plan *plan);

/* The resources of the user in that row of the roster. */
struct plan_place plan_place_of(const struct plan *plan, uint64_t index);

/* One user of a plan; borrowed until the visitor returns. */
struct plan_user {
    enum plan_reason reason;
    bool acts;
    bool adopts;
    struct plan_place place;
    const struct roster_row *row; /* NULL for a user that is gone from the roster: */
    int64_t ledger_row;           /* then its row in the ledger */
};

struct plan_visitor {
    bool (*header)(void *context, const struct roster_header *header, struct error *error); /* may be NULL */
    /* False stops; error is then filled, or has ERROR_NONE for a stop that is no fault. */
    bool (*user)(void *context, const struct plan_user *user, struct error *error);
    void *context;
};

/* Every user of the plan that is in a category: those of the roster in its order, which is read again, then the removed
 * ones. A roster that is not the one that was planned is an error (ERROR_SYSTEM). */
bool plan_each(const struct plan *plan, int roster_fd, const struct plan_visitor *visitor, struct error *error);

/* The resource that the request of a step goes to: that where the user belongs from a provision on, and for an
 * exchange. */
uint8_t plan_step_at(const struct action_list *actions, size_t step, struct plan_place place);

/* The roster's options for reading it again. Arrays in them are malloc'd: roster_options_clear(). */
bool plan_roster_options(const struct spec *spec, const char *name, int fd, struct roster_options *options,
                         struct error *error);
void plan_roster_options_clear(struct roster_options *options);

enum category plan_category(enum plan_reason reason);
/* What the rules say for this reason; empty: keep. */
struct action_list plan_actions(const struct spec *spec, enum plan_reason reason);
/* One sentence without the user's values. */
const char *plan_reason_text(enum plan_reason reason);

/* The check of a key, for plan_row.check. */
uint32_t plan_key_check(const char *key, size_t key_length);

/* The least time that the plan can take under the spec's quotas. */
int64_t plan_least_ms(const struct plan *plan);

/* A limit lifted for one run, to exactly that number (--allow). */
struct plan_allow {
    bool has_erase;
    bool has_revoke;
    bool has_shrink;
    bool has_clock;
    uint64_t erase;
    uint64_t revoke;
    uint64_t shrink;    /* users that the roster may have less than in the last good run */
    uint64_t clock_min; /* minutes that the clock may be behind that run */
};

/* The clock may be off by so much, as for a signature (acs_stop_hint()). */
enum { PLAN_CLOCK_OFF_MAX_S = 15 * 60 };

/* Refuses (ERROR_LIMIT) a plan that deletes or revokes too many, touches a protected key, comes from a roster that is
 * empty or shrank too much, or from a clock that stands before the last run. `last_users`: of the roster of the last
 * good run, 0 when there was none. */
bool plan_check_limits(const struct plan *plan, struct ledger *ledger, uint64_t last_users,
                       const struct plan_allow *allow, struct error *error);

#endif
