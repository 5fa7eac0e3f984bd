/* Whole runs against a scripted service: the invariants of design section 5 that more than one thread has to hold. */
#include "planning.h"
#include "scripted_server.h"

#include "core/clock.h"
#include "http/pool.h"
#include "run/run.h"

#include <sqlite3.h>

#define ADDED "rules:\n  added: provision\n"
#define TOKENS "token:\n  scopes: [chat]\n"
#define OUTPUTS "outputs:\n  mapping: mapping.csv\n  failures: failures.csv\n"
#define WITH_TOKENS TOKENS OUTPUTS "  tokens: { csv: tokens.csv }\n"
#define TOKEN "eyJhbGciOiJIUzI1NiJ9.eyJ0aGlzIjoic2VjcmV0In0."
#define FEW_AT_ONCE "engine:\n  concurrency: 4\n"

enum { CALLS_MAX = 4096 };

static const int64_t second_ms = 1000;

static struct call {
    enum action action;
    int64_t arrived_ms;
    int64_t answered_ms;
    int status; /* answered; 0: none */
    char request_id[64];
    char custom_id[64];
    char date[64];
} calls[CALLS_MAX];

static unsigned call_count; /* written by the server under its lock, read after the run */
static unsigned created;    /* identities that the service has made */
static bool forgets_tokens; /* of a create, the service does */
static int stop_fd = -1;
static struct run_summary summary;
static char *events;
static size_t events_size;
static FILE *events_stream;

/* What a test decides about a call: the status to answer, 0 to close without one. `headers` may be added to. */
static int (*decide)(const struct call *call, char headers[256]);

static int64_t now_ms(void)
{
    return clock_monotonic_us(&clock_system) / 1000;
}

/* --- the runs' clock: so many times as fast as the machine's, and ahead of it --- */

static int64_t speed = 1;
static int64_t ahead_ms;

static int64_t passed_us(void)
{
    static int64_t first_us;

    if (first_us == 0)
        first_us = clock_monotonic_us(&clock_system);
    return (clock_monotonic_us(&clock_system) - first_us) * speed + ahead_ms * 1000;
}

static int64_t clock_of_runs_monotonic_us(void *context)
{
    (void)context;
    return 86400 * second_ms * 1000 + passed_us();
}

static int64_t clock_of_runs_wall_ms(void *context)
{
    static int64_t first_ms;

    (void)context;
    if (first_ms == 0)
        first_ms = clock_wall_ms(&clock_system);
    return first_ms + passed_us() / 1000;
}

static const struct clock clock_of_runs = {.wall_ms = clock_of_runs_wall_ms,
                                           .monotonic_us = clock_of_runs_monotonic_us};

static void copy_value(const char *text, const char *name, const char *ends, char *value, size_t size)
{
    const char *start = strcasestr(text, name);

    value[0] = '\0';
    if (start != NULL)
        snprintf(value, size, "%.*s", (int)strcspn(start + strlen(name), ends), start + strlen(name));
}

static enum action action_of(const char *head)
{
    if (strncmp(head, "DELETE", 6) == 0)
        return ACTION_DELETE;
    if (strstr(head, ":revokeAccessTokens") != NULL)
        return ACTION_REVOKE;
    return strstr(head, ":issueAccessToken") != NULL ? ACTION_ISSUE : ACTION_PROVISION;
}

/* An identity as the service makes it; the token says which create or issue it came from. */
static void write_success(const struct call *call, char *text, size_t size)
{
    char body[1024];

    if (call->action == ACTION_PROVISION && forgets_tokens)
        snprintf(body, sizeof body, "{\"identity\":{\"id\":\"%s\"}}", identity_id(++created));
    else if (call->action == ACTION_PROVISION)
        snprintf(body, sizeof body,
                 "{\"identity\":{\"id\":\"%s\"},\"accessToken\":{\"token\":\"" TOKEN
                 "%u\",\"expiresOn\":\"2099-01-01T00:00:00Z\"}}",
                 identity_id(++created), call_count);
    else
        snprintf(body, sizeof body, "{\"token\":\"" TOKEN "%u\",\"expiresOn\":\"2099-01-01T00:00:00Z\"}", call_count);
    answer_with(text, size, call->status, "Content-Type: application/json\r\n", call->status == 204 ? "" : body);
}

