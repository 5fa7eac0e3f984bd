/* Totals over the whole life of the ledger, for counters that never go back: each attempt is added once, from the audit
 * trail, so that those of a killed run are added by the next one. */
#include "ledger/ledger_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint32_t ledger_bounds_ms[LEDGER_BOUNDS] = {5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000};

enum { OUTCOMES = OUTCOME_REJECTED + 1 };

struct adder {
    struct ledger *ledger;
    int64_t run;  /* whose counts these are */
    int64_t last; /* id of the last attempt that was looked at */
    struct {
        int64_t count;
        int64_t sum_ms;
    } sums[ACTION_COUNT][OUTCOMES][LEDGER_BUCKETS];
};

static int bucket_of(int64_t elapsed_ms)
{
    int bucket = 0;

    if (elapsed_ms == 0)
        return LEDGER_UNTIMED;
    while (bucket < LEDGER_BOUNDS && elapsed_ms > ledger_bounds_ms[bucket])
        bucket++;
    return bucket;
}

static bool write_sum(struct adder *adder, int action, int outcome, int bucket, struct error *error)
{
    sqlite3_stmt *add = ledger_statement(adder->ledger, SQL_TOTALS_ADD, error);

    if (add == NULL)
        return false;
    sqlite3_bind_int64(add, 1, adder->run);
    ledger_bind_text(add, 2, action_name((enum action)action));
    ledger_bind_text(add, 3, outcome_name((enum outcome)outcome));
    sqlite3_bind_int(add, 4, bucket);
    sqlite3_bind_int64(add, 5, adder->sums[action][outcome][bucket].count);
    sqlite3_bind_int64(add, 6, adder->sums[action][outcome][bucket].sum_ms);
    return ledger_do(adder->ledger, add, "add to the totals", error);
}

/* What one run has added to its job. */
static bool write_sums(struct adder *adder, struct error *error)
{
    for (int action = 0; action < ACTION_COUNT; action++)
        for (int outcome = 0; outcome < OUTCOMES; outcome++)
            for (int bucket = 0; bucket < LEDGER_BUCKETS; bucket++)
                if (adder->sums[action][outcome][bucket].count > 0 && !write_sum(adder, action, outcome, bucket, error))
                    return false;
    memset(adder->sums, 0, sizeof adder->sums);
    return true;
}

static bool outcome_parse(const char *name, int *outcome)
{
    for (*outcome = 0; *outcome < OUTCOMES; ++*outcome)
        if (strcmp(outcome_name((enum outcome) * outcome), name) == 0)
            return true;
    return false;
}

static bool add_attempt(struct adder *adder, sqlite3_stmt *attempt, struct error *error)
{
    const int64_t run = sqlite3_column_int64(attempt, 1);
    const int64_t elapsed_ms = sqlite3_column_int64(attempt, 4);
    const int bucket = bucket_of(elapsed_ms);
    enum action action;
    int outcome;

    adder->last = sqlite3_column_int64(attempt, 0);
    if (run != adder->run && !write_sums(adder, error))
        return false;
    adder->run = run;
    if (action_parse(ledger_column_text(attempt, 2), &action) &&
        outcome_parse(ledger_column_text(attempt, 3), &outcome)) {
        adder->sums[action][outcome][bucket].count++;
        adder->sums[action][outcome][bucket].sum_ms += elapsed_ms;
    }
    return true;
}

static bool add_new_ones(struct adder *adder, struct error *error)
{
    sqlite3_stmt *attempts = ledger_statement(adder->ledger, SQL_TOTALS_NEW, error);
    bool row = true;

    if (attempts == NULL)
        return false;
    sqlite3_bind_int64(attempts, 1, adder->last);
    while (row) {
        if (!ledger_step(adder->ledger, attempts, "read the audit trail", &row, error))
            return false;
        if (row && !add_attempt(adder, attempts, error)) {
            sqlite3_reset(attempts);
            return false;
        }
    }
    return write_sums(adder, error);
}

bool ledger_add_totals(struct ledger *ledger, struct error *error)
{
    struct adder *adder = calloc(1, sizeof *adder);
    char last[32];
    char *end;
    bool ok = false;

    if (adder == NULL)
        return error_no_memory(error);
    adder->ledger = ledger;
    if (!ledger_begin(ledger, error))
        goto out;
    if (!ledger_get(ledger, "totals", last, sizeof last, error))
        goto out;
    adder->last = strtoll(last, &end, 10); /* our own number; none is 0 */
    if (!add_new_ones(adder, error))
        goto out;
    snprintf(last, sizeof last, "%" PRId64, adder->last);
    ok = ledger_set(ledger, "totals", last, error) && ledger_commit(ledger, error);
out:
    if (!ok)
        ledger_rollback(ledger);
    free(adder);
    return ok;
}

bool ledger_each_total(struct ledger *ledger, const char *job, total_visitor *visit, void *context, struct error *error)
{
    sqlite3_stmt *totals = ledger_statement(ledger, SQL_TOTALS, error);
    struct ledger_total total;
    bool row = true;

    if (totals == NULL)
        return false;
    ledger_bind_text(totals, 1, job);
    while (row) {
        if (!ledger_step(ledger, totals, "read the totals", &row, error))
            return false;
        if (!row)
            break;
        total = (struct ledger_total){.action = ledger_column_text(totals, 0),
                                      .outcome = ledger_column_text(totals, 1),
                                      .bucket = sqlite3_column_int(totals, 2),
                                      .count = (uint64_t)sqlite3_column_int64(totals, 3),
                                      .sum_ms = (uint64_t)sqlite3_column_int64(totals, 4)};
        if (!visit(context, &total, error)) {
            sqlite3_reset(totals);
            return false;
        }
    }
    return true;
}

bool ledger_last_success(struct ledger *ledger, const char *job, int64_t *at_ms, struct error *error)
{
    sqlite3_stmt *statement = ledger_statement(ledger, SQL_LAST_SUCCESS, error);

    if (statement == NULL)
        return false;
    ledger_bind_text(statement, 1, job);
    return ledger_number(ledger, statement, "find the last good run", at_ms, error);
}
