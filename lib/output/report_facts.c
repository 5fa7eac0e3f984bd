#include "output/report_facts.h"

#include <stdlib.h>
#include <string.h>

/* --- over time --- */

/* Lengths that read well, each a multiple of the one before. */
static const int64_t spans_ms[] = {100,    500,    1000,    5000,     10000,    60000,
                                   300000, 600000, 3600000, 21600000, 86400000, INT64_C(864000000)};

static void widen(struct series *series)
{
    size_t next = 0;

    while (next + 1 < sizeof spans_ms / sizeof *spans_ms && spans_ms[next] <= series->span_ms)
        next++;
    const size_t factor = spans_ms[next] > series->span_ms ? (size_t)(spans_ms[next] / series->span_ms) : 2;
    for (size_t i = 0; i < series->used; i++) {
        for (int kind = 0; kind < SERIES_KINDS; kind++) {
            const uint64_t count = series->counts[i][kind];
            series->counts[i][kind] = 0;
            series->counts[i / factor][kind] += count;
        }
    }
    series->used = (series->used + factor - 1) / factor;
    series->span_ms *= (int64_t)factor;
}

void series_add(struct series *series, int64_t after_ms, enum series_kind kind)
{
    if (series->span_ms == 0)
        series->span_ms = spans_ms[0];
    if (after_ms < 0) /* a clock that was set back */
        after_ms = 0;
    while (after_ms / series->span_ms >= SERIES_MAX)
        widen(series);
    const size_t place = (size_t)(after_ms / series->span_ms);
    series->counts[place][kind]++;
    if (place >= series->used)
        series->used = place + 1;
}

/* --- latency --- */

enum { LATENCY_MAX_MS = 60 * 60 * 1000, LATENCY_STEP = 256 };

bool latency_add(struct latency *latency, uint32_t ms, struct error *error)
{
    if (ms > LATENCY_MAX_MS)
        ms = LATENCY_MAX_MS;
    if (ms >= latency->size) {
        const size_t size = (size_t)ms + ms / 4 + LATENCY_STEP;
        uint32_t *counts = realloc(latency->counts, size * sizeof *counts);
        if (counts == NULL)
            return error_no_memory(error);
        memset(counts + latency->size, 0, (size - latency->size) * sizeof *counts);
        latency->counts = counts;
        latency->size = size;
    }
    latency->counts[ms]++;
    latency->total++;
    return true;
}

uint32_t latency_percentile(const struct latency *latency, double share)
{
    const double exact = share * (double)latency->total;
    uint64_t rank = (uint64_t)exact;
    uint64_t passed = 0;

    rank += (double)rank < exact || rank == 0;
    for (size_t ms = 0; ms < latency->size; ms++) {
        passed += latency->counts[ms];
        if (passed >= rank && passed > 0)
            return (uint32_t)ms;
    }
    return 0;
}

/* --- failures --- */

static bool keep(char **place, const char *text, struct error *error)
{
    *place = strdup(text);
    return *place != NULL || error_no_memory(error);
}

static bool keep_example(struct report_example *example, const struct audit_record *record, struct error *error)
{
    example->at_ms = record->at_ms;
    return keep(&example->key, record->key, error) && keep(&example->request_id, record->request_id, error) &&
           keep(&example->ms_cv, record->ms_cv, error);
}

static void free_example(struct report_example *example)
{
    free(example->key);
    free(example->request_id);
    free(example->ms_cv);
}

static bool is_cause_of(const struct report_cause *cause, const struct audit_record *record)
{
    return cause->status == record->status && strcmp(cause->code, record->code) == 0 &&
           strcmp(cause->action, record->action) == 0 && strcmp(cause->outcome, record->outcome) == 0;
}

static bool note_failure(struct report_facts *facts, const struct audit_record *record, struct error *error)
{
    size_t i = 0;

    while (i < facts->cause_count && !is_cause_of(&facts->causes[i], record))
        i++;
    if (i == CAUSES_MAX) {
        facts->other_failures++;
        return true;
    }
    struct report_cause *cause = &facts->causes[i];
    if (i == facts->cause_count) {
        facts->cause_count++;
        cause->status = record->status;
        if (!keep(&cause->action, record->action, error) || !keep(&cause->outcome, record->outcome, error) ||
            !keep(&cause->code, record->code, error) || !keep(&cause->message, record->message, error))
            return false;
    }
    cause->users++;
    return cause->example_count == EXAMPLES_MAX ||
           keep_example(&cause->examples[cause->example_count++], record, error);
}

/* Most users first. */
static int compare_causes(const void *left, const void *right)
{
    const struct report_cause *a = left;
    const struct report_cause *b = right;

    return (a->users < b->users) - (a->users > b->users);
}

/* --- the audit trail --- */

static size_t category_row(const char *name)
{
    size_t category = 0;

    while (category < CATEGORY_COUNT && strcmp(category_name((enum category)category), name) != 0)
        category++;
    return category;
}

/* Rows of before the verdict was recorded only have the outcome. */
static bool is_failure(const struct audit_record *record)
{
    if (strcmp(record->outcome, outcome_name(OUTCOME_REJECTED)) == 0)
        return true;
    if (record->verdict[0] != '\0')
        return strcmp(record->verdict, "failed") == 0;
    return strcmp(record->outcome, outcome_name(OUTCOME_FAILED)) == 0 ||
           strcmp(record->outcome, outcome_name(OUTCOME_GONE)) == 0;
}

