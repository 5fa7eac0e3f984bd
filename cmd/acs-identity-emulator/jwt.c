#include "jwt.h"

#include "encoding.h"

#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

enum { ES256_HALF = 32, ES256_LENGTH = 2 * ES256_HALF, DER_MAX = 128, CLOCK_SLACK_S = 5 * 60 };

/* --- reading --- */

static json_t *decode_object(const char *text, size_t length)
{
    unsigned char *bytes = malloc(length + 1);
    json_t *object = NULL;
    size_t decoded;

    if (bytes != NULL && base64url_decode(text, length, bytes, &decoded))
        object = json_loadb((const char *)bytes, decoded, 0, NULL);
    free(bytes);
    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

/* Where its two dots are. */
static bool find_parts(const char *text, const char **first, const char **second)
{
    *first = strchr(text, '.');
    *second = *first == NULL ? NULL : strchr(*first + 1, '.');
    return *second != NULL && *first != text && (*second)[1] != '\0' && strchr(*second + 1, '.') == NULL;
}

json_t *jwt_claims(const char *text)
{
    const char *first;
    const char *second;

    return find_parts(text, &first, &second) ? decode_object(first + 1, (size_t)(second - first - 1)) : NULL;
}

bool jwt_read(struct jwt *jwt, const char *text)
{
    const char *first;
    const char *second;

    *jwt = (struct jwt){.text = text};
    if (!find_parts(text, &first, &second))
        return false;
    const size_t length = strlen(second + 1);
    jwt->signed_length = (size_t)(second - text);
    jwt->header = decode_object(text, (size_t)(first - text));
    jwt->claims = decode_object(first + 1, (size_t)(second - first - 1));
    jwt->signature = malloc(length + 1);
    if (jwt->header != NULL && jwt->claims != NULL && jwt->signature != NULL &&
        base64url_decode(second + 1, length, jwt->signature, &jwt->signature_length))
        return true;
    jwt_clear(jwt);
    return false;
}

void jwt_clear(struct jwt *jwt)
{
    json_decref(jwt->header);
    json_decref(jwt->claims);
    free(jwt->signature);
    *jwt = (struct jwt){0};
}

const char *jwt_claim(const struct jwt *jwt, const char *name)
{
    const char *text = json_string_value(json_object_get(jwt->claims, name));

    return text == NULL ? "" : text;
}

bool jwt_is_within_time(const struct jwt *jwt, double now_s)
{
    const json_t *ends = json_object_get(jwt->claims, "exp");
    const json_t *begins = json_object_get(jwt->claims, "nbf");

    return json_is_number(ends) && json_number_value(ends) > now_s &&
           (begins == NULL || (json_is_number(begins) && json_number_value(begins) <= now_s + CLOCK_SLACK_S));
}

/* --- verifying --- */

/* ECDSA signatures are two numbers of 32 bytes in a token, and DER for OpenSSL. */
static bool to_der(const unsigned char *raw, size_t length, unsigned char der[DER_MAX], size_t *der_length)
{
    if (length != ES256_LENGTH)
        return false;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, ES256_HALF, NULL);
    BIGNUM *s = BN_bin2bn(raw + ES256_HALF, ES256_HALF, NULL);
    int written = 0;
    if (signature != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(signature, r, s) == 1) {
        unsigned char *end = der; /* two numbers of 33 bytes at most, and 6 around them */
        written = i2d_ECDSA_SIG(signature, &end);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(signature);
    *der_length = written > 0 ? (size_t)written : 0;
    return written > 0;
}

static bool verify(const struct jwt *jwt, EVP_PKEY *key, bool is_pss, const unsigned char *signature, size_t length)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_context;

    bool ok = context != NULL && EVP_DigestVerifyInit(context, &key_context, EVP_sha256(), NULL, key) == 1;
    if (ok && is_pss)
        ok = EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) == 1;
    ok = ok && EVP_DigestVerify(context, signature, length, (const unsigned char *)jwt->text, jwt->signed_length) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

bool jwt_verify(const struct jwt *jwt, EVP_PKEY *key)
{
    const char *algorithm = json_string_value(json_object_get(jwt->header, "alg"));
    unsigned char der[DER_MAX];
    size_t der_length;

    if (algorithm == NULL)
        return false;
    if (EVP_PKEY_is_a(key, "RSA"))
        return (strcmp(algorithm, "PS256") == 0 || strcmp(algorithm, "RS256") == 0) &&
               verify(jwt, key, algorithm[0] == 'P', jwt->signature, jwt->signature_length);
    return EVP_PKEY_is_a(key, "EC") && strcmp(algorithm, "ES256") == 0 &&
           to_der(jwt->signature, jwt->signature_length, der, &der_length) && verify(jwt, key, false, der, der_length);
}

/* --- signing --- */

static void append_encoded(struct buffer *buffer, const void *bytes, size_t length)
{
    char *room = buffer_reserve(buffer, BASE64_LENGTH(length));

    if (room != NULL)
        buffer_commit(buffer, base64url_encode(bytes, length, room));
}

static bool sign(const char *text, size_t length, EVP_PKEY *key, unsigned char raw[ES256_LENGTH])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char der[DER_MAX];
    size_t der_length = sizeof der;
    ECDSA_SIG *signature = NULL;

    bool ok = context != NULL && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(context, der, &der_length, (const unsigned char *)text, length) == 1;
    const unsigned char *next = der;
    if (ok)
        signature = d2i_ECDSA_SIG(NULL, &next, (long)der_length);
    ok = signature != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, ES256_HALF) == ES256_HALF &&
         BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + ES256_HALF, ES256_HALF) == ES256_HALF;
    ECDSA_SIG_free(signature);
    EVP_MD_CTX_free(context);
    return ok;
}

bool jwt_append(struct buffer *buffer, const char *header, const char *claims, EVP_PKEY *key)
{
    const size_t start = buffer->length;
    unsigned char raw[ES256_LENGTH];

    append_encoded(buffer, header, strlen(header));
    buffer_append_char(buffer, '.');
    append_encoded(buffer, claims, strlen(claims));
    if (buffer_failed(buffer) || !sign(buffer->data + start, buffer->length - start, key, raw))
        return false;
    buffer_append_char(buffer, '.');
    append_encoded(buffer, raw, sizeof raw);
    return true;
}
