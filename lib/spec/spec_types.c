/* One function for each type of value: node to field, or a message that says what it should have been. */
#include "spec/spec_internal.h"

#include "core/file.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void *spec_field(const struct spec_reader *reader, const struct spec_key *key)
{
    return (char *)reader->fields + key->offset;
}

/* A number into a field of any of the widths that the spec has. */
static void store_number(const struct spec_reader *reader, const struct spec_key *key, uint64_t value)
{
    const uint32_t narrow = (uint32_t)value;

    if (key->size == sizeof value)
        memcpy(spec_field(reader, key), &value, sizeof value);
    else if (key->size == sizeof narrow)
        memcpy(spec_field(reader, key), &narrow, sizeof narrow);
}

bool spec_replace_text(struct spec_reader *reader, char **field, const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL)
        return error_no_memory(reader->error);
    free(*field);
    *field = copy;
    return true;
}

/* "roster.key is "x", it must be ..." with the range as hint. */
static bool fault_range(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node)
{
    char path[SPEC_PATH_SIZE];
    char shown[SPEC_SHOWN_SIZE];
    char range[SPEC_HINT_SIZE];
    char hint[SPEC_HINT_SIZE];

    snprintf(hint, sizeof hint, "write for example %s: %s", key->name, key->example);
    return spec_fault(reader, node, hint, "%s is out of range: it must be %s, not %s", spec_place(reader, key, path),
                      spec_key_range(key, range), spec_shown(node->text, shown));
}

/* "roster.key must be a duration, not "x"" */
static bool fault_form(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node,
                       const char *hint)
{
    char path[SPEC_PATH_SIZE];
    char shown[SPEC_SHOWN_SIZE];
    char example[SPEC_HINT_SIZE];
    char phrase[SPEC_HINT_SIZE];

    snprintf(example, sizeof example, "write for example %s: %s", key->name, key->example);
    return spec_fault(reader, node, hint != NULL ? hint : example, "%s must be %s, not %s",
                      spec_place(reader, key, path), spec_key_phrase(key, phrase), spec_shown(node->text, shown));
}

static bool read_text(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    const char *text = spec_scalar(reader, key, node);

    return text != NULL && spec_replace_text(reader, spec_field(reader, key), text);
}

static bool read_name(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    const char *text = spec_scalar(reader, key, node);

    if (text == NULL)
        return false;
    if (!spec_is_name(text, (size_t)key->max))
        return fault_range(reader, key, node);
    return spec_replace_text(reader, spec_field(reader, key), text);
}

static bool read_integer(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    const char *text = spec_scalar(reader, key, node);
    int64_t value;

    if (text == NULL)
        return false;
    if (!node->plain)
        return fault_form(reader, key, node, "remove the quotes around the number");
    if (!spec_parse_integer(text, &value))
        return fault_form(reader, key, node, NULL);
    if (value < key->min || value > key->max)
        return fault_range(reader, key, node);
    store_number(reader, key, (uint64_t)value);
    return true;
}

static bool read_boolean(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    const char *text = spec_scalar(reader, key, node);

    if (text == NULL)
        return false;
    const bool value = strcmp(text, "true") == 0;
    if (!value && strcmp(text, "false") != 0)
        return fault_form(reader, key, node, "write true or false");
    if (!node->plain)
        return fault_form(reader, key, node, "remove the quotes");
    memcpy(spec_field(reader, key), &value, sizeof value);
    return true;
}

/* What is longer than all words is none with a slip, and may be a secret. */
bool spec_read_choice(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node, int *value)
{
    enum { LONGEST_WORD = 24 };
    const char *word = spec_scalar(reader, key, node);
    char path[SPEC_PATH_SIZE];
    char shown[SPEC_SHOWN_SIZE];
    char hint[SPEC_HINT_SIZE];

    if (word == NULL)
        return false;
    for (const struct spec_choice *choice = key->choices; choice->word != NULL; choice++) {
        if (strcmp(choice->word, word) == 0) {
            *value = choice->value;
            return true;
        }
    }
    return spec_fault(reader, node, spec_suggest_choice(key->choices, word, hint), "%s cannot be %s",
                      spec_place(reader, key, path), strlen(word) > LONGEST_WORD ? "***" : spec_shown(word, shown));
}

