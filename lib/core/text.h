/* text.h - what others said, made fit to be shown; and words for what we say. */
#ifndef ROLLCALL_CORE_TEXT_H
#define ROLLCALL_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a JSON Web Token. */
bool text_is_token_character(char character);

/* Copies what fits of UTF-8 as one printable line, with "***" for what may be a token. */
void text_print(const char *text, char *line, size_t size);

/* The noun behind a number: "1 user", "0 users", "2 users". */
const char *text_noun(uint64_t count, const char *one, const char *many);

#endif
