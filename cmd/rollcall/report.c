/* rollcall report: a page about one run. */
#include "command.h"

#include "core/clock.h"
#include "core/file.h"
#include "output/report.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "7", or "last" for 0. */
static bool parse_run(const char *text, int64_t *id)
{
    char *end;

    if (strcmp(text, "last") == 0) {
        *id = 0;
        return true;
    }
    errno = 0;
    *id = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && *id > 0)
        return true;
    fprintf(stderr,
            "rollcall: a run is its number or the word last, not \"%.80s\"\n"
            "  hint: `rollcall status` lists the last runs\n",
            text);
    return false;
}

static bool find_run(struct ledger *ledger, int64_t id, const char *job, struct run_record *run, struct error *error)
{
    if (ledger_find_run(ledger, id, job, run, error))
        return true;
    if (error->code != ERROR_NONE)
        return false;
    if (id != 0)
        error_set(error, ERROR_INPUT, "the ledger has no run %" PRId64, id);
    else
        error_set(error, ERROR_INPUT, "the ledger has no run of the job %s", job);
    return error_hint(error, "`rollcall status` lists the last runs, of this job and of others");
}

/* Whoever may read the mapping may read the report, which has keys in it as well. */
static bool write_page(const struct buffer *page, const char *out, struct error *error)
{
    struct atomic_file *file;

    if (out == NULL)
        return command_write(page->data, page->length, error);
    file = atomic_file_open(out, 0640, error);
    if (file == NULL)
        return false;
    atomic_file_write(file, page->data, page->length);
    return atomic_file_commit(file, error);
}

static int make_report(const char *path, int64_t id, const char *out)
{
    struct ledger *ledger = NULL;
    struct run_record run;
    struct buffer page;
    struct error error;
    struct spec *spec;
    const int loaded = command_load(path, SPEC_WITHOUT_FILES, &spec);

    if (loaded != 0)
        return loaded;
    buffer_init(&page, SIZE_MAX / 2);
    const bool ok = (out == NULL || spec_check_output(spec, "--out", out, &error)) &&
                    (ledger = ledger_open(spec->ledger, LEDGER_READ, &error)) != NULL &&
                    find_run(ledger, id, spec->name, &run, &error) &&
                    report_make(&page, ledger, &run, spec->outputs.failures, clock_wall_ms(&clock_system), &error) &&
                    write_page(&page, out, &error);
    if (ok && out != NULL)
        printf("the report of run %" PRId64 " is in %s\n", run.id, out);
    buffer_clear(&page);
    ledger_close(ledger);
    spec_free(spec);
    return ok ? 0 : command_error(&error);
}

enum { OUT = 1 };

static int run(const struct command *command, int argc, char **argv)
{
    const char *arguments[2] = {NULL, "last"};
    const char *out = NULL;
    int64_t id;
    int option;
    int status;

    while ((option = command_next_option(command, argc, argv, &status)) > 0)
        out = optarg;
    if (option == COMMAND_ENDS)
        return status;
    if (!command_arguments(command, argc, argv, argc - optind == 1 ? 1 : 2, arguments) || !parse_run(arguments[1], &id))
        return EXIT_USAGE;
    if (out == NULL && isatty(STDOUT_FILENO) == 1) {
        fprintf(stderr,
                "rollcall: the report is a page for a browser, and would be of no use on a terminal\n"
                "  hint: rollcall report %s %s --out report.html\n",
                arguments[0], arguments[1]);
        return EXIT_USAGE;
    }
    return make_report(arguments[0], id, out);
}

static const struct command_option options[] = {
    {"out", "FILE", "where to write it (default: standard output)", OUT},
    {0},
};

const struct command command_report = {
    .name = "report",
    .arguments = "JOB.yaml [RUN]",
    .summary = "write a page about a run, in HTML",
    .notes = "RUN is the number of a run, or the word last: the last one of this job, which is the default.\n",
    .options = options,
    .run = run,
};
