#include "operation.h"

#include <string.h>

static const char *const names[OPERATION_COUNT] = {
    [OPERATION_CREATE] = "create",
    [OPERATION_ISSUE] = "issue",
    [OPERATION_REVOKE] = "revoke",
    [OPERATION_DELETE] = "delete",
    [OPERATION_GET] = "get",
    [OPERATION_EXCHANGE] = "exchange",
    [OPERATION_TOKEN] = "token",
    [OPERATION_MANAGED_IDENTITY] = "managed_identity",
    [OPERATION_DISCOVERY] = "discovery",
    [OPERATION_OTHER] = "other",
};

const char *operation_name(enum operation operation)
{
    return names[operation];
}

bool operation_parse(const char *name, size_t length, enum operation *operation)
{
    for (int i = 0; i < OPERATION_OTHER; i++) {
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) {
            *operation = (enum operation)i;
            return true;
        }
    }
    return false;
}
