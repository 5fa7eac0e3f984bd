/* failures.h - the roster rows of users that failed, with the reason: usable as a roster again. */
#ifndef ROLLCALL_OUTPUT_FAILURES_H
#define ROLLCALL_OUTPUT_FAILURES_H

#include "core/buffer.h"
#include "core/error.h"
#include "output/csv_out.h"
#include "roster/roster.h"

/* The columns that a failures file has after the roster's own. A row whose error_category is FAILURES_REMOVED was not
 * in the roster (its user was to be revoked or deleted): when the file is read as a roster, it is passed over. */
#define FAILURES_CATEGORY_COLUMN "error_category"
#define FAILURES_REMOVED "removed"

struct failures;

struct failure {
    const char *row; /* the roster's fields as CSV without line end; NULL for a user that is not in the roster */
    size_t row_length;
    const char *key;
    const char *category;
    const char *action;
    const char *code;
    const char *message;
    const char *request_id;
    const char *first_code; /* of the first attempt that went wrong; left out of the file where it is the same */
    uint32_t attempts;
};

/* Error columns that the roster already has (it was a failures file) are written anew, not twice. */
struct failures *failures_open(const char *path, const struct csv_style *style, const struct roster_header *header,
                               struct error *error);
void failures_add(struct failures *failures, const struct failure *failure);
/* Takes it: the file is replaced as a whole, with the header alone when nobody failed. */
bool failures_commit(struct failures *failures, struct error *error);
void failures_discard(struct failures *failures);

/* Writes the fields of a row that belong into `failure.row`. The column `secret` (SIZE_MAX: none) is left empty. */
void failures_encode_row(struct buffer *line, const struct csv_style *style, const struct roster_header *header,
                         const struct roster_field *fields, size_t secret);

#endif
