/* file.h - files that others must not see half-written, or tamper with.
 *
 * atomic_file: what is written under the name is the old content or the whole new one, never a part (design,
 * invariant 10).  The temporary file stands beside the target as ".<name>.tmp", has its final mode from its first byte,
 * is synced, renamed, and its directory synced.  One that a killed process left behind is taken over; one that another
 * process is writing is an error.
 */
#ifndef ROLLCALL_CORE_FILE_H
#define ROLLCALL_CORE_FILE_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct atomic_file;

/* Refuses a target that is a symbolic link or no regular file, and a directory that others may write to (unless it
 * is sticky). Parent directories that do not exist are made with mode 0700 (secret modes) or 0755. */
struct atomic_file *atomic_file_open(const char *path, mode_t mode, struct error *error);
/* Whether that would succeed: for what is written only later. Leaves the directories behind that it made. */
bool atomic_file_check(const char *path, mode_t mode, struct error *error);
/* Buffered. A failure is remembered and reported by atomic_file_commit(). */
void atomic_file_write(struct atomic_file *file, const void *bytes, size_t length);
/* Takes the file: frees it, whatever the result. On failure the target is as it was and no temporary file stays. */
bool atomic_file_commit(struct atomic_file *file, struct error *error);
/* Takes the file: drops what was written. NULL is allowed. */
void atomic_file_discard(struct atomic_file *file);

/* Opens for reading, refusing a symbolic link, a file of another user (root's is fine), one that group or others may
 * write to, and one in a directory that file_check_directory() refuses. Returns a descriptor, or -1 with the error
 * filled. */
int file_open_private(const char *path, struct error *error);
/* The same for a file that others may have a hand in, a platform that mounts it or a colleague: a symbolic link and
 * another user's file are fine, one that everybody may write to or replace is not. */
int file_open_shared(const char *path, struct error *error);

/* Refuses a directory of `path` in which others could put a file in the place of ours: one that belongs to somebody
 * else than us or root, or that group or others may write to and that is not sticky. Neither may everybody be able to
 * put another directory in its place. */
bool file_check_directory(const char *path, struct error *error);
/* The same for an SQLite database, which takes what is named like a side file of its own for one: not even a sticky
 * directory that others may write to is fine, nor a side file that is somebody else's. */
bool file_check_database(const char *path, struct error *error);
/* Makes the directories above `path`, each with `mode`. */
bool file_make_parents(const char *path, mode_t mode, struct error *error);
/* Makes a rename or creation in the directory of `path` durable. */
bool file_sync_directory(const char *path, struct error *error);
/* Writes all, going on after EINTR and short writes. */
bool file_write_all(int fd, const void *bytes, size_t length);
/* A nameless file of mode 0600 in $TMPDIR (or /tmp, else /var/tmp) that is gone with its descriptor; -1 on failure. */
int file_open_scratch(struct error *error);
/* `path` itself when absolute, else relative to the directory of `base_file`, and without a detour ("jobs/../out")
 * where that is the same; malloc'd, NULL when out of memory. */
char *file_resolve(const char *base_file, const char *path);

#endif
