#include "handshake.h"

#include "moment.h"

#include <microhttpd.h>
#include <string.h>

static gnutls_datum_t datum_of(const char *pem)
{
    return (gnutls_datum_t){.data = (unsigned char *)pem, .size = (unsigned)strlen(pem)};
}

bool handshake_init(struct handshake *handshake, const struct certificate *certificate, struct error *error)
{
    const gnutls_datum_t key = datum_of(certificate->key_pem);
    int result = gnutls_privkey_init(&handshake->key);

    if (result == 0)
        result = gnutls_privkey_import_x509_raw(handshake->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
    for (unsigned kind = 0; result == 0 && kind < CERTIFICATE_KINDS; kind++) {
        const gnutls_datum_t pem = datum_of(certificate->pem[kind]);
        result = gnutls_pcert_import_x509_raw(&handshake->shown[kind], &pem, GNUTLS_X509_FMT_PEM, 0);
        handshake->loaded += result == 0;
    }
    return result == 0 || error_set(error, ERROR_SYSTEM, "cannot set up TLS: %s", gnutls_strerror(result));
}

void handshake_clear(struct handshake *handshake)
{
    for (unsigned kind = 0; kind < handshake->loaded; kind++)
        gnutls_pcert_deinit(&handshake->shown[kind]);
    if (handshake->key != NULL)
        gnutls_privkey_deinit(handshake->key);
    *handshake = (struct handshake){0};
}

void handshake_spoil(struct handshake *handshake, enum certificate_kind kind, int64_t until_us)
{
    handshake->kind = kind;
    handshake->until_us = until_us;
}

int handshake_retrieve(gnutls_session_t session, const gnutls_datum_t *authorities, int authority_count,
                       const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **certificates,
                       unsigned *certificate_count, gnutls_privkey_t *key)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(gnutls_session_get_ptr(session), MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct handshake *handshake = info->socket_context;

    (void)authorities, (void)authority_count, (void)algorithms, (void)algorithm_count;
    if (moment_now().monotonic_us >= handshake->until_us)
        handshake->kind = CERTIFICATE_GOOD;
    if (handshake->kind == CERTIFICATE_NONE)
        return -1;
    *certificates = &handshake->shown[handshake->kind];
    *certificate_count = 1;
    *key = handshake->key;
    return 0;
}
