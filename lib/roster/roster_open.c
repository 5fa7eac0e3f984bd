#include "roster/roster.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SPOOL_BUFFER = 64 * 1024 };

/* A stream without a line end at its end may have been cut off within its last value: half a key would pass for another
 * user. A file may lack it (RFC 4180). One that ends with NUL is UTF-16, or damaged: the reader says so. */
static bool check_end(int from, char last, uint64_t lines, const char *name, struct error *error)
{
    struct stat info;

    if (last == '\n' || last == '\0' || (fstat(from, &info) == 0 && S_ISREG(info.st_mode)))
        return true;
    error_set(error, ERROR_INPUT, "%s:%" PRIu64 ": the last line has no line end, as where its writer was cut off",
              name, lines + 1);
    return error_hint(error, "if it is whole, let its writer end the last line as the others");
}

static bool copy_stream(int from, int to, const char *name, struct error *error)
{
    char bytes[SPOOL_BUFFER];
    char last = '\n';
    uint64_t lines = 0;

    for (;;) {
        const ssize_t got = read(from, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_errno(error, "cannot read %s", name);
        if (got == 0)
            return check_end(from, last, lines, name, error);
        if (!file_write_all(to, bytes, (size_t)got)) {
            error_errno(error, "cannot copy %s to a temporary file", name);
            return error_hint(error, "free some space in $TMPDIR (or /tmp), or set TMPDIR to a place that has it");
        }
        for (ssize_t i = 0; i < got; i++)
            lines += bytes[i] == '\n';
        last = bytes[got - 1];
    }
}

/* Copies a stream to a descriptor, which it takes. */
static int spool(int stream, int scratch, const char *name, struct error *error)
{
    if (scratch < 0)
        return -1;
    if (!copy_stream(stream, scratch, name, error)) {
        close(scratch);
        return -1;
    }
    return scratch;
}

static void explain_open(const char *path, struct error *error)
{
    const int reason = errno;

    error_errno(error, "cannot open %s", path);
    switch (reason) {
    case ENOENT:
    case ENOTDIR:
        error->code = ERROR_INPUT;
        error_hint(error, "look where the file is, and correct the path");
        break;
    case EACCES:
        error->code = ERROR_INPUT;
        error_hint(error, "the user that runs rollcall needs to read it");
        break;
    case ELOOP:
    case ENAMETOOLONG: error->code = ERROR_INPUT; break;
    default: break;
    }
}

int roster_open(const char *path, struct error *error)
{
    struct stat info;
    int scratch = -1;

    if (strcmp(path, "-") == 0)
        return spool(STDIN_FILENO, file_open_scratch(error), "standard input", error);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        explain_open(path, error);
        return -1;
    }
    if (fstat(fd, &info) != 0) {
        error_errno(error, "cannot look at %s", path);
    } else if (S_ISREG(info.st_mode)) {
        return fd;
    } else if (S_ISDIR(info.st_mode)) {
        error_set(error, ERROR_INPUT, "%s is a directory", path);
        error_hint(error, "name the CSV file in it");
    } else {
        scratch = spool(fd, file_open_scratch(error), path, error);
    }
    close(fd);
    return scratch;
}

static bool is_private(const char *path, int fd, struct error *error)
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return error_errno(error, "cannot look at the roster %s", path);
    if (!S_ISREG(info.st_mode) || info.st_uid != geteuid()) {
        error_set(error, ERROR_INPUT, "the roster %s holds tokens, and is %s", path,
                  S_ISREG(info.st_mode) ? "another user's file" : "not a regular file");
        return error_hint(error, "use a file of your own with mode 0600, or - for standard input");
    }
    if ((info.st_mode & 077) != 0) {
        error_set(error, ERROR_INPUT, "the roster %s holds tokens, and others can use it (mode %04o)", path,
                  (unsigned)(info.st_mode & 07777));
        return error_hint(error, "chmod 600 %s", path);
    }
    return true;
}

int roster_open_secret(const char *path, struct error *error)
{
    if (strcmp(path, "-") == 0) {
        const int memory = memfd_create("roster", MFD_CLOEXEC);
        if (memory < 0)
            error_errno(error, "cannot take memory for the roster");
        return spool(STDIN_FILENO, memory, "standard input", error);
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        explain_open(path, error);
        return -1;
    }
    if (is_private(path, fd, error))
        return fd;
    close(fd);
    return -1;
}
