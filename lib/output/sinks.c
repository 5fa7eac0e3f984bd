#include "output/sinks.h"

#include "core/crash.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* How a sink that is away is asked again: some times at once, later once after each pause, which doubles. */
enum { PAUSE_FIRST_MS = 1000, TRIES = 3, PAUSE_LONG_MS = 30 * 1000, PAUSE_LONGEST_MS = 10 * 60 * 1000 };

struct sink {
    const struct spec_sink *spec;
    const struct sink_kind *kind;
    void *self; /* NULL: not open */
    size_t batch;
    int64_t not_before_us; /* it is away, and not asked until then */
    int64_t pause_ms;      /* before it was asked last; 0: it answered */
    struct error away;     /* why, while it is */
    char shown[SINK_SHOWN_SIZE];
    uint64_t delivered;
    uint64_t missed;
    char message[sizeof((struct error *)NULL)->message];
};

struct sinks {
    const struct spec *spec;
    const struct clock *clock;
    int hurry_fd; /* readable when nobody has time any more */
    size_t count;
    struct sink list[];
};

static const struct sink_kind *const kinds[] = {
    [SINK_CSV] = &sink_token_file,    [SINK_NDJSON] = &sink_token_file, [SINK_COMMAND] = &sink_command,
    [SINK_POSTGRES] = &sink_postgres, [SINK_SQLITE] = &sink_sqlite,
};

/* Says which sink it is about, unless the message does, or it is the ledger that is at fault. */
static bool named(const struct spec *spec, const struct spec_sink *sink, struct error *error)
{
    const bool is_clear = strstr(error->message, sink->name) != NULL || strstr(error->message, spec->ledger) != NULL;

    return !is_clear && error_context(error, "%s", sink->name);
}

/* --- opening and closing --- */

bool sinks_check(const struct spec *spec, struct error *error)
{
    for (size_t i = 0; i < spec->outputs.sink_count; i++) {
        const struct spec_sink *sink = &spec->outputs.sinks[i];
        const struct sink_options options = {.spec = spec, .sink = sink, .only_check = true};
        void *self = kinds[sink->kind]->open(&options, error);
        if (self == NULL)
            return named(spec, sink, error);
        kinds[sink->kind]->close(self);
    }
    return true;
}

static bool open_sink(struct sinks *sinks, struct sink *sink, struct ledger *ledger, struct error *error)
{
    const struct sink_options options = {
        .spec = sinks->spec,
        .sink = sink->spec,
        .ledger = ledger,
        .now_s = clock_wall_ms(sinks->clock) / 1000,
    };

    sink->self = sink->kind->open(&options, error);
    return sink->self != NULL || named(sinks->spec, sink->spec, error);
}

struct sinks *sinks_open(const struct spec *spec, struct ledger *ledger, const struct clock *clock, struct error *error)
{
    const size_t count = spec->outputs.sink_count;
    int64_t last_journal; /* of former runs */
    struct sinks *sinks = calloc(1, sizeof *sinks + count * sizeof sinks->list[0]);

    if (sinks == NULL) {
        error_no_memory(error);
        return NULL;
    }
    sinks->spec = spec;
    sinks->clock = clock;
    sinks->hurry_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (sinks->hurry_fd < 0) {
        error_errno(error, "cannot make an event descriptor");
        goto fail;
    }
    if (!ledger_last_journal(ledger, &last_journal, error))
        goto fail;
    for (size_t i = 0; i < count; i++) {
        struct sink *sink = &sinks->list[sinks->count++];
        sink->spec = &spec->outputs.sinks[i];
        sink->kind = kinds[sink->spec->kind];
        sink->batch = sink->spec->kind == SINK_COMMAND ? sink->spec->batch : SINK_BATCH;
        if (sink->kind->is_file && !open_sink(sinks, sink, ledger, error))
            goto fail;
    }
    /* Those that were killed and wrote their tokens elsewhere, or where nobody can read them. */
    if (!ledger_forget_journals(ledger, last_journal, error))
        goto fail;
    return sinks;
fail:
    sinks_close(sinks);
    return NULL;
}

