/* Tokens into a table of a PostgreSQL database of the user's: all of a batch in one transaction and one round trip, or,
 * where a row is refused, each in one of its own. */
#include "core/clock.h"
#include "core/text.h"
#include "output/postgres_peer.h"
#include "output/sql_upsert.h"

#include <libpq-fe.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct postgres_sink {
    const struct spec_sink *spec;
    PGconn *connection;              /* NULL: to be made */
    char *names[1 + UPSERT_COLUMNS]; /* libpq's */
    struct upsert upsert;
    struct buffer insert;
};

/* What a statement came to. */
enum outcome_of {
    PG_DONE,
    PG_REFUSED, /* it is about the row */
    PG_AWAY,    /* the server, the connection or the time */
};

/* Nothing is printed where it is found. */
static void ignore_notice(void *context, const PGresult *result)
{
    (void)context, (void)result;
}

static void disconnect(struct postgres_sink *sink)
{
    PQfinish(sink->connection);
    sink->connection = NULL;
    for (size_t i = 0; i < 1 + UPSERT_COLUMNS; i++) {
        PQfreemem(sink->names[i]);
        sink->names[i] = NULL;
    }
}

static void close_postgres(void *self)
{
    struct postgres_sink *sink = self;

    disconnect(sink);
    buffer_clear(&sink->insert);
    free(sink);
}

/* --- what went wrong --- */

/* Of an error the server's first line alone: what follows may show the row, and the row has a token. */
static bool fail(const struct postgres_sink *sink, const PGresult *result, const char *what, struct error *error)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char words[512];

    text_print(primary != NULL ? primary : PQerrorMessage(sink->connection), words, sizeof words);
    for (size_t length = strlen(words); length > 0 && words[length - 1] == ' '; length--)
        words[length - 1] = '\0';
    return error_set(error, ERROR_SYSTEM, "cannot %s table %s: %s%s%s%s", what, sink->spec->table, words,
                     state != NULL ? " (" : "", state != NULL ? state : "", state != NULL ? ")" : "");
}

/* Classes of SQLSTATE: connection, rollback, resources, operator (and time), system. */
static bool is_about_the_server(const char *state)
{
    static const char *const classes[] = {"08", "40", "53", "55", "57", "58", "XX"};

    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (state == NULL || strncmp(state, classes[i], 2) == 0)
            return true;
    return false;
}

static enum outcome_of judge(const struct postgres_sink *sink, const PGresult *result, struct error *error)
{
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_PIPELINE_SYNC:
    case PGRES_PIPELINE_ABORTED: return PG_DONE;
    default: break;
    }
    fail(sink, result, "write into", error);
    return PQstatus(sink->connection) != CONNECTION_OK ||
                   is_about_the_server(PQresultErrorField(result, PG_DIAG_SQLSTATE))
               ? PG_AWAY
               : PG_REFUSED;
}

/* --- talking, with an eye on the clock --- */

static int64_t deadline_of(const struct postgres_sink *sink)
{
    return clock_monotonic_us(&clock_system) + (int64_t)sink->spec->time_limit_ms * 1000;
}

/* Sends what is to be sent until a result can be taken without waiting. False when the time is over. */
static bool talk(const struct postgres_sink *sink, int64_t deadline_us, struct error *error)
{
    PGconn *connection = sink->connection;

    for (;;) {
        const int unsent = PQflush(connection);
        if (unsent < 0 || PQisBusy(connection) == 0)
            return true;
        const int64_t left_us = deadline_us - clock_monotonic_us(&clock_system);
        struct pollfd socket = {.fd = PQsocket(connection), .events = unsent > 0 ? POLLIN | POLLOUT : POLLIN};
        if (left_us <= 0)
            return error_set(error, ERROR_SYSTEM, "table %s: the server did not answer within %.3g s",
                             sink->spec->table, sink->spec->time_limit_ms / 1000.0);
        if (poll(&socket, 1, (int)((left_us + 999) / 1000)) > 0 && (socket.revents & ~POLLOUT) != 0)
            PQconsumeInput(connection); /* its failure shows in the result */
    }
}

