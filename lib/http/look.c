#include "http/look.h"

#include "http/exchange.h"
#include "http/reach.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct looking {
    struct exchange exchange;
    struct http_look *look;
};

/* Appends a name when there is room for all of it and it is one to be shown. */
static void add_name(struct http_look *look, const char *name)
{
    const size_t length = strlen(look->names);

    for (const char *c = name; *c != '\0'; c++)
        if (*c < 0x21 || *c > 0x7e)
            return;
    if (length + 2 + strlen(name) < sizeof look->names)
        snprintf(look->names + length, sizeof look->names - length, "%s%s", length > 0 ? ", " : "", name);
}

static void read_names(const X509 *certificate, struct http_look *look)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        char address[INET6_ADDRSTRLEN];
        if (name->type == GEN_DNS)
            add_name(look, (const char *)ASN1_STRING_get0_data(name->d.dNSName));
        else if (name->type == GEN_IPADD && ASN1_STRING_length(name->d.iPAddress) == 4)
            add_name(look, inet_ntop(AF_INET, ASN1_STRING_get0_data(name->d.iPAddress), address, sizeof address));
        else if (name->type == GEN_IPADD && ASN1_STRING_length(name->d.iPAddress) == 16)
            add_name(look, inet_ntop(AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), address, sizeof address));
    }
    GENERAL_NAMES_free(names);
}

static void read_certificate(const X509 *certificate, struct http_look *look)
{
    struct tm end;

    read_names(certificate, look);
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1)
        look->not_after_s = timegm(&end);
}

/* The connection stands, and the request is about to leave over it. */
static int on_connection(void *context, char *remote, char *local, int remote_port, int local_port)
{
    struct looking *looking = context;
    struct http_look *look = looking->look;
    const struct curl_tlssessioninfo *session = NULL;

    (void)local, (void)local_port;
    snprintf(look->peer, sizeof look->peer, strchr(remote, ':') != NULL ? "[%s]:%d" : "%s:%d", remote, remote_port);
    if (curl_easy_getinfo(looking->exchange.easy, CURLINFO_TLS_SSL_PTR, &session) == CURLE_OK && session != NULL &&
        session->backend == CURLSSLBACKEND_OPENSSL && session->internals != NULL) {
        const SSL *ssl = session->internals;
        X509 *certificate = SSL_get1_peer_certificate(ssl);
        snprintf(look->tls, sizeof look->tls, "%s", SSL_get_version(ssl));
        if (certificate != NULL)
            read_certificate(certificate, look);
        X509_free(certificate);
    }
    return looking->exchange.sent++ == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

bool http_look(const struct http_options *options, const struct http_request *request, struct http_look *look,
               http_done *done, void *context, struct error *error)
{
    struct looking *looking = calloc(1, sizeof *looking);
    struct curl_slist *connect_to = NULL;

    *look = (struct http_look){0};
    if (looking == NULL)
        return error_no_memory(error);
    looking->look = look;
    bool ok = exchange_open(&looking->exchange, options) && reach_connect_to(options, &connect_to) &&
              curl_easy_setopt(looking->exchange.easy, CURLOPT_PREREQFUNCTION, on_connection) == CURLE_OK &&
              curl_easy_setopt(looking->exchange.easy, CURLOPT_PREREQDATA, looking) == CURLE_OK;
    if (!ok)
        error_set(error, ERROR_SYSTEM, "cannot set up libcurl");
    ok = ok && exchange_begin(&looking->exchange, options, connect_to, request, error);
    if (ok) {
        exchange_end(&looking->exchange, curl_easy_perform(looking->exchange.easy));
        done(context, NULL, &looking->exchange.answer);
    }
    exchange_close(&looking->exchange);
    curl_slist_free_all(connect_to);
    free(looking);
    return ok;
}
