/* moment.h - one reading of the clocks, taken once for a request and handed down. */
#ifndef EMULATOR_MOMENT_H
#define EMULATOR_MOMENT_H

#include <stdint.h>

enum { TICKS_PER_SECOND = 10000000 };

struct moment {
    int64_t wall_ticks;   /* since 1970 in UTC, in the 100 ns of .NET, which is what `expiresOn` shows */
    int64_t monotonic_us; /* for durations: quota windows and latency */
};

struct moment moment_now(void);
int64_t moment_wall_s(struct moment moment);
int64_t moment_wall_ms(struct moment moment);

enum { MOMENT_TEXT_SIZE = 40 };

/* "2022-02-10T03:45:58.3138475": without an offset; zeros at the end of the fraction are cut, as .NET does. */
void moment_format_ticks(int64_t wall_ticks, char text[MOMENT_TEXT_SIZE]);

#endif
