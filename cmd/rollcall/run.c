/* rollcall run: carries the plan out. */
#include "job.h"

#include "core/clock.h"
#include "core/file.h"
#include "hooks.h"
#include "http/pool.h"
#include "open_files.h"
#include "output/metrics.h"
#include "output/reporter.h"
#include "output/sinks.h"
#include "run/plan_file.h"
#include "run/run.h"
#include "signals.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EVENT_CAP = 1024 * 1024 };

struct run_arguments {
    struct plan_arguments plan;
    struct plan_allow allow;
    const char *plan_path; /* --plan; NULL: planned now */
    struct plan_file *plan_file;
    bool yes;
    bool dry_run;
    bool quiet;
    bool json;
    bool has_level; /* --log-level was given */
    struct log log;
    struct error last;   /* that was said */
    struct buffer ended; /* the run's last event */
};

static bool ask(const struct plan *plan)
{
    char answer[8] = "";

    fprintf(stderr, "This deletes %" PRIu64 " of %" PRIu64 " identities, which cannot be undone. Go on? [y/N] ",
            plan->requests[ACTION_DELETE], plan->active);
    fflush(stderr);
    return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

/* Where they cannot be written nothing is, and that this run was refused is not tried to be written either. */
static bool check_metrics_place(struct spec *spec, struct error *error)
{
    if (spec->outputs.metrics == NULL || atomic_file_check(spec->outputs.metrics, METRICS_MODE, error))
        return true;
    free(spec->outputs.metrics);
    spec->outputs.metrics = NULL;
    return false;
}

/* The ledger is made only when nothing speaks against the plan: a run that is refused leaves nothing behind. */
static bool make_ledger(struct job *job, struct error *error)
{
    struct ledger_counts counts;

    if (job->ledger != NULL)
        return true;
    job->ledger = ledger_open(job->spec->ledger, LEDGER_RUN, error);
    if (job->ledger == NULL || !ledger_count(job->ledger, 0, &counts, error))
        return false;
    for (int state = 0; state < 4; state++)
        if (counts.by_state[state] > 0) {
            error_set(error, ERROR_BUSY, "another run made the ledger %s meanwhile", job->spec->ledger);
            return error_hint(error, "run again");
        }
    return true;
}

static bool open_sinks(struct job *job, struct error *error)
{
    if (job->spec->outputs.sink_count > 0 && job->sinks == NULL)
        job->sinks = sinks_open(job->spec, job->ledger, &clock_system, error);
    return job->spec->outputs.sink_count == 0 || job->sinks != NULL;
}

static int exit_status(const struct log *log, const struct run_summary *summary, bool finished,
                       const struct error *error, int signal)
{
    if (!finished && error->code != ERROR_NONE)
        return command_log_error(log, error);
    if (signal != 0)
        return 128 + signal;
    return summary->failed > 0 || summary->left > 0 ? 1 : 0;
}

static int carry_out(struct job *job, struct run_arguments *arguments)
{
    struct reporter_options look = {
        .quiet = arguments->quiet,
        .json = arguments->json,
        .out = stdout,
        .err = stderr,
        .log = &arguments->log,
        .ended = job->ended,
    };
    struct signals signals = {0};
    struct run_summary summary = {0};
    struct error error = {.code = ERROR_NONE};
    char operator_text[COMMAND_OPERATOR_SIZE];

    reporter_look_at(stderr, &look);
    struct reporter *reporter = reporter_new(&look, &error);
    if (reporter == NULL || !http_start(&error) || !signals_start(&signals, &error)) {
        reporter_free(reporter);
        return command_log_error(&arguments->log, &error);
    }
    command_operator(operator_text);
    const struct run_input input = {
        .spec = job->spec,
        .addresses = job->addresses,
        .credentials = job->credentials,
        .plan = job->plan,
        .roster_fd = job->roster_fd,
        .ledger = job->ledger,
        .sinks = job->sinks,
        .reporter = reporter,
        .clock = &clock_system,
        .operator_name = operator_text,
        .stop_fd = signals.stop_fd,
    };
    const bool finished = run_execute(&input, &summary, &error);
    const int status = exit_status(&arguments->log, &summary, finished, &error, signals.received);
    signals_stop(&signals);
    http_stop();
    reporter_free(reporter);
    return status;
}

/* Plans now, or makes the saved plan again and checks that it is the same. The exit status. */
static int plan_run(struct job *job, struct run_arguments *arguments)
{
    struct plan_options options = plan_arguments_options(&arguments->plan);
    struct error error;

    if (arguments->plan_path != NULL) {
        arguments->plan_file = plan_file_read(arguments->plan_path, job->spec, &options, &error);
        if (arguments->plan_file == NULL)
            return command_log_error(&arguments->log, &error);
    }
    const int status = job_plan(job, &options);
    if (status == 0 && arguments->plan_file != NULL &&
        !plan_file_check(arguments->plan_file, job->plan, job->ledger, &error))
        return command_log_error(&arguments->log, &error);
    return status;
}

static int run_job(struct job *job, struct run_arguments *arguments)
{
    struct error error = {.code = ERROR_NONE};

    if (ledger_exists(job->spec->ledger)) {
        job->ledger = ledger_open(job->spec->ledger, LEDGER_RUN, &error);
        /* What a killed run left behind decides which tokens were delivered, and so what is to be done. A ledger that
         * knows less than the mapping has no say in that. */
        if (job->ledger == NULL ||
            (!arguments->dry_run && !(job_check_mapping(job, &error) && open_sinks(job, &error))))
            return command_log_error(&arguments->log, &error);
    }
    int status = plan_run(job, arguments);
    if (status == 0 && !job_check(job, &arguments->allow, &error))
        status = command_log_error(&arguments->log, &error);
    if (status == 0 && arguments->dry_run) {
        print_plan(job->plan, stdout);
        return 0;
    }
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): command_error() is never 0 */
    if (status == 0 && job->plan->requests[ACTION_DELETE] > 0 && !arguments->yes && isatty(0) == 1 && !ask(job->plan)) {
        fputs("rollcall: nothing was sent\n", stderr);
        status = error_exit_status(ERROR_LIMIT);
    }
    if (status == 0 && !(check_metrics_place(job->spec, &error) && make_ledger(job, &error) && open_sinks(job, &error)))
        status = command_log_error(&arguments->log, &error);
    if (status == 0)
        return carry_out(job, arguments);
    if (status == error_exit_status(ERROR_LIMIT) && !arguments->dry_run && job->plan != NULL && job->ledger != NULL &&
        !run_refused(job->plan, job->ledger, &error))
        command_log_error(&arguments->log, &error);
    if (job->sinks != NULL && !sinks_finish(job->sinks, job->ledger, &error))
        command_log_error(&arguments->log, &error);
    return status;
}

