#include "output/token_seal.h"

#include "core/crash.h"
#include "core/file.h"
#include "output/cms_out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NAMES_TRIED = 1000 };

struct token_seal {
    char *path;
    char *header;
    struct cms_recipients *recipients;
    uint64_t part_bytes;
    unsigned parts;   /* begun */
    uint64_t written; /* into the last one */
    int fd;           /* of the last one; -1: it is whole */
    struct cms_out *out;
    bool is_broken;
};

struct token_seal *token_seal_new(const char *path, const struct text_list *recipients, const char *header,
                                  uint64_t part_bytes, struct error *error)
{
    struct token_seal *seal = calloc(1, sizeof *seal);

    if (seal == NULL) {
        error_no_memory(error);
        return NULL;
    }
    *seal = (struct token_seal){.fd = -1, .part_bytes = part_bytes, .path = strdup(path), .header = strdup(header)};
    if (seal->path == NULL || seal->header == NULL)
        error_no_memory(error);
    else
        seal->recipients = cms_recipients_load(recipients, error);
    if (seal->recipients != NULL)
        return seal;
    token_seal_free(seal);
    return NULL;
}

void token_seal_free(struct token_seal *seal)
{
    if (seal == NULL)
        return;
    cms_out_discard(seal->out);
    if (seal->fd >= 0)
        close(seal->fd);
    cms_recipients_free(seal->recipients);
    free(seal->header);
    free(seal->path);
    free(seal);
}

/* --- names --- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static void partial_name(const char *path, unsigned part, char name[PATH_MAX + 32])
{
    const char *base = base_name(path);

    snprintf(name, PATH_MAX + 32, "%.*s.%s.cms.partial-%u", (int)(base - path), path, base, part);
}

/* "tokens.csv" at a moment, as the n-th of that name. */
static void final_name(const struct token_seal *seal, const char *moment, unsigned n, char name[PATH_MAX + 64])
{
    const char *base = base_name(seal->path);
    const char *dot = strrchr(base, '.');
    const char *end = dot != NULL && dot != base ? dot : base + strlen(base);
    char number[16] = "";

    if (n > 1)
        snprintf(number, sizeof number, "-%u", n);
    snprintf(name, PATH_MAX + 64, "%.*s-%s%s%s.cms", (int)(end - seal->path), seal->path, moment, number, end);
}

/* The last one first: whenever it is killed, those that are there are the first ones, and all are found again. */
bool token_seal_clear(const char *path, struct error *error)
{
    char name[PATH_MAX + 32];
    unsigned parts = 0;

    do
        partial_name(path, ++parts, name);
    while (access(name, F_OK) == 0);
    if (errno != ENOENT)
        return error_errno(error, "cannot look at %s", name);
    while (--parts > 0) {
        partial_name(path, parts, name);
        if (unlink(name) != 0)
            return error_errno(error, "cannot remove %s", name);
        crash_point();
    }
    return true;
}

/* --- parts --- */

static bool end_part(struct token_seal *seal, struct error *error)
{
    struct cms_out *out = seal->out;
    char name[PATH_MAX + 32];

    if (out == NULL)
        return true;
    partial_name(seal->path, seal->parts, name);
    seal->out = NULL;
    if (!cms_out_finish(out, error) || (fsync(seal->fd) != 0 && !error_errno(error, "cannot write %s", name)))
        return false;
    close(seal->fd);
    seal->fd = -1;
    return true;
}

static bool begin_part(struct token_seal *seal, struct error *error)
{
    const size_t length = strlen(seal->header);
    char name[PATH_MAX + 32];

    partial_name(seal->path, ++seal->parts, name);
    seal->written = length;
    seal->fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (seal->fd < 0)
        return error_errno(error, "cannot write %s", name);
    seal->out = cms_out_open(seal->recipients, seal->fd, error);
    return seal->out != NULL && cms_out_write(seal->out, seal->header, length, error);
}

static bool add(struct token_seal *seal, const char *lines, size_t length, struct error *error)
{
    if (seal->out != NULL && seal->written + length > seal->part_bytes && !end_part(seal, error))
        return false;
    if (seal->out == NULL && !begin_part(seal, error))
        return false;
    seal->written += length;
    return cms_out_write(seal->out, lines, length, error);
}

bool token_seal_add(struct token_seal *seal, const char *lines, size_t length, struct error *error)
{
    if (seal->is_broken)
        return error_set(error, ERROR_SYSTEM, "cannot encrypt for %s any more", seal->path);
    seal->is_broken = !add(seal, lines, length, error);
    return !seal->is_broken || error_context(error, "%s", seal->path);
}

/* A name that is taken already is not taken away: the file of an earlier run may not have been read yet. */
static bool give_name(const struct token_seal *seal, unsigned part, const char *moment, unsigned *n,
                      char name[PATH_MAX + 64], struct error *error)
{
    char partial[PATH_MAX + 32];

    partial_name(seal->path, part, partial);
    do {
        final_name(seal, moment, ++*n, name);
        if (link(partial, name) == 0)
            return true;
    } while (errno == EEXIST && *n < NAMES_TRIED);
    return error_errno(error, "cannot write %s", name);
}

bool token_seal_finish(struct token_seal *seal, int64_t now_s, char *shown, size_t size, struct error *error)
{
    const time_t now = (time_t)now_s;
    char name[PATH_MAX + 64];
    struct tm fields;
    char moment[32];
    unsigned n = 0;

    if (seal->is_broken)
        return error_set(error, ERROR_SYSTEM, "cannot encrypt for %s any more", seal->path);
    gmtime_r(&now, &fields);
    strftime(moment, sizeof moment, "%Y%m%dT%H%M%SZ", &fields);
    if (!end_part(seal, error))
        return false;
    crash_point();
    for (unsigned part = 1; part <= seal->parts; part++) {
        if (!give_name(seal, part, moment, &n, name, error))
            return false;
        if (part == 1)
            snprintf(shown, size, "%s", name);
        crash_point();
    }
    return token_seal_clear(seal->path, error) && file_sync_directory(seal->path, error);
}
