#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
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

/* --- whose places and files these are --- */

static bool look_at_directory(const char *directory, struct stat *info, struct error *error)
{
    if (stat(directory, info) == 0)
        return true;
    error_errno(error, "cannot use the directory %s", directory);
    error->code = ERROR_INPUT;
    return false;
}

/* What is mounted to be read alone cannot be written to, whatever its mode says: so Kubernetes mounts what is
 * configured, in directories of mode 0777. */
static bool is_writable_by_all(const char *directory, const struct stat *info)
{
    struct statvfs mount;

    if ((info->st_mode & S_IWOTH) == 0 || (info->st_mode & S_ISVTX) != 0)
        return false;
    return statvfs(directory, &mount) != 0 || (mount.f_flag & ST_RDONLY) == 0;
}

/* Is the directory, and each above it that the path names, one in which not everybody can put something else in the
 * place of what is there? (That a group can is left to whoever set it up: a volume of Kubernetes belongs to one.) */
static bool check_upwards(char *directory, struct error *error)
{
    struct stat info;

    for (;;) {
        if (!look_at_directory(directory, &info, error))
            return false;
        if (is_writable_by_all(directory, &info)) {
            error_set(error, ERROR_INPUT, "everybody can write to the directory %s (mode %04o)", directory,
                      (unsigned)(info.st_mode & 07777));
            return error_hint(error, "chmod o-w %s", directory);
        }
        char *slash = strrchr(directory, '/');
        if (slash == NULL || strcmp(directory, "/") == 0)
            return true;
        slash[slash == directory ? 1 : 0] = '\0';
    }
}

/* By the names in the path, and by those that its links lead to. */
static bool check_way(const char *directory, struct error *error)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s", directory);
    if (!check_upwards(path, error))
        return false;
    if (realpath(directory, path) == NULL)
        return error_errno(error, "cannot use the directory %s", directory);
    return check_upwards(path, error);
}

/* Nobody else can replace a file of ours there, or, unless it is sticky, make one at all. */
static bool check_directory(const char *path, bool may_be_sticky, struct error *error)
{
    char directory[PATH_MAX];
    struct stat info;

    if (!directory_of(path, directory, error) || !look_at_directory(directory, &info, error))
        return false;
    if (!S_ISDIR(info.st_mode))
        return error_set(error, ERROR_INPUT, "%s is not a directory", directory);
    if (info.st_uid != geteuid() && info.st_uid != 0) {
        error_set(error, ERROR_INPUT, "the directory %s belongs to another user", directory);
        return error_hint(error, "use a directory that only you can write to");
    }
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (may_be_sticky && (info.st_mode & S_ISVTX) != 0))
        return check_way(directory, error);
    error_set(error, ERROR_INPUT, "the directory %s can be written to by others (mode %04o)", directory,
              (unsigned)(info.st_mode & 07777));
    return (info.st_mode & S_ISVTX) != 0 ? error_hint(error, "use a directory that only you can write to")
                                         : error_hint(error, "chmod go-w %s", directory);
}

bool file_check_directory(const char *path, struct error *error)
{
    return check_directory(path, true, error);
}

bool file_check_database(const char *path, struct error *error)
{
    static const char *const endings[] = {"-journal", "-wal", "-shm"};
    char side[PATH_MAX + 16];
    struct stat info;

    if (!check_directory(path, false, error))
        return false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(side, sizeof side, "%s%s", path, endings[i]);
        if (lstat(side, &info) != 0 ||
            (S_ISREG(info.st_mode) && (info.st_uid == geteuid() || info.st_uid == 0) && (info.st_mode & 077) == 0))
            continue;
        error_set(error, ERROR_INPUT, "%s is not ours, and would be read as a part of %s", side, path);
        return error_hint(error, "look at who made it, and move it away");
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
        error_hint(error, "chmod %s %s", writers == S_IWOTH ? "o-w" : "600", path);
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

    if (fd < 0)
        return -1;
    if (info.st_uid != geteuid() && info.st_uid != 0) {
        error_set(error, ERROR_INPUT, "%s belongs to another user", path);
        error_hint(error, "chown it to the user that runs rollcall");
    } else if (file_check_directory(path, error)) {
        return fd;
    }
    close(fd);
    return -1;
}

int file_open_shared(const char *path, struct error *error)
{
    char directory[PATH_MAX];
    struct stat info;
    const int fd = open_checked(path, 0, S_IWOTH, &info, error);

    if (fd < 0 || (directory_of(path, directory, error) && check_way(directory, error)))
        return fd;
    close(fd);
    return -1;
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
