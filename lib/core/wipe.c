#include "core/wipe.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void wipe_free(void *memory)
{
    if (memory != NULL)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

void *wipe_realloc(void *memory, size_t size)
{
    const size_t before = memory != NULL ? malloc_usable_size(memory) : 0;
    void *other = size > 0 ? malloc(size) : NULL;

    if (other == NULL && size > 0)
        return NULL;
    if (before > 0 && size > 0)
        memcpy(other, memory, before < size ? before : size);
    wipe_free(memory);
    return other;
}
