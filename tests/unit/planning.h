/* planning.h - for tests of plans: a job spec from a few YAML lines, a roster from a text, a ledger with a past. */
#ifndef ROLLCALL_TESTS_PLANNING_H
#define ROLLCALL_TESTS_PLANNING_H

#include "ledger_writing.h"

#include "run/plan.h"

#define NOW_S (WHEN_MS / 1000)
#define CONNECTION "endpoint=http://127.0.0.1:1;accesskey=c2VjcmV0"

static struct spec *spec;
static struct plan *plan;
static struct plan_options plan_options;
static struct problems problems;
static struct problems previous_problems;
static int roster_fd = -1;

/* A job with the given parts; each may be "". `roster` goes below roster:, the others stand at the top level. */
static inline void load_job(const char *resources, const char *roster, const char *rest)
{
    char text[4096];
    struct problems faults = {0};

    snprintf(text, sizeof text,
             "version: 1\nname: demo\n%sledger: " LEDGER_PATH "\nroster:\n  csv: users.csv\n  key: id\n%s%s", resources,
             roster, rest);
    write_file("job.yaml", text);
    if (!is_there("users.csv"))
        write_file("users.csv", "id\n");
    setenv("ACS_CONNECTION", CONNECTION, 1);
    spec_free(spec);
    spec = spec_load("job.yaml", SPEC_WITH_SECRETS, &faults, &error);
    problems_print(&faults, stderr);
    problems_clear(&faults);
    works(spec != NULL);
}

/* A job with one resource. */
static inline void load_spec(const char *roster, const char *rest)
{
    load_job("resource:\n  connection_string: { env: ACS_CONNECTION }\n", roster, rest);
}

static inline bool try_plan(const char *roster)
{
    if (roster != NULL)
        write_file("users.csv", roster);
    plan_free(plan);
    problems_clear(&problems);
    problems_clear(&previous_problems);
    if (roster_fd >= 0)
        close(roster_fd);
    roster_fd = roster_open("users.csv", &error);
    works(roster_fd >= 0);
    works(problems_init(&problems, "users.csv", &error) && problems_init(&previous_problems, "older.csv", &error));
    plan_options.now_s = NOW_S;
    plan = plan_make(spec, roster_fd, ledger, &plan_options, &problems, &previous_problems, &error);
    return plan != NULL;
}

static inline void make_plan(const char *roster)
{
    const bool made = try_plan(roster);

    if (!made) {
        problems_print(&problems, stderr);
        problems_print(&previous_problems, stderr);
    }
    works(made);
}

/* The state of the watched column "w" for this value, as the roster writes it. */
static inline bool keep_watch(void *context, const struct roster_row *row, struct error *ignored)
{
    (void)ignored;
    snprintf(context, 512, "%s", row->watch);
    return true;
}

/* The watch text of the first row of a roster, under the spec that is loaded. */
static inline const char *watch_of(const char *roster)
{
    static char texts[4][512];
    static unsigned turn;
    char *text = texts[turn++ % 4];
    const struct roster_visitor visitor = {.row = keep_watch, .context = text};
    struct roster_options options;
    struct roster_summary summary;
    struct problems faults = {0};

    write_file("watch.csv", roster);
    const int fd = roster_open("watch.csv", &error);
    works(plan_roster_options(spec, "watch.csv", fd, &options, &error) && problems_init(&faults, "watch.csv", &error));
    works(roster_read(&options, &visitor, &faults, &summary, &error));
    plan_roster_options_clear(&options);
    problems_clear(&faults);
    close(fd);
    return text;
}

static inline int plan_begin_test(void **state)
{
    plan_options = (struct plan_options){0};
    return ledger_begin_test(state);
}

static inline int plan_end_test(void **state)
{
    plan_free(plan);
    plan = NULL;
    spec_free(spec);
    spec = NULL;
    problems_clear(&problems);
    problems_clear(&previous_problems);
    if (roster_fd >= 0)
        close(roster_fd);
    roster_fd = -1;
    return ledger_end_test(state);
}

#define plan_test(name) cmocka_unit_test_setup_teardown(name, plan_begin_test, plan_end_test)

#endif
