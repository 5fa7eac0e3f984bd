/* jwt.h - JSON Web Tokens: taking them apart, verifying and signing them (RFC 7515, 7518). */
#ifndef EMULATOR_JWT_H
#define EMULATOR_JWT_H

#include "core/buffer.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

struct jwt {
    json_t *header;
    json_t *claims;
    const char *text; /* borrowed; what is signed are its first `signed_length` bytes */
    size_t signed_length;
    unsigned char *signature;
    size_t signature_length;
};

/* False when it has not the shape of one. */
bool jwt_read(struct jwt *jwt, const char *text);
void jwt_clear(struct jwt *jwt);
/* Whether the signature is the key's, by one of PS256, RS256 and ES256, as the header says. */
bool jwt_verify(const struct jwt *jwt, EVP_PKEY *key);
/* Whether it is valid at that time, by its exp and, where it has one, its nbf; a clock may be 5 minutes off. */
bool jwt_is_within_time(const struct jwt *jwt, double now_s);
/* A string of the claims; "" where there is none. */
const char *jwt_claim(const struct jwt *jwt, const char *name);

/* The claims of a token, NULL when it has not the shape of one; the rest of it is not looked at. */
json_t *jwt_claims(const char *text);

/* Appends a token. The key is one of P-256. False when OpenSSL fails. */
bool jwt_append(struct buffer *buffer, const char *header, const char *claims, EVP_PKEY *key);

#endif
