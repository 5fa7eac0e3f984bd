/* mapping.h - who has which identity, as CSV or NDJSON, from the ledger. */
#ifndef ROLLCALL_OUTPUT_MAPPING_H
#define ROLLCALL_OUTPUT_MAPPING_H

#include "ledger/ledger.h"
#include "output/csv_out.h"
#include "spec/spec.h"

#include <stdint.h>

enum { MAPPING_MODE = 0640 }; /* of the file */

enum mapping_format { MAPPING_CSV, MAPPING_NDJSON };

enum mapping_column {
    MAPPING_KEY,
    MAPPING_IDENTITY,
    MAPPING_STATE,
    MAPPING_EXPIRES,
    MAPPING_RESOURCE,
    MAPPING_COLUMNS
};

struct mapping_options {
    const char *key_column; /* the header of the key, which is the roster's own */
    struct csv_style style;
    enum mapping_format format;
    const enum mapping_column *columns; /* NULL: all but the resource, in their order */
    size_t column_count;
    bool has_state; /* only identities in this state */
    enum identity_state state;
};

/* How outputs.mapping of a job is written: all columns, but the resource only where the job names them. */
struct mapping_options mapping_options_of(const struct spec *spec);

/* Receives pieces of the text in order. */
typedef bool mapping_write(void *context, const void *bytes, size_t length, struct error *error);

/* Streams header and rows, in the order in which the users came. */
bool mapping_export(struct ledger *ledger, const struct mapping_options *options, mapping_write *write, void *context,
                    struct error *error);

/* Refuses (ERROR_LIMIT) when the mapping at `path` names identities that the ledger (NULL: there is none) does not
 * know: the ledger was restored from an older copy, or lost, and the next mapping would take away the only trace of
 * them. A mapping that is the one written last is not read; neither is one that is not there. */
bool mapping_check(struct ledger *ledger, const struct mapping_options *options, const char *path, struct error *error);

/* Writes the whole mapping to `path`, atomically, unless the file there is still the one written last and no identity
 * has changed since. */
bool mapping_update(struct ledger *ledger, const struct mapping_options *options, const char *path,
                    struct error *error);

/* The name of a column in --columns: "key", "identity_id", "state", "token_expires_at", "resource". */
bool mapping_column_parse(const char *name, enum mapping_column *column);

#endif
