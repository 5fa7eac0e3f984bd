/* log.h - what is said on standard error as lines for machines: --log text, json or journald.
 *
 * An event is made once, as a JSON object whose member "event" names it, and written in the format that was asked for;
 * every line has its level and the number of the run.  Nothing here knows a secret.
 */
#ifndef ROLLCALL_OUTPUT_LOG_H
#define ROLLCALL_OUTPUT_LOG_H

#include "core/clock.h"
#include "core/error.h"
#include "core/problems.h"

#include <jansson.h>
#include <stdio.h>

enum log_format {
    LOG_FOR_PEOPLE, /* no log: sentences, hints and a progress line */
    LOG_TEXT,       /* time, level, name=value */
    LOG_JSON,       /* one object a line */
    LOG_JOURNALD,   /* as text, with the level as systemd reads it (sd-daemon(3)) and without the time */
};

enum log_level { LEVEL_ERROR, LEVEL_WARNING, LEVEL_INFO, LEVEL_DEBUG };

struct log {
    enum log_format format;
    enum log_level level; /* what is less important is not written */
    FILE *stream;
    const struct clock *clock;
    int64_t run;        /* 0 before it has a number */
    struct error *last; /* gets the last error that was said, of several problems the first one; NULL: nobody asks */
};

/* "text", "json", "journald"; "error", "warning", "info", "debug". */
bool log_format_parse(const char *name, enum log_format *format);
bool log_level_parse(const char *name, enum log_level *level);

/* Is such an event written at all? */
bool log_wants(const struct log *log, enum log_level level);
/* The event stays the caller's; NULL (no memory) writes nothing. */
void log_event(const struct log *log, enum log_level level, const json_t *event);
/* In every format, "rollcall: message" and a hint for people. */
void log_error(const struct log *log, enum log_level level, const struct error *error);
void log_problems(const struct log *log, struct problems *problems);

#endif
