#include "resource.h"

#include "random.h"

#include <stdio.h>
#include <string.h>

/* 2020-01-01T00:00:00Z; the first 12 digits of recorded ids fit it to within a day. */
static const int64_t id_epoch_ms = INT64_C(1577836800000);
/* The counters of recorded ids stand a little above this. */
static const uint32_t first_counter = 0x0d000001;

static bool set_key(struct resource *resource, const char *access_key, struct error *error)
{
    const size_t length = strlen(access_key);

    if (length == 0 || length >= sizeof resource->key_text ||
        !base64_decode(access_key, length, resource->key, &resource->key_length)) {
        error_set(error, ERROR_INPUT, "--access-key is not base64 of 1 to %d bytes", ACCESS_KEY_MAX);
        return error_hint(error, "make one with: openssl rand -base64 64 | tr -d '\\n'");
    }
    memcpy(resource->key_text, access_key, length + 1);
    return true;
}

static bool derive_key(struct resource *resource, const char *seed, struct error *error)
{
    if (!random_derive(seed, "access-key-1", resource->key, error) ||
        !random_derive(seed, "access-key-2", resource->key + 32, error))
        return false;
    resource->key_length = 64;
    resource->key_text[base64_encode(resource->key, resource->key_length, resource->key_text)] = '\0';
    return true;
}

bool resource_init(struct resource *resource, const char *seed, bool seed_is_random, const char *access_key,
                   struct error *error)
{
    unsigned char bytes[32];
    const bool guid_from_key = access_key != NULL && seed_is_random;

    if (!(access_key != NULL ? set_key(resource, access_key, error) : derive_key(resource, seed, error)) ||
        !random_derive(guid_from_key ? access_key : seed, "resource", bytes, error))
        return false;
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40); /* a version 4 guid, as resources have */
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    guid_format(bytes, resource->guid);
    snprintf(resource->id_prefix, sizeof resource->id_prefix, "8:acs:%s_", resource->guid);
    memcpy(&resource->id_constant, bytes + 16, sizeof resource->id_constant);
    return true;
}

void resource_format_id(const struct resource *resource, uint64_t created_ms, uint32_t counter,
                        char id[IDENTITY_ID_LENGTH + 1])
{
    char *next = id;

    memcpy(next, resource->id_prefix, ID_PREFIX_LENGTH);
    next = hex_put(next + ID_PREFIX_LENGTH, created_ms >> 32, 8);
    *next++ = '-';
    next = hex_put(next, created_ms >> 16, 4);
    *next++ = '-';
    next = hex_put(next, created_ms, 4);
    *next++ = '-';
    next = hex_put(next, resource->id_constant >> 16, 4);
    *next++ = '-';
    next = hex_put(next, resource->id_constant, 4);
    next = hex_put(next, counter + first_counter, 8);
    *next = '\0';
}

bool resource_owns(const struct resource *resource, const char *id)
{
    return strncmp(id, resource->id_prefix, ID_PREFIX_LENGTH) == 0;
}

bool resource_parse_id(const struct resource *resource, const char *id, uint64_t *created_ms, uint32_t *counter)
{
    char expected[IDENTITY_ID_LENGTH + 1];
    uint64_t high;
    uint64_t middle;
    uint64_t low;
    uint64_t number;

    if (strlen(id) != IDENTITY_ID_LENGTH || !resource_owns(resource, id))
        return false;
    const char *own = id + ID_PREFIX_LENGTH;
    if (!hex_take(own, 8, &high) || !hex_take(own + 9, 4, &middle) || !hex_take(own + 14, 4, &low) ||
        !hex_take(own + 28, 8, &number))
        return false;
    *created_ms = high << 32 | middle << 16 | low;
    *counter = (uint32_t)number - first_counter;
    resource_format_id(resource, *created_ms, *counter, expected);
    return strcmp(id, expected) == 0;
}

uint64_t resource_id_time(int64_t wall_ms)
{
    return wall_ms > id_epoch_ms ? (uint64_t)(wall_ms - id_epoch_ms) : 0;
}

int64_t resource_wall_ms(uint64_t created_ms)
{
    return (int64_t)created_ms + id_epoch_ms;
}
