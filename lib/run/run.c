#include "run/run.h"

#include "core/file.h"
#include "output/mapping.h"
#include "run/engine.h"
#include "run/places.h"

#include <stdlib.h>
#include <string.h>

enum { RESERVE_PER_REQUEST = 64 * 1024 }; /* four tasks for each of them, some pages of the ledger each */

struct run {
    const struct run_input *input;
    struct engine engine;
    struct recorder recorder;
    struct run_record record;
    struct resource_summary resources[SPEC_RESOURCES_MAX];
    int64_t *places; /* what the ledger calls the spec's resources */
    int64_t started_us;
    bool wrote_mapping;
};

/* --- before the first request --- */

size_t run_reserve_bytes(const struct spec *spec)
{
    return spec->resource_count * spec->engine.concurrency * RESERVE_PER_REQUEST;
}

static bool clear_returned(const struct plan *plan, struct ledger *ledger, struct error *error)
{
    for (size_t i = 0; i < plan->returned_count; i++)
        if (!ledger_mark_removed(ledger, plan->returned[i], 0, error))
            return false;
    return true;
}

bool run_refused(const struct plan *plan, struct ledger *ledger, struct error *error)
{
    /* Between two rosters nothing but the mark tells who is still to be removed. */
    if (plan->returned_count == 0 || plan->spec->roster.previous != NULL)
        return true;
    if (!ledger_begin(ledger, error))
        return false;
    if (clear_returned(plan, ledger, error) && ledger_commit(ledger, error))
        return true;
    ledger_rollback(ledger);
    return false;
}

/* What was found out while planning and needs no request. */
static bool write_marks(const struct run *run, int64_t now_s, struct error *error)
{
    const struct plan *plan = run->input->plan;
    struct ledger *ledger = run->input->ledger;

    if (!clear_returned(plan, ledger, error))
        return false;
    for (size_t i = 0; i < plan->removed_count; i++)
        if (plan->removed[i].marks && !ledger_mark_removed(ledger, plan->removed[i].row, now_s, error))
            return false;
    return true;
}

/* Columns that are watched from now on: their values today are what later ones are compared with. */
static bool adopt_watch(struct ledger *ledger, const struct plan_user *user, struct error *error)
{
    struct identity identity;
    struct buffer watch;

    if (!ledger_find(ledger, user->row->key.bytes, user->row->key.length, &identity, error))
        return error->code == ERROR_NONE;
    buffer_init(&watch, ROSTER_WATCH_MAX);
    roster_watch_merge(user->row->watch, identity.watch, &watch);
    const bool ok = buffer_failed(&watch) ? buffer_error(&watch, "the watched columns of a user", error)
                                          : ledger_adopt_watch(ledger, identity.row, watch.data, watch.length, error);
    buffer_clear(&watch);
    return ok;
}

static bool write_user(void *context, const struct plan_user *user, struct error *error)
{
    struct ledger *ledger = context;

    if (user->adopts && !adopt_watch(ledger, user, error))
        return false;
    return user->reason != REASON_REISSUE || !user->acts ||
           ledger_mark_stale(ledger, user->row->key.bytes, user->row->key.length, error);
}

/* What only some runs have to say of users of the roster. */
static bool write_users(const struct run *run, struct error *error)
{
    const struct plan *plan = run->input->plan;
    const struct plan_visitor visitor = {.user = write_user, .context = run->input->ledger};

    return (plan->adopting == 0 && !plan->options.reissue_all) ||
           plan_each(plan, run->input->roster_fd, &visitor, error);
}

/* Everything before the first request is one transaction: a run that cannot begin has changed nothing. */
static bool write_beginning(struct run *run, struct error *error)
{
    struct ledger *ledger = run->input->ledger;
    const int64_t now_ms = clock_wall_ms(run->input->clock);

    if (!ledger_begin(ledger, error))
        return false;
    run->places = places_bind(run->input->spec, run->input->addresses, ledger, error);
    if (run->places != NULL && ledger_run_begin(ledger, &run->record, error) &&
        (run->input->sinks == NULL || sinks_begin(run->input->sinks, ledger, run->record.id, error)) &&
        ledger_settle_tasks(ledger, run->record.id, now_ms, error) && write_marks(run, now_ms / 1000, error) &&
        write_users(run, error) && ledger_commit(ledger, error))
        return true;
    ledger_rollback(ledger);
    return false;
}

