/* The index of the program. */
#include "command.h"

#include "core/error.h"
#include "core/process.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* What OpenSSL lets go of may be an answer with a token, as it was decrypted. */
static void wipe_and_free(void *memory, const char *file, int line)
{
    (void)file, (void)line;
    if (memory != NULL)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

static void *allocate(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return size > 0 ? malloc(size) : NULL;
}

static void *resize(void *memory, size_t size, const char *file, int line)
{
    const size_t before = memory != NULL ? malloc_usable_size(memory) : 0;
    void *other = allocate(size, file, line);

    if (other == NULL && size > 0)
        return NULL;
    if (before > 0 && size > 0)
        memcpy(other, memory, before < size ? before : size);
    wipe_and_free(memory, file, line);
    return other;
}

/* What a command prints is its result, and half of it is none. That a reader of a pipe has seen enough is no fault, and
 * a run's result is not what it prints. */
static int check_output(const struct command *command, int status)
{
    struct stat info;
    const bool is_pipe = fstat(STDOUT_FILENO, &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode));
    struct error error;

    errno = 0;
    if ((fflush(stdout) == 0 && ferror(stdout) == 0) || is_pipe)
        return status;
    if (errno != 0)
        error_errno(&error, "cannot write to standard output");
    else
        error_set(&error, ERROR_SYSTEM, "cannot write to standard output");
    const int failed = command_error(&error);
    return command->run == command_run || status != 0 ? status : failed;
}

int main(int argc, char **argv)
{
    process_guard();
    /* No core dump and no ptrace: the memory holds an access key and tokens. */
    prctl(PR_SET_DUMPABLE, 0);
    CRYPTO_set_mem_functions(allocate, resize, wipe_and_free);

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
            return check_output(&commands[i], commands[i].run(&commands[i], argc - 1, argv + 1));
        }
    }
    fprintf(stderr, "rollcall: there is no command \"%s\"\n  hint: `rollcall --help` lists them\n", argv[1]);
    return EXIT_USAGE;
}
