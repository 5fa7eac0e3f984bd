/* engine.connect_to: where to connect instead of a host's own address, in the words of curl's --connect-to. */
#include "spec/spec_internal.h"

#include <ctype.h>
#include <string.h>

enum { PARTS = 4, HOST_LONGEST = 253, PORT_LARGEST = 65535 };

/* The length of what stands before the next ':'; one within brackets does not count. */
static size_t part_length(const char *text)
{
    const char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;
    const size_t skipped = bracket == NULL ? 0 : (size_t)(bracket - text);

    return skipped + strcspn(text + skipped, ":");
}

/* Empty, a name or address without ':', or an IPv6 address in its brackets. libcurl finds out the rest. */
static bool is_host(const char *text, size_t length)
{
    const bool bracketed = length > 2 && text[0] == '[' && text[length - 1] == ']';

    if (length > HOST_LONGEST)
        return false;
    for (size_t i = bracketed ? 1 : 0; i < length - (bracketed ? 1 : 0); i++)
        if (!isascii(text[i]) ||
            (!isalnum((unsigned char)text[i]) && strchr(bracketed ? ":." : "-._", text[i]) == NULL))
            return false;
    return true;
}

/* Empty, or a number from 1. */
static bool is_port(const char *text, size_t length)
{
    unsigned port = 0;

    if (length > 5)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return length == 0 || (port > 0 && port <= PORT_LARGEST);
}

static bool leads_somewhere(const char *text)
{
    size_t given = 0; /* characters of the last two parts */

    for (int part = 0; part < PARTS; part++) {
        const size_t length = part_length(text);
        if (!(part % 2 == 0 ? is_host(text, length) : is_port(text, length)))
            return false;
        given += part >= 2 ? length : 0;
        text += length;
        if (part + 1 < PARTS && *text++ != ':')
            return false;
    }
    return *text == '\0' && given > 0;
}

bool spec_check_connect_to(struct spec_reader *reader)
{
    const struct spec_node *node = spec_node_find(reader->root, "engine.connect_to");
    const struct spec_node *item = node != NULL && node->kind == SPEC_LIST ? node->children : node;
    char shown[SPEC_SHOWN_SIZE];

    for (; item != NULL; item = node->kind == SPEC_LIST ? item->next : NULL)
        if (!leads_somewhere(item->text))
            spec_fault(reader, item, "write for example contoso.communication.azure.com:443:10.1.2.3:443",
                       "engine.connect_to: %s is not HOST:PORT:CONNECT-HOST:CONNECT-PORT",
                       spec_shown(item->text, shown));
    return true;
}
