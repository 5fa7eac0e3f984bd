#include "texts.h"

#include <stdlib.h>
#include <string.h>

/* A name is the place of the text in units of four bytes, so that 32 bits reach 16 GiB. */
enum { UNIT = 4, BLOCK_SHIFT = 20, BLOCK_SIZE = 1 << BLOCK_SHIFT };

void texts_init(struct texts *texts)
{
    *texts = (struct texts){.used = BLOCK_SIZE};
}

void texts_clear(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->blocks[i]);
    free(texts->blocks);
    texts_init(texts);
}

static int add_block(struct texts *texts)
{
    if (texts->count == texts->slots) {
        const size_t slots = texts->slots == 0 ? 16 : texts->slots * 2;
        char **blocks = realloc(texts->blocks, slots * sizeof *blocks);
        if (blocks == NULL)
            return 0;
        texts->blocks = blocks;
        texts->slots = slots;
    }
    char *block = malloc(BLOCK_SIZE);
    if (block == NULL)
        return 0;
    texts->blocks[texts->count++] = block;
    texts->used = texts->count == 1 ? UNIT : 0; /* the name 0 is taken by "none" */
    return 1;
}

uint32_t texts_add(struct texts *texts, const char *text, size_t length)
{
    const size_t needed = (length + 1 + UNIT - 1) / UNIT * UNIT;

    if (length > TEXT_LONGEST || texts->count > (size_t)UINT32_MAX / BLOCK_SIZE * UNIT)
        return 0;
    if (texts->used + needed > BLOCK_SIZE && !add_block(texts))
        return 0;
    const size_t block = texts->count - 1;
    char *place = texts->blocks[block] + texts->used;
    memcpy(place, text, length);
    place[length] = '\0';
    const uint32_t name = (uint32_t)(((block << BLOCK_SHIFT) + texts->used) / UNIT);
    texts->used += needed;
    return name;
}

const char *texts_get(const struct texts *texts, uint32_t name)
{
    const size_t place = (size_t)name * UNIT;

    return name == 0 ? "" : texts->blocks[place >> BLOCK_SHIFT] + (place & (BLOCK_SIZE - 1));
}
