/* command.h - what the subcommands share: reading the command line and the job spec, saying what is wrong. */
#ifndef ROLLCALL_CMD_COMMAND_H
#define ROLLCALL_CMD_COMMAND_H

#include "acs/acs.h"
#include "core/error.h"
#include "core/problems.h"
#include "ledger/ledger.h"
#include "output/log.h"
#include "output/sinks.h"
#include "run/plan.h"
#include "spec/spec.h"

/* What --help, the manual and the completions of the shells say of an option, and what is parsed. */
struct command_option {
    const char *name;     /* without the dashes */
    const char *argument; /* "FILE"; "csv|ndjson" for one of these words; NULL: takes none */
    const char *help;     /* a phrase */
    int value;            /* what command_next_option() returns for it, from 1 */
};

struct command {
    const char *name;
    const char *arguments;                /* "JOB.yaml", with what follows it */
    const char *summary;                  /* a phrase */
    const char *notes;                    /* more lines for --help; NULL: none */
    bool acts;                            /* what it prints is not its result */
    const struct command_option *options; /* the last one has no name; NULL: none but --help */
    int (*run)(const struct command *command, int argc, char **argv);
};

extern const struct command command_init, command_validate, command_doctor, command_plan, command_run, command_status,
    command_history, command_import, command_export, command_report;
/* All of them, in the order of a user's first day; the last one is NULL (commands.c). */
extern const struct command *const commands[];

enum { EXIT_USAGE = 2, EXIT_HOOK = 6, EXIT_CHANGES = 10 };

/* The value of the next option, its argument in optarg; 0 when there are no more, COMMAND_ENDS when the command ends
 * here with *status: after --help, and after an option that it does not have. */
enum { COMMAND_ENDS = -1 };
int command_next_option(const struct command *command, int argc, char **argv, int *status);
/* The positional arguments after the options: exactly `count`, into arguments. False after a message. */
bool command_arguments(const struct command *command, int argc, char **argv, int count, const char **arguments);
/* For a command whose only option is --json. False when it ends with *status. */
bool command_take_json(const struct command *command, int argc, char **argv, bool *json, int *status);
/* Writes to standard output. As below, that a reader of a pipe has seen enough is no fault. */
bool command_write(const void *bytes, size_t length, struct error *error);
/* Flushes standard output after a command that ended with `status`; the exit status of the program. */
int command_finish(const struct command *command, int status);
int command_finish_logged(const struct command *command, const struct log *log, int status);

/* Messages for people on standard error: where no other log was asked for. */
struct log command_to_people(void);
/* "rollcall: message" and a hint, on standard error. Returns the exit status for the error. */
int command_error(const struct error *error);
/* The same, in the format of the log. */
int command_log_error(const struct log *log, const struct error *error);

/* Loads the spec; on failure prints every problem. Returns the exit status. */
int command_load(const char *path, enum spec_secrets secrets, struct spec **spec);
int command_load_logged(const struct log *log, const char *path, enum spec_secrets secrets, struct spec **spec);

/* Where the spec's resources are, by their index; their keys are taken out of the spec. NULL with the error. */
struct acs_resource *command_addresses(struct spec *spec, struct error *error);
void command_addresses_free(const struct spec *spec, struct acs_resource *addresses);
/* How to sign in to each: NULL where the address has an access key. The secrets in the spec are cleared. NULL with an
 * ERROR_INPUT where a credential lacks something. */
struct entra_credential **command_credentials(struct spec *spec, struct error *error);
void command_credentials_free(const struct spec *spec, struct entra_credential **credentials);

/* "user@host": who runs this. */
enum { COMMAND_OPERATOR_SIZE = 160 };
void command_operator(char text[COMMAND_OPERATOR_SIZE]);

/* Options that choose what a plan looks at: shared by plan and run. */
struct plan_arguments {
    struct plan_options options;
    struct text_list only; /* items are the command line's own */
};

enum {
    OPTION_ONLY = 1,
    OPTION_LIMIT,
    OPTION_REISSUE_ALL,
    OPTION_OWN, /* the first of a command's own */
};

/* clang-format off */ /* which takes the last one for a block */
#define PLAN_OPTIONS                                                               \
    {"only", "KEY", "look at this user only (repeatable)", OPTION_ONLY},           \
    {"limit", "N", "act on the first N users only (a canary)", OPTION_LIMIT},      \
    {"reissue-all", NULL, "issue every token again, as after an access key was regenerated", OPTION_REISSUE_ALL}
/* clang-format on */

/* The options, as of now. Borrows from the arguments. */
struct plan_options plan_arguments_options(struct plan_arguments *arguments);
/* Takes one of the options above. False after a message, with what to exit with in `status` where nobody typed wrongly.
 */
bool plan_arguments_take(struct plan_arguments *arguments, int option, const char *value, int *status);
void plan_arguments_clear(struct plan_arguments *arguments);

#endif
