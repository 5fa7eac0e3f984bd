/* duration.h - "100ms", "3s", "5m": the lengths of time of the command line. */
#ifndef EMULATOR_DURATION_H
#define EMULATOR_DURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole number and one of us, ms, s, m, h; at most a day. The text need not end after `length`. */
bool duration_parse(const char *text, size_t length, int64_t *microseconds);

#endif
