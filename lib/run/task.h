/* task.h - one user's actions on their way through a run.
 *
 * A task is owned by one thread at a time: made by the feeder, scheduled and sent by the executor, written down by the
 * recorder, and handed from one to the other through queues.
 */
#ifndef ROLLCALL_RUN_TASK_H
#define ROLLCALL_RUN_TASK_H

#include "acs/acs.h"
#include "core/action.h"
#include "ledger/ledger.h"
#include "output/sink.h"
#include "run/gate.h"
#include "run/plan.h"

#include <stddef.h>
#include <stdint.h>

/* What the recorder is asked to write down. */
enum task_phase {
    PHASE_INTENT,    /* the request is about to leave */
    PHASE_WITHDRAW,  /* it did not leave after all: VERDICT_AGAIN or VERDICT_LEFT */
    PHASE_RESULT,    /* the answer, or its loss */
    PHASE_DELIVERED, /* its token has been to the sinks that are no files */
    PHASE_DROPPED,   /* the recorder could not write: the task ends, not done */
};

/* How the user goes on after a result. */
enum task_verdict {
    VERDICT_AGAIN, /* the same action once more */
    VERDICT_NEXT,  /* the next action */
    VERDICT_DONE,
    VERDICT_FAILED,
    VERDICT_LEFT, /* for the next run */
};

/* "again", "next", "done", "failed", "left": as the audit trail has it. */
const char *task_verdict_name(enum task_verdict verdict);

struct site;

struct task {
    struct task *next; /* in a list of the executor */

    struct site *site;    /* of the resource that the action at hand is for */
    struct site *belongs; /* of the user's resource: where a provision is made (moves.h) */
    bool comes;           /* counted among those on their way there */

    enum category category;
    struct action_list actions;
    size_t step; /* the action at hand: actions.items[step] */
    bool is_removal;
    char identity[ACS_IDENTITY_MAX + 1]; /* "" until there is one */
    struct secret teams_token;           /* to be exchanged */

    enum task_phase phase;
    enum task_verdict verdict;
    uint32_t attempt;    /* of this action; 1 for the first */
    uint64_t generation; /* of the bearer token that the request carried */
    uint32_t tries;      /* attempts that failed while the service worked for others */
    int64_t not_before_us;
    int64_t ledger_task; /* the row of the intent */
    char request_id[ACS_REQUEST_ID_LENGTH + 1];

    enum outcome outcome;
    int status;
    int64_t sent_us;     /* monotonic */
    uint32_t elapsed_ms; /* from then to the answer or its loss, rounded up */
    int64_t answered_at_ms;
    char ms_cv[64];
    struct acs_answer answer;
    struct gate_throttle throttle;                     /* of an answer that is one */
    unsigned char token_print[TOKEN_FINGERPRINT_SIZE]; /* set when the token goes to the sinks */
    bool token_is_written;                             /* to the files among them */
    bool delivered;                                    /* every required sink has it */
    bool awaited; /* by the executor, who thought that it would go on, though the recorder had to fail it */
    char first_code[ACS_CODE_SIZE]; /* of the first attempt of this action that went wrong; "" when none did */

    const char *key; /* these point into text */
    size_t key_length;
    const char *watch;
    size_t watch_length;
    const char *row; /* NULL for a user that is not in the roster */
    size_t row_length;
    char text[];
};

struct task *task_new(enum category category, const struct action_list *actions, const char *key, size_t key_length,
                      const char *watch, size_t watch_length, const char *row, size_t row_length);
/* Wipes the answer. NULL is allowed. */
void task_free(struct task *task);

enum action task_action(const struct task *task);
/* The token of its answer, as the sinks want it; borrowed. */
struct token task_token(const struct task *task);
bool task_is_last_action(const struct task *task);
/* After the one at hand is done. */
void task_next_action(struct task *task);

/* Tasks in order; zeroed is empty. */
struct task_list {
    struct task *head;
    struct task *tail;
    size_t count;
};

void task_list_append(struct task_list *list, struct task *task);
void task_list_prepend(struct task_list *list, struct task *task);
/* The first one; NULL when there is none. */
struct task *task_list_take(struct task_list *list);
/* By not_before_us, after those of the same time. */
void task_list_insert(struct task_list *list, struct task *task);

#endif
