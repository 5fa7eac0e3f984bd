#include "core/roff.h"

void roff_append(struct buffer *page, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            buffer_append_text(page, "\\e");
        else if (*text == '-')
            buffer_append_text(page, "\\-");
        else
            buffer_append_char(page, *text);
    }
}

void roff_append_option(struct buffer *page, const char *option, const char *argument)
{
    buffer_append_text(page, ".TP\n\\fB");
    roff_append(page, option);
    buffer_append_text(page, "\\fR");
    if (argument != NULL) {
        buffer_append_text(page, " \\fI");
        roff_append(page, argument);
        buffer_append_text(page, "\\fR");
    }
    buffer_append_char(page, '\n');
}
