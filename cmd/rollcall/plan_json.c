/* `rollcall plan --json`: one object a user, then one for the whole. */
#include "plan_json.h"

#include "core/clock.h"
#include "output/json_out.h"

#include <string.h>

struct printer {
    const struct plan *plan;
    struct ledger *ledger;
    FILE *stream;
};

static json_t *action_names(const struct action_list *actions)
{
    json_t *list = json_array();

    for (size_t i = 0; i < actions->count; i++)
        json_out_item(&list, json_string(action_name(actions->items[i])));
    return list;
}

static json_t *watch_state(const char *watch, const char *column)
{
    const char *state;
    size_t length;

    return roster_watch_find(watch, column, &state, &length) ? json_stringn(state, length) : json_null();
}

/* Which watched columns differ, and from what hash to what. With roster.previous the older row is not at hand: the
 * ledger's state is shown. */
static json_t *changed_columns(const struct printer *printer, const char *before, const char *now)
{
    const struct text_list *watch = &printer->plan->spec->roster.watch;
    json_t *list = json_array();

    for (size_t i = 0; i < watch->count; i++) {
        json_t *from = watch_state(before, watch->items[i]);
        json_t *to = watch_state(now, watch->items[i]);
        if (!json_equal(from, to))
            json_out_item(&list, json_pack("{s:s, s:O, s:O}", "column", watch->items[i], "from", from, "to", to));
        json_decref(from);
        json_decref(to);
    }
    return list;
}

static bool print_user(void *context, const struct plan_user *user, struct error *error)
{
    struct printer *printer = context;
    const struct action_list actions = plan_actions(printer->plan->spec, user->reason);
    const struct action_list none = {.count = 0};
    struct identity identity = {.id = ""};
    char expires[TIME_TEXT_SIZE];
    bool known = false;

    error->code = ERROR_NONE;
    if (printer->ledger != NULL)
        known = user->row != NULL
                    ? ledger_find(printer->ledger, user->row->key.bytes, user->row->key.length, &identity, error)
                    : ledger_find_row(printer->ledger, user->ledger_row, &identity, error);
    if (!known && error->code != ERROR_NONE)
        return false;
    json_t *line = json_pack("{s:s, s:s, s:o, s:s}", "key", user->row != NULL ? user->row->key.bytes : identity.key,
                             "category", category_name(plan_category(user->reason)), "actions",
                             action_names(user->acts ? &actions : &none), "reason", plan_reason_text(user->reason));
    if (known)
        json_out_member(&line, "identity_id", json_string(identity.id));
    if (spec_names_resources(printer->plan->spec)) {
        const struct spec_resource *resources = printer->plan->spec->resources;
        json_out_member(&line, "resource", json_string(resources[user->place.at].name));
        if (user->place.belongs != user->place.at)
            json_out_member(&line, "belongs_to", json_string(resources[user->place.belongs].name));
    }
    if (known && identity.token_expires_at_s != 0) {
        time_format_rfc3339(identity.token_expires_at_s, expires);
        json_out_member(&line, "token_expires_at", json_string(expires));
    }
    if (known && user->row != NULL && user->reason == REASON_WATCH)
        json_out_member(&line, "changed", changed_columns(printer, identity.watch, user->row->watch));
    return json_out_print(printer->stream, line, JSON_COMPACT, error);
}

static json_t *requests_of(const uint64_t counts[ACTION_COUNT])
{
    json_t *requests = json_object();

    for (int action = 0; action < ACTION_COUNT; action++)
        json_out_member(&requests, action_name((enum action)action), json_integer((json_int_t)counts[action]));
    return requests;
}

static json_t *parts_of(const struct plan *plan)
{
    json_t *list = json_array();

    for (size_t i = 0; i < plan->spec->resource_count; i++)
        json_out_item(&list,
                      json_pack("{s:s, s:I, s:I, s:o}", "resource", plan->spec->resources[i].name, "users",
                                (json_int_t)plan->parts[i].users, "arriving", (json_int_t)plan->parts[i].arriving,
                                "requests", requests_of(plan->parts[i].requests)));
    return list;
}

static bool print_summary(const struct plan *plan, FILE *stream, struct error *error)
{
    json_t *categories = json_object();
    for (int category = 0; category < CATEGORY_COUNT; category++)
        json_out_member(&categories, category_name((enum category)category),
                        json_integer((json_int_t)plan->categories[category]));
    json_t *summary = json_pack("{s:I, s:I, s:o, s:o, s:f}", "roster_rows", (json_int_t)plan->roster.selected, "users",
                                (json_int_t)plan->users, "categories", categories, "requests",
                                requests_of(plan->requests), "least_seconds", (double)plan_least_ms(plan) / 1000.0);
    if (spec_names_resources(plan->spec))
        json_out_member(&summary, "resources", parts_of(plan));
    return json_out_print(stream, json_pack("{s:o}", "summary", summary), JSON_COMPACT, error);
}

bool plan_print_json(const struct plan *plan, int roster_fd, struct ledger *ledger, FILE *stream, struct error *error)
{
    struct printer printer = {.plan = plan, .ledger = ledger, .stream = stream};
    const struct plan_visitor visitor = {.user = print_user, .context = &printer};

    if (!plan_each(plan, roster_fd, &visitor, error) || !print_summary(plan, stream, error))
        return false;
    return fflush(stream) == 0 ? true : error_errno(error, "cannot write to standard output");
}
