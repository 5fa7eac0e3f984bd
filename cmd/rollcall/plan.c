/* rollcall plan: what a run would do. */
#include "job.h"

#include "core/clock.h"
#include "core/text.h"
#include "output/reporter.h"
#include "plan_json.h"
#include "run/plan_file.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

static void describe_actions(const struct action_list *actions, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < actions->count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "", action_name(actions->items[i]));
    if (actions->count == 0)
        snprintf(text, size, "keep");
}

/* "3 users (3 provision)" */
static void print_users(FILE *stream, uint64_t users, const uint64_t requests[ACTION_COUNT])
{
    const char *separator = " (";

    fprintf(stream, "%" PRIu64 " %s", users, text_noun(users, "user", "users"));
    for (int action = 0; action < ACTION_COUNT; action++) {
        if (requests[action] == 0)
            continue;
        fprintf(stream, "%s%" PRIu64 " %s", separator, requests[action], action_name((enum action)action));
        separator = ", ";
    }
    if (separator[0] == ',')
        fputs(")", stream);
}

/* What the plan asks of one of several resources. */
static void print_part(const struct plan *plan, size_t index, FILE *stream)
{
    const struct plan_part *part = &plan->parts[index];

    fprintf(stream, "  at %s: ", plan->spec->resources[index].name);
    print_users(stream, part->users, part->requests);
    if (part->arriving > 0)
        fprintf(stream, ", %" PRIu64 " from elsewhere", part->arriving);
    fputc('\n', stream);
}

static void print_requests(const struct plan *plan, FILE *stream)
{
    const int64_t least_ms = plan_least_ms(plan);
    char text[32];

    fputs("to do: ", stream);
    print_users(stream, plan->users, plan->requests);
    if (least_ms > 0) {
        duration_text(least_ms, text, sizeof text);
        fprintf(stream, "; the quotas ask for at least %s", text);
    }
    fputc('\n', stream);
    for (size_t i = 0; spec_names_resources(plan->spec) && i < plan->spec->resource_count; i++)
        print_part(plan, i, stream);
}

/* "30 d" for whole days. */
static void describe_grace(int64_t after_s, char *text, size_t size)
{
    enum { DAY_S = 24 * 60 * 60 };

    if (after_s % DAY_S == 0)
        snprintf(text, size, "%" PRId64 " d", after_s / DAY_S);
    else
        duration_text(after_s * 1000, text, size);
}

/* What becomes of the users of a category. */
static void describe_category(const struct plan *plan, enum category category, char *text, size_t size)
{
    static const enum plan_reason typical[CATEGORY_COUNT] = {
        [CATEGORY_ADDED] = REASON_NEW,      [CATEGORY_CHANGED] = REASON_WATCH, [CATEGORY_EXPIRING] = REASON_ENDING,
        [CATEGORY_UNCHANGED] = REASON_SAME, [CATEGORY_REMOVED] = REASON_GONE,  [CATEGORY_LOST] = REASON_LOST,
        [CATEGORY_MOVED] = REASON_MOVED,
    };
    struct action_list list = plan_actions(plan->spec, typical[category]);
    const uint64_t after_s = plan->spec->rules.removed.after_s;
    char actions[64];
    char grace[32];

    /* Without a rule only those are here to whom a token is owed. */
    if (category == CATEGORY_EXPIRING && list.count == 0 && plan->categories[category] > 0)
        list = plan_actions(plan->spec, REASON_NO_TOKEN);
    describe_actions(&list, actions, sizeof actions);
    if (category != CATEGORY_REMOVED || after_s == 0) {
        snprintf(text, size, "%s", actions);
        return;
    }
    list = plan->spec->rules.removed.meanwhile;
    describe_grace((int64_t)after_s, grace, sizeof grace);
    const int used = snprintf(text, size, "%s after %s", actions, grace);
    if (list.count > 0 && used > 0 && (size_t)used < size) {
        describe_actions(&list, actions, sizeof actions);
        snprintf(text + used, size - (size_t)used, ", meanwhile %s", actions);
    }
}

