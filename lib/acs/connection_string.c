/* Connection strings and endpoints.
 *
 * No message here quotes its input: a key may stand in the place of an endpoint, and a whole connection string in the
 * place of either.
 */
#include "acs/acs.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

enum { KEY_TEXT_MAX = 1024 }; /* base64; keys of the service have 88 or fewer characters */

/* A part of a text that somebody else owns. */
struct span {
    const char *text;
    size_t length;
};

static struct span trim(struct span span)
{
    while (span.length > 0 && isspace((unsigned char)span.text[0])) {
        span.text++;
        span.length--;
    }
    while (span.length > 0 && isspace((unsigned char)span.text[span.length - 1]))
        span.length--;
    return span;
}

/* Cuts off and returns what stands before the first separator, or all there is. */
static struct span take_until(struct span *rest, char separator)
{
    const char *end = rest->length > 0 ? memchr(rest->text, separator, rest->length) : NULL;
    const size_t length = end != NULL ? (size_t)(end - rest->text) : rest->length;
    const size_t used = end != NULL ? length + 1 : length;
    const struct span taken = {rest->text, length};

    rest->text += used;
    rest->length -= used;
    return taken;
}

static bool span_is(struct span span, const char *word)
{
    return span.length == strlen(word) && strncasecmp(span.text, word, span.length) == 0;
}

/* --- the access key --- */

/* EVP_DecodeBlock() forgives too much: white space at the ends, and '=' in the middle. */
static bool is_base64(struct span text, size_t *padding)
{
    *padding = 0;
    if (text.length == 0 || text.length % 4 != 0)
        return false;
    while (*padding < 2 && text.text[text.length - 1 - *padding] == '=')
        (*padding)++;
    for (size_t i = 0; i < text.length - *padding; i++) {
        const char character = text.text[i];
        if (!isascii(character) || (!isalnum((unsigned char)character) && character != '+' && character != '/'))
            return false;
    }
    return true;
}

static bool parse_key(struct span text, struct secret *key, struct error *error)
{
    unsigned char decoded[KEY_TEXT_MAX / 4 * 3];
    size_t padding;
    bool ok = false;

    if (text.length > KEY_TEXT_MAX || !is_base64(text, &padding)) {
        error_set(error, ERROR_INPUT, "the connection string's access key is not valid base64");
        return error_hint(error, "copy the connection string anew from the resource's \"Keys\" page");
    }
    const int length = EVP_DecodeBlock(decoded, (const unsigned char *)text.text, (int)text.length);
    if (length < 0 || (size_t)length < padding)
        error_set(error, ERROR_SYSTEM, "cannot decode the connection string's access key");
    else
        ok = secret_set(key, decoded, (size_t)length - padding, error);
    explicit_bzero(decoded, sizeof decoded);
    return ok;
}

/* --- the whole --- */

struct parts {
    struct span endpoint; /* text is NULL until it is found */
    struct span key;
};

static bool take_part(struct span segment, struct parts *parts, struct error *error)
{
    struct span value = segment;
    const struct span name = trim(take_until(&value, '='));
    struct span *part = NULL;

    if (name.length == segment.length) /* the '=' is missing: take_until() took all */
        return error_set(error, ERROR_INPUT, "the connection string has a part that is not name=value");
    if (span_is(name, "endpoint"))
        part = &parts->endpoint;
    else if (span_is(name, "accesskey"))
        part = &parts->key;
    else
        return true; /* as the SDKs for Python and .NET do */
    if (part->text != NULL)
        return error_set(error, ERROR_INPUT, "the connection string has two parts named %s",
                         part == &parts->key ? "accesskey" : "endpoint");
    *part = trim(value);
    return true;
}

static bool take_parts(const char *connection_string, struct parts *parts, struct error *error)
{
    struct span rest = {connection_string, strlen(connection_string)};

    while (rest.length > 0) {
        const struct span segment = trim(take_until(&rest, ';'));
        if (segment.length > 0 && !take_part(segment, parts, error))
            return false;
    }
    if (parts->endpoint.length == 0)
        return error_set(error, ERROR_INPUT, "the connection string has no endpoint");
    if (parts->key.length == 0)
        return error_set(error, ERROR_INPUT, "the connection string has no access key");
    return true;
}

static bool parse_endpoint(struct span text, struct acs_resource *resource, struct error *error)
{
    if (origin_parse(text.text, text.length, &resource->origin, error))
        return true;
    if (error->hint[0] == '\0')
        error_hint(error, "it looks like https://<resource name>.communication.azure.com");
    return false;
}

bool acs_resource_parse(const char *connection_string, struct acs_resource *resource, struct error *error)
{
    struct parts parts = {0};

    *resource = (struct acs_resource){0};
    if (!take_parts(connection_string, &parts, error))
        return error_hint(
            error, "it looks like endpoint=https://...;accesskey=..., in quotes where a shell reads it, for the ';'");
    if (parse_endpoint(parts.endpoint, resource, error) && parse_key(parts.key, &resource->key, error))
        return true;
    acs_resource_clear(resource);
    return false;
}

bool acs_resource_from_endpoint(const char *endpoint, struct acs_resource *resource, struct error *error)
{
    *resource = (struct acs_resource){0};
    return parse_endpoint(trim((struct span){endpoint, strlen(endpoint)}), resource, error);
}

void acs_resource_clear(struct acs_resource *resource)
{
    secret_clear(&resource->key);
    *resource = (struct acs_resource){0};
}