static enum step serve_call(const struct request_seen *request, char *text, size_t size)
{
    static const int success[ACTION_COUNT] = {201, 200, 204, 204};
    char headers[256] = "";

    if (call_count == CALLS_MAX)
        return STEP_CLOSE;
    struct call *call = &calls[call_count++];
    *call = (struct call){.action = action_of(request->head), .arrived_ms = now_ms()};
    copy_value(request->head, "\r\nx-ms-client-request-id: ", "\r", call->request_id, sizeof call->request_id);
    copy_value(request->head, "\r\nx-ms-date: ", "\r", call->date, sizeof call->date);
    copy_value(request->body, "\"customId\":\"", "\"", call->custom_id, sizeof call->custom_id);
    call->status = decide != NULL ? decide(call, headers) : -1;
    if (call->status == -1)
        call->status = success[call->action];
    call->answered_ms = now_ms();
    if (call->status == 0)
        return STEP_CLOSE;
    if (call->status == success[call->action])
        write_success(call, text, size);
    else
        answer_with(text, size, call->status, headers, "{\"error\":{\"code\":\"Code\",\"message\":\"no\"}}");
    return STEP_ANSWER;
}

static int begin(void **state)
{
    call_count = created = 0;
    forgets_tokens = false;
    speed = 1;
    ahead_ms = 0;
    decide = NULL;
    const int result = plan_begin_test(state);
    end_run(RUN_DONE);
    stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    events_stream = open_memstream(&events, &events_size);
    server_start(serve_call);
    bind_resource("", strstr(server.url, "//") + 2);
    return result != 0 || !http_start(&error) ? -1 : 0;
}

static int end(void **state)
{
    server_stop();
    http_stop();
    close(stop_fd);
    fclose(events_stream);
    free(events);
    return plan_end_test(state);
}

static struct sinks *sinks;

static void open_sinks(void)
{
    sinks = spec->outputs.sink_count > 0 ? sinks_open(spec, ledger, &clock_of_runs, &error) : NULL;
    works(sinks != NULL || spec->outputs.sink_count == 0);
}

/* Plans and runs, as `rollcall run` does. */
static bool run_with(const char *roster, FILE *out)
{
    const struct reporter_options look = {.json = true, .out = out, .err = stderr};
    struct acs_resource resource = {0};
    char connection[128];

    snprintf(connection, sizeof connection, "endpoint=%s;accesskey=c2VjcmV0", server.url);
    works(acs_resource_parse(connection, &resource, &error));
    open_sinks();
    plan_options.now_s = clock_wall_ms(&clock_of_runs) / 1000;
    make_plan(roster);
    struct reporter *reporter = reporter_new(&look, &error);
    const struct run_input input = {
        .spec = spec,
        .addresses = &resource,
        .plan = plan,
        .roster_fd = roster_fd,
        .ledger = ledger,
        .sinks = sinks,
        .reporter = reporter,
        .clock = &clock_of_runs,
        .operator_name = "anna@host",
        .stop_fd = stop_fd,
    };
    error = (struct error){.code = ERROR_NONE};
    const bool finished = run_execute(&input, &summary, &error);
    sinks_close(sinks);
    reporter_free(reporter);
    acs_resource_clear(&resource);
    return finished;
}

static bool run(const char *roster)
{
    return run_with(roster, events_stream);
}

/* "id\nu000\nu001\n..." */
static const char *roster_of(unsigned first, unsigned count)
{
    static char text[32 * 1024];

    strcpy(text, "id\n");
    for (unsigned i = first; i < first + count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "u%03u\n", i);
    return text;
}

static unsigned calls_answered(int status)
{
    unsigned count = 0;

    for (unsigned i = 0; i < call_count; i++)
        count += calls[i].status == status;
    return count;
}

static void everybody_has_one_identity(unsigned users)
{
    const struct ledger_counts counts = counts_at(0);

    assert_int_equal(counts.by_state[IDENTITY_ACTIVE], users);
    assert_int_equal(counts.open_tasks, 0);
    assert_int_equal(created, users);
}

/* --- a run without trouble --- */

