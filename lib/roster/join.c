#include "roster/join.h"

#include "core/file.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>
#include <xxhash.h>

/* 10 million entries a side make partitions of about 40,000. A side's buffers take 8 MB: a roster of 150,000 users
 * never reaches the disk. The size of a buffer is no power of two, so that the buffers do not compete for the same
 * lines of the cache. */
enum {
    PARTITIONS = 256,
    BUFFER_ENTRIES = 800,
    BUFFER_BYTES = BUFFER_ENTRIES * (int)sizeof(struct join_entry),
    HUGE_PAGE = 2 * 1024 * 1024,
    ALL_BUFFERS_BYTES = (PARTITIONS * BUFFER_BYTES + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE,
};

static const uint32_t no_block = UINT32_MAX;

struct partition { /* of one side: its entries in the order added are the blocks on disk, then the buffer */
    uint32_t first_block;
    uint32_t last_block;
    uint32_t buffered;
};

/* Each side is filled by one thread, and has its own cache lines. */
struct side {
    alignas(64) struct join_entry *buffers; /* of all partitions, one behind the other */
    struct partition partitions[PARTITIONS];
    int scratch;          /* -1 until a buffer is full; a sequence of blocks of BUFFER_BYTES */
    uint32_t *next_block; /* of the same partition, for each block */
    uint32_t block_count;
    uint32_t block_capacity;
};

struct join {
    struct side sides[JOIN_SIDES];
    uint64_t seed; /* random: nobody can choose keys that all fall into one partition */
};

struct join *join_new(struct error *error)
{
    struct join *join = aligned_alloc(alignof(struct join), sizeof *join);

    if (join == NULL) {
        error_no_memory(error);
        return NULL;
    }
    memset(join, 0, sizeof *join);
    for (int i = 0; i < JOIN_SIDES; i++) {
        struct side *side = &join->sides[i];
        side->scratch = -1;
        for (int k = 0; k < PARTITIONS; k++)
            side->partitions[k] = (struct partition){.first_block = no_block, .last_block = no_block};
    }
    if (getrandom(&join->seed, sizeof join->seed, 0) != (ssize_t)sizeof join->seed) {
        error_errno(error, "cannot get random bytes");
        free(join);
        return NULL;
    }
    return join;
}

void join_free(struct join *join)
{
    if (join == NULL)
        return;
    for (int i = 0; i < JOIN_SIDES; i++) {
        if (join->sides[i].scratch >= 0)
            close(join->sides[i].scratch);
        free(join->sides[i].buffers);
        free(join->sides[i].next_block);
    }
    free(join);
}

uint64_t join_watch_hash(const char *watch, size_t length)
{
    return XXH3_64bits(watch, length);
}

static struct join_entry *buffer_of(const struct side *side, size_t partition)
{
    return side->buffers + partition * BUFFER_ENTRIES;
}

static off_t place_of(uint32_t block)
{
    return (off_t)block * BUFFER_BYTES;
}

static bool append_block(struct side *side, struct error *error)
{
    if (side->block_count == side->block_capacity) {
        const uint32_t capacity = side->block_capacity == 0 ? 1024 : side->block_capacity * 2;
        uint32_t *next_block = realloc(side->next_block, capacity * sizeof *next_block);
        if (next_block == NULL)
            return error_no_memory(error);
        side->next_block = next_block;
        side->block_capacity = capacity;
    }
    side->next_block[side->block_count++] = no_block;
    return true;
}

static bool write_block(int fd, const void *bytes, uint32_t block)
{
    size_t done = 0;

    while (done < BUFFER_BYTES) {
        const ssize_t written =
            pwrite(fd, (const char *)bytes + done, BUFFER_BYTES - done, place_of(block) + (off_t)done);
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0)
            done += (size_t)written;
    }
    return true;
}

