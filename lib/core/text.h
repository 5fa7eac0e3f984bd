/* text.h - what others said, made fit to be shown. */
#ifndef ROLLCALL_CORE_TEXT_H
#define ROLLCALL_CORE_TEXT_H

#include <stddef.h>

/* Copies what fits of UTF-8 as one printable line, with "***" for what may be a token. */
void text_print(const char *text, char *line, size_t size);

#endif