static void users_get_identities_and_tokens(void **state)
{
    (void)state;
    load_spec("", WITH_TOKENS ADDED);
    works(run(roster_of(0, 300)));
    everybody_has_one_identity(300);
    assert_int_equal(summary.done_users, 300);
    assert_int_equal(summary.done[ACTION_PROVISION], 300);
    assert_int_equal(summary.requests, 300);
    assert_int_equal(summary.left + summary.failed + summary.in_doubt, 0);
    assert_string_equal(summary.state, "done");
    assert_int_equal(mode_of("tokens.csv"), 0600);
    assert_non_null(strstr(read_file("tokens.csv"), "\nu299,"));
    assert_non_null(strstr(read_file("mapping.csv"), "\nu299,"));
    works(run(NULL)); /* again: nothing to do */
    assert_int_equal(call_count, 300);
}

static void an_onboarded_user_is_deleted_when_gone(void **state)
{
    (void)state;
    load_spec("", ADDED "  removed: delete\n");
    works(run(roster_of(0, 3)));
    works(run(roster_of(1, 2)));
    assert_int_equal(identity_of("u000").state, IDENTITY_DELETED);
    assert_int_equal(calls[3].action, ACTION_DELETE);
    assert_int_equal(call_count, 4);
}

static void a_changed_user_is_revoked_before_it_gets_a_token(void **state)
{
    (void)state;
    load_spec("  watch: [w]\n", WITH_TOKENS ADDED "  changed: [revoke, issue]\n");
    works(run("id,w\nanna,1\n"));
    works(run("id,w\nanna,2\n"));
    assert_int_equal(call_count, 3);
    assert_int_equal(calls[1].action, ACTION_REVOKE);
    assert_int_equal(calls[2].action, ACTION_ISSUE);
    works(run(NULL));
    assert_int_equal(call_count, 3);
}

static void an_identity_that_comes_without_its_token_gets_one_on_its_own(void **state)
{
    (void)state;
    forgets_tokens = true;
    load_spec("", WITH_TOKENS ADDED);
    works(run("id\nanna\n"));
    everybody_has_one_identity(1);
    assert_int_equal(call_count, 2);
    assert_int_equal(calls[1].action, ACTION_ISSUE);
    assert_non_null(strstr(read_file("tokens.csv"), "\nanna,"));
    works(run(NULL));
    assert_int_equal(call_count, 2);
}

/* --- intent before request, result before report --- */

static int64_t count_rows(const char *sql, const char *text)
{
    sqlite3 *db;
    sqlite3_stmt *statement;

    if (sqlite3_open_v2(LEDGER_PATH, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        return -1;
    sqlite3_busy_timeout(db, 10000);
    int64_t count = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK) {
        sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
        if (sqlite3_step(statement) == SQLITE_ROW)
            count = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
    }
    sqlite3_close(db);
    return count;
}

static unsigned without_intent;

static int look_for_intent(const struct call *call, char headers[256])
{
    (void)headers;
    without_intent += count_rows("SELECT count(*) FROM tasks WHERE request_id = ?1", call->request_id) != 1;
    return call_count % 5 == 0 ? 500 : -1;
}

static void every_request_that_arrives_has_its_intent_in_the_ledger(void **state)
{
    (void)state;
    without_intent = 0;
    decide = look_for_intent;
    load_spec("", ADDED);
    works(run(roster_of(0, 20)));
    assert_int_equal(without_intent, 0);
    assert_true(call_count > 20);
}

static unsigned told_done;
static unsigned told_too_early;

static ssize_t hear(void *cookie, const char *bytes, size_t size)
{
    char line[4096];
    char key[64];

    (void)cookie;
    snprintf(line, sizeof line, "%.*s", (int)size, bytes);
    for (char *event = strtok(line, "\n"); event != NULL; event = strtok(NULL, "\n")) {
        if (strstr(event, "\"user_done\"") == NULL)
            continue;
        copy_value(event, "\"key\":\"", "\"", key, sizeof key);
        told_done++;
        told_too_early += count_rows("SELECT count(*) FROM identities WHERE key = ?1", key) != 1;
    }
    return (ssize_t)size;
}

static void nobody_hears_of_an_identity_before_it_is_in_the_ledger(void **state)
{
    FILE *out = fopencookie(NULL, "w", (cookie_io_functions_t){.write = hear});

    (void)state;
    told_done = told_too_early = 0;
    setvbuf(out, NULL, _IOLBF, 4096);
    load_spec("", ADDED);
    works(run_with(roster_of(0, 20), out));
    fclose(out);
    assert_int_equal(told_done, 20);
    assert_int_equal(told_too_early, 0);
}

static void no_token_and_no_key_stands_in_the_ledger_or_the_events(void **state)
{
    static const char *const files[] = {LEDGER_PATH, LEDGER_PATH "-wal", "mapping.csv", "failures.csv"};

    (void)state;
    load_spec("", WITH_TOKENS ADDED);
    works(run(roster_of(0, 50)));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *bytes = NULL;
        size_t size = 0;
        FILE *file = fopen(files[i], "r");
        const ssize_t length = file != NULL ? getdelim(&bytes, &size, -1, file) : 0;
        assert_null(length > 0 ? memmem(bytes, (size_t)length, TOKEN, strlen(TOKEN)) : NULL);
        assert_null(length > 0 ? memmem(bytes, (size_t)length, "c2VjcmV0", 8) : NULL);
        free(bytes);
        if (file != NULL)
            fclose(file);
    }
    fflush(events_stream);
    assert_null(strstr(events, TOKEN));
    assert_non_null(strstr(read_file("tokens.csv"), TOKEN));
}