/* Takes all results up to the end of what was sent; the first fault is what counts. */
static enum outcome_of take_results(struct postgres_sink *sink, size_t expected, int64_t deadline_us,
                                    struct error *error)
{
    enum outcome_of outcome = PG_DONE;
    size_t ended = 0;
    struct error why;

    while (ended < expected) {
        if (!talk(sink, deadline_us, error))
            return PG_AWAY;
        PGresult *result = PQgetResult(sink->connection);
        if (result == NULL && PQstatus(sink->connection) != CONNECTION_OK) {
            fail(sink, NULL, "write into", error);
            return PG_AWAY;
        }
        if (result == NULL || PQresultStatus(result) == PGRES_PIPELINE_SYNC)
            ended++; /* of one statement, or of the batch */
        const enum outcome_of own = result != NULL ? judge(sink, result, &why) : PG_DONE;
        PQclear(result);
        if (outcome == PG_DONE && own != PG_DONE) {
            outcome = own;
            *error = why;
        }
        if (PQstatus(sink->connection) != CONNECTION_OK)
            return PG_AWAY;
    }
    return outcome;
}

static bool send_statement(const struct postgres_sink *sink, const char *sql)
{
    return PQsendQueryParams(sink->connection, sql, 0, NULL, NULL, NULL, NULL, 0) == 1;
}

static bool send_token(const struct postgres_sink *sink, const struct token *token)
{
    struct upsert_row row;

    upsert_row_fill(&row, &sink->upsert, token);
    return PQsendQueryParams(sink->connection, sink->insert.data, (int)row.count, NULL, row.texts, NULL, NULL, 0) == 1;
}

/* All in one transaction. The server gives up when we do: what waited for a lock must not be written after its
 * successor. */
static enum outcome_of insert_together(struct postgres_sink *sink, const struct token *tokens, size_t count,
                                       struct error *error)
{
    const int64_t deadline_us = deadline_of(sink);
    char limit[64];

    snprintf(limit, sizeof limit, "SET LOCAL statement_timeout = %u", (unsigned)sink->spec->time_limit_ms);
    bool sent =
        PQenterPipelineMode(sink->connection) == 1 && send_statement(sink, "BEGIN") && send_statement(sink, limit);
    for (size_t i = 0; sent && i < count; i++)
        sent = send_token(sink, &tokens[i]);
    if (!sent || !send_statement(sink, "COMMIT") || PQpipelineSync(sink->connection) != 1) {
        fail(sink, NULL, "write into", error);
        return PG_AWAY;
    }
    /* Each statement ends with a NULL, the whole with its mark. */
    const enum outcome_of outcome = take_results(sink, count + 4, deadline_us, error);
    if (outcome == PG_AWAY || PQexitPipelineMode(sink->connection) != 1)
        return PG_AWAY;
    if (outcome == PG_REFUSED && PQtransactionStatus(sink->connection) != PQTRANS_IDLE) {
        struct error ignored;
        if (!send_statement(sink, "ROLLBACK") || take_results(sink, 1, deadline_us, &ignored) != PG_DONE)
            return PG_AWAY;
    }
    return outcome;
}

/* --- opening --- */

/* What the user's string does not say itself. A server that has gone without a word is noticed. */
static PGconn *connect_to(const struct postgres_sink *sink)
{
    char limit_ms[16];
    const char *const keywords[] = {
        "connect_timeout",           "tcp_user_timeout", "keepalives_idle", "keepalives_interval",
        "fallback_application_name", "dbname",           "client_encoding", NULL};
    const char *const values[] = {"10",   limit_ms, "30", "10", "rollcall", secret_reveal(&sink->spec->connection),
                                  "UTF8", NULL};

    snprintf(limit_ms, sizeof limit_ms, "%u", (unsigned)sink->spec->time_limit_ms);
    return PQconnectdbParams(keywords, values, 1);
}

