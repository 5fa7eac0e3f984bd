/* secret.h - bytes that must not be seen: an access key, a bearer token, an access token.
 *
 * A secret is wiped when cleared, and can only be read by a call that says so, secret_reveal(). Nothing prints one.
 */
#ifndef ROLLCALL_CORE_SECRET_H
#define ROLLCALL_CORE_SECRET_H

#include "core/error.h"

#include <stddef.h>

struct secret {
    char *bytes; /* NUL after the last byte; NULL when not set */
    size_t length;
};

/* Copies; an earlier value is wiped. The caller wipes its own copy. */
bool secret_set(struct secret *secret, const void *bytes, size_t length, struct error *error);
/* Reads a whole file (at most 64 KiB) without one trailing newline. Refuses, with the fix in the hint, a file that
 * is a symbolic link's or another user's to change: not owned by us or root, or writable by group or others. */
bool secret_read_file(struct secret *secret, const char *path, struct error *error);
/* All bytes of a file, at most `most`, that a platform puts there for us: it may be a symbolic link and another user's,
 * but not writable by everybody. */
bool secret_read_mounted(struct secret *secret, const char *path, size_t most, struct error *error);
void secret_clear(struct secret *secret);

bool secret_is_set(const struct secret *secret);
/* The bytes themselves; borrowed until the secret is set or cleared; "" when not set. */
const char *secret_reveal(const struct secret *secret);

#endif
