/* handshake.h - the certificate that a TLS connection is shown: the good one, or for a while one of those that a client
 * must not take, or none.
 */
#ifndef EMULATOR_HANDSHAKE_H
#define EMULATOR_HANDSHAKE_H

#include "tls.h"

#include <gnutls/abstract.h>
#include <stdbool.h>
#include <stdint.h>

struct handshake {
    gnutls_privkey_t key;
    gnutls_pcert_st shown[CERTIFICATE_KINDS];
    unsigned loaded; /* of shown */
    enum certificate_kind kind;
    int64_t until_us; /* how long `kind` lasts; monotonic */
};

bool handshake_init(struct handshake *handshake, const struct certificate *certificate, struct error *error);
void handshake_clear(struct handshake *handshake);
/* New connections are shown this one until then; with CERTIFICATE_NONE they end within the handshake. */
void handshake_spoil(struct handshake *handshake, enum certificate_kind kind, int64_t until_us);

/* GnuTLS's callback, for MHD_OPTION_HTTPS_CERT_CALLBACK. The connection's socket context must be a struct handshake. */
int handshake_retrieve(gnutls_session_t session, const gnutls_datum_t *authorities, int authority_count,
                       const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **certificates,
                       unsigned *certificate_count, gnutls_privkey_t *key);

#endif
