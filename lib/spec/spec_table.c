/* The grammar of the job spec, design section 2: every key once.  What is not here does not exist; what concerns more
 * than one key is in spec_check.c. */
#include "spec/spec_internal.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define FIELD_OF(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)
#define FIELD(member) FIELD_OF(struct spec, member)
#define RESOURCE(member) FIELD_OF(struct spec_resource, member)
#define SINK(member) FIELD_OF(struct spec_sink, member)
/* A section that fills structs in an array. */
#define ELEMENTS(member, count)                                                                \
    .offset = offsetof(struct spec, member), .element = sizeof *((struct spec *)NULL)->member, \
    .count_offset = offsetof(struct spec, count)

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

#define DAY (INT64_C(24) * HOUR)

static const struct spec_choice credentials[] = {
    {"default", CREDENTIAL_DEFAULT},
    {"client_secret", CREDENTIAL_CLIENT_SECRET},
    {"client_certificate", CREDENTIAL_CLIENT_CERTIFICATE},
    {"workload_identity", CREDENTIAL_WORKLOAD_IDENTITY},
    {"managed_identity", CREDENTIAL_MANAGED_IDENTITY},
    {"azure_cli", CREDENTIAL_AZURE_CLI},
    {"environment", CREDENTIAL_ENVIRONMENT},
    {NULL, 0},
};
static const struct spec_choice api_versions[] = {
    {"2021-03-07", 0},         {"2022-06-01", 0}, {"2022-10-01", 0}, {"2023-10-01", 0},
    {"2025-03-02-preview", 0}, {"2025-06-30", 0}, {NULL, 0},
};
static const struct spec_choice scopes[] = {
    {"chat", 0}, {"voip", 0}, {"chat.join", 0}, {"chat.join.limited", 0}, {"voip.join", 0}, {NULL, 0},
};
static const struct spec_choice duplicates[] = {
    {"refuse", DUPLICATES_REFUSE},
    {"first", DUPLICATES_FIRST},
    {NULL, 0},
};
static const struct spec_choice http_versions[] = {
    {"auto", SPEC_HTTP_AUTO},
    {"1.1", SPEC_HTTP_1_1},
    {"2", SPEC_HTTP_2},
    {NULL, 0},
};
static const struct spec_choice keep_or_provision[] = {
    {"keep", SPEC_KEEP},
    {"provision", ACTION_PROVISION},
    {NULL, 0},
};
static const struct spec_choice on_added[] = {
    {"keep", SPEC_KEEP},
    {"provision", ACTION_PROVISION},
    {"exchange", ACTION_EXCHANGE},
    {NULL, 0},
};
static const struct spec_choice only_keep[] = {
    {"keep", SPEC_KEEP},
    {NULL, 0},
};
static const struct spec_choice on_known[] = {
    {"keep", SPEC_KEEP},       {"revoke", ACTION_REVOKE},     {"issue", ACTION_ISSUE},
    {"delete", ACTION_DELETE}, {"exchange", ACTION_EXCHANGE}, {NULL, 0},
};
/* No issue: who has left gets no token. */
static const struct spec_choice on_removed[] = {
    {"keep", SPEC_KEEP},
    {"revoke", ACTION_REVOKE},
    {"delete", ACTION_DELETE},
    {NULL, 0},
};
static const struct spec_choice on_moved[] = {
    {"keep", SPEC_KEEP},
    {"delete", ACTION_DELETE},
    {"provision", ACTION_PROVISION},
    {NULL, 0},
};
static const struct spec_choice on_leaving[] = {
    {"keep", SPEC_KEEP},
    {"revoke", ACTION_REVOKE},
    {NULL, 0},
};

