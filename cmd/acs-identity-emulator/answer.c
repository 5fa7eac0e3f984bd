#include "answer.h"

#include <stdarg.h>
#include <stdio.h>

/* Token and id together stay far below; the largest answer is the statistics. */
enum { ANSWER_MAX = 64 * 1024, MESSAGE_MAX = 2048 };

void answer_init(struct answer *answer)
{
    *answer = (struct answer){0};
    buffer_init(&answer->body, ANSWER_MAX);
}

void answer_clear(struct answer *answer)
{
    buffer_clear(&answer->body);
}

void answer_reset(struct answer *answer)
{
    struct buffer body = answer->body;

    buffer_reset(&body);
    *answer = (struct answer){.body = body};
}

void json_append_string(struct buffer *buffer, const char *text)
{
    buffer_append_char(buffer, '"');
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            buffer_append_char(buffer, '\\');
            buffer_append_char(buffer, *text);
        } else if (c < 0x20 || c == 0x7f) {
            buffer_append_format(buffer, "\\u%04x", c);
        } else {
            buffer_append_char(buffer, *text);
        }
    }
    buffer_append_char(buffer, '"');
}

static bool fill_error(struct answer *answer, enum answer_origin origin, unsigned status, const char *code,
                       const char *target, const char *format, va_list arguments)
{
    char message[MESSAGE_MAX];

    vsnprintf(message, sizeof message, format, arguments);
    answer->status = status;
    answer->kind = ANSWER_ERROR;
    if (origin == FROM_FRONT)
        answer->versions = NULL;
    buffer_reset(&answer->body);
    buffer_append_text(&answer->body, "{\"error\":{\"code\":");
    json_append_string(&answer->body, code);
    buffer_append_text(&answer->body, ",\"message\":");
    json_append_string(&answer->body, message);
    if (target != NULL) {
        buffer_append_text(&answer->body, ",\"target\":");
        json_append_string(&answer->body, target);
    }
    buffer_append_text(&answer->body, "}}");
    return false;
}

bool answer_error(struct answer *answer, enum answer_origin origin, unsigned status, const char *code,
                  const char *target, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fill_error(answer, origin, status, code, target, format, arguments);
    va_end(arguments);
    return false;
}

bool answer_invalid(struct answer *answer, enum answer_origin origin, const char *target, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fill_error(answer, origin, 400, "ValidationError", target, format, arguments);
    va_end(arguments);
    return false;
}

bool answer_no_memory(struct answer *answer)
{
    return answer_error(answer, FROM_FRONT, 503, "ServiceUnavailable", NULL, "The emulator is out of memory.");
}
