#include "run/home.h"

#include "roster/join.h"

#include <math.h>
#include <string.h>

void homes_init(struct homes *homes, const struct spec *spec)
{
    homes->spec = spec;
    for (size_t i = 0; i < spec->resource_count; i++)
        homes->names[i] = join_watch_hash(spec->resources[i].name, strlen(spec->resources[i].name));
}

void homes_ask(const struct spec *spec, struct roster_options *options)
{
    if (spec->roster.resource_column != NULL)
        options->extras[options->extra_count++] =
            (struct roster_column){.role = "the column of the resource", .name = spec->roster.resource_column};
}

/* A number between 0 and 1, both excluded, that key and resource have together (the end of splitmix64). */
static double draw(uint64_t key, uint64_t resource)
{
    uint64_t x = key ^ resource;

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return ((double)(x >> 11) + 0.5) / 9007199254740992.0;
}

/* Each resource waits for a time that is as much shorter on the average as its share is larger; the first one has the
 * user.
 */
static size_t by_share(const struct homes *homes, const struct roster_field *key)
{
    const uint64_t hash = join_watch_hash(key->bytes, key->length);
    double shortest = INFINITY;
    size_t found = 0;

    for (size_t i = 0; i < homes->spec->resource_count; i++) {
        const uint32_t share = homes->spec->resources[i].share;
        const double wait = share == 0 ? INFINITY : -log(draw(hash, homes->names[i])) / share;
        if (wait < shortest) {
            shortest = wait;
            found = i;
        }
    }
    return found;
}

size_t homes_find(const struct homes *homes, const struct roster_row *row)
{
    if (homes->spec->roster.resource_column != NULL)
        return spec_find_resource(homes->spec, row->extras[0].bytes);
    return homes->spec->resource_count == 1 ? 0 : by_share(homes, &row->key);
}
