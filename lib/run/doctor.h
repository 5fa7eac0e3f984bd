/* doctor.h - is everything ready for a run? Looks, asks the service one harmless question, and changes nothing.
 *
 * The question is a revoke for an identity of no resource: who may sign in hears that it is not his, who may not is
 * refused before that (reference: acs-identity.md, section 5).
 */
#ifndef ROLLCALL_RUN_DOCTOR_H
#define ROLLCALL_RUN_DOCTOR_H

#include "acs/acs.h"
#include "core/clock.h"
#include "spec/spec.h"

#include <stdint.h>

enum doctor_grade { DOCTOR_GOOD, DOCTOR_WARNING, DOCTOR_BAD };

enum { DOCTOR_GRADES = DOCTOR_BAD + 1 };

struct doctor_finding {
    enum doctor_grade grade;
    const char *check;    /* one word: what was looked at */
    const char *resource; /* its name in the spec; "" where there is only one, or none is concerned */
    char message[1024];
    char fix[512]; /* what to do about it; "" for what is good */
};

typedef void doctor_tell(void *context, const struct doctor_finding *finding);

struct doctor {
    const struct spec *spec; /* with its secrets */
    const struct clock *clock;
    doctor_tell *tell; /* each finding as it is found */
    void *context;
    uint64_t found[DOCTOR_GRADES];

    /* The doctor's own. */
    struct acs_resource *addresses; /* by the index of the spec's resources; no host where it cannot be read */
    size_t resource;                /* that is being looked at */
    bool about_resource;
};

/* http_start() comes before. False when the machine fails. */
bool doctor_examine(struct doctor *doctor, struct error *error);

const char *doctor_grade_name(enum doctor_grade grade);

#endif
