/* libcsv knows quotes and delimiters, and nothing of places. Because it gets a line at a time, a row ends with the
 * line that ended it, and the line on which a row, a value or a fault stands is known exactly, whatever line breaks
 * the quotes hold. Empty lines between rows are skipped, as libcsv does.
 */
#include "roster/roster_reader.h"

#include "core/utf8.h"
#include "roster/roster_header.h"

#include <inttypes.h>
#include <string.h>

static const char quote_hint[] = "put a value that holds a double quote between double quotes, and double it: "
                                 "\"5\"\" pipe\"";

static void on_field(void *bytes, size_t length, void *context)
{
    struct reader *reader = context;

    if (reader->over_long || length > ROSTER_FIELD_MAX) {
        reader->over_long = true;
        return;
    }
    if (reader->suspect)
        rows_check_text(reader, bytes, length);
    row_add(reader->filled, bytes, length);
    reader->field_line = reader->line;
}

static void on_row(int terminator, void *context)
{
    struct reader *reader = context;

    (void)terminator;
    reader->row_ended = true;
}

static void report_quote(struct reader *reader, const char *bytes, size_t at)
{
    const uint64_t column = reader->fed + utf8_count(bytes, at) + 1;

    reader->pass_ended = true;
    if (!reader->parser.quoted)
        problems_add(reader->problems, reader->line, column, quote_hint,
                     "a double quote inside a value that does not begin with one");
    else if (reader->field_line == reader->line)
        problems_add(reader->problems, reader->line, column, quote_hint, "text after the closing double quote");
    else
        problems_add(reader->problems, reader->line, column, quote_hint,
                     "text after the closing double quote of a value that begins in line %" PRIu64, reader->field_line);
}

/* What is too long is most often a value whose closing quote is missing: the rest of the file cannot be trusted. */
static void report_over_long(struct reader *reader)
{
    char column[COLUMN_SHOWN_SIZE];

    header_show(&reader->header, reader->filled->count, column);
    reader->pass_ended = true;
    problems_add(reader->problems, reader->field_line, 0, "is a closing double quote missing?",
                 "the value of %s is larger than %d KiB", column, (int)ROSTER_FIELD_MAX / 1024);
}

/* Feeds bytes that end at most one row. */
static bool feed(struct reader *reader, const char *bytes, size_t length, struct error *error)
{
    if (!reader->in_row)
        reader->row_line = reader->field_line = reader->line;
    reader->in_row = true;
    reader->row_ended = false;
    const size_t parsed = csv_parse(&reader->parser, bytes, length, on_field, on_row, reader);
    if (reader->over_long || reader->parser.entry_pos > ROSTER_FIELD_MAX + 1) { /* 1: a quote that may close it */
        report_over_long(reader);
        return false;
    }
    if (parsed != length) {
        if (csv_error(&reader->parser) != CSV_EPARSE)
            return error_no_memory(error);
        report_quote(reader, bytes, parsed);
        return false;
    }
    return !reader->row_ended || rows_finish(reader, error);
}

static bool report_lone_cr(struct reader *reader, size_t place)
{
    reader->pass_ended = true;
    problems_add(reader->problems, reader->line, reader->fed + place,
                 "save the file with LF or CRLF line ends; in a value, put it between double quotes",
                 "a carriage return without a line feed after it");
    return false;
}

static bool is_line_end(const char *bytes, size_t length)
{
    return bytes[0] == '\n' || (length == 2 && bytes[0] == '\r' && bytes[1] == '\n');
}

/* libcsv takes any carriage return outside of quotes for the end of a row; here it must be followed by a line feed, or
 * rows and lines would part. */
bool lines_feed(struct reader *reader, const char *bytes, size_t length, struct error *error)
{
    while (reader->has_cr && length > 0) {
        const char *cr = memchr(bytes, '\r', length);
        if (cr == NULL || (cr + 2 == bytes + length && cr[1] == '\n'))
            break;
        const size_t head = (size_t)(cr - bytes) + 1;
        const size_t place = utf8_count(bytes, head);
        if (head == 1 && !reader->in_row)
            return report_lone_cr(reader, place);
        if (!feed(reader, bytes, head, error))
            return false;
        if (!reader->in_row)
            return report_lone_cr(reader, place);
        reader->fed += place;
        bytes += head;
        length -= head;
    }
    if (length == 0 || (!reader->in_row && is_line_end(bytes, length)))
        return true;
    if (!feed(reader, bytes, length, error))
        return false;
    if (bytes[length - 1] != '\n')
        reader->fed += utf8_count(bytes, length);
    return true;
}

bool lines_finish(struct reader *reader, struct error *error)
{
    reader->row_ended = false;
    if (!reader->in_row)
        return true;
    if (csv_fini(&reader->parser, on_field, on_row, reader) != 0) {
        reader->pass_ended = true;
        problems_add(reader->problems, reader->field_line, 0, "close it, or double a quote that is part of the value",
                     "a double quote is opened in this line and never closed");
        return false;
    }
    if (reader->over_long) {
        report_over_long(reader);
        return false;
    }
    return rows_finish(reader, error);
}

static int no_space(unsigned char character)
{
    (void)character;
    return 0;
}

static bool is_edge(char character, char delimiter)
{
    return character == delimiter || character == '"' || character == '\n' || character == '\r';
}

/* Whether white space stands first or last in some value (or perhaps does, where the chunk cuts a value). */
static bool has_outer_space(const char *bytes, size_t length, char space, char delimiter)
{
    const char *end = bytes + length;
    const char *found = bytes;

    if (space == delimiter)
        return false;
    while (found < end && (found = memchr(found, space, (size_t)(end - found))) != NULL) {
        if (found == bytes || found + 1 == end || is_edge(found[-1], delimiter) || is_edge(found[1], delimiter))
            return true;
        found++;
    }
    return false;
}

void lines_look_ahead(struct reader *reader, const char *bytes, size_t length)
{
    const char delimiter = reader->options->delimiter;
    const bool outer_space =
        has_outer_space(bytes, length, ' ', delimiter) || has_outer_space(bytes, length, '\t', delimiter);

    /* libcsv trims values unless it is given a function, which it then calls for each byte: a quarter of the time. */
    csv_set_space_func(&reader->parser, outer_space ? no_space : NULL);
    reader->suspect = !utf8_is_plain(bytes, length) || (reader->suspect && reader->in_row);
    reader->has_cr = memchr(bytes, '\r', length) != NULL;
}
