#include "output/sql_upsert.h"

#include <string.h>

static void append_names(struct buffer *sql, const struct upsert *upsert)
{
    const char *separator = "";

    for (size_t i = 0; i < UPSERT_COLUMNS; i++) {
        if (upsert->columns[i] == NULL)
            continue;
        buffer_append_format(sql, "%s%s", separator, upsert->columns[i]);
        separator = ", ";
    }
}

static void append_parameters(struct buffer *sql, const struct upsert *upsert)
{
    unsigned number = 0;

    for (size_t i = 0; i < UPSERT_COLUMNS; i++) {
        if (upsert->columns[i] == NULL)
            continue;
        number++;
        buffer_append_format(sql, "%s$%u", number > 1 ? ", " : "", number);
    }
}

void upsert_append(struct buffer *sql, const struct upsert *upsert, const char *values)
{
    const char *separator = "";

    buffer_append_format(sql, "INSERT INTO %s (", upsert->table);
    append_names(sql, upsert);
    buffer_append_text(sql, ") VALUES (");
    if (values != NULL)
        buffer_append_text(sql, values);
    else
        append_parameters(sql, upsert);
    buffer_append_format(sql, ") ON CONFLICT (%s) DO UPDATE SET ", upsert->columns[0]);
    for (size_t i = 1; i < UPSERT_COLUMNS; i++) {
        if (upsert->columns[i] == NULL)
            continue;
        buffer_append_format(sql, "%s%s = EXCLUDED.%s", separator, upsert->columns[i], upsert->columns[i]);
        separator = ", ";
    }
}

void upsert_row_fill(struct upsert_row *row, const struct upsert *upsert, const struct token *token)
{
    time_format_rfc3339(token->expires_at_s, row->expires_at);
    const char *const texts[UPSERT_COLUMNS] = {token->key, token->identity, secret_reveal(token->value),
                                               row->expires_at};
    const size_t lengths[UPSERT_COLUMNS] = {token->key_length, strlen(token->identity), token->value->length,
                                            strlen(row->expires_at)};

    row->count = 0;
    for (size_t i = 0; i < UPSERT_COLUMNS; i++) {
        if (upsert->columns[i] == NULL)
            continue;
        row->texts[row->count] = texts[i];
        row->lengths[row->count++] = lengths[i];
    }
}
