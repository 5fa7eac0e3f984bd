#include "core/origin.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    HOST_NAME_MAX_DNS = 253, /* RFC 1035, without the root's dot */
    HOST_LABEL_MAX_DNS = 63,
};

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

static bool parse_port(const char *text, const char *end, unsigned *port)
{
    *port = 0;
    if (text == end || end - text > 5)
        return false;
    for (; text < end; text++) {
        if (!isdigit((unsigned char)*text))
            return false;
        *port = *port * 10 + (unsigned)(*text - '0');
    }
    return *port >= 1 && *port <= 65535;
}

/* Splits "host:port" or "[v6]:port" and writes the host in lower case. `port` stays as it is where none is given. */
static bool parse_authority(const char *text, const char *end, struct origin *origin, unsigned *port,
                            struct error *error)
{
    struct in6_addr ignored;
    const char *bracket = text < end && *text == '[' ? memchr(text, ']', (size_t)(end - text)) : NULL;
    const char *host_end = bracket != NULL ? bracket : text;
    const char *colon = host_end < end ? memchr(host_end, ':', (size_t)(end - host_end)) : NULL;
    const size_t length = (size_t)((colon != NULL ? colon : end) - text);

    if (length < sizeof origin->host)
        for (size_t i = 0; i < length; i++)
            origin->host[i] = (char)tolower((unsigned char)text[i]);
    if (length >= sizeof origin->host || strlen(origin->host) != length ||
        (!is_host_name(origin->host) && !parse_ipv6(origin->host, &ignored))) {
        error_set(error, ERROR_INPUT, "the address's host name is not valid");
        return error_hint(error, "check its spelling");
    }
    if (colon != NULL && !parse_port(colon + 1, end, port)) {
        error_set(error, ERROR_INPUT, "the address's port is not a number from 1 to 65535");
        return error_hint(error, "leave out the port for the usual one");
    }
    return true;
}

/* What stands behind the scheme; NULL for another scheme or none. */
static const char *skip_scheme(const char *text, size_t length, bool *secure)
{
    static const char https[] = "https://";
    static const char http[] = "http://";

    *secure = length >= sizeof https - 1 && strncasecmp(text, https, sizeof https - 1) == 0;
    if (*secure)
        return text + sizeof https - 1;
    return length >= sizeof http - 1 && strncasecmp(text, http, sizeof http - 1) == 0 ? text + sizeof http - 1 : NULL;
}

static bool parse(const char *text, size_t length, struct origin *origin, struct error *error)
{
    const char *end = text + length;
    const char *authority = skip_scheme(text, length, &origin->secure);

    if (authority == NULL)
        return error_set(error, ERROR_INPUT, "the address does not begin with https://");
    if (end > authority && end[-1] == '/')
        end--;
    for (const char *other = authority; other < end; other++)
        if (strchr("/?#@\\", *other) != NULL) {
            error_set(error, ERROR_INPUT, "the address has more to it than a host and a port");
            return error_hint(error, "leave out the user, path, query and fragment");
        }

    const unsigned default_port = origin->secure ? 443 : 80;
    unsigned port = default_port;
    if (!parse_authority(authority, end, origin, &port, error))
        return false;
    if (!origin->secure && !is_loopback(origin->host)) {
        error_set(error, ERROR_INPUT, "the address uses http://, which would send secrets in the clear");
        return error_hint(error, "use https://; http:// is only for 127.0.0.0/8, [::1] and localhost");
    }
    if (port == default_port)
        snprintf(origin->authority, sizeof origin->authority, "%s", origin->host);
    else
        snprintf(origin->authority, sizeof origin->authority, "%s:%u", origin->host, port);
    snprintf(origin->url, sizeof origin->url, "%s://%s", origin->secure ? "https" : "http", origin->authority);
    return true;
}

bool origin_parse(const char *text, size_t length, struct origin *origin, struct error *error)
{
    *origin = (struct origin){0};
    if (parse(text, length, origin, error))
        return true;
    *origin = (struct origin){0};
    return false;
}
