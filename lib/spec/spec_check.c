/* The rules between keys, which the table cannot say.  Each has its place, and its sentence on the reference page. */
#include "spec/spec_internal.h"

#include <stdio.h>
#include <string.h>

static const struct spec_node *given(const struct spec_reader *reader, const char *path)
{
    return spec_node_find(reader->root, path);
}

static bool check_one_way_in(struct spec_reader *reader)
{
    const struct spec_node *resource = given(reader, "resource");
    const bool has_key = given(reader, "resource.connection_string") != NULL;
    const bool has_endpoint = given(reader, "resource.endpoint") != NULL;

    if (resource == NULL)
        return true;
    if (has_key && has_endpoint)
        return spec_fault(reader, resource, "remove one of the two",
                          "resource has both a connection_string and an endpoint");
    if (!has_key && !has_endpoint)
        return spec_fault(reader, resource,
                          "write connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, or endpoint and "
                          "credential",
                          "resource has neither a connection_string nor an endpoint");
    return true;
}

static bool check_credential(struct spec_reader *reader)
{
    const struct spec_node *credential = given(reader, "resource.credential");
    const struct spec_node *endpoint = given(reader, "resource.endpoint");

    if (given(reader, "resource.connection_string") != NULL && credential != NULL && endpoint == NULL)
        return spec_fault(reader, credential, "remove credential: a connection string holds its own key",
                          "resource.credential does not go with a connection_string");
    if (endpoint != NULL && credential == NULL && given(reader, "resource.connection_string") == NULL)
        return spec_fault(reader, endpoint, "write for example credential: default below it",
                          "resource.endpoint needs a credential");
    return true;
}

/* Plain HTTP would show every token to the network; to the machine itself (the emulator) it shows nothing new. */
static bool check_endpoint(struct spec_reader *reader)
{
    static const char *const loopback[] = {"http://localhost", "http://127.0.0.1", "http://[::1]"};
    const struct spec_node *node = given(reader, "resource.endpoint");
    const char *endpoint = reader->spec->resource.endpoint;

    if (node == NULL || endpoint == NULL)
        return true;
    if (strncmp(endpoint, "https://", 8) == 0 && endpoint[8] != '\0' && strpbrk(endpoint, " \t\r\n@") == NULL)
        return true;
    for (size_t i = 0; i < sizeof loopback / sizeof loopback[0]; i++) {
        const size_t length = strlen(loopback[i]);
        if (strncmp(endpoint, loopback[i], length) == 0 && strchr(":/", endpoint[length]) != NULL)
            return true;
    }
    return spec_fault(reader, node, "write https://NAME.communication.azure.com",
                      "resource.endpoint must be a https:// address (http:// only on this machine)");
}

static bool check_custom_id(struct spec_reader *reader)
{
    const struct spec_node *version = given(reader, "resource.api_version");

    if (!reader->spec->resource.custom_id || strcmp(reader->spec->resource.api_version, SPEC_CUSTOM_ID_VERSION) == 0)
        return true;
    return spec_fault(reader, version, "remove api_version, or write api_version: " SPEC_CUSTOM_ID_VERSION,
                      "resource.custom_id: true needs api_version " SPEC_CUSTOM_ID_VERSION ", not %s",
                      reader->spec->resource.api_version);
}

/* Versions start with their date, so that the order of texts is theirs. */
static bool is_older(const struct spec_reader *reader, const char *date)
{
    return strncmp(reader->spec->resource.api_version, date, strlen(date)) < 0;
}

static bool check_scopes_version(struct spec_reader *reader)
{
    const struct spec_node *scopes = given(reader, "token.scopes");
    const struct spec_node *scope = scopes != NULL && scopes->kind == SPEC_LIST ? scopes->children : scopes;
    char shown[SPEC_SHOWN_SIZE];

    if (!is_older(reader, "2023-10-01"))
        return true;
    for (; scope != NULL; scope = scopes->kind == SPEC_LIST ? scope->next : NULL)
        if (strchr(scope->text, '.') != NULL)
            spec_fault(reader, scope, "write api_version: 2023-10-01 under resource, or remove the scope",
                       "token.scopes: %s needs api_version 2023-10-01 or later, not %s", spec_shown(scope->text, shown),
                       reader->spec->resource.api_version);
    return true;
}

