/* entra.h - the Microsoft Entra ID that goes with the emulated resource: one tenant with one application in it, and the
 * managed identities of the machine.
 *
 * What it knows has values that are always the same and stand in README.md, so that a client can be set up without
 * asking; every one can be given on the command line.  Written from the documents of Entra ID (reference:
 * entra-credentials.md) and sharing no code with the client: the two check each other.
 */
#ifndef EMULATOR_ENTRA_H
#define EMULATOR_ENTRA_H

#include "bearer.h"
#include "random.h"

#include <openssl/x509.h>

struct entra_options { /* borrowed texts */
    const char *tenant;
    const char *client_id;
    const char *client_secret;
    const char *certificates;    /* a PEM file: those whose assertions are accepted; NULL: none */
    const char *federated;       /* "ISSUER,SUBJECT,FILE" with the issuer's public key in PEM; NULL: none */
    const char *user_assigned;   /* "CLIENT_ID,OBJECT_ID,RESOURCE_ID"; NULL: none */
    const char *identity_header; /* the secret of App Service, Service Fabric and Azure ML */
    const char *arc_keys;        /* the directory of Azure Arc's challenges */
    int64_t lifetime_us;
    int64_t refresh_in_us; /* 0: not said */
};

void entra_options_default(struct entra_options *options);

/* A user-assigned managed identity, or a federated credential: three texts that were given in one. */
struct entra_trio {
    char *copy; /* NULL: none was given */
    const char *parts[3];
};

enum { ARC_KEY_LENGTH = 64, ARC_PATH_SIZE = 400 };

struct entra {
    struct entra_options options;
    struct random random;
    struct bearer bearer;
    STACK_OF(X509) * certificates;
    struct entra_trio user_assigned;
    struct entra_trio federated;
    EVP_PKEY *federated_key;
    char arc_path[ARC_PATH_SIZE]; /* of the challenge that is open; "": none */
    char arc_key[ARC_KEY_LENGTH + 1];
};

/* Errors name the option or the file. */
bool entra_init(struct entra *entra, const struct entra_options *options, const char *bearer_token, const char *seed,
                struct error *error);
void entra_clear(struct entra *entra);

/* The audience of the tokens for a resource, given as it is or as a scope ("/.default" is cut off); NULL for one that
 * nobody knows. */
const char *entra_audience(const char *resource);

/* What is wrong with a client assertion: the digits of an AADSTS code; NULL: nothing. `audiences` ends with a NULL. */
const char *entra_assertion_fault(const struct entra *entra, const char *assertion, const char *client_id,
                                  const char *const *audiences, double now_s);

#endif
