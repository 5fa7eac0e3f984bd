/* Recorded answers of the real service (tests/conformance/recordings.json) are understood as the SDK understood them,
 * and the requests that they answer are the ones that we make. */
#include "acs/acs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <string.h>

enum { SCOPES_MAX = 8 };

/* What of a recording's request is our own to choose. */
struct wish {
    enum action action;
    char api_version[32];
    char identity[ACS_IDENTITY_MAX + 1];
    const char *custom_id;
    const char *teams_token;
    const char *scopes[SCOPES_MAX];
    struct acs_request_options options;
    json_t *body; /* as recorded; NULL: none */
};

/* Operations that rollcall has no use for have no action. */
static bool find_action(const char *operation, enum action *action)
{
    return action_parse(strcmp(operation, "create") == 0 ? "provision" : operation, action);
}

/* The identity of "/identities/8%3Aacs%3A.../...", or of the Teams user of an exchange. */
static void read_identity(const char *target, const char *user, char identity[ACS_IDENTITY_MAX + 1])
{
    static const char prefix[] = "/identities/8%3Aacs%3A";

    if (user != NULL)
        snprintf(identity, ACS_IDENTITY_MAX + 1, "8:orgid:%s", user);
    else if (strncmp(target, prefix, sizeof prefix - 1) == 0)
        snprintf(identity, ACS_IDENTITY_MAX + 1, "8:acs:%.*s", (int)strcspn(target + sizeof prefix - 1, "/?"),
                 target + sizeof prefix - 1);
}

static void read_wish(const json_t *request, struct wish *wish)
{
    const char *target = json_string_value(json_object_get(request, "target"));
    const char *body = json_string_value(json_object_get(request, "body"));
    size_t index;
    const json_t *scope;

    snprintf(wish->api_version, sizeof wish->api_version, "%s",
             strstr(target, "api-version=") + strlen("api-version="));
    wish->body = body == NULL ? NULL : json_loads(body, 0, NULL);
    read_identity(target, json_string_value(json_object_get(wish->body, "userId")), wish->identity);
    wish->teams_token = json_string_value(json_object_get(wish->body, "token"));
    wish->custom_id = json_string_value(json_object_get(wish->body, "customId"));
    wish->options =
        (struct acs_request_options){.api_version = wish->api_version,
                                     .scopes = wish->scopes,
                                     .lifetime_min = 1440,
                                     .teams_app_id = json_string_value(json_object_get(wish->body, "appId"))};
    const char *name = wish->action == ACTION_ISSUE ? "scopes" : "createTokenWithScopes";
    json_array_foreach(json_object_get(wish->body, name), index, scope) wish->scopes[wish->options.scope_count++] =
        json_string_value(scope);
    if (json_object_get(wish->body, "expiresInMinutes") != NULL)
        wish->options.lifetime_min = (uint32_t)json_integer_value(json_object_get(wish->body, "expiresInMinutes"));
}

/* Where the SDK leaves the lifetime to the service, we name it. */
static void has_the_recorded_body(const struct acs_request *request, const struct wish *wish)
{
    json_t *ours = request->body_length == 0 ? NULL : json_loads(request->body, 0, NULL);

    if (wish->body != NULL && json_object_get(wish->body, "expiresInMinutes") == NULL &&
        json_object_get(ours, "expiresInMinutes") != NULL) {
        assert_int_equal(json_integer_value(json_object_get(ours, "expiresInMinutes")), 1440);
        json_object_del(ours, "expiresInMinutes");
    }
    if (wish->body == NULL)
        assert_null(ours);
    else
        assert_true(json_equal(ours, wish->body));
    json_decref(ours);
}

/* The hash of an SDK's body is the one that we would send with it. */
static void hashes_as_recorded(const json_t *recorded, const char *method, const char *target)
{
    const char *hash = json_string_value(json_object_get(recorded, "content_sha256"));
    const char *body = json_string_value(json_object_get(recorded, "body"));
    struct acs_resource resource;
    struct acs_signature signature;
    struct error error;

    if (hash == NULL)
        return;
    assert_true(
        acs_resource_parse("endpoint=https://contoso.communication.azure.com/;accesskey=AAECAwQ=", &resource, &error));
    struct acs_signer *signer = acs_signer_new(&resource, &error);
    assert_non_null(signer);
    assert_true(acs_sign(signer, method, target, body == NULL ? "" : body, body == NULL ? 0 : strlen(body), 1767600550,
                         &signature, &error));
    assert_string_equal(signature.content_hash, hash);
    acs_signer_free(signer);
    acs_resource_clear(&resource);
}

