/* chunks.h - an array that grows by chunks: an item never moves, and growing never needs twice the memory. */
#ifndef EMULATOR_CHUNKS_H
#define EMULATOR_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chunks {
    char **list;
    size_t allocated; /* chunks that exist */
    size_t slots;     /* of list */
    size_t item_size;
    uint32_t count; /* items */
};

enum { CHUNK_SHIFT = 16, CHUNK_ITEMS = 1 << CHUNK_SHIFT };

void chunks_init(struct chunks *chunks, size_t item_size);
void chunks_clear(struct chunks *chunks);
/* A zeroed item at index `count`, which then counts one more; NULL when memory or 32-bit indexes run out. */
void *chunks_add(struct chunks *chunks);

static inline void *chunks_at(const struct chunks *chunks, uint32_t index)
{
    return chunks->list[index >> CHUNK_SHIFT] + (size_t)(index & (CHUNK_ITEMS - 1)) * chunks->item_size;
}

#endif
