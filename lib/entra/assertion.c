/* Client assertions: a JWT that the application signs with its certificate's key in place of a secret [S 4].
 *
 * PS256 with x5t#S256 is what current libraries write; ADFS takes RS256 with x5t. An EC key signs with ES256.
 */
#include "entra/entra_internal.h"

#include <inttypes.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

enum { VALID_S = 10 * 60, ES256_HALF = 32, TEXT_MAX = 32 * 1024 };

enum algorithm { PS256, RS256, ES256 };

static enum algorithm choose_algorithm(const struct certificate *certificate, const struct assertion *assertion)
{
    if (!EVP_PKEY_is_a(certificate->key, "RSA"))
        return ES256;
    return assertion->for_adfs ? RS256 : PS256;
}

static bool append_thumbprint(struct buffer *buffer, const EVP_MD *method, const X509 *certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length;

    if (X509_digest(certificate, method, digest, &length) != 1)
        return false;
    append_base64url(buffer, digest, length);
    return true;
}

/* ,"x5c":["...",...]: the certificates in DER, the application's own first. */
static bool append_chain(struct buffer *buffer, STACK_OF(X509) * chain)
{
    bool ok = true;

    for (int i = 0; ok && i < sk_X509_num(chain); i++) {
        unsigned char *der = NULL;
        const int length = i2d_X509(sk_X509_value(chain, i), &der);
        buffer_append_text(buffer, i == 0 ? ",\"x5c\":[\"" : "\",\"");
        if (length > 0)
            append_base64(buffer, der, (size_t)length);
        ok = length > 0;
        OPENSSL_free(der);
    }
    buffer_append_text(buffer, "\"]");
    return ok;
}

static bool append_header(struct buffer *buffer, const struct certificate *certificate,
                          const struct assertion *assertion, enum algorithm algorithm)
{
    static const char *const names[] = {[PS256] = "PS256", [RS256] = "RS256", [ES256] = "ES256"};

    buffer_append_format(buffer, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"%s\":\"", names[algorithm],
                         assertion->for_adfs ? "x5t" : "x5t#S256");
    if (!append_thumbprint(buffer, assertion->for_adfs ? EVP_sha1() : EVP_sha256(),
                           sk_X509_value(certificate->chain, 0)))
        return false;
    buffer_append_text(buffer, "\"");
    if (assertion->sends_chain && !append_chain(buffer, certificate->chain))
        return false;
    buffer_append_text(buffer, "}");
    return true;
}

/* Nothing in it needs escaping: addresses, ids and numbers that were looked at before. */
static void append_claims(struct buffer *buffer, const struct assertion *assertion)
{
    buffer_append_format(
        buffer, "{\"aud\":\"%s\",\"iss\":\"%s\",\"sub\":\"%s\",\"jti\":\"%s\",\"nbf\":%" PRId64 ",\"exp\":%" PRId64 "}",
        assertion->audience, assertion->client_id, assertion->client_id, assertion->id, assertion->now_s,
        assertion->now_s + VALID_S);
}

/* OpenSSL writes an ECDSA signature as DER, a JWT holds its two numbers one after the other. */
static bool append_ecdsa(struct buffer *buffer, const unsigned char *der, size_t length)
{
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)length);
    unsigned char raw[2 * ES256_HALF];

    const bool ok = signature != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, ES256_HALF) == ES256_HALF &&
                    BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + ES256_HALF, ES256_HALF) == ES256_HALF;
    ECDSA_SIG_free(signature);
    if (ok)
        append_base64url(buffer, raw, sizeof raw);
    return ok;
}

static bool append_signature(struct buffer *buffer, EVP_PKEY *key, enum algorithm algorithm, const char *text,
                             size_t text_length)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_context;
    size_t length = (size_t)EVP_PKEY_get_size(key);
    unsigned char *signature = malloc(length);

    bool ok =
        context != NULL && signature != NULL && EVP_DigestSignInit(context, &key_context, EVP_sha256(), NULL, key) == 1;
    if (ok && algorithm == PS256)
        ok = EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) == 1;
    ok = ok && EVP_DigestSign(context, signature, &length, (const unsigned char *)text, text_length) == 1;
    if (ok) {
        buffer_append_char(buffer, '.');
        if (algorithm == ES256)
            ok = append_ecdsa(buffer, signature, length);
        else
            append_base64url(buffer, signature, length);
    }
    free(signature);
    EVP_MD_CTX_free(context);
    return ok;
}

bool assertion_append(struct buffer *buffer, const struct certificate *certificate, const struct assertion *assertion,
                      struct error *error)
{
    const enum algorithm algorithm = choose_algorithm(certificate, assertion);
    struct buffer part;
    struct buffer text;

    buffer_init(&part, TEXT_MAX);
    buffer_init(&text, TEXT_MAX);
    bool ok = append_header(&part, certificate, assertion, algorithm);
    append_base64url(&text, part.data, part.length);
    buffer_append_char(&text, '.');
    buffer_reset(&part);
    append_claims(&part, assertion);
    append_base64url(&text, part.data, part.length);
    buffer_append(buffer, text.data, text.length);
    ok = ok && !buffer_failed(&part) && !buffer_failed(&text) &&
         append_signature(buffer, certificate->key, algorithm, text.data, text.length);
    buffer_clear(&text);
    buffer_clear(&part);
    return ok || error_set(error, ERROR_SYSTEM, "OpenSSL cannot sign an assertion with the certificate's key");
}
