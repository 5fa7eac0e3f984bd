/* sinks.h - all the places that a job's tokens go to; see sink.h for what a sink is.
 *
 * A sink that is away is asked again, a few times and then now and then: it must neither hold up a run for long nor
 * lose more tokens than need be.  A token counts as delivered when every required sink has it.
 */
#ifndef ROLLCALL_OUTPUT_SINKS_H
#define ROLLCALL_OUTPUT_SINKS_H

#include "core/clock.h"
#include "output/sink.h"

struct sinks;

/* Looks at what can be seen of a spec's sinks without opening them: certificates, connection strings. */
bool sinks_check(const struct spec *spec, struct error *error);

/* Opens the files; call it before planning and before ledger_run_begin(): what a killed run left behind decides which
 * tokens there are. A file in the place of ours that is something else is refused (ERROR_INPUT), and so is one that
 * names anybody when the ledger has never known anybody (ERROR_LIMIT). The spec and the clock must outlive it. */
struct sinks *sinks_open(const struct spec *spec, struct ledger *ledger, const struct clock *clock,
                         struct error *error);
/* Opens the others, for a run that will have tokens. One that is not required may be away. */
bool sinks_connect(struct sinks *sinks, struct error *error);

/* The ledger notes that the tokens of this run go to the journals of these files. Part of the open transaction. */
bool sinks_begin(struct sinks *sinks, struct ledger *ledger, int64_t run, struct error *error);

/* To the files, durable afterwards. False when a required one failed: nothing may count as delivered any more. */
bool sinks_write(struct sinks *sinks, const struct token *tokens, size_t count, struct error *error);
/* Is there anything else than files? Then a token counts when sinks_deliver() says so. */
bool sinks_have_others(const struct sinks *sinks);
/* To all others; may take minutes. delivered[i] says whether the required ones have it, `error` why the first one that
 * was not delivered was not. To be called by one thread at a time, which need not be the one that writes to the files.
 */
void sinks_deliver(struct sinks *sinks, const struct token *tokens, size_t count, bool *delivered, struct error *error);
/* Who is asked gets no second chance from now on, because somebody waits for the end. From any thread. */
void sinks_hurry(struct sinks *sinks);

/* A token that a file may hold has ended. */
void sinks_note_end(struct sinks *sinks);
/* Puts the new files in their places; on failure their tokens are left to the next run. */
bool sinks_finish(struct sinks *sinks, struct ledger *ledger, struct error *error);
/* Files that were not finished leave their journals to the next run. NULL is allowed. */
void sinks_close(struct sinks *sinks);

struct sink_report {
    const char *name;
    bool required;
    bool is_file;
    const char *shown;   /* what stands there now; "" for nothing, and for what is no file */
    uint64_t delivered;  /* tokens */
    uint64_t missed;     /* tokens that it refused or could not be given */
    const char *message; /* why the first of them was; "" */
};

size_t sinks_count(const struct sinks *sinks);
/* Borrowed until sinks_close(). */
struct sink_report sinks_report(const struct sinks *sinks, size_t i);

#endif
