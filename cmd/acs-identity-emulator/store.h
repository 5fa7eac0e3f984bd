/* store.h - the identities of the resource, each in a record of 32 bytes; an identity is named by its index.
 *
 * An id holds the time and the number of its making, so that it is computed from the record and finds its record
 * without an index: nothing but custom ids needs a hash table. Records are never reused: a deleted identity is
 * remembered as deleted.
 */
#ifndef EMULATOR_STORE_H
#define EMULATOR_STORE_H

#include "chunks.h"
#include "custom_ids.h"
#include "live.h"
#include "moment.h"
#include "resource.h"
#include "texts.h"

/* Times in seconds since 1970; 0: never. */
struct identity {
    uint32_t created_low; /* milliseconds since 2020: the low 32 bits, and the next 16 */
    uint16_t created_high;
    uint16_t unused;
    uint32_t last_issued_s;
    uint32_t revoked_s;
    uint32_t deleted_s;
    uint32_t tokens;     /* a list of live.h */
    uint32_t custom_id;  /* a text */
    uint32_t request_id; /* a text: the x-ms-client-request-id of the create */
};

struct store {
    const struct resource *resource;
    struct chunks identities;
    struct texts texts;
    struct custom_ids custom_ids;
    struct live live;
    uint64_t deleted;
    uint64_t issued;
    bool remember_request_ids;
};

enum store_result { STORE_OK, STORE_DELETED, STORE_UNKNOWN, STORE_NOT_OWNED };

/* Borrows the resource. */
bool store_init(struct store *store, const struct resource *resource, bool remember_request_ids, struct moment now);
void store_clear(struct store *store);

/* Makes an identity, or finds the active one with the same custom id (custom_id may be NULL). False when out of
 * memory. request_id may be NULL. */
bool store_create(struct store *store, const char *custom_id, const char *request_id, struct moment now,
                  uint32_t *identity);
enum store_result store_find(const struct store *store, const char *id, uint32_t *identity);
bool store_issue(struct store *store, uint32_t identity, int64_t expires_s, struct moment now);
void store_revoke(struct store *store, uint32_t identity, struct moment now);
void store_delete(struct store *store, uint32_t identity, struct moment now);

const struct identity *store_get(const struct store *store, uint32_t identity);
void store_id(const struct store *store, uint32_t identity, char id[IDENTITY_ID_LENGTH + 1]);
int64_t store_created_ms(const struct identity *identity);

#endif
