/* What the service's answers mean.
 *
 * Everything that decides stands in one table. What is read from a body is checked before it is believed: an identity
 * that is wrong in the ledger is as lost as one that is missing.
 */
#include "acs/acs.h"

#include "core/body.h"
#include "core/clock.h"
#include "core/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- the table --- */

enum {
    CREATE = 1 << ACTION_PROVISION,
    ISSUE = 1 << ACTION_ISSUE,
    REVOKE = 1 << ACTION_REVOKE,
    DELETE = 1 << ACTION_DELETE,
    EXCHANGE = 1 << ACTION_EXCHANGE,
    ANY = CREATE | ISSUE | REVOKE | DELETE | EXCHANGE,
};

struct rule {
    int actions;
    int from; /* status, both ends included */
    int to;
    const char *code;   /* error.code; NULL: any, or none */
    const char *target; /* error.target, without regard to case; NULL: any, or none */
    const char *says;   /* part of error.message; NULL: any, or none */
    enum acs_class class;
    const char *reason; /* the message where the service gives none */
};

/* The first match wins. "unrecorded" marks an answer that nobody has published: its row is a judgement. */
static const struct rule rules[] = {
    /* Success [REST]. 200 on a create is the preview's word for an identity that was there already. */
    {CREATE, 200, 201, NULL, NULL, NULL, ACS_DONE, ""},
    {ISSUE | EXCHANGE, 200, 200, NULL, NULL, NULL, ACS_DONE, ""},
    {REVOKE | DELETE, 204, 204, NULL, NULL, NULL, ACS_DONE, ""},

    /* The api-version, before all that a 404 or 400 may mean: a delete that was not understood has not deleted. The
     * message is known from Azure/Communication issues 159 and 160, status and code are unverified. */
    {ANY, 400, 499, "UnsupportedApiVersion", NULL, NULL, ACS_OURS, "the service does not know this api-version"},
    {ANY, 400, 499, NULL, NULL, "does not support the API version", ACS_OURS, ""},

    /* What the spec says about tokens is the same for all users [REC 05, 07]. */
    {CREATE | ISSUE, 400, 400, "ValidationError", "ExpiresInMinutes", NULL, ACS_OURS, "the lifetime is not valid"},
    {CREATE | ISSUE, 400, 400, "ValidationError", "scopes", NULL, ACS_OURS, "the scopes are not valid"},
    {CREATE | ISSUE, 400, 400, "ValidationError", "createTokenWithScopes", NULL, ACS_OURS, "the scopes are not valid"},
    {ANY, 400, 400, "ValidationError", NULL, NULL, ACS_USER, "the service finds the request not valid"},

    /* A 401 is about the credential unless its code says that it is about the user [REC 10]. A delete is no
     * exception: an identity of another resource was not deleted by us, it is lost to us. */
    {ISSUE | REVOKE | DELETE, 401, 401, "IdentityNotOwned", NULL, NULL, ACS_GONE,
     "the identity does not belong to the resource"},
    {CREATE | EXCHANGE, 401, 401, "IdentityNotOwned", NULL, NULL, ACS_USER,
     "the identity does not belong to the resource"},
    {ANY, 401, 401, "InvalidAccessToken", NULL, NULL, ACS_USER, "the user's access token is not valid"},
    {ANY, 401, 401, NULL, NULL, NULL, ACS_CREDENTIAL, "the service does not accept the credential"},

    /* The resource or the way to it; unrecorded. */
    {ANY, 402, 402, NULL, NULL, NULL, ACS_CREDENTIAL, "the resource's subscription wants payment"},
    {ANY, 403, 403, NULL, NULL, NULL, ACS_CREDENTIAL, "the credential is not allowed to do this"},
    {ANY, 407, 407, NULL, NULL, NULL, ACS_CREDENTIAL, "a proxy wants a credential"},
    {ANY, 511, 511, NULL, NULL, NULL, ACS_CREDENTIAL, "the network wants a login"},
    /* Following a redirect would send the credential to whom it names; the service sends none. */
    {ANY, 300, 399, NULL, NULL, NULL, ACS_CREDENTIAL, "the endpoint redirects elsewhere, so it is not the service's"},

    /* The identity; unrecorded, and by the design. A 410 is no 404: it proves no delete. */
    {DELETE, 404, 404, NULL, NULL, NULL, ACS_DONE, "the identity was deleted already"},
    {ISSUE | REVOKE, 404, 404, NULL, NULL, NULL, ACS_GONE, "the service does not know the identity"},
    {CREATE, 404, 404, NULL, NULL, NULL, ACS_OURS, "the endpoint does not know how to create identities"},
    {EXCHANGE, 404, 404, NULL, NULL, NULL, ACS_OURS, "the endpoint does not know how to exchange tokens"},
    {ISSUE | REVOKE | DELETE, 410, 410, NULL, NULL, NULL, ACS_GONE, "the identity is gone"},
    {CREATE, 410, 410, NULL, NULL, NULL, ACS_OURS, "the endpoint no longer creates identities"},

    /* Load and accidents, as the SDKs' retry policies have it. 421 and 425 ask for another connection. */
    {ANY, 429, 429, NULL, NULL, NULL, ACS_THROTTLED, "the service is throttling"},
    {ANY, 408, 408, NULL, NULL, NULL, ACS_TRANSIENT, "the service waited too long for the request"},
    {ANY, 421, 421, NULL, NULL, NULL, ACS_TRANSIENT, "the request went to the wrong server"},
    {ANY, 425, 425, NULL, NULL, NULL, ACS_TRANSIENT, "the request came too early"},
    {ANY, 501, 501, NULL, NULL, NULL, ACS_OURS, "the service cannot do this"},
    {ANY, 505, 505, NULL, NULL, NULL, ACS_OURS, "the service does not speak our version of HTTP"},
    {ANY, 500, 599, NULL, NULL, NULL, ACS_TRANSIENT, "the service failed"},

    /* The shape of a request: method, media types, lengths, conditions, upgrades. Ours is the same for all users. */
    {ANY, 405, 406, NULL, NULL, NULL, ACS_OURS, "the service does not accept our kind of request"},
    {ANY, 411, 417, NULL, NULL, NULL, ACS_OURS, "the service does not accept our kind of request"},
    {ANY, 426, 426, NULL, NULL, NULL, ACS_OURS, "the service wants another protocol"},
    {ANY, 428, 428, NULL, NULL, NULL, ACS_OURS, "the service wants a condition in the request"},
    {ANY, 431, 431, NULL, NULL, NULL, ACS_OURS, "the service finds our headers too large"},
    /* The rest (409, 422, a 400 that says nothing) may be about the user, and must not stop all others for ever. */
    {ANY, 400, 499, NULL, NULL, NULL, ACS_USER, "the service refuses the request"},

    {ANY, 0, 0, NULL, NULL, NULL, ACS_TRANSIENT, "no answer"},
    /* Also a 2xx that is no success of this request, such as 202: what was done is not known. */
    {ANY, -1, -1, NULL, NULL, NULL, ACS_TRANSIENT, "the answer's status makes no sense here"},
};

