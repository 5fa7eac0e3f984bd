/* libcsv knows quotes and delimiters, and nothing of places. Because it never gets more than a line at a time, a row
 * ends with the line that ended it, and the line on which a row, a value or a fault stands is known exactly, whatever
 * line breaks the quotes hold. Empty lines between rows are skipped, as libcsv does.
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

static bool is_over_long(struct reader *reader)
{
    if (!reader->over_long && reader->parser.entry_pos <= ROSTER_FIELD_MAX + 1) /* 1: a quote that may close it */
        return false;
    report_over_long(reader);
    return true;
}

/* Gives libcsv what stands in a line from `at` on. */
static bool parse(struct reader *reader, const char *line, const char *at, size_t length, struct error *error)
{
    const size_t parsed = csv_parse(&reader->parser, at, length, on_field, on_row, reader);

    if (is_over_long(reader))
        return false;
    if (parsed == length)
        return true;
    if (csv_error(&reader->parser) != CSV_EPARSE)
        return error_no_memory(error);
    report_quote(reader, line, (size_t)(at - line) + parsed);
    return false;
}

/* The first such byte, `end` where there is none. */
static const char *find(const char *bytes, const char *end, char wanted)
{
    const char *found = memchr(bytes, wanted, (size_t)(end - bytes));

    return found != NULL ? found : end;
}

/* The value at `at`, when it is plain: without a double quote, or between two and without others. Returns its end,
 * where the delimiter or the end of the line stands; NULL when it is not plain. `quote` is the first double quote from
 * `at` on. */
static const char *plain_value(const char *at, const char *end, const char *quote, char delimiter,
                               struct roster_field *value)
{
    if (quote == at && quote < end) {
        const char *close = find(at + 1, end, '"');
        *value = (struct roster_field){at + 1, (size_t)(close - at) - 1};
        return close < end && (close + 1 == end || close[1] == delimiter) ? close + 1 : NULL;
    }
    const char *stop = find(at, quote, delimiter);
    *value = (struct roster_field){at, (size_t)(stop - at)};
    return stop < quote || quote == end ? stop : NULL;
}

/* libcsv looks at each byte, which would be most of the time that a plan takes: of a line that ends here it gets only
 * the values that are not plain. */
static bool feed_values(struct reader *reader, const char *line, size_t length, struct error *error)
{
    const char delimiter = reader->options->delimiter;
    const char *end = line + length - (length > 1 && line[length - 2] == '\r' ? 2 : 1);
    const char *quote = line;
    struct roster_field value;

    for (const char *at = line, *next; at < line + length; at = next) {
        if (quote <= at)
            quote = find(at, end, '"');
        const bool between = !reader->parser.quoted && reader->parser.entry_pos == 0;
        const char *plain_end = between ? plain_value(at, end, quote, delimiter, &value) : NULL;
        const char *stop = plain_end != NULL ? plain_end : find(at, end, delimiter);
        next = stop < end ? stop + 1 : line + length;
        if (plain_end == NULL) {
            if (!parse(reader, line, at, (size_t)(next - at), error))
                return false;
            continue;
        }
        on_field((void *)value.bytes, value.length, reader);
        reader->row_ended = stop == end;
    }
    return true;
}

/* Feeds a line, or a part of one, that ends at most one row. */
static bool feed(struct reader *reader, const char *bytes, size_t length, struct error *error)
{
    if (!reader->in_row)
        reader->row_line = reader->field_line = reader->line;
    reader->in_row = true;
    reader->row_ended = false;
    const bool ok = bytes[length - 1] == '\n' ? feed_values(reader, bytes, length, error)
                                              : parse(reader, bytes, bytes, length, error);
    return ok && !is_over_long(reader) && (!reader->row_ended || rows_finish(reader, error));
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

void lines_look_ahead(struct reader *reader, const char *bytes, size_t length)
{
    reader->suspect = !utf8_is_plain(bytes, length) || (reader->suspect && reader->in_row);
    reader->has_cr = memchr(bytes, '\r', length) != NULL;
}
