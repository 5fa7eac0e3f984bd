#include "core/action.h"

#include <string.h>

static const char *const names[ACTION_COUNT] = {
    [ACTION_PROVISION] = "provision",
    [ACTION_ISSUE] = "issue",
    [ACTION_REVOKE] = "revoke",
    [ACTION_DELETE] = "delete",
};

const char *action_name(enum action action)
{
    return names[action];
}

bool action_parse(const char *name, enum action *action)
{
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            *action = (enum action)i;
            return true;
        }
    }
    return false;
}

bool action_list_has(const struct action_list *list, enum action action)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] == action)
            return true;
    return false;
}
