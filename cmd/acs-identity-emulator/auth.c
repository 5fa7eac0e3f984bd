#include "auth.h"

#include "core/clock.h"

#include <ctype.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <string.h>
#include <strings.h>

enum { HASH_LENGTH = 32, HASH_TEXT_LENGTH = BASE64_LENGTH(HASH_LENGTH), HOSTS_MAX = 4 };

static const char hash_of_nothing[] = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

bool auth_init(struct auth *auth, const struct resource *resource, struct bearer *bearer, struct error *error)
{
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                     OSSL_PARAM_construct_end()};

    *auth = (struct auth){.bearer = bearer};
    auth->mac_method = EVP_MAC_fetch(NULL, "HMAC", NULL);
    auth->mac = EVP_MAC_CTX_new(auth->mac_method);
    auth->hash_method = EVP_MD_fetch(NULL, "SHA256", NULL);
    auth->hash = EVP_MD_CTX_new();
    if (auth->mac == NULL || auth->hash_method == NULL || auth->hash == NULL ||
        EVP_MAC_init(auth->mac, resource->key, resource->key_length, parameters) != 1) {
        auth_clear(auth);
        return error_set(error, ERROR_SYSTEM, "cannot set up HMAC-SHA256");
    }
    return true;
}

void auth_clear(struct auth *auth)
{
    EVP_MD_CTX_free(auth->hash);
    EVP_MD_free(auth->hash_method);
    EVP_MAC_CTX_free(auth->mac);
    EVP_MAC_free(auth->mac_method);
    *auth = (struct auth){0};
}

