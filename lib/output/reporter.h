/* reporter.h - what a run says while it lasts: a progress line, plain lines, or JSON events.
 *
 * People read standard error: one line that is rewritten on a terminal, a plain line every few seconds elsewhere.
 * Programs read standard output: with --json one event a line, whose names and members are stable.  Nothing here ever
 * shows a token or a key of the service.
 */
#ifndef ROLLCALL_OUTPUT_REPORTER_H
#define ROLLCALL_OUTPUT_REPORTER_H

#include "core/action.h"
#include "core/buffer.h"
#include "core/error.h"
#include "output/log.h"
#include "output/sinks.h"
#include "output/progress.h"

#include <stdint.h>
#include <stdio.h>

struct reporter;

struct reporter_options {
    bool quiet; /* no progress, no summary; errors are the caller's */
    bool json;
    FILE *out;            /* events */
    FILE *err;            /* progress and summary */
    struct log *log;      /* events as well, and instead of progress and summary; NULL or LOG_FOR_PEOPLE: neither */
    struct buffer *ended; /* gets the event of the end as --json has it, a line; NULL: nobody asks */
    bool terminal;        /* err is one */
    bool color;
    bool lines; /* it shows line-drawing characters */
    int width;  /* in columns, where it does not say itself */
};

struct user_event {
    const char *event; /* "user_done", "user_failed", "user_undelivered", "user_retried" */
    const char *key;
    const char *action;
    const char *identity;
    const char *resource; /* "" or NULL for that of a job that has only one */
    const char *code;
    const char *message;
    const char *request_id;
    uint32_t attempt;
    int status;
};

/* What became of the plan in one resource. */
struct resource_summary {
    const char *name;    /* "" for that of a job that has only one: what is said of the run is said of it */
    const char *stopped; /* why, before the plan's end; "": it did not, or somebody asked */
    uint64_t done[ACTION_COUNT];
    uint64_t failed;
    uint64_t requests;
    uint64_t throttled;
    uint64_t retried; /* of the requests, those that were not the first of their action */
    /* Where the service allowed less than the spec says: requests of that kind in a window; 0: it did not. */
    struct {
        uint32_t limit;
        uint32_t count;
        uint32_t window_ms;
    } learnt[ACTION_COUNT];
};

struct run_summary {
    int64_t run;
    const char *state;
    int64_t elapsed_ms;
    uint64_t users;
    uint64_t done_users;
    uint64_t done[ACTION_COUNT];
    uint64_t failed;
    uint64_t lost;        /* found to be, of the failed */
    uint64_t lost_before; /* and before this run, which left them as they are */
    uint64_t left;
    uint64_t throttled;
    uint64_t retried;
    uint64_t in_doubt;
    uint64_t requests;
    struct resource_summary *resources; /* those that something was asked of */
    size_t resource_count;
    const char *reason;   /* why the run did not come to its end; NULL: it did, or somebody asked */
    uint64_t undelivered; /* tokens that a required sink does not have; among those left */
    const char *mapping;  /* paths; NULL: not written */
    const char *failures;
    struct sink_report sinks[SPEC_SINKS_MAX]; /* what the tokens' sinks have */
    size_t sink_count;
};

struct reporter *reporter_new(const struct reporter_options *options, struct error *error);
void reporter_free(struct reporter *reporter);

bool reporter_wants_users(const struct reporter *reporter);
void reporter_started(struct reporter *reporter, int64_t run, const char *job, uint64_t users);
void reporter_user(struct reporter *reporter, const struct user_event *event);
/* Call it often: it decides what is worth a line. */
void reporter_progress(struct reporter *reporter, const struct progress *progress);
void reporter_ended(struct reporter *reporter, const struct run_summary *summary);

/* The terminal's facts: is `stream` one, does NO_COLOR forbid colour, does the locale write UTF-8. */
void reporter_look_at(FILE *stream, struct reporter_options *options);

#endif
