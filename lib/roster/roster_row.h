/* roster_row.h - the fields of one row, copied out of the parser. Private to lib/roster. */
#ifndef ROLLCALL_ROSTER_ROSTER_ROW_H
#define ROLLCALL_ROSTER_ROSTER_ROW_H

#include "roster/roster.h"

struct row_text {
    struct roster_field *fields;
    size_t limit; /* room in fields; what comes after that is counted and not kept */
    size_t count;
    char *bytes;
    size_t length;
    size_t capacity;
    bool no_memory; /* remembered, because the parser's callbacks cannot stop it */
};

bool row_init(struct row_text *row, size_t limit, struct error *error);
void row_clear(struct row_text *row);
void row_reset(struct row_text *row);
/* Keeps a copy, with a NUL behind it. */
void row_add(struct row_text *row, const char *bytes, size_t length);

#endif