/* Of a run that was refused as well: an alert must see it. Another run that holds the ledger will write its own. */
static int write_metrics(const struct job *job, int status)
{
    const struct spec *spec = job->spec;
    struct ledger *other = NULL;
    struct error error = {.code = ERROR_NONE};

    if (spec->outputs.metrics == NULL || status == error_exit_status(ERROR_BUSY))
        return status;
    if (job->ledger == NULL && ledger_exists(spec->ledger))
        other = ledger_open(spec->ledger, LEDGER_READ, &error);
    if (error.code == ERROR_NONE && job->ledger != NULL)
        ledger_add_totals(job->ledger, &error);
    /* What is wrong with the ledger ended the run, and was told. */
    const bool is_told = status != 0 && error.code != ERROR_NONE;
    if (error.code == ERROR_NONE)
        metrics_write(spec->outputs.metrics, job->ledger != NULL ? job->ledger : other, spec->name, status,
                      clock_wall_ms(&clock_system), &error);
    ledger_close(other);
    if (error.code == ERROR_NONE || is_told)
        return status;
    command_log_error(job->log, &error);
    return status != 0 ? status : error_exit_status(ERROR_SYSTEM);
}

/* Tells those who were not there. */
static int tell(struct job *job, int status)
{
    const int written = write_metrics(job, status);

    job_let_go(job);
    const int hooked = hooks_run(job, job->ended, written);
    return hooked == written ? written : write_metrics(job, hooked);
}

static int run_spec(const char *path, struct run_arguments *arguments)
{
    struct job job = {.roster_fd = -1, .log = &arguments->log, .ended = &arguments->ended};
    struct error error;
    int status = command_load_logged(&arguments->log, path, SPEC_WITH_SECRETS, &job.spec);

    if (status != 0)
        return status;
    if (!sinks_check(job.spec, &error) || (job.addresses = command_addresses(job.spec, &error)) == NULL ||
        (job.credentials = command_credentials(job.spec, &error)) == NULL ||
        !open_files_fit(job.spec, arguments->quiet ? NULL : &arguments->log, &error)) {
        status = command_log_error(&arguments->log, &error);
    } else {
        status = run_job(&job, arguments);
    }
    if (!arguments->dry_run)
        status = tell(&job, status);
    job_close(&job);
    plan_file_free(arguments->plan_file);
    return status;
}

