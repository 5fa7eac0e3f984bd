#include "live.h"

#include <stdlib.h>

struct token {
    uint32_t expires_s;
    uint32_t count;
    uint32_t next;
};

/* How far live_add looks for tokens that have ended: far enough for any identity that is rotated a few times a day,
 * and no further, so that a million tokens for one identity do not cost a million looks each. */
enum { LOOK_AHEAD = 8 };

bool live_init(struct live *live, int64_t now_s)
{
    *live = (struct live){.now_s = now_s, .ring = calloc(LIVE_RING, sizeof *live->ring)};
    chunks_init(&live->pool, sizeof(struct token));
    return live->ring != NULL && chunks_add(&live->pool) != NULL; /* index 0 means "none" */
}

void live_clear(struct live *live)
{
    free(live->ring);
    chunks_clear(&live->pool);
}

static uint32_t *second(struct live *live, int64_t at_s)
{
    return &live->ring[(uint64_t)at_s & (LIVE_RING - 1)];
}

/* Takes what ended since the last call off the total. A clock that was set back changes nothing. */
static void advance(struct live *live, int64_t now_s)
{
    if (now_s - live->now_s > LIVE_RING)
        live->now_s = now_s - LIVE_RING;
    while (live->now_s < now_s) {
        uint32_t *ended = second(live, ++live->now_s);
        live->total -= *ended;
        *ended = 0;
    }
}

static void free_token(struct live *live, uint32_t *link)
{
    const uint32_t index = *link;
    struct token *token = chunks_at(&live->pool, index);

    *link = token->next;
    token->next = live->free_list;
    live->free_list = index;
}

static void drop_ended(struct live *live, uint32_t *link)
{
    for (int i = 0; i < LOOK_AHEAD && *link != 0; i++) {
        struct token *token = chunks_at(&live->pool, *link);
        if (token->expires_s <= live->now_s)
            free_token(live, link);
        else
            link = &token->next;
    }
}

static uint32_t take_free(struct live *live)
{
    const uint32_t index = live->free_list;

    if (index != 0) {
        live->free_list = ((struct token *)chunks_at(&live->pool, index))->next;
        return index;
    }
    return chunks_add(&live->pool) == NULL ? 0 : live->pool.count - 1;
}

bool live_add(struct live *live, uint32_t *list, int64_t expires_s, int64_t now_s)
{
    advance(live, now_s);
    drop_ended(live, list);
    if (expires_s <= live->now_s)
        return true;
    struct token *first = *list == 0 ? NULL : chunks_at(&live->pool, *list);
    if (first == NULL || first->expires_s != (uint32_t)expires_s) {
        const uint32_t index = take_free(live);
        if (index == 0)
            return false;
        first = chunks_at(&live->pool, index);
        *first = (struct token){.expires_s = (uint32_t)expires_s, .next = *list};
        *list = index;
    }
    first->count++;
    ++*second(live, expires_s);
    live->total++;
    return true;
}

void live_drop(struct live *live, uint32_t *list, int64_t now_s)
{
    advance(live, now_s);
    while (*list != 0) {
        const struct token *token = chunks_at(&live->pool, *list);
        if (token->expires_s > live->now_s) {
            *second(live, token->expires_s) -= token->count;
            live->total -= token->count;
        }
        free_token(live, list);
    }
}

uint32_t live_count(const struct live *live, uint32_t list, int64_t now_s)
{
    uint32_t count = 0;

    while (list != 0) {
        const struct token *token = chunks_at(&live->pool, list);
        if (token->expires_s > now_s)
            count += token->count;
        list = token->next;
    }
    return count;
}

uint64_t live_total(struct live *live, int64_t now_s)
{
    advance(live, now_s);
    return live->total;
}
