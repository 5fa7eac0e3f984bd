/* roster_source.h - the bytes of a roster in chunks, their digest, and whether the file held still. Private to
 * lib/roster.
 */
#ifndef ROLLCALL_ROSTER_ROSTER_SOURCE_H
#define ROLLCALL_ROSTER_ROSTER_SOURCE_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct source {
    const char *name; /* borrowed */
    int fd;           /* borrowed */
    bool seekable;
    bool at_end;
    struct stat before;
    void *digest; /* XXH3_state_t */
    char *bytes;
    size_t capacity;
    size_t length;  /* bytes held */
    uint64_t total; /* bytes read */
};

/* Holds `capacity` bytes at most. */
bool source_open(struct source *source, const char *name, int fd, size_t capacity, struct error *error);
void source_close(struct source *source);

/* Reads on: drops the first `used` bytes held, and fills up behind the others. Sets at_end after the last byte. */
bool source_fill(struct source *source, size_t used, struct error *error);

/* Whether the file is still what it was when it was opened; ERROR_INPUT when not. */
bool source_check_unchanged(const struct source *source, struct error *error);
void source_digest(const struct source *source, unsigned char digest[16]);

#endif
