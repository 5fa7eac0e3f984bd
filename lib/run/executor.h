/* executor.h - what the parts of the executor share; private to lib/run.
 *
 *   executor.c        the loop: tasks come in, go from one to the other, and are let go of
 *   executor_send.c   admits tasks: each gets a slot, its intent is recorded, and then its request leaves
 *   executor_judge.c  reads the answer, and says how the user goes on
 *   executor_wait.c   says why nothing moves, when to look again, and when it has been waited for too long
 *
 * All of it belongs to one thread.
 */
#ifndef ROLLCALL_RUN_EXECUTOR_H
#define ROLLCALL_RUN_EXECUTOR_H

#include "http/pool.h"
#include "run/engine.h"
#include "run/gate.h"
#include "run/sign_in.h"

enum { EXECUTOR_CAUSE_SIZE = ACS_CODE_SIZE + ACS_MESSAGE_SIZE + 16 };

struct executor {
    struct site *site;
    struct http_options transport;
    struct http_pool *pool;
    struct gate gate;
    struct sign_in *sign_in;
    enum sign_in_state signed_in;
    struct acs_request_options request_options;

    struct task_list ready[ACTION_COUNT]; /* to be admitted, by the action at hand */
    struct task_list delayed;             /* waiting for their time, earliest first */
    struct task_list sendable;            /* their intent is durable */
    size_t held;                          /* tasks in our hands, the recorder's or the network's */
    size_t admitted;                      /* of these: intent asked for, sendable, or under way */
    unsigned turn;                        /* which kind is asked first */
    bool crowded;                         /* the next to be deleted moves, and there is no berth for it */

    char last_failure[EXECUTOR_CAUSE_SIZE]; /* of the service, for people */

    bool answered; /* the service has answered anything in this run */
    bool draining; /* nothing new leaves */
    int64_t drain_until_us;
};

/* --- executor.c --- */

int64_t executor_now_us(const struct executor *executor);
/* From here on nothing new leaves, and whoever is not on the way is left for the next run. Only the first call counts.
 * The error may be NULL. */
void executor_stop(struct executor *executor, enum stop reason, const struct error *error);
/* Gives a task to the recorder. */
void executor_record(struct executor *executor, struct task *task, enum task_phase phase);
/* The task ends here. */
void executor_let_go(struct executor *executor, struct task *task);
/* A request less is to come. */
void executor_count_off(struct executor *executor, enum action action);

/* --- executor_send.c --- */

/* For each request that may be under way so many tasks are admitted: their intents become durable in groups. */
enum { ADMITTED_PER_REQUEST = 4 };

/* Is there room for one more, whatever its kind? */
bool executor_has_room(const struct executor *executor);
/* Admits whoever may be admitted now. */
void executor_admit(struct executor *executor);
/* Sends what is sendable, or takes it back where something came in between. */
void executor_send(struct executor *executor);

/* --- executor_judge.c --- */

/* The pool's http_done: a request has ended. */
void executor_take_answer(void *context, void *request_context, struct http_answer *http);

/* --- executor_wait.c --- */

/* Goes on signing in where that is due, beside the requests. */
void executor_go_on_signing_in(struct executor *executor);
/* Stops when the service has been silent for too long; after a stop, cuts off what does not end. */
void executor_check_patience(struct executor *executor);
/* How long there is nothing to do but to wait for the network and the queues. Tells the progress line why. */
int executor_timeout_ms(struct executor *executor);

#endif
