/* What a report says of a run, from the ledger to the page. */
#include "ledger_writing.h"

#include "output/report.h"
#include "output/report_facts.h"

#include <stdlib.h>

static struct report_facts facts;
static struct buffer page;

static int begin(void **state)
{
    buffer_init(&page, SIZE_MAX / 2);
    return ledger_begin_test(state);
}

static int end(void **state)
{
    report_facts_clear(&facts);
    buffer_clear(&page);
    return ledger_end_test(state);
}

static void read_facts(void)
{
    struct run_record run;

    works(ledger_find_run(ledger, run_id, NULL, &run, &error));
    works(report_facts_read(&facts, ledger, &run, WHEN_MS, &error));
}

static const char *make(void)
{
    struct run_record run;

    buffer_reset(&page);
    works(ledger_find_run(ledger, run_id, NULL, &run, &error));
    works(report_make(&page, ledger, &run, "out/failures.csv", WHEN_MS, &error));
    return page.data;
}

#define shows(text)                             \
    do {                                        \
        if (strstr(page.data, text) == NULL)    \
            fail_msg("the page has no " #text); \
    } while (0)

static void add(const char *key, enum action action, enum outcome outcome, const char *verdict, const char *code)
{
    struct result result = result_of(key, action, outcome, identity_id((unsigned)rand()));

    result.code = code;
    result.verdict = verdict;
    result.category = "added";
    result.status = outcome == OUTCOME_FAILED ? 400 : 201;
    record(&result);
}

/* --- over time --- */

static uint64_t sum_of(const struct series *series)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < series->used; i++)
        for (int kind = 0; kind < SERIES_KINDS; kind++)
            sum += series->counts[i][kind];
    return sum;
}

static void a_series_grows_with_its_run_and_loses_nothing(void **state)
{
    static const int64_t moments_ms[] = {0, 50, 11999, 12000, 59999, 60000, 3600000, INT64_C(86400000) * 400};
    static const int64_t spans_ms[] = {100, 100, 100, 500, 500, 1000, 60000};
    struct series series = {0};

    (void)state;
    for (size_t i = 0; i < sizeof moments_ms / sizeof *moments_ms; i++) {
        series_add(&series, moments_ms[i], (enum series_kind)(i % SERIES_KINDS));
        assert_int_equal(sum_of(&series), i + 1);
        assert_true(series.used <= SERIES_MAX);
        if (i < sizeof spans_ms / sizeof *spans_ms)
            assert_int_equal(series.span_ms, spans_ms[i]);
    }
    assert_true(series.span_ms * SERIES_MAX > moments_ms[7]);
}

static void what_came_first_stays_first_when_a_series_grows(void **state)
{
    struct series series = {0};

    (void)state;
    for (int64_t ms = 0; ms < 12000; ms += 100)
        series_add(&series, ms, SERIES_DONE);
    series_add(&series, 12000, SERIES_THROTTLED);
    assert_int_equal(series.span_ms, 500);
    assert_int_equal(series.used, 25);
    for (size_t i = 0; i < 24; i++)
        assert_int_equal(series.counts[i][SERIES_DONE], 5);
    assert_int_equal(series.counts[24][SERIES_DONE], 0);
    assert_int_equal(series.counts[24][SERIES_THROTTLED], 1);
}

static void a_clock_that_was_set_back_counts_as_the_beginning(void **state)
{
    struct series series = {0};

    (void)state;
    series_add(&series, -5000, SERIES_OTHER);
    assert_int_equal(series.counts[0][SERIES_OTHER], 1);
}

/* --- latency --- */

static void percentiles_are_those_of_the_nearest_rank(void **state)
{
    struct latency latency = {0};

    (void)state;
    assert_int_equal(latency_percentile(&latency, 0.5), 0);
    for (uint32_t ms = 1; ms <= 100; ms++)
        works(latency_add(&latency, ms, &error));
    assert_int_equal(latency_percentile(&latency, 0), 1);
    assert_int_equal(latency_percentile(&latency, 0.5), 50);
    assert_int_equal(latency_percentile(&latency, 0.9), 90);
    assert_int_equal(latency_percentile(&latency, 0.99), 99);
    assert_int_equal(latency_percentile(&latency, 1), 100);
    works(latency_add(&latency, UINT32_MAX, &error));
    assert_int_equal(latency_percentile(&latency, 1), 60 * 60 * 1000);
    free(latency.counts);
}

