/* Client assertions: signed by a certificate of the application, or by a federated issuer. */
#include "entra.h"

#include "encoding.h"
#include "jwt.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DIGEST_MAX = 64, THUMBPRINT_TEXT_MAX = 128 };

/* Libraries write a thumbprint in either alphabet of base64, padded or not. */
static bool is_thumbprint(const char *text, const EVP_MD *method, const X509 *certificate)
{
    char plain[THUMBPRINT_TEXT_MAX];
    unsigned char given[THUMBPRINT_TEXT_MAX];
    unsigned char digest[DIGEST_MAX];
    unsigned digest_length;
    size_t given_length;
    const size_t length = strlen(text);

    if (length >= sizeof plain)
        return false;
    for (size_t i = 0; i <= length; i++)
        plain[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    return base64url_decode(plain, length, given, &given_length) &&
           X509_digest(certificate, method, digest, &digest_length) == 1 && given_length == digest_length &&
           memcmp(given, digest, digest_length) == 0;
}

/* The certificate that the header names; NULL for one that is not registered. */
static X509 *find_certificate(const struct entra *entra, const struct jwt *jwt)
{
    const char *sha256 = json_string_value(json_object_get(jwt->header, "x5t#S256"));
    const char *sha1 = json_string_value(json_object_get(jwt->header, "x5t"));

    for (int i = 0; i < sk_X509_num(entra->certificates); i++) {
        X509 *certificate = sk_X509_value(entra->certificates, i);
        if ((sha256 != NULL && is_thumbprint(sha256, EVP_sha256(), certificate)) ||
            (sha1 != NULL && is_thumbprint(sha1, EVP_sha1(), certificate)))
            return certificate;
    }
    return NULL;
}

static bool is_one_of(const char *text, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strcmp(text, *list) == 0)
            return true;
    return false;
}

static const char *fault_of_own(const struct entra *entra, const struct jwt *jwt, const char *client_id,
                                const char *const *audiences, double now_s)
{
    if (strcasecmp(jwt_claim(jwt, "iss"), client_id) != 0 || strcasecmp(jwt_claim(jwt, "sub"), client_id) != 0)
        return "700021";
    X509 *certificate = find_certificate(entra, jwt);
    if (certificate == NULL || X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0 ||
        !jwt_verify(jwt, X509_get0_pubkey(certificate)))
        return "700027";
    if (!is_one_of(jwt_claim(jwt, "aud"), audiences))
        return "700023";
    return jwt_is_within_time(jwt, now_s) && jwt_claim(jwt, "jti")[0] != '\0' ? NULL : "700024";
}

static const char *fault_of_federated(const struct entra *entra, const struct jwt *jwt, double now_s)
{
    if (entra->federated_key == NULL || strcmp(jwt_claim(jwt, "iss"), entra->federated.parts[0]) != 0 ||
        !jwt_verify(jwt, entra->federated_key))
        return "700211";
    if (strcmp(jwt_claim(jwt, "sub"), entra->federated.parts[1]) != 0)
        return "700213";
    if (strcmp(jwt_claim(jwt, "aud"), "api://AzureADTokenExchange") != 0)
        return "700212";
    return jwt_is_within_time(jwt, now_s) ? NULL : "700024";
}

const char *entra_assertion_fault(const struct entra *entra, const char *assertion, const char *client_id,
                                  const char *const *audiences, double now_s)
{
    struct jwt jwt;

    if (!jwt_read(&jwt, assertion))
        return "50027";
    /* Only what an application signs itself names a certificate. */
    const bool is_own = json_object_get(jwt.header, "x5t") != NULL || json_object_get(jwt.header, "x5t#S256") != NULL;
    const char *fault =
        is_own ? fault_of_own(entra, &jwt, client_id, audiences, now_s) : fault_of_federated(entra, &jwt, now_s);
    jwt_clear(&jwt);
    return fault;
}