/* --- answers that do not come --- */

static int close_first(const struct call *call, char headers[256])
{
    (void)call, (void)headers;
    return call_count == 1 ? 0 : -1;
}

static void a_create_whose_answer_is_lost_is_listed_in_doubt_with_its_request_id(void **state)
{
    char listed[4096] = "";

    (void)state;
    decide = close_first;
    load_spec("", ADDED);
    works(run("id\nanna\n"));
    assert_int_equal(call_count, 2);
    assert_int_equal(summary.in_doubt, 1);
    assert_string_not_equal(calls[0].request_id, calls[1].request_id);
    works(ledger_each_in_doubt(ledger, note_audit, listed, &error));
    assert_non_null(strstr(listed, calls[0].request_id));
    assert_int_equal(counts_at(0).in_doubt, 1);
    assert_string_equal(identity_of("anna").id, identity_id(1));
}

static void with_a_custom_id_a_lost_create_is_repeated_and_nothing_is_in_doubt(void **state)
{
    (void)state;
    decide = close_first;
    load_spec("", ADDED);
    spec->resources[0].custom_id = true;
    works(run("id\nanna\n"));
    assert_int_equal(call_count, 2);
    assert_string_equal(calls[0].custom_id, "anna");
    assert_string_equal(calls[1].custom_id, "anna");
    assert_int_equal(summary.in_doubt, 0);
    assert_string_not_equal(calls[0].request_id, calls[1].request_id);
}

static void expect_anna_to_fail_for_the_identity_of_bert(void)
{
    load_spec("", ADDED WITH_TOKENS);
    spec->resources[0].custom_id = true;
    begin_run();
    provision("bert", 1, "", NOW_S + 3600 * 24 * 3650L);
    end_run(RUN_DONE);
    works(run("id\nanna\nbert\n"));
    assert_int_equal(call_count, 1);
    assert_int_equal(summary.failed, 1);
    assert_non_null(strstr(audit_of("anna"), "provision failed 1 201 identity_of_another"));
    assert_string_equal(identity_of("bert").id, identity_id(1));
    assert_false(is_there("tokens.csv"));
}

static void an_identity_that_is_another_users_fails_one_user(void **state)
{
    (void)state;
    expect_anna_to_fail_for_the_identity_of_bert();
}

static void an_identity_that_is_another_users_and_came_without_a_token_fails_one_user(void **state)
{
    (void)state;
    forgets_tokens = true;
    expect_anna_to_fail_for_the_identity_of_bert();
}

/* --- throttling --- */

static int throttle_first(const struct call *call, char headers[256])
{
    (void)call;
    if (call_count > 4 && calls_answered(201) == 0 && now_ms() - calls[0].answered_ms >= second_ms)
        return -1;
    strcpy(headers, "Retry-After: 1\r\n");
    return calls_answered(201) > 0 ? -1 : 429;
}

/* Four are on their way when the first answer comes; whoever else was about to leave waits. */
static void a_throttle_holds_back_everybody_until_it_is_over(void **state)
{
    unsigned early = 0;

    (void)state;
    decide = throttle_first;
    load_spec("", FEW_AT_ONCE ADDED);
    works(run(roster_of(0, 100)));
    for (unsigned i = 0; i < call_count; i++)
        early += calls[i].arrived_ms < calls[0].answered_ms + second_ms;
    assert_in_range(early, 1, 4);
    everybody_has_one_identity(100);
    assert_int_equal(summary.failed, 0);
    assert_int_equal(summary.throttled, calls_answered(429));
}

