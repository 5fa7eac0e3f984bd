/* roster_reader.h - one reading of a roster, from the file to the visitor. Private to lib/roster.
 *
 *   roster_read.c    the whole: chunks of the file
 *   roster_lines.c   chunks cut into lines, fed to libcsv; faults of quotes
 *   roster_rows.c    rows checked and shown to the visitor
 *
 * Functions that return bool say whether to go on: false with the error filled, or, where `pass_ended`, with a problem
 * added after which the rest of the file cannot be told apart.
 */
#ifndef ROLLCALL_ROSTER_ROSTER_READER_H
#define ROLLCALL_ROSTER_ROSTER_READER_H

#include "roster/roster.h"
#include "roster/roster_row.h"
#include "roster/roster_source.h"
#include "roster/roster_watch.h"

#include <csv.h>

struct reader {
    const struct roster_options *options;
    const struct roster_visitor *visitor;
    struct problems *problems;
    struct roster_summary *summary;
    struct source source;
    struct csv_parser parser;

    struct row_text header_text;
    struct roster_header header; /* count 0: not read yet */
    bool deliver;                /* the header has all columns */
    struct watch watch;
    size_t *filter_columns;
    size_t extra_columns[ROSTER_EXTRAS_MAX];
    struct roster_field extras[ROSTER_EXTRAS_MAX]; /* of the row */

    struct row_text row;
    struct row_text *filled; /* header_text or row */
    bool in_row;             /* a row has begun and not ended */
    bool row_ended;          /* by the bytes fed last */
    bool row_faulty;
    bool over_long;  /* a field was */
    bool pass_ended; /* by a fault after which the rest cannot be told apart */

    bool suspect; /* the chunk holds more than plain ASCII: look at each field */
    bool has_cr;

    uint64_t line;       /* being fed */
    uint64_t row_line;   /* where the row began */
    uint64_t field_line; /* where the field began */
    size_t fed;          /* characters of the line fed before */
};

/* Looks at a value for bytes that are not UTF-8, and NUL. */
void rows_check_text(struct reader *reader, const char *bytes, size_t length);
/* Takes the row that has been filled: the header, when it is the first. */
bool rows_finish(struct reader *reader, struct error *error);

/* Finds out what need not be looked for in each value of the chunk. */
void lines_look_ahead(struct reader *reader, const char *bytes, size_t length);
/* Feeds a line with its line feed, or a part of one that is longer than a chunk. */
bool lines_feed(struct reader *reader, const char *bytes, size_t length, struct error *error);
/* Ends the last row, where no line feed did. */
bool lines_finish(struct reader *reader, struct error *error);

#endif
