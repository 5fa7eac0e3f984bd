/* The rules between keys, which the table cannot say.  Each has its place, and its sentence on the reference page. */
#include "spec/spec_internal.h"

#include "core/origin.h"

#include <stdio.h>
#include <string.h>

/* What stands at a path; one that begins with a dot is within the section at hand, and "." is that itself. */
static const struct spec_node *given(const struct spec_reader *reader, const char *path)
{
    if (path[0] != '.')
        return spec_node_find(reader->root, path);
    return path[1] == '\0' ? reader->section : spec_node_find(reader->section, path + 1);
}

/* The resource at hand, in a rule `of` resources. */
static const struct spec_resource *resource(const struct spec_reader *reader)
{
    return reader->fields;
}

static bool check_some_resource(struct spec_reader *reader)
{
    return given(reader, "resource") != NULL || given(reader, "resources") != NULL ||
           spec_fault(reader, reader->root,
                      "write resource: and its keys below it, indented; or resources: for several",
                      "the job spec is missing its key \"resource\"");
}

/* How many resources have a share, and what the shares are together. The reader is in the whole file afterwards. */
static size_t count_shares(struct spec_reader *reader, uint64_t *sum)
{
    char place[SPEC_PATH_SIZE];
    size_t count = 0;

    *sum = 0;
    for (size_t i = 0; spec_enter(reader, "resource", i, place); i++) {
        count += given(reader, ".share") != NULL;
        *sum += resource(reader)->share;
    }
    return count;
}

static bool check_who_belongs_where(struct spec_reader *reader)
{
    const struct spec_node *several = given(reader, "resources");
    const struct spec_node *column = given(reader, "roster.resource_column");
    uint64_t sum;
    const size_t shares = count_shares(reader, &sum);

    if (several == NULL)
        return column == NULL || spec_fault(reader, column, "write resources: and name each of them",
                                            "roster.resource_column needs resources, not resource");
    if (shares == 0 && column == NULL && reader->spec->resource_count > 1)
        return spec_fault(reader, several,
                          "name a column of the roster in roster.resource_column, or give each resource a share",
                          "nothing says which users belong to which of the resources");
    return shares == 0 || sum > 0 ||
           spec_fault(reader, several, "give one of them a share of 1 or more", "no resource has a share of the users");
}

static bool check_share(struct spec_reader *reader)
{
    const struct spec_node *share = given(reader, ".share");
    const struct spec_node *section = reader->section;
    char place[SPEC_PATH_SIZE];
    uint64_t sum;

    snprintf(place, sizeof place, "%s", reader->place);
    if (share != NULL && given(reader, "resources") == NULL)
        return spec_fault(reader, share, "remove share: all users are in the one resource",
                          "%s.share is for one of several resources", place);
    if (share != NULL && given(reader, "roster.resource_column") != NULL)
        return spec_fault(reader, share, "remove share, or roster.resource_column",
                          "%s.share does not go with roster.resource_column, which says who belongs where", place);
    return share != NULL || given(reader, "roster.resource_column") != NULL || count_shares(reader, &sum) == 0 ||
           spec_fault(reader, section, "write share: 0 below it where nobody new belongs there",
                      "%s has no share, and others have", place);
}

/* A run that ends between the two leaves a user without an identity, for the next run to see as added. */
static bool check_moved(struct spec_reader *reader)
{
    const struct action_list *moved = &reader->spec->rules.moved;
    const struct spec_node *node = given(reader, "rules.moved");

    if (!action_list_has(moved, ACTION_PROVISION))
        return true;
    if (moved->items[0] != ACTION_DELETE)
        return spec_fault(reader, node, "write [delete, provision]",
                          "rules.moved provisions a new identity and leaves the old one behind for good");
    return reader->spec->rules.added.count > 0 ||
           spec_fault(reader, node, "write added: provision under rules",
                      "rules.moved needs rules.added: a run may end between the delete and the provision");
}

/* What is wrong with a connection string or a credential shows only when it is used. */
static void keep_place(struct spec_reader *reader, const struct spec_node *node)
{
    struct spec_resource *filled = reader->fields;

    filled->line = node->line;
    filled->column = node->column;
}