static bool note_in_doubt(void *context, const struct audit_record *record, struct error *error)
{
    struct report_facts *facts = context;

    return record->run != facts->run.id || facts->in_doubt_count++ >= IN_DOUBT_MAX ||
           keep_example(&facts->in_doubt[facts->in_doubt_listed++], record, error);
}

static bool note_request(struct report_facts *facts, const struct audit_record *record, enum action action,
                         struct error *error)
{
    const bool done = strcmp(record->outcome, outcome_name(OUTCOME_DONE)) == 0;
    const bool throttled = strcmp(record->outcome, outcome_name(OUTCOME_THROTTLED)) == 0;
    const size_t row = category_row(record->category);
    const bool rejected = strcmp(record->outcome, outcome_name(OUTCOME_REJECTED)) == 0;

    facts->requests++;
    facts->throttled += throttled;
    facts->repeated += record->attempt > 1;
    facts->done[row][action] += done;
    facts->users_done += strcmp(record->verdict, "done") == 0;
    series_add(&facts->series, record->at_ms - facts->run.started_at_ms,
               done        ? SERIES_DONE
               : throttled ? SERIES_THROTTLED
                           : SERIES_OTHER);
    if (is_failure(record)) {
        facts->failed[row] += !rejected;
        facts->users_failed += !rejected;
        if (!note_failure(facts, record, error))
            return false;
    }
    /* A throttle is answered before any work is done, and would make the service look fast. */
    return record->elapsed_ms == 0 || record->status == 0 || throttled ||
           latency_add(&facts->latency[action], record->elapsed_ms, error);
}

/* No request, but what became of the token that one brought: its user, who was done with that, is left. */
static bool note_undelivered(struct report_facts *facts, const struct audit_record *record, struct error *error)
{
    facts->users_done -= facts->users_done > 0;
    return note_failure(facts, record, error);
}

static bool note_record(void *context, const struct audit_record *record, struct error *error)
{
    struct report_facts *facts = context;
    enum action action;

    if (!action_parse(record->action, &action)) {
        facts->imported++;
        return true;
    }
    /* What a former run left behind was no request of this one. */
    if (strcmp(record->code, "run_ended") == 0)
        return true;
    if (record->at_ms > facts->last_at_ms)
        facts->last_at_ms = record->at_ms;
    if (strcmp(record->outcome, outcome_name(OUTCOME_UNDELIVERED)) == 0)
        return note_undelivered(facts, record, error);
    return note_request(facts, record, action, error);
}

/* --- tokens --- */

static bool note_token(void *context, const struct identity *identity, struct error *error)
{
    struct report_facts *facts = context;
    const int64_t left_s = identity->token_expires_at_s - facts->now_ms / 1000;

    (void)error;
    if (identity->state != IDENTITY_ACTIVE)
        return true;
    if (left_s <= 0)
        facts->tokens_none++;
    else if (left_s > HOURS * 3600)
        facts->tokens_longer++;
    else
        facts->tokens_by_hour[(left_s - 1) / 3600]++;
    return true;
}

/* --- all --- */

static bool keep_run(struct report_facts *facts, const struct run_record *run, struct error *error)
{
    char *job = strdup(run->job);
    char *operator_name = strdup(run->operator_name);
    char *reason = strdup(run->reason);

    facts->run = *run;
    facts->run.job = job;
    facts->run.operator_name = operator_name;
    facts->run.reason = reason;
    for (size_t category = 0; category < CATEGORY_COUNT; category++)
        facts->has_plan |= run->categories[category] > 0;
    facts->last_at_ms = run->started_at_ms;
    return (job != NULL && operator_name != NULL && reason != NULL) || error_no_memory(error);
}

bool report_facts_read(struct report_facts *facts, struct ledger *ledger, const struct run_record *run, int64_t now_ms,
                       struct error *error)
{
    *facts = (struct report_facts){.now_ms = now_ms};
    if (!keep_run(facts, run, error) || !ledger_each_of_run(ledger, &facts->run, note_record, facts, error) ||
        !ledger_each_in_doubt(ledger, note_in_doubt, facts, error) ||
        !ledger_each_identity(ledger, note_token, facts, error) ||
        !ledger_count(ledger, now_ms / 1000, &facts->counts, error))
        return false;
    qsort(facts->causes, facts->cause_count, sizeof *facts->causes, compare_causes);
    return true;
}

void report_facts_clear(struct report_facts *facts)
{
    for (size_t i = 0; i < facts->cause_count; i++) {
        struct report_cause *cause = &facts->causes[i];
        free(cause->action);
        free(cause->outcome);
        free(cause->code);
        free(cause->message);
        for (size_t j = 0; j < cause->example_count; j++)
            free_example(&cause->examples[j]);
    }
    for (size_t i = 0; i < facts->in_doubt_listed; i++)
        free_example(&facts->in_doubt[i]);
    for (int action = 0; action < ACTION_COUNT; action++)
        free(facts->latency[action].counts);
    free((char *)facts->run.job);
    free((char *)facts->run.operator_name);
    free((char *)facts->run.reason);
    *facts = (struct report_facts){0};
}
