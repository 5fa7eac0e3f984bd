/* metrics.h - how a job stands, as Prometheus text for the node exporter's textfile collector. No secrets and no keys.
 */
#ifndef ROLLCALL_OUTPUT_METRICS_H
#define ROLLCALL_OUTPUT_METRICS_H

#include "ledger/ledger.h"

enum { METRICS_MODE = 0644 };

/* Writes the file as a whole, readable for everybody. All of it comes from the ledger (NULL: there is none yet), but
 * the exit status of the command that ends. Counters are those of ledger_add_totals(). The label is called job_name,
 * since `job` is the collector's own. */
bool metrics_write(const char *path, struct ledger *ledger, const char *job, int exit_status, int64_t now_ms,
                   struct error *error);

#endif
