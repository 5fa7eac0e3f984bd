/* report_facts.h - what the ledger has to say of one run, in bounded memory however many users it had. */
#ifndef ROLLCALL_OUTPUT_REPORT_FACTS_H
#define ROLLCALL_OUTPUT_REPORT_FACTS_H

#include "core/action.h"
#include "core/category.h"
#include "core/error.h"
#include "ledger/ledger.h"

#include <stdint.h>

/* Lists in a report end after so many, with how many more there are. */
enum { CAUSES_MAX = 25, EXAMPLES_MAX = 5, IN_DOUBT_MAX = 50 };

/* --- over time --- */

enum series_kind { SERIES_DONE, SERIES_THROTTLED, SERIES_OTHER, SERIES_KINDS };

enum { SERIES_MAX = 120 };

/* Answers in spans of equal length, as many as fit: the length grows with the run. */
struct series {
    uint64_t counts[SERIES_MAX][SERIES_KINDS];
    int64_t span_ms;
    size_t used; /* spans from the beginning to the last one that has anything */
};

void series_add(struct series *series, int64_t after_ms, enum series_kind kind);

/* --- latency --- */

/* How many answers took so many milliseconds. */
struct latency {
    uint32_t *counts;
    size_t size;
    uint64_t total;
};

bool latency_add(struct latency *latency, uint32_t ms, struct error *error);
/* The time within which that share (0 to 1) of the answers came, by nearest rank; 0 when there are none. */
uint32_t latency_percentile(const struct latency *latency, double share);

/* --- failures --- */

struct report_example {
    char *key;
    char *request_id;
    char *ms_cv;
    int64_t at_ms;
};

/* Users that failed for the same reason. */
struct report_cause {
    char *action;
    char *outcome;
    char *code;
    char *message; /* of the first of them */
    int status;
    uint64_t users;
    struct report_example examples[EXAMPLES_MAX];
    size_t example_count;
};

/* --- all --- */

enum { HOURS = 24 };

struct report_facts {
    struct run_record run; /* its texts are the facts' own */
    bool has_plan;         /* false for runs older than schema version 2: categories and users are not known */

    uint64_t done[CATEGORY_COUNT + 1][ACTION_COUNT]; /* the last row: where the category is not known */
    uint64_t failed[CATEGORY_COUNT + 1];
    uint64_t users_done;
    uint64_t users_failed;
    uint64_t requests;
    uint64_t throttled;
    uint64_t repeated;
    uint64_t imported;
    int64_t last_at_ms; /* of the last attempt; the start when there was none */

    struct series series;
    struct latency latency[ACTION_COUNT];

    struct report_cause causes[CAUSES_MAX];
    size_t cause_count;
    uint64_t other_failures; /* of further causes */

    struct report_example in_doubt[IN_DOUBT_MAX];
    size_t in_doubt_listed;
    uint64_t in_doubt_count;

    struct ledger_counts counts;    /* of the whole ledger, now */
    uint64_t tokens_by_hour[HOURS]; /* active users by the hours that their token has left, rounded up */
    uint64_t tokens_longer;         /* more than that */
    uint64_t tokens_none;           /* active users without a live token */
    int64_t now_ms;
};

/* Reads all of it; false with the error. To be cleared in any case. */
bool report_facts_read(struct report_facts *facts, struct ledger *ledger, const struct run_record *run, int64_t now_ms,
                       struct error *error);
void report_facts_clear(struct report_facts *facts);

#endif
