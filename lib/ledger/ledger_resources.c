/* Which resources a ledger is about: the names that the job spec has for them, and where they are. */
#include "ledger/ledger_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the ledger knows of a resource; found is false when it does not know it. */
struct known {
    bool found;
    int64_t id;
    char name[LEDGER_NAME_SIZE];
    char authority[LEDGER_AUTHORITY_SIZE];
};

static bool look_up(struct ledger *ledger, enum statement which, const char *text, struct known *known,
                    struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, which, error);

    *known = (struct known){0};
    if (statement == NULL)
        return false;
    ledger_bind_text(statement, 1, text);
    if (!ledger_step(ledger, statement, "look for a resource", &known->found, error))
        return false;
    if (known->found) {
        known->id = sqlite3_column_int64(statement, 0);
        snprintf(known->name, sizeof known->name, "%s", ledger_column_text(statement, 1));
        snprintf(known->authority, sizeof known->authority, "%s", ledger_column_text(statement, 2));
        sqlite3_reset(statement);
    }
    return true;
}

static bool is_used(struct ledger *ledger, int64_t id, bool *used, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_RESOURCE_IS_USED, error);
    int64_t uses;

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, id);
    if (!ledger_number(ledger, statement, "look for an identity", &uses, error))
        return false;
    *used = uses != 0;
    return true;
}

static bool refuse_place(const struct ledger *ledger, const struct known *known, const struct ledger_resource *wanted,
                         struct error *error)
{
    if (wanted->name[0] == '\0')
        error_set(error, ERROR_LIMIT, "%s belongs to the resource %s, the job spec points to %s", ledger->path,
                  known->authority, wanted->authority);
    else
        error_set(error, ERROR_LIMIT, "%s has the resource \"%s\" at %s, the job spec points to %s", ledger->path,
                  wanted->name, known->authority, wanted->authority);
    return error_hint(error,
                      "identities are or may be there: use the connection string of %s, or another ledger for %s",
                      known->authority, wanted->authority);
}

static bool refuse_name(const struct ledger *ledger, const struct known *known, const struct ledger_resource *wanted,
                        struct error *error)
{
    if (wanted->name[0] == '\0')
        error_set(error, ERROR_LIMIT, "%s knows the resource %s as \"%s\", and the job spec gives it no name",
                  ledger->path, known->authority, known->name);
    else
        error_set(error, ERROR_LIMIT, "%s knows the resource %s as \"%s\", the job spec calls it \"%s\"", ledger->path,
                  known->authority, known->name, wanted->name);
    return error_hint(error, "write it under resources, with the name \"%s\"", known->name);
}

/* A name that is known must lead where it led. One under which no user stands, and no create may have made an identity
 * that nobody knows, need not: its place was a mistake. */
static bool check_place(struct ledger *ledger, const struct known *known, const struct ledger_resource *wanted,
                        struct error *error)
{
    bool used;

    if (wanted->authority == NULL || strcmp(known->authority, wanted->authority) == 0)
        return true;
    if (!is_used(ledger, known->id, &used, error))
        return false;
    return !used || refuse_place(ledger, known, wanted, error);
}

static bool find_one(struct ledger *ledger, const struct ledger_resource *wanted, bool is_first, struct known *known,
                     struct error *error)
{
    struct known other = {0};

    if (!look_up(ledger, SQL_RESOURCE_BY_NAME, wanted->name, known, error))
        return false;
    /* A job that had one resource without a name gets more of them: it is the first. */
    if (!known->found && is_first && !look_up(ledger, SQL_RESOURCE_BY_NAME, "", known, error))
        return false;
    if (known->found && !check_place(ledger, known, wanted, error))
        return false;
    if (wanted->authority != NULL && !look_up(ledger, SQL_RESOURCE_BY_AUTHORITY, wanted->authority, &other, error))
        return false;
    return !other.found || (known->found && other.id == known->id) || refuse_name(ledger, &other, wanted, error);
}

bool ledger_find_resources(struct ledger *ledger, const struct ledger_resource *wanted, size_t count, int64_t *ids,
                           struct error *error)
{
    struct known known;

    for (size_t i = 0; i < count; i++) {
        if (!find_one(ledger, &wanted[i], i == 0, &known, error))
            return false;
        ids[i] = known.id;
    }
    return true;
}

bool ledger_bind_resources(struct ledger *ledger, const struct ledger_resource *wanted, size_t count, int64_t *ids,
                           struct error *error)
{
    if (!ledger_find_resources(ledger, wanted, count, ids, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        sqlite3_stmt *statement =
            ledger_statement(ledger, ids[i] == 0 ? SQL_RESOURCE_INSERT : SQL_RESOURCE_UPDATE, error);
        if (statement == NULL)
            return false;
        ledger_bind_text(statement, 1, wanted[i].name);
        ledger_bind_text(statement, 2, wanted[i].authority);
        if (ids[i] != 0)
            sqlite3_bind_int64(statement, 3, ids[i]);
        if (!ledger_do(ledger, statement, "record a resource", error))
            return false;
        if (ids[i] == 0)
            ids[i] = sqlite3_last_insert_rowid(ledger->db);
    }
    return ledger_read_names(ledger, error);
}

bool ledger_read_names(struct ledger *ledger, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_RESOURCE_NAMES, error);
    bool row;

    ledger->name_count = 0;
    if (statement == NULL)
        return false;
    for (;;) {
        if (!ledger_step(ledger, statement, "read the resources", &row, error))
            return false;
        if (!row)
            return true;
        struct resource_name *names = realloc(ledger->names, (ledger->name_count + 1) * sizeof *names);
        if (names == NULL) {
            sqlite3_reset(statement);
            return error_no_memory(error);
        }
        ledger->names = names;
        names[ledger->name_count].id = sqlite3_column_int64(statement, 0);
        snprintf(names[ledger->name_count].name, sizeof names->name, "%s", ledger_column_text(statement, 1));
        ledger->name_count++;
    }
}

const char *ledger_resource_name(const struct ledger *ledger, int64_t id)
{
    for (size_t i = 0; i < ledger->name_count; i++)
        if (ledger->names[i].id == id)
            return ledger->names[i].name;
    return "";
}

bool ledger_each_resource(struct ledger *ledger, resource_visitor *visit, void *context, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_RESOURCES, error);
    bool row;

    if (statement == NULL)
        return false;
    for (;;) {
        if (!ledger_step(ledger, statement, "read the resources", &row, error))
            return false;
        if (!row)
            return true;
        struct resource_count resource = {
            .id = sqlite3_column_int64(statement, 0),
            .name = ledger_column_text(statement, 1),
            .authority = ledger_column_text(statement, 2),
        };
        for (int state = 0; state < 4; state++)
            resource.by_state[state] = (uint64_t)sqlite3_column_int64(statement, 3 + state);
        if (!visit(context, &resource, error)) {
            sqlite3_reset(statement);
            return false;
        }
    }
}