static void makes_the_recorded_request(const json_t *recorded, const struct wish *wish, bool refused)
{
    const char *content_type = json_string_value(json_object_get(recorded, "content_type"));
    struct acs_request request;
    struct error error = {0};

    const bool built =
        wish->action == ACTION_EXCHANGE
            ? acs_exchange_build(&wish->options, wish->identity, wish->teams_token, &request, &error)
            : acs_request_build(wish->action, &wish->options, wish->identity, wish->custom_id, &request, &error);
    /* What the service refuses for its form does not leave at all. */
    assert_int_equal(built, !refused);
    if (!built)
        return;
    assert_string_equal(request.method, json_string_value(json_object_get(recorded, "method")));
    assert_string_equal(request.target, json_string_value(json_object_get(recorded, "target")));
    assert_int_equal(request.has_content_type, content_type != NULL);
    if (content_type != NULL)
        assert_string_equal(content_type, "application/json");
    has_the_recorded_body(&request, wish);
    hashes_as_recorded(recorded, request.method, request.target);
}

static const char *understood_text(const json_t *understood, const char *name)
{
    const char *text = json_string_value(json_object_get(understood, name));

    return text == NULL ? "" : text;
}

/* As the recordings call them. */
static const char *const class_names[] = {
    [ACS_DONE] = "done",           [ACS_GONE] = "gone",           [ACS_USER] = "user",
    [ACS_THROTTLED] = "throttled", [ACS_TRANSIENT] = "transient", [ACS_CREDENTIAL] = "credential",
    [ACS_OURS] = "ours",
};

static void reads_the_recorded_answer(const json_t *response, const json_t *understood, const struct wish *wish)
{
    const json_t *body = json_object_get(response, "body");
    char *text = json_is_null(body) ? strdup("") : json_dumps(body, JSON_COMPACT);
    const bool wants_token =
        wish->action == ACTION_ISSUE || wish->action == ACTION_EXCHANGE || wish->options.scope_count > 0;
    struct acs_answer answer;
    struct error error;

    assert_true(acs_answer_read(wish->action, wants_token, (int)json_integer_value(json_object_get(response, "status")),
                                text, strlen(text), &answer, &error));
    const char *class = json_string_value(json_object_get(understood, "class"));
    assert_string_equal(class_names[answer.class], class == NULL ? "done" : class);
    assert_string_equal(answer.code, understood_text(understood, "error"));
    assert_string_equal(answer.message, understood_text(understood, "message"));
    assert_string_equal(answer.identity, understood_text(understood, "identity"));
    assert_string_equal(secret_is_set(&answer.token) ? secret_reveal(&answer.token) : "",
                        understood_text(understood, "token"));
    assert_int_equal(answer.token_expires_at_ms, json_integer_value(json_object_get(understood, "expires_at_ms")));
    acs_answer_clear(&answer);
    free(text);
}

/* Returns whether the exchange was one of ours. */
static bool replay(const json_t *exchange)
{
    const json_t *request = json_object_get(exchange, "request");
    const json_t *understood = json_object_get(exchange, "understood");
    struct wish wish = {0};

    if (!find_action(json_string_value(json_object_get(exchange, "operation")), &wish.action))
        return false;
    read_wish(request, &wish);
    const char *class = json_string_value(json_object_get(understood, "class"));
    makes_the_recorded_request(request, &wish, class != NULL && strcmp(class, "ours") == 0);
    reads_the_recorded_answer(json_object_get(exchange, "response"), understood, &wish);
    json_decref(wish.body);
    return true;
}

static void every_recorded_exchange_is_made_and_understood(void **state)
{
    json_t *file = json_load_file(SOURCE_DIR "/tests/conformance/recordings.json", 0, NULL);
    size_t index;
    size_t place;
    const json_t *recording;
    const json_t *exchange;
    size_t replayed = 0;
    size_t others = 0;

    (void)state;
    assert_non_null(file);
    json_array_foreach(json_object_get(file, "recordings"), index, recording)
    {
        print_message("%s\n", json_string_value(json_object_get(recording, "name")));
        json_array_foreach(json_object_get(recording, "exchanges"), place, exchange) *
            (replay(exchange) ? &replayed : &others) += 1;
    }
    assert_int_equal(replayed, 28);
    assert_int_equal(others, 2); /* a get, and the one with Entra ID */
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recorded_exchange_is_made_and_understood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
