#include "answer.h"

#include "entra_error.h"

#include "core/clock.h"
#include "core/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

static void append_escaped(struct buffer *buffer, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            buffer_append_char(buffer, '\\');
            buffer_append_char(buffer, text[i]);
        } else if (c < 0x20 || c == 0x7f) {
            buffer_append_format(buffer, "\\u%04x", c);
        } else {
            buffer_append_char(buffer, text[i]);
        }
    }
}

void json_append_string(struct buffer *buffer, const char *text)
{
    size_t left = strlen(text);

    buffer_append_char(buffer, '"');
    for (;;) {
        const size_t valid = utf8_valid_length(text, left);
        append_escaped(buffer, text, valid);
        if (valid == left)
            break;
        buffer_append_text(buffer, "\\ufffd");
        text += valid + 1;
        left -= valid + 1;
    }
    buffer_append_char(buffer, '"');
}

static void put_service_error(struct buffer *body, const char *code, const char *target, const char *message)
{
    buffer_append_text(body, "{\"error\":{\"code\":");
    json_append_string(body, code);
    buffer_append_text(body, ",\"message\":");
    json_append_string(body, message);
    if (target != NULL) {
        buffer_append_text(body, ",\"target\":");
        json_append_string(body, target);
    }
    buffer_append_text(body, "}}");
}

static void put_imds_error(struct buffer *body, const char *code, const char *message)
{
    buffer_append_text(body, "{\"error\":");
    json_append_string(body, code);
    buffer_append_text(body, ",\"error_description\":");
    json_append_string(body, message);
    buffer_append_char(body, '}');
}

static void put_app_service_error(struct answer *answer, const char *code, const char *message)
{
    char text[MESSAGE_MAX + 64];

    snprintf(text, sizeof text, "%s: %s", code, message);
    buffer_append_format(&answer->body, "{\"statusCode\":%u,\"message\":", answer->status);
    json_append_string(&answer->body, text);
    buffer_append_char(&answer->body, '}');
}

/* A code that is none of Entra ID's (a method that does not fit, say) becomes the error's name. */
static void put_entra_error(struct answer *answer, const char *code, const char *message)
{
    const struct entra_error *known = entra_error_find(code);
    char at[TIME_TEXT_SIZE];
    char text[MESSAGE_MAX + 256];

    time_format_rfc3339(answer->at_s, at);
    snprintf(text, sizeof text, "%s%s%s%s Trace ID: %s Correlation ID: %s Timestamp: %s", known == NULL ? "" : "AADSTS",
             known == NULL ? "" : code, known == NULL ? "" : ": ", message, answer->trace_id, answer->trace_id, at);
    buffer_append_text(&answer->body, "{\"error\":");
    json_append_string(&answer->body, known == NULL ? code : known->error);
    buffer_append_text(&answer->body, ",\"error_description\":");
    json_append_string(&answer->body, text);
    buffer_append_format(&answer->body,
                         ",\"error_codes\":[%s],\"timestamp\":\"%s\",\"trace_id\":\"%s\",\"correlation_id\":\"%s\"}",
                         known == NULL ? "" : code, at, answer->trace_id, answer->trace_id);
}

PRINTF_LIKE(6, 0)
static bool fill_error(struct answer *answer, enum answer_origin origin, unsigned status, const char *code,
                       const char *target, const char *format, va_list arguments)
{
    char message[MESSAGE_MAX];

    vsnprintf(message, sizeof message, format, arguments);
    answer->status = status;
    answer->kind = answer->form == FORM_SERVICE ? ANSWER_ERROR : ANSWER_JSON;
    if (origin == FROM_FRONT)
        answer->versions = NULL;
    buffer_reset(&answer->body);
    switch (answer->form) {
    case FORM_SERVICE:
    case FORM_SERVICE_FABRIC: put_service_error(&answer->body, code, target, message); break;
    case FORM_ENTRA: put_entra_error(answer, code, message); break;
    case FORM_IMDS: put_imds_error(&answer->body, code, message); break;
    case FORM_APP_SERVICE: put_app_service_error(answer, code, message); break;
    }
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
