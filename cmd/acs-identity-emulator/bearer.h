/* bearer.h - the bearer tokens that the emulator's Entra ID gives out and its service takes: JWTs, signed with a key
 * that is made at the start. */
#ifndef EMULATOR_BEARER_H
#define EMULATOR_BEARER_H

#include "moment.h"
#include "random.h"

#include "core/buffer.h"

#include <openssl/evp.h>

enum { BEARER_KEY_ID_SIZE = 48, BEARER_COORDINATE_SIZE = 44 };

struct bearer {
    EVP_PKEY *key;
    char key_id[BEARER_KEY_ID_SIZE];
    struct random random;
    const char *fixed;  /* a token that is taken as it is; borrowed; NULL: none */
    char *known_good;   /* the token that was verified last, so that it need not be again */
    double known_end_s; /* its end */
};

/* The audience of the service's tokens. */
#define BEARER_AUDIENCE "https://communication.azure.com/"

bool bearer_init(struct bearer *bearer, const char *fixed, const char *seed, struct error *error);
void bearer_clear(struct bearer *bearer);

/* Whom a token is for. */
struct bearer_subject {
    const char *tenant;
    const char *client_id;
    const char *object_id;
};

/* Appends a token. False when OpenSSL or memory fails. */
bool bearer_append(struct bearer *bearer, struct buffer *buffer, const struct bearer_subject *subject,
                   const char *audience, struct moment now, int64_t lifetime_us);

enum bearer_verdict { BEARER_GOOD, BEARER_MALFORMED, BEARER_FORGED, BEARER_EXPIRED, BEARER_OTHER_AUDIENCE };

enum bearer_verdict bearer_check(struct bearer *bearer, const char *token, struct moment now);

/* The public key's coordinates, base64url, as a JSON Web Key has them. */
bool bearer_public_key(const struct bearer *bearer, char x[BEARER_COORDINATE_SIZE], char y[BEARER_COORDINATE_SIZE]);

#endif
