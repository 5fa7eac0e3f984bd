/* Completions of the shells. */
#include "command.h"
#include "documents.h"

#include "core/buffer.h"

#include <string.h>

enum { LARGEST_SCRIPT = 64 * 1024 };

static const char made[] = "# Made from the tables of cmd/rollcall: run the unit test test_command_documents with\n"
                           "# ROLLCALL_UPDATE=1 in the environment.\n";

static bool is_choice(const struct command_option *option)
{
    return option->argument != NULL && strchr(option->argument, '|') != NULL;
}

static bool takes_file(const struct command_option *option)
{
    return option->argument != NULL && strcmp(option->argument, "FILE") == 0;
}

/* "csv|ndjson" as "csv ndjson". */
static void append_words(struct buffer *script, const char *choice)
{
    for (; *choice != '\0'; choice++)
        buffer_append_char(script, *choice == '|' ? ' ' : *choice);
}

static void append_names(struct buffer *script)
{
    for (size_t i = 0; commands[i] != NULL; i++)
        buffer_append_format(script, "%s%s", i > 0 ? " " : "", commands[i]->name);
}

static char *finish(struct buffer *script)
{
    char *text = buffer_failed(script) ? NULL : strdup(script->data);

    buffer_clear(script);
    return text;
}

/* --- bash --- */

/* What may follow an option that takes an argument. */
static void append_bash_arguments(struct buffer *script)
{
    for (size_t i = 0; commands[i] != NULL; i++)
        for (const struct command_option *row = commands[i]->options; row != NULL && row->name != NULL; row++) {
            if (row->argument == NULL)
                continue;
            buffer_append_format(script, "    \"%s --%s\") ", commands[i]->name, row->name);
            if (is_choice(row)) {
                buffer_append_text(script, "COMPREPLY=($(compgen -W \"");
                append_words(script, row->argument);
                buffer_append_text(script, "\" -- \"$word\")) ;;\n");
            } else if (takes_file(row)) {
                buffer_append_text(script, "compopt -o default ;;\n");
            } else {
                buffer_append_text(script, ";;\n");
            }
        }
}

static void append_bash_options(struct buffer *script)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        buffer_append_format(script, "    %s) options=\"--help", commands[i]->name);
        for (const struct command_option *row = commands[i]->options; row != NULL && row->name != NULL; row++)
            buffer_append_format(script, " --%s", row->name);
        buffer_append_text(script, "\" ;;\n");
    }
}

char *completion_bash(void)
{
    struct buffer script;

    buffer_init(&script, LARGEST_SCRIPT);
    buffer_append_format(&script,
                         "# bash completion for rollcall\n%s"
                         "_rollcall() {\n"
                         "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
                         "    local command=${COMP_WORDS[1]-} options=\n"
                         "    COMPREPLY=()\n"
                         "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                         "        COMPREPLY=($(compgen -W \"--help --version ",
                         made);
    append_names(&script);
    buffer_append_text(&script, "\" -- \"$word\"))\n"
                                "        return\n"
                                "    fi\n"
                                "    case \"$command $before\" in\n");
    append_bash_arguments(&script);
    buffer_append_text(&script, "    *)\n"
                                "        case $command in\n");
    append_bash_options(&script);
    buffer_append_text(&script, "        esac\n"
                                "        case $word in\n"
                                "        -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
                                "        *) compopt -o default ;;\n"
                                "        esac\n"
                                "        ;;\n"
                                "    esac\n"
                                "}\n"
                                "complete -F _rollcall rollcall\n");
    return finish(&script);
}

/* --- zsh --- */

/* In a quoted specification of _arguments: brackets and colons mean something, and so does the quote. */
static void append_zsh_text(struct buffer *script, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            buffer_append_text(script, "'\\'");
        else if (*text == '[' || *text == ']' || *text == ':' || *text == '\\')
            buffer_append_char(script, '\\');
        buffer_append_char(script, *text);
    }
}

static void append_zsh_option(struct buffer *script, const struct command_option *option)
{
    buffer_append_format(script, " \\\n            '*--%s[", option->name);
    append_zsh_text(script, option->help);
    buffer_append_text(script, "]");
    if (is_choice(option)) {
        buffer_append_text(script, ":value:(");
        append_words(script, option->argument);
        buffer_append_text(script, ")");
    } else if (option->argument != NULL) {
        buffer_append_format(script, ":%s:%s", option->argument, takes_file(option) ? "_files" : " ");
    }
    buffer_append_text(script, "'");
}

char *completion_zsh(void)
{
    struct buffer script;

    buffer_init(&script, LARGEST_SCRIPT);
    buffer_append_format(&script,
                         "#compdef rollcall\n%s"
                         "if (( CURRENT == 2 )); then\n"
                         "    local -a subcommands=(\n",
                         made);
    for (size_t i = 0; commands[i] != NULL; i++) {
        buffer_append_format(&script, "        '%s:", commands[i]->name);
        append_zsh_text(&script, commands[i]->summary);
        buffer_append_text(&script, "'\n");
    }
    buffer_append_text(&script, "    )\n"
                                "    _describe -t commands 'rollcall command' subcommands\n"
                                "else\n"
                                "    local command=$words[2]\n"
                                "    shift words\n"
                                "    (( CURRENT-- ))\n"
                                "    case $command in\n");
    for (size_t i = 0; commands[i] != NULL; i++) {
        buffer_append_format(&script, "    %s)\n        _arguments '--help[print the options]'", commands[i]->name);
        for (const struct command_option *row = commands[i]->options; row != NULL && row->name != NULL; row++)
            append_zsh_option(&script, row);
        buffer_append_text(&script, " \\\n            '*:file:_files'\n        ;;\n");
    }
    buffer_append_text(&script, "    esac\nfi\n");
    return finish(&script);
}

/* --- fish --- */

static void append_fish_text(struct buffer *script, const char *text)
{
    buffer_append_char(script, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            buffer_append_char(script, '\\');
        buffer_append_char(script, *text);
    }
    buffer_append_char(script, '\'');
}

static void append_fish_option(struct buffer *script, const struct command *command,
                               const struct command_option *option)
{
    buffer_append_format(script, "complete -c rollcall -n '__fish_seen_subcommand_from %s' -l %s", command->name,
                         option->name);
    if (option->argument != NULL)
        buffer_append_text(script, takes_file(option) ? " -r" : " -x");
    if (is_choice(option)) {
        buffer_append_text(script, " -a '");
        append_words(script, option->argument);
        buffer_append_text(script, "'");
    }
    buffer_append_text(script, " -d ");
    append_fish_text(script, option->help);
    buffer_append_char(script, '\n');
}

char *completion_fish(void)
{
    struct buffer script;

    buffer_init(&script, LARGEST_SCRIPT);
    buffer_append_format(&script, "# fish completion for rollcall\n%s", made);
    for (size_t i = 0; commands[i] != NULL; i++) {
        buffer_append_format(&script, "complete -c rollcall -n __fish_use_subcommand -f -a %s -d ", commands[i]->name);
        append_fish_text(&script, commands[i]->summary);
        buffer_append_char(&script, '\n');
    }
    for (size_t i = 0; commands[i] != NULL; i++)
        for (const struct command_option *row = commands[i]->options; row != NULL && row->name != NULL; row++)
            append_fish_option(&script, commands[i], row);
    return finish(&script);
}
