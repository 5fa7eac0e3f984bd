/* The frame of the page, and what changed. */
#include "output/report.h"

#include "core/text.h"
#include "output/report_internal.h"

#include <stdio.h>
#include <string.h>

enum { PAGE_CAP = 8 * 1024 * 1024 };

/* --- how it ended --- */

static const struct {
    const char *badge; /* a class */
    const char *text;
} states[] = {
    [RUN_RUNNING] = {"open", "It has not ended yet: this is what it has done so far."},
    [RUN_DONE] = {"good", "It came to its end, and everything asked for is done."},
    [RUN_FAILED] = {"bad", "It came to its end; some users failed, or did not get their tokens."},
    [RUN_STOPPED] = {"bad", "It stopped before its end; what it did not do is left for the next run."},
    [RUN_INTERRUPTED] = {"open", "It was asked to stop; what it did not do is left for the next run."},
    [RUN_CRASHED] = {"bad", "It was killed; the next run finds out what it had done, and does the rest."},
};

static int64_t took_ms(const struct report_facts *facts)
{
    const int64_t end_ms = facts->run.ended_at_ms != 0 ? facts->run.ended_at_ms : facts->last_at_ms;

    return end_ms - facts->run.started_at_ms;
}

static void add_fact(struct buffer *page, const char *name, const char *value)
{
    html_add(page, "<div><dt>{}</dt><dd>{}</dd></div>\n", name, value);
}

static void add_head(struct buffer *page, const struct report_facts *facts)
{
    const struct run_record *run = &facts->run;

    html_add(page,
             "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta name=\"color-scheme\" content=\"light dark\">\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
             "<meta name=\"referrer\" content=\"no-referrer\">\n"
             "<title>Run {} of {}: {}</title>\n<style>\n",
             html_count((uint64_t)run->id).text, run->job, run_state_name(run->state));
    for (const char *const *piece = report_style; *piece != NULL; piece++)
        buffer_append_text(page, *piece);
    html_add(page, "</style>\n</head>\n<body>\n<header>\n<h1>Run {} of <bdi>{}</bdi> <span class=\"badge ",
             html_count((uint64_t)run->id).text, run->job);
    html_add(page, "{}\">{}</span></h1>\n<p>{}</p>\n", states[run->state].badge, run_state_name(run->state),
             states[run->state].text);
    if (run->reason[0] != '\0')
        html_add(page, "<p class=\"reason\"><strong>Why it stopped:</strong> <bdi>{}</bdi></p>\n", run->reason);
    buffer_append_text(page, "<dl class=\"facts\">\n");
    add_fact(page, "started", html_time(run->started_at_ms).text);
    add_fact(page, run->ended_at_ms != 0 ? "took" : "lasted at least", html_duration(took_ms(facts)).text);
    add_fact(page, "by", run->operator_name);
    if (run->roster_rows > 0)
        add_fact(page, "users in the roster", html_count(run->roster_rows).text);
    buffer_append_text(page, "</dl>\n</header>\n<main>\n");
}

/* --- the numbers --- */

static void add_tile(struct buffer *page, const char *name, uint64_t count, const char *class)
{
    html_add(page, "<div class=\"{}\"><dt>{}</dt><dd>{}</dd></div>\n", count > 0 ? class : "", name,
             html_count(count).text);
}

/* Users that a run without an end has not come to. */
static uint64_t users_left(const struct report_facts *facts)
{
    const uint64_t ended = facts->users_done + facts->users_failed;

    if (facts->run.ended_at_ms != 0)
        return facts->run.left;
    return facts->run.users > ended ? facts->run.users - ended : 0;
}

static void add_numbers(struct buffer *page, const struct report_facts *facts)
{
    buffer_append_text(page, "<section aria-labelledby=\"numbers\">\n<h2 id=\"numbers\">In numbers</h2>\n"
                             "<dl class=\"tiles\">\n");
    if (facts->has_plan)
        add_tile(page, "users to act on", facts->run.users, "");
    add_tile(page, "done", facts->users_done, "");
    add_tile(page, "failed", facts->users_failed, "bad");
    add_tile(page, "left for the next run", users_left(facts), "open");
    add_tile(page, "in doubt", facts->in_doubt_count, "bad");
    add_tile(page, "requests", facts->requests, "");
    add_tile(page, "throttled", facts->throttled, "open");
    add_tile(page, "repeated", facts->repeated, "");
    buffer_append_text(page, "</dl>\n");
    if (facts->imported > 0)
        html_add(
            page, "<p>{} {} adopted.</p>\n", html_count(facts->imported).text,
            text_noun(facts->imported, "identity that existed already was", "identities that existed already were"));
    buffer_append_text(page, "</section>\n");
}

