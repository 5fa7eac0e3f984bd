#include "core/file.h"

#include "core/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
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

/* Copies the directory part of path ("." where there is none). */
static bool directory_of(const char *path, char directory[PATH_MAX], struct error *error)
{
    char copy[PATH_MAX];

    if ((size_t)snprintf(copy, sizeof copy, "%s", path) >= sizeof copy)
        return error_set(error, ERROR_INPUT, "the path %.64s... is too long", path);
    snprintf(directory, PATH_MAX, "%s", dirname(copy));
    return true;
}

bool file_check_directory(const char *path, struct error *error)
{
    char directory[PATH_MAX];
    struct stat info;

    if (!directory_of(path, directory, error))
        return false;
    if (stat(directory, &info) != 0) {
        error_errno(error, "cannot use the directory %s", directory);
        error->code = ERROR_INPUT;
        return false;
    }
    if (!S_ISDIR(info.st_mode))
        return error_set(error, ERROR_INPUT, "%s is not a directory", directory);
    if (info.st_uid != geteuid() && info.st_uid != 0) {
        error_set(error, ERROR_INPUT, "the directory %s belongs to another user", directory);
        return error_hint(error, "use a directory that only you can write to");
    }
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (info.st_mode & S_ISVTX) == 0) {
        error_set(error, ERROR_INPUT, "the directory %s can be written to by others (mode %04o)", directory,
                  (unsigned)(info.st_mode & 07777));
        return error_hint(error, "chmod go-w %s", directory);
    }
    return true;
}

bool file_make_parents(const char *path, mode_t mode, struct error *error)
{
    char directory[PATH_MAX];

    if (!directory_of(path, directory, error))
        return false;
    for (char *slash = strchr(directory + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(directory, mode) != 0 && errno != EEXIST)
            return error_errno(error, "cannot make the directory %s", directory);
        if (slash == NULL)
            return true;
        *slash = '/';
    }
}

bool file_sync_directory(const char *path, struct error *error)
{
    char directory[PATH_MAX];

    if (!directory_of(path, directory, error))
        return false;
    const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        error_errno(error, "cannot sync the directory %s", directory);
        if (fd >= 0)
            close(fd);
        return false;
    }
    close(fd);
    return true;
}

bool file_write_all(int fd, const void *bytes, size_t length)
{
    const char *next = bytes;

    while (length > 0) {
        const ssize_t written = write(fd, next, length);
        if (written < 0) {
            if (errno == EINTR)
                continue;
            return false;
        }
        next += written;
        length -= (size_t)written;
    }
    return true;
}

/* Opens a regular file whose mode has none of the bits `writers`. */
static int open_checked(const char *path, int flags, mode_t writers, struct stat *info, struct error *error)
{
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | flags);

    if (fd < 0) {
        const bool link = errno == ELOOP;
        error_errno(error, "cannot open %s", path);
        error->code = ERROR_INPUT;
        if (link)
            error_hint(error, "it is a symbolic link; name the file itself");
        return -1;
    }
    if (fstat(fd, info) != 0) {
        error_errno(error, "cannot look at %s", path);
        goto refuse;
    }
    if (!S_ISREG(info->st_mode)) {
        error_set(error, ERROR_INPUT, "%s is not a regular file", path);
        goto refuse;
    }
    if ((info->st_mode & writers) != 0) {
        error_set(error, ERROR_INPUT, "%s can be written to by others (mode %04o)", path,
                  (unsigned)(info->st_mode & 07777));
        error_hint(error, "chmod 600 %s", path);
        goto refuse;
    }
    return fd;
refuse:
    close(fd);
    return -1;
}

int file_open_private(const char *path, struct error *error)
{
    struct stat info;
    const int fd = open_checked(path, O_NOFOLLOW, S_IWGRP | S_IWOTH, &info, error);

    if (fd < 0 || info.st_uid == geteuid() || info.st_uid == 0)
        return fd;
    close(fd);
    error_set(error, ERROR_INPUT, "%s belongs to another user", path);
    error_hint(error, "chown it to the user that runs rollcall");
    return -1;
}

int file_open_mounted(const char *path, struct error *error)
{
    struct stat info;

    return open_checked(path, 0, S_IWOTH, &info, error);
}

int file_open_scratch(struct error *error)
{
    const char *const places[] = {getenv("TMPDIR"), "/tmp", "/var/tmp"};

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (places[i] == NULL || places[i][0] == '\0')
            continue;
        int fd = open(places[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0)
            return fd;
        char name[PATH_MAX];
        snprintf(name, sizeof name, "%s/rollcall.XXXXXX", places[i]);
        fd = mkostemp(name, O_CLOEXEC);
        if (fd >= 0) {
            unlink(name);
            return fd;
        }
    }
    error_errno(error, "cannot make a temporary file in $TMPDIR, /tmp or /var/tmp");
    return -1;
}

/* Takes the last name off a folder ("a/b/" becomes "a/") when ".." leads back from there: not when it is a link, which
 * leads elsewhere, or no name. */
static bool leave_folder(char *folder)
{
    const size_t length = strlen(folder);
    struct stat info;

    if (length < 2)
        return false;
    folder[length - 1] = '\0';
    char *slash = strrchr(folder, '/');
    char *name = slash != NULL ? slash + 1 : folder;
    if (name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && lstat(folder, &info) == 0 &&
        S_ISDIR(info.st_mode)) {
        name[0] = '\0';
        return true;
    }
    folder[length - 1] = '/';
    return false;
}

char *file_resolve(const char *base_file, const char *path)
{
    const char *slash = strrchr(base_file, '/');

    if (path[0] == '/' || slash == NULL)
        return strdup(path);
    const size_t length = (size_t)(slash - base_file) + 1;
    char *joined = malloc(length + strlen(path) + 1);
    if (joined == NULL)
        return NULL;
    memcpy(joined, base_file, length);
    joined[length] = '\0';
    /* "-" alone would be standard input. */
    while (strncmp(path, "../", 3) == 0 && path[3] != '/' && path[3] != '\0' && strcmp(path + 3, "-") != 0 &&
           leave_folder(joined))
        path += 3;
    memcpy(joined + strlen(joined), path, strlen(path) + 1);
    return joined;
}

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
