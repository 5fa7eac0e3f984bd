#include "options.h"

#include "duration.h"

#include "core/roff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* One row for each option: what is parsed and what --help prints. */
struct option {
    const char *name;
    const char *argument; /* NULL: takes none */
    const char *help;
    bool (*set)(struct options *options, const char *value, struct error *error);
};

static const char default_listen[] = "127.0.0.1:10110";

static bool set_listen(struct options *options, const char *value, struct error *error)
{
    return address_parse(value, &options->listen, error);
}

static bool set_tls(struct options *options, const char *value, struct error *error)
{
    (void)value;
    (void)error;
    options->tls = true;
    return true;
}

static bool set_tls_dir(struct options *options, const char *value, struct error *error)
{
    (void)error;
    options->tls_directory = value;
    return true;
}

static bool set_access_key(struct options *options, const char *value, struct error *error)
{
    (void)error; /* checked by resource_init() */
    options->access_key = value;
    return true;
}

static bool set_bearer_token(struct options *options, const char *value, struct error *error)
{
    if (value[0] == '\0')
        return error_set(error, ERROR_INPUT, "--bearer-token is empty");
    options->service.bearer_token = value;
    return true;
}

/* A text that must not be empty, into one of the options of Entra ID. */
static bool set_text(const char **text, const char *option, const char *value, struct error *error)
{
    if (value[0] == '\0')
        return error_set(error, ERROR_INPUT, "%s is empty", option);
    *text = value;
    return true;
}

static bool set_tenant(struct options *options, const char *value, struct error *error)
{
    return set_text(&options->service.entra.tenant, "--tenant", value, error);
}

static bool set_client_id(struct options *options, const char *value, struct error *error)
{
    return set_text(&options->service.entra.client_id, "--client-id", value, error);
}

static bool set_client_secret(struct options *options, const char *value, struct error *error)
{
    return set_text(&options->service.entra.client_secret, "--client-secret", value, error);
}

static bool set_client_certificate(struct options *options, const char *value, struct error *error)
{
    return set_text(&options->service.entra.certificates, "--client-certificate", value, error);
}

static bool set_federated(struct options *options, const char *value, struct error *error)
{
    return set_text(&options->service.entra.federated, "--federated", value, error);
}

static bool set_user_assigned(struct options *options, const char *value, struct error *error)
{
    return set_text(&options->service.entra.user_assigned, "--user-assigned", value, error);
}

static bool set_identity_header(struct options *options, const char *value, struct error *error)
{
    return set_text(&options->service.entra.identity_header, "--identity-header", value, error);
}

static bool set_arc_keys(struct options *options, const char *value, struct error *error)
{
    return set_text(&options->service.entra.arc_keys, "--arc-keys", value, error);
}

static bool set_length(int64_t *length_us, const char *option, const char *value, struct error *error)
{
    if (duration_parse(value, strlen(value), length_us) && *length_us >= 1000000)
        return true;
    return error_set(error, ERROR_INPUT, "%s: \"%s\" is not a length of time from 1s on", option, value);
}

static bool set_bearer_lifetime(struct options *options, const char *value, struct error *error)
{
    return set_length(&options->service.entra.lifetime_us, "--bearer-lifetime", value, error);
}

static bool set_bearer_refresh_in(struct options *options, const char *value, struct error *error)
{
    return set_length(&options->service.entra.refresh_in_us, "--bearer-refresh-in", value, error);
}

static bool set_ready_file(struct options *options, const char *value, struct error *error)
{
    if (value[0] == '\0')
        return error_set(error, ERROR_INPUT, "--ready-file is empty");
    options->ready_file = value;
    return true;
}

static bool set_limits(struct options *options, const char *value, struct error *error)
{
    return quota_limits_parse(value, &options->service.limits, error);
}

/* Finds a word in a list of them; the error names the list. */
static bool choose(const char *option, const char *value, const char *const *words, int *choice, struct error *error)
{
    char list[128] = "";

    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], value) == 0) {
            *choice = i;
            return true;
        }
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i == 0 ? "" : ", ", words[i]);
    }
    error_set(error, ERROR_INPUT, "%s: \"%s\" is not one of its words", option, value);
    return error_hint(error, "use one of: %s", list);
}

static bool set_window(struct options *options, const char *value, struct error *error)
{
    static const char *const words[] = {
        [QUOTA_SLIDING] = "sliding", [QUOTA_FIXED] = "fixed", [QUOTA_BUCKET] = "bucket", NULL};
    int choice = 0;

    if (!choose("--window", value, words, &choice, error))
        return false;
    options->service.window = (enum quota_kind)choice;
    return true;
}

