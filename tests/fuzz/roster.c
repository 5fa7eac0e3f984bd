/* Rosters. The first byte picks the options (see take_options); the rest is the file, in which each 0x01 stands for
 * 16 KiB of x, so that a few bytes reach the longest values.
 *
 * Each file is read twice, in chunks of another size; both readings must see the same, and the rows that were accepted
 * are written out and read again.
 */
#include "fuzz.h"

#include "core/buffer.h"
#include "output/csv_out.h"
#include "roster/roster.h"

#include <inttypes.h>

enum { LONG_RUN = 16 * 1024, LONG_RUNS_MAX = 6, LONG_CHUNK = 4096, NOTES_MAX = 64 * 1024 * 1024 };

static const char *const watched[] = {"changed", "a;b=%c"};
static const char *const departments[] = {"sales", ""};
static const struct roster_filter filters[] = {{.column = "department", .values = departments, .value_count = 2}};

struct reading {
    struct roster_options options;
    struct problems problems;
    struct roster_summary summary;
    struct error error;
    bool ok;
    struct buffer notes;   /* all that the visitor saw */
    struct buffer written; /* header and rows as CSV */
    size_t columns;
    size_t key_column;
    uint64_t rows;
    uint64_t last_index;
    uint64_t last_line;
};

/* Bits 0 and 1: the delimiter; 2: two columns are watched; 3: and may be missing; 4: a filter; 5 and 6: the size of
 * chunks. A letter or digit stands for a choice of its own, so that seeds can be read. */
static struct roster_options take_options(uint8_t byte, size_t *small_chunk)
{
    static const char delimiters[] = {',', ';', '\t', '|'};
    static const size_t chunks[] = {4, 7, 64, 4096};

    *small_chunk = chunks[(byte >> 5) & 3];
    return (struct roster_options){
        .name = "users.csv",
        .delimiter = delimiters[byte & 3],
        .key = "id",
        .watch = watched,
        .watch_count = (byte & 4) != 0 ? 2 : 0,
        .watch_may_be_missing = (byte & 8) != 0,
        .filters = filters,
        .filter_count = (byte & 16) != 0 ? 1 : 0,
    };
}

static void expand(const uint8_t *data, size_t size, struct buffer *file)
{
    char run[LONG_RUN];
    size_t runs = 0;

    memset(run, 'x', sizeof run);
    for (size_t i = 0; i < size; i++) {
        if (data[i] == 0x01 && runs++ < LONG_RUNS_MAX)
            buffer_append(file, run, sizeof run);
        else
            buffer_append_char(file, (char)data[i]);
    }
    MUST(!buffer_failed(file));
}

static void note_fields(struct reading *reading, const struct roster_field *fields, size_t count)
{
    const struct csv_style style = {.delimiter = reading->options.delimiter};

    for (size_t i = 0; i < count; i++) {
        MUST(strlen(fields[i].bytes) == fields[i].length && fields[i].length <= ROSTER_FIELD_MAX);
        MUST(utf8_valid_length(fields[i].bytes, fields[i].length) == fields[i].length);
        buffer_append(&reading->notes, fields[i].bytes, fields[i].length + 1);
        csv_append(&reading->written, &style, i == 0, fields[i].bytes, fields[i].length);
    }
    csv_end_line(&reading->written);
}

static bool on_header(void *context, const struct roster_header *header, struct error *error)
{
    struct reading *reading = context;

    (void)error;
    MUST(reading->columns == 0 && header->count > 0 && header->count <= ROSTER_COLUMNS_MAX);
    MUST(header->key_column < header->count);
    MUST(strcmp(header->fields[header->key_column].bytes, "id") == 0);
    reading->columns = header->count;
    reading->key_column = header->key_column;
    note_fields(reading, header->fields, header->count);
    return true;
}

static void check_watch(const struct roster_row *row)
{
    const char *state;
    size_t length;
    struct buffer text;

    MUST(strlen(row->watch) == row->watch_length && fuzz_is_line(row->watch));
    for (size_t i = 0; i < 2; i++) {
        MUST(roster_watch_find(row->watch, watched[i], &state, &length));
        MUST(length == 16 || length == strlen("blank") || length == strlen("missing"));
    }
    buffer_init(&text, NOTES_MAX);
    MUST(roster_watch_select(row->watch, watched, 2, &text) && strcmp(text.data, row->watch) == 0);
    buffer_reset(&text);
    roster_watch_merge(row->watch, row->watch, &text);
    MUST(strcmp(text.data, row->watch) == 0);
    buffer_clear(&text);
}

