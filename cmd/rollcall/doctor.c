/* rollcall doctor: is everything ready for a run? */
#include "command.h"

#include "http/pool.h"
#include "output/json_out.h"
#include "run/doctor.h"

#include <inttypes.h>

static void print_finding(void *context, const struct doctor_finding *finding)
{
    const bool named = finding->resource[0] != '\0';

    (void)context;
    printf("%-8s %-11s%s%s%s\n", doctor_grade_name(finding->grade), finding->check, named ? finding->resource : "",
           named ? ": " : "", finding->message);
    if (finding->fix[0] != '\0')
        printf("%20sfix: %s\n", "", finding->fix);
}

static void keep_finding(void *context, const struct doctor_finding *finding)
{
    json_t **list = context;
    json_t *item = json_object();

    json_out_member(&item, "grade", json_out_text(doctor_grade_name(finding->grade)));
    json_out_member(&item, "check", json_out_text(finding->check));
    if (finding->resource[0] != '\0')
        json_out_member(&item, "resource", json_out_text(finding->resource));
    json_out_member(&item, "message", json_out_text(finding->message));
    json_out_member(&item, "fix", json_out_text(finding->fix));
    json_out_item(list, item);
}

static bool print_json(const struct doctor *doctor, json_t *findings, struct error *error)
{
    json_t *answer = json_object();

    json_out_member(&answer, "findings", findings);
    for (int grade = 0; grade < DOCTOR_GRADES; grade++)
        json_out_member(&answer, doctor_grade_name((enum doctor_grade)grade),
                        json_integer((json_int_t)doctor->found[grade]));
    return json_out_print(stdout, answer, JSON_INDENT(2), error);
}

static bool examine(const struct spec *spec, bool json, uint64_t *bad, struct error *error)
{
    json_t *findings = json ? json_array() : NULL;
    struct doctor doctor = {
        .spec = spec,
        .clock = &clock_system,
        .tell = json ? keep_finding : print_finding,
        .context = &findings,
    };

    if (!http_start(error) || !doctor_examine(&doctor, error)) {
        json_decref(findings);
        return false;
    }
    *bad = doctor.found[DOCTOR_BAD];
    if (json)
        return print_json(&doctor, findings, error);
    printf("%" PRIu64 " good, %" PRIu64 " to be looked at, %" PRIu64 " bad\n", doctor.found[DOCTOR_GOOD],
           doctor.found[DOCTOR_WARNING], *bad);
    return true;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct spec *spec = NULL;
    struct error error;
    const char *path;
    uint64_t bad = 0;
    bool json = false;
    int status;

    if (!command_take_json(command, argc, argv, &json, &status))
        return status;
    if (!command_arguments(command, argc, argv, 1, &path))
        return EXIT_USAGE;
    status = command_load(path, SPEC_WITH_SECRETS, &spec);
    if (status != 0)
        return status;
    if (!examine(spec, json, &bad, &error))
        status = command_error(&error);
    else if (bad > 0)
        status = error_exit_status(ERROR_REJECTED);
    http_stop();
    spec_free(spec);
    return status;
}

static const struct command_option options[] = {
    {"json", NULL, "one JSON object", 1},
    {0},
};

const struct command command_doctor = {
    .name = "doctor",
    .arguments = "JOB.yaml",
    .summary = "look whether everything is ready for a run; creates nothing",
    .options = options,
    .run = run,
};
