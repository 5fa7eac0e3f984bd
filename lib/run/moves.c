#include "run/moves.h"

/* A task that is on its way from its first site to another. */
static bool is_moving(const struct task *task)
{
    return task->site != task->belongs && action_list_has(&task->actions, ACTION_PROVISION);
}

bool move_is_next(const struct task *task)
{
    return is_moving(task) && !task_is_last_action(task) && task->actions.items[task->step + 1] == ACTION_PROVISION;
}

bool task_comes_back(const struct task *task)
{
    return task->verdict == VERDICT_AGAIN || (task->verdict == VERDICT_NEXT && !move_is_next(task));
}

enum move_answer move_ask(struct task *task)
{
    struct site *site = task->belongs;

    if (!move_is_next(task) || task->comes)
        return MOVE_NOW;
    if (atomic_load(&site->closed))
        return MOVE_NEVER;
    if (atomic_fetch_add(&site->coming, 1) >= atomic_load(&site->berths)) {
        atomic_fetch_sub(&site->coming, 1);
        return MOVE_LATER;
    }
    task->comes = true;
    return MOVE_NOW;
}

void move_across(struct task *task)
{
    struct engine *engine = task->site->engine;

    task->site = task->belongs;
    task->identity[0] = '\0';
    task_next_action(task);
    /* There is room for all who have a berth. */
    if (!queue_push(task->site->arriving, task))
        engine_let_go(task);
    atomic_fetch_sub(&engine->moving, 1);
}

bool move_may_come(const struct site *site)
{
    const struct engine *engine = site->engine;

    return site->arriving != NULL && (atomic_load(&engine->feeding) > 0 || atomic_load(&engine->moving) > 0);
}

void engine_take_in(const struct task *task)
{
    if (is_moving(task))
        atomic_fetch_add(&task->site->engine->moving, 1);
}

void engine_let_go(struct task *task)
{
    if (is_moving(task))
        atomic_fetch_sub(&task->site->engine->moving, 1);
    if (task->comes)
        atomic_fetch_sub(&task->belongs->coming, 1);
    task_free(task);
}
