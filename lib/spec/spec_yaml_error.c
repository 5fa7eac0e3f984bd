/* What libyaml stopped at, in words that help.  Nothing of the file but one punctuation mark is repeated in a message:
 * the place may be in the middle of a secret. */
#include "spec/spec_internal.h"

#include <string.h>
#include <yaml.h>

/* libyaml's own words (0.2), ours, and what to do.  What was never closed is shown where it was opened. */
static const struct {
    const char *problem;
    bool at_start;
    const char *message;
    const char *hint;
} translations[] = {
    {"mapping values are not allowed in this context", false, "a \":\" cannot stand here",
     "check the indentation of this line and the one above; put a value that holds \": \" in quotes"},
    {"did not find expected key", false, "a key was expected here",
     "keys of one mapping stand in the same column; check the indentation, quotes and brackets"},
    {"could not find expected ':'", true, "a key without its \":\"", "write key: value"},
    {"did not find expected '-' indicator", false, "a list entry was expected here",
     "entries of one list start with \"- \" in the same column"},
    {"did not find expected ',' or ']'", true, "the list that starts here is not closed, or lacks a comma",
     "put commas between its entries and close it with ]"},
    {"did not find expected ',' or '}'", true, "the mapping that starts here is not closed, or lacks a comma",
     "put commas between its entries and close it with }"},
    {"did not find expected node content", false, "a value was expected here",
     "give the value, or remove the comma or bracket"},
    {"found unexpected end of stream", true, "the quote that opens here is not closed", "close it in the same line"},
    {"found unexpected document indicator", true, "the quote that opens here is not closed",
     "close it in the same line"},
    {"found a tab character that violates indentation", false, "a tab cannot indent YAML", "indent with spaces"},
    {"found a tab character where an indentation space is expected", false, "a tab cannot indent YAML",
     "indent with spaces"},
    {"found unknown escape character", false, "an unknown escape in a text in double quotes",
     "write \\\\ for a backslash, or use single quotes"},
    {"block sequence entries are not allowed in this context", false, "a list entry cannot start here",
     "put the list's first \"- \" on a line of its own, below its key"},
    {"did not find expected <document start>", false, "a value cannot follow here",
     "a job spec is one mapping of key: value lines; check the brackets"},
};

struct place {
    uint64_t line;
    uint64_t column;
};

/* The place of a byte, for faults that libyaml only knows by their offset. */
static struct place place_of(const char *bytes, size_t offset)
{
    struct place place = {.line = 1, .column = 1};
    size_t i = offset >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;

    for (; i < offset; i++) {
        if (bytes[i] == '\n') {
            place.line++;
            place.column = 1;
        } else if (((unsigned char)bytes[i] & 0xC0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

/* The byte at a place; NUL behind the end. */
static char byte_at(const char *bytes, size_t length, const yaml_mark_t *mark)
{
    size_t i = length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;

    for (size_t line = 0; line < mark->line; line++) {
        const char *end = memchr(bytes + i, '\n', length - i);
        if (end == NULL)
            return '\0';
        i = (size_t)(end - bytes) + 1;
    }
    for (size_t column = 0; i < length; i++) {
        if (((unsigned char)bytes[i] & 0xC0) == 0x80)
            continue;
        if (column++ == mark->column)
            return bytes[i];
    }
    return '\0';
}

static void report_encoding(const yaml_parser_t *parser, const char *bytes, size_t length, struct problems *problems)
{
    const bool control = strcmp(parser->problem, "control characters are not allowed") == 0;
    const size_t offset = parser->problem_offset < length ? parser->problem_offset : length;
    const struct place place = place_of(bytes, offset);

    if (control)
        problems_add(problems, place.line, place.column, "remove it; in double quotes it can be written as an escape",
                     "a control character cannot stand in a job spec");
    else
        problems_add(problems, place.line, place.column, "save the file as UTF-8", "the file is not valid UTF-8 here");
}

static void report_first_character(char character, struct place place, struct problems *problems)
{
    if (character == '\t')
        problems_add(problems, place.line, place.column, "indent with spaces", "a tab cannot indent YAML");
    else
        problems_add(problems, place.line, place.column, "put the value in quotes", "a value cannot start with \"%c\"",
                     character);
}

void spec_yaml_fault(const struct yaml_parser_s *parser, const char *bytes, size_t length, struct problems *problems)
{
    if (parser->error == YAML_READER_ERROR) {
        report_encoding(parser, bytes, length, problems);
        return;
    }
    const yaml_mark_t *mark = &parser->problem_mark;
    const struct place place = {.line = mark->line + 1, .column = mark->column + 1};
    const char character = byte_at(bytes, length, mark);
    const bool is_first = strcmp(parser->problem, "found character that cannot start any token") == 0;
    if (is_first && character != '\0' && strchr("\t@`%", character) != NULL) {
        report_first_character(character, place, problems);
        return;
    }
    for (size_t i = 0; i < sizeof translations / sizeof translations[0]; i++) {
        if (strcmp(parser->problem, translations[i].problem) == 0) {
            const yaml_mark_t *shown = translations[i].at_start ? &parser->context_mark : mark;
            problems_add(problems, shown->line + 1, shown->column + 1, translations[i].hint, "%s",
                         translations[i].message);
            return;
        }
    }
    problems_add(problems, place.line, place.column,
                 "check the quotes, brackets and indentation of this line and the one above", "not valid YAML: %s",
                 parser->problem);
}