/* Moves the full buffer of a partition to the end of the side's scratch file. */
static bool spill(struct side *side, size_t index, struct error *error)
{
    struct partition *partition = &side->partitions[index];
    const uint32_t block = side->block_count;

    if (side->scratch < 0 && (side->scratch = file_open_scratch(error)) < 0)
        return false;
    if (!write_block(side->scratch, buffer_of(side, index), block)) {
        error_errno(error, "cannot write the temporary file for comparing roster and ledger");
        return error_hint(error, "free some space in $TMPDIR (or /tmp), or set TMPDIR to a place that has it");
    }
    if (!append_block(side, error))
        return false;
    if (partition->last_block == no_block)
        partition->first_block = block;
    else
        side->next_block[partition->last_block] = block;
    partition->last_block = block;
    partition->buffered = 0;
    return true;
}

/* The entries of a side go to places all over its buffers: with huge pages, where the system has them to give, adding
 * takes half the time. */
static bool make_buffers(struct side *side, struct error *error)
{
    side->buffers = aligned_alloc(HUGE_PAGE, ALL_BUFFERS_BYTES);
    if (side->buffers == NULL)
        return error_no_memory(error);
    madvise(side->buffers, ALL_BUFFERS_BYTES, MADV_HUGEPAGE); /* advice: that it may fail does not matter */
    return true;
}

bool join_add(struct join *join, enum join_side which, const char *key, size_t key_length, uint64_t watch, uint64_t ref,
              uint64_t extra, struct error *error)
{
    struct side *side = &join->sides[which];
    const XXH128_hash_t hash = XXH3_128bits_withSeed(key, key_length, join->seed);
    const size_t index = hash.high64 % PARTITIONS;
    struct partition *partition = &side->partitions[index];

    if (side->buffers == NULL && !make_buffers(side, error))
        return false;
    if (partition->buffered == BUFFER_ENTRIES && !spill(side, index, error))
        return false;
    buffer_of(side, index)[partition->buffered++] =
        (struct join_entry){.key = {hash.low64, hash.high64}, .watch = watch, .ref = ref, .extra = extra};
    return true;
}

/* One partition at a time is joined in a table that holds each key once: what is repeated takes no memory, so that
 * a column with few values, taken for the key by mistake, is reported as quickly as any other fault. */
struct slot {
    uint32_t tag;            /* a part of the key, to look at few entries */
    uint32_t at[JOIN_SIDES]; /* index into entries plus one; 0: the side lacks the key */
};

struct table {
    struct slot *slots;
    size_t slot_count; /* a power of two */
    size_t used;
    struct join_entry *entries;
    size_t entry_count;
    size_t entry_capacity;
};

static const size_t first_slot_count = 1024;

static uint32_t tag_of(const struct join_entry *entry)
{
    return (uint32_t)(entry->key[0] >> 32);
}

static bool is_same_key(const struct join_entry *a, const struct join_entry *b)
{
    return a->key[0] == b->key[0] && a->key[1] == b->key[1];
}

static const struct join_entry *any_entry(const struct table *table, const struct slot *slot)
{
    for (int side = 0; side < JOIN_SIDES; side++)
        if (slot->at[side] != 0)
            return &table->entries[slot->at[side] - 1];
    return NULL;
}

/* The slot of the key, or the free one that it would take. */
static struct slot *find_slot(const struct table *table, const struct join_entry *entry)
{
    const size_t mask = table->slot_count - 1;

    for (size_t i = entry->key[0] & mask;; i = (i + 1) & mask) {
        struct slot *slot = &table->slots[i];
        const struct join_entry *other = any_entry(table, slot);
        if (other == NULL || (slot->tag == tag_of(entry) && is_same_key(other, entry)))
            return slot;
    }
}

static bool grow_slots(struct table *table, struct error *error)
{
    struct table larger = *table;

    larger.slot_count = table->slot_count == 0 ? first_slot_count : table->slot_count * 2;
    larger.slots = calloc(larger.slot_count, sizeof *larger.slots);
    if (larger.slots == NULL) {
        error_no_memory(error);
        return false;
    }
    for (size_t i = 0; i < table->slot_count; i++) {
        const struct join_entry *entry = any_entry(table, &table->slots[i]);
        if (entry != NULL)
            *find_slot(&larger, entry) = table->slots[i];
    }
    free(table->slots);
    *table = larger;
    return true;
}

