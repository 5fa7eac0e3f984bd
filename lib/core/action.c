#include "core/action.h"

#include <string.h>

static const struct {
    const char *name;
    const char *past;
} words[ACTION_COUNT] = {
    [ACTION_PROVISION] = {"provision", "provisioned"}, [ACTION_ISSUE] = {"issue", "issued"},
    [ACTION_REVOKE] = {"revoke", "revoked"},           [ACTION_DELETE] = {"delete", "deleted"},
    [ACTION_EXCHANGE] = {"exchange", "exchanged"},
};

const char *action_name(enum action action)
{
    return words[action].name;
}

const char *action_past(enum action action)
{
    return words[action].past;
}

bool action_parse(const char *name, enum action *action)
{
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        if (strcmp(words[i].name, name) == 0) {
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
