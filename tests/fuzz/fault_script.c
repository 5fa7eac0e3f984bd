/* The emulator's fault scripts: what is accepted can be played, and a refusal names the line. */
#include "fuzz.h"

#include "faults.h"

enum { DRAWS = 64 };

static void check_rule(const struct fault_rule *rule)
{
    MUST(rule->operations != 0 && rule->nth_count <= FAULT_NTH_MAX);
    MUST(rule->share >= 0 && rule->share <= 1 && rule->from <= rule->until);
    MUST((int)rule->fault.kind >= 0 && rule->fault.kind < FAULT_COUNT && fault_name(rule->fault.kind) != NULL);
    MUST(rule->fault.kind != FAULT_STATUS || (rule->fault.status >= 200 && rule->fault.status < 600));
    MUST(rule->fault.lasts_us >= 0 && rule->fault.retry_after_s >= -1);
}

static void check_draws(struct faults *faults)
{
    uint64_t played = 0;
    uint64_t drawn = 0;

    for (int i = 0; i < DRAWS; i++)
        drawn += faults_draw(faults, (enum operation)(i % OPERATION_COUNT)) != NULL;
    for (int kind = 0; kind < FAULT_COUNT; kind++)
        played += faults->played[kind];
    MUST(drawn == played);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct faults faults;
    struct error error = {0};
    char path[64];
    const int fd = fuzz_file(data, size);

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (faults_load(&faults, path, "fuzz", &error)) {
        for (size_t i = 0; i < faults.count; i++)
            check_rule(&faults.rules[i]);
        check_draws(&faults);
        faults_clear(&faults);
    } else {
        MUST(error.code == ERROR_INPUT && fuzz_is_line(error.message));
        MUST(strncmp(error.message, path, strlen(path)) == 0);
    }
    close(fd);
    return 0;
}
