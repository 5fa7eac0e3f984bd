/* The walk along the table: each section's keys, those that are missing, and those that do not exist. */
#include "spec/spec_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool read_section(struct spec_reader *reader, const char *section, struct spec_node *node, const char *place);

const char *spec_place(const struct spec_reader *reader, const struct spec_key *key, char path[SPEC_PATH_SIZE])
{
    const bool is_top = reader->place == NULL || reader->place[0] == '\0';

    snprintf(path, SPEC_PATH_SIZE, "%s%s%s", is_top ? "" : reader->place, is_top ? "" : ".", key->name);
    return path;
}

bool spec_fault(struct spec_reader *reader, const struct spec_node *node, const char *hint, const char *format, ...)
{
    char message[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    problems_add(reader->problems, node->line, node->column, hint, "%s", message);
    return false;
}

static const char *kind_phrase(const struct spec_node *node)
{
    switch (node->kind) {
    case SPEC_LIST: return "a list";
    case SPEC_MAPPING: return "a mapping";
    default: return "a single value";
    }
}

/* "write lifetime: 24h" */
static void hint_example(const struct spec_key *key, char hint[SPEC_HINT_SIZE])
{
    if (key->example == NULL)
        snprintf(hint, SPEC_HINT_SIZE, "write %s: and its keys below it, indented", key->name);
    else
        snprintf(hint, SPEC_HINT_SIZE, "write for example %s: %s", key->name, key->example);
}

bool spec_fault_type(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node)
{
    char path[SPEC_PATH_SIZE];
    char hint[SPEC_HINT_SIZE];
    char phrase[SPEC_HINT_SIZE];

    hint_example(key, hint);
    return spec_fault(reader, node, hint, "%s must be %s, not %s", spec_place(reader, key, path),
                      spec_key_phrase(key, phrase), kind_phrase(node));
}

static bool fault_no_value(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node)
{
    char path[SPEC_PATH_SIZE];
    char hint[SPEC_HINT_SIZE];

    hint_example(key, hint);
    if (!key->required)
        snprintf(hint + strlen(hint), sizeof hint - strlen(hint), ", or remove the key");
    return spec_fault(reader, node, hint, "%s has no value", spec_place(reader, key, path));
}

bool spec_fault_secret(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node)
{
    char path[SPEC_PATH_SIZE];
    char hint[SPEC_HINT_SIZE];

    if (key->type == SPEC_REFERENCE)
        snprintf(hint, sizeof hint, "write %s: { env: NAME } or { file: PATH }", key->name);
    else
        hint_example(key, hint);
    snprintf(hint + strlen(hint), sizeof hint - strlen(hint), "; if others have seen this file, renew the secret too");
    return spec_fault(reader, node, hint, "%s: a secret is not written into the job spec",
                      spec_place(reader, key, path));
}

/* Of a file that must be there it shows whether it is one, and of a command's arguments there is more to say. */
static bool is_looked_at_later(const struct spec_key *key)
{
    return key->type == SPEC_INPUT || key->type == SPEC_INPUTS || key->type == SPEC_ROSTER || key->type == SPEC_COMMAND;
}

const char *spec_scalar(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node)
{
    if (node->bad)
        return NULL;
    if (node->kind != SPEC_SCALAR) {
        spec_fault_type(reader, key, node);
        return NULL;
    }
    if (spec_node_is_null(node) || node->text[0] == '\0') {
        fault_no_value(reader, key, node);
        return NULL;
    }
    if (spec_looks_secret(node->text) && !is_looked_at_later(key)) {
        spec_fault_secret(reader, key, node);
        return NULL;
    }
    return node->text;
}

static void report_unknown(struct spec_reader *reader, const char *section, const struct spec_node *entry)
{
    char shown[SPEC_SHOWN_SIZE];
    char hint[SPEC_HINT_SIZE];

    spec_fault(reader, entry->key, spec_suggest_key(section, entry->key->text, hint), "unknown key %s%s%s",
               spec_shown(entry->key->text, shown), section[0] == '\0' ? "" : " in ", reader->place);
}

static void report_missing(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *section)
{
    char hint[SPEC_HINT_SIZE];

    hint_example(key, hint);
    spec_fault(reader, section, hint, "%s is missing its key \"%s\"",
               section == reader->root ? "the job spec" : reader->place, key->name);
}

/* The default is read as if it stood in the file. */
static bool read_initial(struct spec_reader *reader, const struct spec_key *key)
{
    char text[SPEC_SHOWN_SIZE];
    struct spec_node node = {.kind = SPEC_SCALAR, .plain = true, .text = text};

    if (key->initial == NULL)
        return true;
    if (strcmp(key->initial, "[]") == 0)
        node.kind = SPEC_LIST;
    snprintf(text, sizeof text, "%s", key->initial);
    return spec_read_value(reader, key, &node);
}

bool spec_is_mapping(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node)
{
    char place[SPEC_PATH_SIZE];

    if (node->bad)
        return false;
    if (spec_node_is_null(node))
        return fault_no_value(reader, key, node);
    if (node->kind != SPEC_MAPPING)
        return spec_fault_type(reader, key, node);
    return key->min == 0 || node->children != NULL ||
           spec_fault(reader, node, "name at least one key", "%s is empty", spec_place(reader, key, place));
}

bool spec_read_mapping(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    char path[SPEC_PATH_SIZE];
    char place[SPEC_PATH_SIZE];

    return (node == NULL || spec_is_mapping(reader, key, node)) &&
           read_section(reader, spec_keys_path(key, path), node, spec_place(reader, key, place));
}

/* Reads what stands at a key, a section's keys included. False: it has a fault, or the machine failed. */
static bool read_key(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    if (key->element > 0)
        return spec_read_elements(reader, key, node);
    if (key->type != SPEC_SECTION)
        return node == NULL ? read_initial(reader, key) : spec_read_value(reader, key, node);
    if (key->main == NULL || node == NULL || node->kind == SPEC_MAPPING)
        return spec_read_mapping(reader, key, node);
    return spec_read_mapping(reader, key, NULL) && spec_read_value(reader, key, node);
}

static bool read_keys(struct spec_reader *reader, const char *section, struct spec_node *node)
{
    for (struct spec_node *entry = node == NULL ? NULL : node->children; entry != NULL; entry = entry->next)
        if (spec_key_find(section, entry->key->text) == NULL)
            report_unknown(reader, section, entry);
    for (size_t i = 0; i < spec_table_count; i++) {
        const struct spec_key *key = &spec_table[i];
        if (strcmp(key->section, section) != 0)
            continue;
        struct spec_node *value = spec_node_child(node, key->name);
        if (value == NULL && node != NULL && key->required)
            report_missing(reader, key, node);
        if (!read_key(reader, key, value)) {
            if (reader->error->code != ERROR_NONE)
                return false;
            if (value != NULL)
                value->bad = true;
        }
    }
    return true;
}

/* A section that does not stand in the file (node is NULL) gets its defaults all the same. */
static bool read_section(struct spec_reader *reader, const char *section, struct spec_node *node, const char *place)
{
    const char *around = reader->place;

    reader->place = place;
    const bool ok = read_keys(reader, section, node);
    reader->place = around;
    return ok;
}

bool spec_read(struct spec_reader *reader)
{
    struct spec_node *root = (struct spec_node *)reader->root;

    if (root->kind != SPEC_MAPPING) {
        if (!root->bad)
            spec_fault(reader, root, "start with version: 1",
                       "a job spec must be a mapping of key: value lines, not %s", kind_phrase(root));
        return true;
    }
    return read_section(reader, "", root, "");
}