static bool check_one_way_in(struct spec_reader *reader)
{
    const bool has_key = given(reader, ".connection_string") != NULL;
    const bool has_endpoint = given(reader, ".endpoint") != NULL;

    if (has_key && has_endpoint)
        return spec_fault(reader, reader->section, "remove one of the two",
                          "%s has both a connection_string and an endpoint", reader->place);
    if (!has_key && !has_endpoint)
        return spec_fault(reader, reader->section,
                          "write connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, or endpoint and "
                          "credential",
                          "%s has neither a connection_string nor an endpoint", reader->place);
    const struct spec_node *credential = given(reader, ".credential");
    keep_place(reader, has_key              ? given(reader, ".connection_string")
                       : credential != NULL ? credential
                                            : given(reader, ".endpoint"));
    return true;
}

static bool check_credential(struct spec_reader *reader)
{
    const struct spec_node *credential = given(reader, ".credential");
    const struct spec_node *endpoint = given(reader, ".endpoint");

    if (given(reader, ".connection_string") != NULL && credential != NULL && endpoint == NULL)
        return spec_fault(reader, credential, "remove credential: a connection string holds its own key",
                          "%s.credential does not go with a connection_string", reader->place);
    if (endpoint != NULL && credential == NULL && given(reader, ".connection_string") == NULL)
        return spec_fault(reader, endpoint, "write for example credential: default below it",
                          "%s.endpoint needs a credential", reader->place);
    return true;
}

bool spec_check_address(struct spec_reader *reader, const char *key, const char *address, const char *example)
{
    const struct spec_node *node = given(reader, key);
    struct origin origin;
    struct error error;

    if (node == NULL || node->bad || address == NULL || origin_parse(address, strlen(address), &origin, &error))
        return true;
    return spec_fault(reader, node, error.hint[0] != '\0' ? error.hint : example, "%s%s: %s", reader->place, key,
                      error.message);
}

static bool check_endpoint(struct spec_reader *reader)
{
    const char *endpoint = resource(reader)->endpoint;
    const bool is_connection_string = endpoint != NULL && strcasestr(endpoint, "accesskey=") != NULL;

    return spec_check_address(reader, ".endpoint", endpoint,
                              is_connection_string ? "this is a connection string: give it as connection_string"
                                                   : "write https://NAME.communication.azure.com");
}

static bool check_custom_id(struct spec_reader *reader)
{
    const char *version = resource(reader)->api_version;

    if (!resource(reader)->custom_id || strcmp(version, SPEC_CUSTOM_ID_VERSION) == 0)
        return true;
    return spec_fault(
        reader, given(reader, ".api_version"), "remove api_version, or write api_version: " SPEC_CUSTOM_ID_VERSION,
        "%s.custom_id: true needs api_version " SPEC_CUSTOM_ID_VERSION ", not %s", reader->place, version);
}

/* Versions start with their date, so that the order of texts is theirs. */
static bool is_older(const struct spec_reader *reader, const char *date)
{
    return strncmp(resource(reader)->api_version, date, strlen(date)) < 0;
}

static bool check_scopes_version(struct spec_reader *reader)
{
    const struct spec_node *scopes = given(reader, "token.scopes");
    const struct spec_node *scope = scopes != NULL && scopes->kind == SPEC_LIST ? scopes->children : scopes;
    char shown[SPEC_SHOWN_SIZE];
    char hint[SPEC_HINT_SIZE];

    if (!is_older(reader, "2023-10-01"))
        return true;
    snprintf(hint, sizeof hint, "write api_version: 2023-10-01 under %s, or remove the scope", reader->place);
    for (; scope != NULL; scope = scopes->kind == SPEC_LIST ? scope->next : NULL)
        if (strchr(scope->text, '.') != NULL)
            spec_fault(reader, scope, hint, "token.scopes: %s needs api_version 2023-10-01 or later, not %s",
                       spec_shown(scope->text, shown), resource(reader)->api_version);
    return true;
}

static bool check_lifetime_version(struct spec_reader *reader)
{
    char hint[SPEC_HINT_SIZE];

    if (reader->spec->token.lifetime_min == 24 * 60 || !is_older(reader, "2022-10-01"))
        return true;
    snprintf(hint, sizeof hint, "write api_version: 2023-10-01 under %s, or lifetime: 24h", reader->place);
    return spec_fault(reader, given(reader, "token.lifetime"), hint,
                      "token.lifetime: other than 24h needs api_version 2022-10-01 or later, not %s",
                      resource(reader)->api_version);
}