/* What a 404 or 410 about an identity becomes when it is not the service's: a gateway that has lost its way answers so
 * to everybody, and to believe it would write off every identity that a run asks about. */
static const struct rule not_the_service = {
    ANY, 400, 499, NULL, NULL, NULL, ACS_CREDENTIAL, "what answered is not the service"};

/* What an error's body says; all borrowed, all NULL where it says nothing. */
struct complaint {
    const char *code;
    const char *target;
    const char *message;
};

static bool applies(const struct rule *rule, enum action action, int status, const struct complaint *complaint)
{
    if ((rule->actions & (1 << action)) == 0 || status < rule->from || status > rule->to)
        return false;
    if (rule->code != NULL && (complaint->code == NULL || strcmp(rule->code, complaint->code) != 0))
        return false;
    if (rule->target != NULL && (complaint->target == NULL || strcasecmp(rule->target, complaint->target) != 0))
        return false;
    return rule->says == NULL || (complaint->message != NULL && strstr(complaint->message, rule->says) != NULL);
}

static const struct rule *find_rule(enum action action, int status, const struct complaint *complaint)
{
    const struct rule *const last = &rules[sizeof rules / sizeof *rules - 1];

    for (const struct rule *rule = rules; rule < last; rule++)
        if (applies(rule, action, status, complaint))
            return rule;
    return last;
}

/* --- reading --- */

/* A code is one word; anything else is no code. */
static bool is_code(const char *code)
{
    const size_t length = code != NULL ? strlen(code) : 0;

    for (size_t i = 0; i < length; i++)
        if (!isascii(code[i]) || (!isalnum((unsigned char)code[i]) && strchr("_.-", code[i]) == NULL))
            return false;
    return length > 0 && length < ACS_CODE_SIZE && strstr(code, "eyJ") == NULL;
}

static void say(struct acs_answer *answer, const char *code, const char *message)
{
    snprintf(answer->code, sizeof answer->code, "%s", code);
    snprintf(answer->message, sizeof answer->message, "%s", message);
}

/* Leaves the class as it is from the start, ACS_TRANSIENT. */
static void fail(struct acs_answer *answer, const char *message)
{
    say(answer, "bad_answer", message);
}

/* A token goes into files and command lines: visible ASCII only. */
static bool is_token(const char *token, size_t length)
{
    unsigned others = 0;

    for (size_t i = 0; i < length; i++)
        others |= (unsigned)(token[i] < 0x21) | (unsigned)(token[i] > 0x7E);
    return length > 0 && length <= ACS_TOKEN_MAX && others == 0;
}

/* {"token":"...","expiresOn":"..."}. Leaves no token, and is true, where it is not of that form. */
static bool take_token(const struct body *body, const json_t *object, struct acs_answer *answer, struct error *error)
{
    const char *expires_on = body_string(object, "expiresOn");
    int64_t expires_at_ms;
    size_t length;
    const char *token = body_token(body, object, &length);

    if (token == NULL || !is_token(token, length) || expires_on == NULL ||
        !time_parse_rfc3339_ms(expires_on, &expires_at_ms))
        return true;
    if (!secret_set(&answer->token, token, length, error))
        return false;
    answer->token_expires_at_ms = expires_at_ms;
    return true;
}