static bool on_row(void *context, const struct roster_row *row, struct error *error)
{
    struct reading *reading = context;

    (void)error;
    MUST(reading->columns > 0 && row->line > reading->last_line);
    MUST(reading->rows == 0 || row->index > reading->last_index);
    MUST(row->key.bytes == row->fields[reading->key_column].bytes);
    MUST(row->key.length > 0 && row->key.length <= ROSTER_KEY_MAX && fuzz_is_line(row->key.bytes));
    MUST(row->selected || reading->options.filter_count > 0);
    if (reading->options.watch_count > 0)
        check_watch(row);
    else
        MUST(row->watch_length == 0 && row->watch[0] == '\0');
    reading->rows++;
    reading->last_index = row->index;
    reading->last_line = row->line;
    note_fields(reading, row->fields, reading->columns);
    buffer_append(&reading->notes, row->watch, row->watch_length);
    buffer_append_format(&reading->notes, " %d\n", row->selected);
    return true;
}

static void check_reading(const struct reading *reading, size_t size)
{
    const struct problems *problems = &reading->problems;

    MUST(reading->ok == (problems->total == 0) && reading->ok == (reading->error.code == ERROR_NONE));
    MUST(reading->ok || reading->error.code == ERROR_INPUT);
    fuzz_check_problems(problems);
    for (size_t i = 0; i < problems->count; i++)
        MUST(problems->list[i].line > 0 || reading->summary.rows == 0);
    if (!reading->ok)
        return;
    MUST(reading->summary.bytes == size && reading->summary.rows == reading->rows);
    MUST(reading->summary.selected <= reading->rows);
}

static void read_file(struct reading *reading, const struct roster_options *options, const char *bytes, size_t size,
                      size_t chunk_size)
{
    const struct roster_visitor visitor = {.header = on_header, .row = on_row, .context = reading};

    *reading = (struct reading){.options = *options};
    buffer_init(&reading->notes, NOTES_MAX);
    buffer_init(&reading->written, NOTES_MAX);
    MUST(problems_init(&reading->problems, options->name, &reading->error));
    reading->options.chunk_size = chunk_size;
    reading->options.fd = fuzz_file(bytes, size);
    reading->ok = roster_read(&reading->options, &visitor, &reading->problems, &reading->summary, &reading->error);
    close(reading->options.fd);
    MUST(!buffer_failed(&reading->notes) && !buffer_failed(&reading->written));
    check_reading(reading, size);
}

static void clear(struct reading *reading)
{
    problems_clear(&reading->problems);
    buffer_clear(&reading->notes);
    buffer_clear(&reading->written);
}

static void check_same(const struct reading *one, const struct reading *other)
{
    MUST(one->ok == other->ok && one->problems.total == other->problems.total);
    for (size_t i = 0; i < one->problems.count; i++) {
        const struct problem *a = &one->problems.list[i];
        const struct problem *b = &other->problems.list[i];
        MUST(a->line == b->line && a->column == b->column && strcmp(a->message, b->message) == 0);
    }
    MUST(one->rows == other->rows && one->summary.rows == other->summary.rows);
    MUST(one->notes.length == other->notes.length);
    MUST(memcmp(one->notes.data, other->notes.data, one->notes.length) == 0);
    MUST(!one->ok || memcmp(one->summary.digest, other->summary.digest, sizeof one->summary.digest) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer file;
    struct reading whole;
    struct reading pieces;
    struct reading again;
    size_t small_chunk;

    if (size == 0)
        return 0;
    const struct roster_options options = take_options(data[0], &small_chunk);
    buffer_init(&file, NOTES_MAX);
    expand(data + 1, size - 1, &file);
    if (file.length > LONG_RUN) /* or every few bytes of it would be a call of the system */
        small_chunk = LONG_CHUNK;
    read_file(&whole, &options, file.data, file.length, file.length + LONG_CHUNK);
    read_file(&pieces, &options, file.data, file.length, small_chunk);
    check_same(&whole, &pieces);
    if (whole.ok) {
        read_file(&again, &options, whole.written.data, whole.written.length, whole.written.length + LONG_CHUNK);
        MUST(again.ok && again.rows == whole.rows && again.summary.selected == whole.summary.selected);
        MUST(again.notes.length == whole.notes.length);
        MUST(memcmp(again.notes.data, whole.notes.data, whole.notes.length) == 0);
        clear(&again);
    }
    clear(&whole);
    clear(&pieces);
    buffer_clear(&file);
    return 0;
}
