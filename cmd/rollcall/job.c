#include "job.h"

#include "core/text.h"
#include "output/mapping.h"
#include "roster/roster.h"
#include "run/places.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A name that is misspelt protects nobody. It is no fault: one list may serve the jobs of several rosters. */
static void warn_of_unknown(const struct plan *plan, const struct log *log)
{
    struct error warning = {.code = ERROR_NONE};

    error_set(&warning, ERROR_NONE,
              "limits.protect has %zu %s that neither the roster nor the ledger knows, such as \"%s\"",
              plan->unknown_count, text_noun(plan->unknown_count, "key", "keys"), plan->unknown);
    error_hint(&warning, "nobody is protected by it: check how it is written");
    log_error(log, LEVEL_WARNING, &warning);
}

int job_plan(struct job *job, const struct plan_options *options)
{
    const struct log people = command_to_people();
    const struct log *log = job->log != NULL ? job->log : &people;
    struct problems problems = {0};
    struct problems previous = {0};
    struct error error = {.code = ERROR_NONE};
    const char *name = strcmp(job->spec->roster.csv, "-") == 0 ? "standard input" : job->spec->roster.csv;

    job->roster_fd = spec_exchanges(job->spec) ? roster_open_secret(job->spec->roster.csv, &error)
                                               : roster_open(job->spec->roster.csv, &error);
    if (job->roster_fd < 0)
        return command_log_error(log, &error);
    if (problems_init(&problems, name, &error) &&
        problems_init(&previous, job->spec->roster.previous != NULL ? job->spec->roster.previous : "", &error))
        job->plan = plan_make(job->spec, job->roster_fd, job->ledger, options, &problems, &previous, &error);
    int status = 0;
    if (job->plan == NULL && problems.total + previous.total > 0 && error.code != ERROR_SYSTEM) {
        log_problems(log, &problems);
        log_problems(log, &previous);
        status = error_exit_status(ERROR_INPUT);
    } else if (job->plan == NULL) {
        status = command_log_error(log, &error);
    }
    /* `validate` does not look at a ledger that is there. */
    const bool is_known = job->ledger != NULL || !ledger_exists(job->spec->ledger);
    if (job->plan != NULL && job->plan->unknown_count > 0 && is_known &&
        (log == &people || log->level >= LEVEL_WARNING))
        warn_of_unknown(job->plan, log);
    problems_clear(&problems);
    problems_clear(&previous);
    return status;
}

bool job_check_mapping(const struct job *job, struct error *error)
{
    const struct mapping_options mapping = mapping_options_of(job->spec);

    return job->spec->outputs.mapping == NULL ||
           mapping_check(job->ledger, &mapping, job->spec->outputs.mapping, error);
}

bool job_check(const struct job *job, const struct plan_allow *allow, struct error *error)
{
    uint64_t last_users = 0;

    if (job->ledger != NULL) {
        int64_t *places = places_find(job->spec, job->addresses, job->ledger, error);
        const bool ok = places != NULL && ledger_last_roster_rows(job->ledger, job->spec->name, &last_users, error);
        free(places);
        if (!ok)
            return false;
    }
    return job_check_mapping(job, error) && plan_check_limits(job->plan, job->ledger, last_users, allow, error);
}

void job_let_go(struct job *job)
{
    sinks_close(job->sinks);
    ledger_close(job->ledger);
    job->sinks = NULL;
    job->ledger = NULL;
}

void job_close(struct job *job)
{
    plan_free(job->plan);
    job_let_go(job);
    if (job->roster_fd >= 0)
        close(job->roster_fd);
    command_credentials_free(job->spec, job->credentials);
    command_addresses_free(job->spec, job->addresses);
    spec_free(job->spec);
}
