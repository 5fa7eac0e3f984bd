#include "roster/roster_watch.h"

#include "core/buffer.h"
#include "roster/roster_header.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { HASH_DIGITS = 16, PREFIXES_MAX = 1024 * 1024 };

static const char blank[] = "blank";
static const char missing[] = "missing";

static void append_name(struct buffer *prefixes, const char *name)
{
    for (; *name != '\0'; name++) {
        switch (*name) {
        case '%': buffer_append_text(prefixes, "%25"); break;
        case ';': buffer_append_text(prefixes, "%3B"); break;
        case '=': buffer_append_text(prefixes, "%3D"); break;
        default: buffer_append_char(prefixes, *name); break;
        }
    }
}

bool watch_init(struct watch *watch, const char *const *names, size_t count, struct error *error)
{
    struct buffer prefixes;
    bool ok = false;

    *watch = (struct watch){.count = count};
    buffer_init(&prefixes, PREFIXES_MAX);
    watch->columns = calloc(count + 1, sizeof *watch->columns);
    if (watch->columns == NULL) {
        error_no_memory(error);
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        const size_t start = prefixes.length;
        if (i > 0)
            buffer_append_char(&prefixes, ';');
        append_name(&prefixes, names[i]);
        buffer_append_char(&prefixes, '=');
        watch->columns[i] = (struct watch_column){.column = COLUMN_NONE, .prefix_length = prefixes.length - start};
    }
    if (buffer_failed(&prefixes)) {
        buffer_error(&prefixes, "the list of watched columns", error);
        goto out;
    }
    watch->text = malloc(prefixes.length + count * HASH_DIGITS + 1);
    watch->prefixes = malloc(prefixes.length + 1);
    if (watch->text == NULL || watch->prefixes == NULL) {
        error_no_memory(error);
        goto out;
    }
    memcpy(watch->prefixes, prefixes.data, prefixes.length + 1);
    for (size_t i = 0, start = 0; i < count; start += watch->columns[i++].prefix_length)
        watch->columns[i].prefix = watch->prefixes + start;
    ok = true;
out:
    buffer_clear(&prefixes);
    return ok;
}

void watch_clear(struct watch *watch)
{
    free(watch->columns);
    free(watch->prefixes);
    free(watch->text);
    *watch = (struct watch){0};
}

static char *put_text(char *at, const char *text, size_t length)
{
    memcpy(at, text, length);
    return at + length;
}

static char *put_hash(char *at, uint64_t hash)
{
    for (int shift = 60; shift >= 0; shift -= 4)
        *at++ = "0123456789abcdef"[(hash >> shift) & 0xF];
    return at;
}

size_t watch_write(struct watch *watch, const struct roster_field *fields)
{
    char *at = watch->text;

    for (size_t i = 0; i < watch->count; i++) {
        const struct watch_column *column = &watch->columns[i];
        at = put_text(at, column->prefix, column->prefix_length);
        if (column->column == COLUMN_NONE)
            at = put_text(at, missing, sizeof missing - 1);
        else if (fields[column->column].length == 0)
            at = put_text(at, blank, sizeof blank - 1);
        else
            at = put_hash(at, XXH3_64bits(fields[column->column].bytes, fields[column->column].length));
    }
    *at = '\0';
    return (size_t)(at - watch->text);
}

/* Compares the written name that ends before `end` with a plain one. */
static bool is_name(const char *written, const char *end, const char *name)
{
    for (; written < end && *name != '\0'; name++) {
        char character = *written++;
        if (character == '%' && end - written >= 2) {
            character = memcmp(written, "25", 2) == 0 ? '%' : memcmp(written, "3B", 2) == 0 ? ';' : '=';
            written += 2;
        }
        if (character != *name)
            return false;
    }
    return written == end && *name == '\0';
}

bool roster_watch_find(const char *watch, const char *name, const char **state, size_t *state_length)
{
    while (*watch != '\0') {
        const size_t length = strcspn(watch, ";");
        const char *equals = memchr(watch, '=', length);
        if (equals != NULL && is_name(watch, equals, name)) {
            *state = equals + 1;
            *state_length = length - (size_t)(equals + 1 - watch);
            return true;
        }
        watch += length;
        if (*watch == ';')
            watch++;
    }
    return false;
}

bool roster_watch_select(const char *watch, const char *const *names, size_t count, struct buffer *selected)
{
    const char *state;
    size_t length;

    for (size_t i = 0; i < count; i++) {
        if (!roster_watch_find(watch, names[i], &state, &length))
            return false;
        const char *start = state;
        while (start > watch && start[-1] != ';')
            start--;
        if (i > 0)
            buffer_append_char(selected, ';');
        buffer_append(selected, start, (size_t)(state + length - start));
    }
    return true;
}

/* Is there a column with the written name that ends with its '='? */
static bool has_written(const char *watch, const char *name, size_t length)
{
    while (*watch != '\0') {
        if (strncmp(watch, name, length) == 0)
            return true;
        watch += strcspn(watch, ";");
        watch += *watch == ';';
    }
    return false;
}

void roster_watch_merge(const char *now, const char *applied, struct buffer *merged)
{
    bool first = *now == '\0';

    buffer_append_text(merged, now);
    while (*applied != '\0') {
        const size_t length = strcspn(applied, ";");
        if (!has_written(now, applied, strcspn(applied, "=") + 1)) {
            if (!first)
                buffer_append_char(merged, ';');
            buffer_append(merged, applied, length);
            first = false;
        }
        applied += length;
        applied += *applied == ';';
    }
}
