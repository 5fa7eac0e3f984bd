#include "output/html.h"

#include "core/clock.h"
#include "output/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *entity_of(char character)
{
    switch (character) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

/* Control characters have no place in HTML; all else that is UTF-8 has. */
static void append_value(struct buffer *page, const char *value)
{
    for (; *value != '\0'; value++) {
        const unsigned char byte = (unsigned char)*value;
        const char *entity = entity_of(*value);
        if (entity != NULL)
            buffer_append_text(page, entity);
        else if ((byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7F)
            buffer_append_text(page, "\uFFFD");
        else
            buffer_append_char(page, *value);
    }
}

void html_fill(struct buffer *page, const char *const *template_and_values)
{
    const char *template = template_and_values[0];
    const char *const *value = template_and_values + 1;
    const char *place;

    while ((place = strstr(template, "{}")) != NULL && *value != NULL) {
        buffer_append(page, template, (size_t)(place - template));
        append_value(page, *value++);
        template = place + 2;
    }
    buffer_append_text(page, template);
}

struct html_text html_count(uint64_t count)
{
    struct html_text plain;
    struct html_text grouped;
    size_t length = 0;

    snprintf(plain.text, sizeof plain.text, "%" PRIu64, count);
    const size_t digits = strlen(plain.text);
    for (size_t i = 0; i < digits; i++) {
        if (i > 0 && (digits - i) % 3 == 0)
            grouped.text[length++] = ',';
        grouped.text[length++] = plain.text[i];
    }
    grouped.text[length] = '\0';
    return grouped;
}

struct html_text html_decimal(double number, int digits)
{
    struct html_text text;

    const int length = snprintf(text.text, sizeof text.text, "%.*f", digits, number);
    for (int i = length - 1; digits > 0 && (text.text[i] == '0' || text.text[i] == '.'); i--) {
        const bool point = text.text[i] == '.';
        text.text[i] = '\0';
        if (point)
            break;
    }
    return text;
}

struct html_text html_duration(int64_t ms)
{
    struct html_text text;

    duration_text(ms, text.text, sizeof text.text);
    return text;
}

struct html_text html_time(int64_t wall_ms)
{
    struct html_text text;
    char rfc3339[TIME_TEXT_SIZE];

    time_format_rfc3339(wall_ms / 1000, rfc3339);
    snprintf(text.text, sizeof text.text, "%.10s %.8s UTC", rfc3339, rfc3339 + 11);
    return text;
}
