/* tls.h - a certificate for local use, made at the start. Its private key never leaves the memory. */
#ifndef EMULATOR_TLS_H
#define EMULATOR_TLS_H

#include "core/error.h"

#include <limits.h>

struct certificate {
    char *certificate_pem;
    char *key_pem;
    char path[PATH_MAX];      /* of the certificate; "" when it was not written */
    char directory[PATH_MAX]; /* that was made for it, and goes with it; "" when it was there before */
};

/* Self-signed, for localhost, 127.0.0.1 and ::1, valid for 30 days. */
bool certificate_make(struct certificate *certificate, struct error *error);
/* Writes the certificate, for clients to trust, into `directory`, or into a new one below $TMPDIR when that is NULL. */
bool certificate_write(struct certificate *certificate, const char *directory, struct error *error);
/* Removes what certificate_write() made. */
void certificate_clear(struct certificate *certificate);

#endif