static bool check_lifetime_version(struct spec_reader *reader)
{
    if (reader->spec->token.lifetime_min == 24 * 60 || !is_older(reader, "2022-10-01"))
        return true;
    return spec_fault(reader, given(reader, "token.lifetime"),
                      "write api_version: 2023-10-01 under resource, or lifetime: 24h",
                      "token.lifetime: other than 24h needs api_version 2022-10-01 or later, not %s",
                      reader->spec->resource.api_version);
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

static bool check_one_sink(struct spec_reader *reader)
{
    static const char *const sinks[] = {"csv", "ndjson", "command", "postgres"};
    const struct spec_node *tokens = given(reader, "outputs.tokens");
    const struct spec_node *first = NULL;

    for (size_t i = 0; i < sizeof sinks / sizeof sinks[0]; i++) {
        const struct spec_node *sink = spec_node_child(tokens, sinks[i]);
        if (sink != NULL && first != NULL)
            return spec_fault(reader, tokens, "keep one of the two", "outputs.tokens has both %s and %s",
                              first->key->text, sinks[i]);
        first = sink != NULL ? sink : first;
    }
    if (tokens != NULL && first == NULL)
        return spec_fault(reader, tokens, "write for example csv: out/tokens.csv",
                          "outputs.tokens needs one of csv, ndjson, command and postgres");
    return true;
}

const struct spec_rule spec_rules[] = {
    {{"resource", "resource.connection_string", "resource.endpoint"},
     check_one_way_in,
     "`resource` has either `connection_string`, or `endpoint` with `credential`."},
    {{"resource", "resource.connection_string", "resource.endpoint", "resource.credential"}, check_credential, NULL},
    {{"resource", "resource.endpoint"},
     check_endpoint,
     "`resource.endpoint` is a `https://` address; `http://` only on this machine."},
    {{"resource", "resource.custom_id", "resource.api_version"},
     check_custom_id,
     "`resource.custom_id: true` needs (and, where none is given, selects) api_version `" SPEC_CUSTOM_ID_VERSION "`."},
    {{"token", "token.scopes", "resource", "resource.api_version"},
     check_scopes_version,
     "The scopes `chat.join`, `chat.join.limited` and `voip.join` need api_version `2023-10-01` or later."},
    {{"token", "token.lifetime", "resource", "resource.api_version"},
     check_lifetime_version,
     "A `token.lifetime` other than `24h` needs api_version `2022-10-01` or later."},
    {{"rules.expiring", "rules.expiring.within", "rules.expiring.jitter", "token", "token.lifetime"},
     check_within,
     "`rules.expiring.within`, plus `jitter`, is shorter than `token.lifetime`."},
    {{"rules.removed", "rules.removed.meanwhile", "rules.removed.after"},
     check_meanwhile,
     "`rules.removed.meanwhile` needs `after`."},
    {{"rules.changed", "rules.expiring", "rules.expiring.do", "token", "token.scopes"},
     check_issue_has_scopes,
     "A rule that issues needs `token.scopes`."},
    {{"token", "token.scopes", "outputs"},
     check_tokens_have_a_sink,
     "Where `token.scopes` is not empty, `outputs.tokens` says where the tokens go."},
    {{"outputs.tokens"}, check_one_sink, "`outputs.tokens` has one of `csv`, `ndjson`, `command` and `postgres`."},
    {{NULL}, spec_check_paths, "No file has two uses: what is written is neither read nor written under another key."},
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

bool spec_check(struct spec_reader *reader)
{
    for (size_t i = 0; i < spec_rules_count; i++) {
        if (needs_are_met(reader, &spec_rules[i]))
            spec_rules[i].check(reader);
        if (reader->error->code != ERROR_NONE)
            return false;
    }
    return true;
}
