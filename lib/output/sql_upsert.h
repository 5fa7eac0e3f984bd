/* sql_upsert.h - the statement by which a database takes a token, in the dialect that PostgreSQL and SQLite share. */
#ifndef ROLLCALL_OUTPUT_SQL_UPSERT_H
#define ROLLCALL_OUTPUT_SQL_UPSERT_H

#include "core/buffer.h"
#include "core/clock.h"
#include "output/sink.h"

enum { UPSERT_COLUMNS = 4, UPSERT_SQL_CAP = 64 * 1024 };

/* Names as they stand in a statement: in quotes, doubled where they hold one. */
struct upsert {
    const char *table;
    const char *columns[UPSERT_COLUMNS]; /* key, identity_id, token, expires_at; NULL: not written */
};

/* "INSERT INTO table (...) VALUES ($1, $2, ...) ON CONFLICT (key) DO UPDATE SET ...", with one parameter for each
 * column that is written; `values` in their place where it is not NULL. */
void upsert_append(struct buffer *sql, const struct upsert *upsert, const char *values);

/* A token as the parameters of the statement. */
struct upsert_row {
    const char *texts[UPSERT_COLUMNS]; /* in the order of the columns that are written; borrowed */
    size_t lengths[UPSERT_COLUMNS];
    size_t count;
    char expires_at[TIME_TEXT_SIZE];
};

void upsert_row_fill(struct upsert_row *row, const struct upsert *upsert, const struct token *token);

#endif
