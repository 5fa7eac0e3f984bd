#include "core/utf8.h"

#include <stdint.h>
#include <string.h>

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* The second byte is where overlong forms, surrogates and what lies beyond U+10FFFF show. */
static bool is_second(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xE0: return second >= 0xA0 && second <= 0xBF;
    case 0xED: return second >= 0x80 && second <= 0x9F;
    case 0xF0: return second >= 0x90 && second <= 0xBF;
    case 0xF4: return second >= 0x80 && second <= 0x8F;
    default: return is_continuation(second);
    }
}

/* Bytes of a character that begins with this one; 0 when none does. */
static size_t announced_size(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
}

/* Bytes of the character that starts here; 0 when it is malformed or NUL. */
static size_t character_size(const unsigned char *bytes, size_t length)
{
    const unsigned char first = bytes[0];
    const size_t size = announced_size(first);

    if (first == 0 || size == 0 || size > length)
        return 0;
    if (size > 1 && !is_second(first, bytes[1]))
        return 0;
    for (size_t i = 2; i < size; i++)
        if (!is_continuation(bytes[i]))
            return 0;
    return size;
}

static uint64_t word_at(const char *text)
{
    uint64_t word;

    memcpy(&word, text, sizeof word);
    return word;
}

/* Of eight bytes: high bits are left where one is set, or where taking 1 from each byte borrows, as NUL does. */
static uint64_t not_plain(uint64_t word)
{
    return (word | (word - 0x0101010101010101)) & 0x8080808080808080;
}

bool utf8_is_plain(const char *text, size_t length)
{
    uint64_t found = 0;
    size_t at = 0;

    for (; length - at >= sizeof found; at += sizeof found)
        found |= not_plain(word_at(text + at));
    for (; at < length; at++)
        found |= text[at] == '\0' || (unsigned char)text[at] >= 0x80;
    return found == 0;
}

size_t utf8_valid_length(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t at = 0;

    while (at < length) {
        if (length - at >= sizeof(uint64_t) && not_plain(word_at(text + at)) == 0) {
            at += sizeof(uint64_t);
            continue;
        }
        const size_t size = character_size(bytes + at, length - at);
        if (size == 0)
            break;
        at += size;
    }
    return at;
}

size_t utf8_count(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t count = 0;

    for (size_t at = 0; at < length; count++) {
        const size_t size = character_size(bytes + at, length - at);
        at += size > 0 ? size : 1;
    }
    return count;
}

size_t utf8_cut_length(const char *text, size_t length)
{
    const unsigned char *end = (const unsigned char *)text + length;

    for (size_t cut = 1; cut <= 3 && cut <= length; cut++)
        if (!is_continuation(end[-(ptrdiff_t)cut]))
            return announced_size(end[-(ptrdiff_t)cut]) > cut ? cut : 0;
    return 0;
}
