#include "roster/roster_reader.h"

#include "core/text.h"
#include "core/utf8.h"
#include "core/wipe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 128 * 1024 }; /* stays in the processor's cache from the read to the parser */

static const char utf16_hint[] = "save the file as UTF-8 (iconv -f UTF-16 -t UTF-8)";

/* How many bytes to skip at the start of the file. */
static size_t check_byte_order_mark(struct reader *reader)
{
    const struct source *source = &reader->source;

    if (source->length >= 3 && memcmp(source->bytes, "\xEF\xBB\xBF", 3) == 0)
        return 3;
    if (source->length >= 2 &&
        (memcmp(source->bytes, "\xFF\xFE", 2) == 0 || memcmp(source->bytes, "\xFE\xFF", 2) == 0)) {
        reader->pass_ended = true;
        problems_add(reader->problems, 1, 0, utf16_hint, "this is UTF-16, not UTF-8");
    }
    return 0;
}

/* Feeds the lines of what the source holds, from `used` on, and moves `used` behind them. What follows the last line
 * feed waits for the next chunk, unless it fills one alone. */
static bool feed_chunk(struct reader *reader, size_t *used, struct error *error)
{
    const struct source *source = &reader->source;
    const char *newline;

    lines_look_ahead(reader, source->bytes + *used, source->length - *used);
    while ((newline = memchr(source->bytes + *used, '\n', source->length - *used)) != NULL) {
        const char *start = source->bytes + *used;
        const size_t length = (size_t)(newline - start) + 1;
        if (!lines_feed(reader, start, length, error))
            return false;
        *used += length;
        reader->line++;
        reader->fed = 0;
    }
    size_t rest = source->length - *used;
    if (rest == 0 || (!source->at_end && rest < source->capacity))
        return true;
    if (!source->at_end) /* its line feed, or the other bytes of the last character, may follow */
        rest -= source->bytes[source->length - 1] == '\r' ? 1 : utf8_cut_length(source->bytes, source->length);
    const char *start = source->bytes + *used;
    *used += rest;
    return lines_feed(reader, start, rest, error);
}

static bool finish_file(struct reader *reader, struct error *error)
{
    if (!lines_finish(reader, error))
        return false;
    if (reader->header.count == 0)
        problems_add(reader->problems, 0, 0, "the first row must name the columns",
                     reader->source.total == 0 ? "the file is empty" : "the file has no header");
    return true;
}

static bool read_file(struct reader *reader, struct error *error)
{
    size_t used = 0;

    do {
        const bool at_start = reader->source.total == 0;
        if (!source_fill(&reader->source, used, error))
            return false;
        used = at_start ? check_byte_order_mark(reader) : 0;
        if (reader->pass_ended || !feed_chunk(reader, &used, error))
            return false;
    } while (!reader->source.at_end);
    return finish_file(reader, error);
}

/* White space is part of a value, which libcsv would trim. */
static int no_space(unsigned char character)
{
    (void)character;
    return 0;
}

static bool reader_open(struct reader *reader, struct error *error)
{
    const struct roster_options *options = reader->options;
    const size_t chunk_size = options->chunk_size > 0 ? options->chunk_size : CHUNK_SIZE;

    csv_init(&reader->parser, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_space_func(&reader->parser, no_space);
    csv_set_delim(&reader->parser, (unsigned char)options->delimiter);
    csv_set_blk_size(&reader->parser, 4096);
    csv_set_realloc_func(&reader->parser, wipe_realloc); /* files with tokens are read too */
    csv_set_free_func(&reader->parser, wipe_free);
    reader->line = 1;
    reader->filled = &reader->header_text;
    if (options->delimiter == '\0' || strchr("\"\r\n", options->delimiter) != NULL || (options->delimiter & 0x80) != 0)
        return error_set(error, ERROR_INPUT, "the delimiter of %s cannot be used", options->name);
    reader->filter_columns = calloc(options->filter_count + 1, sizeof *reader->filter_columns);
    if (reader->filter_columns == NULL)
        return error_no_memory(error);
    return row_init(&reader->header_text, ROSTER_COLUMNS_MAX, error) &&
           watch_init(&reader->watch, options->watch, options->watch_count, error) &&
           source_open(&reader->source, options->name, options->fd, chunk_size, error);
}

static void reader_close(struct reader *reader)
{
    if (reader->parser.entry_buf != NULL)
        explicit_bzero(reader->parser.entry_buf, csv_get_buffer_size(&reader->parser));
    csv_free(&reader->parser);
    row_clear(&reader->header_text);
    row_clear(&reader->row);
    watch_clear(&reader->watch);
    free(reader->filter_columns);
    source_close(&reader->source);
}

bool roster_read(const struct roster_options *options, const struct roster_visitor *visitor, struct problems *problems,
                 struct roster_summary *summary, struct error *error)
{
    struct reader reader = {.options = options, .visitor = visitor, .problems = problems, .summary = summary};
    const uint64_t problems_before = problems->total;

    *summary = (struct roster_summary){0};
    /* A file that changed comes first: its other faults may be those of a half-written one. */
    bool ok = reader_open(&reader, error) && (read_file(&reader, error) || reader.pass_ended) &&
              source_check_unchanged(&reader.source, error);
    if (ok && problems->no_memory)
        ok = error_no_memory(error);
    if (ok) {
        const uint64_t found = problems->total - problems_before;
        summary->bytes = reader.source.total;
        source_digest(&reader.source, summary->digest);
        if (found > 0)
            ok = error_set(error, ERROR_INPUT, "%s has %" PRIu64 " %s", options->name, found,
                           text_noun(found, "fault", "faults"));
    }
    reader_close(&reader);
    return ok;
}
