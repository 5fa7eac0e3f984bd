#include "run/task.h"

#include <stdlib.h>
#include <string.h>

static const char *const verdict_names[] = {
    [VERDICT_AGAIN] = "again",   [VERDICT_NEXT] = "next", [VERDICT_DONE] = "done",
    [VERDICT_FAILED] = "failed", [VERDICT_LEFT] = "left",
};

const char *task_verdict_name(enum task_verdict verdict)
{
    return verdict_names[verdict];
}

static const char *put(char **end, const char *bytes, size_t length)
{
    char *start = *end;

    if (length > 0)
        memcpy(start, bytes, length);
    start[length] = '\0';
    *end = start + length + 1;
    return start;
}

struct task *task_new(enum category category, const struct action_list *actions, const char *key, size_t key_length,
                      const char *watch, size_t watch_length, const char *row, size_t row_length)
{
    struct task *task = malloc(sizeof *task + key_length + watch_length + row_length + 3);

    if (task == NULL)
        return NULL;
    memset(task, 0, sizeof *task);
    task->category = category;
    task->actions = *actions;
    task->is_removal = category == CATEGORY_REMOVED;
    char *end = task->text;
    task->key = put(&end, key, key_length);
    task->key_length = key_length;
    task->watch = put(&end, watch, watch_length);
    task->watch_length = watch_length;
    if (row != NULL) {
        task->row = put(&end, row, row_length);
        task->row_length = row_length;
    }
    return task;
}

void task_free(struct task *task)
{
    if (task == NULL)
        return;
    acs_answer_clear(&task->answer);
    secret_clear(&task->teams_token);
    free(task);
}

enum action task_action(const struct task *task)
{
    return task->actions.items[task->step];
}

struct token task_token(const struct task *task)
{
    return (struct token){
        .key = task->key,
        .key_length = task->key_length,
        .identity = task->identity,
        .value = &task->answer.token,
        .expires_at_s = task->answer.token_expires_at_ms / 1000,
    };
}

bool task_is_last_action(const struct task *task)
{
    return task->step + 1 == task->actions.count;
}

void task_next_action(struct task *task)
{
    task->step++;
    task->attempt = 0;
    task->tries = 0;
    task->first_code[0] = '\0';
}

void task_list_append(struct task_list *list, struct task *task)
{
    task->next = NULL;
    if (list->tail != NULL)
        list->tail->next = task;
    else
        list->head = task;
    list->tail = task;
    list->count++;
}

void task_list_prepend(struct task_list *list, struct task *task)
{
    task->next = list->head;
    list->head = task;
    if (list->tail == NULL)
        list->tail = task;
    list->count++;
}

struct task *task_list_take(struct task_list *list)
{
    struct task *task = list->head;

    if (task == NULL)
        return NULL;
    list->head = task->next;
    if (list->head == NULL)
        list->tail = NULL;
    list->count--;
    task->next = NULL;
    return task;
}

/* Most tasks wait longer than those before them, so the walk is short in practice and bounded always. */
void task_list_insert(struct task_list *list, struct task *task)
{
    struct task **place = &list->head;

    while (*place != NULL && (*place)->not_before_us <= task->not_before_us)
        place = &(*place)->next;
    task->next = *place;
    *place = task;
    if (task->next == NULL)
        list->tail = task;
    list->count++;
}
