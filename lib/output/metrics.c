#include "output/metrics.h"

#include "core/buffer.h"
#include "core/file.h"

#include <inttypes.h>
#include <string.h>

enum { TEXT_CAP = 1024 * 1024, OUTCOMES = OUTCOME_REJECTED + 1 };

struct metrics {
    struct buffer text;
    const char *job;
};

static void begin_family(struct metrics *metrics, const char *name, const char *type, const char *help)
{
    buffer_append_format(&metrics->text, "# HELP rollcall_%s %s\n# TYPE rollcall_%s %s\n", name, help, name, type);
}

/* One sample; `label` and `value` are a further label, or NULL. */
static void add_sample(struct metrics *metrics, const char *name, const char *label, const char *value, double number)
{
    buffer_append_format(&metrics->text, "rollcall_%s{job_name=\"%s\"", name, metrics->job);
    if (label != NULL)
        buffer_append_format(&metrics->text, ",%s=\"%s\"", label, value);
    buffer_append_format(&metrics->text, "} %.15g\n", number);
}

static void add_gauge(struct metrics *metrics, const char *name, const char *help, double number)
{
    begin_family(metrics, name, "gauge", help);
    add_sample(metrics, name, NULL, NULL, number);
}

/* --- runs --- */

static bool add_runs(struct metrics *metrics, struct ledger *ledger, int exit_status, int64_t now_ms,
                     struct error *error)
{
    struct run_record run = {0};
    int64_t success_ms = 0;

    error->code = ERROR_NONE;
    if (ledger != NULL && (!ledger_last_success(ledger, metrics->job, &success_ms, error) ||
                           (!ledger_find_run(ledger, 0, metrics->job, &run, error) && error->code != ERROR_NONE)))
        return false;
    const int64_t now_s = now_ms / 1000;
    const int64_t success_s = success_ms / 1000;
    add_gauge(metrics, "last_attempt_timestamp_seconds", "When the job was last tried.", (double)now_s);
    add_gauge(metrics, "last_exit_status",
              "Exit status of that: 0 done, 1 some failed, 3 refused by a limit, 6 a hook failed.", exit_status);
    add_gauge(metrics, "last_success_timestamp_seconds", "When a run last did everything that was asked for; 0: never.",
              (double)success_s);
    add_gauge(metrics, "last_run_duration_seconds", "How long the last run took that began.",
              run.ended_at_ms > run.started_at_ms ? (double)(run.ended_at_ms - run.started_at_ms) / 1000 : 0);
    begin_family(metrics, "last_run_users", "gauge", "Users of the last run by what became of them.");
    add_sample(metrics, "last_run_users", "result", "failed", (double)run.failed);
    add_sample(metrics, "last_run_users", "result", "left", (double)run.left);
    if (run.users >= run.failed + run.left)
        add_sample(metrics, "last_run_users", "result", "done", (double)(run.users - run.failed - run.left));
    return true;
}

/* --- the ledger --- */

static bool add_counts(struct metrics *metrics, struct ledger *ledger, int64_t now_ms, struct error *error)
{
    struct ledger_counts counts = {0};

    if (ledger != NULL && !ledger_count(ledger, now_ms / 1000, &counts, error))
        return false;
    begin_family(metrics, "users", "gauge", "Users in the ledger by the state of their identity.");
    for (int state = IDENTITY_ACTIVE; state <= IDENTITY_LOST; state++)
        add_sample(metrics, "users", "state", identity_state_name((enum identity_state)state),
                   (double)counts.by_state[state]);
    add_gauge(metrics, "tokens_live", "Active users with a token that has not ended.", (double)counts.tokens_live);
    begin_family(metrics, "tokens_expiring", "gauge", "Of these, those whose token ends within that time.");
    add_sample(metrics, "tokens_expiring", "within", "1h", (double)counts.tokens_within_1h);
    add_sample(metrics, "tokens_expiring", "within", "6h", (double)counts.tokens_within_6h);
    add_sample(metrics, "tokens_expiring", "within", "24h", (double)counts.tokens_within_24h);
    add_gauge(metrics, "creates_in_doubt", "Creates whose answer was lost: there may be identities that nobody knows.",
              (double)counts.in_doubt);
    return true;
}

