/* random.h - repeatable random numbers (xoshiro256**): the same seed and purpose give the same sequence.
 *
 * Not for secrets. What it makes looks right and differs from one answer to the next; no more is asked of it.
 */
#ifndef EMULATOR_RANDOM_H
#define EMULATOR_RANDOM_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state[4];
};

/* SHA-256 of purpose and seed: how everything that depends on the seed is derived from it. */
bool random_derive(const char *seed, const char *purpose, unsigned char bytes[32], struct error *error);
bool random_init(struct random *random, const char *seed, const char *purpose, struct error *error);
uint64_t random_next(struct random *random);
void random_bytes(struct random *random, void *bytes, size_t length);
/* From first to last, both included. */
int64_t random_between(struct random *random, int64_t first, int64_t last);

#endif
