/* protects.h - whom limits.protect names.
 *
 * Who is protected by mistake stays, and who is not is deleted: the case of ASCII letters and blanks around a name make
 * no difference, and a text with commas names each of its parts as well as itself.
 */
#ifndef ROLLCALL_RUN_PROTECTS_H
#define ROLLCALL_RUN_PROTECTS_H

#include "core/error.h"
#include "spec/spec.h"

#include <stdatomic.h>

struct protects {
    const struct text_list *entries;
    struct protect_name *names;
    size_t count;
    atomic_bool *found; /* for each entry: somebody has that name */
};

/* The entries are borrowed. */
bool protects_init(struct protects *protects, const struct text_list *entries, struct error *error);
void protects_clear(struct protects *protects);

/* Is this user one of them? Notes it; several threads may ask. */
bool protects_has(const struct protects *protects, const char *key, size_t length);
/* How many entries name nobody who was asked about, and the first of them. */
size_t protects_unknown(const struct protects *protects, const char **first);

#endif
