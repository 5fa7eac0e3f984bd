/* A YAML file as a tree of nodes with their places: aliases resolved, duplicate keys found, growth capped.
 *
 * It is built from libyaml's events and not from its document, which forgets where an alias stood. */
#include "spec/spec_internal.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* All memory of a tree is one chain of blocks, wiped and freed together: a secret may have been written into the file,
 * and an alias shares the children of what it stands for. */
struct block {
    struct block *next;
    size_t size;
    max_align_t bytes[];
};

struct spec_tree {
    struct block *blocks;
    struct spec_node *root;
};

struct anchor {
    struct anchor *next;
    char *name;
    const struct spec_node *node;
    bool open; /* we are still inside of it */
};

struct builder {
    yaml_parser_t parser;
    struct spec_tree *tree;
    struct anchor *anchors; /* the latest first: it hides earlier ones of its name */
    size_t anchor_count;
    size_t nodes; /* aliases expanded */
    size_t depth;
    const char *bytes;
    size_t length;
    struct problems *problems;
    struct error *error;
    bool stopped;        /* by a fault that hides what follows; it is reported */
    bool machine_failed; /* `error` is set */
};

static struct spec_node *build(struct builder *builder, const yaml_event_t *event);

static void *allocate(struct builder *builder, size_t size)
{
    struct block *block = calloc(1, sizeof *block + size);

    if (block == NULL) {
        error_no_memory(builder->error);
        builder->machine_failed = true;
        return NULL;
    }
    block->size = size;
    block->next = builder->tree->blocks;
    builder->tree->blocks = block;
    return block->bytes;
}

static char *copy_text(struct builder *builder, const yaml_char_t *bytes, size_t length)
{
    char *text = allocate(builder, length + 1);

    if (text != NULL)
        memcpy(text, bytes, length);
    return text;
}

static void report(struct builder *builder, const yaml_mark_t *mark, const char *hint, const char *message)
{
    problems_add(builder->problems, mark->line + 1, mark->column + 1, hint, "%s", message);
}

/* Reports and ends the reading. Returns NULL. */
static void *stop(struct builder *builder, const yaml_mark_t *mark, const char *hint, const char *message)
{
    report(builder, mark, hint, message);
    builder->stopped = true;
    return NULL;
}

static bool next_event(struct builder *builder, yaml_event_t *event)
{
    if (yaml_parser_parse(&builder->parser, event))
        return true;
    if (builder->parser.error == YAML_MEMORY_ERROR) {
        error_no_memory(builder->error);
        builder->machine_failed = true;
        return false;
    }
    spec_yaml_fault(&builder->parser, builder->bytes, builder->length, builder->problems);
    builder->stopped = true;
    return false;
}

static struct spec_node *new_node(struct builder *builder, enum spec_kind kind, const yaml_mark_t *mark)
{
    if (++builder->nodes > SPEC_NODES_MAX)
        return stop(builder, mark, "split the job into several specs, or use fewer aliases",
                    "this file holds too many values");
    struct spec_node *node = allocate(builder, sizeof *node);
    if (node != NULL)
        *node = (struct spec_node){.kind = kind, .line = mark->line + 1, .column = mark->column + 1, .weight = 1};
    return node;
}

static struct anchor *remember(struct builder *builder, const yaml_char_t *name, const struct spec_node *node,
                               const yaml_mark_t *mark)
{
    if (++builder->anchor_count > SPEC_ANCHORS_MAX)
        return stop(builder, mark, "use fewer anchors", "this file holds too many anchors");
    struct anchor *anchor = allocate(builder, sizeof *anchor);
    if (anchor == NULL)
        return NULL;
    *anchor = (struct anchor){.next = builder->anchors, .node = node, .open = true};
    anchor->name = copy_text(builder, name, strlen((const char *)name));
    if (anchor->name == NULL)
        return NULL;
    builder->anchors = anchor;
    return anchor;
}

static void refuse_tag(struct builder *builder, struct spec_node *node, const yaml_char_t *tag, const yaml_mark_t *mark)
{
    if (tag == NULL)
        return;
    report(builder, mark, "remove the tag; a value in quotes is always text", "tags such as !!str are not supported");
    node->bad = true;
}

static struct spec_node *build_scalar(struct builder *builder, const yaml_event_t *event)
{
    struct spec_node *node = new_node(builder, SPEC_SCALAR, &event->start_mark);
    const size_t length = event->data.scalar.length;

