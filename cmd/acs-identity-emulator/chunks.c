#include "chunks.h"

#include <stdlib.h>

void chunks_init(struct chunks *chunks, size_t item_size)
{
    *chunks = (struct chunks){.item_size = item_size};
}

void chunks_clear(struct chunks *chunks)
{
    for (size_t i = 0; i < chunks->allocated; i++)
        free(chunks->list[i]);
    free(chunks->list);
    chunks_init(chunks, chunks->item_size);
}

static bool add_chunk(struct chunks *chunks)
{
    if (chunks->allocated == chunks->slots) {
        const size_t slots = chunks->slots == 0 ? 64 : chunks->slots * 2;
        char **list = realloc(chunks->list, slots * sizeof *list);
        if (list == NULL)
            return false;
        chunks->list = list;
        chunks->slots = slots;
    }
    char *chunk = calloc(CHUNK_ITEMS, chunks->item_size);
    if (chunk == NULL)
        return false;
    chunks->list[chunks->allocated++] = chunk;
    return true;
}

void *chunks_add(struct chunks *chunks)
{
    if (chunks->count == UINT32_MAX)
        return NULL;
    if (chunks->count >> CHUNK_SHIFT == chunks->allocated && !add_chunk(chunks))
        return NULL;
    return chunks_at(chunks, chunks->count++);
}
