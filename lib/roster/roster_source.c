#include "roster/roster_source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

bool source_open(struct source *source, const char *name, int fd, size_t capacity, struct error *error)
{
    *source = (struct source){.name = name, .fd = fd, .seekable = lseek(fd, 0, SEEK_CUR) >= 0, .capacity = capacity};
    if (fstat(fd, &source->before) != 0)
        return error_errno(error, "cannot look at %s", name);
    if (source->seekable)
        posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* advice: that it may fail does not matter */
    source->bytes = malloc(capacity);
    source->digest = XXH3_createState();
    if (source->bytes == NULL || source->digest == NULL)
        return error_no_memory(error);
    XXH3_128bits_reset(source->digest);
    return true;
}

void source_close(struct source *source)
{
    if (source->bytes != NULL)
        explicit_bzero(source->bytes, source->capacity); /* files with tokens are read too */
    free(source->bytes);
    XXH3_freeState(source->digest);
}

bool source_fill(struct source *source, size_t used, struct error *error)
{
    source->length -= used;
    memmove(source->bytes, source->bytes + used, source->length);
    while (source->length < source->capacity) {
        char *room = source->bytes + source->length;
        const size_t size = source->capacity - source->length;
        /* pread leaves the descriptor's own position alone, so that two threads may read one roster. */
        const ssize_t got =
            source->seekable ? pread(source->fd, room, size, (off_t)source->total) : read(source->fd, room, size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_errno(error, "cannot read %s", source->name);
        if (got == 0) {
            source->at_end = true;
            break;
        }
        XXH3_128bits_update(source->digest, room, (size_t)got);
        source->length += (size_t)got;
        source->total += (uint64_t)got;
    }
    return true;
}

/* The time of the last status change is not looked at: it also moves when the name is taken by a newer file, which is
 * how a roster should be replaced, and which does not touch the one that is open here. */
bool source_check_unchanged(const struct source *source, struct error *error)
{
    const struct stat *before = &source->before;
    struct stat now;

    if (!S_ISREG(before->st_mode))
        return true;
    if (fstat(source->fd, &now) != 0)
        return error_errno(error, "cannot look at %s", source->name);
    const bool same = now.st_dev == before->st_dev && now.st_ino == before->st_ino && now.st_size == before->st_size &&
                      now.st_mtim.tv_sec == before->st_mtim.tv_sec && now.st_mtim.tv_nsec == before->st_mtim.tv_nsec;
    if (same && (!source->at_end || source->total == (uint64_t)now.st_size))
        return true;
    error_set(error, ERROR_INPUT, "%s changed while it was read (%" PRIu64 " bytes before, %" PRIu64 " now)",
              source->name, (uint64_t)before->st_size, (uint64_t)now.st_size);
    return error_hint(error, "let the export write to another name, and rename the file when it is complete");
}

void source_digest(const struct source *source, unsigned char digest[16])
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(source->digest));
    memcpy(digest, canonical.digest, sizeof canonical.digest);
}
