#include "core/secret.h"

#include "core/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST_SECRET = 64 * 1024 };

bool secret_set(struct secret *secret, const void *bytes, size_t length, struct error *error)
{
    char *copy = malloc(length + 1);

    if (copy == NULL)
        return error_no_memory(error);
    memcpy(copy, bytes, length);
    copy[length] = '\0';
    secret_clear(secret);
    secret->bytes = copy;
    secret->length = length;
    return true;
}

/* All that is left to read, which must not be more than `most`. Closes the descriptor. */
static bool read_whole(struct secret *secret, int fd, const char *path, size_t most, struct error *error)
{
    char *bytes = malloc(most + 1);
    size_t length = 0;
    bool ok = true;

    if (bytes == NULL) {
        close(fd);
        return error_no_memory(error);
    }
    while (ok && length <= most) {
        const ssize_t got = read(fd, bytes + length, most + 1 - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            ok = error_errno(error, "cannot read %s", path);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    if (ok && length > most) {
        ok = error_set(error, ERROR_INPUT, "%s holds more than %zu bytes", path, most);
        error_hint(error, "name the file that holds the secret and nothing else");
    }
    ok = ok && secret_set(secret, bytes, length, error);
    explicit_bzero(bytes, length);
    free(bytes);
    close(fd);
    return ok;
}

static void cut_end(struct secret *secret, char character)
{
    if (secret->length > 0 && secret->bytes[secret->length - 1] == character)
        secret->bytes[--secret->length] = '\0';
}

bool secret_read_file(struct secret *secret, const char *path, struct error *error)
{
    const int fd = file_open_private(path, error);

    if (fd < 0 || !read_whole(secret, fd, path, LARGEST_SECRET, error))
        return false;
    cut_end(secret, '\n');
    cut_end(secret, '\r');
    return true;
}

bool secret_read_mounted(struct secret *secret, const char *path, size_t most, struct error *error)
{
    const int fd = file_open_shared(path, error);

    return fd >= 0 && read_whole(secret, fd, path, most, error);
}

void secret_clear(struct secret *secret)
{
    if (secret->bytes != NULL) {
        explicit_bzero(secret->bytes, secret->length);
        free(secret->bytes);
    }
    *secret = (struct secret){0};
}

bool secret_is_set(const struct secret *secret)
{
    return secret->bytes != NULL;
}

const char *secret_reveal(const struct secret *secret)
{
    return secret->bytes != NULL ? secret->bytes : "";
}
