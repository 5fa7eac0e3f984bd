/* The five requests (reference: acs-identity.md, sections 1 and 2). */
#include "acs/acs.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LIFETIME_MIN = 60, LIFETIME_MAX = 1440, CUSTOM_ID_MAX = 256 }; /* [REST 2022-10-01, 2025-03-02-preview] */

/* --- writing JSON --- */

/* What does not fit is remembered and asked for once, at the end. */
struct writer {
    char *text;
    size_t size;
    size_t length;
    bool full;
};

static void put(struct writer *writer, const char *bytes, size_t length)
{
    if (writer->full || length > writer->size - writer->length) {
        writer->full = true;
        return;
    }
    memcpy(writer->text + writer->length, bytes, length);
    writer->length += length;
}

static void put_text(struct writer *writer, const char *text)
{
    put(writer, text, strlen(text));
}

/* RFC 8259, section 7: quote, backslash and the control characters; everything else goes as it is. */
static void put_escaped(struct writer *writer, unsigned char character)
{
    static const char named[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = memchr(named, character, sizeof named - 1);
    char escape[8];

    if (found != NULL)
        snprintf(escape, sizeof escape, "\\%c", letters[found - named]);
    else
        snprintf(escape, sizeof escape, "\\u%04x", character);
    put_text(writer, escape);
}

static void put_json_string(struct writer *writer, const char *text)
{
    put_text(writer, "\"");
    while (*text != '\0') {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\')
            plain++;
        put(writer, text, plain);
        text += plain;
        if (*text != '\0')
            put_escaped(writer, (unsigned char)*text++);
    }
    put_text(writer, "\"");
}

/* The name of a member with what must stand before it. */
static void put_name(struct writer *writer, const char *name)
{
    put_text(writer, writer->length == 0 ? "{\"" : ",\"");
    put_text(writer, name);
    put_text(writer, "\":");
}

/* --- UTF-8 --- */

/* The length of the sequence that a first byte announces, 0 for none (RFC 3629). */
static size_t sequence_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

/* Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte. */
static bool second_byte_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xE0: return second >= 0xA0;
    case 0xED: return second <= 0x9F;
    case 0xF0: return second >= 0x90;
    case 0xF4: return second <= 0x8F;
    default: return true;
    }
}

/* Counts characters; false when the text is not UTF-8. */
static bool count_characters(const char *text, size_t *count)
{
    const unsigned char *next = (const unsigned char *)text;

    for (*count = 0; *next != '\0'; (*count)++) {
        const size_t length = sequence_length(*next);
        if (length == 0 || (length > 1 && !second_byte_fits(next[0], next[1])))
            return false;
        for (size_t i = 1; i < length; i++)
            if ((next[i] & 0xC0) != 0x80) /* also the terminating NUL */
                return false;
        next += length;
    }
    return true;
}

/* --- bodies --- */

/* Both take the lifetime from 2022-10-01 on [REST]. Versions are dates, with a suffix or not: their order is that of
 * the text. */
static bool put_lifetime(struct writer *writer, const struct acs_request_options *options, struct error *error)
{
    char number[12];

    if (strncmp(options->api_version, "2022-10-01", 10) < 0)
        return true;
    if (options->lifetime_min < LIFETIME_MIN || options->lifetime_min > LIFETIME_MAX)
        return error_set(error, ERROR_INPUT, "a token's lifetime must be %d to %d minutes", LIFETIME_MIN, LIFETIME_MAX);
    put_name(writer, "expiresInMinutes");
    snprintf(number, sizeof number, "%" PRIu32, options->lifetime_min);
    put_text(writer, number);
    return true;
}

static bool put_scopes(struct writer *writer, const char *name, const struct acs_request_options *options,
                       struct error *error)
{
    put_name(writer, name);
    for (size_t i = 0; i < options->scope_count; i++) {
        put_text(writer, i == 0 ? "[" : ",");
        put_json_string(writer, options->scopes[i]);
    }
    put_text(writer, "]");
    return put_lifetime(writer, options, error);
}

static bool put_custom_id(struct writer *writer, const char *custom_id, struct error *error)
{
    size_t characters;

    if (!count_characters(custom_id, &characters))
        return error_set(error, ERROR_INPUT, "the custom id is not valid UTF-8");
    if (characters < 1 || characters > CUSTOM_ID_MAX)
        return error_set(error, ERROR_INPUT, "the custom id must have 1 to %d characters", CUSTOM_ID_MAX);
    put_name(writer, "customId");
    put_json_string(writer, custom_id);
    return true;
}

/* Members in the order of the SDK for .NET. A create with nothing to say has no body at all [REC 01]. */
static bool build_create_body(struct writer *writer, const struct acs_request_options *options, const char *custom_id,
                              struct error *error)
{
    if (custom_id != NULL && !put_custom_id(writer, custom_id, error))
        return false;
    if (options->scope_count > 0 && !put_scopes(writer, "createTokenWithScopes", options, error))
        return false;
    if (writer->length > 0)
        put_text(writer, "}");
    return true;
}

static bool build_issue_body(struct writer *writer, const struct acs_request_options *options, struct error *error)
{
    if (options->scope_count == 0) /* the service refuses it [REC 07] */
        return error_set(error, ERROR_INPUT, "a token needs at least one scope");
    if (!put_scopes(writer, "scopes", options, error))
        return false;
    put_text(writer, "}");
    return true;
}

