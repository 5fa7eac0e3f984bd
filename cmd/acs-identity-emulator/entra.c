#include "entra.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void entra_options_default(struct entra_options *options)
{
    *options = (struct entra_options){
        .tenant = "11111111-1111-4111-8111-111111111111",
        .client_id = "22222222-2222-4222-8222-222222222222",
        .client_secret = "emulator~Secret.1+2/3=&%", /* what has to be encoded in a form */
        .identity_header = "emulator-identity-header",
        .arc_keys = "/var/opt/azcmagent/tokens",
        .lifetime_us = INT64_C(3600) * 1000000,
    };
}

static bool cut_in_three(struct entra_trio *trio, const char *option, const char *text, struct error *error)
{
    if (text == NULL)
        return true;
    trio->copy = strdup(text);
    if (trio->copy == NULL)
        return error_no_memory(error);
    char *next = trio->copy;
    for (int i = 0; i < 3; i++) {
        char *comma = i < 2 ? strchr(next, ',') : NULL;
        if (i < 2 && comma == NULL)
            return error_set(error, ERROR_INPUT, "%s takes three values with commas between them", option);
        trio->parts[i] = next;
        if (comma != NULL) {
            *comma = '\0';
            next = comma + 1;
        }
    }
    return true;
}

static FILE *open_pem(const char *option, const char *path, struct error *error)
{
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        error_errno(error, "%s: cannot read %s", option, path);
        error->code = ERROR_INPUT;
    }
    return file;
}

static bool read_certificates(struct entra *entra, struct error *error)
{
    static const char option[] = "--client-certificate";
    const char *path = entra->options.certificates;
    X509 *certificate;

    entra->certificates = sk_X509_new_null();
    if (entra->certificates == NULL)
        return error_no_memory(error);
    if (path == NULL)
        return true;
    FILE *file = open_pem(option, path, error);
    if (file == NULL)
        return false;
    while ((certificate = PEM_read_X509(file, NULL, NULL, NULL)) != NULL)
        sk_X509_push(entra->certificates, certificate);
    fclose(file);
    return sk_X509_num(entra->certificates) > 0 ||
           error_set(error, ERROR_INPUT, "%s: %s holds no certificate in PEM", option, path);
}

static bool read_federated_key(struct entra *entra, struct error *error)
{
    static const char option[] = "--federated";
    const char *path = entra->federated.parts[2];

    if (path == NULL)
        return true;
    FILE *file = open_pem(option, path, error);
    if (file == NULL)
        return false;
    entra->federated_key = PEM_read_PUBKEY(file, NULL, NULL, NULL);
    fclose(file);
    return entra->federated_key != NULL ||
           error_set(error, ERROR_INPUT, "%s: %s holds no public key in PEM", option, path);
}

bool entra_init(struct entra *entra, const struct entra_options *options, const char *bearer_token, const char *seed,
                struct error *error)
{
    *entra = (struct entra){.options = *options};
    if (random_init(&entra->random, seed, "entra", error) && bearer_init(&entra->bearer, bearer_token, seed, error) &&
        cut_in_three(&entra->user_assigned, "--user-assigned", options->user_assigned, error) &&
        cut_in_three(&entra->federated, "--federated", options->federated, error) && read_certificates(entra, error) &&
        read_federated_key(entra, error))
        return true;
    entra_clear(entra);
    return false;
}

void entra_clear(struct entra *entra)
{
    if (entra->arc_path[0] != '\0')
        remove(entra->arc_path);
    bearer_clear(&entra->bearer);
    sk_X509_pop_free(entra->certificates, X509_free);
    EVP_PKEY_free(entra->federated_key);
    free(entra->user_assigned.copy);
    free(entra->federated.copy);
    *entra = (struct entra){0};
}

const char *entra_audience(const char *resource)
{
    /* The service's own ends in a slash, and is known by that name alone. */
    static const char *const audiences[] = {BEARER_AUDIENCE, "https://management.azure.com",
                                            "https://management.azure.com/", "https://graph.microsoft.com"};
    static const char suffix[] = "/.default";
    size_t length = strlen(resource);

    if (length >= sizeof suffix - 1 && strcmp(resource + length - (sizeof suffix - 1), suffix) == 0)
        length -= sizeof suffix - 1;
    for (size_t i = 0; i < sizeof audiences / sizeof *audiences; i++)
        if (strlen(audiences[i]) == length && strncmp(audiences[i], resource, length) == 0)
            return audiences[i];
    return NULL;
}
