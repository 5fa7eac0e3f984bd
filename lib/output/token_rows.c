#include "output/token_rows.h"

#include "core/problems.h"
#include "output/csv_out.h"
#include "output/ndjson.h"
#include "roster/roster.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { COLUMNS = 4, LINE_MAX_BYTES = 256 * 1024 };

static const char *const columns[COLUMNS] = {NULL /* the key's own name */, "identity_id", "token", "expires_at"};

static const char *column_name(size_t i, const char *key_column)
{
    return i == 0 ? key_column : columns[i];
}

/* --- writing --- */

void token_rows_begin(const struct token_layout *layout, struct buffer *text)
{
    if (layout->format != TOKEN_CSV)
        return;
    for (size_t i = 0; i < COLUMNS; i++)
        csv_append_text(text, &csv_plain, i == 0, column_name(i, layout->key_column));
    csv_end_line(text);
}

void token_rows_append(const struct token_layout *layout, const struct token_row *row, struct buffer *text)
{
    const struct csv_style style = {.delimiter = ',', .escape_formulas = layout->escape_formulas};
    const char *const values[COLUMNS] = {row->key, row->identity, row->token, row->expires_at};
    const size_t lengths[COLUMNS] = {row->key_length, strlen(row->identity), row->token_length,
                                     strlen(row->expires_at)};

    for (size_t i = 0; i < COLUMNS; i++) {
        if (layout->format == TOKEN_CSV) {
            csv_append(text, &style, i == 0, values[i], lengths[i]);
            continue;
        }
        const char *name = column_name(i, layout->key_column);
        buffer_append_char(text, i == 0 ? '{' : ',');
        ndjson_append(text, name, strlen(name));
        buffer_append_char(text, ':');
        ndjson_append(text, values[i], lengths[i]);
    }
    buffer_append_text(text, layout->format == TOKEN_CSV ? "\n" : "}\n");
}

/* --- reading --- */

struct reading {
    const struct token_layout *layout;
    token_row_visitor *visit;
    void *context;
    bool by_visitor;
};

static bool pass_on(struct reading *reading, const char *const values[COLUMNS], const size_t lengths[COLUMNS],
                    struct error *error)
{
    const struct token_row row = {
        .key = values[0],
        .key_length = lengths[0],
        .identity = values[1],
        .token = values[2],
        .token_length = lengths[2],
        .expires_at = values[3],
    };

    error->code = ERROR_NONE;
    reading->by_visitor = !reading->visit(reading->context, &row, error);
    return !reading->by_visitor;
}

static bool check_header(void *context, const struct roster_header *header, struct error *error)
{
    const struct reading *reading = context;
    bool ok = header->count == COLUMNS && header->key_column == 0;

    for (size_t i = 1; ok && i < COLUMNS; i++)
        ok = strcmp(header->fields[i].bytes, columns[i]) == 0;
    return ok ? true
              : error_set(error, ERROR_INPUT, "its columns are not %s,%s,%s,%s", reading->layout->key_column,
                          columns[1], columns[2], columns[3]);
}

static bool take_row(void *context, const struct roster_row *row, struct error *error)
{
    struct reading *reading = context;
    const char *values[COLUMNS];
    size_t lengths[COLUMNS];

    for (size_t i = 0; i < COLUMNS; i++) {
        values[i] = row->fields[i].bytes;
        lengths[i] = row->fields[i].length;
    }
    values[0] = csv_unescape(values[0], reading->layout->escape_formulas);
    lengths[0] -= (size_t)(values[0] - row->fields[0].bytes);
    return pass_on(reading, values, lengths, error);
}

