/* The service's answers. The first five bytes say which request they answer: c, i, r, d or e (create, issue, revoke,
 * delete, exchange), t when a token was asked for, and the status; a line feed; the rest is the body.
 *
 * What the reader makes of a success must be what a plain JSON reader finds in it: cutting the token out before the
 * reading must not change anything.
 */
#include "fuzz.h"

#include "acs/acs.h"
#include "core/clock.h"

#include <jansson.h>

enum { PREAMBLE = 6 };

struct request {
    enum action action;
    bool wants_token;
    int status;
};

static enum action action_of(uint8_t byte)
{
    switch (byte) {
    case 'c': return ACTION_PROVISION;
    case 'i': return ACTION_ISSUE;
    case 'r': return ACTION_REVOKE;
    case 'd': return ACTION_DELETE;
    case 'e': return ACTION_EXCHANGE;
    default: return (enum action)(byte % ACTION_COUNT);
    }
}

static struct request take_request(const uint8_t *data)
{
    struct request request = {.action = action_of(data[0]), .wants_token = data[1] == 't'};

    for (int i = 2; i < 5; i++)
        request.status = request.status * 10 + (data[i] - '0');
    return request;
}

static const char *text_at(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static bool is_token(const char *token)
{
    const size_t length = token != NULL ? strlen(token) : 0;

    for (size_t i = 0; i < length; i++)
        if (token[i] < 0x21 || token[i] > 0x7E)
            return false;
    return length > 0 && length <= ACS_TOKEN_MAX;
}

/* What a success says, to a plain reader. */
static void check_against_json(const struct request *request, const struct acs_answer *answer, const json_t *document)
{
    const bool creates = request->action == ACTION_PROVISION;
    const json_t *holder = creates ? json_object_get(document, "accessToken") : document;
    const char *identity = text_at(json_object_get(document, "identity"), "id");
    const char *token = text_at(holder, "token");
    const char *expires_on = text_at(holder, "expiresOn");
    int64_t expires_at_ms;
    const bool names_one = identity != NULL && acs_identity_is_valid(identity);
    const bool has_token = is_token(token) && strlen(token) == json_string_length(json_object_get(holder, "token")) &&
                           expires_on != NULL && time_parse_rfc3339_ms(expires_on, &expires_at_ms);

    MUST((answer->class == ACS_DONE) == (creates ? names_one : has_token));
    MUST(secret_is_set(&answer->token) == (has_token && (creates ? names_one && request->wants_token : true)));
    if (secret_is_set(&answer->token))
        MUST(strcmp(secret_reveal(&answer->token), token) == 0 && answer->token_expires_at_ms == expires_at_ms);
    if (creates && names_one)
        MUST(strcmp(answer->identity, identity) == 0);
}

static bool gives_only_a_token(const struct request *request)
{
    return request->action == ACTION_ISSUE || request->action == ACTION_EXCHANGE;
}

static bool is_success(const struct request *request)
{
    return request->action == ACTION_PROVISION ? request->status == 200 || request->status == 201
                                               : gives_only_a_token(request) && request->status == 200;
}

static void check_success(const struct request *request, const struct acs_answer *answer, const char *body,
                          size_t length)
{
    json_t *document = length <= 64 * 1024 ? json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL) : NULL;

    MUST(answer->class == ACS_DONE || (answer->class == ACS_TRANSIENT && strcmp(answer->code, "bad_answer") == 0));
    if (document != NULL)
        check_against_json(request, answer, document);
    else
        MUST(!secret_is_set(&answer->token)); /* an identity may have been saved from it */
    json_decref(document);
}