static bool read_choice(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    int value = 0;

    if (!spec_read_choice(reader, key, node, &value))
        return false;
    store_number(reader, key, (uint64_t)value);
    return true;
}

static bool read_word(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    int unused;

    return spec_read_choice(reader, key, node, &unused) &&
           spec_replace_text(reader, spec_field(reader, key), node->text);
}

static bool read_delimiter(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    char delimiter;

    if (!node->bad && node->kind == SPEC_SCALAR && node->text[0] == '\0')
        return fault_form(reader, key, node, "put the character in quotes: delimiter: \"|\"");
    const char *text = spec_scalar(reader, key, node);
    if (text == NULL)
        return false;
    delimiter = strcmp(text, "tab") == 0 ? '\t' : text[0];
    if (delimiter != '\t' && (text[1] != '\0' || (unsigned char)delimiter >= 0x80))
        return fault_form(reader, key, node, "write one ASCII character in quotes, or the word tab");
    if (strchr("\"\r\n", delimiter) != NULL || (delimiter != '\t' && iscntrl((unsigned char)delimiter)))
        return spec_fault(reader, node, "use a character such as , or ; or |",
                          "roster.delimiter cannot be a quote or a control character");
    memcpy(spec_field(reader, key), &delimiter, sizeof delimiter);
    return true;
}

static bool read_duration(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    const char *text = spec_scalar(reader, key, node);
    char path[SPEC_PATH_SIZE];
    char shown[SPEC_SHOWN_SIZE];
    char hint[SPEC_HINT_SIZE];
    int64_t ms = 0;

    if (text == NULL)
        return false;
    switch (spec_parse_duration(text, &ms)) {
    case SPEC_PARSED: break;
    case SPEC_NO_UNIT:
        snprintf(hint, sizeof hint, "add ms, s, m, h or d, for example %s: %s", key->name, key->example);
        return spec_fault(reader, node, hint, "%s needs a unit: %s could be anything", spec_place(reader, key, path),
                          spec_shown(text, shown));
    default: return fault_form(reader, key, node, NULL);
    }
    if (ms < key->min || ms > key->max)
        return fault_range(reader, key, node);
    if (ms % key->unit_ms != 0) {
        snprintf(hint, sizeof hint, "write for example %s: %s", key->name, key->example);
        return spec_fault(reader, node, hint, "%s is counted in whole %s, %s is not", spec_place(reader, key, path),
                          key->unit_ms == 1000 ? "seconds" : "minutes", spec_shown(text, shown));
    }
    store_number(reader, key, (uint64_t)ms / key->unit_ms);
    return true;
}

/* One half of a limit. */
static bool read_limit_part(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node,
                            struct limit *limit)
{
    const char *text = spec_scalar(reader, key, node);
    char path[SPEC_PATH_SIZE];
    double percent = 0;
    int64_t count = 0;

    if (text == NULL)
        return false;
    const enum spec_parsed parsed = spec_parse_percent(text, &percent);
    const bool is_count = spec_parse_integer(text, &count);
    if (parsed == SPEC_OUT_OF_RANGE || (is_count && count == INT64_MAX))
        return fault_range(reader, key, node);
    if (parsed != SPEC_PARSED && !is_count)
        return fault_form(reader, key, node, NULL);
    if (is_count ? limit->has_count : limit->has_percent)
        return spec_fault(reader, node, "a list holds one percentage and one count, such as [5%, 500]", "%s has two %s",
                          spec_place(reader, key, path), is_count ? "counts" : "percentages");
    if (is_count) {
        limit->has_count = true;
        limit->count = (uint64_t)count;
    } else {
        limit->has_percent = true;
        limit->percent = percent;
    }
    return true;
}

static bool read_limit(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    struct limit limit = {0};
    bool ok = true;

    if (node->bad)
        return false;
    if (node->kind == SPEC_LIST && node->children == NULL)
        return spec_fault_type(reader, key, node);
    if (node->kind != SPEC_LIST)
        ok = read_limit_part(reader, key, node, &limit);
    else
        for (struct spec_node *item = node->children; item != NULL; item = item->next)
            ok = read_limit_part(reader, key, item, &limit) && ok;
    if (ok)
        memcpy(spec_field(reader, key), &limit, sizeof limit);
    return ok;
}

