/* No file has two uses: a run that wrote its mapping over its roster would lose both. */
#include "spec/spec_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct use {
    const char *key;  /* its path in the job spec; NULL: the job spec itself */
    const char *path; /* NULL: not used */
    bool only_read;   /* two of these may share a file */
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

enum { USES = 8 };

/* The files of the spec that are no resource's. */
static void list_uses(const struct spec *spec, struct use uses[USES])
{
    const bool sink_is_file = spec->outputs.tokens.kind == SINK_CSV || spec->outputs.tokens.kind == SINK_NDJSON;
    const struct use all[USES] = {
        {NULL, spec->path, true},
        {"outputs.tokens.encrypt", spec->outputs.tokens.encrypt, true},
        {"ledger", spec->ledger, false},
        {"roster.csv", spec->roster.csv, false},
        {"roster.previous", spec->roster.previous, false},
        {"outputs.mapping", spec->outputs.mapping, false},
        {"outputs.failures", spec->outputs.failures, false},
        {spec->outputs.tokens.kind == SINK_CSV ? "outputs.tokens.csv" : "outputs.tokens.ndjson",
         sink_is_file ? spec->outputs.tokens.target : NULL, false},
    };

    memcpy(uses, all, sizeof all);
}

static void compare(struct spec_reader *reader, const struct use *use, const struct use *earlier)
{
    char shown[SPEC_SHOWN_SIZE];

    if (use->path == NULL || earlier->path == NULL || (use->only_read && earlier->only_read) ||
        strcmp(use->path, "-") == 0 || !same_file(use->path, earlier->path, reader->error))
        return;
    const struct spec_node *node = spec_node_find(reader->root, use->key);
    if (node != NULL && !node->bad)
        spec_fault(reader, node, "give each a file of its own", "%s and %s are the same file, %s", use->key,
                   earlier->key != NULL ? earlier->key : "the job spec", spec_shown(use->path, shown));
}

/* What the resources read. */
static void check_resources(struct spec_reader *reader, const struct use *use)
{
    char place[SPEC_PATH_SIZE];

    for (size_t i = 0; spec_enter(reader, "resource", i, place); i++) {
        const struct spec_resource *resource = reader->fields;
        const struct use reads[] = {
            {"ca_file", resource->ca_file, true},
            {"credential.certificate", resource->credential.certificate, true},
            {"credential.token_file", resource->credential.token_file, true},
            {"credential.ca_file", resource->credential.ca_file, true},
        };
        for (size_t j = 0; j < sizeof reads / sizeof reads[0]; j++) {
            char key[SPEC_PATH_SIZE + sizeof ".credential.certificate"];
            snprintf(key, sizeof key, "%s.%s", place, reads[j].key);
            compare(reader, use, &(struct use){key, reads[j].path, true});
        }
    }
}

bool spec_check_paths(struct spec_reader *reader)
{
    struct use uses[USES];

    list_uses(reader->spec, uses);
    for (size_t i = 1; i < USES; i++) {
        check_resources(reader, &uses[i]);
        for (size_t j = 0; j < i; j++)
            compare(reader, &uses[i], &uses[j]);
    }
    return true;
}

bool spec_check_output(const struct spec *spec, const char *option, const char *path, struct error *error)
{
    struct use uses[USES];

    list_uses(spec, uses);
    error->code = ERROR_NONE;
    for (size_t i = 0; i < USES && error->code == ERROR_NONE; i++) {
        if (uses[i].path == NULL || !same_file(path, uses[i].path, error))
            continue;
        error_set(error, ERROR_INPUT, "%s %s would write over %s", option, path,
                  uses[i].key != NULL ? uses[i].key : "the job spec");
        error_hint(error, "name another file");
    }
    return error->code == ERROR_NONE;
}