/* "delete=1200" */
static bool take_allow(struct plan_allow *allow, const char *text)
{
    char *end = NULL;
    const char *equals = strchr(text, '=');
    const size_t length = equals != NULL ? (size_t)(equals - text) : 0;

    errno = 0;
    /* strtoull() would pass over blanks, and take "-1" for the largest number there is. */
    if (equals == NULL || isdigit((unsigned char)equals[1]) == 0)
        goto refuse;
    const uint64_t number = strtoull(equals + 1, &end, 10);
    if (*end != '\0' || errno != 0)
        goto refuse;
    if (length == 6 && strncmp(text, "delete", length) == 0) {
        allow->has_erase = true;
        allow->erase = number;
    } else if (length == 6 && strncmp(text, "revoke", length) == 0) {
        allow->has_revoke = true;
        allow->revoke = number;
    } else if (length == 6 && strncmp(text, "shrink", length) == 0) {
        allow->has_shrink = true;
        allow->shrink = number;
    } else if (length == 5 && strncmp(text, "clock", length) == 0) {
        allow->has_clock = true;
        allow->clock_min = number;
    } else {
        goto refuse;
    }
    return true;
refuse:
    fprintf(stderr, "rollcall: --allow takes delete=N, revoke=N, shrink=N or clock=MINUTES, not \"%s\"\n", text);
    return false;
}

/* --log and --log-level. False after a message. */
static bool take_log(struct run_arguments *arguments, bool is_level, const char *word)
{
    arguments->has_level |= is_level;
    if (is_level ? log_level_parse(word, &arguments->log.level) : log_format_parse(word, &arguments->log.format))
        return true;
    fprintf(stderr,
            is_level ? "rollcall: --log-level takes error, warning, info or debug, not \"%s\"\n"
                     : "rollcall: --log takes text, json or journald, not \"%s\"\n",
            word);
    return false;
}

enum { PLAN = OPTION_OWN, YES, DRY_RUN, ALLOW, QUIET, JSON, LOG, LOG_LEVEL };

static int run(const struct command *command, int argc, char **argv)
{
    struct run_arguments arguments = {.log = {.level = LEVEL_INFO, .stream = stderr, .clock = &clock_system}};
    const char *path;
    int option;
    int status = EXIT_USAGE;

    arguments.log.last = &arguments.last;
    buffer_init(&arguments.ended, EVENT_CAP);
    while ((option = command_next_option(command, argc, argv, &status)) != 0) {
        switch (option) {
        case OPTION_ONLY:
        case OPTION_LIMIT:
        case OPTION_REISSUE_ALL:
            if (!plan_arguments_take(&arguments.plan, option, optarg, &status))
                goto out;
            break;
        case ALLOW:
            if (!take_allow(&arguments.allow, optarg))
                goto out;
            break;
        case YES: arguments.yes = true; break;
        case DRY_RUN: arguments.dry_run = true; break;
        case QUIET: arguments.quiet = true; break;
        case JSON: arguments.json = true; break;
        case LOG:
        case LOG_LEVEL:
            if (!take_log(&arguments, option == LOG_LEVEL, optarg))
                goto out;
            break;
        case PLAN: arguments.plan_path = optarg; break;
        default: goto out;
        }
    }
    if (arguments.plan_path != NULL &&
        (arguments.plan.only.count > 0 || arguments.plan.options.limit > 0 || arguments.plan.options.reissue_all)) {
        fputs("rollcall: --plan carries out a saved plan as it is; give --only, --limit and --reissue-all to "
              "`rollcall plan --out`\n",
              stderr);
        goto out;
    }
    if (arguments.has_level && arguments.log.format == LOG_FOR_PEOPLE)
        arguments.log.format = LOG_TEXT;
    if (arguments.quiet)
        arguments.log.level = LEVEL_ERROR;
    if (command_arguments(command, argc, argv, 1, &path))
        status = command_finish_logged(command, &arguments.log, run_spec(path, &arguments));
out:
    buffer_clear(&arguments.ended);
    plan_arguments_clear(&arguments.plan);
    return status;
}

static const struct command_option options[] = {
    {"plan", "FILE", "carry out a saved plan, if nothing has changed since", PLAN},
    {"yes", NULL, "do not ask before deleting", YES},
    {"dry-run", NULL, "stop before the first request", DRY_RUN},
    PLAN_OPTIONS,
    {"allow", "LIMIT=N",
     "lift limits.delete, revoke or shrink to exactly N for this run; clock: it may be N minutes late", ALLOW},
    {"quiet", NULL, "errors only", QUIET},
    {"json", NULL, "one JSON event a line on standard output", JSON},
    {"log", "text|json|journald", "say on standard error what happens as lines for machines", LOG},
    {"log-level", "error|warning|info|debug", "the least important of them (default info)", LOG_LEVEL},
    {0},
};

const struct command command_run = {
    .name = "run",
    .arguments = "JOB.yaml",
    .summary = "carry the plan out",
    .acts = true,
    .options = options,
    .run = run,
};