/* "schema.table" in two parts. */
static char *quote_table(PGconn *connection, const char *table)
{
    const char *dot = strchr(table, '.');

    if (dot == NULL)
        return PQescapeIdentifier(connection, table, strlen(table));
    char *schema = PQescapeIdentifier(connection, table, (size_t)(dot - table));
    char *name = PQescapeIdentifier(connection, dot + 1, strlen(dot + 1));
    struct buffer both;
    buffer_init(&both, UPSERT_SQL_CAP);
    if (schema != NULL && name != NULL)
        buffer_append_format(&both, "%s.%s", schema, name);
    PQfreemem(schema);
    PQfreemem(name);
    char *copy = both.length > 0 && !buffer_failed(&both) ? strdup(both.data) : NULL;
    buffer_clear(&both);
    return copy;
}

static bool name_columns(struct postgres_sink *sink, struct error *error)
{
    const struct spec_sink *spec = sink->spec;
    const char *const plain[] = {spec->columns.key, spec->columns.identity_id, spec->columns.token,
                                 spec->columns.expires_at};

    sink->names[0] = quote_table(sink->connection, spec->table);
    sink->upsert.table = sink->names[0];
    for (size_t i = 0; sink->names[0] != NULL && i < UPSERT_COLUMNS; i++) {
        sink->names[1 + i] = plain[i] != NULL ? PQescapeIdentifier(sink->connection, plain[i], strlen(plain[i])) : NULL;
        sink->upsert.columns[i] = sink->names[1 + i];
        if (plain[i] != NULL && sink->names[1 + i] == NULL)
            return error_no_memory(error);
    }
    buffer_reset(&sink->insert);
    upsert_append(&sink->insert, &sink->upsert, NULL);
    return (sink->names[0] != NULL && !buffer_failed(&sink->insert)) || error_no_memory(error);
}

/* What to do about a table that does not take tokens as the spec says. */
static const char *hint_for(const char *state)
{
    static const struct {
        const char *state;
        const char *hint;
    } hints[] = {
        {"42P01", "make the table, or name another one in outputs.tokens.table"},
        {"3F000", "make the schema, or name another one in outputs.tokens.table"},
        {"42703", "name the table's own columns in outputs.tokens.columns"},
        {"42P10", "the column of the key must be unique: make it the primary key, or add a unique constraint"},
        {"42501", "grant SELECT, INSERT and UPDATE on the table to the user of the connection string"},
    };

    for (size_t i = 0; state != NULL && i < sizeof hints / sizeof hints[0]; i++)
        if (strcmp(hints[i].state, state) == 0)
            return hints[i].hint;
    return "";
}

/* Plans the statement without carrying it out: a table, column, key or right that is missing shows now. */
static bool try_insert(struct postgres_sink *sink, struct error *error)
{
    static const char *const nulls[] = {"", "NULL", "NULL, NULL", "NULL, NULL, NULL", "NULL, NULL, NULL, NULL"};
    const int64_t deadline_us = deadline_of(sink);
    struct buffer sql;
    size_t columns = 0;
    bool ok = false;

    for (size_t i = 0; i < UPSERT_COLUMNS; i++)
        columns += sink->upsert.columns[i] != NULL;
    buffer_init(&sql, UPSERT_SQL_CAP);
    buffer_append_text(&sql, "EXPLAIN ");
    upsert_append(&sql, &sink->upsert, nulls[columns]);
    if (!buffer_failed(&sql) && send_statement(sink, sql.data) && talk(sink, deadline_us, error)) {
        PGresult *result = PQgetResult(sink->connection);
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        ok = PQresultStatus(result) == PGRES_TUPLES_OK || fail(sink, result, "write into", error);
        if (!ok && state != NULL && !is_about_the_server(state)) {
            error->code = ERROR_INPUT;
            error_hint(error, "%s", hint_for(state));
        }
        while (result != NULL) {
            PQclear(result);
            result = talk(sink, deadline_us, error) ? PQgetResult(sink->connection) : NULL;
        }
    }
    buffer_clear(&sql);
    return ok;
}

