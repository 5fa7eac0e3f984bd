/* ledger_writing.h - for tests that need a ledger with a past: intents and results in few words. */
#ifndef ROLLCALL_TESTS_LEDGER_WRITING_H
#define ROLLCALL_TESTS_LEDGER_WRITING_H

#include "scratch.h"

#include "ledger/ledger.h"

#define LEDGER_PATH "job.ledger"
#define WHEN_MS INT64_C(1700000000000)

static struct ledger *ledger;
static int64_t run_id;
static int64_t place = 1; /* the resource of what is written */

static inline void open_ledger(void)
{
    ledger = ledger_open(LEDGER_PATH, LEDGER_RUN, &error);
    works(ledger != NULL);
}

static inline void reopen_ledger(void)
{
    ledger_close(ledger);
    open_ledger();
}

/* Binds the ledger to a resource; what is written from now on is about it. */
static inline void bind_resource(const char *name, const char *authority)
{
    const struct ledger_resource wanted = {.name = name, .authority = authority};

    works(ledger_bind_resources(ledger, &wanted, 1, &place, &error));
}

static inline int64_t begin_run(void)
{
    struct run_record record = {
        .started_at_ms = WHEN_MS, .job = "demo", .operator_name = "anna@host", .roster_rows = 10};

    works(ledger_run_begin(ledger, &record, &error));
    run_id = record.id;
    return record.id;
}

static inline void end_run(enum run_state state)
{
    const struct run_record record = {.id = run_id, .ended_at_ms = WHEN_MS + 1000, .state = state};

    works(ledger_run_end(ledger, &record, &error));
}

static inline int64_t intend(const char *key, enum action action, const char *identity, bool repeatable)
{
    const struct intent intent = {
        .resource = place,
        .key = key,
        .key_length = strlen(key),
        .action = action,
        .attempt = 1,
        .request_id = "5a3c0f00-0000-4000-8000-000000000001",
        .identity = identity,
        .repeatable = repeatable,
        .at_ms = WHEN_MS,
    };
    int64_t task = 0;

    works(ledger_record_intent(ledger, run_id, &intent, &task, &error));
    return task;
}

/* Settles what a former run left; how many creates this run has found to be in doubt. */
static inline uint64_t settle(int64_t at_ms)
{
    uint64_t in_doubt = 0;

    works(ledger_settle_tasks(ledger, run_id, at_ms, &error));
    works(ledger_count_in_doubt(ledger, run_id, &in_doubt, &error));
    return in_doubt;
}

/* A result without anything special; the test changes what it is about. */
static inline struct result result_of(const char *key, enum action action, enum outcome outcome, const char *identity)
{
    return (struct result){
        .task = intend(key, action, action == ACTION_PROVISION ? "" : identity, action != ACTION_PROVISION),
        .resource = place,
        .key = key,
        .key_length = strlen(key),
        .action = action,
        .outcome = outcome,
        .attempt = 1,
        .request_id = "5a3c0f00-0000-4000-8000-000000000001",
        .identity = identity,
        .ms_cv = "cv.1",
        .code = outcome == OUTCOME_DONE ? "" : "code",
        .message = outcome == OUTCOME_DONE ? "" : "what the service said",
        .status = 200,
        .at_ms = WHEN_MS,
        .is_last = true,
        .watch = "",
    };
}

static inline void record(const struct result *result)
{
    works(ledger_record_result(ledger, run_id, result, &error));
}

/* An active user with a delivered token that ends then; 0: without one. */
static inline void provision(const char *key, unsigned number, const char *watch, int64_t token_ends_s)
{
    struct result result = result_of(key, ACTION_PROVISION, OUTCOME_DONE, identity_id(number));

    result.watch = watch;
    result.watch_length = strlen(watch);
    result.token_wanted = token_ends_s != 0;
    result.token_expires_at_s = token_ends_s;
    result.token_delivered = token_ends_s != 0;
    memset(result.token_fingerprint, (int)number, sizeof result.token_fingerprint);
    record(&result);
}

static inline void act(const char *key, enum action action, bool is_removal)
{
    struct identity identity;

    works(ledger_find(ledger, key, strlen(key), &identity, &error));
    struct result result = result_of(key, action, OUTCOME_DONE, identity.id);
    result.is_removal = is_removal;
    record(&result);
}

/* The texts are borrowed until the next call on the ledger. */
static inline struct identity identity_of(const char *key)
{
    struct identity identity = {0};

    works(ledger_find(ledger, key, strlen(key), &identity, &error));
    return identity;
}

/* The audit trail of a user as "action outcome attempt status code request_id ms_cv;" for each record. */
static inline bool note_audit(void *context, const struct audit_record *one, struct error *ignored)
{
    char *text = context;
    const size_t length = strlen(text);

    (void)ignored;
    snprintf(text + length, 4096 - length, "%s %s %u %d %s %s %s;", one->action, one->outcome, (unsigned)one->attempt,
             one->status, one->code, one->request_id, one->ms_cv);
    return true;
}

static inline const char *audit_of(const char *key)
{
    static char text[4096];

    text[0] = '\0';
    works(ledger_each_audit(ledger, key, note_audit, text, &error));
    return text;
}

static inline struct ledger_counts counts_at(int64_t now_s)
{
    struct ledger_counts counts;

    works(ledger_count(ledger, now_s, &counts, &error));
    return counts;
}

static inline int ledger_begin_test(void **state)
{
    (void)state;
    if (scratch_enter() != 0)
        return -1;
    open_ledger();
    bind_resource("", "127.0.0.1:1");
    begin_run();
    return 0;
}

static inline int ledger_end_test(void **state)
{
    (void)state;
    ledger_close(ledger);
    ledger = NULL;
    return scratch_leave();
}

#define ledger_test(name) cmocka_unit_test_setup_teardown(name, ledger_begin_test, ledger_end_test)

#endif