/* The order is that of the reference page, and of what editors offer. */
const struct spec_key spec_table[] = {
    {"", "version", SPEC_INTEGER, .required = true, .min = 1, .max = 1, .example = "1",
     .help = "The version of this grammar."},
    {"", "name", SPEC_NAME, FIELD(name), .required = true, .max = 64, .example = "contoso-staff",
     .help = "What this job is called in messages, reports and metrics."},

    {"", "resource", SPEC_SECTION, ELEMENTS(resources, resource_count),
     .help = "The Communication Services resource and how to sign in."},
    {"", "resources", SPEC_NAMED, ELEMENTS(resources, resource_count), .keys = "resource", .min = 1,
     .max = SPEC_RESOURCES_MAX,
     .help = "Several resources instead, each under a name of its own; all work side by side."},
    {"resource", "connection_string", SPEC_REFERENCE, RESOURCE(connection_string), .secret = true,
     .example = "{ env: COMMUNICATION_SERVICES_CONNECTION_STRING }",
     .help = "The resource's connection string with its access key; or give endpoint and credential."},
    {"resource", "endpoint", SPEC_REFERENCE, RESOURCE(endpoint), .example = "https://contoso.communication.azure.com",
     .help = "The resource's address, to sign in with Microsoft Entra ID instead of an access key."},
    {"resource", "credential", SPEC_SECTION, .main = "kind", .example = "default",
     .help =
         "How to sign in with Microsoft Entra ID. What is not given here comes from the variables of Azure's SDKs."},
    {"resource.credential", "kind", SPEC_CHOICE, RESOURCE(credential.kind), .required = true, .choices = credentials,
     .example = "client_secret",
     .help =
         "Where the token comes from; default tries environment, workload_identity, managed_identity and azure_cli."},
    {"resource.credential", "tenant_id", SPEC_REFERENCE, RESOURCE(credential.tenant_id),
     .example = "11111111-1111-4111-8111-111111111111", .help = "The Entra tenant, without it $AZURE_TENANT_ID."},
    {"resource.credential", "client_id", SPEC_REFERENCE, RESOURCE(credential.client_id),
     .example = "22222222-2222-4222-8222-222222222222",
     .help = "The application, without it $AZURE_CLIENT_ID; or a user-assigned managed identity."},
    {"resource.credential", "client_secret", SPEC_REFERENCE, RESOURCE(credential.client_secret), .secret = true,
     .example = "{ env: CONTOSO_CLIENT_SECRET }",
     .help = "The application's secret (its value, not its id), without it $AZURE_CLIENT_SECRET."},
    {"resource.credential", "certificate", SPEC_INPUT, RESOURCE(credential.certificate), .example = "app.pem",
     .help = "The application's certificate with its private key, PEM or PKCS#12, without it "
             "$AZURE_CLIENT_CERTIFICATE_PATH."},
    {"resource.credential", "certificate_password", SPEC_REFERENCE, RESOURCE(credential.certificate_password),
     .secret = true, .example = "{ env: CONTOSO_CERTIFICATE_PASSWORD }",
     .help = "What decrypts the private key, without it $AZURE_CLIENT_CERTIFICATE_PASSWORD."},
    {"resource.credential", "send_certificate_chain", SPEC_BOOLEAN, RESOURCE(credential.send_certificate_chain),
     .initial = "false", .example = "true",
     .help = "Send the whole chain, for an application that trusts a subject name and issuer; also "
             "$AZURE_CLIENT_SEND_CERTIFICATE_CHAIN."},
    {"resource.credential", "token_file", SPEC_INPUT, RESOURCE(credential.token_file),
     .example = "azure-identity-token",
     .help = "The federated token of a workload identity, read anew each time, without it "
             "$AZURE_FEDERATED_TOKEN_FILE."},
    {"resource.credential", "object_id", SPEC_REFERENCE, RESOURCE(credential.object_id),
     .example = "33333333-3333-4333-8333-333333333333", .help = "A user-assigned managed identity, by its object id."},
    {"resource.credential", "resource_id", SPEC_REFERENCE, RESOURCE(credential.resource_id),
     .example = "/subscriptions/0/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/rollcall",
     .help = "A user-assigned managed identity, by its resource id."},
    {"resource.credential", "authority_host", SPEC_REFERENCE, RESOURCE(credential.authority_host),
     .example = "https://login.microsoftonline.us",
     .help = "Where to sign in, without it $AZURE_AUTHORITY_HOST, else https://login.microsoftonline.com."},
    {"resource.credential", "ca_file", SPEC_INPUT, RESOURCE(credential.ca_file), .example = "ca.pem",
     .help =
         "PEM file with the only certificate authorities to trust for authority_host; without it the system's are."},
    {"resource", "api_version", SPEC_WORD, RESOURCE(api_version), .choices = api_versions, .initial = "2023-10-01",
     .example = "2023-10-01", .help = "The version of the service's interface to speak."},
    {"resource", "custom_id", SPEC_BOOLEAN, RESOURCE(custom_id), .initial = "false", .example = "true",
     .help = "Give each identity an id of ours, so that a repeated create returns the same identity."},
    {"resource", "ca_file", SPEC_INPUT, RESOURCE(ca_file), .example = "ca.pem",
     .help = "PEM file with the only certificate authorities to trust; without it the system's are."},

    {"resource", "share", SPEC_INTEGER, RESOURCE(share), .min = 0, .max = 1000000, .example = "3",
     .help = "Under resources: how much of the users belong here, next to the others' shares; by a hash of the key."},
    {"resource", "quotas", SPEC_SECTION,
     .help = "What this resource allows, where that is not what engine.quotas says."},
    {"resource.quotas", "create", SPEC_QUOTA, RESOURCE(quotas[ACTION_PROVISION]), .example = "1000/30s",
     .help = "Creating identities."},
    {"resource.quotas", "issue", SPEC_QUOTA, RESOURCE(quotas[ACTION_ISSUE]), .example = "1000/30s",
     .help = "Issuing tokens."},
    {"resource.quotas", "revoke", SPEC_QUOTA, RESOURCE(quotas[ACTION_REVOKE]), .example = "500/30s",
     .help = "Revoking tokens."},
    {"resource.quotas", "delete", SPEC_QUOTA, RESOURCE(quotas[ACTION_DELETE]), .example = "500/30s",
     .help = "Deleting identities."},
    {"resource.quotas", "exchange", SPEC_QUOTA, RESOURCE(quotas[ACTION_EXCHANGE]), .example = "500/30s",
     .help = "Exchanging Teams users' tokens."},

    {"", "ledger", SPEC_PATH, FIELD(ledger), .required = true, .example = "contoso.ledger",
     .help = "The SQLite file that remembers who has which identity. Made by the first run; keep it safe."},

    {"", "roster", SPEC_SECTION, .required = true, .help = "The list of users: the state to reach."},
    {"roster", "csv", SPEC_ROSTER, FIELD(roster.csv), .required = true, .example = "users.csv",
     .help = "The CSV file with one user a row and a header; '-' reads standard input."},
    {"roster", "key", SPEC_TEXT, FIELD(roster.key), .required = true, .example = "user_id",
     .help = "The column with each user's unique key."},
    {"roster", "delimiter", SPEC_DELIMITER, FIELD(roster.delimiter), .initial = ",", .example = "\";\"",
     .help = "The character between fields; the word tab stands for a tabulator."},
    {"roster", "watch", SPEC_TEXTS, FIELD(roster.watch), .max = 1024, .example = "[password_changed_at]",
     .help = "The columns whose change makes a user `changed`."},
    {"roster", "previous", SPEC_INPUT, FIELD(roster.previous), .example = "users-yesterday.csv",
     .help = "An older roster to compare with, instead of the ledger."},
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): the field is a pointer */
    {"roster", "where", SPEC_WHERE, FIELD(roster.where), .min = 1, .max = 64,
     .example = "{ department: [sales, service] }",
     .help = "Take only the rows whose columns have one of these values."},
    {"roster", "resource_column", SPEC_TEXT, FIELD(roster.resource_column), .example = "region",
     .help = "The column with the name of each user's resource, one of resources."},
    {"roster", "teams_token_column", SPEC_TEXT, FIELD(roster.teams_token_column), .example = "entra_token",
     .help = "For exchanges: the column with each Teams user's Entra token; the roster then has mode 0600, or is '-'."},
    {"roster", "teams_user_column", SPEC_TEXT, FIELD(roster.teams_user_column), .example = "object_id",
     .help = "For exchanges: the column with each Teams user's object id in Entra."},
    {"roster", "duplicates", SPEC_CHOICE, FIELD(roster.duplicates), .choices = duplicates, .initial = "refuse",
     .example = "first", .help = "What to do about two rows with the same key: refuse the roster, or take the first."},

    {"", "token", SPEC_SECTION, .help = "The access tokens to issue."},
    {"token", "scopes", SPEC_WORDS, FIELD(token.scopes), .choices = scopes, .initial = "[]", .max = 5,
     .example = "[chat, voip]", .help = "What a token is good for; empty: identities without tokens."},
    {"token", "lifetime", SPEC_DURATION, FIELD(token.lifetime_min), .initial = "24h", .min = HOUR, .max = 24 * HOUR,
     .unit_ms = MINUTE, .example = "24h", .help = "How long a token is valid, in whole minutes."},
    {"token", "teams_app_id", SPEC_TEXT, FIELD(token.teams_app_id), .example = "00000000-0000-0000-0000-000000000000",
     .help = "For exchanges: the id of the application that the Entra tokens were made for."},

    {"", "rules", SPEC_SECTION, .required = true, .min = 1,
     .help = "What to do with each category of users; a category without a rule is kept as it is."},
    {"rules", "added", SPEC_ACTIONS, FIELD(rules.added), .choices = on_added, .initial = "keep", .example = "provision",
     .help = "Users in the roster who have no identity yet."},
    {"rules", "changed", SPEC_ACTIONS, FIELD(rules.changed), .choices = on_known, .initial = "keep",
     .example = "[revoke, issue]", .help = "Users of whom a watched column has changed."},
    {"rules", "expiring", SPEC_SECTION, .help = "Users whose token ends soon, or who have none."},
    {"rules.expiring", "within", SPEC_DURATION, FIELD(rules.expiring.within_s), .required = true, .min = SECOND,
     .max = 24 * HOUR, .unit_ms = SECOND, .example = "6h", .help = "How soon is soon; shorter than token.lifetime."},
    {"rules.expiring", "do", SPEC_ACTIONS, FIELD(rules.expiring.actions), .required = true, .choices = on_known,
     .example = "issue", .help = "What to do with them."},
    {"rules.expiring", "jitter", SPEC_DURATION, FIELD(rules.expiring.jitter_s), .initial = "0s", .max = 24 * HOUR,
     .unit_ms = SECOND, .example = "1h",
     .help = "Spread: each user's `within` is longer by a share of this, so that not all expire at once."},
    {"rules", "unchanged", SPEC_ACTIONS, .choices = only_keep, .initial = "keep", .example = "keep",
     .help = "Users about whom there is nothing to do."},
    {"rules", "removed", SPEC_SECTION, .main = "do", .example = "{ do: delete, after: 30d, meanwhile: revoke }",
     .help = "Users with an identity who are gone from the roster."},
    {"rules.removed", "do", SPEC_ACTIONS, FIELD(rules.removed.actions), .required = true, .choices = on_removed,
     .example = "delete", .help = "What to do with them."},
    {"rules.removed", "after", SPEC_DURATION, FIELD(rules.removed.after_s), .min = SECOND, .max = 3650 * DAY,
     .unit_ms = SECOND, .example = "30d", .help = "Grace period before that; without it, it is done at once."},
    {"rules.removed", "meanwhile", SPEC_ACTIONS, FIELD(rules.removed.meanwhile), .choices = on_leaving,
     .example = "revoke", .help = "What to do at once when there is a grace period."},
    {"rules", "moved", SPEC_ACTIONS, FIELD(rules.moved), .choices = on_moved, .initial = "keep",
     .example = "[delete, provision]",
     .help = "Users who belong to another resource than the one where their identity is; keep leaves them there."},
    {"rules", "lost", SPEC_ACTIONS, FIELD(rules.lost), .choices = keep_or_provision, .initial = "keep",
     .example = "provision", .help = "Users whose identity the service no longer knows; keep only reports them."},

    {"", "limits", SPEC_SECTION, .help = "A run that would exceed one of these does nothing and exits 3."},
    {"limits", "delete", SPEC_LIMIT, FIELD(limits.erase), .initial = "5%", .example = "[5%, 500]",
     .help = "How many identities one run may delete; a percentage is of those in use."},
    {"limits", "revoke", SPEC_LIMIT, FIELD(limits.revoke), .initial = "20%", .example = "20%",
     .help = "How many identities one run may revoke; a percentage is of those in use."},
    {"limits", "shrink", SPEC_LIMIT, FIELD(limits.shrink), .initial = "20%", .example = "10%",
     .help = "How many users the roster may lose since the last good run, whether roster.where selects them or not."},
    {"limits", "protect", SPEC_TEXTS, FIELD(limits.protect), .max = 10000, .example = "[ceo@contoso.example]",
     .help = "Keys that are never revoked or deleted, whatever the roster says; neither case nor blanks around them "
             "matter."},

    {"", "outputs", SPEC_SECTION, .help = "What a run writes."},
    {"outputs", "mapping", SPEC_PATH, FIELD(outputs.mapping), .example = "out/mapping.csv",
     .help = "CSV with each key, its identity, state and token expiry; whole and new after every run."},
    {"outputs", "tokens", SPEC_SECTIONS, ELEMENTS(outputs.sinks, outputs.sink_count), .max = SPEC_SINKS_MAX,
     .help =
         "Where tokens go: each sink is one of csv, ndjson, command, postgres and sqlite. A token counts as delivered "
         "when every required sink has it."},
    {"outputs.tokens", "csv", SPEC_PATH, SINK(path), .example = "out/tokens.csv",
     .help = "A CSV file, readable by its owner only."},
    {"outputs.tokens", "ndjson", SPEC_PATH, SINK(path), .example = "out/tokens.ndjson",
     .help = "A file with one JSON object a line, readable by its owner only."},
    {"outputs.tokens", "command", SPEC_COMMAND, SINK(command), .min = 1, .max = 64,
     .example = "[./store-tokens, --from-stdin]",
     .help =
         "A program and its arguments, started without a shell in the job spec's directory for each batch: it gets one "
         "JSON object a line on its standard input, and the batch is delivered when it has read all of it and ended "
         "with status 0; 75 asks to try again. One that outlives a run that was killed may come after that of the next "
         "run: of two tokens of a user, keep the one whose `expires_at` is later."},
    {"outputs.tokens", "postgres", SPEC_REFERENCE, SINK(connection), .secret = true,
     .example = "{ env: TOKENS_DATABASE }",
     .help = "A PostgreSQL connection string; rows of `table` are added, or updated where the key stands already."},
    {"outputs.tokens", "sqlite", SPEC_PATH, SINK(path), .example = "out/tokens.db",
     .help = "An SQLite database, readable by its owner only, with such a table; both are made when they are missing."},
    {"outputs.tokens", "table", SPEC_TEXT, SINK(table), .initial = "acs_tokens", .example = "chat.acs_tokens",
     .help = "The table, in PostgreSQL also schema.table. The key's column must be unique."},
    {"outputs.tokens", "columns", SPEC_SECTION, .min = 1,
     .help = "The table's columns; without this all four are written, under the names that they have in a CSV file."},
    {"outputs.tokens.columns", "key", SPEC_TEXT, SINK(columns.key), .required = true, .example = "user_id",
     .help = "Column of the user's key."},
    {"outputs.tokens.columns", "identity_id", SPEC_TEXT, SINK(columns.identity_id), .example = "acs_id",
     .help = "Column of the identity; not written where this is left out."},
    {"outputs.tokens.columns", "token", SPEC_TEXT, SINK(columns.token), .required = true, .example = "access_token",
     .help = "Column of the token."},
    {"outputs.tokens.columns", "expires_at", SPEC_TEXT, SINK(columns.expires_at), .example = "valid_until",
     .help = "Column of its end; not written where this is left out."},
    {"outputs.tokens", "encrypt", SPEC_SECTION, .main = "to", .example = "application.pem",
     .help = "Encrypts a file, so that the disk never holds a token in the clear."},
    {"outputs.tokens.encrypt", "to", SPEC_INPUTS, SINK(recipients), .required = true, .min = 1, .max = 16,
     .example = "[application.pem, rescue.pem]",
     .help = "PEM certificates of those who can decrypt it, each alone. Each run then writes a file of its own, named "
             "after "
             "its time: tokens.csv becomes tokens-20261122T080910Z.csv.cms."},
    {"outputs.tokens", "batch", SPEC_INTEGER, SINK(batch), .initial = "500", .min = 1, .max = 500, .example = "100",
     .help = "How many tokens a command gets at one time, at most."},
    {"outputs.tokens", "time_limit", SPEC_DURATION, SINK(time_limit_ms), .initial = "60s", .min = SECOND, .max = HOUR,
     .unit_ms = 1, .example = "30s", .help = "For one batch; what takes longer is ended, and tried again."},
    {"outputs.tokens", "required", SPEC_BOOLEAN, SINK(required), .initial = "true", .example = "false",
     .help =
         "Whether a token must have reached this sink to count as delivered; one that has not is issued again by the "
         "next run."},
    {"outputs", "failures", SPEC_PATH, FIELD(outputs.failures), .example = "out/failures.csv",
     .help = "CSV with the failed roster rows plus error columns; usable as a roster again."},
    {"outputs", "metrics", SPEC_PATH, FIELD(outputs.metrics), .example = "out/job.prom",
     .help = "Prometheus metrics for the node exporter's textfile collector; whole and new after every run."},
    {"outputs", "escape_formulas", SPEC_BOOLEAN, FIELD(outputs.escape_formulas), .initial = "false", .example = "true",
     .help =
         "Put a ' before values of a CSV that a spreadsheet would take for a formula. `rollcall import` takes it away "
         "again; a roster made from outputs.failures keeps it."},

    {"", "hooks", SPEC_SECTION,
     .help =
         "Programs to start when a run has ended and the ledger is free again, without a shell and in the job spec's "
         "directory. They get the run_ended event of --json on standard input, a JSON object on one line. One that "
         "fails is told, with the end of what it said; when everything else is done, the exit status is 6."},
    {"hooks", "after_run", SPEC_COMMAND, FIELD(hooks.after_run), .min = 1, .max = 64, .example = "[./upload, --all]",
     .help = "A program and its arguments, after every run that began, however it ended."},
    {"hooks", "on_failure", SPEC_COMMAND, FIELD(hooks.on_failure), .min = 1, .max = 64,
     .example = "[./notify, on-call]",
     .help =
         "Likewise, after that, when the exit status is not 0: also when a limit, the roster or the credential refused "
         "the run (it then gets an event run_refused, with exit_status and reason) and when after_run failed. Not when "
         "another run holds the ledger (5)."},
    {"hooks", "time_limit", SPEC_DURATION, FIELD(hooks.time_limit_ms), .initial = "60s", .min = SECOND, .max = HOUR,
     .unit_ms = 1, .example = "10s", .help = "What takes longer is ended."},

    {"", "engine", SPEC_SECTION, .help = "How fast; the defaults are the service's published quotas."},
    {"engine", "concurrency", SPEC_INTEGER, FIELD(engine.concurrency), .initial = "64", .min = 1, .max = 1024,
     .example = "64", .help = "Requests in flight at the same time."},
    {"engine", "quotas", SPEC_SECTION, .help = "Requests of each kind in any window of time; none: no limit of ours."},
    {"engine.quotas", "create", SPEC_QUOTA, FIELD(engine.default_quotas[ACTION_PROVISION]), .initial = "1000/30s",
     .example = "1000/30s", .help = "Creating identities."},
    {"engine.quotas", "issue", SPEC_QUOTA, FIELD(engine.default_quotas[ACTION_ISSUE]), .initial = "1000/30s",
     .example = "1000/30s", .help = "Issuing tokens."},
    {"engine.quotas", "revoke", SPEC_QUOTA, FIELD(engine.default_quotas[ACTION_REVOKE]), .initial = "500/30s",
     .example = "500/30s", .help = "Revoking tokens."},
    {"engine.quotas", "delete", SPEC_QUOTA, FIELD(engine.default_quotas[ACTION_DELETE]), .initial = "500/30s",
     .example = "500/30s", .help = "Deleting identities."},
    {"engine.quotas", "exchange", SPEC_QUOTA, FIELD(engine.default_quotas[ACTION_EXCHANGE]), .initial = "500/30s",
     .example = "500/30s", .help = "Exchanging Teams users' tokens."},
    {"engine", "create_counts_as_issue", SPEC_BOOLEAN, FIELD(engine.create_counts_as_issue), .initial = "true",
     .example = "false", .help = "A create that also returns a token takes a slot of both quotas."},
    {"engine", "http", SPEC_CHOICE, FIELD(engine.http), .choices = http_versions, .initial = "auto", .example = "auto",
     .help = "The version of HTTP to speak; auto: 2 where offered, but 1.1 for creates without a custom id."},
    {"engine", "connect_to", SPEC_TEXTS, FIELD(engine.connect_to), .max = 64,
     .example = "contoso.communication.azure.com:443:10.1.2.3:443",
     .help = "Connect to another address, such as a private endpoint's; the name stays that of TLS and signing."},
    {"engine", "timeouts", SPEC_SECTION, .help = "When one request is given up and tried again."},
    {"engine.timeouts", "connect", SPEC_DURATION, FIELD(engine.connect_timeout_ms), .initial = "10s", .min = 100,
     .max = 10 * MINUTE, .unit_ms = 1, .example = "10s", .help = "For the connection to stand, TLS included."},
    {"engine.timeouts", "request", SPEC_DURATION, FIELD(engine.request_timeout_ms), .initial = "60s", .min = 100,
     .max = 10 * MINUTE, .unit_ms = 1, .example = "60s", .help = "For the whole request."},
    {"engine.timeouts", "stall", SPEC_DURATION, FIELD(engine.stall_timeout_ms), .initial = "30s", .min = 100,
     .max = 10 * MINUTE, .unit_ms = 1, .example = "30s", .help = "Without a byte in either direction."},
    {"engine", "give_up_after", SPEC_DURATION, FIELD(engine.give_up_after_ms), .initial = "5m", .min = SECOND,
     .max = 24 * HOUR, .unit_ms = 1, .example = "5m",
     .help = "A service that does not answer, or only throttles, for so long, or asks to wait longer, ends the run."},
};
const size_t spec_table_count = sizeof spec_table / sizeof spec_table[0];

