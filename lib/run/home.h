/* home.h - which of a job's resources a user of the roster belongs to.
 *
 * A column of the roster says so, or the hash of the key: then each resource gets its share of the users.  A user's
 * resource does not depend on who else is in the roster, and when shares or resources change, no user moves who need
 * not: one who moves goes to a resource whose share has grown against that of the one it leaves (rendezvous hashing
 * with weights).
 */
#ifndef ROLLCALL_RUN_HOME_H
#define ROLLCALL_RUN_HOME_H

#include "roster/roster.h"
#include "spec/spec.h"

struct homes {
    const struct spec *spec;
    uint64_t names[SPEC_RESOURCES_MAX]; /* hashed */
};

void homes_init(struct homes *homes, const struct spec *spec);

/* What the roster must have for homes_find(), into its options. */
void homes_ask(const struct spec *spec, struct roster_options *options);

/* The index of the row's resource; SPEC_NO_RESOURCE where the column holds none of their names. */
size_t homes_find(const struct homes *homes, const struct roster_row *row);

#endif