static bool read_csv(struct reading *reading, int fd, const char *path, struct error *error)
{
    const struct roster_options options = {
        .name = path, .fd = fd, .delimiter = ',', .key = reading->layout->key_column};
    const struct roster_visitor visitor = {.header = check_header, .row = take_row, .context = reading};
    struct roster_summary summary;
    struct problems problems;

    if (!problems_init(&problems, path, error))
        return false;
    error->code = ERROR_NONE;
    const bool ok = roster_read(&options, &visitor, &problems, &summary, error);
    if (!ok && problems.count > 0)
        error_set(error, ERROR_INPUT, "line %" PRIu64 ": %s", problems.list[0].line, problems.list[0].message);
    problems_clear(&problems);
    return ok;
}

/* One line, without its end: the members that were written, in their order. Takes the line apart. */
static bool parse_line(const struct reading *reading, char *line, const char *values[COLUMNS], size_t lengths[COLUMNS])
{
    char *next = line;
    size_t name_length;

    for (size_t i = 0; i < COLUMNS; i++) {
        const char *wanted = column_name(i, reading->layout->key_column);
        if (*next++ != (i == 0 ? '{' : ','))
            return false;
        const char *name = ndjson_take(&next, &name_length);
        if (name == NULL || name_length != strlen(wanted) || memcmp(name, wanted, name_length) != 0 || *next++ != ':')
            return false;
        values[i] = ndjson_take(&next, &lengths[i]);
        if (values[i] == NULL)
            return false;
    }
    return strcmp(next, "}") == 0 && lengths[0] > 0;
}

/* Passes on the whole lines of `text`; what is left of it is half a line. */
static bool take_lines(struct reading *reading, struct buffer *text, uint64_t *line_number, struct error *error)
{
    const char *values[COLUMNS];
    size_t lengths[COLUMNS];
    char *line = text->data;
    char *end;
    bool ok = true;

    while (ok && (end = memchr(line, '\n', text->length - (size_t)(line - text->data))) != NULL) {
        *end = '\0';
        (*line_number)++;
        if (strlen(line) == (size_t)(end - line) && parse_line(reading, line, values, lengths))
            ok = pass_on(reading, values, lengths, error);
        else
            ok = error_set(error, ERROR_INPUT, "line %" PRIu64 ": it is not the JSON that stands in such a file",
                           *line_number);
        line = end + 1;
    }
    const size_t left = text->length - (size_t)(line - text->data);
    memmove(text->data, line, left);
    explicit_bzero(text->data + left, text->length - left);
    text->length = left;
    return ok;
}

static bool read_ndjson(struct reading *reading, int fd, const char *path, struct error *error)
{
    enum { PIECE = 32 * 1024 };
    struct buffer text;
    uint64_t line_number = 0;
    off_t offset = 0;
    bool ok = true;

    buffer_init(&text, LINE_MAX_BYTES);
    while (ok) {
        char *room = buffer_reserve(&text, PIECE);
        const ssize_t got = room != NULL ? pread(fd, room, PIECE, offset) : 0;
        if (room == NULL) {
            ok = error_set(error, ERROR_INPUT, "line %" PRIu64 " is too long", line_number + 1);
        } else if (got < 0) {
            ok = errno == EINTR || error_errno(error, "cannot read %s", path);
        } else if (got == 0) {
            ok = text.length == 0 || error_set(error, ERROR_INPUT, "line %" PRIu64 " has no end", line_number + 1);
            break;
        } else {
            buffer_commit(&text, (size_t)got);
            offset += got;
            ok = take_lines(reading, &text, &line_number, error);
        }
    }
    buffer_wipe(&text);
    return ok;
}

bool token_rows_read(const struct token_layout *layout, int fd, const char *path, token_row_visitor *visit,
                     void *context, bool *by_visitor, struct error *error)
{
    struct reading reading = {.layout = layout, .visit = visit, .context = context};
    const bool ok =
        layout->format == TOKEN_CSV ? read_csv(&reading, fd, path, error) : read_ndjson(&reading, fd, path, error);

    *by_visitor = reading.by_visitor;
    return ok || (reading.by_visitor && error->code == ERROR_NONE);
}
