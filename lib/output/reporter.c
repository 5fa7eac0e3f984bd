#include "output/reporter.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { TERMINAL_EVERY_MS = 200, PLAIN_FIRST_MS = 1000, PLAIN_EVERY_MS = 5000, LINE_SIZE = 512 };

struct reporter {
    struct reporter_options options;
    int64_t last_line_ms; /* elapsed time of the run */
    uint64_t rate_done;   /* for the rate: users ended at ... */
    int64_t rate_at_ms;
    double rate;    /* users a second, smoothed */
    uint64_t ended; /* users, and when the last of them did */
    int64_t ended_at_ms;
    bool line_is_open; /* a progress line stands on the terminal */
};

void reporter_look_at(FILE *stream, struct reporter_options *options)
{
    struct winsize size = {0};
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    options->terminal = isatty(fileno(stream)) == 1 && (term == NULL || strcmp(term, "dumb") != 0);
    options->color = options->terminal && (no_color == NULL || no_color[0] == '\0');
    options->width = 80;
    if (options->terminal && ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        options->width = size.ws_col;
}

struct reporter *reporter_new(const struct reporter_options *options, struct error *error)
{
    struct reporter *reporter = calloc(1, sizeof *reporter);

    if (reporter == NULL) {
        error_no_memory(error);
        return NULL;
    }
    reporter->options = *options;
    reporter->last_line_ms = options->terminal ? 0 : PLAIN_FIRST_MS - PLAIN_EVERY_MS;
    return reporter;
}

void reporter_free(struct reporter *reporter)
{
    free(reporter);
}

void duration_text(int64_t ms, char *text, size_t size)
{
    const int64_t seconds = (ms + 500) / 1000;

    if (ms < 10000)
        snprintf(text, size, "%" PRId64 ".%" PRId64 " s", ms / 1000, ms % 1000 / 100);
    else if (seconds < 60)
        snprintf(text, size, "%" PRId64 " s", seconds);
    else if (seconds < 3600)
        snprintf(text, size, "%" PRId64 " min %02" PRId64 " s", seconds / 60, seconds % 60);
    else
        snprintf(text, size, "%" PRId64 " h %02" PRId64 " min", seconds / 3600, seconds % 3600 / 60);
}

bool reporter_wants_users(const struct reporter *reporter)
{
    return reporter->options.json;
}

/* Takes the event. A closed standard output must not lose anything: its failure is not looked at. */
static void write_event(struct reporter *reporter, json_t *event)
{
    if (event == NULL)
        return;
    json_dumpf(event, reporter->options.out, JSON_COMPACT | JSON_ENSURE_ASCII);
    fputc('\n', reporter->options.out);
    json_decref(event);
}

static json_t *text_or_null(const char *text)
{
    return text != NULL && text[0] != '\0' ? json_string(text) : json_null();
}

void reporter_started(struct reporter *reporter, int64_t run, const char *job, uint64_t users)
{
    if (!reporter->options.json)
        return;
    write_event(reporter, json_pack("{s:s, s:I, s:s, s:I}", "event", "run_started", "run", (json_int_t)run, "job", job,
                                    "users", (json_int_t)users));
    fflush(reporter->options.out);
}

void reporter_user(struct reporter *reporter, const struct user_event *event)
{
    if (!reporter->options.json)
        return;
    write_event(reporter,
                json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:i, s:i}", "event", event->event, "key", event->key,
                          "action", event->action, "identity_id", text_or_null(event->identity), "code",
                          text_or_null(event->code), "message", text_or_null(event->message), "request_id",
                          text_or_null(event->request_id), "attempt", (int)event->attempt, "status", event->status));
}

static void update_rate(struct reporter *reporter, const struct progress *progress)
{
    const uint64_t ended = progress->done + progress->failed;
    const int64_t passed_ms = progress->elapsed_ms - reporter->rate_at_ms;

    if (passed_ms < 500)
        return;
    const double now = (double)(ended - reporter->rate_done) * 1000.0 / (double)passed_ms;
    reporter->rate = reporter->rate_at_ms == 0 ? now : 0.6 * reporter->rate + 0.4 * now;
    reporter->rate_done = ended;
    reporter->rate_at_ms = progress->elapsed_ms;
}