static int throttle_always_second(const struct call *call, char headers[256])
{
    (void)call;
    strcpy(headers, "Retry-After: 0\r\n");
    return call_count % 2 == 0 ? 429 : -1;
}

static void nobody_fails_because_the_service_is_busy(void **state)
{
    (void)state;
    decide = throttle_always_second;
    load_spec("", FEW_AT_ONCE "  quotas: { create: none }\n" ADDED);
    works(run(roster_of(0, 40)));
    everybody_has_one_identity(40);
    assert_int_equal(summary.failed, 0);
}

static int throttle_for_an_hour(const struct call *call, char headers[256])
{
    (void)call;
    strcpy(headers, "Retry-After: 3030\r\n");
    return call_count > 4 ? 429 : -1;
}

static void a_pause_outlives_the_run_and_its_end_too(void **state)
{
    (void)state;
    decide = throttle_for_an_hour;
    load_spec("", FEW_AT_ONCE ADDED);
    assert_false(run(roster_of(0, 20)));
    says("asks to wait for 50 min");
    assert_int_equal(summary.done_users, 4);
    assert_in_range(call_count, 5, 8);
    decide = NULL;
    /* The next run sends nothing before the time is up, also when the clock was set back meanwhile. */
    const unsigned before = call_count;
    for (int i = 0; i < 2; i++) {
        ahead_ms = i == 0 ? 1800 * second_ms : -600 * second_ms;
        assert_false(run(NULL));
        says(i == 0 ? "asks to wait for 20 min" : "asks to wait for 50 min");
        assert_string_equal(summary.state, "stopped");
        assert_int_equal(summary.left, 16);
        assert_int_equal(call_count, before);
    }
    ahead_ms = 3601 * second_ms;
    works(run(NULL));
    everybody_has_one_identity(20);
}

static int throttle_at_once(const struct call *call, char headers[256])
{
    (void)call;
    strcpy(headers, "Retry-After: 0\r\n");
    return 429;
}

static void a_service_that_does_nothing_but_throttle_is_given_up(void **state)
{
    (void)state;
    speed = 1000;
    decide = throttle_at_once;
    load_spec("", "engine:\n  concurrency: 4\n  give_up_after: 90s\n  quotas: { create: none }\n" OUTPUTS ADDED);
    assert_false(run(roster_of(0, 20)));
    says("has done nothing but throttle for ");
    hints("engine.give_up_after");
    assert_string_equal(summary.state, "stopped");
    assert_int_equal(summary.left, 20);
    assert_null(strstr(read_file("failures.csv"), "u0"));
    decide = NULL;
    works(run(NULL));
    everybody_has_one_identity(20);
}

static int be_out_of_order(const struct call *call, char headers[256])
{
    (void)call;
    strcpy(headers, "Retry-After: 1\r\n");
    return 503;
}

static void an_outage_that_asks_to_wait_is_probed_and_leaves_few_creates_in_doubt(void **state)
{
    (void)state;
    speed = 250;
    decide = be_out_of_order;
    load_spec("", "engine:\n  concurrency: 4\n  give_up_after: 90s\n  quotas: { create: none }\n" OUTPUTS ADDED);
    assert_false(run(roster_of(0, 20)));
    says("has failed for ");
    says("(503 Code: no)");
    hints("`rollcall doctor`");
    assert_int_equal(summary.left, 20);
    assert_in_range(summary.in_doubt, 1, 60); /* the four at first, and probes: fewer where the machine is slow */
    decide = NULL;
    works(run(NULL));
    everybody_has_one_identity(20);
}

/* --- the quota --- */

static const int64_t window_ms = 500;

/* As the service sees it, at its worst: no request may arrive before a window has passed since the answer to the one
 * that is `count` before it. */
static void keeps_the_quota(unsigned count)
{
    for (unsigned i = count; i < call_count; i++) {
        unsigned in_window = 0;
        for (unsigned k = 0; k < i; k++)
            in_window += calls[k].answered_ms + window_ms > calls[i].arrived_ms;
        assert_true(in_window < count);
    }
}

static void run_three_times(void)
{
    works(run(roster_of(0, 7)));
    works(run(roster_of(0, 14)));
    works(run(roster_of(0, 16)));
    assert_int_equal(call_count, 16);
}

