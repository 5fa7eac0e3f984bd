/* error.h - one error type from where a fault is known to where it is printed.
 *
 * Functions that can fail return false (or NULL) and fill a `struct error *` given by the caller, which is never
 * NULL.  The code is for programs (it decides the exit status), the message for people.  Nothing is printed where
 * it is found; callers add context on the way up with error_context().
 */
#ifndef ROLLCALL_CORE_ERROR_H
#define ROLLCALL_CORE_ERROR_H

#include <stdbool.h>

#define PRINTF_LIKE(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))

enum error_code {
    ERROR_NONE = 0,
    ERROR_SYSTEM,   /* the machine failed us: disk, memory, a library; exit 1 */
    ERROR_INPUT,    /* the command line, spec, roster or ledger is wrong; exit 2 */
    ERROR_LIMIT,    /* a safety limit refused the plan; exit 3 */
    ERROR_REJECTED, /* the credential or the resource was rejected; exit 4 */
    ERROR_BUSY,     /* another run holds the ledger; exit 5 */
};

struct error {
    enum error_code code;
    char message[1024];
    char hint[512]; /* what to do about it; empty when there is nothing to add */
};

/* Each returns false, so that `return error_set(...)` reads as a failure. */
bool error_set(struct error *error, enum error_code code, const char *format, ...) PRINTF_LIKE(3, 4);
/* As error_set with ERROR_SYSTEM and ": <strerror(errno)>" appended; with a hint where errno alone says what helps. */
bool error_errno(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);
bool error_no_memory(struct error *error);
/* Sets the hint of an error that is already there. */
bool error_hint(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);
/* Puts "<context>: " before the message. */
bool error_context(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

/* The exit status of the program that ends with this error (design, section 3). */
int error_exit_status(enum error_code code);

#endif
