/* Values that stand elsewhere: { env: NAME } and { file: PATH }.  For a secret there is no other way, and no message
 * repeats what was written in its place. */
#include "spec/spec_internal.h"

#include "core/file.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_variable_name(const char *text)
{
    if (isdigit((unsigned char)text[0]))
        return false;
    for (const char *character = text; *character != '\0'; character++)
        if (!isalnum((unsigned char)*character) && *character != '_')
            return false;
    return true;
}

static bool store(struct spec_reader *reader, const struct spec_key *key, const char *bytes, size_t length)
{
    void *field = spec_field(reader, key);

    if (key->secret)
        return secret_set(field, bytes, length, reader->error);
    return spec_replace_text(reader, field, bytes);
}

/* What names no file is not repeated: it may be the secret itself. */
static bool fault_unread(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node,
                         const char *file, const struct error *reason)
{
    const char *hint = reason->hint[0] != '\0' ? reason->hint : "a relative path starts at the job spec";
    char path[SPEC_PATH_SIZE];
    char described[128];
    struct stat info;

    spec_place(reader, key, path);
    if (stat(file, &info) == 0)
        return spec_fault(reader, node, hint, "%s: %s", path, reason->message);
    return spec_fault(reader, node, "name a file that is there; a relative path starts at the job spec",
                      "%s: cannot open the file that is named here: %s", path,
                      strerror_r(errno, described, sizeof described));
}

/* A text that does not have to be there now: a command that sends nothing can do without. */
static bool is_needed(const struct spec_reader *reader)
{
    return reader->secrets == SPEC_WITH_SECRETS;
}

/* The whole of a file. */
static bool read_from(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node,
                      const char *file)
{
    char path[SPEC_PATH_SIZE];
    struct error reason = {0};
    struct secret content = {0};
    bool ok = false;

    if (key->secret && !spec_append_text(reader, &reader->spec->secret_files, file))
        return false;
    spec_place(reader, key, path);
    if (!secret_read_file(&content, file, &reason))
        ok = !is_needed(reader) || fault_unread(reader, key, node, file, &reason);
    else if (content.length == 0)
        ok = !is_needed(reader) ||
             spec_fault(reader, node, "put the value, and nothing else, into the file", "%s: the file is empty", path);
    else if (memchr(secret_reveal(&content), '\0', content.length) != NULL)
        ok = spec_fault(reader, node, "put the value, and nothing else, into the file", "%s: the file is not text",
                        path);
    else
        ok = store(reader, key, secret_reveal(&content), content.length);
    secret_clear(&content);
    return ok;
}

static bool read_file(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node)
{
    if (key->secret && !is_needed(reader))
        return true;
    char *resolved = file_resolve(reader->spec->path, node->text);
    const bool ok = resolved != NULL ? read_from(reader, key, node, resolved) : error_no_memory(reader->error);
    free(resolved);
    return ok;
}

/* What systemd's LoadCredential= puts beside a service: a file named as the variable. False when there is none. */
static bool find_credential(const char *name, char file[PATH_MAX])
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    const int length = directory != NULL ? snprintf(file, PATH_MAX, "%s/%s", directory, name) : -1;

    return length > 0 && length < PATH_MAX && access(file, F_OK) == 0;
}

static bool read_environment(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node)
{
    char path[SPEC_PATH_SIZE];
    char hint[SPEC_HINT_SIZE];
    char file[PATH_MAX];

    if (!is_variable_name(node->text))
        return spec_fault(reader, node, "write { env: NAME } with letters, digits and underscores",
                          "%s: env takes the name of an environment variable", spec_place(reader, key, path));
    if (key->secret && !spec_append_text(reader, &reader->spec->secret_variables, node->text))
        return false;
    if (key->secret && !is_needed(reader))
        return true;
    const char *value = getenv(node->text);
    if (value != NULL && value[0] != '\0')
        return store(reader, key, value, strlen(value));
    if (find_credential(node->text, file))
        return read_from(reader, key, node, file);
    if (!is_needed(reader))
        return true;
    snprintf(hint, sizeof hint, "export %.100s='...'", node->text);
    return spec_fault(reader, node, hint, "%s: the environment variable %.100s is %s", spec_place(reader, key, path),
                      node->text, value == NULL ? "not set" : "empty");
}

bool spec_read_reference(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    const char *text;
    char path[SPEC_PATH_SIZE];

    if (node->bad)
        return false;
    if (node->kind == SPEC_SCALAR) {
        text = spec_scalar(reader, key, node);
        if (text != NULL && key->secret)
            return spec_fault_secret(reader, key, node);
        return text != NULL && store(reader, key, text, strlen(text));
    }
    const struct spec_node *source = node->children;
    if (node->kind != SPEC_MAPPING || source == NULL || source->next != NULL ||
        (strcmp(source->key->text, "env") != 0 && strcmp(source->key->text, "file") != 0))
        return spec_fault(reader, node, "name one place to read it from, by env or by file",
                          "%s must be { env: NAME } or { file: PATH }", spec_place(reader, key, path));
    if (source->bad)
        return false;
    if (source->kind != SPEC_SCALAR || spec_node_is_null(source) || source->text[0] == '\0')
        return spec_fault(reader, source, "write { env: NAME } or { file: PATH }", "%s: %s needs a name",
                          spec_place(reader, key, path), source->key->text);
    if (spec_looks_secret(source->text))
        return spec_fault_secret(reader, key, source);
    return strcmp(source->key->text, "env") == 0 ? read_environment(reader, key, source)
                                                 : read_file(reader, key, source);
}
