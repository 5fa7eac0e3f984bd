/* open_files.h - the limit on open files, which a connection for each request may exceed. */
#ifndef ROLLCALL_CMD_OPEN_FILES_H
#define ROLLCALL_CMD_OPEN_FILES_H

#include "core/error.h"
#include "output/log.h"
#include "spec/spec.h"

/* Raises the soft limit where it is too low for the spec's concurrency, and lowers that where the hard limit is, which
 * is said in the log (NULL: to nobody). */
bool open_files_fit(struct spec *spec, const struct log *log, struct error *error);

#endif