static void throttles_and_lost_answers_say_nothing_of_the_latency(void **state)
{
    struct result result;

    (void)state;
    result = result_of("anna", ACTION_PROVISION, OUTCOME_THROTTLED, "");
    result.elapsed_ms = 1;
    record(&result);
    result = result_of("anna", ACTION_PROVISION, OUTCOME_IN_DOUBT, "");
    result.elapsed_ms = 60000;
    result.status = 0;
    record(&result);
    result = result_of("anna", ACTION_PROVISION, OUTCOME_DONE, identity_id(1));
    result.elapsed_ms = 120;
    record(&result);
    read_facts();
    assert_int_equal(facts.latency[ACTION_PROVISION].total, 1);
    assert_int_equal(latency_percentile(&facts.latency[ACTION_PROVISION], 1), 120);
    assert_int_equal(facts.requests, 3);
    assert_int_equal(facts.throttled, 1);
    assert_int_equal(facts.in_doubt_count, 1);
}

/* --- failures --- */

static void failures_are_grouped_and_the_most_frequent_comes_first(void **state)
{
    (void)state;
    add("anna", ACTION_PROVISION, OUTCOME_FAILED, "failed", "Rare");
    for (int i = 0; i < 7; i++)
        add("bert", ACTION_ISSUE, OUTCOME_FAILED, "failed", "Often");
    add("cleo", ACTION_ISSUE, OUTCOME_TRANSIENT, "again", "answer_lost");
    add("cleo", ACTION_ISSUE, OUTCOME_TRANSIENT, "failed", "answer_lost");
    read_facts();
    assert_int_equal(facts.cause_count, 3);
    assert_string_equal(facts.causes[0].code, "Often");
    assert_int_equal(facts.causes[0].users, 7);
    assert_int_equal(facts.causes[0].example_count, EXAMPLES_MAX);
    assert_string_equal(facts.causes[0].examples[0].key, "bert");
    assert_int_equal(facts.users_failed, 9);
    assert_int_equal(facts.failed[CATEGORY_ADDED], 9);
}

static void a_row_of_before_the_verdict_was_recorded_has_its_outcome(void **state)
{
    (void)state;
    add("anna", ACTION_PROVISION, OUTCOME_FAILED, NULL, "Code");
    add("bert", ACTION_REVOKE, OUTCOME_GONE, NULL, "Code");
    add("cleo", ACTION_ISSUE, OUTCOME_TRANSIENT, NULL, "Code");
    read_facts();
    assert_int_equal(facts.users_failed, 2);
}

static void what_a_former_run_left_behind_is_no_request_of_this_one(void **state)
{
    (void)state;
    intend("anna", ACTION_PROVISION, "", false);
    intend("bert", ACTION_REVOKE, identity_id(2), true);
    begin_run();
    settle(WHEN_MS);
    read_facts();
    assert_int_equal(facts.requests, 0);
    assert_int_equal(facts.in_doubt_count, 1);
    assert_string_equal(facts.in_doubt[0].key, "anna");
    report_facts_clear(&facts);
    begin_run();
    read_facts();
    assert_int_equal(facts.in_doubt_count, 0);
}

/* --- the page --- */

static void the_page_grows_no_further_than_its_lists(void **state)
{
    char key[1025];
    char code[16];

    (void)state;
    memset(key, '<', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    works(ledger_begin(ledger, &error));
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(code, sizeof code, "Code%u", i % 60);
        add(key, ACTION_ISSUE, OUTCOME_FAILED, "failed", code);
        add(key, ACTION_PROVISION, OUTCOME_IN_DOUBT, "again", "answer_lost");
    }
    works(ledger_commit(ledger, &error));
    read_facts();
    assert_int_equal(facts.cause_count, CAUSES_MAX);
    assert_int_equal(facts.in_doubt_count, 2000);
    assert_int_equal(facts.in_doubt_listed, IN_DOUBT_MAX);
    make();
    assert_true(page.length < 1024 * 1024);
    shows("and 1,950 more; <code>rollcall status --json</code> lists all");
    shows("for other causes");
    shows("all of them are in <code>out/failures.csv</code>");
}

static void nothing_from_outside_is_markup(void **state)
{
    struct result result = result_of("<script>alert(1)</script>", ACTION_ISSUE, OUTCOME_FAILED, "");

    (void)state;
    result.code = "<b>";
    result.message = "</style><script>alert(2)</script>";
    result.request_id = "\"><img src=x>";
    result.ms_cv = "<i>";
    result.verdict = "failed";
    record(&result);
    result.outcome = OUTCOME_IN_DOUBT;
    result.verdict = "again";
    result.task = intend("x", ACTION_ISSUE, "", true);
    record(&result);
    make();
    assert_null(strstr(page.data, "<script"));
    assert_null(strstr(page.data, "<img"));
    assert_null(strstr(page.data, "<b>"));
    assert_null(strstr(page.data, "<i>"));
    shows("&lt;script&gt;alert(1)&lt;/script&gt;");
    shows("&lt;/style&gt;&lt;script&gt;alert(2)");
}

