#include "hooks.h"

#include "output/json_out.h"
#include "output/user_program.h"
#include "signals.h"

enum { REFUSAL_CAP = 16 * 1024 };

struct hooks {
    const struct job *job;
    const struct buffer *event;
    struct signals signals;
};

/* For the log alone: people hear of it when it fails. */
static void note_end(const struct log *log, const char *name, const char *program, const char *words)
{
    json_t *event = json_pack("{s:s, s:s, s:s, s:o}", "event", "hook_ended", "hook", name, "program", program,
                              "message", json_out_text(words));

    log_event(log, LEVEL_INFO, event);
    json_decref(event);
}

/* False after a message. A job without this hook has none that could fail. */
static bool start(struct hooks *hooks, const char *name, const struct text_list *command)
{
    const struct spec *spec = hooks->job->spec;
    const struct child_options options = {
        .input = hooks->event->data,
        .input_length = hooks->event->length,
        .time_limit_ms = spec->hooks.time_limit_ms,
        .stop_fd = hooks->signals.stop_fd,
    };
    struct child_result result;
    struct error error;

    if (command->count == 0)
        return true;
    if (!user_program_run(spec, command, &options, &result, &error)) {
        error_context(&error, "hooks.%s", name);
        command_log_error(hooks->job->log, &error);
        return false;
    }
    note_end(hooks->job->log, name, command->items[0], result.words);
    return true;
}

static int start_all(struct hooks *hooks, bool began, int status)
{
    const struct spec *spec = hooks->job->spec;

    if (began && !start(hooks, "after_run", &spec->hooks.after_run) && status == 0)
        status = hooks->signals.received != 0 ? 128 + hooks->signals.received : EXIT_HOOK;
    if (status != 0 && hooks->signals.received == 0)
        start(hooks, "on_failure", &spec->hooks.on_failure);
    return status;
}

/* What there is to say of a run that never began. */
static bool append_refusal(struct buffer *text, const struct job *job, int status, struct error *error)
{
    json_t *event = json_pack("{s:s, s:s, s:i, s:o}", "event", "run_refused", "job", job->spec->name, "exit_status",
                              status, "reason", json_out_text(job->log->last->message));
    const bool ok = json_out_append(text, event, JSON_COMPACT | JSON_ENSURE_ASCII, error);

    buffer_append_char(text, '\n');
    return ok;
}

int hooks_run(const struct job *job, const struct buffer *ended, int status)
{
    const struct spec *spec = job->spec;
    const bool began = ended->length > 0 || buffer_failed(ended);
    struct buffer refusal;
    struct hooks hooks = {.job = job};
    struct error error;

    /* Another run that holds the ledger will have its own. */
    if (spec->hooks.after_run.count + spec->hooks.on_failure.count == 0 || status == error_exit_status(ERROR_BUSY))
        return status;
    buffer_init(&refusal, REFUSAL_CAP);
    hooks.event = began ? ended : &refusal;
    const bool told = began ? !buffer_failed(ended) || buffer_error(ended, "the event of the run's end", &error)
                            : append_refusal(&refusal, job, status, &error);
    if (told && signals_start(&hooks.signals, &error)) {
        status = start_all(&hooks, began, status);
        signals_stop(&hooks.signals);
    } else {
        command_log_error(job->log, &error);
        status = status != 0 ? status : EXIT_HOOK;
    }
    buffer_clear(&refusal);
    return status;
}
