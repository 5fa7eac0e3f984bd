#include "core/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *error, enum error_code code, const char *format, ...)
{
    va_list arguments;

    error->code = code;
    error->hint[0] = '\0';
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return false;
}

/* What helps where the reason alone decides it; "" where it does not. */
static const char *hint_for(int reason)
{
    switch (reason) {
    case ENOSPC: return "make room on the disk and run again";
    case EDQUOT: return "make room within the disk quota, or raise it, and run again";
    case EFBIG: return "raise the limit on the size of files (ulimit -f) and run again";
    case EMFILE: return "raise the limit on open files (ulimit -n) and run again";
    default: return "";
    }
}

bool error_errno(struct error *error, const char *format, ...)
{
    const int saved = errno;
    va_list arguments;

    error->code = ERROR_SYSTEM;
    error->hint[0] = '\0';
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);

    const size_t length = strlen(error->message);
    char reason[128];
    snprintf(error->message + length, sizeof error->message - length, ": %s", strerror_r(saved, reason, sizeof reason));
    snprintf(error->hint, sizeof error->hint, "%s", hint_for(saved));
    return false;
}

bool error_no_memory(struct error *error)
{
    return error_set(error, ERROR_SYSTEM, "out of memory");
}

bool error_hint(struct error *error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error->hint, sizeof error->hint, format, arguments);
    va_end(arguments);
    return false;
}

bool error_context(struct error *error, const char *format, ...)
{
    char inner[sizeof error->message];
    va_list arguments;

    memcpy(inner, error->message, sizeof inner);
    va_start(arguments, format);
    const int written = vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);

    const size_t length =
        written < 0 || (size_t)written >= sizeof error->message ? strlen(error->message) : (size_t)written;
    snprintf(error->message + length, sizeof error->message - length, ": %s", inner);
    return false;
}

int error_exit_status(enum error_code code)
{
    switch (code) {
    case ERROR_NONE: return 0;
    case ERROR_SYSTEM: return 1;
    case ERROR_INPUT: return 2;
    case ERROR_LIMIT: return 3;
    case ERROR_REJECTED: return 4;
    case ERROR_BUSY: return 5;
    }
    return 1;
}
