/* texts.h - many short texts that are kept for good, each named by 32 bits. */
#ifndef EMULATOR_TEXTS_H
#define EMULATOR_TEXTS_H

#include <stddef.h>
#include <stdint.h>

struct texts {
    char **blocks;
    size_t count;
    size_t slots;
    size_t used; /* of the last block */
};

enum { TEXT_LONGEST = 4096 };

void texts_init(struct texts *texts);
void texts_clear(struct texts *texts);
/* Copies. Returns its name, never 0; 0 when out of memory or longer than TEXT_LONGEST. */
uint32_t texts_add(struct texts *texts, const char *text, size_t length);
/* NUL-terminated; the name 0 is "". */
const char *texts_get(const struct texts *texts, uint32_t name);

#endif
