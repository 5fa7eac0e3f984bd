#include "roster/roster_header.h"

#include "core/utf8.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { NAME_COMPARED_MAX = 64, HINT_SIZE = 512, LIST_SIZE = 320 };

size_t header_find(const struct roster_header *header, const char *name)
{
    const size_t length = strlen(name);

    for (size_t i = 0; i < header->count; i++)
        if (header->fields[i].length == length && memcmp(header->fields[i].bytes, name, length) == 0)
            return i;
    return COLUMN_NONE;
}

/* Copies as much of a name as has room, whole characters only, with ? for what a terminal should not get. */
static void show_name(const struct roster_field *name, char *text, size_t size)
{
    size_t length = name->length < size ? name->length : size - 1;

    while (length < name->length && length > 0 && ((unsigned char)name->bytes[length] & 0xC0) == 0x80)
        length--;
    const bool is_utf8 = utf8_valid_length(name->bytes, length) == length;
    for (size_t i = 0; i < length; i++) {
        const unsigned char byte = (unsigned char)name->bytes[i];
        text[i] = byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !is_utf8) ? '?' : name->bytes[i];
    }
    text[length] = '\0';
}

void header_show(const struct roster_header *header, size_t column, char text[COLUMN_SHOWN_SIZE])
{
    char name[COLUMN_SHOWN_SIZE - sizeof "column \"\""];

    if (column >= header->count || header->fields[column].length == 0) {
        snprintf(text, COLUMN_SHOWN_SIZE, "column %zu", column + 1);
        return;
    }
    show_name(&header->fields[column], name, sizeof name);
    snprintf(text, COLUMN_SHOWN_SIZE, "column \"%s\"", name);
}

/* Levenshtein's distance without regard to case; names are short, this runs once. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[NAME_COMPARED_MAX + 1];

    for (size_t k = 0; k <= b_length; k++)
        row[k] = k;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= b_length; k++) {
            const size_t changed = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[k - 1]));
            const size_t shorter = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;
            diagonal = row[k];
            row[k] = changed < shorter ? changed : shorter;
        }
    }
    return row[b_length];
}

static struct roster_field trimmed(const struct roster_field *name)
{
    struct roster_field inner = *name;

    while (inner.length > 0 && isspace((unsigned char)inner.bytes[0])) {
        inner.bytes++;
        inner.length--;
    }
    while (inner.length > 0 && isspace((unsigned char)inner.bytes[inner.length - 1]))
        inner.length--;
    return inner;
}

/* The column whose name differs least, by no more than a third of it. */
static size_t nearest(const struct roster_header *header, const char *name)
{
    const size_t length = strlen(name);
    size_t best = length / 3 + 1;
    size_t found = COLUMN_NONE;

    if (length > NAME_COMPARED_MAX)
        return COLUMN_NONE;
    for (size_t i = 0; i < header->count; i++) {
        const struct roster_field inner = trimmed(&header->fields[i]);
        if (inner.length == 0 || inner.length > NAME_COMPARED_MAX)
            continue;
        const size_t apart = distance(name, length, inner.bytes, inner.length);
        if (apart < best) {
            best = apart;
            found = i;
        }
    }
    return found;
}

static void list_names(const struct roster_header *header, char text[LIST_SIZE])
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < header->count; i++) {
        char name[COLUMN_SHOWN_SIZE];
        show_name(&header->fields[i], name, sizeof name);
        if (used + strlen(name) + sizeof ", ..." > LIST_SIZE) {
            snprintf(text + used, LIST_SIZE - used, ", ...");
            return;
        }
        used += (size_t)snprintf(text + used, LIST_SIZE - used, "%s%s", i == 0 ? "" : ", ", name);
    }
}

/* A header that was split by the wrong delimiter is one long name with the right one in it. */
static char likely_delimiter(const struct roster_header *header)
{
    if (header->count != 1)
        return '\0';
    const char *found = strpbrk(header->fields[0].bytes, ",;\t|");
    return found != NULL ? *found : '\0';
}

static void suggest(const struct roster_header *header, const char *name, char hint[HINT_SIZE])
{
    const char delimiter = likely_delimiter(header);
    const size_t near = nearest(header, name);
    char columns[LIST_SIZE];
    char shown[COLUMN_SHOWN_SIZE];

    if (delimiter == '\t') {
        snprintf(hint, HINT_SIZE, "the columns seem to be separated by tabs: set roster.delimiter");
        return;
    }
    if (delimiter != '\0') {
        snprintf(hint, HINT_SIZE, "the columns seem to be separated by \"%c\": set roster.delimiter", delimiter);
        return;
    }
    list_names(header, columns);
    if (near == COLUMN_NONE) {
        snprintf(hint, HINT_SIZE, "the columns are: %s", columns);
        return;
    }
    const struct roster_field inner = trimmed(&header->fields[near]);
    show_name(&header->fields[near], shown, sizeof shown);
    snprintf(hint, HINT_SIZE, "did you mean \"%s\"%s? the columns are: %s", shown,
             inner.length < header->fields[near].length ? ", which has white space around it in the file" : "",
             columns);
}

size_t header_require(const struct roster_header *header, uint64_t line, const char *role, const char *name,
                      struct problems *problems)
{
    const size_t column = header_find(header, name);

    if (column == COLUMN_NONE) {
        char hint[HINT_SIZE];
        suggest(header, name, hint);
        problems_add(problems, line, 0, hint, "%s \"%s\" is not in the header", role, name);
    }
    return column;
}

static bool same_name(const struct roster_field *a, const struct roster_field *b)
{
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

void header_check_names(const struct roster_header *header, uint64_t line, struct problems *problems)
{
    for (size_t i = 0; i < header->count; i++) {
        const struct roster_field *name = &header->fields[i];
        size_t first = 0;
        if (name->length == 0) {
            problems_add(problems, line, 0, "give the column a name, or remove it from the file",
                         "column %zu has no name", i + 1);
            continue;
        }
        while (!same_name(&header->fields[first], name))
            first++;
        if (first < i) {
            char shown[COLUMN_SHOWN_SIZE];
            header_show(header, i, shown);
            problems_add(problems, line, 0, "rename or remove one of the two",
                         "%s stands twice in the header, as column %zu and column %zu", shown, first + 1, i + 1);
        }
    }
}
