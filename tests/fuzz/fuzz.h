/* fuzz.h - what the fuzz targets share.
 *
 * A target is a function of its input alone: no network, no clock, no file but in memory.  It does not only look for
 * crashes: MUST() states what holds for every input.
 */
#ifndef ROLLCALL_TESTS_FUZZ_H
#define ROLLCALL_TESTS_FUZZ_H

#include "core/file.h"
#include "core/problems.h"
#include "core/utf8.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                     \
    do {                                                                                    \
        if (!(condition)) {                                                                 \
            fprintf(stderr, "%s:%d: this must hold: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                        \
        }                                                                                   \
    } while (0)

/* The input as a text, up to its first NUL; the caller frees it. Its room is exact: a byte read too far is noticed. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    const size_t length = strnlen((const char *)data, size);
    char *text = malloc(length + 1);

    MUST(text != NULL);
    memcpy(text, data, length);
    text[length] = '\0';
    return text;
}

/* The input as a file in memory; the caller closes it. */
static inline int fuzz_file(const void *bytes, size_t length)
{
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);

    MUST(fd >= 0);
    MUST(fchmod(fd, 0600) == 0);
    MUST(file_write_all(fd, bytes, length));
    return fd;
}

/* One line of UTF-8 that does nothing to a terminal. */
static inline bool fuzz_is_line(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (iscntrl((unsigned char)*at))
            return false;
    return utf8_valid_length(text, strlen(text)) == strlen(text);
}

/* Whether `text` repeats part of what may be a secret: eight letters and digits in a row, a digit among them. No
 * message of ours has such a word of its own. */
static inline bool fuzz_repeats(const char *text, const char *secret, size_t length)
{
    enum { RUN = 8 };

    for (size_t i = 0; i + RUN <= length; i++) {
        bool digit = false;
        size_t run = 0;
        while (run < RUN && isascii(secret[i + run]) && isalnum((unsigned char)secret[i + run]))
            digit |= isdigit((unsigned char)secret[i + run++]) != 0;
        if (run == RUN && digit && memmem(text, strlen(text), secret + i, RUN) != NULL)
            return true;
    }
    return false;
}

/* Every problem says in one line what is wrong and, unless it is about the file as a whole, where. */
static inline void fuzz_check_problems(const struct problems *problems)
{
    MUST(!problems->no_memory && problems->count <= problems->total);
    MUST(problems->count == problems->total || problems->count == PROBLEMS_KEPT);
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->list[i];
        MUST(problem->message[0] != '\0' && fuzz_is_line(problem->message));
        MUST(problem->hint == NULL || fuzz_is_line(problem->hint));
        MUST(problem->line > 0 || problem->column == 0);
    }
}

#endif
