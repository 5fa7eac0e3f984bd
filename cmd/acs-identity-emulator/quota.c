#include "quota.h"

#include "duration.h"

#include <stdlib.h>
#include <string.h>

enum { PUBLISHED_WINDOW_US = 30 * 1000 * 1000 };

void quota_limits_none(struct quota_limits *limits)
{
    for (int i = 0; i < OPERATION_COUNT; i++)
        limits->of[i] = (struct quota_limit){.window_us = PUBLISHED_WINDOW_US};
}

void quota_limits_published(struct quota_limits *limits)
{
    quota_limits_none(limits);
    limits->of[OPERATION_CREATE].count = 1000;
    limits->of[OPERATION_ISSUE].count = 1000;
    limits->of[OPERATION_REVOKE].count = 500;
    limits->of[OPERATION_DELETE].count = 500;
    limits->of[OPERATION_EXCHANGE].count = 500;
}

/* "create=100/3s" */
static bool parse_limit(const char *text, size_t length, struct quota_limits *limits)
{
    enum operation operation;
    char *end;

    const char *equals = memchr(text, '=', length);
    if (equals == NULL || !operation_parse(text, (size_t)(equals - text), &operation))
        return false;
    if (equals[1] < '0' || equals[1] > '9')
        return false;
    const unsigned long long count = strtoull(equals + 1, &end, 10);
    if (*end != '/' || end >= text + length || count == 0 || count > 1000000000)
        return false;
    struct quota_limit *limit = &limits->of[operation];
    limit->count = count;
    return duration_parse(end + 1, (size_t)(text + length - end - 1), &limit->window_us) && limit->window_us > 0;
}

bool quota_limits_parse(const char *text, struct quota_limits *limits, struct error *error)
{
    quota_limits_none(limits);
    if (strcmp(text, "none") == 0)
        return true;
    for (const char *item = text;; item++) {
        const size_t length = strcspn(item, ",");
        if (item == text && length == strlen("published") && strncmp(item, "published", length) == 0) {
            quota_limits_published(limits);
        } else if (!parse_limit(item, length, limits)) {
            error_set(error, ERROR_INPUT, "--limits: \"%.*s\" is not a limit", (int)length, item);
            return error_hint(
                error, "use published, none, or a list such as create=100/3s,issue=100/3s; the operations "
                       "are create, issue, revoke, delete, get, exchange, token, managed_identity and discovery");
        }
        item += length;
        if (*item == '\0')
            return true;
    }
}

void quota_init(struct quota *quota, const struct quota_limits *limits, enum quota_kind kind)
{
    *quota = (struct quota){.limits = *limits, .kind = kind};
    for (int i = 0; i < OPERATION_COUNT; i++) {
        window_init(&quota->arrived[i], limits->of[i].window_us);
        window_init(&quota->accepted[i], limits->of[i].window_us);
        quota->bucket[i] = (double)limits->of[i].count;
    }
}

void quota_clear(struct quota *quota)
{
    for (int i = 0; i < OPERATION_COUNT; i++) {
        window_clear(&quota->arrived[i]);
        window_clear(&quota->accepted[i]);
    }
}

void quota_arrive(struct quota *quota, enum operation operation, int64_t now_us)
{
    window_add(&quota->arrived[operation], now_us);
}

static bool sliding_allows(struct quota *quota, enum operation operation, int64_t now_us, int64_t *wait_us)
{
    struct window *window = &quota->accepted[operation];

    if (window_count(window, now_us) < quota->limits.of[operation].count)
        return true;
    *wait_us = window_frees_at(window) - now_us;
    return false;
}

static bool fixed_is_over(const struct quota *quota, enum operation operation, int64_t now_us)
{
    return quota->fixed_count[operation] == 0 ||
           now_us - quota->fixed_start_us[operation] >= quota->limits.of[operation].window_us;
}

static bool fixed_allows(const struct quota *quota, enum operation operation, int64_t now_us, int64_t *wait_us)
{
    const struct quota_limit *limit = &quota->limits.of[operation];

    if (fixed_is_over(quota, operation, now_us) || quota->fixed_count[operation] < limit->count)
        return true;
    *wait_us = quota->fixed_start_us[operation] + limit->window_us - now_us;
    return false;
}

static double bucket_level(const struct quota *quota, enum operation operation, int64_t now_us)
{
    const struct quota_limit *limit = &quota->limits.of[operation];
    const double passed_us = (double)(now_us - quota->bucket_us[operation]);
    const double level = quota->bucket[operation] + passed_us * (double)limit->count / (double)limit->window_us;

    return level < (double)limit->count ? level : (double)limit->count;
}

static bool bucket_allows(const struct quota *quota, enum operation operation, int64_t now_us, int64_t *wait_us)
{
    static const double nearly_one = 1 - 1e-6; /* sums of fractions */
    const struct quota_limit *limit = &quota->limits.of[operation];
    const double level = bucket_level(quota, operation, now_us);

    if (level >= nearly_one)
        return true;
    *wait_us = (int64_t)((1 - level) * (double)limit->window_us / (double)limit->count) + 1;
    return false;
}

bool quota_allows(struct quota *quota, enum operation operation, int64_t now_us, int64_t *wait_us)
{
    if (quota->limits.of[operation].count == 0)
        return true;
    switch (quota->kind) {
    case QUOTA_SLIDING: return sliding_allows(quota, operation, now_us, wait_us);
    case QUOTA_FIXED: return fixed_allows(quota, operation, now_us, wait_us);
    case QUOTA_BUCKET: break;
    }
    return bucket_allows(quota, operation, now_us, wait_us);
}

void quota_use(struct quota *quota, enum operation operation, int64_t now_us)
{
    if (fixed_is_over(quota, operation, now_us)) {
        quota->fixed_start_us[operation] = now_us;
        quota->fixed_count[operation] = 0;
    }
    quota->fixed_count[operation]++;
    quota->bucket[operation] = bucket_level(quota, operation, now_us) - 1;
    quota->bucket_us[operation] = now_us;
    window_add(&quota->accepted[operation], now_us);
}
