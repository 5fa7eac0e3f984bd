/* No file has two uses: a run that wrote its mapping over its roster would lose both. */
#include "spec/spec_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct use {
    const char *of; /* the index-th section of these that fill structs; NULL: the file itself */
    size_t index;
    const char *key; /* its path there; NULL: the job spec itself */
    const char *path;
    bool only_read; /* two of these may share a file */
};

enum { USES_MAX = 512 }; /* more than the table allows */

struct uses {
    struct use list[USES_MAX];
    size_t count;
};

/* Without ".", "..", and doubled slashes, by the text alone: the file may not be there yet. malloc'd. */
static char *normalise(const char *path)
{
    char *normal = malloc(strlen(path) + 2);
    size_t length = 0;
    size_t kept = 0; /* names that a ".." can take back */

    if (normal == NULL)
        return NULL;
    if (path[0] == '/')
        normal[length++] = '/';
    while (*path != '\0') {
        const size_t name = strcspn(path, "/");
        if (name == 2 && memcmp(path, "..", 2) == 0 && kept > 0) {
            for (length--; length > 0 && normal[length - 1] != '/'; length--)
                continue;
            kept--;
        } else if (name > 0 && !(name == 1 && path[0] == '.')) {
            kept += name == 2 && memcmp(path, "..", 2) == 0 ? 0 : 1;
            memcpy(normal + length, path, name);
            length += name;
            normal[length++] = '/';
        }
        path += name + (path[name] == '/' ? 1 : 0);
    }
    normal[length] = '\0';
    return normal;
}

/* Links and a different way to the same place count, where the file is there. False with an error where memory ends. */
static bool same_file(const char *left, const char *right, struct error *error)
{
    struct stat left_status;
    struct stat right_status;

    if (stat(left, &left_status) == 0 && stat(right, &right_status) == 0)
        return left_status.st_dev == right_status.st_dev && left_status.st_ino == right_status.st_ino;
    char *left_path = normalise(left);
    char *right_path = normalise(right);
    const bool same = left_path != NULL && right_path != NULL && strcmp(left_path, right_path) == 0;
    if (left_path == NULL || right_path == NULL)
        error_no_memory(error);
    free(left_path);
    free(right_path);
    return same;
}

static void add_use(struct uses *uses, const struct use *use)
{
    if (use->path != NULL && strcmp(use->path, "-") != 0 && uses->count < USES_MAX)
        uses->list[uses->count++] = *use;
}

static void add_resources(struct uses *uses, const struct spec *spec)
{
    for (size_t i = 0; i < spec->resource_count; i++) {
        const struct spec_resource *resource = &spec->resources[i];
        add_use(uses, &(struct use){"resource", i, "ca_file", resource->ca_file, true});
        add_use(uses, &(struct use){"resource", i, "credential.certificate", resource->credential.certificate, true});
        add_use(uses, &(struct use){"resource", i, "credential.token_file", resource->credential.token_file, true});
        add_use(uses, &(struct use){"resource", i, "credential.ca_file", resource->credential.ca_file, true});
    }
}

static void add_sinks(struct uses *uses, const struct spec *spec)
{
    static const char *const keys[] = {[SINK_CSV] = "csv", [SINK_NDJSON] = "ndjson", [SINK_SQLITE] = "sqlite"};

    for (size_t i = 0; i < spec->outputs.sink_count; i++) {
        const struct spec_sink *sink = &spec->outputs.sinks[i];
        add_use(uses, &(struct use){"outputs.tokens", i, keys[sink->kind], sink->path, false});
        for (size_t j = 0; j < sink->recipients.count; j++)
            add_use(uses, &(struct use){"outputs.tokens", i, "encrypt", sink->recipients.items[j], true});
    }
}

static void list_uses(const struct spec *spec, struct uses *uses)
{
    const struct use all[] = {
        {NULL, 0, NULL, spec->path, true},
        {NULL, 0, "ledger", spec->ledger, false},
        {NULL, 0, "roster.csv", spec->roster.csv, false},
        {NULL, 0, "roster.previous", spec->roster.previous, false},
        {NULL, 0, "outputs.mapping", spec->outputs.mapping, false},
        {NULL, 0, "outputs.failures", spec->outputs.failures, false},
        {NULL, 0, "outputs.metrics", spec->outputs.metrics, false},
    };

    uses->count = 0;
    add_use(uses, &all[0]);
    add_resources(uses, spec);
    for (size_t i = 1; i < sizeof all / sizeof all[0]; i++)
        add_use(uses, &all[i]);
    add_sinks(uses, spec);
}

/* Where a use stands, and how it is called; NULL for the job spec itself. */
static const struct spec_node *find_use(struct spec_reader *reader, const struct use *use, char name[SPEC_HINT_SIZE])
{
    char place[SPEC_PATH_SIZE];

    if (use->key == NULL) {
        snprintf(name, SPEC_HINT_SIZE, "the job spec");
        return NULL;
    }
    snprintf(name, SPEC_HINT_SIZE, "%s", use->key);
    if (use->of == NULL)
        return spec_node_find(reader->root, use->key);
    spec_enter(reader, use->of, use->index, place);
    snprintf(name, SPEC_HINT_SIZE, "%s.%s", place, use->key);
    const struct spec_node *node = spec_node_find(reader->section, use->key);
    spec_enter(reader, use->of, SIZE_MAX, place); /* out of it */
    return node;
}

static void compare(struct spec_reader *reader, const struct use *use, const struct use *earlier)
{
    char shown[SPEC_SHOWN_SIZE];
    char name[SPEC_HINT_SIZE];
    char earlier_name[SPEC_HINT_SIZE];

    if ((use->only_read && earlier->only_read) || !same_file(use->path, earlier->path, reader->error))
        return;
    find_use(reader, earlier, earlier_name);
    const struct spec_node *node = find_use(reader, use, name);
    if (node != NULL && !node->bad)
        spec_fault(reader, node, "give each a file of its own", "%s and %s are the same file, %s", name, earlier_name,
                   spec_shown(use->path, shown));
}

bool spec_check_paths(struct spec_reader *reader)
{
    struct uses uses;

    list_uses(reader->spec, &uses);
    for (size_t i = 1; i < uses.count; i++)
        for (size_t j = 0; j < i; j++)
            compare(reader, &uses.list[i], &uses.list[j]);
    return true;
}

bool spec_check_output(const struct spec *spec, const char *option, const char *path, struct error *error)
{
    struct uses uses;

    list_uses(spec, &uses);
    error->code = ERROR_NONE;
    for (size_t i = 0; i < uses.count && error->code == ERROR_NONE; i++) {
        const struct use *use = &uses.list[i];
        if (!same_file(path, use->path, error))
            continue;
        error_set(error, ERROR_INPUT, "%s %s would write over %s%s%s", option, path, use->of != NULL ? use->of : "",
                  use->of != NULL ? "." : "", use->key != NULL ? use->key : "the job spec");
        error_hint(error, "name another file");
    }
    return error->code == ERROR_NONE;
}
