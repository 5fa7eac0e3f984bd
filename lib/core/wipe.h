/* wipe.h - memory that is wiped when it is let go of: for libraries that allocate by functions of ours. */
#ifndef ROLLCALL_CORE_WIPE_H
#define ROLLCALL_CORE_WIPE_H

#include <stddef.h>

/* As free() and realloc(), for memory of malloc(). A size of 0 frees. */
void wipe_free(void *memory);
void *wipe_realloc(void *memory, size_t size);

#endif
