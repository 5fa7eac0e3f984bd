#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