static bool set_retry_after(struct options *options, const char *value, struct error *error)
{
    static const char *const words[] = {[RETRY_SECONDS] = "seconds", [RETRY_DATE] = "date", [RETRY_MS] = "ms",
                                        [RETRY_X_MS] = "x-ms",       [RETRY_NONE] = "none", NULL};
    int choice = 0;

    if (!choose("--retry-after", value, words, &choice, error))
        return false;
    options->service.retry = (enum retry_form)choice;
    return true;
}

static bool set_gone(struct options *options, const char *value, struct error *error)
{
    static const char *const words[] = {[GONE_404] = "404", [GONE_401] = "401", NULL};
    int choice = 0;

    if (!choose("--gone", value, words, &choice, error))
        return false;
    options->service.gone = (enum gone_form)choice;
    return true;
}

static bool set_latency(struct options *options, const char *value, struct error *error)
{
    const size_t length = strlen(value);
    const size_t first = strcspn(value, "-");

    if (first == length) {
        if (duration_parse(value, length, &options->latency_least_us)) {
            options->latency_most_us = options->latency_least_us;
            return true;
        }
    } else if (duration_parse(value, first, &options->latency_least_us) &&
               duration_parse(value + first + 1, length - first - 1, &options->latency_most_us) &&
               options->latency_least_us <= options->latency_most_us) {
        return true;
    }
    error_set(error, ERROR_INPUT, "--latency: \"%s\" is not a length of time", value);
    return error_hint(error, "write it as 100ms, or as a range such as 50ms-200ms");
}

static bool set_create_counts_as_issue(struct options *options, const char *value, struct error *error)
{
    (void)value;
    (void)error;
    options->service.create_counts_as_issue = true;
    return true;
}

static bool set_remember_request_ids(struct options *options, const char *value, struct error *error)
{
    (void)value;
    (void)error;
    options->service.remember_request_ids = true;
    return true;
}

static bool set_faults(struct options *options, const char *value, struct error *error)
{
    if (value[0] == '\0')
        return error_set(error, ERROR_INPUT, "--faults is empty");
    options->service.faults = value;
    return true;
}

static bool set_seed(struct options *options, const char *value, struct error *error)
{
    if (value[0] == '\0' || strlen(value) >= sizeof options->seed)
        return error_set(error, ERROR_INPUT, "--seed must have 1 to %d characters", SEED_TEXT_SIZE - 1);
    memcpy(options->seed, value, strlen(value) + 1);
    options->seed_is_random = false;
    return true;
}

static bool set_preload(struct options *options, const char *value, struct error *error)
{
    char *end;

    options->preload = strtoull(value, &end, 10);
    if (value[0] >= '0' && value[0] <= '9' && *end == '\0' && options->preload <= 1000000000)
        return true;
    return error_set(error, ERROR_INPUT, "--preload: \"%s\" is not a number from 0 to 1000000000", value);
}

static bool set_help(struct options *options, const char *value, struct error *error)
{
    (void)value;
    (void)error;
    options->request = OPTIONS_HELP;
    return true;
}

static bool set_version(struct options *options, const char *value, struct error *error)
{
    (void)value;
    (void)error;
    options->request = OPTIONS_VERSION;
    return true;
}

static const struct option table[] = {
    {"--listen", "ADDR:PORT", "where to listen; port 0 picks a free one (default 127.0.0.1:10110)", set_listen},
    {"--tls", NULL, "serve HTTPS with a certificate made for localhost, 127.0.0.1 and ::1", set_tls},
    {"--tls-dir", "DIR", "where the certificate is written (default: a temporary directory)", set_tls_dir},
    {"--access-key", "BASE64", "the access key (default: made from the seed)", set_access_key},
    {"--bearer-token", "TOKEN", "accept this Microsoft Entra token as well (default: none)", set_bearer_token},
    {"--bearer-lifetime", "TIME", "of the tokens that its own Entra ID gives out (default 1h)", set_bearer_lifetime},
    {"--bearer-refresh-in", "TIME", "when they ask to be renewed (default: not said)", set_bearer_refresh_in},
    {"--tenant", "ID", "of its Entra ID; README.md has what this and the next two are without it", set_tenant},
    {"--client-id", "ID", "of the application that may sign in", set_client_id},
    {"--client-secret", "TEXT", "its secret", set_client_secret},
    {"--client-certificate", "FILE", "its certificates (PEM); one with that key may sign in (default: none)",
     set_client_certificate},
    {"--federated", "I,S,FILE", "tokens of issuer I for subject S, signed with this key (PEM), may sign in",
     set_federated},
    {"--user-assigned", "C,O,R", "client id, object id and resource id of a user-assigned managed identity",
     set_user_assigned},
    {"--identity-header", "TEXT", "the secret of the managed identity endpoints that have one", set_identity_header},
    {"--arc-keys", "DIR", "where challenges of Azure Arc are put (default /var/opt/azcmagent/tokens)", set_arc_keys},
    {"--ready-file", "PATH", "written once it listens: the connection string; removed at exit", set_ready_file},
    {"--limits", "LIMITS", "published (default), none, or a list: create=100/3s,issue=10/500ms", set_limits},
    {"--window", "KIND", "of the limits: sliding (default), fixed or bucket", set_window},
    {"--retry-after", "FORM", "of a 429: seconds (default), date, ms, x-ms or none", set_retry_after},
    {"--create-counts-as-issue", NULL, "a create with a token also uses the limit of issue",
     set_create_counts_as_issue},
    {"--latency", "TIME", "acts at once, but answers after 100ms, or 50ms-200ms (default: at once)", set_latency},
    {"--gone", "STATUS", "for deleted or unknown identities: 404 (default) or 401", set_gone},
    {"--preload", "N", "start with N identities", set_preload},
    {"--remember-request-ids", NULL, "keep each create's x-ms-client-request-id, for /_emulator/identities",
     set_remember_request_ids},
    {"--faults", "FILE", "a script (YAML) of what goes wrong; README.md describes it", set_faults},
    {"--seed", "TEXT", "makes resource, key and random values repeatable (default: random)", set_seed},
    {"--help", NULL, "print this", set_help},
    {"--version", NULL, "print the version", set_version},
};

