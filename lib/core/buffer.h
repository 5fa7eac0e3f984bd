/* buffer.h - a growing byte string with a cap.
 *
 * Appending never fails on the spot: the first failure (memory, or the cap) is remembered and later appends do
 * nothing, so that a message is built in a straight line and checked once with buffer_failed().  `data` is always
 * terminated by a NUL that `length` does not count; it is "" for an empty buffer.
 */
#ifndef ROLLCALL_CORE_BUFFER_H
#define ROLLCALL_CORE_BUFFER_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

enum buffer_failure { BUFFER_OK = 0, BUFFER_NO_MEMORY, BUFFER_OVER_CAP };

struct buffer {
    char *data;
    size_t length;
    size_t capacity; /* allocated; 0 when data is the shared empty string */
    size_t cap;      /* the most that `length` may become */
    enum buffer_failure failure;
};

/* Nothing is allocated before the first append. */
void buffer_init(struct buffer *buffer, size_t cap);
/* Frees; the buffer is empty and usable afterwards. */
void buffer_clear(struct buffer *buffer);
/* As buffer_clear, but wipes the memory first: for what may hold a secret. */
void buffer_wipe(struct buffer *buffer);
/* Empties without freeing and forgets a failure. */
void buffer_reset(struct buffer *buffer);

bool buffer_failed(const struct buffer *buffer);
/* Fills the error of a failed buffer; `what` names its content ("the JSON body"). Returns false. */
bool buffer_error(const struct buffer *buffer, const char *what, struct error *error);

void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_char(struct buffer *buffer, char character);
void buffer_append_format(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
/* Makes room for `length` more bytes and returns where they go (NULL on failure); buffer_commit() counts them in. */
char *buffer_reserve(struct buffer *buffer, size_t length);
void buffer_commit(struct buffer *buffer, size_t length);

#endif