static bool connect_and_look(struct postgres_sink *sink, struct error *error)
{
    char words[512];

    sink->connection = connect_to(sink);
    if (sink->connection == NULL)
        return error_no_memory(error);
    if (PQstatus(sink->connection) != CONNECTION_OK) {
        text_print(PQerrorMessage(sink->connection), words, sizeof words);
        return error_set(error, ERROR_SYSTEM, "cannot connect to the database of table %s: %s", sink->spec->table,
                         words);
    }
    PQsetNoticeReceiver(sink->connection, ignore_notice, NULL);
    return postgres_peer_check(sink->connection, sink->spec->table, error) &&
           (PQsetnonblocking(sink->connection, 1) == 0 || error_no_memory(error)) && name_columns(sink, error) &&
           try_insert(sink, error);
}

static bool connect_again(struct postgres_sink *sink, struct error *error)
{
    if (sink->connection != NULL && PQstatus(sink->connection) == CONNECTION_OK)
        return true;
    disconnect(sink);
    if (connect_and_look(sink, error))
        return true;
    disconnect(sink);
    return false;
}

/* A password whose @ or / is not written as %40 or %2F ends up in the place of the host, the port or the database, and
 * from there in a message. */
static bool may_hold_password(const PQconninfoOption *option)
{
    if (option->val == NULL)
        return false;
    if (strcmp(option->keyword, "port") == 0)
        return option->val[strspn(option->val, "0123456789,")] != '\0';
    return (strcmp(option->keyword, "host") == 0 || strcmp(option->keyword, "dbname") == 0) &&
           strchr(option->val, '@') != NULL;
}

/* The string is not quoted: a slip in it may have made its password the text that is not understood. */
static bool check_string(const struct spec_sink *spec, struct error *error)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(secret_reveal(&spec->connection), &message);
    bool ok = options != NULL;

    for (const PQconninfoOption *option = options; ok && option->keyword != NULL; option++)
        ok = !may_hold_password(option);
    PQfreemem(message);
    PQconninfoFree(options);
    if (ok)
        return true;
    error_set(error, ERROR_INPUT, "outputs.tokens.postgres holds no PostgreSQL connection string");
    return error_hint(error,
                      "write host=... dbname=... user=... password=..., or postgresql://user@host/database; what "
                      "is special in a URL is written as %%40 for @ and %%2F for /");
}

/* libpq frees its buffers as they are, with tokens in them, and takes no functions of ours to do it otherwise. glibc
 * does; but pieces of 1 KiB or less it puts aside as they are, for the next one who wants so much. */
static void overwrite_what_is_freed(void)
{
    mallopt(M_PERTURB, 0xAA);
}

static void *open_postgres(const struct sink_options *options, struct error *error)
{
    struct postgres_sink *sink = calloc(1, sizeof *sink);

    if (sink == NULL) {
        error_no_memory(error);
        return NULL;
    }
    overwrite_what_is_freed();
    sink->spec = options->sink;
    buffer_init(&sink->insert, UPSERT_SQL_CAP);
    /* Without secrets there is no string to look at. */
    if ((!secret_is_set(&options->sink->connection) || check_string(options->sink, error)) &&
        (options->only_check || connect_again(sink, error)))
        return sink;
    close_postgres(sink);
    return NULL;
}

/* --- delivering --- */

static enum sink_answer deliver(void *self, const struct token *tokens, size_t count, bool *refused,
                                struct error *error)
{
    struct postgres_sink *sink = self;
    enum outcome_of outcome = connect_again(sink, error) ? insert_together(sink, tokens, count, error) : PG_AWAY;
    bool any_refused = false;
    struct error why;

    for (size_t i = 0; outcome == PG_REFUSED && i < count; i++) {
        const enum outcome_of own = insert_together(sink, &tokens[i], 1, &why);
        refused[i] = own == PG_REFUSED;
        if (own != PG_DONE && (!any_refused || own == PG_AWAY))
            *error = why;
        any_refused |= refused[i];
        if (own == PG_AWAY)
            outcome = PG_AWAY;
    }
    if (outcome != PG_AWAY)
        return SINK_ANSWERED;
    disconnect(sink);
    return SINK_UNAVAILABLE;
}

const struct sink_kind sink_postgres = {.open = open_postgres, .deliver = deliver, .close = close_postgres};