void print_plan(const struct plan *plan, FILE *stream)
{
    char actions[192];

    for (int category = 0; category < CATEGORY_COUNT; category++) {
        if (category == CATEGORY_MOVED && !spec_names_resources(plan->spec))
            continue;
        describe_category(plan, (enum category)category, actions, sizeof actions);
        fprintf(stream, "%-10s %9" PRIu64 "  %s\n", category_name((enum category)category), plan->categories[category],
                actions);
    }
    if (plan->spec->roster.previous != NULL)
        fprintf(stream, "against %s: %" PRIu64 " %s there, %" PRIu64 " of them gone, %" PRIu64 " changed\n",
                plan->spec->roster.previous, plan->previous.rows, text_noun(plan->previous.rows, "row", "rows"),
                plan->previous_gone, plan->previous_changed);
    print_requests(plan, stream);
}

struct plan_output {
    bool json;
    bool exit_code;
    const char *out; /* --out; NULL: not saved */
};

static bool show(const struct job *job, const struct plan_output *output, struct error *error)
{
    if (output->json) {
        if (!plan_print_json(job->plan, job->roster_fd, job->ledger, stdout, error))
            return false;
    } else {
        print_plan(job->plan, stdout);
    }
    return output->out == NULL || plan_file_write(output->out, job->plan, job->ledger, error);
}

/* That a run would refuse the plan is a part of what it would do. */
static void note_refusal(const struct job *job)
{
    const struct plan_allow nothing = {0};
    struct error refusal;

    if (job_check(job, &nothing, &refusal))
        return;
    error_context(&refusal, "a run would be refused");
    command_error(&refusal);
}

static int make_plan(const char *path, struct plan_arguments *arguments, const struct plan_output *output)
{
    const struct plan_options options = plan_arguments_options(arguments);
    struct job job = {.roster_fd = -1};
    struct error error;
    int status = command_load(path, SPEC_WITHOUT_SECRETS, &job.spec);

    if (status != 0)
        return status;
    if (output->out != NULL && !spec_check_output(job.spec, "--out", output->out, &error))
        status = command_error(&error);
    if (status == 0 && ledger_exists(job.spec->ledger)) {
        job.ledger = ledger_open(job.spec->ledger, LEDGER_READ, &error);
        if (job.ledger == NULL)
            status = command_error(&error);
    }
    if (status == 0)
        status = job_plan(&job, &options);
    if (status == 0 && !show(&job, output, &error))
        status = command_error(&error);
    if (status == 0)
        note_refusal(&job);
    if (status == 0 && output->exit_code && job.plan->users > 0)
        status = EXIT_CHANGES;
    job_close(&job);
    return status;
}

enum { JSON = OPTION_OWN, EXIT_CODE, OUT };

static int run(const struct command *command, int argc, char **argv)
{
    struct plan_arguments arguments = {0};
    struct plan_output output = {0};
    const char *path;
    int option;
    int status = EXIT_USAGE;

    while ((option = command_next_option(command, argc, argv, &status)) != 0) {
        switch (option) {
        case OPTION_ONLY:
        case OPTION_LIMIT:
        case OPTION_REISSUE_ALL:
            if (!plan_arguments_take(&arguments, option, optarg, &status))
                goto out;
            break;
        case JSON: output.json = true; break;
        case EXIT_CODE: output.exit_code = true; break;
        case OUT: output.out = optarg; break;
        default: goto out;
        }
    }
    if (command_arguments(command, argc, argv, 1, &path))
        status = make_plan(path, &arguments, &output);
out:
    plan_arguments_clear(&arguments);
    return status;
}

static const struct command_option options[] = {
    {"json", NULL, "one JSON object a user, then a summary", JSON},
    {"exit-code", NULL, "exit 10 when there is something to do", EXIT_CODE},
    {"out", "FILE", "save the plan, for `rollcall run --plan FILE`", OUT},
    PLAN_OPTIONS,
    {0},
};

const struct command command_plan = {
    .name = "plan",
    .arguments = "JOB.yaml",
    .summary = "show what a run would do; sends nothing",
    .options = options,
    .run = run,
};
