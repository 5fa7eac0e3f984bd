/* plan_file.h - a plan that was looked at today and is carried out tomorrow, exactly as it was.
 *
 * The file does not hold the users: it holds what the plan was made from (hashes of spec and rosters, the version of
 * the ledger, the moment, the options) and what came out.  Carrying it out makes the plan again from these and refuses
 * when anything differs.  Every run changes the ledger's version, so a plan is good for one use.
 */
#ifndef ROLLCALL_RUN_PLAN_FILE_H
#define ROLLCALL_RUN_PLAN_FILE_H

#include "run/plan.h"

/* Writes the plan's file, atomically, mode 0600. */
bool plan_file_write(const char *path, const struct plan *plan, struct ledger *ledger, struct error *error);

struct plan_file;

/* Reads a plan file and refuses (ERROR_INPUT) one of another spec. Sets the options that the plan is to be made with;
 * their `only` list is the file's own. */
struct plan_file *plan_file_read(const char *path, const struct spec *spec, struct plan_options *options,
                                 struct error *error);
/* Is the plan made now the one that the file is about? ERROR_INPUT when the roster or the ledger changed. */
bool plan_file_check(const struct plan_file *file, const struct plan *plan, struct ledger *ledger, struct error *error);
void plan_file_free(struct plan_file *file);

#endif
