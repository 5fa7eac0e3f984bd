/* The index of the program. */
#include "command.h"

#include "core/error.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

static const struct command commands[] = {
    {"validate", "JOB.yaml", "check a job spec, and the roster that it names",
     "  --no-secrets           do not look up { env } and { file } secrets\n", command_validate},
    {"plan", "JOB.yaml", "show what a run would do; sends nothing",
     "  --json                 one JSON object a user, then a summary\n"
     "  --exit-code            exit 10 when there is something to do\n"
     "  --out FILE             save the plan, for `rollcall run --plan FILE`\n"
     "  --only KEY             look at this user only (repeatable)\n"
     "  --limit N              act on the first N users only\n"
     "  --reissue-all          issue every token again\n",
     command_plan},
    {"run", "JOB.yaml", "carry the plan out",
     "  --plan FILE            carry out a saved plan, if nothing has changed since\n"
     "  --yes                  do not ask before deleting\n"
     "  --dry-run              stop before the first request\n"
     "  --only KEY             one user now (repeatable)\n"
     "  --limit N              act on the first N users only (a canary)\n"
     "  --reissue-all          issue every token again, as after an access key was regenerated\n"
     "  --allow LIMIT=N        lift limits.delete, revoke or shrink to exactly N for this run\n"
     "  --quiet                errors only\n"
     "  --json                 one JSON event a line on standard output\n",
     command_run},
    {"status", "JOB.yaml", "what the ledger knows: identities, tokens, runs",
     "  --json                 one JSON object\n", command_status},
    {"history", "JOB.yaml KEY", "the audit trail of one user, oldest first",
     "  --json                 one JSON object a line\n", command_history},
    {"import", "JOB.yaml MAPPING.csv", "adopt identities that exist already, all or none",
     "  MAPPING.csv            the key's column and identity_id; state and token_expires_at if known\n",
     command_import},
    {"export", "JOB.yaml", "write the mapping to standard output",
     "  --format csv|ndjson    (default csv)\n"
     "  --state STATE          only active, revoked, deleted or lost identities\n"
     "  --columns LIST         of key,identity_id,state,token_expires_at\n",
     command_export},
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void print_overview(FILE *stream)
{
    fputs("rollcall " ROLLCALL_VERSION ": identities and tokens of Azure Communication Services, in bulk\n\n"
          "usage: rollcall COMMAND JOB.yaml [options]\n\n",
          stream);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(stream, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n`rollcall COMMAND --help` lists the options of a command.\n", stream);
}

int main(int argc, char **argv)
{
    /* No core dump and no ptrace: the memory holds an access key and tokens. A reader that goes away must not end us. */
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGPIPE, SIG_IGN);

    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_overview(argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_USAGE : 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("rollcall " ROLLCALL_VERSION);
        return 0;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            argv[1] = argv[0]; /* getopt's messages begin with it */
            return commands[i].run(&commands[i], argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "rollcall: there is no command \"%s\"\n  hint: `rollcall --help` lists them\n", argv[1]);
    return EXIT_USAGE;
}
