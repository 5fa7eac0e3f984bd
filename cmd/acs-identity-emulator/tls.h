/* tls.h - certificates for local use, made at the start. Their private key never leaves the memory. */
#ifndef EMULATOR_TLS_H
#define EMULATOR_TLS_H

#include "core/error.h"

#include <limits.h>

/* All but the good one are for faults: a client that trusts the good one must still refuse them. */
enum certificate_kind {
    CERTIFICATE_GOOD, /* its own authority; for localhost, 127.0.0.1 and ::1, valid for 30 days */
    CERTIFICATE_EXPIRED,
    CERTIFICATE_OTHER_NAME,
    CERTIFICATE_SELF_SIGNED, /* by nobody that is trusted */
    CERTIFICATE_NONE,
};

enum { CERTIFICATE_KINDS = CERTIFICATE_NONE };

struct certificate {
    char *pem[CERTIFICATE_KINDS];
    char *key_pem;            /* of all of them */
    char path[PATH_MAX];      /* of the good one; "" when it was not written */
    char directory[PATH_MAX]; /* that was made for it, and goes with it; "" when it was there before */
};

bool certificate_make(struct certificate *certificate, struct error *error);
/* Writes the good one, for clients to trust, into `directory`, or into a new one below $TMPDIR when that is NULL. */
bool certificate_write(struct certificate *certificate, const char *directory, struct error *error);
/* Removes what certificate_write() made. */
void certificate_clear(struct certificate *certificate);

#endif
