/* roster_watch.h - the watched columns of a row as one text (see roster_row.watch). Private to lib/roster. */
#ifndef ROLLCALL_ROSTER_ROSTER_WATCH_H
#define ROLLCALL_ROSTER_ROSTER_WATCH_H

#include "roster/roster.h"

struct watch_column {
    size_t column;      /* of the header; COLUMN_NONE when the header lacks it */
    const char *prefix; /* "name=", from the second on ";name=" */
    size_t prefix_length;
};

struct watch {
    struct watch_column *columns;
    size_t count;
    char *prefixes;
    char *text; /* as large as the longest text of a row */
};

bool watch_init(struct watch *watch, const char *const *names, size_t count, struct error *error);
void watch_clear(struct watch *watch);

/* Writes watch->text for a row, terminated by NUL; returns its length. */
size_t watch_write(struct watch *watch, const struct roster_field *fields);

#endif
