/* The table as the reference page, jobs/REFERENCE.md. */
#include "spec/spec_internal.h"

#include "core/buffer.h"

#include <string.h>

enum { LARGEST_PAGE = 256 * 1024 };

static const char preface[] =
    "# Job spec reference\n"
    "\n"
    "<!-- Made from the table in lib/spec/spec_table.c. Do not edit: run the unit test test_spec_document with\n"
    "     ROLLCALL_UPDATE=1 in the environment. -->\n"
    "\n"
    "Every key of a job spec, in the order in which one would write them. `rollcall validate JOB.yaml` checks a spec "
    "and\n"
    "names every fault with its line and column. An editor that knows YAML completes the keys with\n"
    "[rollcall.schema.json](rollcall.schema.json): put this in the first line of the spec.\n"
    "\n"
    "```yaml\n"
    "# yaml-language-server: $schema=rollcall.schema.json\n"
    "```\n"
    "\n"
    "## Values\n"
    "\n"
    "| kind | is written |\n"
    "| --- | --- |\n"
    "| duration | a whole number and its unit, `ms`, `s`, `m`, `h` or `d`: `90m`, `24h`, `30d` |\n"
    "| limit | `5%` (of the identities in use), `500` (a count), or `[5%, 500]` (whichever is smaller); `100%` is no "
    "limit |\n"
    "| quota | requests and the time in which they may leave, `1000/30s`, or `none` |\n"
    "| secret | `{ env: NAME }` or `{ file: PATH }`; a secret in the spec itself is refused |\n"
    "| path | relative to the job spec's own directory |\n"
    "| action | `provision`, `issue`, `revoke`, `delete`; `keep` for nothing; several as a list, done in that order |\n"
    "\n"
    "An identity is in use when it is active, or when its user is in the roster; leavers whose tokens were revoked are "
    "not.\n"
    "\n"
    "Anchors and aliases (`&name`, `*name`) may be used for any value. Merge keys (`<<`), tags (`!!str`), duplicate "
    "keys\n"
    "and a second document are errors.\n";

/* A value in code marks, with the bar of Markdown's tables escaped. */
static void append_code(struct buffer *page, const char *text)
{
    buffer_append_char(page, '`');
    for (; *text != '\0'; text++) {
        if (*text == '|')
            buffer_append_char(page, '\\');
        buffer_append_char(page, *text);
    }
    buffer_append_char(page, '`');
}

static void append_type(struct buffer *page, const struct spec_key *key)
{
    char path[SPEC_PATH_SIZE];
    char phrase[SPEC_HINT_SIZE];

    if (key->type == SPEC_SECTION && key->main == NULL)
        buffer_append_format(page, "[mapping](#%s)", spec_key_path(key, path));
    else if (key->type == SPEC_SECTION)
        buffer_append_format(page, "%s, or [mapping](#%s)", spec_key_phrase(spec_key_main(key), phrase),
                             spec_key_path(key, path));
    else if (key->type == SPEC_SECTIONS)
        buffer_append_format(page, "[mapping](#%s) or a list of such", spec_key_path(key, path));
    else if (key->type == SPEC_NAMED)
        buffer_append_format(page, "names of [mappings](#%s)", spec_keys_path(key, path));
    else if (key->secret)
        buffer_append_text(page, "secret");
    else if (key->type == SPEC_REFERENCE)
        buffer_append_text(page, "text, `{ env: NAME }` or `{ file: PATH }`");
    else
        buffer_append_text(page, spec_key_phrase(key, phrase));
}

static void append_row(struct buffer *page, const struct spec_key *key)
{
    char range[SPEC_HINT_SIZE];

    buffer_append_text(page, "| ");
    append_code(page, key->name);
    buffer_append_text(page, " | ");
    append_type(page, key);
    buffer_append_text(page, " | ");
    if (key->required)
        buffer_append_text(page, "**required**");
    else if (key->initial != NULL)
        append_code(page, key->initial);
    buffer_append_format(page, " | %s | ", spec_key_range(key, range));
    buffer_append_text(page, key->help);
    if (key->example != NULL && (key->initial == NULL || strcmp(key->example, key->initial) != 0)) {
        buffer_append_text(page, " Example: ");
        append_code(page, key->example);
    }
    buffer_append_text(page, " |\n");
}

static void append_section(struct buffer *page, const char *section, const char *help)
{
    if (section[0] == '\0')
        buffer_append_text(page, "\n## The file\n");
    else
        buffer_append_format(page, "\n<a id=\"%s\"></a>\n## %s\n\n%s\n", section, section, help);
    buffer_append_text(page, "\n| key | holds | default | range | meaning |\n| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < spec_table_count; i++)
        if (strcmp(spec_table[i].section, section) == 0)
            append_row(page, &spec_table[i]);
}

char *spec_reference_page(void)
{
    char path[SPEC_PATH_SIZE];
    struct buffer page;
    char *text = NULL;

    buffer_init(&page, LARGEST_PAGE);
    buffer_append_text(&page, preface);
    append_section(&page, "", "");
    for (size_t i = 0; i < spec_table_count; i++)
        if (spec_is_section(&spec_table[i]))
            append_section(&page, spec_key_path(&spec_table[i], path), spec_table[i].help);
    buffer_append_text(&page, "\n## Rules between keys\n\n");
    for (size_t i = 0; i < spec_rules_count; i++)
        if (spec_rules[i].sentence != NULL)
            buffer_append_format(&page, "* %s\n", spec_rules[i].sentence);
    if (!buffer_failed(&page))
        text = strdup(page.data);
    buffer_clear(&page);
    return text;
}
