/* engine.h - what the threads of a run share: queues, counters that only grow, and the wish to stop.
 *
 *   feeders --planned--> executor <--recorded--/--to_record--> recorder <--delivered--/--to_deliver--> deliverer
 *                            ^---------arriving---------------/
 *
 * Each resource of the job is a site with an executor of its own, which owns the network there and decides what leaves
 * when; all work side by side, and one that stops does not stop the others.  A site has a feeder for each kind of
 * request that its users begin with, so that a kind that waits for its quota never holds up another.  One recorder owns
 * the ledger and the outputs.  A user who moves to another resource is taken across by the recorder (moves.h).
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
#include "output/sinks.h"
#include "run/gate.h"
#include "run/task.h"
#include "spec/spec.h"

#include <stdatomic.h>

/* Why a run, or its part in one resource, ends before its plan does; the worse, the later. */
enum stop {
    STOP_NONE,
    STOP_SIGNAL,   /* somebody asked */
    STOP_GAVE_UP,  /* the service did not answer for too long, or throttled all of it */
    STOP_FAULT,    /* the ledger, an output or the machine failed */
    STOP_REJECTED, /* the credential, the resource or our requests are not accepted */
};

enum waiting {
    WAITING_NOT,
    WAITING_IDLE, /* it has nothing to do */
    WAITING_QUOTA,
    WAITING_THROTTLED,
    WAITING_SERVICE,
    WAITING_SIGN_IN,
    WAITING_TO_STOP, /* somebody asked, and some answers have yet to come */
};

struct executor_end {
    enum stop stop;
    struct error error;           /* for STOP_REJECTED, STOP_GAVE_UP and STOP_FAULT */
    uint32_t least[ACTION_COUNT]; /* the smallest limit learnt; the quota's own count where the service kept to it */
};

struct site {
    struct engine *engine;
    const struct spec_resource *resource;
    const struct acs_resource *address;  /* of it */
    struct entra_credential *credential; /* of it; NULL: the address has an access key */
    int64_t place;                       /* what the ledger calls it */
    const struct plan_part *part;        /* of the plan */

    struct executor *executor; /* NULL: the plan asks nothing of this resource, and the rest is not there either */
    struct executor_end end;
    struct queue *planned[ACTION_COUNT]; /* by the action that a task begins with */
    struct queue *arriving;              /* users who come from another site; NULL: none do */
    struct queue *recorded;

    uint64_t to_send[ACTION_COUNT]; /* requests of the plan that have yet to be admitted; the executor's */

    _Atomic uint64_t requests; /* that left */
    _Atomic uint64_t throttled;
    _Atomic uint64_t retried; /* of these, the attempts that were not the first of their action */
    _Atomic int waiting;      /* enum waiting: why nothing moves, for the progress line */
    _Atomic int64_t waiting_until_us;
    _Atomic int64_t quota_until_us; /* when the last of to_send may leave, as far as quotas and pauses tell */
    _Atomic uint32_t quota_used_permille;

    atomic_bool closed;    /* it has stopped: who comes here is left for the next run */
    _Atomic size_t berths; /* how many users may be on their way here */
    _Atomic size_t coming; /* how many are */

    /* The recorder's; counted after the commit that made them true. */
    uint64_t done[ACTION_COUNT];
    uint64_t failed;
};

struct engine {
    const struct spec *spec;
    const struct clock *clock;
    int64_t run;
    int stop_fd; /* readable when a signal came; nobody reads it */

    struct site *sites;       /* by the index of the spec's resources */
    struct feeding *feedings; /* ACTION_COUNT for each site (engine.c) */
    struct queue *to_record;
    _Atomic unsigned feeding;   /* feeders that have not ended */
    _Atomic unsigned executing; /* executors likewise: the last one closes to_record */
    _Atomic size_t moving;      /* users fed who are to move and have not come across */
    atomic_bool recorder_failed;
    _Atomic uint64_t undelivered; /* tokens that are on their way to the deliverer's sinks or wait for them */
};

