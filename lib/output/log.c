#include "output/log.h"

#include "core/text.h"
#include "output/json_out.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const formats[] = {[LOG_TEXT] = "text", [LOG_JSON] = "json", [LOG_JOURNALD] = "journald"};

static const struct {
    const char *name;
    int priority; /* of syslog(3) */
} levels[] = {
    [LEVEL_ERROR] = {"error", 3},
    [LEVEL_WARNING] = {"warning", 4},
    [LEVEL_INFO] = {"info", 6},
    [LEVEL_DEBUG] = {"debug", 7},
};

bool log_format_parse(const char *name, enum log_format *format)
{
    for (size_t i = LOG_TEXT; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i], name) == 0) {
            *format = (enum log_format)i;
            return true;
        }
    }
    return false;
}

bool log_level_parse(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (strcmp(levels[i].name, name) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_wants(const struct log *log, enum log_level level)
{
    return log->format != LOG_FOR_PEOPLE && level <= log->level;
}

/* A member that is said elsewhere in the line. */
static bool is_said(const char *name)
{
    return strcmp(name, "event") == 0 || strcmp(name, "run") == 0;
}

static bool is_plain(const char *text)
{
    return text[0] != '\0' && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                           "_.:@/+-") == strlen(text);
}

static void write_text(const struct log *log, const json_t *event)
{
    const char *name;
    json_t *value;

    fprintf(log->stream, "run=%" PRId64 " %s", log->run, json_string_value(json_object_get(event, "event")));
    json_object_foreach((json_t *)event, name, value)
    {
        if (is_said(name) || json_is_null(value))
            continue;
        fprintf(log->stream, " %s=", name);
        if (json_is_string(value) && is_plain(json_string_value(value)))
            fputs(json_string_value(value), log->stream);
        else
            json_dumpf(value, log->stream, JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_COMPACT);
    }
    fputc('\n', log->stream);
}

static void write_json(const struct log *log, enum log_level level, const char *time, const json_t *event)
{
    json_t *line = json_pack("{s:s, s:s, s:I}", "time", time, "level", levels[level].name, "run", (json_int_t)log->run);

    struct error ignored;

    if (line != NULL && json_object_update_missing(line, (json_t *)event) == 0)
        json_out_print(log->stream, line, JSON_COMPACT | JSON_ENSURE_ASCII, &ignored);
    else
        json_decref(line);
}

void log_event(const struct log *log, enum log_level level, const json_t *event)
{
    char time[TIME_TEXT_SIZE];

    if (event == NULL || !log_wants(log, level))
        return;
    time_format_rfc3339_ms(clock_wall_ms(log->clock), time);
    flockfile(log->stream);
    if (log->format == LOG_JSON) {
        write_json(log, level, time, event);
    } else {
        if (log->format == LOG_TEXT)
            fprintf(log->stream, "%s %s ", time, levels[level].name);
        else
            fprintf(log->stream, "<%d>", levels[level].priority);
        write_text(log, event);
    }
    fflush(log->stream);
    funlockfile(log->stream);
}

static void log_message(const struct log *log, enum log_level level, const char *name, const char *place,
                        const char *message, const char *hint)
{
    json_t *event = json_pack("{s:s, s:s*, s:s, s:s*}", "event", name, "place", place, "message", message, "hint",
                              hint != NULL && hint[0] != '\0' ? hint : NULL);

    log_event(log, level, event);
    json_decref(event);
}

/* Paths, keys and options are quoted in errors, and may hold anything: what is no UTF-8 would be no event at all. */
void log_error(const struct log *log, enum log_level level, const struct error *error)
{
    struct error shown = {.code = error->code};

    text_print(error->message, shown.message, sizeof shown.message);
    text_print(error->hint, shown.hint, sizeof shown.hint);
    if (log->last != NULL && level == LEVEL_ERROR)
        *log->last = shown;
    if (log->format != LOG_FOR_PEOPLE) {
        log_message(log, level, level == LEVEL_ERROR ? "error" : "warning", NULL, shown.message, shown.hint);
        return;
    }
    fprintf(log->stream, "rollcall: %s\n", shown.message);
    if (shown.hint[0] != '\0')
        fprintf(log->stream, "  hint: %s\n", shown.hint);
}

void log_problems(const struct log *log, struct problems *problems)
{
    char text[PROBLEM_PLACE_SIZE];

    problems_sort(problems);
    if (log->last != NULL && problems->count > 0)
        error_set(log->last, ERROR_INPUT, "%s: %s", problem_place(problems, &problems->list[0], text),
                  problems->list[0].message);
    if (log->format == LOG_FOR_PEOPLE) {
        problems_print(problems, log->stream);
        return;
    }
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->list[i];
        log_message(log, LEVEL_ERROR, "problem", problem_place(problems, problem, text), problem->message,
                    problem->hint);
    }
    if (problems->total > problems->count) {
        snprintf(text, sizeof text, "and %" PRIu64 " more of these", problems->total - (uint64_t)problems->count);
        log_message(log, LEVEL_ERROR, "problem", problems->file, text, NULL);
    }
}
