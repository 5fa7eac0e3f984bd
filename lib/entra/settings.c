/* From what was given, and from the variables of the SDKs, to a credential that can sign in. */
#include "entra/entra_internal.h"

#include "core/origin.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char public_authority[] = "https://login.microsoftonline.com";

const char *entra_kind_name(enum entra_kind kind)
{
    static const char *const names[] = {
        [ENTRA_CLIENT_SECRET] = "client_secret",
        [ENTRA_CLIENT_CERTIFICATE] = "client_certificate",
        [ENTRA_WORKLOAD_IDENTITY] = "workload_identity",
        [ENTRA_MANAGED_IDENTITY] = "managed_identity",
        [ENTRA_AZURE_CLI] = "azure_cli",
        [ENTRA_ENVIRONMENT] = "environment",
        [ENTRA_DEFAULT] = "default",
    };

    return names[kind];
}

/* --- values --- */

const char *value_of(const char *(*variable)(const char *name), const char *name)
{
    const char *value = variable(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool keep(char **field, const char *value, struct error *error)
{
    if (value == NULL)
        return true;
    *field = strdup(value);
    return *field != NULL || error_no_memory(error);
}

static bool keep_secret(struct secret *field, const struct secret *given, const char *value, struct error *error)
{
    if (given != NULL && secret_is_set(given))
        return secret_set(field, given->bytes, given->length, error);
    return value == NULL || secret_set(field, value, strlen(value), error);
}

/* What becomes part of an address, a form or a claim. */
static bool is_plain(const char *text, const char *others)
{
    for (; *text != '\0'; text++)
        if (!isascii((unsigned char)*text) || (!isalnum((unsigned char)*text) && strchr(others, *text) == NULL))
            return false;
    return true;
}

static bool check_ids(const struct entra_credential *credential, struct error *error)
{
    if (credential->tenant_id != NULL && !is_plain(credential->tenant_id, ".-")) {
        error_set(error, ERROR_INPUT, "the tenant id may hold only letters, digits, dots and hyphens");
        return error_hint(error, "give the tenant's id or its domain in tenant_id or AZURE_TENANT_ID");
    }
    if (credential->client_id != NULL && !is_plain(credential->client_id, ".-_:/")) {
        error_set(error, ERROR_INPUT, "the client id holds characters that no client id has");
        return error_hint(error, "give the application's id in client_id or AZURE_CLIENT_ID");
    }
    return true;
}

/* Some write the authority as a host alone. */
static bool choose_authority(struct entra_credential *credential, const char *given, struct error *error)
{
    char url[ENTRA_ORIGIN_SIZE];
    struct origin origin;
    const bool has_scheme = given != NULL && strstr(given, "://") != NULL;

    if (given == NULL)
        return keep(&credential->authority, public_authority, error);
    const int length = snprintf(url, sizeof url, "%s%s", has_scheme ? "" : "https://", given);
    if ((size_t)length < sizeof url && origin_parse(url, (size_t)length, &origin, error))
        return keep(&credential->authority, origin.url, error);
    error_set(error, ERROR_INPUT, "the authority to sign in at is not a https:// address without a path");
    return error_hint(error, "give for example https://login.microsoftonline.us in authority_host or "
                             "AZURE_AUTHORITY_HOST");
}

static bool choose_identity(struct entra_credential *credential, const struct entra_settings *settings,
                            struct error *error)
{
    const char *client_id = settings->client_id;

    if (settings->kind == ENTRA_DEFAULT) /* only there the variable speaks of a managed identity as well [S 8] */
        client_id = value_of(settings->variable, "AZURE_CLIENT_ID");
    else if (settings->kind != ENTRA_MANAGED_IDENTITY)
        return true;
    credential->identity_is_asked_for = settings->kind == ENTRA_MANAGED_IDENTITY;
    const char *identity = settings->object_id != NULL     ? settings->object_id
                           : settings->resource_id != NULL ? settings->resource_id
                                                           : client_id;
    if (identity == NULL)
        return true;
    credential->selector = settings->object_id != NULL     ? SELECT_OBJECT_ID
                           : settings->resource_id != NULL ? SELECT_RESOURCE_ID
                                                           : SELECT_CLIENT_ID;
    return keep(&credential->identity, identity, error);
}

/* --- what a link lacks --- */

struct need {
    const char *variable;
    bool is_met;
};

/* "AZURE_TENANT_ID and AZURE_CLIENT_ID are not set" */
static void tell_missing(const struct need *needs, size_t count, char said[SAID_SIZE])
{
    size_t missing = 0;
    size_t told = 0;

    for (size_t i = 0; i < count; i++)
        missing += !needs[i].is_met;
    said[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const size_t length = strlen(said);
        if (needs[i].is_met)
            continue;
        told++;
        snprintf(said + length, SAID_SIZE - length, "%s%s",
                 told == 1         ? ""
                 : told == missing ? " and "
                                   : ", ",
                 needs[i].variable);
    }
    if (missing > 0)
        snprintf(said + strlen(said), SAID_SIZE - strlen(said), missing == 1 ? " is not set" : " are not set");
}

/* Adds a way to a token; for an application, with what it lacks. `name` is that of the chain's link. */
static void add_link(struct entra_credential *credential, enum entra_kind kind, enum entra_kind name,
                     const char *certificate)
{
    const size_t link = credential->link_count++;
    const bool is_environment = name == ENTRA_ENVIRONMENT;
    const struct need needs[] = {
        {"AZURE_TENANT_ID", credential->tenant_id != NULL},
        {"AZURE_CLIENT_ID", credential->client_id != NULL},
        kind == ENTRA_CLIENT_SECRET
            ? (struct need){is_environment ? "AZURE_CLIENT_SECRET (or AZURE_CLIENT_CERTIFICATE_PATH)"
                                           : "AZURE_CLIENT_SECRET",
                            secret_is_set(&credential->client_secret)}
        : kind == ENTRA_CLIENT_CERTIFICATE
            ? (struct need){"AZURE_CLIENT_CERTIFICATE_PATH", certificate != NULL}
            : (struct need){"AZURE_FEDERATED_TOKEN_FILE", credential->token_file != NULL},
    };

    credential->links[link] = kind;
    credential->names[link] = name;
    if (kind != ENTRA_MANAGED_IDENTITY && kind != ENTRA_AZURE_CLI)
        tell_missing(needs, sizeof needs / sizeof needs[0], credential->missing[link]);
}

static void add_environment(struct entra_credential *credential, const char *certificate)
{
    const bool has_secret = secret_is_set(&credential->client_secret);

    /* The secret wins over a certificate where both are set [S 3]. */
    add_link(credential, !has_secret && certificate != NULL ? ENTRA_CLIENT_CERTIFICATE : ENTRA_CLIENT_SECRET,
             ENTRA_ENVIRONMENT, certificate);
}

/* --- the chain of default --- */

enum { WITH_ENVIRONMENT = 1, WITH_WORKLOAD = 2, WITH_IDENTITY = 4, WITH_CLI = 8 };

/* AZURE_TOKEN_CREDENTIALS: a group, or one credential by its type's name [S 8]. 0: it is none that we have. */
static unsigned links_of(const char *text)
{
    static const struct {
        const char *word;
        unsigned links;
    } words[] = {
        {"dev", WITH_CLI},
        {"prod", WITH_ENVIRONMENT | WITH_WORKLOAD | WITH_IDENTITY},
        {"EnvironmentCredential", WITH_ENVIRONMENT},
        {"WorkloadIdentityCredential", WITH_WORKLOAD},
        {"ManagedIdentityCredential", WITH_IDENTITY},
        {"AzureCliCredential", WITH_CLI},
    };

    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i].word) == length && strncasecmp(text, words[i].word, length) == 0)
            return words[i].links;
    return 0;
}

