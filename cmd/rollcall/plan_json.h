#ifndef ROLLCALL_CMD_PLAN_JSON_H
#define ROLLCALL_CMD_PLAN_JSON_H

#include "run/plan.h"

#include <stdio.h>

/* One JSON object a line: every user with its category, actions and reason, then {"summary": ...}. */
bool plan_print_json(const struct plan *plan, int roster_fd, struct ledger *ledger, FILE *stream, struct error *error);

#endif