static void a_run_says_how_it_ended_and_why(void **state)
{
    static const struct {
        enum run_state state;
        const char *text;
    } ends[] = {
        {RUN_DONE, "everything asked for is done"},
        {RUN_FAILED, "some users failed"},
        {RUN_STOPPED, "stopped before its end"},
        {RUN_INTERRUPTED, "asked to stop"},
    };

    (void)state;
    make();
    shows("not ended yet");
    shows("This run sent no request");
    shows("None: no user failed");
    shows("Nothing: every create had its answer");
    shows("Nothing: this run sent no request");
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const struct run_record record = {
            .id = run_id, .ended_at_ms = WHEN_MS + 61000, .state = ends[i].state, .reason = "the <reason>"};
        works(ledger_run_end(ledger, &record, &error));
        make();
        shows(ends[i].text);
        shows("<dt>took</dt><dd>1 min 01 s</dd>");
        shows("Why it stopped:</strong> <bdi>the &lt;reason&gt;</bdi>");
    }
    const int64_t killed = run_id;
    begin_run();
    begin_run();
    run_id = killed + 1;
    make();
    shows("It was killed");
}

static void a_run_that_has_not_ended_knows_who_is_left(void **state)
{
    struct run_record record = {
        .started_at_ms = WHEN_MS, .job = "demo", .operator_name = "", .users = 9, .categories = {[CATEGORY_ADDED] = 9}};

    (void)state;
    works(ledger_run_begin(ledger, &record, &error));
    run_id = record.id;
    add("anna", ACTION_PROVISION, OUTCOME_DONE, "done", "");
    add("bert", ACTION_PROVISION, OUTCOME_FAILED, "failed", "Code");
    make();
    shows("<dt>left for the next run</dt><dd>7</dd>");
    shows("<dt>users to act on</dt><dd>9</dd>");
    shows("<td>9</td><td>1 provisioned</td><td>1</td>");
}

static void every_category_has_a_row_that_says_what_it_is(void **state)
{
    struct run_record record = {.started_at_ms = WHEN_MS, .job = "demo", .operator_name = ""};
    char row[64];

    (void)state;
    for (int category = 0; category < CATEGORY_COUNT; category++)
        record.categories[category] = 100 + (uint64_t)category;
    works(ledger_run_begin(ledger, &record, &error));
    run_id = record.id;
    make();
    for (int category = 0; category < CATEGORY_COUNT; category++) {
        snprintf(row, sizeof row, "</small></th><td>%d</td>", 100 + category);
        shows(row);
        snprintf(row, sizeof row, "<th scope=\"row\">%s<small>", category_name((enum category)category));
        shows(row);
    }
    assert_null(strstr(page.data, "{}"));
}

/* A thousand answers, a throttle and a failure in one span: the small marks stand on the large one and on each other.
 */
static void what_is_rare_is_seen_on_top_of_what_is_not(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++)
        add("anna", ACTION_PROVISION, OUTCOME_DONE, "done", "");
    add("bert", ACTION_PROVISION, OUTCOME_THROTTLED, "again", "TooManyRequests");
    add("cleo", ACTION_PROVISION, OUTCOME_FAILED, "failed", "Code");
    make();
    shows("<rect class=\"done\" x=\"0\" y=\"50\" width=\".9\" height=\"50\"/>");
    shows("<rect class=\"throttled\" x=\"0\" y=\"48\" width=\".9\" height=\"2\"/>");
    shows("<rect class=\"other\" x=\"0\" y=\"46\" width=\".9\" height=\"2\"/>");
}

static void adopted_identities_are_no_requests(void **state)
{
    const struct adoption adoption = {.key = "anna", .identity = identity_id(1), .state = IDENTITY_ACTIVE};
    char conflict[LEDGER_CONFLICT_SIZE];
    bool adopted;

    (void)state;
    works(ledger_adopt(ledger, run_id, &adoption, WHEN_MS, &adopted, conflict, &error));
    make();
    shows("1 identity that existed already was adopted");
    shows("<dt>requests</dt><dd>0</dd>");
}

