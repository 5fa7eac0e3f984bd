#include "faults.h"

#include <stdlib.h>

static const char *const names[FAULT_COUNT] = {
    [FAULT_CLOSE_BEFORE] = "close_before",
    [FAULT_CLOSE_AFTER] = "close_after",
    [FAULT_REFUSE] = "refuse",
    [FAULT_TLS_CUT] = "tls_cut",
    [FAULT_CERT_EXPIRED] = "cert_expired",
    [FAULT_CERT_OTHER_NAME] = "cert_other_name",
    [FAULT_CERT_SELF_SIGNED] = "cert_self_signed",
    [FAULT_RESET_HEADER] = "reset_header",
    [FAULT_RESET_BODY] = "reset_body",
    [FAULT_WRONG_LENGTH] = "wrong_length",
    [FAULT_STALL] = "stall",
    [FAULT_STALL_BODY] = "stall_body",
    [FAULT_TRICKLE] = "trickle",
    [FAULT_STATUS] = "status",
    [FAULT_HTML] = "html",
    [FAULT_TRUNCATED] = "truncated",
    [FAULT_HUGE] = "huge",
    [FAULT_WRONG_TYPE] = "wrong_type",
    [FAULT_DUPLICATE_KEYS] = "duplicate_keys",
    [FAULT_BAD_ID] = "bad_id",
    [FAULT_GZIP] = "gzip",
    [FAULT_REDIRECT] = "redirect",
    [FAULT_CLOCK] = "clock",
};

const char *fault_name(enum fault_kind kind)
{
    return names[kind];
}

bool fault_is_of_connections(enum fault_kind kind)
{
    return kind >= FAULT_REFUSE && kind <= FAULT_CERT_SELF_SIGNED;
}

const struct fault *faults_of_tls(const struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        if (fault_is_of_connections(faults->rules[i].fault.kind) && faults->rules[i].fault.kind != FAULT_REFUSE)
            return &faults->rules[i].fault;
    return NULL;
}

bool faults_load(struct faults *faults, const char *path, const char *seed, struct error *error)
{
    *faults = (struct faults){0};
    if (!random_init(&faults->random, seed, "faults", error))
        return false;
    if (path == NULL || fault_script_read(faults, path, error))
        return true;
    faults_clear(faults);
    return false;
}

void faults_clear(struct faults *faults)
{
    free(faults->rules);
    faults->rules = NULL;
    faults->count = 0;
}

static bool is_one_of_nth(const struct fault_rule *rule)
{
    for (size_t i = 0; i < rule->nth_count; i++)
        if (rule->nth[i] == rule->seen)
            return true;
    return rule->nth_count == 0;
}

static bool befalls(const struct fault_rule *rule, struct random *random)
{
    if (rule->seen < rule->from || rule->seen > rule->until || !is_one_of_nth(rule))
        return false;
    return rule->share >= 1 || (double)(random_next(random) >> 11) * 0x1p-53 < rule->share;
}

const struct fault *faults_draw(struct faults *faults, enum operation operation)
{
    const struct fault *drawn = NULL;

    for (size_t i = 0; i < faults->count; i++) {
        struct fault_rule *rule = &faults->rules[i];
        if ((rule->operations & 1U << operation) == 0)
            continue;
        rule->seen++;
        if (drawn == NULL && befalls(rule, &faults->random))
            drawn = &rule->fault;
    }
    if (drawn != NULL)
        faults->played[drawn->kind]++;
    return drawn;
}
