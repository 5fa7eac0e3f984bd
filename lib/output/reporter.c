#include "output/reporter.h"

#include "core/text.h"
#include "output/json_out.h"

#include <inttypes.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { EVENT_FLAGS = JSON_COMPACT | JSON_ENSURE_ASCII };

enum { TERMINAL_EVERY_MS = 200, PLAIN_FIRST_MS = 1000, PLAIN_EVERY_MS = 5000, LINE_CAP = 16 * 1024 };

struct reporter {
    struct reporter_options options;
    struct pace pace;
    struct progress_style style;
    char label[80];
    struct buffer line;
    int64_t last_line_ms; /* elapsed time of the run */
    bool line_is_open;    /* a progress line stands on the terminal */
    bool logs;            /* events go to a log, and people get nothing */
    char waiting_for[64]; /* what the log was told last */
};

/* The terminal's width as it is now; `otherwise` where it does not say. */
static int width_of(FILE *stream, int otherwise)
{
    struct winsize size = {0};

    return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : otherwise;
}

/* Does the user's locale write UTF-8? */
static bool writes_utf8(void)
{
    const locale_t locale = newlocale(LC_CTYPE_MASK, "", NULL);

    if (locale == NULL)
        return false;
    const bool utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    freelocale(locale);
    return utf8;
}

void reporter_look_at(FILE *stream, struct reporter_options *options)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    options->terminal = isatty(fileno(stream)) == 1 && (term == NULL || strcmp(term, "dumb") != 0);
    options->color = options->terminal && (no_color == NULL || no_color[0] == '\0');
    options->lines = writes_utf8();
    options->width = 80;
}

struct reporter *reporter_new(const struct reporter_options *options, struct error *error)
{
    struct reporter *reporter = calloc(1, sizeof *reporter);

    if (reporter == NULL) {
        error_no_memory(error);
        return NULL;
    }
    reporter->options = *options;
    reporter->logs = options->log != NULL && options->log->format != LOG_FOR_PEOPLE;
    reporter->options.terminal = options->terminal && !reporter->logs;
    reporter->style = (struct progress_style){
        .label = reporter->label,
        .color = options->color,
        .lines = options->lines,
        .utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL),
    };
    buffer_init(&reporter->line, LINE_CAP);
    reporter->last_line_ms = reporter->options.terminal ? 0 : PLAIN_FIRST_MS - PLAIN_EVERY_MS;
    if (reporter->style.utf8 != NULL)
        return reporter;
    error_no_memory(error);
    reporter_free(reporter);
    return NULL;
}

void reporter_free(struct reporter *reporter)
{
    if (reporter == NULL)
        return;
    if (reporter->style.utf8 != NULL)
        freelocale(reporter->style.utf8);
    buffer_clear(&reporter->line);
    free(reporter);
}

bool reporter_wants_users(const struct reporter *reporter)
{
    return reporter->options.json || reporter->logs;
}

static bool wants(const struct reporter *reporter, enum log_level level)
{
    return reporter->options.json || (reporter->logs && log_wants(reporter->options.log, level));
}

/* Takes the event. Neither a closed standard output nor want of memory here must lose anything else. */
static void write_event(struct reporter *reporter, enum log_level level, json_t *event)
{
    struct error ignored;

    if (reporter->logs)
        log_event(reporter->options.log, level, event);
    if (reporter->options.json)
        json_out_print(reporter->options.out, event, EVENT_FLAGS, &ignored);
    else
        json_decref(event);
}

void reporter_started(struct reporter *reporter, int64_t run, const char *job, uint64_t users)
{
    snprintf(reporter->label, sizeof reporter->label, "%s", job);
    if (reporter->options.log != NULL)
        reporter->options.log->run = run;
    if (!wants(reporter, LEVEL_INFO))
        return;
    write_event(reporter, LEVEL_INFO,
                json_pack("{s:s, s:I, s:s, s:I}", "event", "run_started", "run", (json_int_t)run, "job", job, "users",
                          (json_int_t)users));
    fflush(reporter->options.out);
}

