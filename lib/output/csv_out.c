#include "output/csv_out.h"

#include <string.h>

const struct csv_style csv_plain = {.delimiter = ','};

/* At the start of a file it would be taken for a mark of the file and not for part of its first value. */
static bool has_byte_order_mark(const char *bytes, size_t length)
{
    return length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0;
}

static bool needs_quotes(const struct csv_style *style, const char *bytes, size_t length)
{
    return length > 0 && (memchr(bytes, style->delimiter, length) != NULL || memchr(bytes, '"', length) != NULL ||
                          memchr(bytes, '\n', length) != NULL || memchr(bytes, '\r', length) != NULL ||
                          has_byte_order_mark(bytes, length));
}

/* Behind any number of '. */
static bool is_formula(const char *bytes, size_t length)
{
    size_t first = 0;

    while (first < length && bytes[first] == '\'')
        first++;
    return first < length && bytes[first] != '\0' && strchr("=+-@\t\r", bytes[first]) != NULL;
}

const char *csv_unescape(const char *text, bool escape_formulas)
{
    return escape_formulas && text[0] == '\'' && is_formula(text, strlen(text)) ? text + 1 : text;
}

void csv_append(struct buffer *line, const struct csv_style *style, bool first, const char *bytes, size_t length)
{
    const bool formula = style->escape_formulas && is_formula(bytes, length);

    if (!first)
        buffer_append_char(line, style->delimiter);
    if (!needs_quotes(style, bytes, length)) {
        if (formula)
            buffer_append_char(line, '\'');
        buffer_append(line, bytes, length);
        return;
    }
    buffer_append_char(line, '"');
    if (formula)
        buffer_append_char(line, '\'');
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '"')
            buffer_append_char(line, '"');
        buffer_append_char(line, bytes[i]);
    }
    buffer_append_char(line, '"');
}

void csv_append_text(struct buffer *line, const struct csv_style *style, bool first, const char *text)
{
    csv_append(line, style, first, text, strlen(text));
}

void csv_end_line(struct buffer *line)
{
    buffer_append_char(line, '\n');
}
