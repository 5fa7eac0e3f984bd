#include "output/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

void duration_text(int64_t ms, char *text, size_t size)
{
    const int64_t seconds = (ms + 500) / 1000;

    if (ms < 10000)
        snprintf(text, size, "%" PRId64 ".%" PRId64 " s", ms / 1000, ms % 1000 / 100);
    else if (seconds < 60)
        snprintf(text, size, "%" PRId64 " s", seconds);
    else if (seconds < 3600)
        snprintf(text, size, "%" PRId64 " min %02" PRId64 " s", seconds / 60, seconds % 60);
    else
        snprintf(text, size, "%" PRId64 " h %02" PRId64 " min", seconds / 3600, seconds % 3600 / 60);
}

/* --- speed --- */

enum { RATE_EVERY_MS = 500 };

static uint64_t ended(const struct progress *progress)
{
    return progress->done + progress->failed;
}

void pace_note(struct pace *pace, const struct progress *progress)
{
    const int64_t passed_ms = progress->elapsed_ms - pace->rated_at_ms;

    if (progress->waiting_for == NULL)
        pace->busy_ms += progress->elapsed_ms - pace->seen_at_ms;
    pace->seen_at_ms = progress->elapsed_ms;
    if (passed_ms < RATE_EVERY_MS)
        return;
    const double now = (double)(ended(progress) - pace->rated_users) * 1000.0 / (double)passed_ms;
    pace->rate = pace->rated_at_ms == 0 ? now : 0.6 * pace->rate + 0.4 * now;
    pace->rated_users = ended(progress);
    pace->rated_at_ms = progress->elapsed_ms;
}

int64_t pace_left_ms(const struct pace *pace, const struct progress *progress)
{
    const uint64_t users = ended(progress);
    int64_t left_ms = progress->quota_left_ms > progress->waiting_ms ? progress->quota_left_ms : progress->waiting_ms;

    if (users >= progress->users)
        return 0;
    if (users == 0)
        return left_ms > 0 ? left_ms : -1;
    const double by_speed_ms = (double)(progress->users - users) * (double)pace->busy_ms / (double)users;
    return by_speed_ms > (double)left_ms ? (int64_t)by_speed_ms : left_ms;
}

/* --- the line --- */

enum { BAR_MIN = 10, BAR_MAX = 60, GAP = 2 };

/* The parts in the order in which they stand. */
enum part_kind { LABEL, BAR, PERCENT, COUNT, FAILED, IN_DOUBT, RATE, QUOTA, THROTTLED, LEFT, WAITING, PARTS };

/* The same in the order in which they find room on a terminal. Why nothing moves says more than that it does not. */
static const enum part_kind by_weight[PARTS] = {PERCENT, FAILED,    LEFT,  COUNT,    BAR,  WAITING,
                                                RATE,    THROTTLED, QUOTA, IN_DOUBT, LABEL};

struct part {
    char text[96]; /* "": not shown */
    const char *color;
    int columns;
    bool fits;
};

#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define RED "\033[31m"
#define PLAIN "\033[0m"

/* How many columns a terminal gives to the text. What is no text counts as one column a byte, too many rather than too
 * few. */
static int columns_of(const char *text, locale_t utf8)
{
    const locale_t before = uselocale(utf8);
    const char *end = text + strlen(text);
    mbstate_t state = {0};
    int columns = 0;
    wchar_t character;

    while (text < end) {
        const size_t length = mbrtowc(&character, text, (size_t)(end - text), &state);
        const bool is_text = length != (size_t)-1 && length != (size_t)-2;
        const int width = is_text ? wcwidth(character) : 1;
        columns += width >= 0 ? width : 1;
        text += is_text ? length : 1;
        if (!is_text)
            state = (mbstate_t){0};
    }
    uselocale(before);
    return columns;
}

static void count_text(struct part *part, uint64_t count, const char *what, const char *color)
{
    if (count > 0)
        snprintf(part->text, sizeof part->text, "%" PRIu64 " %s", count, what);
    part->color = color;
}

