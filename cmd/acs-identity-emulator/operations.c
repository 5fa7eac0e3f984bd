#include "operations.h"

#include "body.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* "2022-02-10T03:45:58.3138475+00:00" */
static void append_time(struct buffer *buffer, const struct version *version, int64_t wall_ticks)
{
    char text[MOMENT_TEXT_SIZE];

    moment_format_ticks(wall_ticks, text);
    buffer_append_text(buffer, text);
    buffer_append_text(buffer, era_escapes_plus(version->era) ? "\\u002B00:00" : "+00:00");
}

/* {"token":"...","expiresOn":"..."} */
static void append_token(struct service *service, const struct call *call, struct buffer *buffer, const char *user,
                         const char *scopes, int64_t expires_ticks)
{
    buffer_append_text(buffer, "{\"token\":\"");
    token_append(&service->tokens, buffer, user, scopes, moment_wall_s(call->request->arrived),
                 expires_ticks / TICKS_PER_SECOND);
    buffer_append_text(buffer, "\",\"expiresOn\":\"");
    append_time(buffer, call->version, expires_ticks);
    buffer_append_text(buffer, "\"}");
}

/* The identity object; members in the order of the recordings, those without a value left out. Stable versions show
 * the id alone: they make new identities, which have no more, and have no other operation that shows one. */
static void append_identity(struct service *service, const struct call *call, struct buffer *buffer, uint32_t identity)
{
    const struct identity *known = store_get(&service->store, identity);
    char id[IDENTITY_ID_LENGTH + 1];

    store_id(&service->store, identity, id);
    buffer_append_char(buffer, '{');
    if (known->custom_id != 0) {
        buffer_append_text(buffer, "\"customId\":");
        json_append_string(buffer, texts_get(&service->store.texts, known->custom_id));
        buffer_append_char(buffer, ',');
    }
    if (known->last_issued_s != 0) {
        buffer_append_text(buffer, "\"lastTokenIssuedAt\":\"");
        append_time(buffer, call->version, (int64_t)known->last_issued_s * TICKS_PER_SECOND);
        buffer_append_text(buffer, "\",");
    }
    buffer_append_text(buffer, "\"id\":\"");
    buffer_append(buffer, id, IDENTITY_ID_LENGTH);
    buffer_append_text(buffer, "\"}");
}

static void succeed(struct answer *answer, unsigned status, enum answer_kind kind)
{
    answer->status = status;
    answer->kind = kind;
}

/* Notes a token of the identity and appends it. False, with the answer filled, when out of memory. */
static bool issue_token(struct service *service, const struct call *call, struct answer *answer, uint32_t identity,
                        const char *scopes, int64_t minutes)
{
    char id[IDENTITY_ID_LENGTH + 1];
    const int64_t expires_ticks = call->request->arrived.wall_ticks + minutes * 60 * TICKS_PER_SECOND;

    if (!store_issue(&service->store, identity, expires_ticks / TICKS_PER_SECOND, call->request->arrived))
        return answer_no_memory(answer);
    store_id(&service->store, identity, id);
    append_token(service, call, &answer->body, id + strlen("8:"), scopes, expires_ticks);
    return true;
}

static void create(struct service *service, const struct call *call, const struct create_body *body,
                   struct answer *answer)
{
    const bool with_token = body->scopes.count > 0;
    uint32_t identity;

    if (!scopes_check(&body->scopes, answer) || !minutes_check(body->minutes, answer))
        return;
    if (with_token && service->options.create_counts_as_issue &&
        !service_take_quota(service, call, OPERATION_ISSUE, answer))
        return;
    if (!store_create(&service->store, body->custom_id, call->request->client_request_id, call->request->arrived,
                      &identity)) {
        answer_no_memory(answer);
        return;
    }
    succeed(answer, 201, ANSWER_JSON);
    buffer_append_text(&answer->body, "{\"identity\":");
    append_identity(service, call, &answer->body, identity);
    if (with_token) {
        buffer_append_text(&answer->body, ",\"accessToken\":");
        if (!issue_token(service, call, answer, identity, body->scopes.text, body->minutes))
            return;
    }
    buffer_append_char(&answer->body, '}');
}