static void tokens_are_told_by_the_hours_that_they_have_left(void **state)
{
    const int64_t now_s = WHEN_MS / 1000;

    (void)state;
    provision("anna", 1, "", now_s + 1);
    provision("bert", 2, "", now_s + 3600);
    provision("cleo", 3, "", now_s + 3601);
    provision("dora", 4, "", now_s + 24 * 3600);
    provision("emil", 5, "", now_s + 24 * 3600 + 1);
    provision("fritz", 6, "", now_s);
    provision("gerd", 7, "", 0);
    provision("hugo", 8, "", now_s + 100);
    act("hugo", ACTION_REVOKE, true);
    read_facts();
    assert_int_equal(facts.tokens_by_hour[0], 2);
    assert_int_equal(facts.tokens_by_hour[1], 1);
    assert_int_equal(facts.tokens_by_hour[23], 1);
    assert_int_equal(facts.tokens_longer, 1);
    assert_int_equal(facts.tokens_none, 2);
    make();
    shows("7 active identities, of which 5 have a live token");
    shows("<th scope=\"row\">longer</th><td>1</td>");
}

static void every_cause_comes_with_something_to_do(void **state)
{
    static const struct {
        enum outcome outcome;
        int status;
        const char *code;
        const char *advice;
    } causes[] = {
        {OUTCOME_GONE, 404, "IdentityNotFound", "<code>lost: provision</code>"},
        {OUTCOME_REJECTED, 0, "tls_untrusted", "<code>resource.ca_file</code>"},
        {OUTCOME_REJECTED, 0, "no_such_host", "name server"},
        {OUTCOME_REJECTED, 401, "Denied", "access key"},
        {OUTCOME_REJECTED, 501, "http_501", "correct the job spec"},
        {OUTCOME_FAILED, 400, "ValidationError", "names what it does not accept"},
        {OUTCOME_FAILED, 401, "IdentityNotOwned", "of the same resource"},
        {OUTCOME_FAILED, 200, "bad_answer", "Something between this machine and the service"},
        {OUTCOME_TRANSIENT, 503, "http_503", "while it worked for others"},
        {OUTCOME_IN_DOUBT, 0, "answer_lost", "<code>resource.custom_id: true</code>"},
        {OUTCOME_FAILED, 418, "Teapot", "A case for its support"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        begin_run();
        struct result result = result_of("anna", ACTION_ISSUE, causes[i].outcome, "");
        result.status = causes[i].status;
        result.code = causes[i].code;
        result.verdict = causes[i].outcome == OUTCOME_REJECTED ? "left" : "failed";
        record(&result);
        make();
        shows("What to do:</strong>");
        if (strstr(page.data, causes[i].advice) == NULL)
            fail_msg("%s: no advice %s", causes[i].code, causes[i].advice);
    }
}

static void tokens_that_were_not_delivered_are_a_cause_and_no_request(void **state)
{
    (void)state;
    add("anna", ACTION_PROVISION, OUTCOME_DONE, "done", "");
    add("bert", ACTION_PROVISION, OUTCOME_DONE, "done", "");
    const struct result owed = {.key = "bert",
                                .key_length = 4,
                                .action = ACTION_PROVISION,
                                .attempt = 1,
                                .code = "not_delivered",
                                .message = "./store ended with status 3",
                                .category = "added",
                                .verdict = "left",
                                .at_ms = WHEN_MS};
    works(ledger_record_delivery(ledger, run_id, &owed, &error));
    make();
    shows("Tokens did not get where they go <span class=\"count\">1 user</span>");
    shows("./store ended with status 3");
    shows("issues these tokens again");
    shows("<dt>requests</dt><dd>2</dd>");
    shows("<dt>done</dt><dd>1</dd>");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_series_grows_with_its_run_and_loses_nothing),
    cmocka_unit_test(what_came_first_stays_first_when_a_series_grows),
    cmocka_unit_test(a_clock_that_was_set_back_counts_as_the_beginning),
    cmocka_unit_test(percentiles_are_those_of_the_nearest_rank),
    TEST(throttles_and_lost_answers_say_nothing_of_the_latency),
    TEST(failures_are_grouped_and_the_most_frequent_comes_first),
    TEST(tokens_that_were_not_delivered_are_a_cause_and_no_request),
    TEST(a_row_of_before_the_verdict_was_recorded_has_its_outcome),
    TEST(what_a_former_run_left_behind_is_no_request_of_this_one),
    TEST(the_page_grows_no_further_than_its_lists),
    TEST(nothing_from_outside_is_markup),
    TEST(a_run_says_how_it_ended_and_why),
    TEST(a_run_that_has_not_ended_knows_who_is_left),
    TEST(every_category_has_a_row_that_says_what_it_is),
    TEST(what_is_rare_is_seen_on_top_of_what_is_not),
    TEST(adopted_identities_are_no_requests),
    TEST(tokens_are_told_by_the_hours_that_they_have_left),
    TEST(every_cause_comes_with_something_to_do),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