/* What is left at the speed so far, but not less than the quotas allow. The wait that goes on is not taken for
 * slowness: else what is left would grow with it. */
static int64_t time_left_ms(const struct reporter *reporter, const struct progress *progress)
{
    const uint64_t ended = progress->done + progress->failed;
    const int64_t took_ms = progress->waiting_for != NULL ? reporter->ended_at_ms : progress->elapsed_ms;

    if (ended == 0)
        return progress->least_ms > 0 ? progress->least_ms : -1;
    const int64_t by_speed = (int64_t)((double)(progress->users - ended) * (double)took_ms / (double)ended);
    int64_t left = progress->least_ms - progress->elapsed_ms;

    if (by_speed > left)
        left = by_speed;
    if (progress->waiting_ms > left)
        left = progress->waiting_ms;
    return ended >= progress->users ? 0 : left;
}

static void format_progress(const struct reporter *reporter, const struct progress *progress, char line[LINE_SIZE])
{
    char left[32] = "";
    char failed[48] = "";
    char throttled[48] = "";
    char waiting[96] = "";
    const int64_t left_ms = time_left_ms(reporter, progress);

    if (left_ms >= 0) {
        char text[24];
        duration_text(left_ms, text, sizeof text);
        snprintf(left, sizeof left, ", %s left", text);
    }
    if (progress->failed > 0)
        snprintf(failed, sizeof failed, ", %" PRIu64 " failed", progress->failed);
    if (progress->throttled > 0)
        snprintf(throttled, sizeof throttled, ", %" PRIu64 " throttled", progress->throttled);
    if (progress->waiting_for != NULL)
        snprintf(waiting, sizeof waiting, " (%s)", progress->waiting_for);
    snprintf(line, LINE_SIZE, "%" PRIu64 "/%" PRIu64 " done%s, %.0f/s%s%s%s", progress->done, progress->users, failed,
             reporter->rate, throttled, left, waiting);
}

void reporter_progress(struct reporter *reporter, const struct progress *progress)
{
    const int64_t every_ms = reporter->options.terminal ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS;
    char line[LINE_SIZE];

    update_rate(reporter, progress);
    if (progress->done + progress->failed > reporter->ended) {
        reporter->ended = progress->done + progress->failed;
        reporter->ended_at_ms = progress->elapsed_ms;
    }
    if (reporter->options.quiet || progress->elapsed_ms - reporter->last_line_ms < every_ms)
        return;
    reporter->last_line_ms = progress->elapsed_ms;
    if (reporter->options.json) {
        write_event(reporter, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "event", "progress", "users",
                                        (json_int_t)progress->users, "done", (json_int_t)progress->done, "failed",
                                        (json_int_t)progress->failed, "throttled", (json_int_t)progress->throttled,
                                        "elapsed_ms", (json_int_t)progress->elapsed_ms));
        fflush(reporter->options.out);
        return;
    }
    format_progress(reporter, progress, line);
    if (!reporter->options.terminal) {
        fprintf(reporter->options.err, "%s\n", line);
    } else {
        /* Cut to the width, so that a narrow terminal does not scroll. */
        fprintf(reporter->options.err, "\r\033[K%.*s", reporter->options.width - 1, line);
        reporter->line_is_open = true;
    }
    fflush(reporter->options.err);
}

static void end_line(struct reporter *reporter)
{
    if (reporter->line_is_open)
        fputs("\r\033[K", reporter->options.err);
    reporter->line_is_open = false;
}

