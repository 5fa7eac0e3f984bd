#include "random.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

bool random_derive(const char *seed, const char *purpose, unsigned char bytes[32], struct error *error)
{
    char text[1024];
    const int length = snprintf(text, sizeof text, "acs-identity-emulator/%s/%s", purpose, seed);

    if (length < 0 || (size_t)length >= sizeof text)
        return error_set(error, ERROR_INPUT, "the seed is too long");
    if (EVP_Q_digest(NULL, "SHA256", NULL, text, (size_t)length, bytes, NULL) != 1)
        return error_set(error, ERROR_SYSTEM, "cannot compute SHA-256");
    return true;
}

bool random_init(struct random *random, const char *seed, const char *purpose, struct error *error)
{
    unsigned char bytes[32];

    if (!random_derive(seed, purpose, bytes, error))
        return false;
    memcpy(random->state, bytes, sizeof random->state);
    return true;
}

static uint64_t rotate_left(uint64_t number, int bits)
{
    return number << bits | number >> (64 - bits);
}

uint64_t random_next(struct random *random)
{
    uint64_t *s = random->state;
    const uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    const uint64_t shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

void random_bytes(struct random *random, void *bytes, size_t length)
{
    unsigned char *next = bytes;

    while (length > 0) {
        const uint64_t number = random_next(random);
        const size_t now = length < sizeof number ? length : sizeof number;
        memcpy(next, &number, now);
        next += now;
        length -= now;
    }
}

int64_t random_between(struct random *random, int64_t first, int64_t last)
{
    const uint64_t choices = (uint64_t)(last - first) + 1;

    return first + (int64_t)(choices == 0 ? random_next(random) : random_next(random) % choices);
}