/* A token that is already "expiring" when it is new would be renewed by every run for ever. */
static bool check_within(struct spec_reader *reader)
{
    const struct spec_node *jitter = given(reader, "rules.expiring.jitter");
    const uint64_t lifetime_s = (uint64_t)reader->spec->token.lifetime_min * 60;
    const uint64_t within_s = reader->spec->rules.expiring.within_s;
    const uint64_t jitter_s = reader->spec->rules.expiring.jitter_s;
    char within[SPEC_SHOWN_SIZE];
    char lifetime[SPEC_SHOWN_SIZE];

    spec_format_duration((int64_t)within_s * 1000, within);
    spec_format_duration((int64_t)lifetime_s * 1000, lifetime);
    if (!reader->spec->rules.expiring.set)
        return true;
    if (within_s >= lifetime_s)
        return spec_fault(reader, given(reader, "rules.expiring.within"),
                          "make within shorter, or token.lifetime longer",
                          "rules.expiring.within (%s) must be shorter than token.lifetime (%s): a new token would "
                          "expire again at once",
                          within, lifetime);
    if (within_s + jitter_s >= lifetime_s)
        return spec_fault(reader, jitter, "make within or jitter shorter, or token.lifetime longer",
                          "rules.expiring.within and jitter together must be shorter than token.lifetime (%s)",
                          lifetime);
    return true;
}

static bool check_meanwhile(struct spec_reader *reader)
{
    const struct spec_node *meanwhile = given(reader, "rules.removed.meanwhile");

    if (meanwhile == NULL || given(reader, "rules.removed.after") != NULL)
        return true;
    return spec_fault(reader, meanwhile, "write for example after: 30d, or put it into do",
                      "rules.removed.meanwhile needs after: without a grace period there is no meanwhile");
}

static bool check_issue_has_scopes(struct spec_reader *reader)
{
    static const char *const rules[] = {"rules.changed", "rules.expiring.do"};
    const struct action_list *lists[] = {&reader->spec->rules.changed, &reader->spec->rules.expiring.actions};

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (action_list_has(lists[i], ACTION_ISSUE) && reader->spec->token.scopes.count == 0)
            spec_fault(reader, given(reader, rules[i]), "write for example token: { scopes: [chat, voip] }",
                       "%s issues a token, but token.scopes is empty", rules[i]);
    return true;
}

static bool check_tokens_have_a_sink(struct spec_reader *reader)
{
    if (reader->spec->token.scopes.count == 0 || given(reader, "outputs.tokens") != NULL)
        return true;
    return spec_fault(reader, given(reader, "token.scopes"),
                      "write scopes: [] for identities without tokens, or outputs.tokens for where the tokens go",
                      "token.scopes asks for tokens, but nobody receives them");
}

static bool check_a_sink_is_required(struct spec_reader *reader)
{
    const struct spec *spec = reader->spec;

    for (size_t i = 0; i < spec->outputs.sink_count; i++)
        if (spec->outputs.sinks[i].required)
            return true;
    return spec->outputs.sink_count == 0 ||
           spec_fault(reader, given(reader, "outputs.tokens"), "remove required: false from one of them",
                      "outputs.tokens: no sink is required, so that no token would ever be owed");
}

/* The key's column stands beside the others in every file, table and object. */
static bool check_key_name(struct spec_reader *reader)
{
    static const char *const ours[] = {"identity_id", "token", "expires_at", "state", "token_expires_at", "resource"};
    const size_t count = sizeof ours / sizeof ours[0] - (given(reader, "resources") == NULL ? 1 : 0);
    const char *key = reader->spec->roster.key;

    for (size_t i = 0; key != NULL && i < count; i++)
        if (strcmp(key, ours[i]) == 0)
            return spec_fault(reader, given(reader, "roster.key"), "give the roster's column another name",
                              "roster.key cannot be %s: the outputs have a column of that name", key);
    return true;
}

