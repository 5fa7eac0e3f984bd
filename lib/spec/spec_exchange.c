/* Jobs that exchange the tokens of Teams users: what belongs to them, and what does not. */
#include "spec/spec_internal.h"

#include <stdio.h>
#include <string.h>

bool spec_exchanges(const struct spec *spec)
{
    return action_list_has(&spec->rules.added, ACTION_EXCHANGE) ||
           action_list_has(&spec->rules.changed, ACTION_EXCHANGE) ||
           action_list_has(&spec->rules.expiring.actions, ACTION_EXCHANGE);
}

bool spec_has_tokens(const struct spec *spec)
{
    return spec->token.scopes.count > 0 || spec_exchanges(spec);
}

static const struct spec_node *find(const struct spec_reader *reader, const char *path)
{
    return spec_node_find(reader->root, path);
}

/* All three, or none. */
static void check_parts(struct spec_reader *reader)
{
    static const struct {
        const char *path;
        const char *hint;
    } parts[] = {
        {"roster.teams_token_column", "name the column with each user's Entra token"},
        {"roster.teams_user_column", "name the column with each user's object id in Entra"},
        {"token.teams_app_id", "write the id of the application that the Entra tokens were made for"},
    };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const struct spec_node *node = find(reader, parts[i].path);
        if (node == NULL && spec_exchanges(reader->spec))
            spec_fault(reader, find(reader, "rules"), parts[i].hint, "a rule exchanges tokens, and %s is missing",
                       parts[i].path);
        else if (node != NULL && !spec_exchanges(reader->spec))
            spec_fault(reader, node->key, "write for example added: exchange under rules, or remove it",
                       "%s is for rules that exchange tokens, and there is none", parts[i].path);
    }
}

static bool does_else(const struct action_list *list)
{
    return list->count > 1 || (list->count == 1 && list->items[0] != ACTION_EXCHANGE);
}

/* A Teams user has no identity of the service's: there is nothing to make, revoke or delete. */
static void check_nothing_else(struct spec_reader *reader)
{
    const struct spec *spec = reader->spec;
    const struct {
        const char *path;
        const struct action_list *list;
    } rules[] = {
        {"rules.added", &spec->rules.added},
        {"rules.changed", &spec->rules.changed},
        {"rules.expiring", &spec->rules.expiring.actions},
        {"rules.removed", &spec->rules.removed.actions},
        {"rules.removed", &spec->rules.removed.meanwhile},
        {"rules.lost", &spec->rules.lost},
        {"rules.moved", &spec->rules.moved},
    };

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (does_else(rules[i].list))
            spec_fault(reader, find(reader, rules[i].path), "write keep there, or a job of its own for other users",
                       "%s: a job that exchanges the tokens of Teams users does nothing else: they have no identity "
                       "of the service's",
                       rules[i].path);
    if (spec->token.scopes.count > 0)
        spec_fault(reader, find(reader, "token.scopes"),
                   "remove scopes: the service gives a Teams user's token its own",
                   "token.scopes does not go with rules that exchange tokens");
    if (spec->outputs.sink_count == 0)
        spec_fault(reader, find(reader, "rules"), "write outputs.tokens for where the tokens go",
                   "a rule exchanges tokens, but nobody receives them");
}

/* What is written down of a column, or shown, must not be a token. */
static void check_column(struct spec_reader *reader, const char *path, const char *column)
{
    const char *secret = reader->spec->roster.teams_token_column;
    const struct spec_node *node = find(reader, path);

    if (column != NULL && node != NULL && strcmp(column, secret) == 0)
        spec_fault(reader, node, "name another column",
                   "%s: the column with the Entra tokens is used for nothing else, so that none is written down", path);
}

static void check_columns(struct spec_reader *reader)
{
    const struct spec *spec = reader->spec;

    if (spec->roster.teams_token_column == NULL)
        return;
    check_column(reader, "roster.key", spec->roster.key);
    check_column(reader, "roster.teams_user_column", spec->roster.teams_user_column);
    check_column(reader, "roster.resource_column", spec->roster.resource_column);
    for (size_t i = 0; i < spec->roster.watch.count; i++)
        check_column(reader, "roster.watch", spec->roster.watch.items[i]);
    for (size_t i = 0; i < spec->roster.where_count; i++)
        check_column(reader, "roster.where", spec->roster.where[i].column);
}

bool spec_check_exchange(struct spec_reader *reader)
{
    check_parts(reader);
    check_columns(reader);
    if (spec_exchanges(reader->spec))
        check_nothing_else(reader);
    return true;
}

bool spec_check_exchange_version(struct spec_reader *reader)
{
    const struct spec_resource *resource = reader->fields;

    if (!spec_exchanges(reader->spec) || strncmp(resource->api_version, "2022-06-01", 10) >= 0)
        return true;
    return spec_fault(reader, spec_node_child(reader->section, "api_version"), "write api_version: 2023-10-01",
                      "exchanging tokens needs api_version 2022-06-01 or later, not %s", resource->api_version);
}
