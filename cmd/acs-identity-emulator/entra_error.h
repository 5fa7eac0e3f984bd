/* entra_error.h - the errors of Microsoft Entra ID's token endpoint (reference: entra-credentials.md, section 2). */
#ifndef EMULATOR_ENTRA_ERROR_H
#define EMULATOR_ENTRA_ERROR_H

struct entra_error {
    const char *code; /* the digits of AADSTSnnnnn */
    const char *error;
    const char *text;
};

/* NULL for a code that is not known here. */
const struct entra_error *entra_error_find(const char *code);

#endif
