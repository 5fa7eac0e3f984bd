/* encoding.h - base64 in its two alphabets, hexadecimal digits and guids. */
#ifndef EMULATOR_ENCODING_H
#define EMULATOR_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BASE64_LENGTH(bytes) (((bytes) + 2) / 3 * 4)

enum { GUID_LENGTH = 36 };

/* Standard alphabet, padded. `text` has room for BASE64_LENGTH(length) characters; no NUL is written. Returns how
 * many characters were. */
size_t base64_encode(const void *bytes, size_t length, char *text);
/* URL alphabet, no padding; as base64_encode otherwise. */
size_t base64url_encode(const void *bytes, size_t length, char *text);
/* Standard alphabet, strict: padding and the bits it hides are checked. `bytes` has room for length / 4 * 3. */
bool base64_decode(const char *text, size_t length, unsigned char *bytes, size_t *decoded);
/* URL alphabet, padded or not, lenient about the last bits. `bytes` has room for length * 3 / 4. */
bool base64url_decode(const char *text, size_t length, unsigned char *bytes, size_t *decoded);

/* The `digits` low hexadecimal digits of a number, lower case. Returns where the text goes on. */
char *hex_put(char *text, uint64_t number, int digits);
/* Lower case only, exactly `digits` of them. */
bool hex_take(const char *text, int digits, uint64_t *number);

/* 8-4-4-4-12 from 16 bytes; NUL-terminated. */
void guid_format(const unsigned char bytes[16], char text[GUID_LENGTH + 1]);
/* Any case, without braces. */
bool guid_is_valid(const char *text);

#endif