/* Takes "HMAC-SHA256 SignedHeaders=...&Signature=..." apart. */
static bool read_signature(const char *authorization, unsigned char signature[HASH_LENGTH])
{
    static const char *const signed_headers[] = {"SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=",
                                                 "SignedHeaders=date;host;x-ms-content-sha256&Signature="};
    static const char scheme[] = "HMAC-SHA256 ";
    unsigned char decoded[HASH_LENGTH + 1];
    size_t length;

    if (strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return false;
    authorization += sizeof scheme - 1;
    for (size_t i = 0; i < 2; i++) {
        const size_t prefix = strlen(signed_headers[i]);
        if (strncasecmp(authorization, signed_headers[i], prefix) != 0)
            continue;
        authorization += prefix;
        if (strlen(authorization) != HASH_TEXT_LENGTH ||
            !base64_decode(authorization, HASH_TEXT_LENGTH, decoded, &length) || length != HASH_LENGTH)
            return false;
        memcpy(signature, decoded, HASH_LENGTH);
        return true;
    }
    return false;
}

static bool hash_matches(struct auth *auth, const struct request *request)
{
    unsigned char hash[HASH_LENGTH];
    char text[HASH_TEXT_LENGTH];

    if (request->body_length == 0)
        return strcmp(request->content_hash, hash_of_nothing) == 0;
    if (EVP_DigestInit_ex2(auth->hash, auth->hash_method, NULL) != 1 ||
        EVP_DigestUpdate(auth->hash, request->body, request->body_length) != 1 ||
        EVP_DigestFinal_ex(auth->hash, hash, NULL) != 1)
        return false;
    base64_encode(hash, sizeof hash, text);
    return strlen(request->content_hash) == sizeof text && memcmp(request->content_hash, text, sizeof text) == 0;
}

/* One form of the host in the string to sign: the first `length` characters of the header, and a port once more. */
struct host_form {
    size_t length;
    const char *port; /* ":8080", or "" */
};

/* The length of a host without its port. */
static size_t without_port(const char *host, size_t length)
{
    size_t end = length;

    while (end > 0 && isdigit((unsigned char)host[end - 1]))
        end--;
    return end > 1 && end < length && host[end - 1] == ':' ? end - 1 : length;
}

/* The forms in which SDKs sign the host, in the order of the reference: as received; without its port (Java; JS sends
 * host:port:port and may be behind something that mends it); with the port twice (JS). */
static size_t list_hosts(const char *host, struct host_form forms[HOSTS_MAX])
{
    const size_t length = strlen(host);
    const size_t bare = without_port(host, length);
    size_t count = 0;

    forms[count++] = (struct host_form){length, ""};
    if (bare == length)
        return count;
    forms[count++] = (struct host_form){bare, ""};
    if (without_port(host, bare) != bare)
        forms[count++] = (struct host_form){without_port(host, bare), ""};
    forms[count++] = (struct host_form){length, host + bare};
    return count;
}

static void add(struct auth *auth, const char *text, size_t length)
{
    EVP_MAC_update(auth->mac, (const unsigned char *)text, length);
}

static bool signature_is(struct auth *auth, const struct request *request, const char *target, const char *date,
                         struct host_form host, const unsigned char signature[HASH_LENGTH])
{
    unsigned char expected[HASH_LENGTH];
    size_t length;

    if (EVP_MAC_init(auth->mac, NULL, 0, NULL) != 1)
        return false;
    add(auth, request->method, strlen(request->method));
    add(auth, "\n", 1);
    add(auth, target, strlen(target));
    add(auth, "\n", 1);
    add(auth, date, strlen(date));
    add(auth, ";", 1);
    add(auth, request->host, host.length);
    add(auth, host.port, strlen(host.port));
    add(auth, ";", 1);
    add(auth, request->content_hash, strlen(request->content_hash));
    return EVP_MAC_final(auth->mac, expected, &length, sizeof expected) == 1 && length == sizeof expected &&
           CRYPTO_memcmp(expected, signature, sizeof expected) == 0;
}

static bool signature_fits(struct auth *auth, const struct request *request, const char *date,
                           const unsigned char signature[HASH_LENGTH])
{
    struct host_form hosts[HOSTS_MAX];
    const size_t count = list_hosts(request->host, hosts);

    for (size_t i = 0; i < count; i++)
        if (signature_is(auth, request, request->target, date, hosts[i], signature))
            return true;
    if (request->over_tls || request->target[0] != '/')
        return false;
    /* Python cuts eight characters off an http:// address, and with them the first slash of the path. */
    for (size_t i = 0; i < count; i++)
        if (signature_is(auth, request, request->target + 1, date, hosts[i], signature))
            return true;
    return false;
}

static bool is_recent(const char *date, struct moment now)
{
    int64_t at_s;

    if (!time_parse_http(date, &at_s))
        return false;
    const int64_t skew_s = moment_wall_s(now) - at_s;
    return skew_s <= AUTH_LARGEST_SKEW_S && skew_s >= -AUTH_LARGEST_SKEW_S;
}

static enum auth_verdict check_bearer(const struct auth *auth, const char *token, struct moment now)
{
    switch (bearer_check(auth->bearer, token, now)) {
    case BEARER_GOOD: return AUTH_ALLOWED;
    case BEARER_EXPIRED: return AUTH_BEARER_EXPIRED;
    case BEARER_OTHER_AUDIENCE: return AUTH_BEARER_OTHER_AUDIENCE;
    case BEARER_FORGED: return AUTH_BEARER_FORGED;
    case BEARER_MALFORMED: break;
    }
    return AUTH_DENIED;
}

enum auth_verdict auth_check(struct auth *auth, const struct request *request)
{
    static const char bearer[] = "Bearer ";
    unsigned char signature[HASH_LENGTH];
    const char *date = request->ms_date != NULL ? request->ms_date : request->date;

    if (request->authorization == NULL)
        return AUTH_DENIED;
    if (strncasecmp(request->authorization, bearer, sizeof bearer - 1) == 0)
        return check_bearer(auth, request->authorization + sizeof bearer - 1, request->arrived);
    if (request->host == NULL || date == NULL || request->content_hash == NULL ||
        !read_signature(request->authorization, signature) || !is_recent(date, request->arrived))
        return AUTH_DENIED;
    if (!hash_matches(auth, request))
        return AUTH_HASH_DIFFERS;
    return signature_fits(auth, request, date, signature) ? AUTH_ALLOWED : AUTH_DENIED;
}
