/* run.h - one execution of a plan, from the first intent to the last output. */
#ifndef ROLLCALL_RUN_RUN_H
#define ROLLCALL_RUN_RUN_H

#include "acs/acs.h"
#include "core/clock.h"
#include "core/error.h"
#include "entra/entra.h"
#include "ledger/ledger.h"
#include "output/reporter.h"
#include "output/sinks.h"
#include "run/plan.h"

struct run_input {
    const struct spec *spec;
    const struct acs_resource *addresses;        /* of the spec's resources, by their index */
    struct entra_credential *const *credentials; /* likewise; NULL where there is an access key */
    const struct plan *plan;
    int roster_fd;
    struct ledger *ledger; /* opened with LEDGER_RUN */
    struct sinks *sinks; /* of the tokens; NULL where none are wanted. They are finished when the run has ended well */
    struct reporter *reporter;
    const struct clock *clock;
    const char *operator_name;
    int stop_fd; /* readable when the run is to stop in good order */
};

/* The room on the ledger's disk that a run claims before its first request, so that results can be recorded when the
 * disk is full. */
size_t run_reserve_bytes(const struct spec *spec);

/* Of a plan that is not carried out since a limit or a person refused it, the ledger takes one thing: who was removed
 * and is in the roster is out of the grace period, so that a later leave is not taken for this one. */
bool run_refused(const struct plan *plan, struct ledger *ledger, struct error *error);

/* Carries the plan out, writes the outputs and tells the reporter. True when it came to its end, whatever became of
 * single users; false with the error when it, or its part in one of the resources, stopped before (an error code of
 * ERROR_NONE: stop_fd asked for it). Of what the summary borrows, only the paths are left afterwards. */
bool run_execute(const struct run_input *input, struct run_summary *summary, struct error *error);

#endif
