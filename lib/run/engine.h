/* engine.h - what the threads of a run share: queues, counters that only grow, and the wish to stop.
 *
 *   feeders --planned--> executor <--recorded--/--to_record--> recorder
 *
 * There is a feeder for each kind of request that users begin with, so that a kind that waits for its quota never holds
 * up another. The executor owns the network and decides what leaves when; the recorder owns the ledger and the outputs.
 */
#ifndef ROLLCALL_RUN_ENGINE_H
#define ROLLCALL_RUN_ENGINE_H

#include "acs/acs.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/queue.h"
#include "entra/entra.h"
#include "ledger/ledger.h"
#include "output/failures.h"
#include "output/reporter.h"
#include "output/token_sink.h"
#include "run/quota.h"
#include "run/retry.h"
#include "run/task.h"
#include "spec/spec.h"

#include <stdatomic.h>

/* Why a run ends before its plan does. */
enum stop {
    STOP_NONE,
    STOP_SIGNAL,   /* somebody asked */
    STOP_REJECTED, /* the credential, the resource or our requests are not accepted */
    STOP_GAVE_UP,  /* the service did not answer for too long */
    STOP_FAULT,    /* the ledger, an output or the machine failed */
};

struct engine {
    const struct spec *spec;
    const struct spec_resource *resource;
    const struct acs_resource *address;  /* of it */
    struct entra_credential *credential; /* of it; NULL: the address has an access key */
    int64_t place;                       /* what the ledger calls it */
    const struct clock *clock;
    int64_t run;

    struct queue *planned[ACTION_COUNT]; /* by the action that a task begins with */
    struct queue *to_record;
    struct queue *recorded;
    int stop_fd; /* readable when a signal came */

    uint64_t to_send[ACTION_COUNT]; /* requests of the plan that have yet to be admitted; the executor's */

    _Atomic uint64_t requests; /* that left */
    _Atomic uint64_t throttled;
    _Atomic uint64_t retried;
    _Atomic int waiting; /* enum waiting: why nothing moves, for the progress line */
    _Atomic int64_t waiting_until_us;
    _Atomic int64_t quota_until_us; /* when the last of to_send may leave, as far as quotas and pauses tell */
    _Atomic uint32_t quota_used_permille;
    atomic_bool recorder_failed;
};

enum waiting { WAITING_NOT, WAITING_QUOTA, WAITING_THROTTLED, WAITING_SERVICE, WAITING_SIGN_IN };

/* How many tasks the executor may hold at one time; the queues to and from the recorder have room for all of them. */
size_t engine_tasks_max(const struct spec *spec);

/* --- the executor (executor.c) --- */

struct executor_end {
    enum stop stop;
    struct error error; /* for STOP_REJECTED, STOP_GAVE_UP and STOP_FAULT */
    uint64_t connections;
    uint32_t least[ACTION_COUNT]; /* the smallest limit learnt; the quota's own count where the service kept to it */
};

struct executor;

/* quotas: by enum action, with what earlier runs used; taken over. */
struct executor *executor_new(struct engine *engine, struct quota_window quotas[ACTION_COUNT], uint64_t seed,
                              struct error *error);
void executor_free(struct executor *executor);
/* Runs until the planned tasks have ended or the run must stop; closes to_record when it has handed over the last. */
void executor_run(struct executor *executor, struct executor_end *end);

/* --- the recorder (recorder.c) --- */

struct recorder {
    struct engine *engine;
    struct ledger *ledger;
    struct token_sink *tokens; /* NULL: no tokens wanted */
    struct failures *failures; /* NULL: not written */
    struct reporter *reporter;
    uint64_t users; /* of the plan */
    int64_t started_us;

    /* Counted after the commit that made them true. */
    uint64_t done[ACTION_COUNT];
    uint64_t done_users;
    uint64_t failed;
    uint64_t lost;
    uint64_t in_doubt;
    bool ok;
    struct error error;
};

/* Runs until to_record is closed and empty. */
void recorder_run(struct recorder *recorder);

/* --- the feeder (feeder.c) --- */

/* Reads the roster again and pushes a task for each user that the plan acts on, beginning with `kind`: those of the
 * roster first, then the removed ones. Closes planned[kind] in the end; ends early, without an error, when that was
 * closed by somebody else. `ledger` is the feeder's own connection. */
bool feeder_run(struct engine *engine, enum action kind, const struct plan *plan, int roster_fd, struct ledger *ledger,
                struct error *error);

#endif