/* --- requests --- */

struct totals {
    uint64_t by_outcome[ACTION_COUNT][OUTCOMES];
    uint64_t by_bucket[ACTION_COUNT][LEDGER_BOUNDS + 1];
    uint64_t sum_ms[ACTION_COUNT];
};

static bool note_total(void *context, const struct ledger_total *total, struct error *error)
{
    struct totals *totals = context;
    enum action action;
    int outcome = 0;

    (void)error;
    while (outcome < OUTCOMES && strcmp(outcome_name((enum outcome)outcome), total->outcome) != 0)
        outcome++;
    if (!action_parse(total->action, &action) || outcome == OUTCOMES)
        return true;
    totals->by_outcome[action][outcome] += total->count;
    /* A throttle is answered before any work is done, and would make the service look fast. */
    if (outcome == OUTCOME_THROTTLED || total->bucket > LEDGER_BOUNDS || total->bucket < 0)
        return true;
    totals->by_bucket[action][total->bucket] += total->count;
    totals->sum_ms[action] += total->sum_ms;
    return true;
}

#define DURATION_FORMAT "rollcall_request_duration_seconds_%s{job_name=\"%s\",action=\"%s\""

static void add_histogram(struct metrics *metrics, const struct totals *totals, enum action action)
{
    struct buffer *text = &metrics->text;
    uint64_t sum = 0;

    for (int bucket = 0; bucket <= LEDGER_BOUNDS; bucket++) {
        sum += totals->by_bucket[action][bucket];
        buffer_append_format(text, DURATION_FORMAT, "bucket", metrics->job, action_name(action));
        if (bucket < LEDGER_BOUNDS)
            buffer_append_format(text, ",le=\"%g\"} %" PRIu64 "\n", ledger_bounds_ms[bucket] / 1000.0, sum);
        else
            buffer_append_format(text, ",le=\"+Inf\"} %" PRIu64 "\n", sum);
    }
    buffer_append_format(text, DURATION_FORMAT "} %.15g\n", "sum", metrics->job, action_name(action),
                         (double)totals->sum_ms[action] / 1000);
    buffer_append_format(text, DURATION_FORMAT "} %" PRIu64 "\n", "count", metrics->job, action_name(action), sum);
}

static bool add_requests(struct metrics *metrics, struct ledger *ledger, struct error *error)
{
    struct totals totals = {0};

    if (ledger != NULL && !ledger_each_total(ledger, metrics->job, note_total, &totals, error))
        return false;
    begin_family(metrics, "requests_total", "counter", "Requests to the service by what came of them.");
    for (int action = 0; action < ACTION_COUNT; action++)
        for (int outcome = 0; outcome < OUTCOMES; outcome++)
            buffer_append_format(&metrics->text,
                                 "rollcall_requests_total{job_name=\"%s\",action=\"%s\",outcome=\"%s\"} %" PRIu64 "\n",
                                 metrics->job, action_name((enum action)action), outcome_name((enum outcome)outcome),
                                 totals.by_outcome[action][outcome]);
    begin_family(metrics, "request_duration_seconds", "histogram",
                 "How long requests took until their answer or its loss, without throttles.");
    for (int action = 0; action < ACTION_COUNT; action++)
        add_histogram(metrics, &totals, (enum action)action);
    return true;
}

/* --- all --- */

bool metrics_write(const char *path, struct ledger *ledger, const char *job, int exit_status, int64_t now_ms,
                   struct error *error)
{
    struct metrics metrics = {.job = job};
    struct atomic_file *file = NULL;
    bool ok;

    buffer_init(&metrics.text, TEXT_CAP);
    ok = add_runs(&metrics, ledger, exit_status, now_ms, error) && add_counts(&metrics, ledger, now_ms, error) &&
         add_requests(&metrics, ledger, error);
    if (ok && buffer_failed(&metrics.text))
        ok = buffer_error(&metrics.text, "the metrics", error);
    if (ok)
        file = atomic_file_open(path, METRICS_MODE, error);
    if (file != NULL) {
        atomic_file_write(file, metrics.text.data, metrics.text.length);
        ok = atomic_file_commit(file, error);
    }
    buffer_clear(&metrics.text);
    return ok && file != NULL;
}
