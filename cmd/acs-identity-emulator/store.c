#include "store.h"

#include <string.h>

_Static_assert(sizeof(struct identity) == 32, "ten million identities are promised to fit in 320 MB");

static struct identity *record(const struct store *store, uint32_t identity)
{
    return chunks_at(&store->identities, identity);
}

static const char *custom_id_of(const void *context, uint32_t identity)
{
    const struct store *store = context;

    return texts_get(&store->texts, record(store, identity)->custom_id);
}

bool store_init(struct store *store, const struct resource *resource, bool remember_request_ids, struct moment now)
{
    *store = (struct store){.resource = resource, .remember_request_ids = remember_request_ids};
    chunks_init(&store->identities, sizeof(struct identity));
    texts_init(&store->texts);
    custom_ids_init(&store->custom_ids, custom_id_of, store);
    return live_init(&store->live, moment_wall_s(now));
}

void store_clear(struct store *store)
{
    custom_ids_clear(&store->custom_ids);
    live_clear(&store->live);
    texts_clear(&store->texts);
    chunks_clear(&store->identities);
}

static uint64_t created_of(const struct identity *identity)
{
    return (uint64_t)identity->created_high << 32 | identity->created_low;
}

static bool add_text(struct store *store, const char *text, uint32_t *name)
{
    *name = text == NULL ? 0 : texts_add(&store->texts, text, strlen(text));
    return text == NULL || *name != 0;
}

bool store_create(struct store *store, const char *custom_id, const char *request_id, struct moment now,
                  uint32_t *identity)
{
    uint32_t custom_name;
    uint32_t request_name;

    if (custom_id != NULL && custom_ids_find(&store->custom_ids, custom_id, identity))
        return true;
    if ((custom_id != NULL && !custom_ids_reserve(&store->custom_ids)) || !add_text(store, custom_id, &custom_name) ||
        !add_text(store, store->remember_request_ids ? request_id : NULL, &request_name))
        return false;
    struct identity *made = chunks_add(&store->identities);
    if (made == NULL)
        return false;
    const uint64_t created_ms = resource_id_time(moment_wall_ms(now));
    made->created_low = (uint32_t)created_ms;
    made->created_high = (uint16_t)(created_ms >> 32);
    made->custom_id = custom_name;
    made->request_id = request_name;
    *identity = store->identities.count - 1;
    if (custom_id != NULL)
        custom_ids_add(&store->custom_ids, *identity);
    return true;
}

enum store_result store_find(const struct store *store, const char *id, uint32_t *identity)
{
    uint64_t created_ms;

    if (!resource_owns(store->resource, id))
        return STORE_NOT_OWNED;
    if (!resource_parse_id(store->resource, id, &created_ms, identity) || *identity >= store->identities.count ||
        created_of(record(store, *identity)) != created_ms)
        return STORE_UNKNOWN;
    return record(store, *identity)->deleted_s != 0 ? STORE_DELETED : STORE_OK;
}

bool store_issue(struct store *store, uint32_t identity, int64_t expires_s, struct moment now)
{
    struct identity *known = record(store, identity);

    if (!live_add(&store->live, &known->tokens, expires_s, moment_wall_s(now)))
        return false;
    known->last_issued_s = (uint32_t)moment_wall_s(now);
    store->issued++;
    return true;
}

void store_revoke(struct store *store, uint32_t identity, struct moment now)
{
    struct identity *known = record(store, identity);

    live_drop(&store->live, &known->tokens, moment_wall_s(now));
    known->revoked_s = (uint32_t)moment_wall_s(now);
}

void store_delete(struct store *store, uint32_t identity, struct moment now)
{
    struct identity *known = record(store, identity);

    live_drop(&store->live, &known->tokens, moment_wall_s(now));
    if (known->custom_id != 0)
        custom_ids_remove(&store->custom_ids, identity);
    known->deleted_s = (uint32_t)moment_wall_s(now);
    store->deleted++;
}

const struct identity *store_get(const struct store *store, uint32_t identity)
{
    return record(store, identity);
}

void store_id(const struct store *store, uint32_t identity, char id[IDENTITY_ID_LENGTH + 1])
{
    resource_format_id(store->resource, created_of(record(store, identity)), identity, id);
}

int64_t store_created_ms(const struct identity *identity)
{
    return resource_wall_ms(created_of(identity));
}
