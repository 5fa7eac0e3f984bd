#include "spec/spec.h"

#include "core/buffer.h"
#include "spec/spec_internal.h"

#include <errno.h>
#include <fcntl.h>
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
    spec->roster.where = NULL;
    spec->roster.where_count = 0;
}

/* Several keys may share a field (the sinks of tokens do): it is emptied, so that it is freed once. */
static void clear_text(char **field)
{
    free(*field);
    *field = NULL;
}

static void clear_field(struct spec *spec, const struct spec_key *key)
{
    void *field = (char *)spec + key->offset;

    switch (key->type) {
    case SPEC_TEXT:
    case SPEC_NAME:
    case SPEC_WORD:
    case SPEC_PATH:
    case SPEC_INPUT:
    case SPEC_ROSTER: clear_text(field); break;
    case SPEC_WORDS:
    case SPEC_TEXTS: clear_list(field); break;
    case SPEC_WHERE: clear_where(spec); break;
    case SPEC_REFERENCE:
        if (key->secret)
            secret_clear(field);
        else
            clear_text(field);
        break;
    default: break;
    }
}

void spec_free(struct spec *spec)
{
    if (spec == NULL)
        return;
    for (size_t i = 0; i < spec_table_count; i++)
        if (spec_table[i].size > 0)
            clear_field(spec, &spec_table[i]);
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
            error_errno(error, "cannot read the job spec %s", path);
            error->code = ERROR_INPUT;
            return error_hint(error, "name a job spec; jobs/onboard.yaml is one to start from");
        }
        if (got == 0)
            return true;
        buffer_commit(buffer, (size_t)got);
    }
    error_set(error, ERROR_INPUT, "%s is larger than 1 MiB", path);
    return error_hint(error, "a job spec is a few lines of YAML; is this the right file?");
}

static bool slurp(const char *path, struct buffer *buffer, struct error *error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        error_errno(error, "cannot open the job spec %s", path);
        error->code = ERROR_INPUT;
        return error_hint(error, "name a job spec; jobs/onboard.yaml is one to start from");
    }
    const bool ok = read_whole(fd, path, buffer, error);
    close(fd);
    return ok;
}

/* custom_id: true speaks for the one version that knows it, unless the file names a version itself. */
static bool derive_version(struct spec_reader *reader)
{
    struct spec *spec = reader->spec;

    if (!spec->resource.custom_id || spec_node_find(reader->root, "resource.api_version") != NULL)
        return true;
    return spec_replace_text(reader, &spec->resource.api_version, SPEC_CUSTOM_ID_VERSION);
}

static bool derive_sink(struct spec_reader *reader)
{
    static const struct {
        const char *name;
        enum spec_sink kind;
    } sinks[] = {{"csv", SINK_CSV}, {"ndjson", SINK_NDJSON}, {"command", SINK_COMMAND}, {"postgres", SINK_POSTGRES}};
    const struct spec_node *tokens = spec_node_find(reader->root, "outputs.tokens");
    struct spec *spec = reader->spec;

    for (size_t i = 0; i < sizeof sinks / sizeof sinks[0]; i++) {
        const struct spec_node *sink = spec_node_child(tokens, sinks[i].name);
        if (sink == NULL || sink->bad)
            continue;
        spec->outputs.tokens.kind = sinks[i].kind;
        if (sinks[i].kind == SINK_POSTGRES)
            return spec_replace_text(reader, &spec->outputs.tokens.target, sink->children->text);
    }
    return true;
}

/* What follows from which keys stand in the file. */
static bool derive(struct spec_reader *reader)
{
    const struct spec_node *root = reader->root;

    reader->spec->rules.expiring.set = spec_node_find(root, "rules.expiring") != NULL;
    return derive_version(reader) && derive_sink(reader);
}

static bool read_tree(struct spec_reader *reader, const struct buffer *buffer)
{
    struct spec_tree *tree = spec_tree_parse(buffer->data, buffer->length, reader->problems, reader->error);
    bool ok = tree != NULL;

    if (ok && spec_tree_root(tree) != NULL) {
        reader->root = spec_tree_root(tree);
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
    reader.spec = calloc(1, sizeof *reader.spec);
    if (reader.spec == NULL) {
        error_no_memory(error);
        goto out;
    }
    reader.spec->path = strdup(path);
    if (reader.spec->path == NULL) {
        error_no_memory(error);
        goto out;
    }
    if (!slurp(path, &buffer, error) || !read_tree(&reader, &buffer))
        goto out;
    if (problems->no_memory)
        error_no_memory(error);
    else if (problems->total > 0)
        error_set(error, ERROR_INPUT, "%s has %" PRIu64 " problem%s", path, problems->total,
                  problems->total == 1 ? "" : "s");
    else
        ok = true;
out:
    buffer_wipe(&buffer);
    if (ok)
        return reader.spec;
    spec_free(reader.spec);
    return NULL;
}
