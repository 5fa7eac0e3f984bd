#include "roster/roster_reader.h"

#include "core/text.h"
#include "core/utf8.h"
#include "roster/roster_header.h"

#include <inttypes.h>
#include <string.h>

static const char encoding_hint[] = "save the file as UTF-8 (if it comes from Windows: iconv -f WINDOWS-1252 -t UTF-8)";

void rows_check_text(struct reader *reader, const char *bytes, size_t length)
{
    const size_t valid = utf8_valid_length(bytes, length);
    uint64_t line = reader->field_line;
    char column[COLUMN_SHOWN_SIZE];

    if (valid == length)
        return;
    for (size_t i = 0; i < valid; i++)
        line += bytes[i] == '\n';
    header_show(&reader->header, reader->filled->count, column);
    reader->row_faulty = true;
    if (bytes[valid] == '\0')
        problems_add(reader->problems, line, 0, "text has no NUL bytes: is the file UTF-16, or damaged?",
                     "%s holds a NUL byte", column);
    else
        problems_add(reader->problems, line, 0, encoding_hint, "%s is not UTF-8: byte %zu of the value is 0x%02X",
                     column, valid + 1, (unsigned)(unsigned char)bytes[valid]);
}

static bool is_selected(const struct reader *reader)
{
    for (size_t i = 0; i < reader->options->filter_count; i++) {
        const struct roster_filter *filter = &reader->options->filters[i];
        const char *value = reader->row.fields[reader->filter_columns[i]].bytes;
        size_t k = 0;
        while (k < filter->value_count && strcmp(filter->values[k], value) != 0)
            k++;
        if (k == filter->value_count)
            return false;
    }
    return true;
}

/* NUL is rows_check_text()'s to report. */
static void check_key(struct reader *reader, const struct roster_field *key)
{
    const char *name = reader->options->key;
    bool control = false;

    for (size_t i = 0; i < key->length; i++)
        control |= ((unsigned char)key->bytes[i] < 0x20 && key->bytes[i] != '\0') || key->bytes[i] == 0x7F;
    if (key->length > 0 && key->length <= ROSTER_KEY_MAX && !control)
        return;
    reader->row_faulty = true;
    if (key->length == 0)
        problems_add(reader->problems, reader->row_line, 0, "give the user a key, or remove the row",
                     "the key (column \"%s\") is empty", name);
    else if (control)
        problems_add(reader->problems, reader->row_line, 0, "remove tabs, line breaks and the like from the key",
                     "the key (column \"%s\") holds a control character", name);
    else
        problems_add(reader->problems, reader->row_line, 0, NULL,
                     "the key (column \"%s\") has %zu bytes; the most is %d", name, key->length, (int)ROSTER_KEY_MAX);
}

/* As where one file was appended to another, a byte order mark and all. */
static bool is_header_again(const struct reader *reader)
{
    for (size_t i = reader->row.count; i-- > 0;) {
        const struct roster_field *name = &reader->header.fields[i];
        struct roster_field value = reader->row.fields[i];
        if (i == 0 && strncmp(value.bytes, "\xEF\xBB\xBF", 3) == 0)
            value = (struct roster_field){value.bytes + 3, value.length - 3};
        if (value.length != name->length || memcmp(value.bytes, name->bytes, name->length) != 0)
            return false;
    }
    return true;
}

static bool finish_data_row(struct reader *reader, struct error *error)
{
    struct roster_row row = {.index = reader->summary->rows++, .line = reader->row_line, .fields = reader->row.fields};

    if (reader->row.count != reader->header.count) {
        problems_add(reader->problems, reader->row_line, 0,
                     reader->row.count > reader->header.count
                         ? "a value that holds the delimiter must stand between double quotes"
                         : "a value may be empty, its delimiter must be there",
                     "%zu %s where the header has %zu", reader->row.count,
                     text_noun(reader->row.count, "field", "fields"), reader->header.count);
        return true;
    }
    if (is_header_again(reader)) {
        problems_add(reader->problems, reader->row_line, 0, "leave one header where two files were put together",
                     "the header stands here again");
        return true;
    }
    if (reader->header.key_column != COLUMN_NONE) {
        row.key = row.fields[reader->header.key_column];
        check_key(reader, &row.key);
    }
    if (!reader->deliver || reader->row_faulty)
        return true;
    for (size_t i = 0; i < reader->options->extra_count; i++)
        reader->extras[i] = row.fields[reader->extra_columns[i]];
    row.extras = reader->extras;
    row.selected = is_selected(reader);
    reader->summary->selected += row.selected;
    row.watch_length = watch_write(&reader->watch, row.fields);
    row.watch = reader->watch.text;
    return reader->visitor->row(reader->visitor->context, &row, error);
}

static void find_columns(struct reader *reader)
{
    const struct roster_options *options = reader->options;

    reader->header.key_column =
        header_require(&reader->header, reader->row_line, "the key column", options->key, reader->problems);
    for (size_t i = 0; i < options->watch_count; i++)
        reader->watch.columns[i].column = options->watch_may_be_missing
                                              ? header_find(&reader->header, options->watch[i])
                                              : header_require(&reader->header, reader->row_line, "the watched column",
                                                               options->watch[i], reader->problems);
    for (size_t i = 0; i < options->filter_count; i++)
        reader->filter_columns[i] = header_require(&reader->header, reader->row_line, "the column of the filter",
                                                   options->filters[i].column, reader->problems);
    for (size_t i = 0; i < options->extra_count; i++)
        reader->extra_columns[i] = header_require(&reader->header, reader->row_line, options->extras[i].role,
                                                  options->extras[i].name, reader->problems);
}

static bool finish_header(struct reader *reader, struct error *error)
{
    const uint64_t problems_before = reader->problems->total;

    if (reader->header_text.count > ROSTER_COLUMNS_MAX) {
        problems_add(reader->problems, reader->row_line, 0, NULL, "the header has %zu columns; the most is %d",
                     reader->header_text.count, (int)ROSTER_COLUMNS_MAX);
        reader->pass_ended = true;
        return true;
    }
    reader->header.fields = reader->header_text.fields;
    reader->header.count = reader->header_text.count;
    if (!row_init(&reader->row, reader->header.count, error))
        return false;
    reader->filled = &reader->row;
    header_check_names(&reader->header, reader->row_line, reader->problems);
    find_columns(reader);
    /* A file split by the wrong delimiter would only add a fault a row. */
    reader->pass_ended = reader->header.count == 1 && reader->header.key_column == COLUMN_NONE;
    reader->deliver = reader->problems->total == problems_before && !reader->row_faulty;
    if (!reader->deliver || reader->visitor->header == NULL)
        return true;
    return reader->visitor->header(reader->visitor->context, &reader->header, error);
}

bool rows_finish(struct reader *reader, struct error *error)
{
    if (reader->filled->no_memory)
        return error_no_memory(error);
    const bool go_on = reader->header.count == 0 ? finish_header(reader, error) : finish_data_row(reader, error);
    reader->in_row = false;
    reader->row_faulty = false;
    row_reset(reader->header.count == 0 ? &reader->header_text : &reader->row);
    return go_on && !reader->pass_ended;
}