void operation_create(struct service *service, const struct call *call, struct answer *answer)
{
    struct create_body body;

    if (!create_body_read(&body, call->request, call->version, answer))
        return;
    create(service, call, &body, answer);
    create_body_clear(&body);
}

/* Finds the identity of the path. False with 401 or 404 in the answer. */
static bool find_identity(struct service *service, const struct call *call, uint32_t *identity, struct answer *answer)
{
    const enum store_result result = store_find(&service->store, call->route.id, identity);

    if (result == STORE_OK)
        return true;
    if (result == STORE_NOT_OWNED || service->options.gone == GONE_401)
        return answer_error(answer, FROM_CONTROLLER, 401, "IdentityNotOwned", NULL,
                            "Provided identity doesn't belong to the resource.");
    return answer_error(answer, FROM_CONTROLLER, 404, "IdentityNotFound", NULL, "Provided identity doesn't exist.");
}

void operation_issue(struct service *service, const struct call *call, struct answer *answer)
{
    struct issue_body body;
    uint32_t identity;

    if (!issue_body_read(&body, call->request, call->version, answer) ||
        !find_identity(service, call, &identity, answer))
        return;
    if (body.scopes.count == 0 && body.scopes.valid) {
        answer_invalid(answer, FROM_CONTROLLER, "scopes", "Invalid scopes - Scopes field is required.");
        return;
    }
    if (!scopes_check(&body.scopes, answer) || !minutes_check(body.minutes, answer))
        return;
    succeed(answer, 200, ANSWER_JSON);
    issue_token(service, call, answer, identity, body.scopes.text, body.minutes);
}

void operation_revoke(struct service *service, const struct call *call, struct answer *answer)
{
    uint32_t identity;

    if (!find_identity(service, call, &identity, answer))
        return;
    store_revoke(&service->store, identity, call->request->arrived);
    succeed(answer, 204, ANSWER_EMPTY);
}

void operation_delete(struct service *service, const struct call *call, struct answer *answer)
{
    uint32_t identity;

    if (!find_identity(service, call, &identity, answer))
        return;
    store_delete(&service->store, identity, call->request->arrived);
    succeed(answer, 204, ANSWER_EMPTY);
}

void operation_get(struct service *service, const struct call *call, struct answer *answer)
{
    uint32_t identity;

    if (!find_identity(service, call, &identity, answer))
        return;
    succeed(answer, 200, ANSWER_JSON);
    answer->accepts_ranges = true;
    append_identity(service, call, &answer->body, identity);
}

/* The order of the checks is the recorded one: the token first, then what is missing, then what does not fit it. */
static bool check_exchange(const struct call *call, const struct exchange_body *body, struct entra_claims *claims,
                           struct answer *answer)
{
    if (body->token == NULL)
        return answer_invalid(answer, FROM_FRONT, NULL, "The body is either missing or doesn't contain any token.");
    if (!token_read_entra(body->token, claims) || claims->expires_ticks <= call->request->arrived.wall_ticks)
        return answer_error(answer, FROM_FRONT, 401, "InvalidAccessToken", NULL, "Provided access token is not valid.");
    if (body->app_id[0] == '\0')
        return answer_invalid(answer, FROM_FRONT, "AppId", "AppId: The AppId field is required.");
    if (body->user_id[0] == '\0')
        return answer_invalid(answer, FROM_FRONT, "UserId", "UserId: The UserId field is required.");
    if (strcasecmp(body->app_id, claims->app_id) != 0)
        return answer_invalid(answer, FROM_CONTROLLER, "appId", "Provided AppId has invalid format.");
    if (strcasecmp(body->user_id, claims->object_id) != 0)
        return answer_invalid(answer, FROM_CONTROLLER, "userId", "Provided UserId has invalid format.");
    return true;
}

void operation_exchange(struct service *service, const struct call *call, struct answer *answer)
{
    struct exchange_body body;
    struct entra_claims claims;
    char user[sizeof "orgid:" + GUID_LENGTH];

    if (!exchange_body_read(&body, call->request, answer))
        return;
    if (check_exchange(call, &body, &claims, answer)) {
        snprintf(user, sizeof user, "orgid:%s", claims.object_id);
        succeed(answer, 200, ANSWER_JSON);
        append_token(service, call, &answer->body, user, "chat,voip", claims.expires_ticks);
    }
    exchange_body_clear(&body);
}
