#include "output/mapping.h"

#include "core/clock.h"
#include "core/file.h"
#include "core/problems.h"
#include "core/text.h"
#include "output/json_out.h"
#include "roster/roster.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLUSH_AT = 64 * 1024, LINE_MAX_BYTES = 1024 * 1024, DESCRIPTION_SIZE = 512 };

static const char *const column_names[MAPPING_COLUMNS] = {
    [MAPPING_KEY] = "key",           [MAPPING_IDENTITY] = "identity_id",
    [MAPPING_STATE] = "state",       [MAPPING_EXPIRES] = "token_expires_at",
    [MAPPING_RESOURCE] = "resource",
};

static const enum mapping_column all_columns[MAPPING_COLUMNS] = {MAPPING_KEY, MAPPING_IDENTITY, MAPPING_STATE,
                                                                 MAPPING_EXPIRES, MAPPING_RESOURCE};

bool mapping_column_parse(const char *name, enum mapping_column *column)
{
    for (size_t i = 0; i < MAPPING_COLUMNS; i++) {
        if (strcmp(column_names[i], name) == 0) {
            *column = (enum mapping_column)i;
            return true;
        }
    }
    return false;
}

struct mapping_options mapping_options_of(const struct spec *spec)
{
    return (struct mapping_options){
        .key_column = spec->roster.key,
        .style = {.delimiter = ',', .escape_formulas = spec->outputs.escape_formulas},
        .columns = all_columns,
        .column_count = spec_names_resources(spec) ? MAPPING_COLUMNS : MAPPING_RESOURCE,
    };
}

struct exporter {
    struct mapping_options options;
    const struct ledger *ledger;
    struct buffer text;
    mapping_write *write;
    void *context;
};

static const char *header_of(const struct exporter *exporter, enum mapping_column column)
{
    return column == MAPPING_KEY ? exporter->options.key_column : column_names[column];
}

static bool flush(struct exporter *exporter, struct error *error)
{
    if (buffer_failed(&exporter->text))
        return buffer_error(&exporter->text, "a line of the mapping", error);
    if (exporter->text.length == 0)
        return true;
    const bool ok = exporter->write(exporter->context, exporter->text.data, exporter->text.length, error);
    buffer_reset(&exporter->text);
    return ok;
}

/* The value as text; `scratch` holds a formatted time. */
static const char *value_of(const struct exporter *exporter, const struct identity *identity,
                            enum mapping_column column, char scratch[TIME_TEXT_SIZE])
{
    switch (column) {
    case MAPPING_KEY: return identity->key;
    case MAPPING_IDENTITY: return identity->id;
    case MAPPING_STATE: return identity_state_name(identity->state);
    case MAPPING_EXPIRES:
        scratch[0] = '\0';
        if (identity->token_expires_at_s != 0)
            time_format_rfc3339(identity->token_expires_at_s, scratch);
        return scratch;
    case MAPPING_RESOURCE: return ledger_resource_name(exporter->ledger, identity->resource);
    case MAPPING_COLUMNS: break;
    }
    return "";
}

static void append_csv(struct exporter *exporter, const struct identity *identity)
{
    char scratch[TIME_TEXT_SIZE];

    for (size_t i = 0; i < exporter->options.column_count; i++)
        csv_append_text(&exporter->text, &exporter->options.style, i == 0,
                        value_of(exporter, identity, exporter->options.columns[i], scratch));
    csv_end_line(&exporter->text);
}

static bool append_json(struct exporter *exporter, const struct identity *identity, struct error *error)
{
    json_t *object = json_object();
    char scratch[TIME_TEXT_SIZE];

    for (size_t i = 0; i < exporter->options.column_count; i++) {
        const enum mapping_column column = exporter->options.columns[i];
        const char *name = header_of(exporter, column);
        const char *value = value_of(exporter, identity, column, scratch);
        json_out_member(&object, name, column == MAPPING_EXPIRES ? json_out_text(value) : json_string(value));
    }
    if (!json_out_append(&exporter->text, object, JSON_COMPACT, error))
        return false;
    buffer_append_char(&exporter->text, '\n');
    return true;
}

static bool export_one(void *context, const struct identity *identity, struct error *error)
{
    struct exporter *exporter = context;

    if (exporter->options.has_state && identity->state != exporter->options.state)
        return true;
    if (exporter->options.format == MAPPING_CSV)
        append_csv(exporter, identity);
    else if (!append_json(exporter, identity, error))
        return false;
    return exporter->text.length < FLUSH_AT || flush(exporter, error);
}

bool mapping_export(struct ledger *ledger, const struct mapping_options *options, mapping_write *write, void *context,
                    struct error *error)
{
    struct exporter exporter = {.options = *options, .ledger = ledger, .write = write, .context = context};

    buffer_init(&exporter.text, LINE_MAX_BYTES);
    if (exporter.options.columns == NULL) {
        exporter.options.columns = all_columns;
        exporter.options.column_count = MAPPING_RESOURCE;
    }
    if (exporter.options.format == MAPPING_CSV) {
        for (size_t i = 0; i < exporter.options.column_count; i++)
            csv_append_text(&exporter.text, &exporter.options.style, i == 0,
                            header_of(&exporter, exporter.options.columns[i]));
        csv_end_line(&exporter.text);
    }
    const bool ok =
        (ledger == NULL || ledger_each_identity(ledger, export_one, &exporter, error)) && flush(&exporter, error);
    buffer_clear(&exporter.text);
    return ok;
}

