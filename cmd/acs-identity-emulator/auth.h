/* auth.h - whether a request is allowed: its signature, or its bearer token.
 *
 * Written from the documents of the scheme (reference: acs-identity.md, section 3) and sharing no code with the client:
 * the two check each other.
 */
#ifndef EMULATOR_AUTH_H
#define EMULATOR_AUTH_H

#include "bearer.h"
#include "request.h"
#include "resource.h"

#include <openssl/evp.h>

enum auth_verdict {
    AUTH_ALLOWED,
    AUTH_DENIED,
    AUTH_HASH_DIFFERS, /* x-ms-content-sha256 is not the hash of the body */
    AUTH_BEARER_EXPIRED,
    AUTH_BEARER_OTHER_AUDIENCE,
    AUTH_BEARER_FORGED,
};

/* An assumption; the sibling scheme of App Configuration documents it. */
enum { AUTH_LARGEST_SKEW_S = 15 * 60 };

struct auth {
    EVP_MAC *mac_method;
    EVP_MAC_CTX *mac; /* holds the key */
    EVP_MD *hash_method;
    EVP_MD_CTX *hash;
    struct bearer *bearer; /* borrowed */
};

bool auth_init(struct auth *auth, const struct resource *resource, struct bearer *bearer, struct error *error);
void auth_clear(struct auth *auth);
enum auth_verdict auth_check(struct auth *auth, const struct request *request);

#endif
