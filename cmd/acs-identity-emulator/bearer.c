#include "bearer.h"

#include "encoding.h"
#include "jwt.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COORDINATE_BYTES = 32, SHORT_LIFETIME_US = 60 * 1000000 };

bool bearer_init(struct bearer *bearer, const char *fixed, const char *seed, struct error *error)
{
    unsigned char id[20];

    *bearer = (struct bearer){.fixed = fixed};
    if (!random_init(&bearer->random, seed, "bearer tokens", error))
        return false;
    random_bytes(&bearer->random, id, sizeof id);
    bearer->key_id[base64url_encode(id, sizeof id, bearer->key_id)] = '\0';
    bearer->key = EVP_EC_gen("P-256");
    return bearer->key != NULL || error_set(error, ERROR_SYSTEM, "cannot make a key to sign bearer tokens with");
}

void bearer_clear(struct bearer *bearer)
{
    EVP_PKEY_free(bearer->key);
    free(bearer->known_good);
    *bearer = (struct bearer){0};
}

static bool coordinate(const struct bearer *bearer, const char *name, char text[BEARER_COORDINATE_SIZE])
{
    unsigned char bytes[COORDINATE_BYTES];
    BIGNUM *number = NULL;

    const bool ok = EVP_PKEY_get_bn_param(bearer->key, name, &number) == 1 &&
                    BN_bn2binpad(number, bytes, sizeof bytes) == (int)sizeof bytes;
    BN_free(number);
    text[ok ? base64url_encode(bytes, sizeof bytes, text) : 0] = '\0';
    return ok;
}

bool bearer_public_key(const struct bearer *bearer, char x[BEARER_COORDINATE_SIZE], char y[BEARER_COORDINATE_SIZE])
{
    return coordinate(bearer, OSSL_PKEY_PARAM_EC_PUB_X, x) && coordinate(bearer, OSSL_PKEY_PARAM_EC_PUB_Y, y);
}

bool bearer_append(struct bearer *bearer, struct buffer *buffer, const struct bearer_subject *subject,
                   const char *audience, struct moment now, int64_t lifetime_us)
{
    const int64_t now_s = moment_wall_s(now);
    const int64_t end_ms = moment_wall_ms(now) + lifetime_us / 1000;
    unsigned char bytes[16];
    char unique[GUID_LENGTH + 1];
    char header[128];
    char claims[1024];
    char end[32];

    random_bytes(&bearer->random, bytes, sizeof bytes);
    guid_format(bytes, unique);
    /* Whole seconds, except where they would be a good part of the whole life. */
    if (lifetime_us < SHORT_LIFETIME_US)
        snprintf(end, sizeof end, "%" PRId64 ".%03d", end_ms / 1000, (int)(end_ms % 1000));
    else
        snprintf(end, sizeof end, "%" PRId64, end_ms / 1000);
    snprintf(header, sizeof header, "{\"typ\":\"JWT\",\"alg\":\"ES256\",\"kid\":\"%s\"}", bearer->key_id);
    const int length = snprintf(claims, sizeof claims,
                                "{\"aud\":\"%s\",\"iss\":\"https://sts.windows.net/%s/\",\"iat\":%" PRId64
                                ",\"nbf\":%" PRId64 ",\"exp\":%s,\"appid\":\"%s\",\"appidacr\":\"1\",\"oid\":\"%s\","
                                "\"sub\":\"%s\",\"tid\":\"%s\",\"uti\":\"%s\",\"ver\":\"1.0\"}",
                                audience, subject->tenant, now_s, now_s, end, subject->client_id, subject->object_id,
                                subject->object_id, subject->tenant, unique);
    return length > 0 && (size_t)length < sizeof claims && jwt_append(buffer, header, claims, bearer->key);
}

static bool is_fixed(const struct bearer *bearer, const char *token)
{
    const char *fixed = bearer->fixed;

    return fixed != NULL && strlen(token) == strlen(fixed) && CRYPTO_memcmp(token, fixed, strlen(token)) == 0;
}

static enum bearer_verdict check_token(struct bearer *bearer, const struct jwt *jwt, double now_s)
{
    if (!jwt_verify(jwt, bearer->key))
        return BEARER_FORGED;
    if (!jwt_is_within_time(jwt, now_s))
        return BEARER_EXPIRED;
    if (strcmp(jwt_claim(jwt, "aud"), BEARER_AUDIENCE) != 0)
        return BEARER_OTHER_AUDIENCE;
    free(bearer->known_good);
    bearer->known_good = strdup(jwt->text);
    bearer->known_end_s = json_number_value(json_object_get(jwt->claims, "exp"));
    return BEARER_GOOD;
}

enum bearer_verdict bearer_check(struct bearer *bearer, const char *token, struct moment now)
{
    const double now_s = (double)moment_wall_ms(now) / 1000;
    struct jwt jwt;

    if (is_fixed(bearer, token) ||
        (bearer->known_good != NULL && strcmp(bearer->known_good, token) == 0 && bearer->known_end_s > now_s))
        return BEARER_GOOD;
    if (!jwt_read(&jwt, token))
        return BEARER_MALFORMED;
    const enum bearer_verdict verdict = check_token(bearer, &jwt, now_s);
    jwt_clear(&jwt);
    return verdict;
}