static bool begin(struct run *run, struct error *error)
{
    const struct run_input *input = run->input;

    run->started_us = clock_monotonic_us(input->clock);
    run->record = (struct run_record){
        .started_at_ms = clock_wall_ms(input->clock),
        .job = input->spec->name,
        .operator_name = input->operator_name,
        /* Where the roster need not be the whole company the next run must not be compared with it. */
        .roster_rows = input->plan->options.only == NULL && !input->plan->is_failures ? input->plan->roster_users : 0,
        .users = input->plan->users,
    };
    memcpy(run->record.categories, input->plan->categories, sizeof run->record.categories);
    return (input->plan->users == 0 || ledger_reserve(input->ledger, run_reserve_bytes(input->spec), error)) &&
           write_beginning(run, error);
}

/* --- after the last answer --- */

static enum run_state end_state(const struct run *run, bool finished)
{
    if (finished)
        return run->recorder.failed + run->recorder.undelivered > 0 ? RUN_FAILED : RUN_DONE;
    return engine_stop(&run->engine) == STOP_SIGNAL ? RUN_INTERRUPTED : RUN_STOPPED;
}

static bool write_outputs(struct run *run, struct error *error)
{
    const struct run_input *input = run->input;
    const struct spec *spec = input->spec;
    const struct mapping_options mapping = mapping_options_of(spec);
    struct failures *failures = run->recorder.failures;
    bool ok = true;

    run->recorder.failures = NULL;
    /* What the ledger could not take must not show in a file: the next run brings journal and ledger together. */
    if (run->recorder.ok && input->sinks != NULL)
        ok = sinks_finish(input->sinks, input->ledger, error);
    if (failures != NULL && ok)
        ok = failures_commit(failures, error);
    else
        failures_discard(failures);
    if (spec->outputs.mapping != NULL && ok)
        ok = run->wrote_mapping = mapping_update(input->ledger, &mapping, spec->outputs.mapping, error);
    ledger_use_reserve(input->ledger); /* for the end of the run */
    return ok;
}

static void add_site(const struct site *site, struct run_summary *summary)
{
    struct resource_summary *resource = &summary->resources[summary->resource_count];

    if (site->executor == NULL)
        return;
    *resource = (struct resource_summary){.name = site->resource->name,
                                          .failed = site->failed,
                                          .requests = atomic_load(&site->requests),
                                          .throttled = atomic_load(&site->throttled),
                                          .retried = atomic_load(&site->retried),
                                          .stopped = site->end.stop > STOP_SIGNAL ? site->end.error.message : ""};
    memcpy(resource->done, site->done, sizeof resource->done);
    for (int action = 0; action < ACTION_COUNT; action++) {
        const struct quota *quota = &site->resource->quotas[action];
        if (site->end.least[action] == 0 || site->end.least[action] == quota->count)
            continue;
        resource->learnt[action].limit = site->end.least[action];
        resource->learnt[action].count = quota->count;
        resource->learnt[action].window_ms = quota->window_ms;
    }
    summary->resource_count++;
    summary->throttled += resource->throttled;
    summary->retried += resource->retried;
    summary->requests += resource->requests;
}

static void fill_summary(struct run *run, enum run_state state, const struct error *fault, struct run_summary *summary)
{
    const struct recorder *recorder = &run->recorder;
    const struct spec *spec = run->input->spec;
    const uint64_t ended = recorder->done_users + recorder->failed;
    uint64_t in_doubt;
    struct error ignored;

    /* A ledger that cannot be read has ended the run, and what this one saw is all that can be told. */
    if (!ledger_count_in_doubt(run->input->ledger, run->record.id, &in_doubt, &ignored))
        in_doubt = recorder->in_doubt;
    *summary = (struct run_summary){
        .run = run->record.id,
        .state = run_state_name(state),
        .elapsed_ms = (clock_monotonic_us(run->input->clock) - run->started_us) / 1000,
        .users = run->input->plan->users,
        .done_users = recorder->done_users,
        .failed = recorder->failed,
        .lost = recorder->lost,
        .lost_before = spec->rules.lost.count == 0 ? run->input->plan->categories[CATEGORY_LOST] : 0,
        .left = run->input->plan->users - ended,
        .in_doubt = in_doubt,
        .mapping = run->wrote_mapping ? spec->outputs.mapping : NULL,
        .undelivered = recorder->undelivered,
        .sink_count = run->input->sinks != NULL ? sinks_count(run->input->sinks) : 0,
        .failures = spec->outputs.failures,
        .resources = run->resources,
        .reason = fault->code != ERROR_NONE ? fault->message : NULL,
    };
    memcpy(summary->done, recorder->done, sizeof summary->done);
    for (size_t i = 0; i < summary->sink_count; i++)
        summary->sinks[i] = sinks_report(run->input->sinks, i);
    for (size_t i = 0; run->engine.sites != NULL && i < spec->resource_count; i++)
        add_site(&run->engine.sites[i], summary);
}