const struct spec_rule spec_rules[] = {
    {NULL, {NULL}, check_some_resource, "A job has either `resource` or `resources`."},
    {"resource", {".", ".share", "resources", "roster", "roster.resource_column"}, check_share, NULL},
    {NULL,
     {"resource", "resources", "roster", "roster.resource_column"},
     check_who_belongs_where,
     "With several `resources`, either `roster.resource_column` or a `share` in each of them says who belongs where."},
    {NULL,
     {"rules.moved", "rules.added"},
     check_moved,
     "`rules.moved` deletes before it provisions, and needs `rules.added: provision` then."},
    {"resource",
     {".", ".connection_string", ".endpoint"},
     check_one_way_in,
     "`resource` has either `connection_string`, or `endpoint` with `credential`."},
    {"resource", {".", ".connection_string", ".endpoint", ".credential"}, check_credential, NULL},
    {"resource",
     {".", ".endpoint"},
     check_endpoint,
     "`resource.endpoint` is a `https://` address; `http://` only on this machine."},
    {"resource",
     {".", ".credential"},
     spec_check_sign_in,
     "`resource.credential` has only keys that its `kind` makes use of, and at most one that names a managed "
     "identity."},
    {"resource",
     {".", ".custom_id", ".api_version"},
     check_custom_id,
     "`resource.custom_id: true` needs (and, where none is given, selects) api_version `" SPEC_CUSTOM_ID_VERSION "`."},
    {"resource",
     {"token", "token.scopes", ".", ".api_version"},
     check_scopes_version,
     "The scopes `chat.join`, `chat.join.limited` and `voip.join` need api_version `2023-10-01` or later."},
    {"resource",
     {"token", "token.lifetime", ".", ".api_version"},
     check_lifetime_version,
     "A `token.lifetime` other than `24h` needs api_version `2022-10-01` or later."},
    {NULL,
     {"rules.expiring", "rules.expiring.within", "rules.expiring.jitter", "token", "token.lifetime"},
     check_within,
     "`rules.expiring.within`, plus `jitter`, is shorter than `token.lifetime`."},
    {NULL,
     {"rules.removed", "rules.removed.meanwhile", "rules.removed.after"},
     check_meanwhile,
     "`rules.removed.meanwhile` needs `after`."},
    {NULL,
     {"rules", "token", "roster", "outputs", "outputs.tokens"},
     spec_check_exchange,
     "A job with a rule that exchanges has `roster.teams_token_column`, `roster.teams_user_column`, "
     "`token.teams_app_id` "
     "and `outputs.tokens`, and no rule that does anything else."},
    {"resource",
     {"rules", ".", ".api_version"},
     spec_check_exchange_version,
     "Exchanging needs api_version `2022-06-01` or later."},
    {NULL,
     {"rules.changed", "rules.expiring", "rules.expiring.do", "token", "token.scopes"},
     check_issue_has_scopes,
     "A rule that issues needs `token.scopes`."},
    {NULL,
     {"token", "token.scopes", "outputs"},
     check_tokens_have_a_sink,
     "Where `token.scopes` is not empty, `outputs.tokens` says where the tokens go."},
    {"outputs.tokens",
     {"."},
     spec_check_sink,
     "Each sink of `outputs.tokens` is one of `csv`, `ndjson`, `command`, `postgres` and `sqlite`. `encrypt` goes with "
     "the "
     "first two, `table` and `columns` with the last two, `batch` with `command`."},
    {NULL, {"outputs.tokens"}, check_a_sink_is_required, "One sink at the least is `required`."},
    {NULL, {"roster", "roster.key"}, check_key_name, "`roster.key` has not the name of another column of the outputs."},
    {NULL,
     {"engine.connect_to"},
     spec_check_connect_to,
     "Each of `engine.connect_to` is `HOST:PORT:CONNECT-HOST:CONNECT-PORT`, as for curl's `--connect-to`: an empty "
     "`HOST` "
     "or `PORT` stands for any, an empty `CONNECT-HOST` or `CONNECT-PORT` for the same."},
    {NULL,
     {NULL},
     spec_check_paths,
     "No file has two uses: what is written is neither read nor written under another key."},
};
const size_t spec_rules_count = sizeof spec_rules / sizeof spec_rules[0];

static bool needs_are_met(const struct spec_reader *reader, const struct spec_rule *rule)
{
    for (size_t i = 0; i < sizeof rule->needs / sizeof rule->needs[0] && rule->needs[i] != NULL; i++) {
        const struct spec_node *node = given(reader, rule->needs[i]);
        if (node != NULL && node->bad)
            return false;
    }
    return true;
}

static void check_rule(struct spec_reader *reader, const struct spec_rule *rule)
{
    char place[SPEC_PATH_SIZE];

    if (rule->of == NULL) {
        if (needs_are_met(reader, rule))
            rule->check(reader);
        return;
    }
    for (size_t i = 0; spec_enter(reader, rule->of, i, place); i++)
        if (needs_are_met(reader, rule))
            rule->check(reader);
}

bool spec_check(struct spec_reader *reader)
{
    for (size_t i = 0; i < spec_rules_count; i++) {
        check_rule(reader, &spec_rules[i]);
        if (reader->error->code != ERROR_NONE)
            return false;
    }
    return true;
}
