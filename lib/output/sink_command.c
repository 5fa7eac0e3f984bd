/* Tokens to a program of the user's, one process a batch: it gets a JSON object a line on its standard input. */
#include "core/clock.h"
#include "output/ndjson.h"
#include "output/sink.h"
#include "output/token_rows.h"
#include "output/user_program.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { BATCH_CAP = 64 * 1024 * 1024 };

struct command_sink {
    const struct spec *spec;
    const struct spec_sink *sink;
};

/* Whether there is such a program showed when the spec was read. */
static void *open_command(const struct sink_options *options, struct error *error)
{
    struct command_sink *command = malloc(sizeof *command);

    if (command == NULL)
        error_no_memory(error);
    else
        *command = (struct command_sink){.spec = options->spec, .sink = options->sink};
    return command;
}

static enum sink_answer judge(const struct child_result *result, const char *name, bool *refused, size_t count,
                              struct error *error)
{
    const bool has_ended = result->end == CHILD_EXITED;

    if (has_ended && result->status == 0 && result->unread_bytes == 0)
        return SINK_ANSWERED;
    if (has_ended && result->status == 0)
        error_set(error, ERROR_SYSTEM, "%s ended without having read all of its input", name);
    if (result->end == CHILD_NOT_STARTED || result->end == CHILD_TIMED_OUT ||
        (has_ended && result->status == EX_TEMPFAIL))
        return SINK_UNAVAILABLE;
    memset(refused, true, count * sizeof *refused);
    return SINK_ANSWERED;
}

static enum sink_answer deliver(void *self, const struct token *tokens, size_t count, bool *refused,
                                struct error *error)
{
    const struct command_sink *command = self;
    const struct token_layout layout = {TOKEN_NDJSON, command->spec->roster.key, false};
    char expires[TIME_TEXT_SIZE];
    struct child_result result;
    struct buffer lines;

    buffer_init(&lines, BATCH_CAP);
    for (size_t i = 0; i < count; i++) {
        time_format_rfc3339(tokens[i].expires_at_s, expires);
        const struct token_row row = {
            .key = tokens[i].key,
            .key_length = tokens[i].key_length,
            .identity = tokens[i].identity,
            .token = secret_reveal(tokens[i].value),
            .token_length = tokens[i].value->length,
            .expires_at = expires,
        };
        token_rows_append(&layout, &row, &lines);
    }
    if (buffer_failed(&lines)) {
        buffer_error(&lines, "the tokens of one batch", error);
        buffer_wipe(&lines);
        return SINK_UNAVAILABLE;
    }
    const struct child_options options = {
        .input = lines.data, .input_length = lines.length, .time_limit_ms = command->sink->time_limit_ms};
    user_program_run(command->spec, &command->sink->command, &options, &result, error);
    buffer_wipe(&lines);
    return judge(&result, command->sink->name, refused, count, error);
}

const struct sink_kind sink_command = {.open = open_command, .deliver = deliver, .close = free};
