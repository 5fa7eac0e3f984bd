/* Where tokens go: which kind a sink is, and the keys that go with it. */
#include "spec/spec_internal.h"

#include <string.h>

/* By enum spec_sink_kind. */
static const char *const kinds[] = {"csv", "ndjson", "command", "postgres", "sqlite"};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* Keys that only some kinds have: a bit for each. */
static const struct {
    const char *name;
    unsigned kinds;
    const char *phrase;
} options[] = {
    {"encrypt", 1U << SINK_CSV | 1U << SINK_NDJSON, "csv and ndjson"},
    {"table", 1U << SINK_POSTGRES | 1U << SINK_SQLITE, "postgres and sqlite"},
    {"columns", 1U << SINK_POSTGRES | 1U << SINK_SQLITE, "postgres and sqlite"},
    {"batch", 1U << SINK_COMMAND, "command"},
    {"time_limit", 1U << SINK_COMMAND | 1U << SINK_POSTGRES | 1U << SINK_SQLITE, "command, postgres and sqlite"},
};

/* The kinds that a sink names: a bit for each. */
static unsigned kinds_of(const struct spec_node *sink)
{
    unsigned named = 0;

    for (unsigned kind = 0; kind < KINDS; kind++)
        if (spec_node_child(sink, kinds[kind]) != NULL)
            named |= 1U << kind;
    return named;
}

static bool check_kind(struct spec_reader *reader, unsigned named)
{
    const char *first = NULL;

    for (unsigned kind = 0; kind < KINDS; kind++) {
        if ((named & 1U << kind) == 0)
            continue;
        if (first != NULL)
            return spec_fault(reader, reader->section, "make them two entries of a list, or keep one of the two",
                              "outputs.tokens has both %s and %s", first, kinds[kind]);
        first = kinds[kind];
    }
    return first != NULL || spec_fault(reader, reader->section, "write for example csv: out/tokens.csv",
                                       "outputs.tokens needs one of csv, ndjson, command, postgres and sqlite");
}

bool spec_check_sink(struct spec_reader *reader)
{
    const unsigned named = kinds_of(reader->section);

    if (!check_kind(reader, named))
        return false;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const struct spec_node *option = spec_node_child(reader->section, options[i].name);
        if (option != NULL && (named & options[i].kinds) == 0)
            spec_fault(reader, option->key, "remove it", "outputs.tokens.%s goes with %s only", options[i].name,
                       options[i].phrase);
    }
    return true;
}

/* Without `columns` all four are written, under the names that they have in a CSV file. */
static bool fill_columns(struct spec_reader *reader, struct spec_sink *sink)
{
    return spec_replace_text(reader, &sink->columns.key, reader->spec->roster.key) &&
           spec_replace_text(reader, &sink->columns.identity_id, "identity_id") &&
           spec_replace_text(reader, &sink->columns.token, "token") &&
           spec_replace_text(reader, &sink->columns.expires_at, "expires_at");
}

/* Of a sink with a fault what it would be called may be missing. */
static bool fill_name(struct spec_reader *reader, struct spec_sink *sink)
{
    const char *program = sink->command.count > 0 ? sink->command.items[0] : NULL;
    const char *name = sink->kind == SINK_COMMAND ? program : sink->kind == SINK_POSTGRES ? sink->table : sink->path;

    return spec_replace_text(reader, &sink->name, name != NULL ? name : "");
}

bool spec_derive_sinks(struct spec_reader *reader)
{
    char place[SPEC_PATH_SIZE];
    bool ok = true;

    for (size_t i = 0; spec_enter(reader, "outputs.tokens", i, place); i++) {
        struct spec_sink *sink = reader->fields;
        const unsigned named = kinds_of(reader->section);
        for (unsigned kind = 0; kind < KINDS; kind++)
            if ((named & 1U << kind) != 0)
                sink->kind = (enum spec_sink_kind)kind;
        if (spec_node_child(reader->section, "columns") == NULL && reader->spec->roster.key != NULL)
            ok = ok && fill_columns(reader, sink);
        ok = ok && fill_name(reader, sink);
    }
    return ok;
}