const struct spec_key *spec_key_find(const char *section, const char *name)
{
    for (size_t i = 0; i < spec_table_count; i++)
        if (strcmp(spec_table[i].section, section) == 0 && strcmp(spec_table[i].name, name) == 0)
            return &spec_table[i];
    return NULL;
}

bool spec_is_section(const struct spec_key *key)
{
    return key->type == SPEC_SECTION || key->type == SPEC_SECTIONS;
}

const char *spec_key_path(const struct spec_key *key, char path[SPEC_PATH_SIZE])
{
    snprintf(path, SPEC_PATH_SIZE, "%s%s%s", key->section, key->section[0] == '\0' ? "" : ".", key->name);
    return path;
}

const struct spec_key *spec_key_main(const struct spec_key *key)
{
    char path[SPEC_PATH_SIZE];

    return key->main != NULL ? spec_key_find(spec_key_path(key, path), key->main) : NULL;
}

static const char *type_phrase(enum spec_type type)
{
    switch (type) {
    case SPEC_SECTION: return "a mapping";
    case SPEC_SECTIONS: return "a mapping or a list of mappings";
    case SPEC_NAMED: return "a mapping of names to mappings";
    case SPEC_ACTIONS: return "an action or a list of actions";
    case SPEC_TEXT: return "a text";
    case SPEC_NAME: return "a name";
    case SPEC_INTEGER: return "a whole number";
    case SPEC_BOOLEAN: return "true or false";
    case SPEC_CHOICE:
    case SPEC_WORD: return "one word";
    case SPEC_WORDS: return "a list of words";
    case SPEC_TEXTS: return "a text or a list of texts";
    case SPEC_INPUTS: return "the path of a file that is there, or a list of such paths";
    case SPEC_COMMAND: return "a program, or a list of a program and its arguments";
    case SPEC_WHERE: return "a mapping of columns to values";
    case SPEC_DELIMITER: return "one character";
    case SPEC_DURATION: return "a duration";
    case SPEC_LIMIT: return "a percentage, a count, or a list of both";
    case SPEC_QUOTA: return "a quota";
    case SPEC_PATH: return "a path";
    case SPEC_INPUT: return "the path of a file that is there";
    case SPEC_ROSTER: return "the path of a file that is there, or '-'";
    case SPEC_REFERENCE: return "{ env: NAME } or { file: PATH }";
    }
    return "";
}

