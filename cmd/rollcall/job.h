/* job.h - a job made ready to plan and to run: what plan and run share beside the command line. */
#ifndef ROLLCALL_CMD_JOB_H
#define ROLLCALL_CMD_JOB_H

#include "command.h"

struct job {
    struct spec *spec;
    struct acs_resource *addresses; /* of its resources, where requests are to be sent; likewise the next */
    struct entra_credential **credentials;
    int roster_fd;
    struct ledger *ledger; /* NULL where there is none yet */
    struct sinks *sinks;   /* a run's; NULL for others */
    struct plan *plan;
    const struct log *log; /* where what is wrong is said; NULL: to people */
    struct buffer *ended;  /* a run's: gets its last event, as reporter_options; NULL for others */
};

/* Reads the roster and makes the plan for a job whose spec and ledger are set. Prints what is wrong; the exit status, 0
 * when all is well. */
int job_plan(struct job *job, const struct plan_options *options);
/* Does the mapping name only identities that the ledger knows? */
bool job_check_mapping(const struct job *job, struct error *error);
/* Would a run refuse the plan: for the resources that the ledger knows (without addresses by their names alone), the
 * mapping, or a limit? */
bool job_check(const struct job *job, const struct plan_allow *allow, struct error *error);
/* Closes what others may wait for: the ledger, and the sinks. */
void job_let_go(struct job *job);
void job_close(struct job *job);

/* "added 12 provision" lines: what the plan will do. */
void print_plan(const struct plan *plan, FILE *stream);

#endif
