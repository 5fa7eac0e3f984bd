/* token_rows.h - the rows of a file of tokens: CSV, or one JSON object a line.
 *
 * Both have the key under the name of its column in the roster, then identity_id, token and expires_at, in this order.
 * What is read back is what was written here, and no other JSON.
 */
#ifndef ROLLCALL_OUTPUT_TOKEN_ROWS_H
#define ROLLCALL_OUTPUT_TOKEN_ROWS_H

#include "core/buffer.h"
#include "core/error.h"

#include <stddef.h>

enum token_format { TOKEN_CSV, TOKEN_NDJSON };

struct token_layout {
    enum token_format format;
    const char *key_column; /* borrowed */
    bool escape_formulas;   /* of a CSV: as struct csv_style has it; taken away again in reading */
};

/* Each text is terminated by NUL as well. */
struct token_row {
    const char *key;
    size_t key_length;
    const char *identity;
    const char *token;
    size_t token_length;
    const char *expires_at; /* RFC 3339 */
};

/* The first line of a file, in a format that has one. */
void token_rows_begin(const struct token_layout *layout, struct buffer *text);
void token_rows_append(const struct token_layout *layout, const struct token_row *row, struct buffer *text);

/* Called for each row in the order of the file, which is borrowed; false ends the reading, with an error code of
 * ERROR_NONE in good order. */
typedef bool token_row_visitor(void *context, const struct token_row *row, struct error *error);

/* Reads a file from its start; `fd` stays the caller's. False when it is no such file (ERROR_INPUT, with the line),
 * when it cannot be read, or when the visitor ended the reading with an error; *by_visitor tells that. */
bool token_rows_read(const struct token_layout *layout, int fd, const char *path, token_row_visitor *visit,
                     void *context, bool *by_visitor, struct error *error);

#endif