static void write_parts(struct part parts[PARTS], const struct pace *pace, const struct progress *progress,
                        const char *label)
{
    const int64_t left_ms = pace_left_ms(pace, progress);
    const uint64_t percent = progress->users > 0 ? ended(progress) * 100 / progress->users : 100;
    char left[32];

    snprintf(parts[LABEL].text, sizeof parts[LABEL].text, "%s", label);
    snprintf(parts[PERCENT].text, sizeof parts[PERCENT].text, "%3" PRIu64 "%%", percent);
    snprintf(parts[COUNT].text, sizeof parts[COUNT].text, "%" PRIu64 "/%" PRIu64 " done", progress->done,
             progress->users);
    count_text(&parts[FAILED], progress->failed, "failed", RED);
    count_text(&parts[IN_DOUBT], progress->in_doubt, "in doubt", RED);
    count_text(&parts[THROTTLED], progress->throttled, "throttled", YELLOW);
    if (pace->rated_at_ms > 0)
        snprintf(parts[RATE].text, sizeof parts[RATE].text, "%.0f/s", pace->rate);
    if (progress->quota_used_percent > 0)
        snprintf(parts[QUOTA].text, sizeof parts[QUOTA].text, "%" PRIu32 "%% of the quota",
                 progress->quota_used_percent);
    if (left_ms >= 0 && !progress->stopping) {
        duration_text(left_ms, left, sizeof left);
        snprintf(parts[LEFT].text, sizeof parts[LEFT].text, "%s left", left);
    }
    if (progress->waiting_for != NULL)
        snprintf(parts[WAITING].text, sizeof parts[WAITING].text, "%s", progress->waiting_for);
    parts[WAITING].color = YELLOW;
}

/* Gives the room to the parts by their weight. Returns the width of the bar, 0 for none. */
static int share_room(struct part parts[PARTS], int room, locale_t utf8)
{
    int bar = 0;

    for (size_t i = 0; i < PARTS; i++) {
        struct part *part = &parts[by_weight[i]];
        const bool is_bar = by_weight[i] == BAR;
        part->columns = is_bar ? BAR_MIN : columns_of(part->text, utf8);
        part->fits = part->columns > 0 && part->columns + GAP <= room;
        if (part->fits)
            room -= part->columns + GAP;
    }
    if (parts[BAR].fits)
        bar = BAR_MIN + room < BAR_MAX ? BAR_MIN + room : BAR_MAX;
    return bar;
}

/* The text so many times. */
static void append_colored(struct buffer *line, const char *text, int count, const char *color)
{
    if (count == 0)
        return;
    buffer_append_text(line, color != NULL ? color : "");
    for (int i = 0; i < count; i++)
        buffer_append_text(line, text);
    buffer_append_text(line, color != NULL ? PLAIN : "");
}

static int cells(uint64_t users, uint64_t of, int width)
{
    return of > 0 ? (int)(users * (uint64_t)width / of) : 0;
}

static void append_bar(struct buffer *line, const struct progress *progress, const struct progress_style *style,
                       int width)
{
    const int full_cells = cells(ended(progress), progress->users, width);
    /* Whoever failed shows, however few they are. */
    int failed_cells = cells(progress->failed, progress->users, width);
    if (progress->failed > 0 && failed_cells == 0 && full_cells > 0)
        failed_cells = 1;
    const char *full = style->lines ? "\u2501" : "#";

    append_colored(line, full, full_cells - failed_cells, style->color ? GREEN : NULL);
    append_colored(line, full, failed_cells, style->color ? RED : NULL);
    append_colored(line, style->lines ? "\u2500" : "-", width - full_cells, NULL);
}

/* For a log: all that is known, and no bar. */
static void append_plain(struct buffer *line, struct part parts[PARTS])
{
    const char *separator = "";

    for (int kind = COUNT; kind < PARTS; kind++) {
        if (parts[kind].text[0] == '\0')
            continue;
        buffer_append_text(line, separator);
        buffer_append_text(line, parts[kind].text);
        separator = ", ";
    }
}

void progress_line(struct buffer *line, const struct pace *pace, const struct progress *progress,
                   const struct progress_style *style)
{
    struct part parts[PARTS] = {0};

    write_parts(parts, pace, progress, style->label);
    if (style->width == 0) {
        append_plain(line, parts);
        return;
    }
    /* A terminal that has just written its last column may go on on the next line or not. The first column is left to
     * the cursor. */
    const int bar = share_room(parts, style->width - 2 + GAP, style->utf8);
    const char *separator = " ";
    for (int kind = 0; kind < PARTS; kind++) {
        if (!parts[kind].fits)
            continue;
        buffer_append_text(line, separator);
        if (kind == BAR)
            append_bar(line, progress, style, bar);
        else
            append_colored(line, parts[kind].text, 1, style->color ? parts[kind].color : NULL);
        separator = "  ";
    }
}
