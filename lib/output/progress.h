/* progress.h - how far a run is, how fast and for how long still: the engine's numbers made into one line. */
#ifndef ROLLCALL_OUTPUT_PROGRESS_H
#define ROLLCALL_OUTPUT_PROGRESS_H

#include "core/buffer.h"

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>

struct progress {
    int64_t elapsed_ms;
    uint64_t users; /* to be acted on */
    uint64_t done;
    uint64_t failed;
    uint64_t throttled;
    uint64_t retried;
    uint64_t in_doubt;
    int64_t quota_left_ms;       /* until the last request may leave, as far as quotas and pauses tell */
    uint32_t quota_used_percent; /* of the quota that is used most; 0 when nothing is left to send */
    int64_t waiting_ms;          /* for so long nothing will move */
    const char *waiting_for;     /* why nothing moves; NULL when it does */
    bool stopping;               /* what is not under way is left for another time */
};

/* What one look at a run must remember for the next; zeroed for the first. */
struct pace {
    double rate; /* users a second, smoothed */
    uint64_t rated_users;
    int64_t rated_at_ms;
    int64_t seen_at_ms;
    int64_t busy_ms; /* how long something moved */
};

/* Call it with every progress. */
void pace_note(struct pace *pace, const struct progress *progress);
/* How long it will take: as long as the quotas ask for, or as the users who are left take at the speed of those who
 * have ended, if that is longer. Waits do not count into that speed: after a first burst an average would say anything.
 * -1 when nothing is known yet. */
int64_t pace_left_ms(const struct pace *pace, const struct progress *progress);

struct progress_style {
    const char *label; /* of the run; "" for none */
    int width;         /* of the terminal, in columns; 0: no terminal, and a line as long as it gets */
    bool color;
    bool lines;    /* the terminal shows line-drawing characters */
    locale_t utf8; /* to measure UTF-8 with */
};

/* Appends the line, without a line end. On a terminal it is at most `width` - 1 columns wide, and what matters less is
 * left out where there is no room; the bar takes what remains. */
void progress_line(struct buffer *line, const struct pace *pace, const struct progress *progress,
                   const struct progress_style *style);

/* "1 h 02 min", "3 min 20 s", "1.5 s" */
void duration_text(int64_t ms, char *text, size_t size);

#endif