static void event_of_end(struct reporter *reporter, const struct run_summary *summary)
{
    json_t *event = json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "event", "run_ended",
                              "run", (json_int_t)summary->run, "state", summary->state, "users",
                              (json_int_t)summary->users, "done", (json_int_t)summary->done_users, "failed",
                              (json_int_t)summary->failed, "lost", (json_int_t)summary->lost, "left",
                              (json_int_t)summary->left, "throttled", (json_int_t)summary->throttled, "retried",
                              (json_int_t)summary->retried, "in_doubt", (json_int_t)summary->in_doubt, "requests",
                              (json_int_t)summary->requests, "elapsed_ms", (json_int_t)summary->elapsed_ms);

    for (int action = 0; event != NULL && action < ACTION_COUNT; action++)
        json_object_set_new(event, action_name((enum action)action), json_integer((json_int_t)summary->done[action]));
    write_event(reporter, event);
    fflush(reporter->options.out);
}

static void print_actions(FILE *err, const struct run_summary *summary)
{
    static const char *const words[ACTION_COUNT] = {"provisioned", "issued", "revoked", "deleted"};
    const char *separator = "";

    for (int action = 0; action < ACTION_COUNT; action++) {
        if (summary->done[action] == 0)
            continue;
        fprintf(err, "%s%" PRIu64 " %s", separator, summary->done[action], words[action]);
        separator = ", ";
    }
    if (separator[0] == '\0')
        fputs("nothing done", err);
}

static void print_learnt(FILE *err, const struct run_summary *summary)
{
    char window[32];

    for (int action = 0; action < ACTION_COUNT; action++) {
        if (summary->learnt[action].limit == 0)
            continue;
        duration_text(summary->learnt[action].window_ms, window, sizeof window);
        fprintf(err,
                "  the service allowed about %u %s requests in %s, the spec says %u; set engine.quotas to what it "
                "allows\n",
                (unsigned)summary->learnt[action].limit, action_name((enum action)action), window,
                (unsigned)summary->learnt[action].count);
    }
}

static void print_path(FILE *err, const char *what, const char *path)
{
    if (path != NULL)
        fprintf(err, "  %-9s %s\n", what, path);
}

static void print_summary(struct reporter *reporter, const struct run_summary *summary)
{
    FILE *err = reporter->options.err;
    const bool good = summary->failed == 0 && summary->left == 0 && summary->lost == 0;
    const char *color = !reporter->options.color ? "" : good ? "\033[32m" : "\033[33m";
    char took[32];

    duration_text(summary->elapsed_ms, took, sizeof took);
    fprintf(err, "%srun %" PRId64 " %s%s: ", color, summary->run, summary->state,
            reporter->options.color ? "\033[0m" : "");
    print_actions(err, summary);
    fprintf(err, " in %s\n", took);
    if (summary->failed > 0)
        fprintf(err, "  %" PRIu64 " failed%s%s\n", summary->failed, summary->failures != NULL ? ": see " : "",
                summary->failures != NULL ? summary->failures : "");
    if (summary->lost > 0)
        fprintf(err, "  %" PRIu64 " lost: the service does not know their identities any more\n", summary->lost);
    if (summary->left > 0)
        fprintf(err, "  %" PRIu64 " left for the next run\n", summary->left);
    if (summary->throttled > 0 || summary->retried > 0)
        fprintf(err, "  %" PRIu64 " requests, %" PRIu64 " throttled, %" PRIu64 " repeated\n", summary->requests,
                summary->throttled, summary->retried);
    print_learnt(err, summary);
    if (summary->in_doubt > 0)
        fprintf(err,
                "  %" PRIu64 " creates in doubt: there may be identities that nobody knows; `rollcall status` lists "
                "them\n",
                summary->in_doubt);
    print_path(err, "mapping", summary->mapping);
    print_path(err, "tokens", summary->tokens);
    fflush(err);
}

void reporter_ended(struct reporter *reporter, const struct run_summary *summary)
{
    end_line(reporter);
    if (reporter->options.json)
        event_of_end(reporter, summary);
    else if (!reporter->options.quiet)
        print_summary(reporter, summary);
}