void sinks_close(struct sinks *sinks)
{
    if (sinks == NULL)
        return;
    for (size_t i = 0; i < sinks->count; i++)
        if (sinks->list[i].self != NULL)
            sinks->list[i].kind->close(sinks->list[i].self);
    if (sinks->hurry_fd >= 0)
        close(sinks->hurry_fd);
    free(sinks);
}

bool sinks_begin(struct sinks *sinks, struct ledger *ledger, int64_t run, struct error *error)
{
    for (size_t i = 0; i < sinks->count; i++) {
        const struct sink *sink = &sinks->list[i];
        if (sink->kind->is_file && !sink->kind->begin(sink->self, ledger, run, error))
            return false;
    }
    return true;
}

/* --- patience --- */

/* False when nobody has time. */
static bool wait_a_while(const struct sinks *sinks, int64_t ms)
{
    struct pollfd hurry = {.fd = sinks->hurry_fd, .events = POLLIN};

    return poll(&hurry, 1, (int)ms) == 0;
}

void sinks_hurry(struct sinks *sinks)
{
    const uint64_t one = 1;

    /* The counter saturating would mean 2^64 calls: nothing to handle. */
    if (write(sinks->hurry_fd, &one, sizeof one) != (ssize_t)sizeof one)
        return;
}

static void note_answer(struct sink *sink)
{
    sink->pause_ms = 0;
    sink->not_before_us = 0;
}

static void note_away(struct sinks *sinks, struct sink *sink, const struct error *why)
{
    sink->away = *why;
    sink->pause_ms = sink->pause_ms == 0 ? PAUSE_LONG_MS : sink->pause_ms * 2;
    if (sink->pause_ms > PAUSE_LONGEST_MS)
        sink->pause_ms = PAUSE_LONGEST_MS;
    sink->not_before_us = clock_monotonic_us(sinks->clock) + sink->pause_ms * 1000;
}

static bool is_to_be_asked(const struct sinks *sinks, const struct sink *sink)
{
    return sink->not_before_us == 0 || clock_monotonic_us(sinks->clock) >= sink->not_before_us;
}

bool sinks_connect(struct sinks *sinks, struct error *error)
{
    for (size_t i = 0; i < sinks->count; i++) {
        struct sink *sink = &sinks->list[i];
        if (sink->self != NULL || open_sink(sinks, sink, NULL, error))
            continue;
        /* A mistake in the spec is one, whoever needs the sink. */
        if (sink->spec->required || error->code != ERROR_SYSTEM)
            return false;
        note_away(sinks, sink, error);
    }
    return true;
}

/* --- delivering --- */

/* Why the first token was missed is what is told in the end. */
static void note_missed(struct sink *sink, size_t count, const struct error *why)
{
    if (sink->missed == 0)
        memcpy(sink->message, why->message, sizeof sink->message);
    sink->missed += count;
}

bool sinks_write(struct sinks *sinks, const struct token *tokens, size_t count, struct error *error)
{
    for (size_t i = 0; count > 0 && i < sinks->count; i++) {
        struct sink *sink = &sinks->list[i];
        if (!sink->kind->is_file)
            continue;
        if (sink->kind->deliver(sink->self, tokens, count, NULL, error) == SINK_ANSWERED) {
            crash_point();
            sink->delivered += count;
            continue;
        }
        note_missed(sink, count, error);
        if (sink->spec->required)
            return false;
    }
    return true;
}

bool sinks_have_others(const struct sinks *sinks)
{
    for (size_t i = 0; i < sinks->count; i++)
        if (!sinks->list[i].kind->is_file)
            return true;
    return false;
}

