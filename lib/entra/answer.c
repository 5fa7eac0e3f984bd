/* Reading what a token endpoint, a managed identity's endpoint or the Azure CLI says.
 *
 * They spell the end of a token in many ways [S 6, 7]: seconds from now or a moment, as a number, as digits, or as a
 * date.
 */
#include "entra/entra_internal.h"

#include "core/body.h"
#include "core/clock.h"
#include "core/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TOKEN_MAX = 32 * 1024, DIGITS_MAX = 12 };

static const int64_t lifetime_max_s = 10 * 365 * 24 * 60 * 60L;

/* --- numbers and dates --- */

static bool parse_digits(const char *text, int64_t *number)
{
    char *end;

    if (!isdigit((unsigned char)text[0]) || strlen(text) > DIGITS_MAX)
        return false;
    *number = strtoll(text, &end, 10);
    return *end == '\0' || (*end == '.' && end[1 + strspn(end + 1, "0123456789")] == '\0');
}

/* "2026-11-22 08:09:10.000000" in local time: what the Azure CLI wrote before 2.54. */
static bool parse_local_time(const char *text, int64_t *moment_s)
{
    struct tm local = {.tm_isdst = -1};
    const char *end = strptime(text, "%Y-%m-%d %H:%M:%S", &local);

    if (end == NULL || (*end != '\0' && *end != '.'))
        return false;
    *moment_s = (int64_t)mktime(&local);
    return *moment_s > 0;
}

/* A number, or digits. */
static bool read_number(const json_t *value, int64_t *number)
{
    if (json_is_number(value) && json_number_value(value) >= 0 && json_number_value(value) < 1e12) {
        *number = (int64_t)json_number_value(value);
        return true;
    }
    return json_is_string(value) && parse_digits(json_string_value(value), number);
}

static bool read_moment(const json_t *value, int64_t *moment_s)
{
    const char *text = json_string_value(value);
    int64_t moment_ms;

    if (read_number(value, moment_s))
        return true;
    if (text == NULL)
        return false;
    if (time_parse_rfc3339_ms(text, &moment_ms)) {
        *moment_s = moment_ms / 1000;
        return true;
    }
    return time_parse_http(text, moment_s) || parse_local_time(text, moment_s);
}

/* --- tokens --- */

/* How long it lives from date_s on. Where both are told the shorter counts: a managed identity's endpoint gives out the
 * same token many times, and some count from when it was made. */
static bool read_lifetime(enum token_form form, const json_t *answer, int64_t date_s, int64_t *lifetime_s)
{
    const json_t *moment = json_object_get(answer, "expires_on");
    int64_t in_s;
    int64_t on_s;

    if (form == FORM_CLI && moment == NULL)
        moment = json_object_get(answer, "expiresOn");
    const bool has_in = read_number(json_object_get(answer, "expires_in"), &in_s);
    const bool has_on = read_moment(moment, &on_s);
    if (!has_in && !has_on)
        return false;
    *lifetime_s = has_in ? in_s : on_s - date_s;
    if (form == FORM_IDENTITY && has_in && has_on && on_s - date_s < in_s)
        *lifetime_s = on_s - date_s;
    return true;
}

/* It goes into a header: visible ASCII only. */
static bool is_token(const char *token, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (token[i] < 0x21 || token[i] > 0x7E)
            return false;
    return length > 0 && length <= TOKEN_MAX;
}

static bool take_token(enum token_form form, const struct body *body, int64_t date_s, struct entra_token *token,
                       struct error *error)
{
    size_t length = 0;
    int64_t lifetime_s = 0;
    int64_t refresh_s;
    const char *text = body_token(body, body->document, &length);

    if (text == NULL || !is_token(text, length))
        return error_set(error, ERROR_SYSTEM, "the answer holds no token that can be read");
    if (!read_lifetime(form, body->document, date_s, &lifetime_s))
        return error_set(error, ERROR_SYSTEM, "the answer does not say when its token ends");
    if (lifetime_s <= 0) {
        error_set(error, ERROR_SYSTEM, "the token in the answer has ended already");
        return error_hint(error, "check the clock of this machine");
    }
    token->lifetime_ms = (lifetime_s < lifetime_max_s ? lifetime_s : lifetime_max_s) * 1000;
    token->refresh_in_ms =
        read_number(json_object_get(body->document, "refresh_in"), &refresh_s) ? refresh_s * 1000 : -1;
    return secret_set(&token->text, text, length, error);
}

bool token_read(enum token_form form, const char *bytes, size_t length, int64_t date_s, struct entra_token *token,
                struct error *error)
{
    struct body body;

    if (!body_load(&body, form == FORM_CLI ? "accessToken" : "access_token", bytes, length))
        return error_no_memory(error);
    const bool ok = json_is_object(body.document) ? take_token(form, &body, date_s, token, error)
                                                  : error_set(error, ERROR_SYSTEM, "the answer is not a JSON object");
    body_free(&body);
    return ok;
}

void entra_token_clear(struct entra_token *token)
{
    secret_clear(&token->text);
    *token = (struct entra_token){0};
}

/* --- complaints --- */

/* Entra ID's descriptions go on with ids and the time, on lines of their own or not. */
static void cut_trailer(char *text)
{
    static const char *const beginnings[] = {"Trace ID:", "\r", "\n"};

    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        char *found = strstr(text, beginnings[i]);
        if (found != NULL && found > text)
            *found = '\0';
    }
    for (size_t length = strlen(text); length > 0 && text[length - 1] == ' '; length--)
        text[length - 1] = '\0';
}

static void copy(char *to, size_t size, const char *text)
{
    char start[2048]; /* as much of it as may hold what is looked for */

    if (text == NULL)
        return;
    snprintf(start, sizeof start, "%s", text);
    cut_trailer(start);
    text_print(start, to, size);
}

/* Text that is neither JSON nor a page. */
static void copy_plain(struct complaint *complaint, const char *bytes, size_t length)
{
    char text[COMPLAINT_TEXT_SIZE];

    if (length == 0 || bytes[0] == '<')
        return;
    snprintf(text, sizeof text, "%.*s", length < sizeof text ? (int)length : (int)sizeof text - 1, bytes);
    copy(complaint->text, sizeof complaint->text, text);
}

void complaint_read(const char *bytes, size_t length, struct complaint *complaint)
{
    struct body body;

    *complaint = (struct complaint){0};
    if (!body_load(&body, "access_token", bytes, length) || !json_is_object(body.document)) {
        copy_plain(complaint, bytes, length);
        body_free(&body);
        return;
    }
    const json_t *inner = json_object_get(body.document, "error"); /* a word, or an object */
    const char *text = body_string(body.document, "error_description");
    if (text == NULL)
        text = body_string(json_is_object(inner) ? inner : body.document, "message");
    copy(complaint->code, sizeof complaint->code,
         json_is_object(inner) ? body_string(inner, "code") : json_string_value(inner));
    copy(complaint->text, sizeof complaint->text, text);
    copy(complaint->trace, sizeof complaint->trace, body_string(body.document, "trace_id"));
    body_free(&body);
}
