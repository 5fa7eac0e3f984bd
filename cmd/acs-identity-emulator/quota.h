/* quota.h - how many requests of an operation a resource may send in a window of time.
 *
 * The published limits, for one resource and 30 s: 1,000 creates, issues and creates with a token, 500 revokes,
 * deletes and Teams exchanges (reference: acs-identity.md, section 9). What kind of window the service has is not
 * published; the usual three are here.
 */
#ifndef EMULATOR_QUOTA_H
#define EMULATOR_QUOTA_H

#include "operation.h"
#include "window.h"

#include "core/error.h"

enum quota_kind {
    QUOTA_SLIDING, /* never more than the limit in any window: the stricter one */
    QUOTA_FIXED,   /* a window starts with the first request after the last one ended */
    QUOTA_BUCKET,  /* a bucket of the limit's size, full at first, that fills evenly in one window */
};

struct quota_limit {
    uint64_t count; /* 0: without limit */
    int64_t window_us;
};

struct quota_limits {
    struct quota_limit of[OPERATION_COUNT];
};

void quota_limits_published(struct quota_limits *limits);
/* Without limits; windows of 30 s for the statistics. */
void quota_limits_none(struct quota_limits *limits);
/* "published", "none", or a list such as "create=100/3s,issue=10/500ms"; in a list "published" first changes single
 * ones of them, and what is not named has no limit. */
bool quota_limits_parse(const char *text, struct quota_limits *limits, struct error *error);

struct quota {
    struct quota_limits limits;
    enum quota_kind kind;
    struct window arrived[OPERATION_COUNT];  /* every request, the refused ones too */
    struct window accepted[OPERATION_COUNT]; /* those that were let through */
    int64_t fixed_start_us[OPERATION_COUNT];
    uint64_t fixed_count[OPERATION_COUNT];
    double bucket[OPERATION_COUNT]; /* requests that may pass, as of the last one */
    int64_t bucket_us[OPERATION_COUNT];
};

void quota_init(struct quota *quota, const struct quota_limits *limits, enum quota_kind kind);
void quota_clear(struct quota *quota);
/* Notes a request at its arrival, whatever becomes of it. */
void quota_arrive(struct quota *quota, enum operation operation, int64_t now_us);
/* Whether one more may pass now; if not, *wait_us is how long until one may. */
bool quota_allows(struct quota *quota, enum operation operation, int64_t now_us, int64_t *wait_us);
/* Counts a request that passed. */
void quota_use(struct quota *quota, enum operation operation, int64_t now_us);

#endif
