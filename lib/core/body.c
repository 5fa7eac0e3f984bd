#include "core/body.h"

#include <stdio.h>
#include <string.h>

enum {
    BODY_MAX = 64 * 1024,  /* the service's own are below 2 KiB, without a token in it */
    AROUND_MAX = 2 * 1024, /* what stands around a token that is cut out */
    NAME_SIZE = 32,
};

/* --- cutting the token out --- */

static const char *skip_space(const char *next, const char *end)
{
    while (next < end && (*next == ' ' || *next == '\t' || *next == '\r' || *next == '\n'))
        next++;
    return next;
}

static const char *expect(const char *next, const char *end, char character)
{
    next = skip_space(next, end);
    return next < end && *next == character ? next + 1 : NULL;
}

/* Finds the value of the only member of that name, when it is a string that means what it shows, without escapes. The
 * quotes of a name inside another string are escaped, so this finds no such thing. Another empty string could be taken
 * for the one that is left where the token was. */
static void find_token(struct body *body, const char *bytes, size_t length)
{
    static const char empty[] = "\"\"";
    char name[NAME_SIZE];
    const size_t name_length = (size_t)snprintf(name, sizeof name, "\"%s\"", body->name);
    const char *const end = bytes + length;
    const char *next = memmem(bytes, length, name, name_length);

    if (next == NULL || (next = expect(next + name_length, end, ':')) == NULL ||
        (next = expect(next, end, '"')) == NULL)
        return;
    const char *quote = memchr(next, '"', (size_t)(end - next));
    if (quote == NULL || memchr(next, '\\', (size_t)(quote - next)) != NULL ||
        memmem(quote, (size_t)(end - quote), name, name_length) != NULL ||
        memmem(bytes, (size_t)(next - bytes), empty, sizeof empty - 1) != NULL ||
        memmem(quote, (size_t)(end - quote), empty, sizeof empty - 1) != NULL)
        return;
    body->token = next;
    body->token_length = (size_t)(quote - next);
}

/* jansson names what is wrong with a text, and nothing when an allocation failed between two tokens. Within a token it
 * calls that a wrong token, which comes to the same for who asks: the answer could not be read. */
static json_t *parse(const char *bytes, size_t length, bool *no_memory)
{
    json_error_t reason = {0};
    json_t *document = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &reason);

    *no_memory = document == NULL && reason.text[0] == '\0';
    return document;
}

bool body_load(struct body *body, const char *name, const char *bytes, size_t length)
{
    char around[AROUND_MAX];
    bool no_memory = false;

    *body = (struct body){.name = name};
    if (length == 0 || length > BODY_MAX)
        return true;
    find_token(body, bytes, length);
    if (body->token != NULL && length - body->token_length <= sizeof around) {
        const size_t before = (size_t)(body->token - bytes);
        const size_t after = length - before - body->token_length;
        memcpy(around, bytes, before);
        memcpy(around + before, body->token + body->token_length, after);
        body->document = parse(around, before + after, &no_memory);
    } else {
        body->token = NULL;
        body->document = parse(bytes, length, &no_memory);
    }
    return !no_memory;
}

/* A token may still stand anywhere. jansson lends its strings as const, but they are heap memory of its own. */
static void wipe_strings(json_t *value)
{
    const char *name;
    json_t *item;
    size_t i;

    if (json_is_string(value)) {
        explicit_bzero((char *)json_string_value(value), json_string_length(value));
    } else if (json_is_object(value)) {
        json_object_foreach(value, name, item) wipe_strings(item);
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, item) wipe_strings(item);
    }
}

void body_free(struct body *body)
{
    if (body->document != NULL)
        wipe_strings(body->document);
    json_decref(body->document);
    *body = (struct body){0};
}

const char *body_string(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* What was cut out left an empty string behind. */
const char *body_token(const struct body *body, const json_t *object, size_t *length)
{
    const json_t *token = json_object_get(object, body->name);

    *length = json_string_length(token);
    if (!json_is_string(token) || *length > 0 || body->token == NULL)
        return json_string_value(token);
    *length = body->token_length;
    return body->token;
}
