/* Answer headers, a line each: what is kept of them, the delays and the dates that they name. Each line is read as a
 * date of either form as well. */
#include "fuzz.h"

#include "acs/acs.h"
#include "core/clock.h"
#include "http/header.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static const int64_t now_s = 1767600550; /* Mon, 05 Jan 2026 08:09:10 GMT */

/* What is kept of a header is all of the value that the line holds, or nothing. */
static void check_kept(const char *kept, size_t size, const char *line, size_t length)
{
    const size_t kept_length = strnlen(kept, size);

    MUST(kept_length < size && fuzz_is_line(kept));
    MUST(kept_length == 0 || (kept[0] != ' ' && kept[kept_length - 1] != ' '));
    MUST(kept_length == 0 || memmem(line, length, kept, kept_length) != NULL);
}

static void check_delay(const struct http_answer *answer)
{
    const int64_t delay_ms =
        acs_retry_after_ms(answer->retry_after_ms, answer->x_ms_retry_after_ms, answer->retry_after, now_s);
    int64_t date_s;

    MUST(delay_ms >= -1 && delay_ms <= DAY_MS);
    if (delay_ms < 0 || answer->retry_after_ms[0] != '\0' || answer->x_ms_retry_after_ms[0] != '\0')
        return;
    /* Of Retry-After alone: whole seconds, or a date. */
    MUST(delay_ms % 1000 == 0 && answer->retry_after[0] != '\0');
    if (time_parse_http(answer->retry_after, &date_s))
        MUST(delay_ms == (date_s <= now_s ? 0 : date_s - now_s < DAY_MS / 1000 ? (date_s - now_s) * 1000 : DAY_MS));
    else
        MUST(strspn(answer->retry_after, "0123456789") == strlen(answer->retry_after));
}

static void check_http_date(const char *text)
{
    char again[TIME_TEXT_SIZE];
    int64_t at_s;
    int64_t again_s;

    if (!time_parse_http(text, &at_s))
        return;
    MUST(at_s >= 0);
    time_format_http(at_s, again);
    MUST(time_parse_http(again, &again_s) && again_s == at_s);
}

static void check_rfc3339(const char *text)
{
    char again[TIME_TEXT_SIZE];
    int64_t at_ms;
    int64_t again_ms;

    if (!time_parse_rfc3339_ms(text, &at_ms))
        return;
    MUST(at_ms >= -(int64_t)DAY_MS); /* an offset may lead before 1970 */
    time_format_rfc3339_ms(at_ms, again);
    if (at_ms >= 0 && strlen(again) == strlen("2026-01-05T08:09:10.123Z"))
        MUST(time_parse_rfc3339_ms(again, &again_ms) && again_ms == at_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_answer answer = {0};
    const char *input = (const char *)data;

    for (size_t start = 0; start < size;) {
        const char *newline = memchr(input + start, '\n', size - start);
        const size_t length = newline != NULL ? (size_t)(newline - input) + 1 - start : size - start;
        char *line = malloc(length);
        MUST(line != NULL);
        memcpy(line, input + start, length);
        http_header_take(&answer, line, length);
        free(line);
        char *text = fuzz_text(data + start, newline != NULL ? length - 1 : length);
        check_http_date(text);
        check_rfc3339(text);
        acs_retry_after_ms(text, text, text, now_s);
        free(text);
        start += length;
    }
    check_kept(answer.date, sizeof answer.date, input, size);
    check_kept(answer.ms_cv, sizeof answer.ms_cv, input, size);
    check_kept(answer.retry_after, sizeof answer.retry_after, input, size);
    check_kept(answer.retry_after_ms, sizeof answer.retry_after_ms, input, size);
    check_kept(answer.x_ms_retry_after_ms, sizeof answer.x_ms_retry_after_ms, input, size);
    check_delay(&answer);
    check_http_date(answer.date);
    return 0;
}