/* --- the whole (engine.c) --- */

struct run_input;

/* Sets up what the plan needs: the sites that it asks anything of. `places`: what the ledger calls the resources. Close
 * it in any case. */
bool engine_open(struct engine *engine, const struct run_input *input, int64_t run, const int64_t *places,
                 struct error *error);
/* Runs all threads until the plan is carried out as far as can be. False: something ended it before, and the error is
 * the worst that happened (ERROR_NONE: somebody asked). */
struct recorder;
bool engine_run(struct engine *engine, struct recorder *recorder, struct error *error);
void engine_close(struct engine *engine);
/* The worst reason why any part of it ended. */
enum stop engine_stop(const struct engine *engine);

/* Can repeating the action at hand make no second identity? Only a create without a custom id does. */
bool engine_is_repeatable(const struct task *task);

/* How many tasks one executor may hold at one time; the queues to and from the recorder have room for all of them. */
size_t engine_tasks_max(const struct spec *spec);

/* While so many tokens wait for slow sinks nothing new leaves: what is under way when that shows has room behind them.
 */
enum { UNDELIVERED_MAX = 1024 };

/* --- the executor (executor.c) --- */

/* lanes: of its gate, by enum action; taken over. */
struct executor *executor_new(struct site *site, struct gate_lane lanes[ACTION_COUNT], uint64_t seed,
                              struct error *error);
void executor_free(struct executor *executor);
/* Runs until the tasks of its site have ended, or it must stop; fills site->end. Closes to_record when all executors
 * have handed over their last. */
void executor_run(struct executor *executor);
/* Instead of it, when there can be no thread for it. */
void executor_never_ran(struct executor *executor);

/* --- the deliverer (deliverer.c) --- */

struct deliverer;

/* Starts the thread. `capacity` is how many tasks there are at the most; then deliverer_push() does not wait. */
struct deliverer *deliverer_new(struct sinks *sinks, size_t capacity, struct error *error);
/* A task with a token, whose result is recorded. It comes back as PHASE_DELIVERED, in deliverer_delivered(). */
void deliverer_push(struct deliverer *deliverer, struct task *task);
/* There will be no more; when all have come back the queue is finished. */
void deliverer_end(struct deliverer *deliverer);
struct queue *deliverer_delivered(const struct deliverer *deliverer);
/* Ends the thread; what it has not delivered stays owed. NULL is allowed. */
void deliverer_free(struct deliverer *deliverer);

/* --- the recorder (recorder.c) --- */

struct recorder {
    struct engine *engine;
    struct ledger *ledger;
    struct sinks *sinks;         /* NULL: no tokens wanted */
    struct deliverer *deliverer; /* NULL: there are files only */
    struct failures *failures;   /* NULL: not written */
    struct reporter *reporter;
    uint64_t users; /* of the plan */
    int64_t started_us;

    /* Counted after the commit that made them true. */
    uint64_t done[ACTION_COUNT];
    uint64_t done_users;
    uint64_t failed;
    uint64_t lost;
    uint64_t in_doubt;
    uint64_t undelivered; /* tokens that a required sink does not have */
    bool ok;
    struct error error;
};

/* Runs until to_record is closed and empty, and the deliverer has nothing more. */
void recorder_run(struct recorder *recorder);
/* Tells the reporter how far the run is (recorder_progress.c). */
void recorder_tell_progress(const struct recorder *recorder);

/* --- the feeder (feeder.c) --- */

/* Reads the roster again and pushes a task for each user that the plan acts on, beginning with `kind` at the site:
 * those of the roster first, then the removed ones. Closes planned[kind] in the end; ends early, without an error, when
 * that was closed by somebody else. `ledger` is the feeder's own connection. */
bool feeder_run(struct site *site, enum action kind, const struct plan *plan, int roster_fd, struct ledger *ledger,
                struct error *error);

#endif
