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

bool secret_read_file(struct secret *secret, const char *path, struct error *error)
{
    char bytes[LARGEST_SECRET + 1];
    size_t length = 0;
    bool ok = false;

    const int fd = file_open_private(path, error);
    if (fd < 0)
        return false;
    for (;;) {
        const ssize_t got = read(fd, bytes + length, sizeof bytes - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            error_errno(error, "cannot read %s", path);
            goto out;
        }
        length += (size_t)got;
        if (got == 0)
            break;
        if (length == sizeof bytes) {
            error_set(error, ERROR_INPUT, "%s holds more than %d bytes", path, LARGEST_SECRET);
            error_hint(error, "name the file that holds the secret and nothing else");
            goto out;
        }
    }
    if (length > 0 && bytes[length - 1] == '\n')
        length--;
    if (length > 0 && bytes[length - 1] == '\r')
        length--;
    ok = secret_set(secret, bytes, length, error);
out:
    explicit_bzero(bytes, sizeof bytes);
    close(fd);
    return ok;
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

const char *secret_shown(const struct secret *secret)
{
    return secret_is_set(secret) ? "***" : "(not set)";
}
