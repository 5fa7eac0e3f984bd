#include "roster/roster_row.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024 };

bool row_init(struct row_text *row, size_t limit, struct error *error)
{
    *row = (struct row_text){.limit = limit, .capacity = FIRST_CAPACITY};
    row->fields = calloc(limit, sizeof *row->fields);
    row->bytes = malloc(row->capacity);
    return row->fields != NULL && row->bytes != NULL ? true : error_no_memory(error);
}

/* A row may be one of a file with tokens. */
static void wipe_bytes(struct row_text *row)
{
    if (row->bytes != NULL)
        explicit_bzero(row->bytes, row->capacity);
    free(row->bytes);
}

void row_clear(struct row_text *row)
{
    free(row->fields);
    wipe_bytes(row);
    *row = (struct row_text){0};
}

void row_reset(struct row_text *row)
{
    row->count = 0;
    row->length = 0;
}

static bool grow(struct row_text *row, size_t needed)
{
    size_t capacity = row->capacity;

    while (capacity < needed)
        capacity *= 2;
    char *bytes = malloc(capacity);
    if (bytes == NULL) {
        row->no_memory = true;
        return false;
    }
    memcpy(bytes, row->bytes, row->length);
    for (size_t i = 0; i < row->count; i++)
        row->fields[i].bytes = bytes + (row->fields[i].bytes - row->bytes);
    wipe_bytes(row);
    row->bytes = bytes;
    row->capacity = capacity;
    return true;
}

void row_add(struct row_text *row, const char *bytes, size_t length)
{
    if (row->count >= row->limit) {
        row->count++;
        return;
    }
    if (row->capacity - row->length <= length && !grow(row, row->length + length + 1))
        return;
    char *copy = row->bytes + row->length;
    memcpy(copy, bytes, length);
    copy[length] = '\0';
    row->fields[row->count++] = (struct roster_field){.bytes = copy, .length = length};
    row->length += length + 1;
}
