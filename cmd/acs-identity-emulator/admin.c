#include "admin.h"

#include "core/clock.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 64 * 1024 };

static json_t *requests_of(const struct service *service, enum operation operation)
{
    json_t *by_status = json_object();
    char name[16];

    for (int status = 0; status < STATUS_MAX; status++) {
        const uint64_t count = service->answered[operation][status];
        if (count == 0)
            continue;
        snprintf(name, sizeof name, "%d", status);
        json_object_set_new(by_status, name, json_integer((json_int_t)count));
    }
    return by_status;
}

static json_t *window_of(const struct service *service, enum operation operation)
{
    const struct quota *quota = &service->quota;
    const struct quota_limit *limit = &quota->limits.of[operation];

    return json_pack("{s:f, s:o, s:I, s:I}", "seconds", (double)limit->window_us / 1e6, "limit",
                     limit->count == 0 ? json_null() : json_integer((json_int_t)limit->count), "most_arrived",
                     (json_int_t)quota->arrived[operation].most, "most_accepted",
                     (json_int_t)quota->accepted[operation].most);
}

static json_t *faults_of(const struct service *service)
{
    json_t *by_kind = json_object();

    for (int kind = 0; kind < FAULT_COUNT; kind++)
        if (service->faults.played[kind] > 0)
            json_object_set_new(by_kind, fault_name((enum fault_kind)kind),
                                json_integer((json_int_t)service->faults.played[kind]));
    return by_kind;
}

static void answer_stats(struct service *service, const struct call *call, struct answer *answer)
{
    struct store *store = &service->store;
    const struct moment now = call->request->arrived;
    json_t *requests = json_object();
    json_t *windows = json_object();

    for (int i = 0; i < OPERATION_COUNT; i++) {
        json_object_set_new(requests, operation_name((enum operation)i), requests_of(service, (enum operation)i));
        if (i != OPERATION_OTHER)
            json_object_set_new(windows, operation_name((enum operation)i), window_of(service, (enum operation)i));
    }
    json_t *root = json_pack(
        "{s:s, s:f, s:o, s:o, s:o, s:{s:I, s:I, s:I}, s:{s:I, s:I}, s:{s:I, s:I}}", "resource", service->resource->guid,
        "uptime_seconds", (double)(now.monotonic_us - service->started.monotonic_us) / 1e6, "requests", requests,
        "windows", windows, "faults", faults_of(service), "identities", "created", (json_int_t)store->identities.count,
        "active", (json_int_t)(store->identities.count - store->deleted), "deleted", (json_int_t)store->deleted,
        "tokens", "issued", (json_int_t)store->issued, "live", (json_int_t)live_total(&store->live, moment_wall_s(now)),
        "connections", "open", (json_int_t)service->connections_open, "total", (json_int_t)service->connections_total);
    char *text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(12));
    json_decref(root);
    if (text == NULL) {
        answer_no_memory(answer);
        return;
    }
    answer->status = 200;
    answer->kind = ANSWER_JSON;
    buffer_append_text(&answer->body, text);
    free(text);
}

void admin_handle(struct service *service, const struct call *call, struct answer *answer)
{
    if (!call->request->from_loopback) {
        answer_error(answer, FROM_FRONT, 403, "Forbidden", NULL, "/_emulator answers to loopback only.");
    } else if (!call->route.method_fits) {
        answer_error(answer, FROM_FRONT, 405, "MethodNotAllowed", NULL, "/_emulator takes GET only.");
    } else if (call->route.place == PLACE_STATS) {
        answer_stats(service, call, answer);
    } else {
        answer->status = 200;
        answer->kind = ANSWER_IDENTITIES;
    }
}

struct listing *listing_new(struct service *service)
{
    struct listing *listing = malloc(sizeof *listing);

    if (listing == NULL)
        return NULL;
    *listing = (struct listing){.service = service, .end = service->store.identities.count};
    buffer_init(&listing->line, LINE_MAX_BYTES);
    return listing;
}

void listing_free(struct listing *listing)
{
    buffer_clear(&listing->line);
    free(listing);
}

static void append_member(struct buffer *line, const char *name, const char *value)
{
    buffer_append_text(line, ",\"");
    buffer_append_text(line, name);
    buffer_append_text(line, "\":");
    json_append_string(line, value);
}

static void append_time(struct buffer *line, const char *name, uint32_t at_s)
{
    char text[TIME_TEXT_SIZE];

    if (at_s == 0)
        return;
    time_format_rfc3339(at_s, text);
    append_member(line, name, text);
}

static void append_text(const struct store *store, struct buffer *line, const char *name, uint32_t text)
{
    if (text != 0)
        append_member(line, name, texts_get(&store->texts, text));
}

static void make_line(struct listing *listing, uint32_t index)
{
    const struct store *store = &listing->service->store;
    const struct identity *identity = store_get(store, index);
    struct buffer *line = &listing->line;
    char id[IDENTITY_ID_LENGTH + 1];
    char text[TIME_TEXT_SIZE];

    store_id(store, index, id);
    buffer_reset(line);
    buffer_append_text(line, "{\"id\":\"");
    buffer_append(line, id, IDENTITY_ID_LENGTH);
    buffer_append_char(line, '"');
    append_text(store, line, "customId", identity->custom_id);
    append_member(line, "state", identity->deleted_s != 0 ? "deleted" : "active");
    time_format_rfc3339_ms(store_created_ms(identity), text);
    append_member(line, "createdAt", text);
    append_time(line, "lastTokenIssuedAt", identity->last_issued_s);
    append_time(line, "tokensRevokedAt", identity->revoked_s);
    append_time(line, "deletedAt", identity->deleted_s);
    append_text(store, line, "clientRequestId", identity->request_id);
    buffer_append_format(line, ",\"liveTokens\":%u}\n",
                         live_count(&store->live, identity->tokens, moment_wall_s(moment_now())));
}

ptrdiff_t listing_read(struct listing *listing, char *bytes, size_t room)
{
    size_t filled = 0;

    for (;;) {
        const size_t rest = listing->line.length - listing->sent;
        const size_t now = rest < room - filled ? rest : room - filled;
        memcpy(bytes + filled, listing->line.data + listing->sent, now);
        filled += now;
        listing->sent += now;
        if (filled == room || listing->next == listing->end)
            return (ptrdiff_t)filled;
        make_line(listing, listing->next++);
        listing->sent = 0;
        if (buffer_failed(&listing->line))
            return -1;
    }
}
