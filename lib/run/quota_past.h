/* quota_past.h - quota windows that know what earlier runs on the ledger used. */
#ifndef ROLLCALL_RUN_QUOTA_PAST_H
#define ROLLCALL_RUN_QUOTA_PAST_H

#include "run/quota.h"
#include "run/run.h"

/* For the resource that the ledger calls `place`. What a killed run left under way must stand in the audit trail
 * by now, where it counts as ended then. On failure all windows are clear. */
bool quota_open_windows(const struct run_input *input, const struct spec_resource *resource, int64_t place,
                        struct quota_window quotas[ACTION_COUNT], struct error *error);

#endif
