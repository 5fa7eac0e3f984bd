/* The ledger: whether it is sound and of these resources, what waits in it, and what is left of the quotas. */
#include "core/text.h"
#include "ledger/ledger.h"
#include "run/doctor_internal.h"
#include "run/gate_past.h"
#include "run/places.h"

#include <inttypes.h>
#include <stdlib.h>

static void check_counts(struct doctor *doctor, struct ledger *ledger)
{
    struct ledger_counts counts;
    struct error error;

    if (!ledger_count(ledger, clock_wall_ms(doctor->clock) / 1000, &counts, &error)) {
        doctor_say_error(doctor, DOCTOR_BAD, "ledger", &error);
        return;
    }
    doctor_say(doctor, DOCTOR_GOOD, "ledger", NULL, "%s is sound: %" PRIu64 " active %s", doctor->spec->ledger,
               counts.by_state[IDENTITY_ACTIVE], text_noun(counts.by_state[IDENTITY_ACTIVE], "identity", "identities"));
    if (counts.open_tasks > 0)
        doctor_say(doctor, DOCTOR_WARNING, "ledger", "wait until that run has ended, or run again: that settles them",
                   "%" PRIu64 " %s to a run that goes on, or was killed", counts.open_tasks,
                   text_noun(counts.open_tasks, "request belongs", "requests belong"));
    if (counts.in_doubt > 0)
        doctor_say(doctor, DOCTOR_WARNING, "ledger",
                   "`rollcall status` lists request ids and times, by which the service's support can search",
                   "%" PRIu64 " %s in doubt: there may be identities that nobody knows", counts.in_doubt,
                   text_noun(counts.in_doubt, "create is", "creates are"));
}

static void say_pause(struct doctor *doctor, enum action action, int64_t left_us)
{
    char when[TIME_TEXT_SIZE];

    if (left_us <= 0)
        return;
    time_format_rfc3339(clock_wall_ms(doctor->clock) / 1000 + left_us / 1000000 + 1, when);
    doctor_say(doctor, DOCTOR_WARNING, "quota", "nothing: a run waits so long, or leaves it to the next one",
               "%s: the service asked an earlier run to wait until %s", action_name(action), when);
}

static void say_quota(struct doctor *doctor, enum action action, const struct quota_window *quota)
{
    const unsigned window_s = (unsigned)(quota->window_us / 1000000);

    if (quota->count == 0)
        return;
    const bool full = quota->ended_count >= quota->limit;
    doctor_say(doctor, full ? DOCTOR_WARNING : DOCTOR_GOOD, "quota",
               full ? "nothing: a run waits until there is room again" : NULL,
               "%s: %u of %u used in the last %u s by earlier runs", action_name(action), (unsigned)quota->ended_count,
               (unsigned)quota->count, window_s);
}

/* Of the resource at hand. */
static void check_quotas(struct doctor *doctor, struct ledger *ledger, int64_t place)
{
    const struct run_input input = {.spec = doctor->spec, .ledger = ledger, .clock = doctor->clock};
    struct gate_lane lanes[ACTION_COUNT];
    struct error error;

    if (!gate_past_open(&input, &doctor->spec->resources[doctor->resource], place, lanes, &error)) {
        doctor_say_error(doctor, DOCTOR_BAD, "quota", &error);
        return;
    }
    for (int action = 0; action < ACTION_COUNT; action++) {
        say_pause(doctor, (enum action)action, lanes[action].paused_until_us - clock_monotonic_us(doctor->clock));
        say_quota(doctor, (enum action)action, &lanes[action].quota);
        quota_clear(&lanes[action].quota);
    }
}

void doctor_check_ledger(struct doctor *doctor)
{
    struct error error;
    int64_t *places = NULL;

    if (!ledger_exists(doctor->spec->ledger)) {
        doctor_say(doctor, DOCTOR_GOOD, "ledger", NULL, "there is none yet: the first run makes it");
        return;
    }
    struct ledger *ledger = ledger_open(doctor->spec->ledger, LEDGER_READ, &error);
    if (ledger == NULL || !ledger_check_integrity(ledger, &error)) {
        doctor_say_error(doctor, DOCTOR_BAD, "ledger", &error);
        goto out;
    }
    check_counts(doctor, ledger);
    for (size_t i = 0; i < doctor->spec->resource_count; i++)
        if (doctor->addresses[i].origin.host[0] == '\0')
            goto out; /* told already */
    places = places_find(doctor->spec, doctor->addresses, ledger, &error);
    if (places == NULL) {
        doctor_say_error(doctor, DOCTOR_BAD, "ledger", &error);
        goto out;
    }
    doctor->about_resource = true;
    for (doctor->resource = 0; doctor->resource < doctor->spec->resource_count; doctor->resource++)
        check_quotas(doctor, ledger, places[doctor->resource]);
    doctor->about_resource = false;
out:
    free(places);
    ledger_close(ledger);
}