static void the_quota_is_kept_within_a_run_and_across_runs(void **state)
{
    (void)state;
    load_spec("", "engine:\n  quotas: { create: 5/500ms }\n" ADDED);
    run_three_times();
    keeps_the_quota(5);
}

static void a_create_with_a_token_counts_as_an_issue_unless_the_spec_says_otherwise(void **state)
{
    (void)state;
    load_spec("", "engine:\n  quotas: { create: none, issue: 5/500ms }\n" WITH_TOKENS ADDED);
    run_three_times();
    keeps_the_quota(5);
    load_spec("",
              "engine:\n  create_counts_as_issue: false\n  quotas: { create: none, issue: 20/5s }\n" WITH_TOKENS ADDED);
    works(run(roster_of(0, 60)));
    everybody_has_one_identity(60);
    assert_true(calls[59].arrived_ms - calls[16].arrived_ms < 5 * second_ms);
}

static int fail_every_third(const struct call *call, char headers[256])
{
    (void)call, (void)headers;
    return call_count % 3 == 0 ? 500 : -1;
}

static void the_quota_counts_attempts_that_failed(void **state)
{
    (void)state;
    decide = fail_every_third;
    load_spec("", "engine:\n  quotas: { create: 10/500ms }\n" ADDED);
    works(run(roster_of(0, 15)));
    assert_true(call_count > 20);
    keeps_the_quota(10);
}

/* --- a run that stops --- */

static int reject(const struct call *call, char headers[256])
{
    (void)call;
    strcpy(headers, "Date: Mon, 05 Jan 2026 08:09:10 GMT\r\n");
    return 401;
}

static void a_wrong_credential_stops_the_run_and_fails_nobody(void **state)
{
    (void)state;
    decide = reject;
    load_spec("", FEW_AT_ONCE OUTPUTS ADDED);
    assert_false(run(roster_of(0, 100)));
    assert_int_equal(error.code, ERROR_REJECTED);
    hints("clock");
    assert_true(call_count <= 4);
    assert_int_equal(summary.failed, 0);
    assert_int_equal(summary.left, 100);
    assert_string_equal(summary.state, "stopped");
    /* The ledger keeps why. */
    struct run_record record;
    works(ledger_find_run(ledger, summary.run, NULL, &record, &error));
    assert_non_null(strstr(record.reason, "answered 401"));
    assert_non_null(strstr(record.reason, "; the clock"));
    assert_null(strstr(read_file("failures.csv"), "u0"));
    assert_int_equal(counts_at(0).open_tasks, 0);
    decide = NULL;
    works(run(NULL));
    everybody_has_one_identity(100);
}

static int ask_to_stop(const struct call *call, char headers[256])
{
    const uint64_t one = 1;

    (void)call, (void)headers;
    if (call_count == 10 && write(stop_fd, &one, sizeof one) != (ssize_t)sizeof one)
        abort();
    return -1;
}

static void an_interrupted_run_loses_nothing_and_the_next_one_goes_on(void **state)
{
    uint64_t asked;

    (void)state;
    decide = ask_to_stop;
    load_spec("", FEW_AT_ONCE WITH_TOKENS ADDED);
    assert_false(run(roster_of(0, 500)));
    assert_int_equal(error.code, ERROR_NONE);
    assert_string_equal(summary.state, "interrupted");
    assert_in_range(created, 10, 499);
    everybody_has_one_identity(created);
    assert_int_equal(summary.left, 500 - created);
    assert_int_equal(summary.in_doubt, 0);
    assert_non_null(strstr(read_file("tokens.csv"), "\nu000,"));
    assert_int_equal(read(stop_fd, &asked, sizeof asked), sizeof asked); /* a run leaves it as it was */
    works(run(NULL));
    everybody_has_one_identity(500);
}

static void an_output_that_fails_in_an_interrupted_run_is_told(void **state)
{
    (void)state;
    decide = ask_to_stop;
    load_spec("", FEW_AT_ONCE OUTPUTS ADDED);
    assert_int_equal(mkdir("mapping.csv", 0700), 0);
    assert_false(run(roster_of(0, 500)));
    assert_int_equal(error.code, ERROR_INPUT);
    says("mapping.csv");
}

