/* action.h - what a task does to one user (design, section 1). */
#ifndef ROLLCALL_CORE_ACTION_H
#define ROLLCALL_CORE_ACTION_H

#include <stdbool.h>
#include <stddef.h>

enum action { ACTION_PROVISION, ACTION_ISSUE, ACTION_REVOKE, ACTION_DELETE };

enum { ACTION_COUNT = 4 };

/* Actions done one after the other for one user; none: keep. */
struct action_list {
    enum action items[ACTION_COUNT];
    size_t count;
};

/* "provision", "issue", "revoke", "delete": the words of the spec, the ledger and the messages. */
const char *action_name(enum action action);
bool action_parse(const char *name, enum action *action);
bool action_list_has(const struct action_list *list, enum action action);

#endif
