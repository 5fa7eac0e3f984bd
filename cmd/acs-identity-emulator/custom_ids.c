#include "custom_ids.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024 };

void custom_ids_init(struct custom_ids *table, const char *(*text_of)(const void *, uint32_t), const void *context)
{
    *table = (struct custom_ids){.text_of = text_of, .context = context};
}

void custom_ids_clear(struct custom_ids *table)
{
    free(table->slots);
    custom_ids_init(table, table->text_of, table->context);
}

/* FNV-1a, then a multiplication that brings the high bits down: the table takes the low ones. */
static size_t home_of(const struct custom_ids *table, const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    hash ^= hash >> 32;
    return (size_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (table->capacity - 1);
}

/* The slot that holds the text, or the free one where it would go. */
static size_t slot_of(const struct custom_ids *table, const char *text)
{
    size_t slot = home_of(table, text);

    while (table->slots[slot] != 0 && strcmp(table->text_of(table->context, table->slots[slot] - 1), text) != 0)
        slot = (slot + 1) & (table->capacity - 1);
    return slot;
}

bool custom_ids_find(const struct custom_ids *table, const char *custom_id, uint32_t *identity)
{
    if (table->count == 0)
        return false;
    const size_t slot = slot_of(table, custom_id);
    if (table->slots[slot] == 0)
        return false;
    *identity = table->slots[slot] - 1;
    return true;
}

static void insert(struct custom_ids *table, uint32_t identity)
{
    table->slots[slot_of(table, table->text_of(table->context, identity))] = identity + 1;
    table->count++;
}

bool custom_ids_reserve(struct custom_ids *table)
{
    if ((table->count + 1) * 4 <= table->capacity * 3)
        return true;
    struct custom_ids larger = *table;
    larger.capacity = table->capacity == 0 ? FIRST_CAPACITY : table->capacity * 2;
    larger.count = 0;
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (larger.slots == NULL)
        return false;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i] != 0)
            insert(&larger, table->slots[i] - 1);
    free(table->slots);
    *table = larger;
    return true;
}

void custom_ids_add(struct custom_ids *table, uint32_t identity)
{
    insert(table, identity);
}

/* Linear probing without tombstones: what follows is moved back over the gap unless it is at home there. */
void custom_ids_remove(struct custom_ids *table, uint32_t identity)
{
    const size_t mask = table->capacity - 1;
    size_t gap = slot_of(table, table->text_of(table->context, identity));

    if (table->slots[gap] != identity + 1)
        return;
    table->count--;
    for (size_t next = (gap + 1) & mask; table->slots[next] != 0; next = (next + 1) & mask) {
        const size_t home = home_of(table, table->text_of(table->context, table->slots[next] - 1));
        if (((next - home) & mask) >= ((next - gap) & mask)) {
            table->slots[gap] = table->slots[next];
            gap = next;
        }
    }
    table->slots[gap] = 0;
}