static void a_failures_file_that_cannot_be_written_refuses_the_run_before_it_begins(void **state)
{
    (void)state;
    load_spec("", OUTPUTS ADDED);
    assert_int_equal(mkdir("failures.csv", 0700), 0);
    assert_false(run(roster_of(0, 5)));
    assert_int_equal(error.code, ERROR_INPUT);
    assert_int_equal(call_count, 0);
    assert_int_equal(count_rows("SELECT count(*) FROM runs WHERE state = ?1", "running"), 0);
}

static void execute_sql(const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(LEDGER_PATH, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* The journal of the tokens keeps the answers: nothing of it may be shown, and no identity made a second time. */
static void what_the_ledger_could_not_take_is_not_shown_and_not_lost(void **state)
{
    (void)state;
    load_spec("", FEW_AT_ONCE WITH_TOKENS ADDED);
    execute_sql("CREATE TRIGGER full BEFORE INSERT ON identities BEGIN SELECT RAISE (ABORT, 'no room'); END");
    assert_false(run(roster_of(0, 100)));
    says("no room");
    assert_int_equal(summary.done_users, 0);
    assert_false(is_there("tokens.csv"));
    assert_in_range(created, 1, 16);
    execute_sql("DROP TRIGGER full");
    works(run(NULL));
    assert_int_equal(created, 100);
    assert_int_equal(counts_at(0).by_state[IDENTITY_ACTIVE], 100);
}

static int fail_users(const struct call *call, char headers[256])
{
    (void)call, (void)headers;
    return call_count % 2 == 0 ? 409 : -1;
}

static void users_who_fail_stand_in_the_failures_file_and_the_others_are_done(void **state)
{
    (void)state;
    decide = fail_users;
    load_spec("", OUTPUTS ADDED);
    works(run(roster_of(0, 10)));
    assert_int_equal(summary.failed, 5);
    assert_int_equal(summary.done_users, 5);
    assert_string_equal(summary.state, "failed");
    unsigned lines = 0;
    for (const char *c = read_file("failures.csv"); *c != '\0'; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 6);
    assert_int_equal(counts_at(0).by_state[IDENTITY_ACTIVE], 5);
}

static unsigned creates;

/* All that can go wrong for the one who is created, while the service works for the others. */
static int fail_creates(const struct call *call, char headers[256])
{
    static const int ends[] = {0, 429, 500, 0, 503, 502, 429, 504, 408, 0, 500, 503};
    const unsigned count = sizeof ends / sizeof *ends;

    if (call->action != ACTION_PROVISION) {
        usleep(creates < count ? 1000 : 0); /* the others last for as long as its tries do */
        return -1;
    }
    const int end = creates < count ? ends[creates++] : -1;
    if (end == 429)
        strcpy(headers, "Retry-After-Ms: 0\r\n");
    return end;
}

static void a_user_for_whom_everything_goes_wrong_is_one_row_with_the_first_cause_and_the_last(void **state)
{
    (void)state;
    speed = 400; /* ten tries take a minute or two */
    load_spec("", FEW_AT_ONCE "  quotas: { create: none, issue: none }\n  give_up_after: 1h\n" WITH_TOKENS ADDED
                              "  expiring: { within: 1h, do: issue }\n");
    works(run(roster_of(1, 600)));
    execute_sql("UPDATE identities SET token_expires_at = 1");
    creates = 0;
    decide = fail_creates;
    works(run(roster_of(0, 601)));
    assert_int_equal(summary.failed, 1);
    assert_int_equal(summary.done_users, 600);
    /* Ten tries; a throttle is none. */
    assert_int_equal(creates, 12);
    const char *row = strstr(read_file("failures.csv"), "\nu000,");
    assert_non_null(row);
    assert_non_null(strstr(row, ",Code,no,"));
    assert_non_null(strstr(row, ",answer_lost,12\n"));
    assert_null(strstr(row + 1, "\nu"));
    assert_int_equal(count_rows("SELECT count(*) FROM audit WHERE key = ?1", "u000"), 12);
}

/* --- what a run remembers --- */

static void a_run_for_named_users_is_no_measure_for_the_next_roster(void **state)
{
    char anna[] = "anna";
    char *names[] = {anna};
    const struct text_list only = {.items = names, .count = 1};
    uint64_t rows;

    (void)state;
    load_spec("", ADDED);
    works(run(roster_of(0, 20)));
    plan_options.only = &only;
    works(run("id\nanna\n"));
    works(ledger_last_roster_rows(ledger, "demo", &rows, &error));
    assert_int_equal(rows, 20);
}

static void users_are_the_measure_for_the_next_roster_and_not_rows(void **state)
{
    uint64_t rows;

    (void)state;
    load_spec("  duplicates: first\n  where: { team: [a] }\n", ADDED);
    works(run("id,team\nanna,a\nbert,b\ncarl,b\nanna,a\n"));
    works(ledger_last_roster_rows(ledger, "demo", &rows, &error));
    assert_int_equal(rows, 3);
}

static void a_failures_file_is_no_measure_for_the_next_roster(void **state)
{
    uint64_t rows;

    (void)state;
    load_spec("", ADDED);
    works(run(roster_of(0, 20)));
    works(run("id,error_category\nu001,added\n"));
    works(ledger_last_roster_rows(ledger, "demo", &rows, &error));
    assert_int_equal(rows, 20);
}

static void a_grace_period_starts_once_and_its_revoke_is_made_up_for(void **state)
{
    (void)state;
    load_spec("", WITH_TOKENS ADDED "  removed: { do: delete, after: 30d, meanwhile: revoke }\n");
    works(run(roster_of(0, 2)));
    decide = reject;
    assert_false(run(roster_of(0, 1)));
    const int64_t marked_s = identity_of("u001").removed_at_s;
    assert_int_not_equal(marked_s, 0);
    assert_int_equal(identity_of("u001").state, IDENTITY_ACTIVE);
    works(ledger_mark_removed(ledger, identity_of("u001").row, marked_s - 86400, &error));
    decide = NULL;
    works(run(NULL));
    assert_int_equal(identity_of("u001").state, IDENTITY_REVOKED);
    assert_int_equal(identity_of("u001").removed_at_s, marked_s - 86400);
    const unsigned before = call_count;
    works(run(NULL));
    assert_int_equal(call_count, before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static const struct CMUnitTest tests[] = {
    TEST(users_get_identities_and_tokens),
    TEST(an_onboarded_user_is_deleted_when_gone),
    TEST(a_changed_user_is_revoked_before_it_gets_a_token),
    TEST(an_identity_that_comes_without_its_token_gets_one_on_its_own),
    TEST(every_request_that_arrives_has_its_intent_in_the_ledger),
    TEST(nobody_hears_of_an_identity_before_it_is_in_the_ledger),
    TEST(no_token_and_no_key_stands_in_the_ledger_or_the_events),
    TEST(a_create_whose_answer_is_lost_is_listed_in_doubt_with_its_request_id),
    TEST(with_a_custom_id_a_lost_create_is_repeated_and_nothing_is_in_doubt),
    TEST(an_identity_that_is_another_users_fails_one_user),
    TEST(an_identity_that_is_another_users_and_came_without_a_token_fails_one_user),
    TEST(a_throttle_holds_back_everybody_until_it_is_over),
    TEST(nobody_fails_because_the_service_is_busy),
    TEST(a_pause_outlives_the_run_and_its_end_too),
    TEST(a_service_that_does_nothing_but_throttle_is_given_up),
    TEST(an_outage_that_asks_to_wait_is_probed_and_leaves_few_creates_in_doubt),
    TEST(the_quota_is_kept_within_a_run_and_across_runs),
    TEST(a_create_with_a_token_counts_as_an_issue_unless_the_spec_says_otherwise),
    TEST(the_quota_counts_attempts_that_failed),
    TEST(a_wrong_credential_stops_the_run_and_fails_nobody),
    TEST(an_interrupted_run_loses_nothing_and_the_next_one_goes_on),
    TEST(an_output_that_fails_in_an_interrupted_run_is_told),
    TEST(a_failures_file_that_cannot_be_written_refuses_the_run_before_it_begins),
    TEST(what_the_ledger_could_not_take_is_not_shown_and_not_lost),
    TEST(users_who_fail_stand_in_the_failures_file_and_the_others_are_done),
    TEST(a_user_for_whom_everything_goes_wrong_is_one_row_with_the_first_cause_and_the_last),
    TEST(a_run_for_named_users_is_no_measure_for_the_next_roster),
    TEST(users_are_the_measure_for_the_next_roster_and_not_rows),
    TEST(a_failures_file_is_no_measure_for_the_next_roster),
    TEST(a_grace_period_starts_once_and_its_revoke_is_made_up_for),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
