/* When a token is good, when it is to be renewed, and what a rejection means: time is a parameter, and nothing waits.
 *
 * The rules [S 9]: a token is renewed before its end while it is still used; one renewal at a time serves all; one that
 * fails is no error while the old token is good.
 */
#include "entra/entra.h"

enum {
    LONG_LIFE_MS = 2 * 60 * 60 * 1000, /* of tokens that are renewed at half of it */
    AHEAD_MS = 5 * 60 * 1000, /* of the others: so long before their end, but at most a quarter of their life */
    MARGIN_MS = 10 * 1000,    /* a request needs some time to arrive; at most a sixteenth of the life */
    TRY_LEAST_US = 100 * 1000,
    TRY_FIRST_US = 1000 * 1000,
    TRY_MOST_US = 30 * 1000 * 1000,
    DOUBLINGS_MAX = 8,
};

void entra_cache_clear(struct entra_cache *cache)
{
    secret_clear(&cache->token);
    *cache = (struct entra_cache){0};
}

bool entra_cache_is_good(const struct entra_cache *cache, int64_t now_us)
{
    return secret_is_set(&cache->token) && now_us < cache->unusable_at_us;
}

bool entra_cache_wants_token(const struct entra_cache *cache, int64_t now_us)
{
    return !cache->renewing && now_us >= cache->next_try_us &&
           (!secret_is_set(&cache->token) || now_us >= cache->refresh_at_us);
}

int64_t entra_cache_next_us(const struct entra_cache *cache, int64_t now_us)
{
    int64_t next_us = INT64_MAX;

    if (!cache->renewing) {
        next_us = secret_is_set(&cache->token) ? cache->refresh_at_us : now_us;
        next_us = cache->next_try_us > next_us ? cache->next_try_us : next_us;
    }
    if (entra_cache_is_good(cache, now_us) && cache->unusable_at_us < next_us)
        next_us = cache->unusable_at_us;
    return next_us;
}

void entra_cache_begin(struct entra_cache *cache)
{
    cache->renewing = true;
}

static int64_t refresh_after_ms(const struct entra_token *token)
{
    const int64_t life_ms = token->lifetime_ms;

    if (token->refresh_in_ms >= 0 && token->refresh_in_ms < life_ms)
        return token->refresh_in_ms;
    if (life_ms >= LONG_LIFE_MS)
        return life_ms / 2;
    return life_ms - (life_ms / 4 < AHEAD_MS ? life_ms / 4 : AHEAD_MS);
}

void entra_cache_take(struct entra_cache *cache, struct entra_token *token, int64_t now_us)
{
    const int64_t life_ms = token->lifetime_ms;
    const int64_t margin_ms = life_ms / 16 < MARGIN_MS ? life_ms / 16 : MARGIN_MS;

    secret_clear(&cache->token);
    cache->token = token->text;
    token->text = (struct secret){0};
    cache->generation++;
    cache->lifetime_ms = life_ms;
    cache->refresh_at_us = now_us + refresh_after_ms(token) * 1000;
    cache->unusable_at_us = now_us + (life_ms - margin_ms) * 1000;
    cache->renewing = false;
    cache->next_try_us = 0;
    cache->failures = 0;
    cache->failing_since_us = 0;
}

/* Tries become rarer, but never so rare that the old token's last quarter would pass without several. */
static int64_t next_delay_us(const struct entra_cache *cache, int64_t now_us)
{
    const unsigned doublings = cache->failures < DOUBLINGS_MAX ? cache->failures : DOUBLINGS_MAX;
    int64_t delay_us = (int64_t)TRY_FIRST_US << doublings;

    if (delay_us > TRY_MOST_US)
        delay_us = TRY_MOST_US;
    if (entra_cache_is_good(cache, now_us) && (cache->unusable_at_us - now_us) / 4 < delay_us)
        delay_us = (cache->unusable_at_us - now_us) / 4;
    return delay_us > TRY_LEAST_US ? delay_us : TRY_LEAST_US;
}

enum entra_verdict entra_cache_fail(struct entra_cache *cache, enum entra_failure failure, int64_t retry_after_ms,
                                    int64_t now_us)
{
    const bool is_good = entra_cache_is_good(cache, now_us);

    cache->renewing = false;
    if (cache->failing_since_us == 0)
        cache->failing_since_us = now_us;
    cache->next_try_us = now_us + (retry_after_ms >= 0 ? retry_after_ms * 1000 : next_delay_us(cache, now_us));
    cache->failures++;
    return failure == ENTRA_REFUSED && !is_good ? ENTRA_STOP : ENTRA_GO_ON;
}

int64_t entra_cache_silence_us(const struct entra_cache *cache, int64_t now_us)
{
    if (cache->failing_since_us == 0 || entra_cache_is_good(cache, now_us))
        return 0;
    const int64_t since_us =
        cache->unusable_at_us > cache->failing_since_us ? cache->unusable_at_us : cache->failing_since_us;
    return now_us - since_us;
}

void entra_cache_accepted(struct entra_cache *cache, uint64_t generation)
{
    if (generation == cache->generation)
        cache->rejections = 0;
}

/* Others that left with the same token are rejected as well, and so is one that ended on the way: neither says anything
 * about the next token. */
enum entra_verdict entra_cache_rejected(struct entra_cache *cache, uint64_t generation, int64_t now_us)
{
    if (generation != cache->generation || !entra_cache_is_good(cache, now_us))
        return ENTRA_GO_ON;
    secret_clear(&cache->token);
    cache->unusable_at_us = now_us;
    cache->next_try_us = 0;
    return ++cache->rejections > 1 ? ENTRA_STOP : ENTRA_GO_ON;
}
