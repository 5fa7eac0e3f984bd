/* action.h - what a task does to one user (design, section 1). */
#ifndef ROLLCALL_CORE_ACTION_H
#define ROLLCALL_CORE_ACTION_H

#include <stdbool.h>
#include <stddef.h>

enum action {
    ACTION_PROVISION,
    ACTION_ISSUE,
    ACTION_REVOKE,
    ACTION_DELETE,
    ACTION_EXCHANGE, /* of a Teams user's Entra token for one of the service's: there is no identity to make or delete
                      */
};

enum { ACTION_COUNT = 5 };

/* Actions done one after the other for one user; none: keep. */
struct action_list {
    enum action items[ACTION_COUNT];
    size_t count;
};

/* "provision", "issue", "revoke", "delete", "exchange": the words of the spec, the ledger and the messages. */
const char *action_name(enum action action);
/* "provisioned", ...: for how many. */
const char *action_past(enum action action);
bool action_parse(const char *name, enum action *action);
bool action_list_has(const struct action_list *list, enum action action);

#endif
