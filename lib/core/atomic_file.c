/* A file that is written whole or not at all. */
#include "core/file.h"

#include "core/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITE_BUFFER = 256 * 1024 };

struct atomic_file {
    char path[PATH_MAX];
    char temporary[PATH_MAX];
    int fd;
    int failure; /* errno of the first write that failed */
    size_t used;
    char bytes[WRITE_BUFFER];
};

static bool name_temporary(struct atomic_file *file, struct error *error)
{
    const char *slash = strrchr(file->path, '/');
    const int directory = slash == NULL ? 0 : (int)(slash - file->path) + 1;
    const int length =
        snprintf(file->temporary, sizeof file->temporary, "%.*s.%s.tmp", directory, file->path, file->path + directory);

    if (length < 0 || (size_t)length >= sizeof file->temporary)
        return error_set(error, ERROR_INPUT, "the path %.64s... is too long", file->path);
    return true;
}

/* Opens and locks the temporary file. The lock tells a file that is being written from one that a killed process left;
 * the name may be renamed away between opening and locking, so it is looked at again. */
static bool open_temporary(struct atomic_file *file, mode_t mode, struct error *error)
{
    struct stat mine;
    struct stat named;

    for (;;) {
        file->fd = open(file->temporary, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode);
        if (file->fd < 0 || fstat(file->fd, &mine) != 0)
            return error_errno(error, "cannot write %s", file->path);
        if (!S_ISREG(mine.st_mode) || mine.st_uid != geteuid() || mine.st_nlink > 1) {
            error_set(error, ERROR_INPUT, "%s is not ours to write", file->temporary);
            return error_hint(error, "remove it; it stands in the way of writing %s", file->path);
        }
        if (flock(file->fd, LOCK_EX | LOCK_NB) != 0) {
            error_set(error, ERROR_BUSY, "another process is writing %s", file->path);
            return error_hint(error, "give each job outputs of its own");
        }
        if (lstat(file->temporary, &named) == 0 && named.st_ino == mine.st_ino && named.st_dev == mine.st_dev)
            break;
        close(file->fd);
    }
    if (ftruncate(file->fd, 0) != 0 || fchmod(file->fd, mine.st_mode & mode) != 0)
        return error_errno(error, "cannot write %s", file->path);
    return true;
}

static bool check_target(const char *path, struct error *error)
{
    struct stat info;

    if (lstat(path, &info) != 0)
        return errno == ENOENT ? true : error_errno(error, "cannot look at %s", path);
    if (S_ISREG(info.st_mode))
        return true;
    error_set(error, ERROR_INPUT, "%s is %s, not a regular file", path,
              S_ISLNK(info.st_mode) ? "a symbolic link" : "something else");
    return error_hint(error, "name the file itself; rollcall replaces it as a whole");
}

struct atomic_file *atomic_file_open(const char *path, mode_t mode, struct error *error)
{
    struct atomic_file *file = malloc(sizeof *file);

    if (file == NULL) {
        error_no_memory(error);
        return NULL;
    }
    file->failure = 0;
    file->used = 0;
    file->fd = -1;
    if ((size_t)snprintf(file->path, sizeof file->path, "%s", path) >= sizeof file->path) {
        error_set(error, ERROR_INPUT, "the path %.64s... is too long", path);
        goto fail;
    }
    if (!file_make_parents(path, (mode & 077) == 0 ? 0700 : 0755, error) || !file_check_directory(path, error) ||
        !check_target(path, error) || !name_temporary(file, error) || !open_temporary(file, mode, error))
        goto fail;
    return file;
fail:
    if (file->fd >= 0)
        close(file->fd);
    free(file);
    return NULL;
}

static void flush_bytes(struct atomic_file *file)
{
    if (file->failure == 0 && !file_write_all(file->fd, file->bytes, file->used))
        file->failure = errno;
    file->used = 0;
}

void atomic_file_write(struct atomic_file *file, const void *bytes, size_t length)
{
    const char *next = bytes;

    while (length > 0) {
        const size_t room = sizeof file->bytes - file->used;
        const size_t now = length < room ? length : room;
        memcpy(file->bytes + file->used, next, now);
        file->used += now;
        next += now;
        length -= now;
        if (file->used == sizeof file->bytes)
            flush_bytes(file);
    }
}

static void release(struct atomic_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    explicit_bzero(file->bytes, sizeof file->bytes);
    free(file);
}

bool atomic_file_commit(struct atomic_file *file, struct error *error)
{
    flush_bytes(file);
    if (file->failure == 0 && fsync(file->fd) != 0)
        file->failure = errno;
    crash_point();
    if (file->failure == 0 && rename(file->temporary, file->path) != 0)
        file->failure = errno;
    crash_point();
    if (file->failure != 0) {
        errno = file->failure;
        error_errno(error, "cannot write %s", file->path);
        unlink(file->temporary);
        release(file);
        return false;
    }
    const bool ok = file_sync_directory(file->path, error);
    release(file);
    return ok;
}

void atomic_file_discard(struct atomic_file *file)
{
    if (file == NULL)
        return;
    unlink(file->temporary);
    release(file);
}

bool atomic_file_check(const char *path, mode_t mode, struct error *error)
{
    struct atomic_file *file = atomic_file_open(path, mode, error);

    atomic_file_discard(file);
    return file != NULL;
}
