#include "run/places.h"

#include <stdlib.h>

typedef bool settle(struct ledger *ledger, const struct ledger_resource *wanted, size_t count, int64_t *ids,
                    struct error *error);

static int64_t *settle_all(const struct spec *spec, const struct acs_resource *addresses, struct ledger *ledger,
                           settle *settle_with, struct error *error)
{
    const size_t count = spec->resource_count;
    struct ledger_resource *wanted = calloc(count, sizeof *wanted);
    int64_t *ids = calloc(count, sizeof *ids);

    if (wanted == NULL || ids == NULL) {
        error_no_memory(error);
        goto fail;
    }
    for (size_t i = 0; i < count; i++)
        wanted[i] = (struct ledger_resource){.name = spec->resources[i].name,
                                             .authority = addresses != NULL ? addresses[i].origin.authority : NULL};
    if (!settle_with(ledger, wanted, count, ids, error))
        goto fail;
    free(wanted);
    return ids;
fail:
    free(wanted);
    free(ids);
    return NULL;
}

int64_t *places_find(const struct spec *spec, const struct acs_resource *addresses, struct ledger *ledger,
                     struct error *error)
{
    return settle_all(spec, addresses, ledger, ledger_find_resources, error);
}

int64_t *places_bind(const struct spec *spec, const struct acs_resource *addresses, struct ledger *ledger,
                     struct error *error)
{
    return settle_all(spec, addresses, ledger, ledger_bind_resources, error);
}