/* Once the identity is known nothing may fail, not even memory: it must reach the ledger. */
static void take_create(const struct body *body, bool wants_token, struct acs_answer *answer)
{
    const char *identity = body_string(json_object_get(body->document, "identity"), "id");
    struct error ignored;

    if (identity == NULL || !acs_identity_is_valid(identity)) {
        fail(answer, "the answer to a create names no valid identity");
        return;
    }
    answer->class = ACS_DONE;
    memcpy(answer->identity, identity, strlen(identity) + 1);
    if (!wants_token)
        return;
    if (!take_token(body, json_object_get(body->document, "accessToken"), answer, &ignored) ||
        !secret_is_set(&answer->token))
        say(answer, "no_token", "the identity was created, but the answer has no readable token");
}

static bool take_issue(const struct body *body, struct acs_answer *answer, struct error *error)
{
    if (!take_token(body, body->document, answer, error))
        return false;
    if (secret_is_set(&answer->token))
        answer->class = ACS_DONE;
    else
        fail(answer, "the answer to an issue has no readable token");
    return true;
}

static bool read_success(enum action action, bool wants_token, const char *bytes, size_t length,
                         struct acs_answer *answer, struct error *error)
{
    struct body body;
    bool ok = true;

    if (action == ACTION_REVOKE || action == ACTION_DELETE) {
        answer->class = ACS_DONE;
        return true;
    }
    if (!body_load(&body, "token", bytes, length))
        return error_no_memory(error);
    if (body.document == NULL)
        fail(answer, "the answer is not valid JSON");
    else if (action == ACTION_PROVISION)
        take_create(&body, wants_token, answer);
    else
        ok = take_issue(&body, answer, error);
    body_free(&body);
    return ok;
}

static void describe(const struct rule *rule, const struct complaint *complaint, struct acs_answer *answer)
{
    const bool has_message = complaint->message != NULL && complaint->message[0] != '\0';
    char own[ACS_CODE_SIZE];
    const char *code = own;

    if (answer->status == 0)
        code = "no_answer";
    else if (answer->status < 300)
        code = "bad_answer";
    else if (is_code(complaint->code))
        code = complaint->code;
    else
        snprintf(own, sizeof own, "http_%d", answer->status);
    snprintf(answer->code, sizeof answer->code, "%s", code);
    text_print(has_message ? complaint->message : rule->reason, answer->message, sizeof answer->message);
}

/* Does it say that the identity does not exist any more? */
static bool is_of_identity(int status, enum acs_class class)
{
    return (status == 404 || status == 410) && (class == ACS_DONE || class == ACS_GONE);
}

/* An error need not have a body, nor a body of JSON: the service has sent a 401 with none. */
static bool read_error(enum action action, const char *bytes, size_t length, struct acs_answer *answer,
                       struct error *error)
{
    struct body body;

    if (!body_load(&body, "token", bytes, length))
        return error_no_memory(error);
    const json_t *object = json_object_get(body.document, "error");
    const struct complaint complaint = {body_string(object, "code"), body_string(object, "target"),
                                        body_string(object, "message")};
    const struct rule *rule = find_rule(action, answer->status, &complaint);
    /* The service's errors have a code, or no body at all [REC]. */
    if (is_of_identity(answer->status, rule->class) && !is_code(complaint.code) && length > 0)
        rule = &not_the_service;
    answer->class = rule->class;
    describe(rule, &complaint, answer);
    body_free(&body);
    return true;
}

/* A 2xx is judged by its status alone; its body is no complaint. */
static bool is_success(enum action action, int status)
{
    return status >= 200 && status <= 299 && find_rule(action, status, &(struct complaint){0})->class == ACS_DONE;
}

bool acs_answer_read(enum action action, bool wants_token, int status, const char *body, size_t body_length,
                     struct acs_answer *answer, struct error *error)
{
    *answer = (struct acs_answer){.class = ACS_TRANSIENT, .status = status};
    if (is_success(action, status))
        return read_success(action, wants_token, body, body_length, answer, error);
    return read_error(action, body, body_length, answer, error);
}

void acs_answer_clear(struct acs_answer *answer)
{
    secret_clear(&answer->token);
    *answer = (struct acs_answer){0};
}

void acs_answer_set_headers(struct acs_answer *answer, const char *ms_cv, int64_t retry_after_ms)
{
    const bool has_code = strncmp(answer->code, "http_", 5) != 0;

    if (answer->status == 503 && retry_after_ms >= 0)
        answer->class = ACS_THROTTLED;
    if (is_of_identity(answer->status, answer->class) && !has_code && ms_cv[0] == '\0') {
        answer->class = not_the_service.class;
        snprintf(answer->message, sizeof answer->message, "%s", not_the_service.reason);
    }
}

bool acs_create_is_in_doubt(const struct acs_answer *answer)
{
    return answer->class == ACS_TRANSIENT || answer->status == 503;
}