    if (node == NULL)
        return NULL;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    refuse_tag(builder, node, event->data.scalar.tag, &event->start_mark);
    if (length > SPEC_SCALAR_MAX) {
        report(builder, &event->start_mark, "keep every value below 64 KiB; is this file a job spec?",
               "this value is too long");
        node->bad = true;
    } else if (memchr(event->data.scalar.value, '\0', length) != NULL) {
        report(builder, &event->start_mark, "remove \\0 from it", "a value cannot hold a NUL character");
        node->bad = true;
    }
    node->text = copy_text(builder, event->data.scalar.value, node->bad ? 0 : length);
    if (node->text == NULL)
        return NULL;
    if (event->data.scalar.anchor != NULL) {
        struct anchor *anchor = remember(builder, event->data.scalar.anchor, node, &event->start_mark);
        if (anchor == NULL)
            return NULL;
        anchor->open = false;
    }
    return node;
}

/* An alias of nothing, or of a value that it is itself part of: reported, and a bad node in its place. */
static struct spec_node *build_dangling(struct builder *builder, struct spec_node *node, const char *name, bool is_open)
{
    char hint[SPEC_HINT_SIZE];
    char shown[SPEC_SHOWN_SIZE];

    spec_shown(name, shown);
    if (is_open) {
        snprintf(hint, sizeof hint, "use *%.60s outside of the value that it names", name);
        problems_add(builder->problems, node->line, node->column, hint, "the value of anchor %s contains itself",
                     shown);
    } else {
        snprintf(hint, sizeof hint, "define it above with &%.60s, or put the text in quotes", name);
        problems_add(builder->problems, node->line, node->column, hint, "there is no anchor %s", shown);
    }
    node->bad = true;
    node->text = copy_text(builder, (const yaml_char_t *)"", 0);
    return node->text != NULL ? node : NULL;
}

/* A node of its own at the alias's place that shares text or children with what the anchor marks: a message about the
 * value then points to where it is used. */
static struct spec_node *build_alias(struct builder *builder, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *anchor = builder->anchors;

    while (anchor != NULL && strcmp(anchor->name, name) != 0)
        anchor = anchor->next;
    struct spec_node *node = new_node(builder, SPEC_SCALAR, &event->start_mark);
    if (node == NULL)
        return NULL;
    if (anchor == NULL || anchor->open)
        return build_dangling(builder, node, name, anchor != NULL);
    builder->nodes += anchor->node->weight - 1;
    if (builder->nodes > SPEC_NODES_MAX)
        return stop(builder, &event->start_mark, "use fewer aliases within aliases",
                    "the aliases of this file stand for too many values");
    const uint64_t line = node->line;
    const uint64_t column = node->column;
    *node = *anchor->node;
    node->line = line;
    node->column = column;
    node->key = NULL;
    node->next = NULL;
    return node;
}

/* Whether the key may stand in the mapping; reports why not. */
static bool admit_key(struct builder *builder, const struct spec_node *mapping, const struct spec_node *key)
{
    char shown[SPEC_SHOWN_SIZE];

    if (key->bad)
        return false;
    if (key->kind != SPEC_SCALAR) {
        problems_add(builder->problems, key->line, key->column, "write key: value; put text with { or [ in quotes",
                     "a key must be a word, not a %s", key->kind == SPEC_LIST ? "list" : "mapping");
        return false;
    }
    if (key->plain && strcmp(key->text, "<<") == 0) {
        problems_add(builder->problems, key->line, key->column,
                     "repeat the keys, or let an alias be the whole value: limits: *limits",
                     "merge keys (<<) are not supported");
        return false;
    }
    const struct spec_node *other = spec_node_child(mapping, key->text);
    if (other == NULL)
        return true;
    problems_add(builder->problems, key->line, key->column, "remove one of the two",
                 "key %s stands already in line %llu", spec_shown(key->text, shown),
                 (unsigned long long)other->key->line);
    return false;
}

/* The key of a mapping is read; reads its value. False ends the reading. */
static bool build_pair(struct builder *builder, const struct spec_node *mapping, struct spec_node *key,
                       struct spec_node **value)
{
    yaml_event_t event;

    if (!next_event(builder, &event))
        return false;
    *value = build(builder, &event);
    yaml_event_delete(&event);
    if (*value == NULL)
        return false;
    (*value)->key = key;
    if (!admit_key(builder, mapping, key))
        (*value)->key = NULL;
    return true;
}