static bool end_body(const struct writer *writer, struct acs_request *request, struct error *error)
{
    if (writer->full)
        return error_set(error, ERROR_INPUT, "the request's body would have more than %d bytes", ACS_BODY_MAX - 1);
    request->body[writer->length] = '\0';
    request->body_length = writer->length;
    return true;
}

static bool build_body(enum action action, const struct acs_request_options *options, const char *custom_id,
                       struct acs_request *request, struct error *error)
{
    struct writer writer = {.text = request->body, .size = sizeof request->body - 1};

    if (action == ACTION_PROVISION && !build_create_body(&writer, options, custom_id, error))
        return false;
    if (action == ACTION_ISSUE && !build_issue_body(&writer, options, error))
        return false;
    return end_body(&writer, request, error);
}

/* --- targets --- */

/* What goes into the query unescaped must not need escaping. */
static bool is_api_version(const char *version)
{
    if (*version == '\0')
        return false;
    for (; *version != '\0'; version++)
        if (!isascii(*version) || (!isalnum((unsigned char)*version) && *version != '-' && *version != '.'))
            return false;
    return true;
}

static bool build_target(enum action action, const char *api_version, const char *identity, struct acs_request *request,
                         struct error *error)
{
    static const char *const endings[ACTION_COUNT] = {
        [ACTION_PROVISION] = "",
        [ACTION_ISSUE] = "/:issueAccessToken", /* the slash, then the colon, are the service's own */
        [ACTION_REVOKE] = "/:revokeAccessTokens",
        [ACTION_DELETE] = "",
    };
    int length;

    if (!is_api_version(api_version))
        return error_set(error, ERROR_INPUT, "the api-version is not one: letters, digits, '-' and '.' only");
    if (action == ACTION_PROVISION) {
        length = snprintf(request->target, sizeof request->target, "/identities?api-version=%s", api_version);
    } else {
        if (identity == NULL || !acs_identity_is_valid(identity))
            return error_set(error, ERROR_INPUT, "the identity is not of the form 8:acs:<guid>_<guid>");
        const char *cloud = identity + 2; /* behind "8:" */
        const size_t cloud_length = strcspn(cloud, ":");
        length = snprintf(request->target, sizeof request->target, "/identities/8%%3A%.*s%%3A%s%s?api-version=%s",
                          (int)cloud_length, cloud, cloud + cloud_length + 1, endings[action], api_version);
    }
    if (length < 0 || (size_t)length >= sizeof request->target)
        return error_set(error, ERROR_INPUT, "the request's target would have more than %d bytes", ACS_TARGET_MAX - 1);
    return true;
}

static const char teams_prefix[] = "8:orgid:";

bool acs_teams_identity(const char *object_id, char identity[ACS_IDENTITY_MAX + 1])
{
    static const char form[] = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
    size_t i = 0;

    for (; form[i] != '\0'; i++) {
        const unsigned char character = (unsigned char)object_id[i];
        if (form[i] == 'h' ? !isascii(character) || !isxdigit(character) : character != '-')
            return false;
        identity[sizeof teams_prefix - 1 + i] = (char)tolower(character);
    }
    memcpy(identity, teams_prefix, sizeof teams_prefix - 1);
    identity[sizeof teams_prefix - 1 + i] = '\0';
    return object_id[i] == '\0';
}

bool acs_identity_is_teams(const char *id)
{
    return strncmp(id, teams_prefix, sizeof teams_prefix - 1) == 0;
}

static bool build_exchange_body(const struct acs_request_options *options, const char *identity, const char *token,
                                struct acs_request *request, struct error *error)
{
    struct writer writer = {.text = request->body, .size = sizeof request->body - 1};

    put_name(&writer, "token");
    put_json_string(&writer, token);
    put_name(&writer, "appId");
    put_json_string(&writer, options->teams_app_id);
    put_name(&writer, "userId");
    put_json_string(&writer, identity + sizeof teams_prefix - 1);
    put_text(&writer, "}");
    return end_body(&writer, request, error);
}

bool acs_exchange_build(const struct acs_request_options *options, const char *identity, const char *token,
                        struct acs_request *request, struct error *error)
{
    request->method = "POST";
    request->has_content_type = true;
    if (!acs_identity_is_teams(identity))
        return error_set(error, ERROR_INPUT, "the identity is not of the form 8:orgid:<guid>");
    if (!is_api_version(options->api_version))
        return error_set(error, ERROR_INPUT, "the api-version is not one: letters, digits, '-' and '.' only");
    snprintf(request->target, sizeof request->target, "/teamsUser/:exchangeAccessToken?api-version=%.64s",
             options->api_version);
    return build_exchange_body(options, identity, token, request, error);
}

bool acs_request_build(enum action action, const struct acs_request_options *options, const char *identity,
                       const char *custom_id, struct acs_request *request, struct error *error)
{
    request->method = action == ACTION_DELETE ? "DELETE" : "POST";
    request->has_content_type = action == ACTION_PROVISION || action == ACTION_ISSUE;
    return build_target(action, options->api_version, identity, request, error) &&
           build_body(action, options, custom_id, request, error);
}
