/* moves.h - users who go from one resource to another in the middle of their task.
 *
 * The old identity is deleted at one site and the new one made at another.  Between the two a user has none, so the
 * delete begins only when the other site can be expected to go on: it has not stopped, and there is a berth.  Until it
 * has answered once in this run, and while it is down, there is a single berth.
 */
#ifndef ROLLCALL_RUN_MOVES_H
#define ROLLCALL_RUN_MOVES_H

#include "run/engine.h"

enum { BERTHS_MAX = 256 };

/* Does the executor get a task back whose result it hands to the recorder? Not one that ends, or goes on elsewhere. */
bool task_comes_back(const struct task *task);
/* Does the task go on at another site when the action at hand is done? */
bool move_is_next(const struct task *task);

enum move_answer {
    MOVE_NOW,   /* go on: the user moves and is counted from now on, or does not move */
    MOVE_LATER, /* there is no berth */
    MOVE_NEVER, /* the other site has stopped: the user is for the next run, as it is */
};
/* Asked before the action at hand is admitted. */
enum move_answer move_ask(struct task *task);

/* The action at hand is done and durable: takes the task to the other site, or ends it when that has stopped. */
void move_across(struct task *task);

/* Whether users may still come to this site. Asked before `arriving` is looked at, so that none is missed. */
bool move_may_come(const struct site *site);

/* Every task of a run is taken in once, before others see it, and let go of once: that frees it. */
void engine_take_in(const struct task *task);
void engine_let_go(struct task *task);

#endif
