/* A server that is known by its certificate alone: that of a cluster, which nobody else vouches for. */
#include "http/reach.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

enum { SHA1_BYTES = 20 };

/* In the place of OpenSSL's own check of the chain. */
static int is_pinned(X509_STORE_CTX *store, void *context)
{
    const char *expected = context;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    char text[2 * SHA1_BYTES + 1] = "";
    X509 *certificate = X509_STORE_CTX_get0_cert(store);

    if (certificate != NULL && X509_digest(certificate, EVP_sha1(), digest, &length) == 1 && length == SHA1_BYTES)
        for (unsigned i = 0; i < length; i++)
            snprintf(text + 2 * i, 3, "%02x", digest[i]);
    const bool ok = strcmp(text, expected) == 0;
    X509_STORE_CTX_set_error(store, ok ? X509_V_OK : X509_V_ERR_CERT_UNTRUSTED);
    return ok ? 1 : 0;
}

static CURLcode set_check(CURL *easy, void *tls, void *context)
{
    (void)easy;
    SSL_CTX_set_cert_verify_callback(tls, is_pinned, context);
    return CURLE_OK;
}

CURLcode reach_pin(CURL *easy, const char *thumbprint)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);

    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, set_check);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, (void *)thumbprint);
    return code;
}
