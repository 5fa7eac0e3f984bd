/* gate_past.h - what earlier runs on the ledger used of the quotas, and what the service told them. */
#ifndef ROLLCALL_RUN_GATE_PAST_H
#define ROLLCALL_RUN_GATE_PAST_H

#include "run/gate.h"
#include "run/run.h"

/* Lanes that know it, for the resource that the ledger calls `place`. What a killed run left under way must stand in
 * the audit trail by now, where it counts as ended then. On failure all quotas are clear. */
bool gate_past_open(const struct run_input *input, const struct spec_resource *resource, int64_t place,
                    struct gate_lane lanes[ACTION_COUNT], struct error *error);

/* Keeps what a throttle at this time came to. Part of the open transaction. */
bool gate_past_keep(struct ledger *ledger, int64_t place, enum action action, const struct gate_throttle *throttle,
                    int64_t at_ms, struct error *error);

#endif
