/* Sections that fill structs in an array: one alone, or several under names. */
#include "spec/spec_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *spec_keys_path(const struct spec_key *key, char path[SPEC_PATH_SIZE])
{
    if (key->keys == NULL)
        return spec_key_path(key, path);
    snprintf(path, SPEC_PATH_SIZE, "%s", key->keys);
    return path;
}

static char *elements_of(const void *fields, const struct spec_key *key)
{
    char *elements;

    memcpy(&elements, (const char *)fields + key->offset, sizeof elements);
    return elements;
}

size_t spec_count_elements(const void *fields, const struct spec_key *key)
{
    size_t count;

    memcpy(&count, (const char *)fields + key->count_offset, sizeof count);
    return count;
}

void *spec_element(const void *fields, const struct spec_key *key, size_t index)
{
    char *elements = elements_of(fields, key);

    return elements == NULL ? NULL : elements + index * key->element;
}

/* The first key of the table that fills the same structs. */
static const struct spec_key *first_of(const struct spec_key *key)
{
    for (size_t i = 0; i < spec_table_count; i++)
        if (spec_table[i].element > 0 && spec_table[i].offset == key->offset &&
            strcmp(spec_table[i].section, key->section) == 0)
            return &spec_table[i];
    return key;
}

/* Takes room for the structs. Keys that fill the same ones exclude each other. */
static bool make(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node, size_t count)
{
    char place[SPEC_PATH_SIZE];
    char other[SPEC_PATH_SIZE];

    if (elements_of(reader->fields, key) != NULL)
        return spec_fault(reader, node->key, "keep one of the two", "the job spec has both %s and %s",
                          spec_place(reader, first_of(key), other), spec_place(reader, key, place));
    void *elements = calloc(count, key->element);
    if (elements == NULL)
        return error_no_memory(reader->error);
    memcpy((char *)reader->fields + key->offset, &elements, sizeof elements);
    memcpy((char *)reader->fields + key->count_offset, &count, sizeof count);
    return true;
}

/* Fills one struct; what of it is wrong is said of its node. */
static void read_one(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node, size_t index)
{
    void *around = reader->fields;

    reader->fields = spec_element(around, key, index);
    node->bad = !spec_read_mapping(reader, key, node);
    reader->fields = around;
}

/* The same under a name, which is where it is in the file. */
static void read_named(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node, size_t index)
{
    struct spec_key entry = *key;
    const char *around = reader->place;
    char place[SPEC_PATH_SIZE];
    char path[SPEC_PATH_SIZE];
    char shown[SPEC_SHOWN_SIZE];

    if (!spec_is_name(node->key->text, SPEC_NAME_MAX)) {
        node->bad = true;
        spec_fault(reader, node->key, "use letters, digits, dots, underscores and hyphens", "%s: %s is no name",
                   spec_place(reader, key, place), spec_shown(node->key->text, shown));
        return;
    }
    if (!spec_replace_text(reader, spec_element(reader->fields, key, index), node->key->text))
        return;
    entry.name = node->key->text;
    entry.type = SPEC_SECTION;
    entry.min = 0;
    entry.keys = spec_keys_path(key, path);
    reader->place = spec_place(reader, key, place);
    read_one(reader, &entry, node, index);
    reader->place = around;
}

static bool is_list(const struct spec_key *key, const struct spec_node *node)
{
    return key->type == SPEC_SECTIONS && node->kind == SPEC_LIST && !node->bad;
}

bool spec_read_elements(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    const bool is_named = key->type == SPEC_NAMED;
    char place[SPEC_PATH_SIZE];
    size_t count = 0;

    if (node == NULL)
        return true;
    if (is_named && !spec_is_mapping(reader, key, node))
        return false;
    const bool is_several = is_named || is_list(key, node);
    struct spec_node *item = is_several ? node->children : node;
    for (const struct spec_node *entry = item; entry != NULL; entry = is_several ? entry->next : NULL)
        count++;
    if (is_several && (count == 0 || count > (size_t)key->max))
        return spec_fault(reader, node, is_named ? "use several jobs" : "write one of them, or a list",
                          "%s must have 1 to %d entries, not %zu", spec_place(reader, key, place), (int)key->max,
                          count);
    if (!make(reader, key, node, count))
        return false;
    for (size_t i = 0; i < count && reader->error->code == ERROR_NONE; i++, item = item->next) {
        if (is_named)
            read_named(reader, key, item, i);
        else
            read_one(reader, key, item, i);
    }
    return reader->error->code == ERROR_NONE && (is_several || !node->bad);
}

/* The node of the index-th struct that a key fills; NULL when it fills none, or not so many. */
static const struct spec_node *node_of(const struct spec_reader *reader, const struct spec_key *key, size_t index,
                                       char place[SPEC_PATH_SIZE])
{
    const struct spec_node *node = spec_node_find(reader->root, spec_key_path(key, place));

    if (node == NULL || node->bad || index >= spec_count_elements(reader->spec, key))
        return NULL;
    if (key->type == SPEC_NAMED || node->kind == SPEC_LIST)
        node = node->children;
    for (size_t i = 0; i < index; i++)
        node = node->next;
    if (key->type == SPEC_NAMED)
        snprintf(place + strlen(place), SPEC_PATH_SIZE - strlen(place), ".%s", node->key->text);
    return node;
}

bool spec_enter(struct spec_reader *reader, const char *of, size_t index, char place[SPEC_PATH_SIZE])
{
    for (size_t i = 0; i < spec_table_count; i++) {
        const struct spec_key *key = &spec_table[i];
        if (key->element == 0 || strcmp(spec_keys_path(key, place), of) != 0)
            continue;
        const struct spec_node *node = node_of(reader, key, index, place);
        if (node == NULL)
            continue;
        reader->fields = spec_element(reader->spec, key, index);
        reader->section = node;
        reader->place = place;
        return true;
    }
    reader->fields = reader->spec;
    reader->section = reader->root;
    reader->place = "";
    return false;
}
