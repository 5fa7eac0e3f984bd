/* report.h - one run as a page of HTML: what changed, how fast, what failed and what to do about it.
 *
 * The page stands alone: it asks the network for nothing, has no script, follows the reader's choice of light or dark,
 * and can be read by those who do not see it.  Its size does not grow with the number of users.
 */
#ifndef ROLLCALL_OUTPUT_REPORT_H
#define ROLLCALL_OUTPUT_REPORT_H

#include "core/buffer.h"
#include "ledger/ledger.h"

#include <stdint.h>

/* `failures` is where the job lists the users that failed; NULL: nowhere. The tokens are told as of now_ms. */
bool report_make(struct buffer *page, struct ledger *ledger, const struct run_record *run, const char *failures,
                 int64_t now_ms, struct error *error);

#endif
