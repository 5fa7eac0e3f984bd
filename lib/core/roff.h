/* roff.h - text in a manual page. */
#ifndef ROLLCALL_CORE_ROFF_H
#define ROLLCALL_CORE_ROFF_H

#include "core/buffer.h"

/* Appends text so that roff shows it as it is. `text` must not begin a line of its own with a dot or an apostrophe. */
void roff_append(struct buffer *page, const char *text);
/* An option with its argument as the first line of a .TP item: "--name" bold, "ARGUMENT" (NULL: none) in italics. */
void roff_append_option(struct buffer *page, const char *option, const char *argument);

#endif