/* --- what changed --- */

/* "9 revoked, 9 issued"; nothing where nothing was done. */
static void list_done(const uint64_t done[ACTION_COUNT], char *text, size_t size)
{
    size_t length = 0;

    text[0] = '\0';
    for (int action = 0; action < ACTION_COUNT; action++)
        if (done[action] > 0 && length < size)
            length += (size_t)snprintf(text + length, size - length, "%s%s %s", length > 0 ? ", " : "",
                                       html_count(done[action]).text, action_past((enum action)action));
}

static void add_category(struct buffer *page, const struct report_facts *facts, size_t row)
{
    static const char *const meanings[CATEGORY_COUNT] = {
        [CATEGORY_ADDED] = "in the roster, without an identity",
        [CATEGORY_CHANGED] = "a watched column changed",
        [CATEGORY_EXPIRING] = "the token ends soon, or there is none",
        [CATEGORY_UNCHANGED] = "nothing to do",
        [CATEGORY_REMOVED] = "gone from the roster",
        [CATEGORY_LOST] = "the service does not know the identity",
        [CATEGORY_MOVED] = "the identity is in another resource than the user",
    };
    const bool known = row < CATEGORY_COUNT;
    const uint64_t users = known ? facts->run.categories[row] : 0;
    char done[160];

    list_done(facts->done[row], done, sizeof done);
    if (users == 0 && done[0] == '\0' && facts->failed[row] == 0)
        return;
    html_add(page, "<tr><th scope=\"row\">{}<small>{}</small></th><td>{}</td><td>{}</td><td>{}</td></tr>\n",
             known ? category_name((enum category)row) : "unknown", known ? meanings[row] : "not recorded",
             users > 0 ? html_count(users).text : "\u2013", done[0] != '\0' ? done : "\u2013",
             facts->failed[row] > 0 ? html_count(facts->failed[row]).text : "\u2013");
}

static void add_changes(struct buffer *page, const struct report_facts *facts)
{
    buffer_append_text(page, "<section aria-labelledby=\"changes\">\n<h2 id=\"changes\">What changed</h2>\n");
    if (facts->requests == 0 && !facts->has_plan) {
        buffer_append_text(page, "<p>Nothing: this run sent no request.</p>\n</section>\n");
        return;
    }
    buffer_append_text(page,
                       "<table class=\"changes\">\n<caption>Users by where the run found them, and what was done "
                       "about it</caption>\n<thead><tr><th scope=\"col\">category</th><th scope=\"col\">users</th>"
                       "<th scope=\"col\">done</th><th scope=\"col\">failed</th></tr></thead>\n<tbody>\n");
    for (size_t row = 0; row <= CATEGORY_COUNT; row++)
        add_category(page, facts, row);
    buffer_append_text(page, "</tbody>\n</table>\n</section>\n");
}

/* --- all --- */

static void add_foot(struct buffer *page, const struct report_facts *facts)
{
    html_add(page, "</main>\n<footer>\n<p>Made by rollcall {} on {} from the ledger. Times are UTC.</p>\n</footer>\n",
             ROLLCALL_VERSION, html_time(facts->now_ms).text);
    buffer_append_text(page, "</body>\n</html>\n");
}

bool report_make(struct buffer *page, struct ledger *ledger, const struct run_record *run, const char *failures,
                 int64_t now_ms, struct error *error)
{
    struct report_facts facts;
    const bool ok = report_facts_read(&facts, ledger, run, now_ms, error);

    if (ok) {
        page->cap = PAGE_CAP;
        add_head(page, &facts);
        add_numbers(page, &facts);
        add_changes(page, &facts);
        report_failures(page, &facts, failures);
        report_in_doubt(page, &facts);
        report_rate(page, &facts);
        report_latency(page, &facts);
        report_tokens(page, &facts);
        add_foot(page, &facts);
    }
    report_facts_clear(&facts);
    return ok && (!buffer_failed(page) || buffer_error(page, "the report", error));
}
