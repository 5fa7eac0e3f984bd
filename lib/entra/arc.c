/* Azure Arc gives a token only to who can read a file that it names. What is checked here keeps a hostile endpoint from
 * making us send it any file of its choice [S 6, "Azure Arc challenge"]. */
#include "entra/entra_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { KEY_FILE_MAX = 4096 };

static const char key_directory[] = "/var/opt/azcmagent/tokens/";
static const char key_ending[] = ".key";

static bool is_key_file(const char *path)
{
    const size_t prefix = sizeof key_directory - 1;
    const size_t length = strlen(path);

    return length > prefix + sizeof key_ending - 1 && strncmp(path, key_directory, prefix) == 0 &&
           strchr(path + prefix, '/') == NULL && strcmp(path + length - (sizeof key_ending - 1), key_ending) == 0;
}

bool arc_read_challenge(struct entra_credential *credential, const char *challenge)
{
    static const char beginning[] = "Basic realm=";
    const char *path = challenge + sizeof beginning - 1;
    struct stat info;

    if (strncmp(challenge, beginning, sizeof beginning - 1) != 0 || strchr(path, '=') != NULL) {
        error_set(&credential->error, ERROR_REJECTED, "Azure Arc asked for proof in a way that is not its own");
    } else if (!is_key_file(path) || strlen(path) >= sizeof credential->challenge_file) {
        error_set(&credential->error, ERROR_REJECTED, "Azure Arc asked for a file that is not one of its keys in %s",
                  key_directory);
    } else if (lstat(path, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > KEY_FILE_MAX) {
        error_set(&credential->error, ERROR_REJECTED, "Azure Arc's key file is not there, or no key file");
    } else {
        memcpy(credential->challenge_file, path, strlen(path) + 1);
        return true;
    }
    return error_hint(&credential->error, "check what listens at %s", credential->request.origin);
}

bool arc_add_proof(struct entra_credential *credential, struct error *error)
{
    struct secret key = {0};
    struct buffer value;
    bool is_plain = true;

    if (!secret_read_mounted(&key, credential->challenge_file, KEY_FILE_MAX, error)) {
        error->code = ERROR_REJECTED;
        return error_hint(error,
                          "the user that runs rollcall must be in the group himds to prove that it may have a token");
    }
    while (key.length > 0 && strchr("\r\n", key.bytes[key.length - 1]) != NULL)
        key.bytes[--key.length] = '\0';
    for (size_t i = 0; i < key.length; i++)
        is_plain = is_plain && isprint((unsigned char)key.bytes[i]);
    buffer_init(&value, KEY_FILE_MAX + sizeof "Basic ");
    buffer_append_text(&value, "Basic ");
    buffer_append(&value, secret_reveal(&key), key.length);
    request_add_header(&credential->request, "Authorization", value.data);
    buffer_wipe(&value);
    const bool ok = is_plain && key.length > 0;
    secret_clear(&key);
    return ok || error_set(error, ERROR_REJECTED, "Azure Arc's key file holds no key");
}