void reporter_user(struct reporter *reporter, const struct user_event *event)
{
    const bool usual = strcmp(event->event, "user_done") == 0 || strcmp(event->event, "user_retried") == 0;
    const enum log_level level = usual ? LEVEL_DEBUG : LEVEL_WARNING;

    if (!wants(reporter, level))
        return;
    json_t *line = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:i, s:i}", "event", event->event, "key", event->key,
                             "action", event->action, "identity_id", json_out_text(event->identity), "code",
                             json_out_text(event->code), "message", json_out_text(event->message), "request_id",
                             json_out_text(event->request_id), "attempt", (int)event->attempt, "status", event->status);
    if (event->resource != NULL && event->resource[0] != '\0')
        json_out_member(&line, "resource", json_string(event->resource));
    write_event(reporter, level, line);
}

/* One write, which rewrites the line in place and then wipes what is left of a longer one; so nothing flickers. The
 * cursor goes back to where the line begins: should the terminal be made narrower, and break the line in two, the next
 * one is still written over all of it. */
static void draw(struct reporter *reporter, const struct progress *progress)
{
    struct buffer *line = &reporter->line;

    reporter->style.width = reporter->options.terminal ? width_of(reporter->options.err, reporter->options.width) : 0;
    buffer_reset(line);
    if (reporter->options.terminal)
        buffer_append_text(line, "\r");
    progress_line(line, &reporter->pace, progress, &reporter->style);
    buffer_append_text(line, reporter->options.terminal ? "\033[J\r" : "\n");
    fwrite(line->data, 1, line->length, reporter->options.err);
    fflush(reporter->options.err);
    reporter->line_is_open = reporter->options.terminal;
}

/* The log is told once why nothing moves. */
static void note_wait(struct reporter *reporter, const struct progress *progress)
{
    const char *reason = progress->waiting_for != NULL ? progress->waiting_for : "";

    if (!reporter->logs || strcmp(reporter->waiting_for, reason) == 0)
        return;
    snprintf(reporter->waiting_for, sizeof reporter->waiting_for, "%s", reason);
    if (reason[0] == '\0')
        return;
    json_t *event =
        json_pack("{s:s, s:s, s:I}", "event", "waiting", "reason", reason, "ms", (json_int_t)progress->waiting_ms);
    log_event(reporter->options.log, LEVEL_INFO, event);
    json_decref(event);
}

void reporter_progress(struct reporter *reporter, const struct progress *progress)
{
    const int64_t every_ms = reporter->options.terminal ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS;

    pace_note(&reporter->pace, progress);
    note_wait(reporter, progress);
    if (reporter->options.quiet || progress->elapsed_ms - reporter->last_line_ms < every_ms)
        return;
    reporter->last_line_ms = progress->elapsed_ms;
    if (!reporter->options.json && !reporter->logs) {
        draw(reporter, progress);
        return;
    }
    write_event(reporter, LEVEL_INFO,
                json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "event", "progress", "users", (json_int_t)progress->users,
                          "done", (json_int_t)progress->done, "failed", (json_int_t)progress->failed, "throttled",
                          (json_int_t)progress->throttled, "elapsed_ms", (json_int_t)progress->elapsed_ms));
    fflush(reporter->options.out);
}

static void end_line(struct reporter *reporter)
{
    if (reporter->line_is_open)
        fputs("\r\033[J", reporter->options.err);
    reporter->line_is_open = false;
}

static json_t *resources_of(const struct run_summary *summary)
{
    json_t *list = json_array();

    for (size_t i = 0; i < summary->resource_count; i++) {
        const struct resource_summary *resource = &summary->resources[i];
        json_t *one = json_pack("{s:s, s:I, s:I, s:I, s:I, s:o}", "resource", resource->name, "failed",
                                (json_int_t)resource->failed, "requests", (json_int_t)resource->requests, "throttled",
                                (json_int_t)resource->throttled, "retried", (json_int_t)resource->retried, "stopped",
                                json_out_text(resource->stopped));
        for (int action = 0; action < ACTION_COUNT; action++)
            json_out_member(&one, action_name((enum action)action), json_integer((json_int_t)resource->done[action]));
        json_out_item(&list, one);
    }
    return list;
}

