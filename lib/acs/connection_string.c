/* Connection strings and endpoints.
 *
 * No message here quotes its input: a key may stand in the place of an endpoint, and a whole connection string in the
 * place of either.
 */
#include "acs/acs.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    KEY_TEXT_MAX = 1024,     /* base64; keys of the service have 88 or fewer characters */
    HOST_NAME_MAX_DNS = 253, /* RFC 1035, without the root's dot */
    HOST_LABEL_MAX_DNS = 63,
};

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

static bool starts_with(struct span span, const char *prefix)
{
    return span.length >= strlen(prefix) && strncasecmp(span.text, prefix, strlen(prefix)) == 0;
}

/* --- the endpoint --- */

/* Letters, digits, '-' and '_' in labels of 1 to 63. A dotted address is such a name too. */
static bool is_host_name(const char *host)
{
    size_t label = 0;

    if (strlen(host) > HOST_NAME_MAX_DNS)
        return false;
    for (; *host != '\0'; host++) {
        if (*host == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if (!isascii(*host) || (!isalnum((unsigned char)*host) && *host != '-' && *host != '_') ||
                   ++label > HOST_LABEL_MAX_DNS) {
            return false;
        }
    }
    return label > 0;
}

/* "[...]" around an IPv6 address without a zone. */
static bool parse_ipv6(const char *host, struct in6_addr *address)
{
    char text[INET6_ADDRSTRLEN];
    const size_t length = strlen(host);

    if (length < 2 || length - 2 >= sizeof text || host[0] != '[' || host[length - 1] != ']')
        return false;
    memcpy(text, host + 1, length - 2);
    text[length - 2] = '\0';
    return inet_pton(AF_INET6, text, address) == 1;
}

static bool is_loopback(const char *host)
{
    struct in_addr address;
    struct in6_addr address6;

    if (inet_pton(AF_INET, host, &address) == 1)
        return ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
    if (parse_ipv6(host, &address6))
        return IN6_IS_ADDR_LOOPBACK(&address6);
    return strcmp(host, "localhost") == 0;
}

static bool parse_port(struct span text, unsigned *port)
{
    *port = 0;
    if (text.length == 0 || text.length > 5)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if (!isdigit((unsigned char)text.text[i]))
            return false;
        *port = *port * 10 + (unsigned)(text.text[i] - '0');
    }
    return *port >= 1 && *port <= 65535;
}

/* Splits "host:port" or "[v6]:port" and writes the host in lower case. `port` stays as it is where none is given. */
static bool parse_authority(struct span text, struct acs_resource *resource, unsigned *port, struct error *error)
{
    struct in6_addr ignored;
    const char *bracket = text.length > 0 && text.text[0] == '[' ? memchr(text.text, ']', text.length) : NULL;
    const size_t skipped = bracket != NULL ? (size_t)(bracket - text.text) : 0;
    const char *colon = memchr(text.text + skipped, ':', text.length - skipped);
    const size_t length = colon != NULL ? (size_t)(colon - text.text) : text.length;

    if (length < sizeof resource->host)
        for (size_t i = 0; i < length; i++)
            resource->host[i] = (char)tolower((unsigned char)text.text[i]);
    if (length >= sizeof resource->host || strlen(resource->host) != length ||
        (!is_host_name(resource->host) && !parse_ipv6(resource->host, &ignored)))
        return error_set(error, ERROR_INPUT, "the endpoint's host name is not valid");
    if (colon != NULL && !parse_port((struct span){colon + 1, text.length - length - 1}, port))
        return error_set(error, ERROR_INPUT, "the endpoint's port is not a number from 1 to 65535");
    return true;
}

/* Cuts the scheme off. */
static bool parse_scheme(struct span *url, bool *secure, struct error *error)
{
    static const char https[] = "https://";
    static const char http[] = "http://";

    *secure = starts_with(*url, https);
    if (!*secure && !starts_with(*url, http)) {
        error_set(error, ERROR_INPUT, "the endpoint does not begin with https://");
        return error_hint(error, "it looks like https://<resource name>.communication.azure.com");
    }
    const size_t length = *secure ? sizeof https - 1 : sizeof http - 1;
    url->text += length;
    url->length -= length;
    return true;
}

/* A scheme, a host, a port, and at most one '/' behind them: the form that the SDK for JavaScript demands. */
static bool parse_endpoint(struct span url, struct acs_resource *resource, struct error *error)
{
    if (!parse_scheme(&url, &resource->secure, error))
        return false;
    if (url.length > 0 && url.text[url.length - 1] == '/')
        url.length--;
    for (size_t i = 0; i < url.length; i++)
        if (strchr("/?#@\\", url.text[i]) != NULL) {
            error_set(error, ERROR_INPUT, "the endpoint has more to it than a host and a port");
            return error_hint(error, "leave out the user, path, query and fragment");
        }

    const unsigned default_port = resource->secure ? 443 : 80;
    unsigned port = default_port;
    if (!parse_authority(url, resource, &port, error))
        return false;
    if (!resource->secure && !is_loopback(resource->host)) {
        error_set(error, ERROR_INPUT, "the endpoint uses http://, which would send secrets in the clear");
        return error_hint(error, "use https://; http:// is only for 127.0.0.0/8, [::1] and localhost");
    }
    /* A default port is not part of what is signed (reference: acs-identity.md, section 3). */
    if (port == default_port)
        snprintf(resource->authority, sizeof resource->authority, "%s", resource->host);
    else
        snprintf(resource->authority, sizeof resource->authority, "%s:%u", resource->host, port);
    snprintf(resource->url, sizeof resource->url, "%s://%s", resource->secure ? "https" : "http", resource->authority);
    return true;
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

bool acs_resource_parse(const char *connection_string, struct acs_resource *resource, struct error *error)
{
    struct parts parts = {0};

    *resource = (struct acs_resource){0};
    if (!take_parts(connection_string, &parts, error))
        return error_hint(error, "it looks like endpoint=https://...;accesskey=..., without quotes around it");
    if (parse_endpoint(parts.endpoint, resource, error) && parse_key(parts.key, &resource->key, error))
        return true;
    acs_resource_clear(resource);
    return false;
}

bool acs_resource_from_endpoint(const char *endpoint, struct acs_resource *resource, struct error *error)
{
    const struct span text = trim((struct span){endpoint, strlen(endpoint)});

    *resource = (struct acs_resource){0};
    if (parse_endpoint(text, resource, error))
        return true;
    if (strcasestr(endpoint, "accesskey=") != NULL)
        error_hint(error, "this is a connection string: give it as resource.connection_string");
    acs_resource_clear(resource);
    return false;
}

void acs_resource_clear(struct acs_resource *resource)
{
    secret_clear(&resource->key);
    *resource = (struct acs_resource){0};
}