static bool add_chain(struct entra_credential *credential, const struct entra_settings *settings,
                      const char *certificate, struct error *error)
{
    const char *chosen = value_of(settings->variable, "AZURE_TOKEN_CREDENTIALS");
    const unsigned links =
        chosen == NULL ? WITH_ENVIRONMENT | WITH_WORKLOAD | WITH_IDENTITY | WITH_CLI : links_of(chosen);

    if (links == 0) {
        error_set(error, ERROR_INPUT,
                  "AZURE_TOKEN_CREDENTIALS is \"%.40s\", which is no way to sign in that rollcall "
                  "knows",
                  chosen);
        return error_hint(error, "set it to dev, prod, EnvironmentCredential, WorkloadIdentityCredential, "
                                 "ManagedIdentityCredential or AzureCliCredential, or unset it");
    }
    if ((links & WITH_ENVIRONMENT) != 0)
        add_environment(credential, certificate);
    if ((links & WITH_WORKLOAD) != 0)
        add_link(credential, ENTRA_WORKLOAD_IDENTITY, ENTRA_WORKLOAD_IDENTITY, NULL);
    if ((links & WITH_IDENTITY) != 0) {
        credential->probes = links != WITH_IDENTITY; /* one that was asked for by name is waited for */
        add_link(credential, ENTRA_MANAGED_IDENTITY, ENTRA_MANAGED_IDENTITY, NULL);
    }
    if ((links & WITH_CLI) != 0)
        add_link(credential, ENTRA_AZURE_CLI, ENTRA_AZURE_CLI, NULL);
    return true;
}

