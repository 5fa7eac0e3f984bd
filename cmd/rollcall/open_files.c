#include "open_files.h"

#include <sys/resource.h>

/* Each request under way has a connection. What else a run opens, with some room: its streams and signals, a ledger
 * with its side files for each of five threads, outputs, queues, the resolver, certificates. */
enum { FILES_BESIDE_CONNECTIONS = 48, FILES_FOR_ONE_MORE_RESOURCE = 24 };

bool open_files_fit(struct spec *spec, const struct log *log, struct error *error)
{
    const rlim_t resources = spec->resource_count;
    const rlim_t beside = FILES_BESIDE_CONNECTIONS + (resources - 1) * FILES_FOR_ONE_MORE_RESOURCE;
    const rlim_t wanted = resources * spec->engine.concurrency + beside;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return true;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return error_errno(error, "cannot raise the limit on open files");
    if (limit.rlim_cur >= wanted)
        return true;
    if (limit.rlim_cur < beside + resources) {
        error_set(error, ERROR_SYSTEM,
                  "only %u files may be open at one time, and a run opens up to %u beside its connections",
                  (unsigned)limit.rlim_cur, (unsigned)beside);
        return error_hint(error, "raise the limit (ulimit -n) to %u or more", (unsigned)wanted);
    }
    spec->engine.concurrency = (uint32_t)((limit.rlim_cur - beside) / resources);
    if (log != NULL) {
        error_set(error, ERROR_NONE, "only %u files may be open at one time: concurrency is %u for this run",
                  (unsigned)limit.rlim_cur, (unsigned)spec->engine.concurrency);
        error_hint(error, "raise the limit (ulimit -n) to %u", (unsigned)wanted);
        log_error(log, LEVEL_WARNING, error);
    }
    return true;
}