/* Asks once. */
static enum sink_answer ask(struct sinks *sinks, struct sink *sink, const struct token *tokens, size_t count,
                            bool *refused, struct error *error)
{
    memset(refused, false, count * sizeof *refused);
    if (sink->self == NULL && !open_sink(sinks, sink, NULL, error))
        return SINK_UNAVAILABLE;
    crash_point();
    const enum sink_answer answer = sink->kind->deliver(sink->self, tokens, count, refused, error);
    crash_point();
    return answer;
}

/* Asks until there is an answer, as long as there is time. */
static bool ask_again(struct sinks *sinks, struct sink *sink, const struct token *tokens, size_t count, bool *refused,
                      struct error *error)
{
    const int tries = sink->pause_ms == 0 ? TRIES : 1;
    int64_t pause_ms = PAUSE_FIRST_MS;

    for (int i = 1; is_to_be_asked(sinks, sink); i++) {
        if (ask(sinks, sink, tokens, count, refused, error) == SINK_ANSWERED) {
            note_answer(sink);
            return true;
        }
        if (i >= tries || !wait_a_while(sinks, pause_ms)) {
            note_away(sinks, sink, error);
            return false;
        }
        pause_ms *= 2;
    }
    *error = sink->away;
    return false;
}

/* One sink's share of sinks_deliver(). */
static void deliver_to(struct sinks *sinks, struct sink *sink, const struct token *tokens, size_t count,
                       bool *delivered, struct error *error)
{
    bool refused[SINK_BATCH];
    struct error why = {.code = ERROR_NONE};

    for (size_t from = 0; from < count; from += sink->batch) {
        const size_t part = count - from < sink->batch ? count - from : sink->batch;
        size_t missed = 0;
        if (!ask_again(sinks, sink, tokens + from, part, refused, &why))
            memset(refused, true, part * sizeof *refused);
        for (size_t i = 0; i < part; i++)
            missed += refused[i];
        sink->delivered += part - missed;
        if (missed == 0)
            continue;
        named(sinks->spec, sink->spec, &why);
        note_missed(sink, missed, &why);
        if (!sink->spec->required)
            continue;
        if (error->code == ERROR_NONE)
            *error = why;
        for (size_t i = 0; i < part; i++)
            delivered[from + i] &= !refused[i];
    }
}

void sinks_deliver(struct sinks *sinks, const struct token *tokens, size_t count, bool *delivered, struct error *error)
{
    error->code = ERROR_NONE;
    memset(delivered, true, count * sizeof *delivered);
    for (size_t i = 0; i < sinks->count; i++)
        if (!sinks->list[i].kind->is_file)
            deliver_to(sinks, &sinks->list[i], tokens, count, delivered, error);
}

/* --- the end --- */

void sinks_note_end(struct sinks *sinks)
{
    for (size_t i = 0; i < sinks->count; i++)
        if (sinks->list[i].kind->is_file)
            sinks->list[i].kind->note_end(sinks->list[i].self);
}

bool sinks_finish(struct sinks *sinks, struct ledger *ledger, struct error *error)
{
    struct error why;
    bool ok = true;

    for (size_t i = 0; i < sinks->count; i++) {
        struct sink *sink = &sinks->list[i];
        void *self = sink->self;
        if (!sink->kind->is_file || self == NULL)
            continue;
        sink->self = NULL;
        if (sink->kind->finish(self, ledger, clock_wall_ms(sinks->clock) / 1000, sink->shown, &why))
            continue;
        sink->shown[0] = '\0';
        if (!sink->spec->required) {
            note_missed(sink, 0, &why);
            continue;
        }
        if (ok)
            *error = why;
        ok = false;
    }
    return ok;
}

size_t sinks_count(const struct sinks *sinks)
{
    return sinks->count;
}

struct sink_report sinks_report(const struct sinks *sinks, size_t i)
{
    const struct sink *sink = &sinks->list[i];

    return (struct sink_report){
        .name = sink->spec->name,
        .required = sink->spec->required,
        .is_file = sink->kind->is_file,
        .shown = sink->shown,
        .delivered = sink->delivered,
        .missed = sink->missed,
        .message = sink->message,
    };
}
