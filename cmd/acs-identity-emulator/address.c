#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static bool parse_port(const char *text, in_port_t *port)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    const unsigned long number = strtoul(text, &end, 10);
    *port = htons((uint16_t)number);
    return *end == '\0' && number <= UINT16_MAX;
}

static bool parse_v6(const char *host, in_port_t port, struct address *address)
{
    address->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
    address->length = sizeof address->v6;
    return inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1;
}

static bool parse_v4(const char *host, in_port_t port, struct address *address)
{
    address->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
    address->length = sizeof address->v4;
    return inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &address->v4.sin_addr) == 1;
}

bool address_parse(const char *text, struct address *address, struct error *error)
{
    char host[INET6_ADDRSTRLEN + 2];
    in_port_t port = 0;

    const char *colon = strrchr(text, ':');
    const size_t length = colon == NULL ? 0 : (size_t)(colon - text);
    if (length == 0 || length >= sizeof host || !parse_port(colon + 1, &port))
        goto wrong;
    memcpy(host, text, length);
    host[length] = '\0';
    if (host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        if (parse_v6(host + 1, port, address))
            return true;
    } else if (parse_v4(host, port, address)) {
        return true;
    }
wrong:
    error_set(error, ERROR_INPUT, "--listen: \"%s\" is not an address and a port", text);
    return error_hint(error, "write it as 127.0.0.1:8080 or [::1]:8080; port 0 picks a free one");
}

int address_listen(struct address *address, struct error *error)
{
    const int on = 1;
    const int off = 0;
    char text[ADDRESS_TEXT_SIZE];

    const int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        error_errno(error, "cannot open a socket");
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->any.sa_family == AF_INET6) /* [::] takes IPv4 as well */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, &address->any, address->length) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, &address->any, &address->length) != 0) {
        const bool taken = errno == EADDRINUSE;
        address_format(address, text);
        error_errno(error, "cannot listen on %s", text);
        if (taken)
            error_hint(error, "another program has this port; --listen 127.0.0.1:0 picks a free one");
        close(fd);
        return -1;
    }
    return fd;
}

void address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "";

    if (address->any.sa_family == AF_INET6) {
        const bool all = IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
        snprintf(text, ADDRESS_TEXT_SIZE, "[%s]:%u", all ? "::1" : host, ntohs(address->v6.sin6_port));
    } else {
        const bool all = address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        snprintf(text, ADDRESS_TEXT_SIZE, "%s:%u", all ? "127.0.0.1" : host, ntohs(address->v4.sin_port));
    }
}

bool address_is_loopback(const struct sockaddr *address)
{
    if (address == NULL)
        return false;
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == 127;
    if (address->sa_family != AF_INET6)
        return false;
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}