static bool write_to_file(void *context, const void *bytes, size_t length, struct error *error)
{
    (void)error;
    atomic_file_write(context, bytes, length);
    return true;
}

/* What the file looked like after it was written, with the state of the ledger that it shows. */
static void describe(const char *path, const struct mapping_options *options, int64_t generation, char *text,
                     size_t size)
{
    struct stat info;

    if (lstat(path, &info) != 0)
        text[0] = '\0';
    else
        snprintf(text, size, "%" PRId64 " %d %zu %" PRIu64 " %" PRId64 " %" PRId64 ".%09ld %s", generation,
                 options->style.escape_formulas, options->column_count, (uint64_t)info.st_ino, (int64_t)info.st_size,
                 (int64_t)info.st_mtim.tv_sec, info.st_mtim.tv_nsec, options->key_column);
}

/* Is the file at path the one that was written last, as the ledger is now? */
static bool is_current(struct ledger *ledger, const struct mapping_options *options, const char *path, bool *current,
                       struct error *error)
{
    char written[DESCRIPTION_SIZE];
    char now[DESCRIPTION_SIZE];
    int64_t generation;

    if (!ledger_generation(ledger, &generation, error) ||
        !ledger_get(ledger, "mapping", written, sizeof written, error))
        return false;
    describe(path, options, generation, now, sizeof now);
    *current = now[0] != '\0' && strcmp(now, written) == 0;
    return true;
}

struct checker {
    struct ledger *ledger;
    bool escapes_formulas;
    size_t identity_column;
    uint64_t unknown;
    bool ledger_failed;
};

static bool find_identity_column(void *context, const struct roster_header *header, struct error *error)
{
    struct checker *checker = context;

    for (size_t i = 0; i < header->count; i++) {
        if (strcmp(header->fields[i].bytes, column_names[MAPPING_IDENTITY]) == 0) {
            checker->identity_column = i;
            return true;
        }
    }
    return error_set(error, ERROR_INPUT, "it has no column \"%s\"", column_names[MAPPING_IDENTITY]);
}

static bool check_row(void *context, const struct roster_row *row, struct error *error)
{
    struct checker *checker = context;
    const char *id = row->fields[checker->identity_column].bytes;
    const char *key = csv_unescape(row->key.bytes, checker->escapes_formulas);
    bool known = false;

    if (checker->ledger != NULL && !ledger_knows(checker->ledger, key, id, &known, error)) {
        checker->ledger_failed = true;
        return false;
    }
    checker->unknown += !known;
    return true;
}

static bool read_mapping(struct checker *checker, const struct mapping_options *options, const char *path,
                         struct error *error)
{
    const struct roster_visitor visitor = {.header = find_identity_column, .row = check_row, .context = checker};
    struct roster_summary summary;
    struct problems problems;
    const int fd = roster_open(path, error);

    if (fd < 0)
        return false;
    const struct roster_options reading = {
        .name = path, .fd = fd, .delimiter = options->style.delimiter, .key = options->key_column};
    bool ok = problems_init(&problems, path, error) && roster_read(&reading, &visitor, &problems, &summary, error);
    if (!ok && !checker->ledger_failed) {
        error_context(error, "%s stands in the place of the mapping and is none", path);
        error_hint(error, "name another file in outputs.mapping, or move this one away");
    }
    problems_clear(&problems);
    close(fd);
    return ok;
}

bool mapping_check(struct ledger *ledger, const struct mapping_options *options, const char *path, struct error *error)
{
    struct checker checker = {.ledger = ledger, .escapes_formulas = options->style.escape_formulas};
    bool current = false;

    if (access(path, F_OK) != 0)
        return true;
    if (ledger != NULL && !is_current(ledger, options, path, &current, error))
        return false;
    if (current)
        return true;
    if (!read_mapping(&checker, options, path, error))
        return false;
    if (checker.unknown == 0)
        return true;
    error_set(error, ERROR_LIMIT, "%s names %" PRIu64 " %s that the ledger does not know", path, checker.unknown,
              text_noun(checker.unknown, "identity", "identities"));
    return error_hint(error,
                      "was the ledger lost, or restored from an older copy? Adopt them first: "
                      "`rollcall import JOB.yaml %s`; or move the file away",
                      path);
}

bool mapping_update(struct ledger *ledger, const struct mapping_options *options, const char *path, struct error *error)
{
    char now[DESCRIPTION_SIZE];
    int64_t generation;
    bool current;

    if (!is_current(ledger, options, path, &current, error) || !ledger_generation(ledger, &generation, error))
        return false;
    if (current)
        return true;

    struct atomic_file *file = atomic_file_open(path, MAPPING_MODE, error);
    if (file == NULL)
        return false;
    if (!mapping_export(ledger, options, write_to_file, file, error)) {
        atomic_file_discard(file);
        return false;
    }
    if (!atomic_file_commit(file, error))
        return false;
    describe(path, options, generation, now, sizeof now);
    return ledger_set(ledger, "mapping", now, error);
}
