/* The keys in rollcall-job(5), made from the table. */
#include "spec/spec_internal.h"

#include "core/roff.h"

#include <string.h>

enum { LARGEST_PAGE = 256 * 1024 };

static void append_key(struct buffer *page, const struct spec_key *key)
{
    char range[SPEC_HINT_SIZE];

    roff_append_option(page, key->name, NULL);
    roff_append(page, key->help);
    buffer_append_text(page, "\nIt holds ");
    if (key->type == SPEC_REFERENCE)
        roff_append(page, key->secret ? "a secret, " : "a text, ");
    roff_append(page, spec_key_phrase(key, range));
    if (spec_key_range(key, range)[0] != '\0') {
        buffer_append_text(page, ": ");
        roff_append(page, range);
    }
    buffer_append_text(page, key->required ? "; required.\n" : ".\n");
    if (key->initial != NULL) {
        buffer_append_text(page, "Default: ");
        roff_append(page, key->initial);
        buffer_append_text(page, ".\n");
    }
    if (key->example != NULL && (key->initial == NULL || strcmp(key->example, key->initial) != 0)) {
        buffer_append_text(page, "Example:\n.B \"");
        for (const char *text = key->example; *text != '\0'; text++) {
            if (*text == '"')
                buffer_append_text(page, "\\(dq");
            else
                roff_append(page, (const char[]){*text, '\0'});
        }
        buffer_append_text(page, "\"\n");
    }
}

static void append_section(struct buffer *page, const char *section, const char *help)
{
    buffer_append_format(page, ".SS \"%s\"\n", section[0] != '\0' ? section : "The file");
    if (help[0] != '\0') {
        roff_append(page, help);
        buffer_append_char(page, '\n');
    }
    for (size_t i = 0; i < spec_table_count; i++)
        if (strcmp(spec_table[i].section, section) == 0)
            append_key(page, &spec_table[i]);
}

char *spec_manual_keys(void)
{
    char path[SPEC_PATH_SIZE];
    struct buffer page;
    char *text = NULL;

    buffer_init(&page, LARGEST_PAGE);
    append_section(&page, "", "");
    for (size_t i = 0; i < spec_table_count; i++)
        if (spec_is_section(&spec_table[i]))
            append_section(&page, spec_key_path(&spec_table[i], path), spec_table[i].help);
    buffer_append_text(&page, ".SS \"Rules between keys\"\n");
    for (size_t i = 0; i < spec_rules_count; i++) {
        if (spec_rules[i].sentence == NULL)
            continue;
        buffer_append_text(&page, ".IP \\(bu 2\n");
        roff_append(&page, spec_rules[i].sentence);
        buffer_append_char(&page, '\n');
    }
    if (!buffer_failed(&page))
        text = strdup(page.data);
    buffer_clear(&page);
    return text;
}
