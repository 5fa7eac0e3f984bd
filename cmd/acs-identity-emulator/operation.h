/* operation.h - the operations that have a quota or a counter of their own. */
#ifndef EMULATOR_OPERATION_H
#define EMULATOR_OPERATION_H

#include <stdbool.h>
#include <stddef.h>

enum operation {
    OPERATION_CREATE,
    OPERATION_ISSUE,
    OPERATION_REVOKE,
    OPERATION_DELETE,
    OPERATION_GET,      /* preview versions only */
    OPERATION_EXCHANGE, /* Teams */
    OPERATION_TOKEN,    /* Microsoft Entra ID's */
    OPERATION_MANAGED_IDENTITY,
    OPERATION_DISCOVERY,
    OPERATION_OTHER, /* whatever is none of these: unknown paths, unsupported methods */
};

enum { OPERATION_COUNT = OPERATION_OTHER + 1 };

/* "create", "issue", ...: the words of --limits and of the statistics. */
const char *operation_name(enum operation operation);
/* OPERATION_OTHER has no limit and is not found. */
bool operation_parse(const char *name, size_t length, enum operation *operation);

#endif
