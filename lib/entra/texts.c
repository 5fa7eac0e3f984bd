/* Encodings, and the parts of an address. */
#include "entra/entra_internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

void append_encoded(struct buffer *buffer, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (; *text != '\0'; text++) {
        const unsigned char character = (unsigned char)*text;
        if (isascii(character) && (isalnum(character) || strchr("-._~", character) != NULL)) {
            buffer_append_char(buffer, *text);
        } else {
            const char encoded[3] = {'%', digits[character >> 4], digits[character & 15]};
            buffer_append(buffer, encoded, sizeof encoded);
        }
    }
}

void append_base64(struct buffer *buffer, const void *bytes, size_t length)
{
    char *room = buffer_reserve(buffer, (length + 2) / 3 * 4);

    if (room != NULL)
        buffer_commit(buffer, (size_t)EVP_EncodeBlock((unsigned char *)room, bytes, (int)length));
}

void append_base64url(struct buffer *buffer, const void *bytes, size_t length)
{
    const size_t start = buffer->length;

    append_base64(buffer, bytes, length);
    if (buffer_failed(buffer))
        return;
    while (buffer->length > start && buffer->data[buffer->length - 1] == '=')
        buffer->data[--buffer->length] = '\0';
    for (size_t i = start; i < buffer->length; i++) {
        if (buffer->data[i] == '+')
            buffer->data[i] = '-';
        else if (buffer->data[i] == '/')
            buffer->data[i] = '_';
    }
}

bool split_url(const char *url, char origin[ENTRA_ORIGIN_SIZE], const char **path)
{
    const char *host = strstr(url, "://");

    if (host == NULL || (strncmp(url, "https:", 6) != 0 && strncmp(url, "http:", 5) != 0))
        return false;
    const size_t host_length = strcspn(host + 3, "/?#");
    const size_t length = (size_t)(host + 3 - url) + host_length;
    if (host_length == 0 || length >= ENTRA_ORIGIN_SIZE || strcspn(url, " \t\r\n@\\#") != strlen(url))
        return false;
    memcpy(origin, url, length);
    origin[length] = '\0';
    *path = url + length;
    return true;
}

/* 127/8, 10/8, 172.16/12, 192.168/16 and 169.254/16 */
static bool is_near_ipv4(uint32_t address)
{
    return address >> 24 == 127 || address >> 24 == 10 || address >> 20 == 0xAC1 || address >> 16 == 0xC0A8 ||
           address >> 16 == 0xA9FE;
}

/* ::1, fc00::/7 and fe80::/10 */
static bool is_near_ipv6(const unsigned char address[16])
{
    static const unsigned char loopback[16] = {[15] = 1};

    return memcmp(address, loopback, sizeof loopback) == 0 || (address[0] & 0xFE) == 0xFC ||
           (address[0] == 0xFE && (address[1] & 0xC0) == 0x80);
}

bool is_near_address(const char *url)
{
    const char *host = strstr(url, "://");
    struct in_addr v4;
    struct in6_addr v6;
    char text[64];

    if (host == NULL)
        return false;
    host += 3;
    const bool is_v6 = *host == '[';
    const size_t length = is_v6 ? strcspn(++host, "]") : strcspn(host, ":/?");
    if (length >= sizeof text)
        return false;
    memcpy(text, host, length);
    text[length] = '\0';
    if (is_v6)
        return inet_pton(AF_INET6, text, &v6) == 1 && is_near_ipv6(v6.s6_addr);
    return strcmp(text, "localhost") == 0 || (inet_pton(AF_INET, text, &v4) == 1 && is_near_ipv4(ntohl(v4.s_addr)));
}
