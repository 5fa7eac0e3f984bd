/* csv_out.h - writing CSV fields (RFC 4180), quoted only where needed. */
#ifndef ROLLCALL_OUTPUT_CSV_OUT_H
#define ROLLCALL_OUTPUT_CSV_OUT_H

#include "core/buffer.h"

#include <stdbool.h>
#include <stddef.h>

struct csv_style {
    char delimiter;
    /* A cell that a spreadsheet would run (= + - @ tab CR first) gets a ' in front. So does one that begins like a cell
     * that has got one: what it was can be told from what it is. */
    bool escape_formulas;
};

/* The style of files that are ours alone to define. */
extern const struct csv_style csv_plain;

/* `first`: no delimiter in front. */
void csv_append(struct buffer *line, const struct csv_style *style, bool first, const char *bytes, size_t length);
void csv_append_text(struct buffer *line, const struct csv_style *style, bool first, const char *text);
void csv_end_line(struct buffer *line);
/* What a cell was that was written with or without escape_formulas: the text, or what stands behind the '. */
const char *csv_unescape(const char *text, bool escape_formulas);

#endif
