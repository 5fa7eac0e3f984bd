/* custom_ids.h - which identity has a custom id: a hash table of 4 bytes a slot over the store's own texts. */
#ifndef EMULATOR_CUSTOM_IDS_H
#define EMULATOR_CUSTOM_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct custom_ids {
    uint32_t *slots; /* identity + 1; 0: free */
    size_t capacity; /* a power of two */
    size_t count;
    /* The custom id of an identity; the table keeps no text of its own. */
    const char *(*text_of)(const void *context, uint32_t identity);
    const void *context;
};

void custom_ids_init(struct custom_ids *table, const char *(*text_of)(const void *, uint32_t), const void *context);
void custom_ids_clear(struct custom_ids *table);
bool custom_ids_find(const struct custom_ids *table, const char *custom_id, uint32_t *identity);
/* Makes room for one more, so that custom_ids_add() cannot fail. */
bool custom_ids_reserve(struct custom_ids *table);
/* The identity's text must be in place, and not be in the table. */
void custom_ids_add(struct custom_ids *table, uint32_t identity);
void custom_ids_remove(struct custom_ids *table, uint32_t identity);

#endif
