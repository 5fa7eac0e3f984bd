#include "output/ndjson.h"

#include <string.h>

/* What must be escaped and has a letter of its own, and these letters. */
static const char escaped[] = "\"\\\b\f\n\r\t";
static const char letters[] = "\"\\bfnrt";

void ndjson_append(struct buffer *line, const char *text, size_t length)
{
    size_t from = 0; /* what is to be copied as it is */

    buffer_append_char(line, '"');
    for (size_t i = 0; i < length; i++) {
        const unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        buffer_append(line, text + from, i - from);
        from = i + 1;
        const char *found = byte != '\0' ? strchr(escaped, byte) : NULL;
        if (found != NULL) {
            buffer_append_char(line, '\\');
            buffer_append_char(line, letters[found - escaped]);
        } else {
            buffer_append_format(line, "\\u%04x", byte);
        }
    }
    buffer_append(line, text + from, length - from);
    buffer_append_char(line, '"');
}

static int hex_digit(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = digit != '\0' ? strchr(digits, digit) : NULL;

    return found != NULL ? (int)(found - digits) : -1;
}

/* The byte that an escape stands for, after its backslash; 0: it is none of ours. */
static char take_escape(char **next)
{
    const char letter = **next;
    const char *found = letter != '\0' ? strchr(letters, letter) : NULL;

    if (found != NULL) {
        (*next)++;
        return escaped[found - letters];
    }
    if (strncmp(*next, "u00", 3) != 0)
        return '\0';
    const int high = hex_digit((*next)[3]);
    const int low = high >= 0 ? hex_digit((*next)[4]) : -1;
    if (high > 1 || low < 0) /* others stand for themselves */
        return '\0';
    *next += 5;
    return (char)(high * 16 + low);
}

char *ndjson_take(char **next, size_t *length)
{
    char *from = *next;
    char *text = from + 1;
    char *to = text;

    if (*from++ != '"')
        return NULL;
    while (*from != '"') {
        char byte = *from++;
        if (byte == '\0' || (byte == '\\' && (byte = take_escape(&from)) == '\0'))
            return NULL;
        *to++ = byte;
    }
    *next = from + 1;
    *to = '\0';
    *length = (size_t)(to - text);
    return text;
}
