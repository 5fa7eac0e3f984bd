/* html.h - building a page of HTML and SVG in which nothing that comes from outside can be anything but text.
 *
 * A template is the program's own; each {} in it stands for a value, which is escaped.  There is no other way to put a
 * value in, so none can be forgotten.
 */
#ifndef ROLLCALL_OUTPUT_HTML_H
#define ROLLCALL_OUTPUT_HTML_H

#include "core/buffer.h"

#include <stdint.h>

/* html_add(page, "<td>{}</td>", key); with as many values as there are {}, all of them texts. */
#define html_add(page, ...) html_fill(page, (const char *const[]){__VA_ARGS__, NULL})
/* The template, then its values, then NULL. */
void html_fill(struct buffer *page, const char *const *template_and_values);

/* Text for a value, good until the end of the expression that it is made in. */
struct html_text {
    char text[48];
};
/* "1,234,567" */
struct html_text html_count(uint64_t count);
/* With so many digits after the point, which are cut where they are 0. */
struct html_text html_decimal(double number, int digits);
/* "1 min 02 s" */
struct html_text html_duration(int64_t ms);
/* "2026-11-22 08:09:10 UTC" */
struct html_text html_time(int64_t wall_ms);

#endif