/* Reads the entries of a list or mapping up to its end. False ends the reading. */
static bool build_children(struct builder *builder, struct spec_node *parent)
{
    struct spec_node **tail = &parent->children;
    size_t count = 0;

    for (;;) {
        yaml_event_t event;
        if (!next_event(builder, &event))
            return false;
        if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            return true;
        }
        struct spec_node *entry = build(builder, &event);
        if (entry != NULL && parent->kind == SPEC_MAPPING && ++count > SPEC_ENTRIES_MAX)
            entry =
                stop(builder, &event.start_mark, "a mapping holds at most 1024 keys", "this mapping has too many keys");
        yaml_event_delete(&event);
        if (entry == NULL)
            return false;
        if (parent->kind == SPEC_MAPPING) {
            parent->weight += entry->weight;
            if (!build_pair(builder, parent, entry, &entry))
                return false;
        }
        parent->weight += entry->weight;
        if (parent->kind == SPEC_MAPPING && entry->key == NULL)
            continue;
        *tail = entry;
        tail = &entry->next;
    }
}

static struct spec_node *build_collection(struct builder *builder, const yaml_event_t *event)
{
    const bool is_list = event->type == YAML_SEQUENCE_START_EVENT;
    const yaml_char_t *name = is_list ? event->data.sequence_start.anchor : event->data.mapping_start.anchor;
    const yaml_char_t *tag = is_list ? event->data.sequence_start.tag : event->data.mapping_start.tag;
    struct anchor *anchor = NULL;

    if (builder->depth == SPEC_DEPTH_MAX)
        return stop(builder, &event->start_mark, "no part of a job spec needs that", "this is nested too deep");
    struct spec_node *node = new_node(builder, is_list ? SPEC_LIST : SPEC_MAPPING, &event->start_mark);
    if (node == NULL)
        return NULL;
    refuse_tag(builder, node, tag, &event->start_mark);
    if (name != NULL) {
        anchor = remember(builder, name, node, &event->start_mark);
        if (anchor == NULL)
            return NULL;
    }
    builder->depth++;
    const bool ok = build_children(builder, node);
    builder->depth--;
    if (anchor != NULL)
        anchor->open = false;
    return ok ? node : NULL;
}

/* The node that begins with this event. NULL ends the reading: `stopped` or `machine_failed` says which. */
static struct spec_node *build(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT: return build_scalar(builder, event);
    case YAML_ALIAS_EVENT: return build_alias(builder, event);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT: return build_collection(builder, event);
    default: return stop(builder, &event->start_mark, NULL, "a value is missing here");
    }
}

static void build_stream(struct builder *builder)
{
    struct spec_node *root = NULL;
    bool more = true;

    while (more) {
        yaml_event_t event;
        if (!next_event(builder, &event))
            return;
        if (event.type == YAML_DOCUMENT_START_EVENT && root != NULL) {
            stop(builder, &event.start_mark, "put the other job into a file of its own",
                 "a job spec is one document, but another one starts here");
        } else if (event.type == YAML_STREAM_END_EVENT) {
            more = false;
        } else if (event.type != YAML_STREAM_START_EVENT && event.type != YAML_DOCUMENT_START_EVENT &&
                   event.type != YAML_DOCUMENT_END_EVENT) {
            root = build(builder, &event);
        }
        yaml_event_delete(&event);
        more = more && !builder->stopped && !builder->machine_failed;
    }
    if (root == NULL && !builder->stopped && !builder->machine_failed)
        problems_add(builder->problems, 1, 1, "remove the file, and `rollcall init` writes a new one in its place",
                     "the job spec is empty");
    if (!builder->stopped)
        builder->tree->root = root;
}

struct spec_tree *spec_tree_parse(const char *bytes, size_t length, struct problems *problems, struct error *error)
{
    struct builder builder = {.bytes = bytes, .length = length, .problems = problems, .error = error};

    builder.tree = calloc(1, sizeof *builder.tree);
    if (builder.tree == NULL || !yaml_parser_initialize(&builder.parser)) {
        free(builder.tree);
        error_no_memory(error);
        return NULL;
    }
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)bytes, length);
    build_stream(&builder);
    yaml_parser_delete(&builder.parser);
    if (builder.machine_failed) {
        spec_tree_free(builder.tree);
        return NULL;
    }
    return builder.tree;
}

void spec_tree_free(struct spec_tree *tree)
{
    if (tree == NULL)
        return;
    while (tree->blocks != NULL) {
        struct block *block = tree->blocks;
        tree->blocks = block->next;
        explicit_bzero(block->bytes, block->size);
        free(block);
    }
    free(tree);
}

struct spec_node *spec_tree_root(const struct spec_tree *tree)
{
    return tree->root;
}
