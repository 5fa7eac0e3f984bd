#include "core/uuid.h"

#include <string.h>

void uuid_format(const unsigned char random[UUID_BYTES], char text[UUID_LENGTH + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[UUID_BYTES];

    memcpy(bytes, random, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    for (int i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *text++ = '-';
        *text++ = digits[bytes[i] >> 4];
        *text++ = digits[bytes[i] & 15];
    }
    *text = '\0';
}
