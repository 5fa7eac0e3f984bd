/* documents.h - what is written about the commands from the same tables that parse them.
 *
 * Each text is malloc'd, NULL when out of memory.  They are committed beside this file, rollcall.1 with the text of
 * manual_commands() between two marks; the unit test test_command_documents compares them, and writes them anew with
 * ROLLCALL_UPDATE=1 in its environment.
 */
#ifndef ROLLCALL_CMD_DOCUMENTS_H
#define ROLLCALL_CMD_DOCUMENTS_H

char *manual_commands(void);
char *completion_bash(void);
char *completion_zsh(void);
char *completion_fish(void);

#endif
