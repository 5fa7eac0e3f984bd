/* Files: whether a run can read what it reads and write what it writes, and who else can. Nothing is opened for
 * writing. */
#include "core/file.h"
#include "run/doctor_internal.h"
#include "run/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { MIB = 1024 * 1024, LITTLE_ROOM_MIB = 256 };

enum output { OUTPUT_OF_NAMES, OUTPUT_OF_SECRETS, OUTPUT_DATABASE };

/* Whoever can write to what decides on deletions can delete. */
static void check_input(struct doctor *doctor, const char *what, const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0)
        doctor_say(doctor, DOCTOR_BAD, "files", "check its path", "%s %s: %s", what, path, strerrordesc_np(errno));
    else if (access(path, R_OK) != 0)
        doctor_say(doctor, DOCTOR_BAD, "files", "let the user that runs rollcall read it", "%s %s cannot be read", what,
                   path);
    else if ((info.st_mode & S_IWOTH) != 0)
        doctor_say(doctor, DOCTOR_WARNING, "files", "chmod o-w", "%s %s can be written by everybody (mode %04o)", what,
                   path, (unsigned)(info.st_mode & 07777));
    else
        doctor_say(doctor, DOCTOR_GOOD, "files", NULL, "%s %s", what, path);
}

static void check_secret(struct doctor *doctor, const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0)
        return; /* it was there a moment ago */
    const bool open = (info.st_mode & 077) != 0;
    doctor_say(doctor, open ? DOCTOR_WARNING : DOCTOR_GOOD, "files", open ? "chmod 600" : NULL,
               open ? "the secret in %s can be read or written by others (mode %04o)" : "the secret in %s (mode %04o)",
               path, (unsigned)(info.st_mode & 07777));
}

/* Makes `path` its nearest directory that is there. */
static void go_up(char *path)
{
    struct stat info;

    do {
        char *slash = strrchr(path, '/');
        if (slash == NULL || slash == path) {
            snprintf(path, 2, "%s", slash == NULL ? "." : "/");
            return;
        }
        *slash = '\0';
    } while (stat(path, &info) != 0);
}

/* May a file be put in the place of `path`, or be made there with the directories above it? */
static bool can_be_written(const char *path, enum output kind, struct error *error)
{
    const char *slash = strrchr(path, '/');
    const size_t parent_length = slash == NULL || slash == path ? 1 : (size_t)(slash - path);
    char *directory = strdup(path);

    if (directory == NULL)
        return error_no_memory(error);
    go_up(directory);
    const bool writable = access(directory, W_OK | X_OK) == 0 || error_errno(error, "%s", directory);
    const bool is_parent = strlen(directory) == parent_length; /* else those below it are made, and then ours */
    free(directory);
    return writable && (!is_parent || (kind == OUTPUT_DATABASE ? file_check_database(path, error)
                                                               : file_check_directory(path, error)));
}

static void check_output(struct doctor *doctor, const char *what, const char *path, enum output kind)
{
    struct stat info;
    struct error error;

    if (path == NULL)
        return;
    const bool there = lstat(path, &info) == 0;
    if (there && !S_ISREG(info.st_mode))
        doctor_say(doctor, DOCTOR_BAD, "files", "name a file of its own", "%s %s is no regular file", what, path);
    else if (!can_be_written(path, kind, &error))
        doctor_say(doctor, DOCTOR_BAD, "files", "let the user that runs rollcall write there, and nobody else",
                   "%s %s cannot be written: %s", what, path, error.message);
    else if (there && kind != OUTPUT_OF_NAMES && (info.st_mode & 077) != 0)
        doctor_say(doctor, DOCTOR_WARNING, "files", "chmod 600", "%s %s can be used by others (mode %04o)", what, path,
                   (unsigned)(info.st_mode & 07777));
    else
        doctor_say(doctor, DOCTOR_GOOD, "files", NULL, "%s %s%s", what, path, there ? "" : " will be made");
}

static void check_room(struct doctor *doctor)
{
    const uint64_t needed_mib = run_reserve_bytes(doctor->spec) / MIB + 1;
    struct statvfs info;
    char *directory = strdup(doctor->spec->ledger);

    if (directory == NULL)
        return;
    go_up(directory);
    if (statvfs(directory, &info) == 0) {
        const uint64_t free_mib = (uint64_t)info.f_bavail * info.f_frsize / MIB;
        const enum doctor_grade grade = free_mib < needed_mib        ? DOCTOR_BAD
                                        : free_mib < LITTLE_ROOM_MIB ? DOCTOR_WARNING
                                                                     : DOCTOR_GOOD;
        doctor_say(doctor, grade, "disk", grade == DOCTOR_GOOD ? NULL : "make room on the ledger's disk",
                   "%" PRIu64 " MiB are free in %s; a run takes %" PRIu64 " MiB before its first request", free_mib,
                   directory, needed_mib);
    }
    free(directory);
}

void doctor_check_files(struct doctor *doctor)
{
    const struct spec *spec = doctor->spec;

    check_input(doctor, "the job spec", spec->path);
    if (strcmp(spec->roster.csv, "-") != 0)
        check_input(doctor, "the roster", spec->roster.csv);
    for (size_t i = 0; i < spec->secret_files.count; i++)
        check_secret(doctor, spec->secret_files.items[i]);
    check_output(doctor, "the mapping", spec->outputs.mapping, OUTPUT_OF_NAMES);
    check_output(doctor, "the failures", spec->outputs.failures, OUTPUT_OF_NAMES);
    check_output(doctor, "the metrics", spec->outputs.metrics, OUTPUT_OF_NAMES);
    for (size_t i = 0; i < spec->outputs.sink_count; i++)
        check_output(doctor, "the tokens", spec->outputs.sinks[i].path,
                     spec->outputs.sinks[i].kind == SINK_SQLITE ? OUTPUT_DATABASE : OUTPUT_OF_SECRETS);
    if (access(spec->ledger, F_OK) != 0)
        check_output(doctor, "the ledger", spec->ledger, OUTPUT_DATABASE);
    check_room(doctor);
}