static bool read_quota(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    const char *text = spec_scalar(reader, key, node);
    struct quota quota;

    if (text == NULL)
        return false;
    switch (spec_parse_quota(text, &quota)) {
    case SPEC_PARSED: memcpy(spec_field(reader, key), &quota, sizeof quota); return true;
    case SPEC_OUT_OF_RANGE: return fault_range(reader, key, node);
    case SPEC_NO_UNIT: return fault_form(reader, key, node, "add a unit to the time: 1000/30s");
    default: return fault_form(reader, key, node, "write requests/time, such as 1000/30s, or none");
    }
}

/* Whether the file can be read; reports why not. */
static bool check_input(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node,
                        const char *resolved)
{
    char path[SPEC_PATH_SIZE];
    char shown[SPEC_SHOWN_SIZE];
    char found[SPEC_SHOWN_SIZE];
    char hint[SPEC_HINT_SIZE];
    char described[128];
    struct stat status;
    int reason = 0;

    if (stat(resolved, &status) != 0 || access(resolved, R_OK) != 0)
        reason = errno;
    else if (S_ISDIR(status.st_mode))
        reason = EISDIR;
    if (reason == 0)
        return true;
    if (reason != ENOENT)
        snprintf(hint, sizeof hint, "name a file that this user may read");
    else if (strcmp(resolved, node->text) == 0)
        snprintf(hint, sizeof hint, "put the file there, or correct the path");
    else
        snprintf(hint, sizeof hint, "a relative path starts at the job spec, so it was looked for at %s",
                 spec_shown(resolved, found));
    return spec_fault(reader, node, hint, "%s: cannot read %s: %s", spec_place(reader, key, path),
                      spec_shown(node->text, shown), strerror_r(reason, described, sizeof described));
}

char *spec_read_input(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node,
                      bool *readable)
{
    char *resolved = file_resolve(reader->spec->path, node->text);

    if (resolved == NULL)
        error_no_memory(reader->error);
    *readable = resolved != NULL && (key->type == SPEC_PATH || reader->secrets == SPEC_WITHOUT_FILES ||
                                     check_input(reader, key, node, resolved));
    return resolved;
}

static bool read_path(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    const char *text = spec_scalar(reader, key, node);
    char **field = spec_field(reader, key);
    bool readable;

    if (text == NULL)
        return false;
    if (key->type == SPEC_ROSTER && strcmp(text, "-") == 0)
        return spec_replace_text(reader, field, text);
    char *resolved = spec_read_input(reader, key, node, &readable);
    if (resolved == NULL)
        return false;
    free(*field);
    *field = resolved;
    return readable;
}

/* The short form of a section: it is what its main key would hold, under the section's own name. */
static bool read_main(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    struct spec_key value = *spec_key_main(key);

    value.section = key->section;
    value.name = key->name;
    value.main = key->main;
    value.required = key->required;
    value.example = key->example;
    return spec_read_value(reader, &value, node);
}

bool spec_read_value(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node)
{
    switch (key->type) {
    case SPEC_SECTION: return key->main != NULL && read_main(reader, key, node); /* else spec_read.c's */
    case SPEC_SECTIONS:
    case SPEC_NAMED: return false; /* spec_elements.c's */
    case SPEC_ACTIONS: return spec_read_actions(reader, key, node);
    case SPEC_TEXT: return read_text(reader, key, node);
    case SPEC_NAME: return read_name(reader, key, node);
    case SPEC_INTEGER: return read_integer(reader, key, node);
    case SPEC_BOOLEAN: return read_boolean(reader, key, node);
    case SPEC_CHOICE: return read_choice(reader, key, node);
    case SPEC_WORD: return read_word(reader, key, node);
    case SPEC_WORDS:
    case SPEC_TEXTS:
    case SPEC_INPUTS:
    case SPEC_COMMAND: return spec_read_list(reader, key, node);
    case SPEC_WHERE: return spec_read_where(reader, key, node);
    case SPEC_DELIMITER: return read_delimiter(reader, key, node);
    case SPEC_DURATION: return read_duration(reader, key, node);
    case SPEC_LIMIT: return read_limit(reader, key, node);
    case SPEC_QUOTA: return read_quota(reader, key, node);
    case SPEC_PATH:
    case SPEC_INPUT:
    case SPEC_ROSTER: return read_path(reader, key, node);
    case SPEC_REFERENCE: return spec_read_reference(reader, key, node);
    }
    return false;
}
