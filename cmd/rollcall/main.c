#include "command.h"

#include "core/process.h"
#include "core/wipe.h"

#include <jansson.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static void print_overview(FILE *stream)
{
    fputs("rollcall " ROLLCALL_VERSION ": identities and tokens of Azure Communication Services, in bulk\n\n"
          "usage: rollcall COMMAND JOB.yaml [options]\n\n",
          stream);
    for (size_t i = 0; commands[i] != NULL; i++)
        fprintf(stream, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\n`rollcall COMMAND --help` lists the options of a command.\n", stream);
}

/* What OpenSSL lets go of may be an answer with a token, as it was decrypted. */
static void openssl_free(void *memory, const char *file, int line)
{
    (void)file, (void)line;
    wipe_free(memory);
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return size > 0 ? malloc(size) : NULL;
}

static void *openssl_realloc(void *memory, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return wipe_realloc(memory, size);
}

static void *sqlite_malloc(int size)
{
    return malloc((size_t)size);
}

static void *sqlite_realloc(void *memory, int size)
{
    return wipe_realloc(memory, (size_t)size);
}

static int sqlite_size(void *memory)
{
    return (int)malloc_usable_size(memory);
}

static int sqlite_roundup(int size)
{
    return (size + 7) & ~7;
}

static int sqlite_init(void *context)
{
    (void)context;
    return SQLITE_OK;
}

static void sqlite_shutdown(void *context)
{
    (void)context;
}

/* What SQLite lets go of may be a page of a database that tokens go to. */
static const sqlite3_mem_methods sqlite_memory = {sqlite_malloc,  wipe_free,   sqlite_realloc,  sqlite_size,
                                                  sqlite_roundup, sqlite_init, sqlite_shutdown, NULL};

int main(int argc, char **argv)
{
    process_guard();
    /* No core dump and no ptrace: the memory holds an access key and tokens. */
    prctl(PR_SET_DUMPABLE, 0);
    CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free);
    json_set_alloc_funcs(malloc, wipe_free); /* an answer with a token as well */
    sqlite3_config(SQLITE_CONFIG_MALLOC, &sqlite_memory);

    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_overview(argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_USAGE : 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("rollcall " ROLLCALL_VERSION);
        return 0;
    }
    /* Nobody asks later: libcurl does not, and a digest without OpenSSL's context crashes. */
    if (OSSL_LIB_CTX_get0_global_default() == NULL) {
        fputs("rollcall: out of memory\n", stderr);
        return 1;
    }
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (strcmp(argv[1], commands[i]->name) == 0) {
            argv[1] = argv[0]; /* getopt's messages begin with it */
            return command_finish(commands[i], commands[i]->run(commands[i], argc - 1, argv + 1));
        }
    }
    fprintf(stderr, "rollcall: there is no command \"%s\"\n  hint: `rollcall --help` lists them\n", argv[1]);
    return EXIT_USAGE;
}
