#include "form.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10 : -1;
}

bool percent_decode(const char *text, size_t length, bool plus_is_space, char *decoded, size_t size)
{
    size_t written = 0;

    for (size_t i = 0; i < length; i++) {
        char c = plus_is_space && text[i] == '+' ? ' ' : text[i];
        const int high = c == '%' && i + 2 < length ? hex_value(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        if (low >= 0) {
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0' || written + 1 >= size)
            return false;
        decoded[written++] = c;
    }
    decoded[written] = '\0';
    return true;
}

char *form_value(const char *text, size_t length, const char *name)
{
    const char *const end = text + length;
    const size_t name_length = strlen(name);

    while (text < end) {
        const char *ampersand = memchr(text, '&', (size_t)(end - text));
        const char *next = ampersand == NULL ? end : ampersand;
        if ((size_t)(next - text) > name_length && text[name_length] == '=' &&
            strncasecmp(text, name, name_length) == 0) {
            const char *value = text + name_length + 1;
            const size_t size = (size_t)(next - value) + 1;
            char *decoded = malloc(size);
            if (decoded != NULL && percent_decode(value, size - 1, true, decoded, size))
                return decoded;
            free(decoded);
            return NULL;
        }
        text = next == end ? end : next + 1;
    }
    return NULL;
}
