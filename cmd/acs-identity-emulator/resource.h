/* resource.h - the one ACS resource that the emulator is: its guid, its access key, and the form of its ids. */
#ifndef EMULATOR_RESOURCE_H
#define EMULATOR_RESOURCE_H

#include "encoding.h"

#include "core/error.h"

#include <stdint.h>

enum { ACCESS_KEY_MAX = 256 };

/* "8:acs:<resource guid>_<guid>" */
enum { ID_PREFIX_LENGTH = 6 + GUID_LENGTH + 1, IDENTITY_ID_LENGTH = ID_PREFIX_LENGTH + GUID_LENGTH };

struct resource {
    char guid[GUID_LENGTH + 1];
    char id_prefix[ID_PREFIX_LENGTH + 1];
    uint32_t id_constant; /* what stands between the time and the counter of an id */
    unsigned char key[ACCESS_KEY_MAX];
    size_t key_length;
    char key_text[BASE64_LENGTH(ACCESS_KEY_MAX) + 1];
};

/* Key and guid come from the seed. A key that is given (base64) replaces the seed's; without a seed of its own
 * (seed_is_random) the resource's guid then follows from the key, so that the same key is always the same resource. */
bool resource_init(struct resource *resource, const char *seed, bool seed_is_random, const char *access_key,
                   struct error *error);

/* An id as the service makes them: 16 hexadecimal digits of milliseconds since 2020, 8 that are the same for the whole
 * resource, 8 of a counter. (Recorded ids have the same three parts; reference: acs-identity.md, section 7.)
 * NUL-terminated. */
void resource_format_id(const struct resource *resource, uint64_t created_ms, uint32_t counter,
                        char id[IDENTITY_ID_LENGTH + 1]);
/* False for an id that this resource cannot have made. */
bool resource_parse_id(const struct resource *resource, const char *id, uint64_t *created_ms, uint32_t *counter);
/* Whether an id is one of this resource's by its prefix, whatever follows. */
bool resource_owns(const struct resource *resource, const char *id);
/* Milliseconds since 2020, which ids and records count from. */
uint64_t resource_id_time(int64_t wall_ms);
int64_t resource_wall_ms(uint64_t created_ms);

#endif
