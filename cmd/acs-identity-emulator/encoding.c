#include "encoding.h"

#include <ctype.h>
#include <string.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Writes whole groups, then a last one of 2 or 3 characters. Returns how many characters were written. */
static size_t encode(const char *alphabet, const unsigned char *bytes, size_t length, char *text)
{
    char *next = text;

    for (; length >= 3; bytes += 3, length -= 3) {
        const uint32_t group = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
        *next++ = alphabet[group >> 18];
        *next++ = alphabet[group >> 12 & 63];
        *next++ = alphabet[group >> 6 & 63];
        *next++ = alphabet[group & 63];
    }
    if (length > 0) {
        const uint32_t group = (uint32_t)bytes[0] << 16 | (length == 2 ? (uint32_t)bytes[1] << 8 : 0);
        *next++ = alphabet[group >> 18];
        *next++ = alphabet[group >> 12 & 63];
        if (length == 2)
            *next++ = alphabet[group >> 6 & 63];
    }
    return (size_t)(next - text);
}

size_t base64_encode(const void *bytes, size_t length, char *text)
{
    size_t written = encode(standard, bytes, length, text);

    while (written % 4 != 0)
        text[written++] = '=';
    return written;
}

size_t base64url_encode(const void *bytes, size_t length, char *text)
{
    return encode(url_safe, bytes, length, text);
}

static int digit_of(char character, const char *last_two)
{
    if (character >= 'A' && character <= 'Z')
        return character - 'A';
    if (character >= 'a' && character <= 'z')
        return character - 'a' + 26;
    if (character >= '0' && character <= '9')
        return character - '0' + 52;
    if (character == last_two[0])
        return 62;
    return character == last_two[1] ? 63 : -1;
}

/* `text` holds no padding any more. *rest receives the bits that belong to no byte. */
static bool decode(const char *text, size_t length, const char *last_two, unsigned char *bytes, size_t *decoded,
                   uint32_t *rest)
{
    uint32_t bits = 0;
    int held = 0;

    *decoded = 0;
    for (size_t i = 0; i < length; i++) {
        const int digit = digit_of(text[i], last_two);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes[(*decoded)++] = (unsigned char)(bits >> held);
            bits &= (1U << held) - 1;
        }
    }
    *rest = bits;
    return held < 6;
}

static size_t without_padding(const char *text, size_t length)
{
    for (int i = 0; i < 2 && length > 0 && text[length - 1] == '='; i++)
        length--;
    return length;
}

bool base64_decode(const char *text, size_t length, unsigned char *bytes, size_t *decoded)
{
    uint32_t rest;

    return length % 4 == 0 && decode(text, without_padding(text, length), standard + 62, bytes, decoded, &rest) &&
           rest == 0;
}

bool base64url_decode(const char *text, size_t length, unsigned char *bytes, size_t *decoded)
{
    uint32_t rest;

    return decode(text, without_padding(text, length), url_safe + 62, bytes, decoded, &rest);
}

char *hex_put(char *text, uint64_t number, int digits)
{
    for (int i = digits - 1; i >= 0; i--, number >>= 4)
        text[i] = "0123456789abcdef"[number & 15];
    return text + digits;
}

bool hex_take(const char *text, int digits, uint64_t *number)
{
    *number = 0;
    for (int i = 0; i < digits; i++) {
        const char c = text[i];
        if (c >= '0' && c <= '9')
            *number = *number << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            *number = *number << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    return true;
}

void guid_format(const unsigned char bytes[16], char text[GUID_LENGTH + 1])
{
    char *next = text;

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *next++ = '-';
        next = hex_put(next, bytes[i], 2);
    }
    *next = '\0';
}

bool guid_is_valid(const char *text)
{
    for (int i = 0; i < GUID_LENGTH; i++) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    }
    return text[GUID_LENGTH] == '\0';
}