/* Room for a block of entries behind those that the table has; NULL when out of memory. */
static struct join_entry *reserve_entries(struct table *table, struct error *error)
{
    if (table->entry_capacity - table->entry_count < BUFFER_ENTRIES) {
        const size_t capacity = (table->entry_capacity + BUFFER_ENTRIES) * 2;
        struct join_entry *entries = capacity < UINT32_MAX ? realloc(table->entries, capacity * sizeof *entries) : NULL;
        if (entries == NULL) {
            error_no_memory(error);
            return NULL;
        }
        table->entries = entries;
        table->entry_capacity = capacity;
    }
    return table->entries + table->entry_count;
}

/* Takes the `count` entries that stand behind the table's: keeps the first of each key, reports the others. */
static bool insert_entries(struct table *table, enum join_side side, size_t count, const struct join_visitor *visitor,
                           struct error *error)
{
    const struct join_entry *block = table->entries + table->entry_count;

    for (size_t i = 0; i < count; i++) {
        if (table->used * 4 >= table->slot_count * 3 && !grow_slots(table, error))
            return false;
        const struct join_entry *entry = &block[i];
        struct slot *slot = find_slot(table, entry);
        if (slot->at[side] != 0) {
            const struct join_entry *first = &table->entries[slot->at[side] - 1];
            if (!visitor->duplicate(visitor->context, side, first, entry, error))
                return false;
            continue;
        }
        table->used += any_entry(table, slot) == NULL;
        slot->tag = tag_of(entry);
        if (&table->entries[table->entry_count] != entry)
            table->entries[table->entry_count] = *entry;
        slot->at[side] = (uint32_t)++table->entry_count;
    }
    return true;
}

static bool read_block(int fd, void *bytes, uint32_t block, struct error *error)
{
    size_t done = 0;

    while (done < BUFFER_BYTES) {
        const ssize_t got = pread(fd, (char *)bytes + done, BUFFER_BYTES - done, place_of(block) + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_errno(error, "cannot read the temporary file for comparing roster and ledger");
        if (got == 0)
            return error_set(error, ERROR_SYSTEM, "the temporary file for comparing roster and ledger was cut off");
        done += (size_t)got;
    }
    return true;
}

static bool insert_side(struct table *table, const struct side *side, enum join_side which, size_t index,
                        const struct join_visitor *visitor, struct error *error)
{
    const struct partition *partition = &side->partitions[index];
    struct join_entry *room;

    for (uint32_t block = partition->first_block; block != no_block; block = side->next_block[block]) {
        if ((room = reserve_entries(table, error)) == NULL || !read_block(side->scratch, room, block, error) ||
            !insert_entries(table, which, BUFFER_ENTRIES, visitor, error))
            return false;
    }
    if (partition->buffered == 0)
        return true;
    if ((room = reserve_entries(table, error)) == NULL)
        return false;
    memcpy(room, buffer_of(side, index), partition->buffered * sizeof *room);
    return insert_entries(table, which, partition->buffered, visitor, error);
}

static bool report_matches(const struct table *table, const struct join_visitor *visitor, struct error *error)
{
    for (size_t i = 0; i < table->slot_count; i++) {
        const struct join_entry *entries[JOIN_SIDES];
        const struct slot *slot = &table->slots[i];
        if (any_entry(table, slot) == NULL)
            continue;
        for (int side = 0; side < JOIN_SIDES; side++)
            entries[side] = slot->at[side] != 0 ? &table->entries[slot->at[side] - 1] : NULL;
        if (!visitor->match(visitor->context, entries, error))
            return false;
    }
    return true;
}

static void table_empty(struct table *table)
{
    if (table->used > 0)
        memset(table->slots, 0, table->slot_count * sizeof *table->slots);
    table->used = 0;
    table->entry_count = 0;
}

bool join_run(struct join *join, const struct join_visitor *visitor, struct error *error)
{
    struct table table = {0};
    bool ok = true;

    for (size_t index = 0; ok && index < PARTITIONS; index++) {
        table_empty(&table);
        for (int side = 0; ok && side < JOIN_SIDES; side++)
            ok = insert_side(&table, &join->sides[side], (enum join_side)side, index, visitor, error);
        ok = ok && report_matches(&table, visitor, error);
    }
    free(table.slots);
    free(table.entries);
    return ok;
}
