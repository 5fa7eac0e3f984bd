/* doctor_internal.h - what the doctor's files share. */
#ifndef ROLLCALL_RUN_DOCTOR_INTERNAL_H
#define ROLLCALL_RUN_DOCTOR_INTERNAL_H

#include "run/doctor.h"

/* Tells a finding; `fix` may be NULL. */
void doctor_say(struct doctor *doctor, enum doctor_grade grade, const char *check, const char *fix, const char *format,
                ...) PRINTF_LIKE(5, 6);
/* An error, with its hint as the fix. */
void doctor_say_error(struct doctor *doctor, enum doctor_grade grade, const char *check, const struct error *error);

/* One resource: name, TLS, clock, credential and permission (doctor_network.c). */
bool doctor_check_service(struct doctor *doctor, struct error *error);
/* Spec, roster, outputs, and the room on the ledger's disk (doctor_files.c). */
void doctor_check_files(struct doctor *doctor);
/* The ledger, and what earlier runs used of the quotas (doctor_ledger.c). */
void doctor_check_ledger(struct doctor *doctor);

#endif
