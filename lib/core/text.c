#include "core/text.h"

#include <ctype.h>
#include <string.h>

bool text_is_token_character(char character)
{
    return character != '\0' && isascii(character) &&
           (isalnum((unsigned char)character) || strchr("-_.=+/", character) != NULL);
}

/* The length of the character at `text` if it must not reach a terminal or break a line, else 0: C0, DEL, C1, line
 * separators, and what turns the direction of writing (U+2028 to U+202E, U+2066 to U+2069). */
static size_t unprintable(const unsigned char *text)
{
    if (text[0] < 0x20 || text[0] == 0x7F)
        return 1;
    if (text[0] == 0xC2 && text[1] >= 0x80 && text[1] < 0xA0)
        return 2;
    if (text[0] == 0xE2 && text[1] == 0x80 && text[2] >= 0xA8 && text[2] <= 0xAE)
        return 3;
    if (text[0] == 0xE2 && text[1] == 0x81 && text[2] >= 0xA6 && text[2] <= 0xA9)
        return 3;
    return 0;
}

/* 0: no character begins here. */
static size_t character_length(const unsigned char *text)
{
    const size_t length = text[0] < 0x80 ? 1 : text[0] < 0xC2 ? 0 : text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : 4;

    if (text[0] > 0xF4)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

/* Every JSON Web Token begins with eyJ, base64 for '{"': should one ever be quoted, it ends here. */
void text_print(const char *text, char *line, size_t size)
{
    size_t length = 0;

    while (*text != '\0') {
        const char *piece = text;
        size_t piece_length = unprintable((const unsigned char *)text);
        if (piece_length > 0) {
            text += piece_length;
            piece = " ";
            piece_length = 1;
        } else if (strncmp(text, "eyJ", 3) == 0) {
            while (text_is_token_character(*text))
                text++;
            piece = "***";
            piece_length = 3;
        } else if ((piece_length = character_length((const unsigned char *)text)) > 0) {
            text += piece_length;
        } else {
            text++;
            piece = "?";
            piece_length = 1;
        }
        if (piece_length >= size - length)
            break;
        memcpy(line + length, piece, piece_length);
        length += piece_length;
    }
    line[length] = '\0';
}

const char *text_noun(uint64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}
