/* utf8.h - checking text that comes from outside, fast where it is ASCII. */
#ifndef ROLLCALL_CORE_UTF8_H
#define ROLLCALL_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Whether all of it is ASCII without NUL. */
bool utf8_is_plain(const char *text, size_t length);

/* How many bytes from the start are well-formed UTF-8 (Unicode 15, table 3-7: no overlong forms, no surrogates) and
 * no NUL: `length` when all are, else the place of the first byte that is not. */
size_t utf8_valid_length(const char *text, size_t length);

/* The number of characters; bytes that belong to none count as one each. */
size_t utf8_count(const char *text, size_t length);

/* How many bytes at the end may begin a character whose other bytes are to follow: 0 to 3. */
size_t utf8_cut_length(const char *text, size_t length);

#endif
