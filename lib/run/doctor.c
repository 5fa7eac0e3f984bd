#include "run/doctor_internal.h"
#include "run/transport.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void doctor_say(struct doctor *doctor, enum doctor_grade grade, const char *check, const char *fix, const char *format,
                ...)
{
    struct doctor_finding finding = {
        .grade = grade,
        .check = check,
        .resource = doctor->about_resource ? doctor->spec->resources[doctor->resource].name : "",
    };
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(finding.message, sizeof finding.message, format, arguments);
    va_end(arguments);
    snprintf(finding.fix, sizeof finding.fix, "%s", fix == NULL ? "" : fix);
    doctor->found[grade]++;
    doctor->tell(doctor->context, &finding);
}

void doctor_say_error(struct doctor *doctor, enum doctor_grade grade, const char *check, const struct error *error)
{
    doctor_say(doctor, grade, check, error->hint, "%s", error->message);
}

const char *doctor_grade_name(enum doctor_grade grade)
{
    static const char *const names[] = {[DOCTOR_GOOD] = "good", [DOCTOR_WARNING] = "warning", [DOCTOR_BAD] = "bad"};

    return names[grade];
}

/* The service's address; without one the other checks of the resource make no sense. */
static bool find_address(struct doctor *doctor)
{
    const struct spec_resource *resource = &doctor->spec->resources[doctor->resource];
    struct acs_resource *address = &doctor->addresses[doctor->resource];
    struct error error;

    if (transport_address(resource, address, &error))
        return true;
    doctor_say_error(doctor, DOCTOR_BAD, "endpoint", &error);
    return false;
}

bool doctor_examine(struct doctor *doctor, struct error *error)
{
    bool ok = true;

    doctor->addresses = calloc(doctor->spec->resource_count, sizeof *doctor->addresses);
    if (doctor->addresses == NULL)
        return error_no_memory(error);
    doctor->about_resource = true;
    for (size_t i = 0; ok && i < doctor->spec->resource_count; i++) {
        doctor->resource = i;
        if (find_address(doctor))
            ok = doctor_check_service(doctor, error);
    }
    doctor->about_resource = false;
    if (ok) {
        doctor_check_files(doctor);
        doctor_check_ledger(doctor);
    }
    for (size_t i = 0; i < doctor->spec->resource_count; i++)
        acs_resource_clear(&doctor->addresses[i]);
    free(doctor->addresses);
    return ok;
}
