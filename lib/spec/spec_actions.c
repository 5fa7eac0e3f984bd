/* What a rule does to a user: a list of actions that makes sense in its order. */
#include "spec/spec_internal.h"

#include <string.h>

/* Why `action` cannot follow what is in the list; reports it. */
static bool may_follow(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *item,
                       const struct action_list *list, enum action action)
{
    char path[SPEC_PATH_SIZE];

    spec_place(reader, key, path);
    if (action_list_has(list, action))
        return spec_fault(reader, item, "remove one of the two", "%s does %s twice", path, action_name(action));
    if (action == ACTION_DELETE && action_list_has(list, ACTION_ISSUE))
        return spec_fault(reader, item, "remove issue", "%s issues a token for an identity that it then deletes", path);
    if (action == ACTION_PROVISION && action_list_has(list, ACTION_DELETE))
        return true; /* a new identity, elsewhere */
    if (action_list_has(list, ACTION_DELETE))
        return spec_fault(reader, item, "put delete last, or remove it",
                          "%s does %s after delete, when the identity is gone", path, action_name(action));
    if (action == ACTION_REVOKE && action_list_has(list, ACTION_ISSUE))
        return spec_fault(reader, item, "write [revoke, issue]",
                          "%s revokes the token that it has just issued: a revoke kills every token, so it comes first",
                          path);
    return true;
}

/* Adds what one word stands for. */
static bool read_one(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *item, bool alone,
                     struct action_list *list)
{
    char path[SPEC_PATH_SIZE];
    int value;

    if (!spec_read_choice(reader, key, item, &value))
        return false;
    if (value == SPEC_KEEP)
        return alone ||
               spec_fault(reader, item, "remove keep, or everything else",
                          "%s cannot keep a user as it is and do something to it", spec_place(reader, key, path));
    if (!may_follow(reader, key, item, list, (enum action)value))
        return false;
    list->items[list->count++] = (enum action)value;
    return true;
}

bool spec_read_actions(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    struct action_list list = {0};
    char path[SPEC_PATH_SIZE];
    bool ok = true;

    if (node->bad)
        return false;
    if (node->kind == SPEC_LIST && node->children == NULL)
        return spec_fault(reader, node, "write keep for doing nothing", "%s is an empty list",
                          spec_place(reader, key, path));
    if (node->kind != SPEC_LIST)
        ok = read_one(reader, key, node, true, &list);
    else
        for (struct spec_node *item = node->children; item != NULL; item = item->next)
            ok = read_one(reader, key, item, node->children->next == NULL, &list) && ok;
    if (ok && key->size == sizeof list)
        memcpy(spec_field(reader, key), &list, sizeof list);
    return ok;
}
