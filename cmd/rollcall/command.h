/* command.h - what the subcommands share: reading the command line, opening the job, saying what is wrong. */
#ifndef ROLLCALL_CMD_COMMAND_H
#define ROLLCALL_CMD_COMMAND_H

#include "core/error.h"
#include "core/problems.h"
#include "ledger/ledger.h"
#include "run/plan.h"
#include "spec/spec.h"

#include <getopt.h>

struct command {
    const char *name;
    const char *arguments; /* "JOB.yaml [options]" */
    const char *summary;   /* one line */
    const char *help;      /* the options, a line each */
    int (*run)(const struct command *command, int argc, char **argv);
};

int command_validate(const struct command *command, int argc, char **argv);
int command_plan(const struct command *command, int argc, char **argv);
int command_run(const struct command *command, int argc, char **argv);
int command_status(const struct command *command, int argc, char **argv);
int command_history(const struct command *command, int argc, char **argv);
int command_import(const struct command *command, int argc, char **argv);
int command_export(const struct command *command, int argc, char **argv);

enum { EXIT_USAGE = 2, EXIT_CHANGES = 10, OPTION_ONLY_LONG = 1000 };

/* Prints the command's help. */
void command_help(const struct command *command, FILE *stream);
/* After getopt_long(): for 'h' and unknown options. Returns the exit status. */
int command_usage(const struct command *command, int option);
/* The positional arguments after the options: exactly `count`, into arguments. False after a message. */
bool command_arguments(const struct command *command, int argc, char **argv, int count, const char **arguments);

/* "rollcall: message" and a hint, on standard error. Returns the exit status for the error. */
int command_error(const struct error *error);

/* Loads the spec; on failure prints every problem and returns NULL. */
struct spec *command_load(const char *path, enum spec_secrets secrets);

/* Is there something in the spec that this version cannot carry out? False with an ERROR_INPUT that names it. */
bool command_check_supported(const struct spec *spec, struct error *error);

/* "user@host": who runs this. */
enum { COMMAND_OPERATOR_SIZE = 160 };
void command_operator(char text[COMMAND_OPERATOR_SIZE]);

/* Options that choose what a plan looks at: shared by plan and run. */
struct plan_arguments {
    struct plan_options options;
    struct text_list only; /* items are the command line's own */
};

enum {
    OPTION_ONLY = OPTION_ONLY_LONG,
    OPTION_LIMIT,
    OPTION_REISSUE_ALL,
    OPTION_ALLOW,
    OPTION_OWN, /* the first of a command's own */
};

/* clang-format off */ /* which takes the last one for a block */
#define PLAN_LONG_OPTIONS                             \
    {"only", required_argument, NULL, OPTION_ONLY},   \
    {"limit", required_argument, NULL, OPTION_LIMIT}, \
    {"reissue-all", no_argument, NULL, OPTION_REISSUE_ALL}
/* clang-format on */

/* The options, as of now. Borrows from the arguments. */
struct plan_options plan_arguments_options(struct plan_arguments *arguments);
/* Takes one of the options above. False after a message. */
bool plan_arguments_take(struct plan_arguments *arguments, int option, const char *value);
void plan_arguments_clear(struct plan_arguments *arguments);

/* A job made ready to plan: spec, roster, ledger (NULL where there is none yet), plan. */
struct job {
    struct spec *spec;
    int roster_fd;
    struct ledger *ledger;
    struct plan *plan;
};

/* Reads the roster and makes the plan for a job whose spec and ledger are set. Prints what is wrong; the exit status, 0
 * when all is well. */
int job_plan(struct job *job, const struct plan_options *options);
void job_close(struct job *job);

/* "added 12 provision" lines: what the plan will do. */
void print_plan(const struct plan *plan, FILE *stream);

#endif
