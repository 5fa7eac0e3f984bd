/* The section COMMANDS of rollcall(1). */
#include "command.h"
#include "documents.h"

#include "core/roff.h"

#include <ctype.h>
#include <string.h>

enum { LARGEST_PAGE = 64 * 1024 };

static void append_phrase(struct buffer *page, const char *phrase)
{
    buffer_append_char(page, (char)toupper((unsigned char)phrase[0]));
    roff_append(page, phrase + 1);
    buffer_append_text(page, ".\n");
}

static void append_command(struct buffer *page, const struct command *command)
{
    buffer_append_format(page, ".SS \"rollcall %s %s%s\"\n", command->name, command->arguments,
                         command->options != NULL ? " [options]" : "");
    append_phrase(page, command->summary);
    if (command->notes != NULL)
        roff_append(page, command->notes);
    for (const struct command_option *option = command->options; option != NULL && option->name != NULL; option++) {
        char name[64];
        snprintf(name, sizeof name, "--%s", option->name);
        roff_append_option(page, name, option->argument);
        append_phrase(page, option->help);
    }
}

char *manual_commands(void)
{
    struct buffer page;
    char *text = NULL;

    buffer_init(&page, LARGEST_PAGE);
    for (size_t i = 0; commands[i] != NULL; i++)
        append_command(&page, commands[i]);
    if (!buffer_failed(&page))
        text = strdup(page.data);
    buffer_clear(&page);
    return text;
}
