#include "http/reach.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

/* How libcurl begins when it does not like a proxy's address; it then quotes all of it. */
static const char unusable[] = "Unsupported proxy";

bool reach_connect_to(const struct http_options *options, struct curl_slist **list)
{
    *list = NULL;
    for (size_t i = 0; i < options->connect_to_count; i++) {
        struct curl_slist *longer = curl_slist_append(*list, options->connect_to[i]);
        if (longer == NULL) {
            curl_slist_free_all(*list);
            *list = NULL;
            return false;
        }
        *list = longer;
    }
    return true;
}

/* A variable that is set and not empty. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

CURLcode reach_trust(CURL *easy, const char *ca_file)
{
    const char *file = ca_file != NULL ? ca_file : variable("SSL_CERT_FILE");
    const char *directory = ca_file != NULL ? NULL : variable("SSL_CERT_DIR");
    CURLcode code = CURLE_OK;

    if (file != NULL)
        code = curl_easy_setopt(easy, CURLOPT_CAINFO, file);
    if (code == CURLE_OK && (file != NULL || directory != NULL))
        code = curl_easy_setopt(easy, CURLOPT_CAPATH, directory);
    return code;
}

CURLcode reach_route(CURL *easy, const char *url, bool direct, struct curl_slist *connect_to)
{
    const bool plain = strncmp(url, "http:", 5) == 0;
    const CURLcode code = curl_easy_setopt(easy, CURLOPT_NOPROXY, plain || direct ? "*" : NULL);

    return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_CONNECT_TO, plain ? NULL : connect_to);
}

bool reach_proxy_refused(CURL *easy, CURLcode code, const char *detail)
{
    long status = 0;

    if (code == CURLE_COULDNT_RESOLVE_PROXY || strncmp(detail, unusable, sizeof unusable - 1) == 0)
        return true;
    if (code == CURLE_OK || curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status) != CURLE_OK)
        return false;
    return status >= 400 && status < 500;
}

/* libcurl keeps OpenSSL's error as text alone: "error:0A00042E:SSL routines::tlsv1 alert protocol version", where 0A is
 * OpenSSL's library for TLS. */
bool reach_tls_refused(CURLcode code, const char *detail)
{
    static const int refusals[] = {
        SSL_R_WRONG_VERSION_NUMBER, /* it does not speak TLS at all */
        SSL_R_UNSUPPORTED_PROTOCOL,
        SSL_R_NO_PROTOCOLS_AVAILABLE,
        SSL_R_DH_KEY_TOO_SMALL,
        SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED,
        SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
        SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
        SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY,
        SSL_R_TLSV1_ALERT_ACCESS_DENIED,
        SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL,
        SSL_R_TLSV1_UNRECOGNIZED_NAME,
    };
    const char *text = code == CURLE_SSL_CONNECT_ERROR ? strstr(detail, "error:0A") : NULL;
    char *end = NULL;
    const unsigned long packed = text != NULL ? strtoul(text + strlen("error:"), &end, 16) : 0;

    if (end == NULL || *end != ':')
        return false;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (ERR_GET_REASON(packed) == refusals[i])
            return true;
    return false;
}

const char *reach_detail(const char *detail, CURLcode code)
{
    if (strncmp(detail, unusable, sizeof unusable - 1) == 0)
        return "the address of the proxy cannot be used";
    return detail[0] != '\0' ? detail : curl_easy_strerror(code);
}