static json_t *sinks_of(const struct run_summary *summary)
{
    json_t *list = json_array();

    for (size_t i = 0; i < summary->sink_count; i++) {
        const struct sink_report *sink = &summary->sinks[i];
        json_out_item(&list, json_pack("{s:s, s:b, s:I, s:I, s:o}", "name", sink->name, "required", sink->required,
                                       "delivered", (json_int_t)sink->delivered, "missed", (json_int_t)sink->missed,
                                       "message", json_out_text(sink->message)));
    }
    return list;
}

/* Where the service allowed less than the spec says. */
static json_t *learnt_of(const struct run_summary *summary)
{
    json_t *list = json_array();

    for (size_t i = 0; i < summary->resource_count; i++) {
        const struct resource_summary *resource = &summary->resources[i];
        for (int action = 0; action < ACTION_COUNT; action++)
            if (resource->learnt[action].limit > 0)
                json_out_item(&list, json_pack("{s:o, s:s, s:I, s:I, s:I}", "resource", json_out_text(resource->name),
                                               "action", action_name((enum action)action), "limit",
                                               (json_int_t)resource->learnt[action].limit, "quota",
                                               (json_int_t)resource->learnt[action].count, "window_ms",
                                               (json_int_t)resource->learnt[action].window_ms));
    }
    return list;
}

static json_t *event_of_end(const struct run_summary *summary)
{
    json_t *event = json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "event", "run_ended",
                              "run", (json_int_t)summary->run, "state", summary->state, "users",
                              (json_int_t)summary->users, "done", (json_int_t)summary->done_users, "failed",
                              (json_int_t)summary->failed, "lost", (json_int_t)summary->lost, "left",
                              (json_int_t)summary->left, "throttled", (json_int_t)summary->throttled, "retried",
                              (json_int_t)summary->retried, "in_doubt", (json_int_t)summary->in_doubt, "requests",
                              (json_int_t)summary->requests, "elapsed_ms", (json_int_t)summary->elapsed_ms);

    json_out_member(&event, "reason", json_out_text(summary->reason));
    for (int action = 0; action < ACTION_COUNT; action++)
        json_out_member(&event, action_name((enum action)action), json_integer((json_int_t)summary->done[action]));
    if (summary->resource_count > 0 && summary->resources[0].name[0] != '\0')
        json_out_member(&event, "resources", resources_of(summary));
    json_out_member(&event, "undelivered", json_integer((json_int_t)summary->undelivered));
    json_out_member(&event, "sinks", sinks_of(summary));
    json_out_member(&event, "learnt", learnt_of(summary));
    return event;
}

static void print_actions(FILE *err, const uint64_t done[ACTION_COUNT], const char *nothing)
{
    const char *separator = "";

    for (int action = 0; action < ACTION_COUNT; action++) {
        if (done[action] == 0)
            continue;
        fprintf(err, "%s%" PRIu64 " %s", separator, done[action], action_past((enum action)action));
        separator = ", ";
    }
    if (separator[0] == '\0')
        fputs(nothing, err);
}

/* One of several resources: its own part of what the run did. */
static void print_resource(FILE *err, const struct resource_summary *resource)
{
    fprintf(err, "  %-9s ", resource->name);
    print_actions(err, resource->done, "nothing done");
    if (resource->failed > 0)
        fprintf(err, ", %" PRIu64 " failed", resource->failed);
    if (resource->stopped[0] != '\0')
        fprintf(err, "; stopped: %s", resource->stopped);
    fputc('\n', err);
}

static void print_learnt(FILE *err, const struct resource_summary *resource)
{
    const bool named = resource->name[0] != '\0';
    char window[32];

    for (int action = 0; action < ACTION_COUNT; action++) {
        if (resource->learnt[action].limit == 0)
            continue;
        duration_text(resource->learnt[action].window_ms, window, sizeof window);
        fprintf(err, "  %s%sthe service allowed about %u %s %s in %s, the spec says %u; set %s to what it allows\n",
                resource->name, named ? ": " : "", (unsigned)resource->learnt[action].limit,
                action_name((enum action)action), text_noun(resource->learnt[action].limit, "request", "requests"),
                window, (unsigned)resource->learnt[action].count, named ? "its quotas" : "engine.quotas");
    }
}

