/* roster_header.h - the header row: are its names usable, and where do the columns of the spec stand? Private to
 * lib/roster.
 */
#ifndef ROLLCALL_ROSTER_ROSTER_HEADER_H
#define ROLLCALL_ROSTER_ROSTER_HEADER_H

#include "roster/roster.h"

#define COLUMN_NONE SIZE_MAX

/* Names are compared byte by byte, without trimming. COLUMN_NONE when the header has no such column. */
size_t header_find(const struct roster_header *header, const char *name);

/* As header_find, and adds a problem that says what `name` is for ("the key column"), what was perhaps meant, and
 * which columns there are. */
size_t header_require(const struct roster_header *header, uint64_t line, const char *role, const char *name,
                      struct problems *problems);

/* Adds a problem for each name that is empty or stands there twice. */
void header_check_names(const struct roster_header *header, uint64_t line, struct problems *problems);

enum { COLUMN_SHOWN_SIZE = 96 };

/* The name of a column (or its number, where it has none) for a message, without what could upset a terminal. */
void header_show(const struct roster_header *header, size_t column, char text[COLUMN_SHOWN_SIZE]);

#endif