/* --- together --- */

/* A kind that was chosen by name must have what it needs; the chain of default finds out. */
static bool check_complete(const struct entra_credential *credential, struct error *error)
{
    if (credential->is_default || credential->missing[0][0] == '\0')
        return true;
    error_set(error, ERROR_INPUT, "%s: %s", entra_kind_name(credential->names[0]), credential->missing[0]);
    return error_hint(error, credential->names[0] == ENTRA_ENVIRONMENT
                                 ? "set what is missing, or choose another kind of credential"
                                 : "set what is missing, or give it beside kind in resource.credential");
}

static bool is_true(const char *text)
{
    return text != NULL && (strcmp(text, "1") == 0 || strcasecmp(text, "true") == 0);
}

static bool needs_certificate(const struct entra_credential *credential)
{
    for (size_t i = 0; i < credential->link_count; i++)
        if (credential->links[i] == ENTRA_CLIENT_CERTIFICATE && credential->missing[i][0] == '\0')
            return true;
    return false;
}

static bool load_certificate(struct entra_credential *credential, const struct entra_settings *settings,
                             const char *path, struct error *error)
{
    struct secret password = {0};

    credential->sends_chain =
        settings->send_certificate_chain || is_true(settings->variable("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"));
    const bool ok = keep_secret(&password, settings->certificate_password,
                                value_of(settings->variable, "AZURE_CLIENT_CERTIFICATE_PASSWORD"), error) &&
                    certificate_load(&credential->certificate, path, &password, error);
    secret_clear(&password);
    return ok;
}

static bool fill(struct entra_credential *credential, const struct entra_settings *settings, struct error *error)
{
    const char *certificate = settings->certificate != NULL
                                  ? settings->certificate
                                  : value_of(settings->variable, "AZURE_CLIENT_CERTIFICATE_PATH");
    const char *authority = settings->authority_host != NULL ? settings->authority_host
                                                             : value_of(settings->variable, "AZURE_AUTHORITY_HOST");
    const char *tenant = settings->tenant_id;
    bool ok = true;

    if (tenant == NULL && settings->kind != ENTRA_AZURE_CLI) /* the CLI has a tenant of its own */
        tenant = value_of(settings->variable, "AZURE_TENANT_ID");
    if (!keep(&credential->tenant_id, tenant, error) ||
        !keep(&credential->client_id,
              settings->client_id != NULL ? settings->client_id : value_of(settings->variable, "AZURE_CLIENT_ID"),
              error) ||
        !keep(&credential->token_file,
              settings->token_file != NULL ? settings->token_file
                                           : value_of(settings->variable, "AZURE_FEDERATED_TOKEN_FILE"),
              error) ||
        !keep_secret(&credential->client_secret, settings->client_secret,
                     value_of(settings->variable, "AZURE_CLIENT_SECRET"), error) ||
        !choose_authority(credential, authority, error) || !choose_identity(credential, settings, error) ||
        !check_ids(credential, error))
        return false;
    if (settings->kind == ENTRA_DEFAULT)
        ok = add_chain(credential, settings, certificate, error);
    else if (settings->kind == ENTRA_ENVIRONMENT)
        add_environment(credential, certificate);
    else
        add_link(credential, settings->kind, settings->kind, certificate);
    return ok && check_complete(credential, error) &&
           (!needs_certificate(credential) || load_certificate(credential, settings, certificate, error));
}

struct entra_credential *entra_credential_new(const struct entra_settings *settings, struct error *error)
{
    struct entra_credential *credential = calloc(1, sizeof *credential);

    if (credential == NULL) {
        error_no_memory(error);
        return NULL;
    }
    credential->is_default = settings->kind == ENTRA_DEFAULT;
    credential->variable = settings->variable;
    request_init(&credential->request);
    if (fill(credential, settings, error))
        return credential;
    entra_credential_free(credential);
    return NULL;
}

void entra_credential_free(struct entra_credential *credential)
{
    if (credential == NULL)
        return;
    free(credential->tenant_id);
    free(credential->client_id);
    free(credential->token_file);
    free(credential->authority);
    free(credential->identity);
    secret_clear(&credential->client_secret);
    certificate_clear(&credential->certificate);
    request_clear(&credential->request);
    entra_token_clear(&credential->token);
    free(credential);
}