enum { OPTION_ROWS = sizeof table / sizeof *table, MANUAL_MAX = 64 * 1024 };

void options_print_help(void)
{
    printf("usage: acs-identity-emulator [options]\n\n"
           "A local Azure Communication Services Identity service. Everything is kept in memory.\n"
           "The first line of output is the connection string; with --tls the second is certificate=PATH.\n"
           "GET /_emulator/stats and /_emulator/identities (from loopback, unsigned) show its state.\n\n");
    for (size_t i = 0; i < OPTION_ROWS; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s%s", table[i].name, table[i].argument == NULL ? "" : " ",
                 table[i].argument == NULL ? "" : table[i].argument);
        printf("  %-26s %s\n", name, table[i].help);
    }
}

char *options_manual(void)
{
    struct buffer page;
    char *text = NULL;

    buffer_init(&page, MANUAL_MAX);
    for (size_t i = 0; i < OPTION_ROWS; i++) {
        roff_append_option(&page, table[i].name, table[i].argument);
        roff_append(&page, table[i].help);
        buffer_append_text(&page, ".\n");
    }
    if (!buffer_failed(&page))
        text = strdup(page.data);
    buffer_clear(&page);
    return text;
}

static const struct option *find_option(const char *argument, size_t length)
{
    for (size_t i = 0; i < OPTION_ROWS; i++)
        if (strlen(table[i].name) == length && strncmp(table[i].name, argument, length) == 0)
            return &table[i];
    return NULL;
}

/* "--name", "--name value" or "--name=value"; *index is left at the last argument used. */
static bool parse_one(struct options *options, int count, char **arguments, int *index, struct error *error)
{
    const char *argument = arguments[*index];
    const size_t length = strcspn(argument, "=");
    const struct option *option = find_option(argument, length);
    const char *value = argument[length] == '=' ? argument + length + 1 : NULL;

    if (option == NULL) {
        error_set(error, ERROR_INPUT, "unknown option \"%s\"", argument);
        return error_hint(error, "see acs-identity-emulator --help");
    }
    if (option->argument == NULL && value != NULL)
        return error_set(error, ERROR_INPUT, "%s takes no value", option->name);
    if (option->argument != NULL && value == NULL) {
        if (*index + 1 == count) {
            error_set(error, ERROR_INPUT, "%s needs a value", option->name);
            return error_hint(error, "%s %s: %s", option->name, option->argument, option->help);
        }
        value = arguments[++*index];
    }
    return option->set(options, value, error);
}

static bool pick_seed(struct options *options, struct error *error)
{
    uint64_t number;

    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return error_errno(error, "cannot get random bytes");
    snprintf(options->seed, sizeof options->seed, "%016llx", (unsigned long long)number);
    options->seed_is_random = true;
    return true;
}

bool options_parse(int count, char **arguments, struct options *options, struct error *error)
{
    *options = (struct options){.service.seed = options->seed};
    quota_limits_published(&options->service.limits);
    entra_options_default(&options->service.entra);
    if (!pick_seed(options, error) || !address_parse(default_listen, &options->listen, error))
        return false;
    for (int i = 1; i < count; i++) {
        if (!parse_one(options, count, arguments, &i, error))
            return false;
        if (options->request != OPTIONS_SERVE)
            return true;
    }
    if (options->tls_directory == NULL || options->tls)
        return true;
    error_set(error, ERROR_INPUT, "--tls-dir is of no use without --tls");
    return error_hint(error, "add --tls");
}
