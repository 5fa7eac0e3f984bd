/* places.h - the resources of a job as its ledger has them. */
#ifndef ROLLCALL_RUN_PLACES_H
#define ROLLCALL_RUN_PLACES_H

#include "acs/acs.h"
#include "ledger/ledger.h"
#include "spec/spec.h"

/* What the ledger calls each of the spec's resources, by their index: 0 for one that it does not know yet. `addresses`
 * is NULL where only the names count. ERROR_LIMIT when the two do not agree (ledger_find_resources()). The array is
 * malloc'd; NULL with the error. */
int64_t *places_find(const struct spec *spec, const struct acs_resource *addresses, struct ledger *ledger,
                     struct error *error);
/* The same, and records what is new, in the open transaction. */
int64_t *places_bind(const struct spec *spec, const struct acs_resource *addresses, struct ledger *ledger,
                     struct error *error);

#endif
