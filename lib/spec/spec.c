#include "spec/spec.h"

#include "core/buffer.h"
#include "core/file.h"
#include "core/text.h"
#include "spec/spec_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 16 * 1024 }; /* of the file, for one read */

static void clear_list(struct text_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct text_list){0};
}

static void clear_where(struct spec *spec)
{
    for (size_t i = 0; i < spec->roster.where_count; i++) {
        free(spec->roster.where[i].column);
        clear_list(&spec->roster.where[i].values);
    }
    free(spec->roster.where);
}

/* Several keys may share a field (the paths of sinks do): it is emptied, so that it is freed once. */
static void clear_text(char **field)
{
    free(*field);
    *field = NULL;
}

static void clear_section(void *fields, const char *section);

/* Two keys may fill the same structs: they are freed once. */
static void clear_elements(char *fields, const struct spec_key *key)
{
    const size_t count = spec_count_elements(fields, key);
    void *elements = spec_element(fields, key, 0);
    char path[SPEC_PATH_SIZE];

    for (size_t i = 0; elements != NULL && i < count; i++) {
        clear_text(spec_element(fields, key, i));
        clear_section(spec_element(fields, key, i), spec_keys_path(key, path));
    }
    free(elements);
    memset(fields + key->offset, 0, sizeof elements);
}

static void clear_key(void *fields, const struct spec_key *key)
{
    char path[SPEC_PATH_SIZE];
    void *field = (char *)fields + key->offset;

    switch (key->type) {
    case SPEC_SECTION:
    case SPEC_SECTIONS:
    case SPEC_NAMED:
        if (key->element > 0)
            clear_elements(fields, key);
        else
            clear_section(fields, spec_key_path(key, path));
        break;
    case SPEC_TEXT:
    case SPEC_NAME:
    case SPEC_WORD:
    case SPEC_PATH:
    case SPEC_INPUT:
    case SPEC_ROSTER: clear_text(field); break;
    case SPEC_WORDS:
    case SPEC_TEXTS:
    case SPEC_INPUTS:
    case SPEC_COMMAND: clear_list(field); break;
    case SPEC_WHERE: clear_where(fields); break;
    case SPEC_REFERENCE:
        if (key->secret)
            secret_clear(field);
        else
            clear_text(field);
        break;
    default: break;
    }
}

/* Frees what the keys of a section hold. */
static void clear_section(void *fields, const char *section)
{
    for (size_t i = 0; i < spec_table_count; i++)
        if (strcmp(spec_table[i].section, section) == 0 &&
            (spec_table[i].size > 0 || spec_is_section(&spec_table[i]) || spec_table[i].element > 0))
            clear_key(fields, &spec_table[i]);
}

void spec_free(struct spec *spec)
{
    if (spec == NULL)
        return;
    clear_section(spec, "");
    clear_list(&spec->secret_files);
    clear_list(&spec->secret_variables);
    free(spec->directory);
    free(spec->path);
    free(spec);
}

static bool read_whole(int fd, const char *path, struct buffer *buffer, struct error *error)
{
    while (buffer->length <= SPEC_FILE_MAX) {
        char *room = buffer_reserve(buffer, PIECE);
        if (room == NULL)
            return buffer_error(buffer, path, error);
        const ssize_t got = read(fd, room, PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            error_errno(error, "cannot read %s", path);
            error->code = ERROR_INPUT;
            return false;
        }
        if (got == 0)
            return true;
        buffer_commit(buffer, (size_t)got);
    }
    error_set(error, ERROR_INPUT, "%s is larger than 1 MiB", path);
    return error_hint(error, "a job spec is a few lines of YAML; is this the right file?");
}

/* Whoever can write to it decides where secrets go and which programs are started. */
static bool slurp(const char *path, struct buffer *buffer, struct error *error)
{
    const int fd = file_open_shared(path, error);

    if (fd < 0) {
        if (error->hint[0] == '\0')
            error_hint(error, "correct the path; `rollcall init %s` writes a new one", path);
        return false;
    }
    const bool ok = read_whole(fd, path, buffer, error);
    close(fd);
    return ok;
}

/* custom_id: true speaks for the one version that knows it, unless the file names a version itself. */
static bool derive_version(struct spec_reader *reader)
{
    struct spec_resource *resource = reader->fields;

    if (!resource->custom_id || spec_node_child(reader->section, "api_version") != NULL)
        return true;
    return spec_replace_text(reader, &resource->api_version, SPEC_CUSTOM_ID_VERSION);
}

/* What a resource does not say of its quotas, the engine's say for all. */
static void derive_quotas(struct spec_reader *reader)
{
    struct spec_resource *resource = reader->fields;

    for (int action = 0; action < ACTION_COUNT; action++)
        if (resource->quotas[action].window_ms == 0)
            resource->quotas[action] = reader->spec->engine.default_quotas[action];
}

static bool derive_name(struct spec_reader *reader)
{
    struct spec_resource *resource = reader->fields;

    return resource->name != NULL || spec_replace_text(reader, &resource->name, "");
}

static bool derive_resources(struct spec_reader *reader)
{
    char place[SPEC_PATH_SIZE];
    bool ok = true;

    for (size_t i = 0; ok && spec_enter(reader, "resource", i, place); i++) {
        derive_quotas(reader);
        ok = derive_name(reader) && derive_version(reader);
    }
    return ok;
}

/* What follows from which keys stand in the file. */
static bool derive(struct spec_reader *reader)
{
    const struct spec_node *root = reader->root;

    reader->spec->rules.expiring.set = spec_node_find(root, "rules.expiring") != NULL;
    return derive_resources(reader) && spec_derive_sinks(reader);
}

static bool read_tree(struct spec_reader *reader, const struct buffer *buffer)
{
    struct spec_tree *tree = spec_tree_parse(buffer->data, buffer->length, reader->problems, reader->error);
    bool ok = tree != NULL;

    if (ok && spec_tree_root(tree) != NULL) {
        reader->root = reader->section = spec_tree_root(tree);
        ok = spec_read(reader) && (reader->root->kind != SPEC_MAPPING || (derive(reader) && spec_check(reader)));
    }
    spec_tree_free(tree);
    return ok;
}

struct spec *spec_load(const char *path, enum spec_secrets secrets, struct problems *problems, struct error *error)
{
    struct spec_reader reader = {.secrets = secrets, .problems = problems, .error = error};
    struct buffer buffer;
    bool ok = false;

    *error = (struct error){0};
    buffer_init(&buffer, SPEC_FILE_MAX + 2 * PIECE);
    if (!problems_init(problems, path, error))
        return NULL;
    reader.fields = reader.spec = calloc(1, sizeof *reader.spec);
    if (reader.spec == NULL) {
        error_no_memory(error);
        goto out;
    }
    reader.spec->path = strdup(path);
    reader.spec->directory = file_resolve(path, ".");
    if (reader.spec->path == NULL || reader.spec->directory == NULL) {
        error_no_memory(error);
        goto out;
    }
    if (!slurp(path, &buffer, error) || !read_tree(&reader, &buffer))
        goto out;
    if (problems->no_memory)
        error_no_memory(error);
    else if (problems->total > 0)
        error_set(error, ERROR_INPUT, "%s has %" PRIu64 " %s", path, problems->total,
                  text_noun(problems->total, "problem", "problems"));
    else
        ok = true;
out:
    buffer_wipe(&buffer);
    if (ok)
        return reader.spec;
    spec_free(reader.spec);
    return NULL;
}