/* `fault`: what stopped it; ERROR_NONE when nothing did. */
static bool write_end(const struct run *run, enum run_state state, const struct run_summary *summary,
                      const struct error *fault, struct error *error)
{
    struct run_record record = run->record;
    char reason[sizeof fault->message + sizeof fault->hint + 2] = "";

    if (fault->code != ERROR_NONE)
        snprintf(reason, sizeof reason, "%s%s%s", fault->message, fault->hint[0] != '\0' ? "; " : "", fault->hint);
    record.ended_at_ms = clock_wall_ms(run->input->clock);
    record.state = state;
    memcpy(record.done, summary->done, sizeof record.done);
    record.failed = summary->failed;
    record.left = summary->left;
    record.in_doubt = summary->in_doubt;
    record.throttled = summary->throttled;
    record.reason = reason;
    return ledger_run_end(run->input->ledger, &record, error);
}

/* The header of the failures file is the roster's, which only reading it tells. */
static bool open_failures_at_header(void *context, const struct roster_header *header, struct error *error)
{
    struct run *run = context;
    const struct spec *spec = run->input->spec;
    const struct csv_style style = {.delimiter = spec->roster.delimiter,
                                    .escape_formulas = spec->outputs.escape_formulas};

    run->recorder.failures = failures_open(spec->outputs.failures, &style, header, error);
    if (run->recorder.failures != NULL)
        error->code = ERROR_NONE;
    return false;
}

static bool open_failures(struct run *run, struct error *error)
{
    const struct roster_visitor visitor = {.header = open_failures_at_header, .context = run};
    struct roster_options options;
    struct roster_summary summary;
    struct problems problems;

    if (run->input->spec->outputs.failures == NULL)
        return true;
    if (!problems_init(&problems, run->input->spec->roster.csv, error))
        return false;
    if (plan_roster_options(run->input->spec, problems.file, run->input->roster_fd, &options, error)) {
        roster_read(&options, &visitor, &problems, &summary, error);
        plan_roster_options_clear(&options);
    }
    problems_clear(&problems);
    return run->recorder.failures != NULL;
}

/* Only the end writes the mapping: whether that will be possible shows before the first request. */
static bool check_mapping_place(const struct run_input *input, struct error *error)
{
    const char *mapping = input->spec->outputs.mapping;

    return mapping == NULL || atomic_file_check(mapping, MAPPING_MODE, error);
}

/* A run without users has no tokens: it does not depend on a database. */
static bool connect_sinks(const struct run_input *input, struct error *error)
{
    return input->sinks == NULL || input->plan->users == 0 || sinks_connect(input->sinks, error);
}

static bool open_deliverer(struct run *run, struct error *error)
{
    struct sinks *sinks = run->input->sinks;
    const size_t tasks = engine_tasks_max(run->input->spec) * run->input->spec->resource_count;

    if (sinks == NULL || !sinks_have_others(sinks))
        return true;
    run->recorder.deliverer = deliverer_new(sinks, UNDELIVERED_MAX + tasks, error);
    return run->recorder.deliverer != NULL;
}

bool run_execute(const struct run_input *input, struct run_summary *summary, struct error *error)
{
    struct run run = {.input = input};
    struct error end_error;
    bool finished = true;

    run.recorder = (struct recorder){
        .engine = &run.engine,
        .ledger = input->ledger,
        .sinks = input->sinks,
        .reporter = input->reporter,
        .users = input->plan->users,
        .started_us = clock_monotonic_us(input->clock),
        .ok = true,
    };
    if (!open_failures(&run, error) || !check_mapping_place(input, error) || !connect_sinks(input, error) ||
        !begin(&run, error)) {
        failures_discard(run.recorder.failures);
        free(run.places);
        return false;
    }
    reporter_started(input->reporter, run.record.id, input->spec->name, input->plan->users);
    error->code = ERROR_NONE;
    if (input->plan->users > 0)
        finished = engine_open(&run.engine, input, run.record.id, run.places, error) && open_deliverer(&run, error) &&
                   engine_run(&run.engine, &run.recorder, error);
    deliverer_free(run.recorder.deliverer);
    const bool written = write_outputs(&run, &end_error);
    const enum run_state state = end_state(&run, finished && written);
    const struct error *fault = error->code != ERROR_NONE || written ? error : &end_error;
    fill_summary(&run, state, fault, summary);
    const bool ended = write_end(&run, state, summary, fault, written ? &end_error : &(struct error){0});
    reporter_ended(input->reporter, summary);
    summary->resources = NULL;
    engine_close(&run.engine);
    free(run.places);
    if (error->code == ERROR_NONE && !(written && ended)) {
        *error = end_error;
        error->code = ERROR_SYSTEM; /* whatever is wrong with a file by now: requests were sent */
    }
    return finished && written && ended;
}