static void check_shape(const struct request *request, const struct acs_answer *answer)
{
    const bool creates = request->action == ACTION_PROVISION;
    const bool done = answer->class == ACS_DONE;

    MUST(answer->class >= ACS_DONE && answer->class <= ACS_OURS && answer->status == request->status);
    MUST(memchr(answer->code, '\0', sizeof answer->code) != NULL && fuzz_is_line(answer->code));
    MUST(memchr(answer->message, '\0', sizeof answer->message) != NULL && fuzz_is_line(answer->message));
    MUST(strstr(answer->message, "eyJ") == NULL && strstr(answer->code, "eyJ") == NULL);
    MUST(done || answer->code[0] != '\0');
    MUST((answer->identity[0] != '\0') == (creates && done));
    MUST(answer->identity[0] == '\0' || acs_identity_is_valid(answer->identity));
    MUST(!secret_is_set(&answer->token) || (done && is_token(secret_reveal(&answer->token))));
    MUST(!secret_is_set(&answer->token) || creates || gives_only_a_token(request));
    MUST(secret_is_set(&answer->token) || answer->token_expires_at_ms == 0);
    MUST(!creates || !done || !request->wants_token || secret_is_set(&answer->token) ||
         strcmp(answer->code, "no_token") == 0);
    if (secret_is_set(&answer->token))
        MUST(!fuzz_repeats(answer->message, answer->token.bytes, answer->token.length));
}

/* A delete is done only where the service says so: 204, or 404 for one that is gone. */
static void check_done(const struct request *request, const struct acs_answer *answer)
{
    const int status = request->status;

    if (answer->class != ACS_DONE)
        return;
    switch (request->action) {
    case ACTION_PROVISION: MUST(status == 200 || status == 201); break;
    case ACTION_ISSUE:
    case ACTION_EXCHANGE: MUST(status == 200); break;
    case ACTION_REVOKE: MUST(status == 204); break;
    case ACTION_DELETE: MUST(status == 204 || status == 404); break;
    }
}

/* The answer that a service would give that says the same is read the same. */
static void check_written_out(const struct request *request, const struct acs_answer *answer)
{
    char expires_on[TIME_TEXT_SIZE];
    struct acs_answer again;
    struct error error;

    time_format_rfc3339_ms(answer->token_expires_at_ms, expires_on);
    json_t *token = secret_is_set(&answer->token)
                        ? json_pack("{s:s, s:s}", "token", secret_reveal(&answer->token), "expiresOn", expires_on)
                        : json_object();
    json_t *document = request->action == ACTION_PROVISION
                           ? json_pack("{s:{s:s}, s:O}", "identity", "id", answer->identity, "accessToken", token)
                           : json_incref(token);
    char *body = json_dumps(document, JSON_COMPACT);
    MUST(body != NULL);
    MUST(acs_answer_read(request->action, request->wants_token, request->status, body, strlen(body), &again, &error));
    MUST(again.class == answer->class && strcmp(again.code, answer->code) == 0);
    MUST(strcmp(again.identity, answer->identity) == 0 && again.token_expires_at_ms == answer->token_expires_at_ms);
    MUST(strcmp(secret_reveal(&again.token), secret_reveal(&answer->token)) == 0);
    acs_answer_clear(&again);
    free(body);
    json_decref(document);
    json_decref(token);
}

/* What is asked of the answer afterwards. */
static void check_consequences(struct acs_answer *answer)
{
    char hint[ACS_HINT_SIZE];
    const enum acs_class class = answer->class;

    for (int64_t ahead_s = -7200; ahead_s <= 7200; ahead_s += 7200) {
        acs_stop_hint(answer, ahead_s == 0, 1767600550, 1767600550 + ahead_s, hint);
        MUST(fuzz_is_line(hint) && (hint[0] != '\0') == (class == ACS_CREDENTIAL || class == ACS_OURS));
    }
    if (class == ACS_TRANSIENT)
        MUST(acs_create_is_in_doubt(answer));
    acs_answer_set_headers(answer, "x.0", 1000);
    MUST(answer->class == (answer->status == 503 ? ACS_THROTTLED : class));
    MUST(class != ACS_TRANSIENT || acs_create_is_in_doubt(answer));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct acs_answer answer;
    struct error error;

    if (size < PREAMBLE)
        return 0;
    const struct request request = take_request(data);
    const size_t length = size - PREAMBLE;
    char *body = malloc(length > 0 ? length : 1);
    MUST(body != NULL);
    memcpy(body, data + PREAMBLE, length);
    MUST(acs_answer_read(request.action, request.wants_token, request.status, body, length, &answer, &error));
    check_shape(&request, &answer);
    check_done(&request, &answer);
    if (is_success(&request))
        check_success(&request, &answer, body, length);
    if (is_success(&request) && answer.class == ACS_DONE)
        check_written_out(&request, &answer);
    free(body);
    check_consequences(&answer);
    acs_answer_clear(&answer);
    return 0;
}