static void print_path(FILE *err, const char *what, const char *path)
{
    if (path != NULL)
        fprintf(err, "  %-9s %s\n", what, path);
}

/* Where tokens did not arrive, and why. */
static void print_missed(FILE *err, const struct run_summary *summary)
{
    for (size_t i = 0; i < summary->sink_count; i++) {
        const struct sink_report *sink = &summary->sinks[i];
        if (sink->message[0] != '\0')
            fprintf(err, "  %" PRIu64 " %s did not reach %s%s: %s\n", sink->missed,
                    text_noun(sink->missed, "token", "tokens"), sink->name,
                    sink->required ? "" : ", which is not required", sink->message);
    }
    if (summary->undelivered > 0)
        fprintf(err, "  %" PRIu64 " %s owed: the next run issues %s again\n", summary->undelivered,
                text_noun(summary->undelivered, "token is", "tokens are"),
                text_noun(summary->undelivered, "it", "them"));
}

static void print_summary(struct reporter *reporter, const struct run_summary *summary)
{
    FILE *err = reporter->options.err;
    const uint64_t lost = summary->lost + summary->lost_before;
    const bool good = summary->failed == 0 && summary->left == 0 && summary->lost == 0;
    const char *color = !reporter->options.color ? "" : good ? "\033[32m" : "\033[33m";
    char took[32];

    duration_text(summary->elapsed_ms, took, sizeof took);
    fprintf(err, "%srun %" PRId64 " %s%s: ", color, summary->run, summary->state,
            reporter->options.color ? "\033[0m" : "");
    print_actions(err, summary->done, summary->users == 0 ? "nothing to do" : "nothing done");
    fprintf(err, " in %s\n", took);
    for (size_t i = 0; i < summary->resource_count; i++)
        if (summary->resources[i].name[0] != '\0')
            print_resource(err, &summary->resources[i]);
    if (summary->failed > 0)
        fprintf(err, "  %" PRIu64 " failed%s%s\n", summary->failed, summary->failures != NULL ? ": see " : "",
                summary->failures != NULL ? summary->failures : "");
    if (lost > 0)
        fprintf(err, "  %" PRIu64 " lost: the service no longer knows the %s; `lost: provision` in rules makes %s\n",
                lost, text_noun(lost, "identity", "identities"), text_noun(lost, "a new one", "new ones"));
    if (summary->left > 0)
        fprintf(err, "  %" PRIu64 " left for the next run\n", summary->left);
    if (summary->throttled > 0 || summary->retried > 0)
        fprintf(err, "  %" PRIu64 " requests, %" PRIu64 " throttled, %" PRIu64 " repeated\n", summary->requests,
                summary->throttled, summary->retried);
    for (size_t i = 0; i < summary->resource_count; i++)
        print_learnt(err, &summary->resources[i]);
    if (summary->in_doubt > 0)
        fprintf(err, "  %" PRIu64 " %s in doubt: maybe identities that nobody knows; see `rollcall status`\n",
                summary->in_doubt, text_noun(summary->in_doubt, "create", "creates"));
    print_path(err, "mapping", summary->mapping);
    for (size_t i = 0; i < summary->sink_count; i++)
        print_path(err, "tokens", summary->sinks[i].shown[0] != '\0' ? summary->sinks[i].shown : NULL);
    print_missed(err, summary);
    fflush(err);
}

/* For others than the readers of our streams. */
static void keep_end(struct buffer *line, const struct run_summary *summary)
{
    struct error ignored;

    if (!json_out_append(line, event_of_end(summary), EVENT_FLAGS, &ignored))
        line->failure = BUFFER_NO_MEMORY;
    buffer_append_char(line, '\n');
}

void reporter_ended(struct reporter *reporter, const struct run_summary *summary)
{
    end_line(reporter);
    if (reporter->options.ended != NULL)
        keep_end(reporter->options.ended, summary);
    if (reporter->options.json || reporter->logs) {
        write_event(reporter, summary->failed + summary->lost + summary->left > 0 ? LEVEL_WARNING : LEVEL_INFO,
                    event_of_end(summary));
        fflush(reporter->options.out);
    } else if (reporter->options.quiet) {
        print_missed(reporter->options.err, summary);
    } else {
        print_summary(reporter, summary);
    }
}
