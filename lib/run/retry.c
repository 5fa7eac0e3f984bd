#include "run/retry.h"

#include <stdio.h>

/* xorshift64*: good enough to spread waits. */
static uint64_t next_random(struct jitter *jitter)
{
    uint64_t x = jitter->state | 1;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    jitter->state = x;
    return x * UINT64_C(2685821657736338717);
}

int64_t retry_backoff_us(struct jitter *jitter, int64_t base_us, unsigned exponent, int64_t cap_us)
{
    int64_t most = base_us;

    for (unsigned i = 0; i < exponent && most < cap_us; i++)
        most *= 2;
    if (most > cap_us)
        most = cap_us;
    return (int64_t)(next_random(jitter) % (uint64_t)(most + 1));
}

static enum outcome judge_transport(const struct http_answer *http, enum outcome if_lost, struct acs_answer *answer)
{
    static const char *const codes[] = {
        [HTTP_ANSWERED] = "",
        [HTTP_NOT_SENT] = "not_connected",
        [HTTP_LOST] = "answer_lost",
        [HTTP_UNTRUSTED] = "tls_untrusted",
        [HTTP_NO_HOST] = "no_such_host",
        [HTTP_NO_PROXY] = "no_proxy",
    };

    snprintf(answer->code, sizeof answer->code, "%s", codes[http->end]);
    snprintf(answer->message, sizeof answer->message, "%s", http->detail);
    if (http->end == HTTP_UNTRUSTED) {
        answer->class = ACS_CREDENTIAL;
        return OUTCOME_REJECTED;
    }
    answer->class = ACS_TRANSIENT;
    return http->end == HTTP_LOST ? if_lost : OUTCOME_TRANSIENT;
}

enum outcome retry_judge(const struct http_answer *http, enum outcome if_lost, struct acs_answer *answer)
{
    if (http->end != HTTP_ANSWERED)
        return judge_transport(http, if_lost, answer);
    if (if_lost != OUTCOME_TRANSIENT && acs_create_is_in_doubt(answer))
        return if_lost;
    switch (answer->class) {
    case ACS_DONE: return OUTCOME_DONE;
    case ACS_GONE: return OUTCOME_GONE;
    case ACS_USER: return OUTCOME_FAILED;
    case ACS_THROTTLED: return OUTCOME_THROTTLED;
    case ACS_CREDENTIAL:
    case ACS_OURS: return OUTCOME_REJECTED;
    case ACS_TRANSIENT: break;
    }
    return OUTCOME_TRANSIENT;
}
