/* hooks.h - programs of the user's that are started when a run has ended, or was refused.
 *
 * Each gets one JSON object on its standard input: the run_ended event of --json; or run_refused, where nothing was
 * sent.
 */
#ifndef ROLLCALL_CMD_HOOKS_H
#define ROLLCALL_CMD_HOOKS_H

#include "job.h"

/* To be called when the ledger is free again. `status` is the run's exit status, `ended` its event, empty where it
 * never began. Says what went wrong; returns the exit status of the command. */
int hooks_run(const struct job *job, const struct buffer *ended, int status);

#endif
