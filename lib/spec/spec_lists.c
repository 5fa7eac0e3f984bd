/* Lists of texts, and the filter of the roster that is made of them. */
#include "spec/spec_internal.h"

#include "core/child.h"
#include <stdlib.h>
#include <string.h>

/* Takes the text. */
static bool append_own(struct spec_reader *reader, struct text_list *list, char *text)
{
    char **items = text != NULL ? realloc(list->items, (list->count + 1) * sizeof *items) : NULL;

    if (items == NULL) {
        free(text);
        return error_no_memory(reader->error);
    }
    list->items = items;
    list->items[list->count++] = text;
    return true;
}

bool spec_append_text(struct spec_reader *reader, struct text_list *list, const char *text)
{
    return append_own(reader, list, strdup(text));
}

static bool is_twice(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *item,
                     const struct text_list *list, const char *text)
{
    char path[SPEC_PATH_SIZE];
    char shown[SPEC_SHOWN_SIZE];

    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0) {
            spec_fault(reader, item, "remove one of the two", "%s names %s twice", spec_place(reader, key, path),
                       spec_shown(item->text, shown));
            return true;
        }
    }
    return false;
}

static bool append_input(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *item,
                         struct text_list *list)
{
    bool readable;
    char *resolved = spec_read_input(reader, key, item, &readable);

    if (!readable || is_twice(reader, key, item, list, resolved)) {
        free(resolved);
        return false;
    }
    return append_own(reader, list, resolved);
}

/* The first word of a command is the program. */
static bool check_program(struct spec_reader *reader, const struct spec_node *item, const char *path)
{
    struct error reason;

    if (reader->secrets == SPEC_WITHOUT_FILES || child_find(item->text, reader->spec->directory, &reason))
        return true;
    return spec_fault(reader, item,
                      strchr(item->text, ' ') != NULL ? "there is no shell: write the program and its arguments as a "
                                                        "list, such as [./store, --all]"
                                                      : reason.hint,
                      "%s: %s", path, reason.message);
}

static bool append_argument(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *item,
                            struct text_list *list)
{
    char path[SPEC_PATH_SIZE];

    spec_place(reader, key, path);
    if (spec_looks_secret(item->text))
        return spec_fault(
            reader, item, "let the program read it from its environment or from a file",
            "%s: everybody on the machine can read the arguments of a program, and one looks like a secret", path);
    const bool ok = list->count > 0 || check_program(reader, item, path);
    return spec_append_text(reader, list, item->text) && ok; /* also one that is not there: what follows is none */
}

/* One entry of a list. */
static bool read_item(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *item,
                      struct text_list *list)
{
    char path[SPEC_PATH_SIZE];
    int unused;

    if (!item->bad && item->kind != SPEC_SCALAR)
        return spec_fault(reader, item, "write single values, one after the other",
                          "%s holds a %s where a %s must stand", spec_place(reader, key, path),
                          item->kind == SPEC_LIST ? "list" : "mapping", key->type == SPEC_WORDS ? "word" : "text");
    if (key->type == SPEC_WORDS ? !spec_read_choice(reader, key, item, &unused)
                                : spec_scalar(reader, key, item) == NULL)
        return false;
    if (key->type == SPEC_COMMAND)
        return append_argument(reader, key, item, list);
    if (key->type == SPEC_INPUTS)
        return append_input(reader, key, item, list);
    return !is_twice(reader, key, item, list, item->text) && spec_append_text(reader, list, item->text);
}

static size_t count_entries(const struct spec_node *node)
{
    size_t count = 0;

    for (const struct spec_node *entry = node->children; entry != NULL; entry = entry->next)
        count++;
    return count;
}

bool spec_read_list(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    struct text_list *list = spec_field(reader, key);
    char path[SPEC_PATH_SIZE];
    bool ok = true;

    if (node->bad)
        return false;
    if (node->kind == SPEC_MAPPING)
        return spec_fault_type(reader, key, node);
    if (node->kind == SPEC_SCALAR)
        return read_item(reader, key, node, list);
    if (count_entries(node) < (size_t)key->min)
        return spec_fault(reader, node, "write at least one entry", "%s is an empty list",
                          spec_place(reader, key, path));
    if (count_entries(node) > (size_t)key->max)
        return spec_fault(reader, node, "shorten the list", "%s has more than %d entries",
                          spec_place(reader, key, path), (int)key->max);
    for (struct spec_node *item = node->children; item != NULL && reader->error->code == ERROR_NONE; item = item->next)
        ok = read_item(reader, key, item, list) && ok;
    return ok;
}

/* The values of one clause. Unlike elsewhere a text in quotes may be empty: rows whose column is empty. */
static bool read_clause_value(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *item,
                              struct where_clause *clause)
{
    char path[SPEC_PATH_SIZE];
    char shown[SPEC_SHOWN_SIZE];

    if (item->bad)
        return false;
    if (item->kind != SPEC_SCALAR || spec_node_is_null(item))
        return spec_fault(reader, item, "write a value, or a list of values; \"\" selects rows without one",
                          "%s needs a value for the column %s", spec_place(reader, key, path),
                          spec_shown(clause->column, shown));
    return !is_twice(reader, key, item, &clause->values, item->text) &&
           spec_append_text(reader, &clause->values, item->text);
}

static bool read_clause(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *entry,
                        struct where_clause *clause)
{
    bool ok = true;

    if (spec_looks_secret(entry->key->text))
        return spec_fault_secret(reader, key, entry->key);
    clause->column = strdup(entry->key->text);
    if (clause->column == NULL)
        return error_no_memory(reader->error);
    if (entry->kind != SPEC_LIST || entry->children == NULL) {
        const struct spec_node empty = {.kind = SPEC_MAPPING, .line = entry->line, .column = entry->column};
        return read_clause_value(reader, key, entry->kind == SPEC_LIST && !entry->bad ? &empty : entry, clause);
    }
    for (struct spec_node *item = entry->children; item != NULL && reader->error->code == ERROR_NONE; item = item->next)
        ok = read_clause_value(reader, key, item, clause) && ok;
    return ok;
}

bool spec_read_where(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    char path[SPEC_PATH_SIZE];
    char range[SPEC_HINT_SIZE];
    bool ok = true;

    if (node->bad)
        return false;
    if (node->kind != SPEC_MAPPING)
        return spec_node_is_null(node) ? spec_scalar(reader, key, node) != NULL : spec_fault_type(reader, key, node);
    const size_t count = count_entries(node);
    if (count < (size_t)key->min || count > (size_t)key->max)
        return spec_fault(reader, node, "name the columns, or remove where", "%s must name %s",
                          spec_place(reader, key, path), spec_key_range(key, range));
    struct where_clause *clauses = calloc(count, sizeof *clauses);
    if (clauses == NULL)
        return error_no_memory(reader->error);
    reader->spec->roster.where = clauses;
    reader->spec->roster.where_count = count;
    for (struct spec_node *entry = node->children; entry != NULL && reader->error->code == ERROR_NONE;
         entry = entry->next)
        ok = read_clause(reader, key, entry, clauses++) && ok;
    return ok;
}
