/* The recorded exchange with Entra ID (tests/conformance/recordings.json): we make the same request, and understand its
 * answer. */
#include "scratch.h"

#include "entra/entra_internal.h"

#include <jansson.h>

enum { NOW_S = 1645626843 };

static json_t *file;
static const json_t *exchange;

static const char *text_at(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static int find_exchange(void **state)
{
    const json_t *recording;
    const json_t *next;
    size_t index;
    size_t place;

    (void)state;
    file = json_load_file(SOURCE_DIR "/tests/conformance/recordings.json", 0, NULL);
    json_array_foreach(json_object_get(file, "recordings"), index, recording)
        json_array_foreach(json_object_get(recording, "exchanges"), place,
                           next) if (strcmp(text_at(next, "operation"), "token") == 0) exchange = next;
    return exchange == NULL;
}

static int drop(void **state)
{
    (void)state;
    json_decref(file);
    return 0;
}

static const char *no_variable(const char *name)
{
    (void)name;
    return NULL;
}

static struct entra_credential *begin(void)
{
    struct secret secret = {0};
    works(secret_set(&secret, "CLIENT_SECRET", strlen("CLIENT_SECRET"), &error));
    const struct entra_settings settings = {
        .kind = ENTRA_CLIENT_SECRET,
        .tenant_id = "SomeTenantId",
        .client_id = "SomeClientId",
        .client_secret = &secret,
        .variable = no_variable,
    };
    struct entra_credential *credential = entra_credential_new(&settings, &error);
    works(credential != NULL);
    secret_clear(&secret);
    entra_begin(credential, NOW_S);
    return credential;
}

/* The fields of a form, in an order of their own. */
static json_t *fields_of(const char *form)
{
    json_t *fields = json_object();

    for (const char *next = form; *next != '\0';) {
        const size_t name = strcspn(next, "=");
        const size_t value = strcspn(next + name + 1, "&");
        json_object_setn_new(fields, next, name, json_stringn(next + name + 1, value));
        next += name + 1 + value;
        next += *next == '&';
    }
    return fields;
}

static bool sends_header(const struct entra_request *request, const char *header)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcmp(request->headers[i].data, header) == 0)
            return true;
    return false;
}

static void the_recorded_token_is_asked_for(void **state)
{
    const json_t *recorded = json_object_get(exchange, "request");
    struct entra_credential *credential = begin();
    const struct entra_request *request = entra_request(credential);
    json_t *fields = fields_of(text_at(recorded, "body"));
    json_t *ours = fields_of(request->body.data);
    char content_type[128];

    (void)state;
    assert_string_equal(request->method, text_at(recorded, "method"));
    assert_string_equal(request->target.data, text_at(recorded, "target"));
    snprintf(content_type, sizeof content_type, "Content-Type: %s", text_at(recorded, "content_type"));
    assert_true(sends_header(request, content_type));
    /* Of that SDK alone: the grant has no such field (RFC 6749, 4.4.2). */
    assert_int_equal(json_object_del(fields, "response_type"), 0);
    assert_int_equal(json_object_size(fields), 4);
    assert_true(json_equal(ours, fields));
    json_decref(ours);
    json_decref(fields);
    entra_credential_free(credential);
}

static void the_recorded_answer_is_understood(void **state)
{
    const json_t *response = json_object_get(exchange, "response");
    const json_t *understood = json_object_get(exchange, "understood");
    struct entra_credential *credential = begin();
    char *body = json_dumps(json_object_get(response, "body"), JSON_COMPACT);
    struct entra_token token;

    (void)state;
    const struct entra_answer answer = {
        .end = ENTRA_ANSWERED,
        .status = (int)json_integer_value(json_object_get(response, "status")),
        .body = body,
        .body_length = strlen(body),
        .challenge = "",
        .date_s = NOW_S,
        .retry_after_ms = -1,
        .detail = "",
    };
    entra_answered(credential, &answer, NOW_S);
    assert_int_equal(entra_step(credential), ENTRA_DONE);
    entra_take(credential, &token);
    assert_string_equal(secret_reveal(&token.text), text_at(understood, "token"));
    assert_int_equal(token.lifetime_ms, json_integer_value(json_object_get(understood, "lifetime_s")) * 1000);
    assert_int_equal(token.refresh_in_ms, -1);
    entra_token_clear(&token);
    free(body);
    entra_credential_free(credential);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_recorded_token_is_asked_for),
        cmocka_unit_test(the_recorded_answer_is_understood),
    };

    return cmocka_run_group_tests(tests, find_exchange, drop);
}
