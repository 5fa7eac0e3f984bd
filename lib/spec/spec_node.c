/* Finding one's way in the tree of a job spec. */
#include "spec/spec_internal.h"

#include <string.h>

/* The entry whose key is the first `length` bytes of `name`. */
static struct spec_node *find_entry(const struct spec_node *mapping, const char *name, size_t length)
{
    if (mapping == NULL || mapping->kind != SPEC_MAPPING)
        return NULL;
    for (struct spec_node *entry = mapping->children; entry != NULL; entry = entry->next)
        if (strncmp(entry->key->text, name, length) == 0 && entry->key->text[length] == '\0')
            return entry;
    return NULL;
}

struct spec_node *spec_node_child(const struct spec_node *mapping, const char *name)
{
    return find_entry(mapping, name, strlen(name));
}

struct spec_node *spec_node_find(const struct spec_node *root, const char *path)
{
    struct spec_node *node = NULL;

    for (;;) {
        const size_t length = strcspn(path, ".");
        node = find_entry(root, path, length);
        if (node == NULL || path[length] == '\0')
            return node;
        root = node;
        path += length + 1;
    }
}

bool spec_node_is_null(const struct spec_node *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};

    if (node->kind != SPEC_SCALAR || !node->plain)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(node->text, words[i]) == 0)
            return true;
    return false;
}
