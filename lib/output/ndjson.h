/* ndjson.h - JSON strings by hand, for lines with tokens: what a JSON library reads or writes stays in its memory.
 */
#ifndef ROLLCALL_OUTPUT_NDJSON_H
#define ROLLCALL_OUTPUT_NDJSON_H

#include "core/buffer.h"

#include <stddef.h>

/* Appends UTF-8 text as a JSON string, quotes included. */
void ndjson_append(struct buffer *line, const char *text, size_t length);

/* Reads a string that ndjson_append() wrote, at *next, which is moved behind it; it is decoded in place and terminated
 * with NUL. NULL when there is no such string. */
char *ndjson_take(char **next, size_t *length);

#endif
