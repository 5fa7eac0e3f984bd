/* Request signing with an access key (reference: acs-identity.md, section 3).
 *
 * The string to sign is
 *     VERB \n PATH_AND_QUERY \n X_MS_DATE;HOST;CONTENT_HASH
 * and what is worth keeping from one request to the next is kept: the keyed HMAC context, the text of the current
 * second, and the hash of the last body, which for most kinds of request is the same for all users.
 */
#include "acs/acs.h"

#include "core/clock.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

enum {
    HASH_LENGTH = 32,
    HASH_TEXT_SIZE = 45, /* base64 of a hash, and a NUL */
    STRING_TO_SIGN_MAX = 1024,
};

_Static_assert(sizeof((struct acs_signature *)0)->date >= TIME_TEXT_SIZE, "a date fits");
_Static_assert(sizeof((struct acs_signature *)0)->content_hash >= HASH_TEXT_SIZE, "a content hash fits");

/* SHA-256 of nothing: revoke and delete, and a create without options. */
static const char empty_hash[HASH_TEXT_SIZE] = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
static const char authorization_start[] = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=";

_Static_assert(sizeof((struct acs_signature *)0)->authorization >= sizeof authorization_start + HASH_TEXT_SIZE,
               "an authorization fits");

struct acs_signer {
    EVP_MD *sha256;
    EVP_MD_CTX *digest;
    EVP_MAC_CTX *hmac; /* has the key; restarted for each request */
    char authority[sizeof((struct origin *)0)->authority];
    int64_t date_s; /* of date; meaningful when date is not "" */
    char date[TIME_TEXT_SIZE];
    size_t body_length; /* 0: nothing kept */
    char body[ACS_BODY_MAX];
    char body_hash[HASH_TEXT_SIZE];
};

/* What OpenSSL says about itself is of no use to the reader: with the key set, only memory can fail it. */
static bool crypto_failed(struct error *error, const char *what)
{
    return error_set(error, ERROR_SYSTEM, "OpenSSL cannot %s", what);
}

static EVP_MAC_CTX *new_hmac(const struct secret *key)
{
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *hmac = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;

    EVP_MAC_free(mac); /* the context holds a reference of its own */
    if (hmac != NULL && EVP_MAC_init(hmac, (const unsigned char *)secret_reveal(key), key->length, parameters) == 1)
        return hmac;
    EVP_MAC_CTX_free(hmac);
    return NULL;
}

struct acs_signer *acs_signer_new(const struct acs_resource *resource, struct error *error)
{
    struct acs_signer *signer = calloc(1, sizeof *signer);

    if (signer == NULL) {
        error_no_memory(error);
        return NULL;
    }
    if (resource->key.length == 0) {
        error_set(error, ERROR_INPUT, "there is no access key to sign with");
        goto fail;
    }
    memcpy(signer->authority, resource->origin.authority, sizeof signer->authority);
    signer->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    signer->digest = EVP_MD_CTX_new();
    signer->hmac = new_hmac(&resource->key);
    if (signer->sha256 == NULL || signer->digest == NULL || signer->hmac == NULL) {
        crypto_failed(error, "provide SHA-256 and HMAC");
        goto fail;
    }
    return signer;
fail:
    acs_signer_free(signer);
    return NULL;
}

void acs_signer_free(struct acs_signer *signer)
{
    if (signer == NULL)
        return;
    EVP_MAC_CTX_free(signer->hmac); /* wipes the key */
    EVP_MD_CTX_free(signer->digest);
    EVP_MD_free(signer->sha256);
    explicit_bzero(signer->body, sizeof signer->body); /* that of an exchange has a token */
    free(signer);
}

static void format_date(struct acs_signer *signer, int64_t now_s, struct acs_signature *signature)
{
    if (signer->date[0] == '\0' || signer->date_s != now_s) {
        time_format_http(now_s, signer->date);
        signer->date_s = now_s;
    }
    memcpy(signature->date, signer->date, sizeof signer->date);
}

static bool hash_content(struct acs_signer *signer, const char *body, size_t length, struct acs_signature *signature,
                         struct error *error)
{
    unsigned char hash[HASH_LENGTH];

    if (length == 0) {
        memcpy(signature->content_hash, empty_hash, HASH_TEXT_SIZE);
        return true;
    }
    if (length == signer->body_length && memcmp(body, signer->body, length) == 0) {
        memcpy(signature->content_hash, signer->body_hash, HASH_TEXT_SIZE);
        return true;
    }
    if (EVP_DigestInit_ex2(signer->digest, signer->sha256, NULL) != 1 ||
        EVP_DigestUpdate(signer->digest, body, length) != 1 || EVP_DigestFinal_ex(signer->digest, hash, NULL) != 1)
        return crypto_failed(error, "hash a request's body");
    EVP_EncodeBlock((unsigned char *)signature->content_hash, hash, sizeof hash);
    if (length <= sizeof signer->body) {
        memcpy(signer->body, body, length);
        memcpy(signer->body_hash, signature->content_hash, HASH_TEXT_SIZE);
        signer->body_length = length;
    }
    return true;
}

/* Returns the length, 0 when it does not fit. */
static size_t build_string_to_sign(const struct acs_signer *signer, const char *method, const char *target,
                                   const struct acs_signature *signature, char text[STRING_TO_SIGN_MAX])
{
    const char *const parts[] = {
        method, "\n", target, "\n", signature->date, ";", signer->authority, ";", signature->content_hash};
    size_t length = 0;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const size_t part = strlen(parts[i]);
        if (part > STRING_TO_SIGN_MAX - length)
            return 0;
        memcpy(text + length, parts[i], part);
        length += part;
    }
    return length;
}

static bool authorize(struct acs_signer *signer, const char *text, size_t length, struct acs_signature *signature,
                      struct error *error)
{
    unsigned char mac[HASH_LENGTH];
    size_t mac_length = 0;

    /* Without a key, EVP_MAC_init() starts again with the one that is set. */
    if (EVP_MAC_init(signer->hmac, NULL, 0, NULL) != 1 ||
        EVP_MAC_update(signer->hmac, (const unsigned char *)text, length) != 1 ||
        EVP_MAC_final(signer->hmac, mac, &mac_length, sizeof mac) != 1 || mac_length != sizeof mac)
        return crypto_failed(error, "sign a request");
    memcpy(signature->authorization, authorization_start, sizeof authorization_start - 1);
    EVP_EncodeBlock((unsigned char *)signature->authorization + sizeof authorization_start - 1, mac, sizeof mac);
    return true;
}

bool acs_sign(struct acs_signer *signer, const char *method, const char *target, const char *body, size_t body_length,
              int64_t now_s, struct acs_signature *signature, struct error *error)
{
    char text[STRING_TO_SIGN_MAX];

    format_date(signer, now_s, signature);
    if (!hash_content(signer, body, body_length, signature, error))
        return false;
    const size_t length = build_string_to_sign(signer, method, target, signature, text);
    if (length == 0)
        return error_set(error, ERROR_INPUT, "a request target is too long to sign");
    return authorize(signer, text, length, signature, error);
}