const char *spec_key_phrase(const struct spec_key *key, char text[SPEC_HINT_SIZE])
{
    const struct spec_key *main_key = key->type == SPEC_SECTION ? spec_key_main(key) : key;

    snprintf(text, SPEC_HINT_SIZE, "%s%s%s", type_phrase(main_key != NULL ? main_key->type : key->type),
             key->main != NULL ? ", or a mapping with " : "", key->main != NULL ? key->main : "");
    return text;
}

static void between(char *text, const char *smallest, const char *largest)
{
    if (strcmp(smallest, largest) == 0)
        snprintf(text, SPEC_HINT_SIZE, "%s", smallest);
    else
        snprintf(text, SPEC_HINT_SIZE, "%s to %s", smallest, largest);
}

const char *spec_key_range(const struct spec_key *key, char text[SPEC_HINT_SIZE])
{
    char smallest[SPEC_SHOWN_SIZE];
    char largest[SPEC_SHOWN_SIZE];

    text[0] = '\0';
    switch (key->type) {
    case SPEC_SECTION: return key->main != NULL ? spec_key_range(spec_key_main(key), text) : text;
    case SPEC_INTEGER:
        snprintf(smallest, sizeof smallest, "%" PRId64, key->min);
        snprintf(largest, sizeof largest, "%" PRId64, key->max);
        between(text, smallest, largest);
        break;
    case SPEC_DURATION:
        between(text, spec_format_duration(key->min, smallest), spec_format_duration(key->max, largest));
        break;
    case SPEC_NAME:
        snprintf(text, SPEC_HINT_SIZE, "1 to %" PRId64 " letters, digits, dots, underscores and hyphens", key->max);
        break;
    case SPEC_DELIMITER: snprintf(text, SPEC_HINT_SIZE, "any but a quote or a line break"); break;
    case SPEC_LIMIT: snprintf(text, SPEC_HINT_SIZE, "0%% to 100%%, or 0 and up"); break;
    case SPEC_QUOTA:
        snprintf(text, SPEC_HINT_SIZE, "1 to %d requests in %s to %s, or none", QUOTA_COUNT_MAX,
                 spec_format_duration(QUOTA_WINDOW_MIN_MS, smallest),
                 spec_format_duration(QUOTA_WINDOW_MAX_MS, largest));
        break;
    case SPEC_NAMED: snprintf(text, SPEC_HINT_SIZE, "1 to %" PRId64 " of them", key->max); break;
    case SPEC_TEXTS:
    case SPEC_INPUTS:
    case SPEC_COMMAND: snprintf(text, SPEC_HINT_SIZE, "at most %" PRId64 " of them", key->max); break;
    case SPEC_WHERE: snprintf(text, SPEC_HINT_SIZE, "1 to %" PRId64 " columns", key->max); break;
    default:
        if (key->choices != NULL)
            spec_append_choices(key->choices, text, SPEC_HINT_SIZE);
        break;
    }
    return text;
}
