#include "acs/acs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "8:acs:987bcf3f-e830-40de-8e15-a91e0ccccb49_0000000f-7c78-2611-f40f-343a0d009ad2"
#define TOKEN                                                                                                   \
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE2NDQzODE5NTcuODk1fQ==.adM-ddBZZlQ1WlN3pdPBOF5G4Wh9iZpxNP_" \
    "fSvpF4cWs"
#define IDENTITY "{\"identity\":{\"id\":\"" ID "\"}"
#define VALIDATION(target) "{\"error\":{\"code\":\"ValidationError\",\"message\":\"m\",\"target\":\"" target "\"}}"
#define CODE(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"

static const int64_t expires_at_ms = 1644464758313; /* 2022-02-10T03:45:58.3138475+00:00 */

static struct acs_answer answer; /* of the last read(); cleared after each test */

/* The body is copied to where a byte read too far is noticed. */
static void read_answer(enum action action, bool wants_token, int status, const char *body)
{
    const size_t length = strlen(body);
    char *copy = malloc(length > 0 ? length : 1);
    struct error error;

    assert_non_null(copy);
    memcpy(copy, body, length);
    acs_answer_clear(&answer);
    assert_true(acs_answer_read(action, wants_token, status, copy, length, &answer, &error));
    free(copy);
    assert_int_equal(answer.status, status);
}

static int clear(void **state)
{
    (void)state;
    acs_answer_clear(&answer);
    return 0;
}

static void check(enum acs_class class, const char *code)
{
    assert_int_equal(answer.class, class);
    assert_string_equal(answer.code, code);
}

static void check_token(void)
{
    assert_string_equal(secret_reveal(&answer.token), TOKEN);
    assert_int_equal(answer.token.length, strlen(TOKEN));
    assert_int_equal(answer.token_expires_at_ms, expires_at_ms);
}

static void check_no_token(void)
{
    assert_false(secret_is_set(&answer.token));
    assert_int_equal(answer.token_expires_at_ms, 0);
}

/* --- the table --- */

struct expectation {
    int status;
    const char *body;
    enum acs_class provision;
    enum acs_class issue;
    enum acs_class revoke;
    enum acs_class delete;
};

#define ALL(class) class, class, class, class

static const struct expectation expectations[] = {
    {200, IDENTITY "}", ACS_DONE, ACS_TRANSIENT, ACS_TRANSIENT, ACS_TRANSIENT},
    {201, IDENTITY "}", ACS_DONE, ACS_TRANSIENT, ACS_TRANSIENT, ACS_TRANSIENT},
    {200, "{\"token\":\"t\",\"expiresOn\":\"2022-02-10T03:45:58Z\"}", ACS_TRANSIENT, ACS_DONE, ACS_TRANSIENT,
     ACS_TRANSIENT},
    {202, "", ALL(ACS_TRANSIENT)},
    {204, "", ACS_TRANSIENT, ACS_TRANSIENT, ACS_DONE, ACS_DONE},
    {400, CODE("UnsupportedApiVersion"), ALL(ACS_OURS)},
    {404, CODE("UnsupportedApiVersion"), ALL(ACS_OURS)},
    {400,
     "{\"error\":{\"code\":\"x\",\"message\":\"The HTTP resource that matches the request URI 'https://h/' does not "
     "support the API version '1'.\"}}",
     ALL(ACS_OURS)},
    {400, VALIDATION("ExpiresInMinutes"), ACS_OURS, ACS_OURS, ACS_USER, ACS_USER},
    {400, VALIDATION("scopes"), ACS_OURS, ACS_OURS, ACS_USER, ACS_USER},
    {400, VALIDATION("Scopes"), ACS_OURS, ACS_OURS, ACS_USER, ACS_USER},
    {400, VALIDATION("CreateTokenWithScopes"), ACS_OURS, ACS_OURS, ACS_USER, ACS_USER},
    {400, VALIDATION("customId"), ALL(ACS_USER)},
    {400, CODE("ValidationError"), ALL(ACS_USER)},
    {400, CODE("BadRequest"), ALL(ACS_USER)},
    {400, "", ALL(ACS_USER)},
    {401, CODE("IdentityNotOwned"), ACS_USER, ACS_GONE, ACS_GONE, ACS_GONE},
    {401, CODE("InvalidAccessToken"), ALL(ACS_USER)},
    {401, CODE("Denied"), ALL(ACS_CREDENTIAL)},
    {401, CODE("identitynotowned"), ALL(ACS_CREDENTIAL)},
    {401, "", ALL(ACS_CREDENTIAL)},
    {401, "<html>", ALL(ACS_CREDENTIAL)},
    {402, "", ALL(ACS_CREDENTIAL)},
    {403, "", ALL(ACS_CREDENTIAL)},
    {403, CODE("IdentityNotOwned"), ALL(ACS_CREDENTIAL)},
    {404, "", ACS_OURS, ACS_GONE, ACS_GONE, ACS_DONE},
    {404, CODE("NotFound"), ACS_OURS, ACS_GONE, ACS_GONE, ACS_DONE},
    {405, "", ALL(ACS_OURS)},
    {406, "", ALL(ACS_OURS)},
    {407, "", ALL(ACS_CREDENTIAL)},
    {408, "", ALL(ACS_TRANSIENT)},
    {409, "", ALL(ACS_USER)},
    {410, "", ACS_OURS, ACS_GONE, ACS_GONE, ACS_GONE},
    {411, "", ALL(ACS_OURS)},
    {412, "", ALL(ACS_OURS)},
    {413, "", ALL(ACS_OURS)},
    {414, "", ALL(ACS_OURS)},
    {415, "", ALL(ACS_OURS)},
    {417, "", ALL(ACS_OURS)},
    {418, "", ALL(ACS_USER)},
    {421, "", ALL(ACS_TRANSIENT)},
    {422, "", ALL(ACS_USER)},
    {425, "", ALL(ACS_TRANSIENT)},
    {426, "", ALL(ACS_OURS)},
    {428, "", ALL(ACS_OURS)},
    {429, "", ALL(ACS_THROTTLED)},
    {429, CODE("TooManyRequests"), ALL(ACS_THROTTLED)},
    {431, "", ALL(ACS_OURS)},
    {499, "", ALL(ACS_USER)},
    {500, "", ALL(ACS_TRANSIENT)},
    {501, "", ALL(ACS_OURS)},
    {502, "<html>", ALL(ACS_TRANSIENT)},
    {503, CODE("ServiceUnavailable"), ALL(ACS_TRANSIENT)},
    {504, "", ALL(ACS_TRANSIENT)},
    {505, "", ALL(ACS_OURS)},
    {511, "", ALL(ACS_CREDENTIAL)},
    {599, "", ALL(ACS_TRANSIENT)},
    {301, "", ALL(ACS_CREDENTIAL)},
    {302, "", ALL(ACS_CREDENTIAL)},
    {307, "", ALL(ACS_CREDENTIAL)},
    {308, "", ALL(ACS_CREDENTIAL)},
    {0, "", ALL(ACS_TRANSIENT)},
    {100, "", ALL(ACS_TRANSIENT)},
    {600, "", ALL(ACS_TRANSIENT)},
    {-1, "", ALL(ACS_TRANSIENT)},
};

static void each_answer_has_its_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof expectations / sizeof *expectations; i++) {
        const struct expectation *expected = &expectations[i];
        const enum acs_class classes[ACTION_COUNT] = {expected->provision, expected->issue, expected->revoke,
                                                      expected->delete};
        for (enum action action = 0; action <= ACTION_DELETE; action++) {
            read_answer(action, false, expected->status, expected->body);
            if (answer.class != classes[action])
                fail_msg("%s answered %d %s is %d", action_name(action), expected->status, expected->body,
                         answer.class);
            if (answer.class != ACS_DONE)
                assert_true(answer.code[0] != '\0' && answer.message[0] != '\0');
        }
    }
}

static void an_answer_without_a_code_gets_one_of_ours(void **state)
{
    (void)state;
    read_answer(ACTION_ISSUE, true, 503, "");
    check(ACS_TRANSIENT, "http_503");
    read_answer(ACTION_DELETE, false, 404, "");
    check(ACS_DONE, "http_404");
    read_answer(ACTION_DELETE, false, 200, "");
    check(ACS_TRANSIENT, "bad_answer");
    read_answer(ACTION_DELETE, false, 0, "");
    check(ACS_TRANSIENT, "no_answer");
    read_answer(ACTION_REVOKE, false, 204, "");
    check(ACS_DONE, "");
    assert_string_equal(answer.message, "");
}

/* --- the recordings --- */

static void a_recorded_create_gives_the_identity(void **state)
{
    (void)state;
    read_answer(ACTION_PROVISION, false, 201, IDENTITY "}");
    check(ACS_DONE, "");
    assert_string_equal(answer.identity, ID);
    check_no_token();
}

static void a_create_in_the_cloud_of_a_government_gives_the_identity(void **state)
{
    static const char id[] = "8:gcch-acs:1bdaa2b9-9507-4542-bb64-a7b22c00a8d4_0000001b-7774-a97e-eef0-8b3a0d001bcf";
    char body[256];

    (void)state;
    snprintf(body, sizeof body, "{\"identity\":{\"id\":\"%s\"}}", id);
    read_answer(ACTION_PROVISION, false, 201, body);
    check(ACS_DONE, "");
    assert_string_equal(answer.identity, id);
}

static void a_recorded_create_with_token_gives_both(void **state)
{
    (void)state;
    read_answer(ACTION_PROVISION, true, 201,
                IDENTITY ",\"accessToken\":{\"token\":\"" TOKEN
                         "\",\"expiresOn\":\"2022-02-10T03:45:58.3138475+00:00\"}}");
    check(ACS_DONE, "");
    assert_string_equal(answer.identity, ID);
    check_token();
}

static void a_recorded_create_with_custom_id_gives_the_identity(void **state)
{
    (void)state;
    read_answer(ACTION_PROVISION, false, 201,
                "{\"identity\":{\"customId\":\"alice@contoso.com\",\"lastTokenIssuedAt\":\"2025-04-14T15:32:35+00:00\","
                "\"id\":\"" ID "\"}}");
    check(ACS_DONE, "");
    assert_string_equal(answer.identity, ID);
}

static void a_recorded_issue_gives_the_token(void **state)
{
    (void)state;
    read_answer(ACTION_ISSUE, true, 200,
                "{\"token\":\"" TOKEN "\",\"expiresOn\":\"2022-02-10T03:45:58.3138475+00:00\"}");
    check(ACS_DONE, "");
    check_token();
    assert_string_equal(answer.identity, "");
}

static void an_escaped_plus_in_the_expiry_is_read(void **state)
{
    (void)state;
    read_answer(ACTION_ISSUE, true, 200,
                "{\"token\":\"" TOKEN "\",\"expiresOn\":\"2022-02-10T03:45:58.3138475\\u002B00:00\"}");
    check(ACS_DONE, "");
    check_token();
}

static void a_token_is_read_however_it_is_written(void **state)
{
    static const char *const bodies[] = {
        "{ \"token\" : \"" TOKEN "\" , \"expiresOn\" : \"2022-02-10T03:45:58.3138475Z\" }\n",
        "{\"expiresOn\":\"2022-02-10T03:45:58.3138475Z\",\n\"token\"\t:\r\n\"" TOKEN "\"}",
        "{\"token\":\"\\u0065"
        "yJ"
        "hbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE2NDQzODE5NTcuODk1fQ\\u003d="
        ".adM-ddBZZlQ1WlN3pdPBOF5G4Wh9iZpxNP_fSvpF4cWs\",\"expiresOn\":\"2022-02-10T03:45:58.3138475Z\"}",
        "{\"other\":{\"token\":\"x\"},\"token\":\"" TOKEN "\",\"expiresOn\":\"2022-02-10T03:45:58.3138475Z\"}",
        "{\"token\":\"" TOKEN "\",\"expiresOn\":\"2022-02-10T03:45:58.3138475Z\",\"x\":{\"token\":\"y\"}}",
        "{\"text\":\"\\\"token\\\":\\\"x\\\"\",\"token\":\"" TOKEN "\",\"expiresOn\":\"2022-02-10T03:45:58.3138475Z\"}",
        "{\"to\\u006ben\":\"" TOKEN "\",\"expiresOn\":\"2022-02-10T03:45:58.3138475Z\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        read_answer(ACTION_ISSUE, true, 200, bodies[i]);
        check(ACS_DONE, "");
        check_token();
    }
}

static void a_token_from_elsewhere_in_the_answer_is_not_taken(void **state)
{
    static const char *const bodies[] = {
        "{\"token\":\"\",\"expiresOn\":\"2022-02-10T03:45:58Z\",\"x\":{\"token\":\"" TOKEN "\"}}",
        "{\"x\":{\"token\":\"" TOKEN "\"},\"token\":\"\",\"expiresOn\":\"2022-02-10T03:45:58Z\"}",
        "{\"x\":{\"token\":\"" TOKEN "\"},\"tok\\u0065n\":\"\",\"expiresOn\":\"2022-02-10T03:45:58Z\"}",
        "{\"x\":{\"token\":\"" TOKEN "\"},\"expiresOn\":\"2022-02-10T03:45:58Z\"}",
        "{\"token\" \"" TOKEN "\",\"expiresOn\":\"2022-02-10T03:45:58Z\"}",
        "{\"expiresOn\":\"2022-02-10T03:45:58Z\",\"token\":\"" TOKEN,
        "{\"expiresOn\":\"2022-02-10T03:45:58Z\",\"token\":",
        "{\"expiresOn\":\"2022-02-10T03:45:58Z\",\"token\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        read_answer(ACTION_ISSUE, true, 200, bodies[i]);
        check(ACS_TRANSIENT, "bad_answer");
        check_no_token();
    }
}

static void a_body_with_much_around_its_token_is_read_too(void **state)
{
    char body[4096];

    (void)state;
    snprintf(body, sizeof body,
             "{\"token\":\"" TOKEN "\",\"expiresOn\":\"2022-02-10T03:45:58.3138475Z\",\"x\":\"%03000d\"}", 0);
    read_answer(ACTION_ISSUE, true, 200, body);
    check(ACS_DONE, "");
    check_token();
}

static void a_recorded_lifetime_error_is_ours(void **state)
{
    (void)state;
    read_answer(ACTION_PROVISION, true, 400,
                "{\"error\":{\"code\":\"ValidationError\",\"message\":\"ExpiresInMinutes value 1441 is invalid. Value "
                "must be within the [60, 1440] interval.\",\"target\":\"ExpiresInMinutes\"}}");
    check(ACS_OURS, "ValidationError");
    assert_string_equal(answer.message,
                        "ExpiresInMinutes value 1441 is invalid. Value must be within the [60, 1440] interval.");
}

static void a_recorded_scopes_error_is_ours(void **state)
{
    (void)state;
    read_answer(ACTION_ISSUE, true, 400,
                "{\"error\":{\"code\":\"ValidationError\",\"message\":\"Invalid scopes - Scopes field is required.\","
                "\"target\":\"scopes\"}}");
    check(ACS_OURS, "ValidationError");
}

static void a_recorded_foreign_identity_is_gone_and_never_deleted(void **state)
{
    static const char body[] = "{\"error\":{\"code\":\"IdentityNotOwned\",\"message\":\"Provided identity doesn't "
                               "belong to the resource.\"}}";

    (void)state;
    read_answer(ACTION_ISSUE, true, 401, body);
    check(ACS_GONE, "IdentityNotOwned");
    assert_string_equal(answer.message, "Provided identity doesn't belong to the resource.");
    read_answer(ACTION_DELETE, false, 401, body);
    check(ACS_GONE, "IdentityNotOwned");
}

static void a_denied_signature_is_about_the_credential(void **state)
{
    (void)state;
    read_answer(ACTION_PROVISION, false, 401,
                "{\"error\":{\"code\":\"Denied\",\"message\":\"Denied by the resource provider.\"}}");
    check(ACS_CREDENTIAL, "Denied");
}

/* --- bodies that are not to be trusted --- */

static void a_create_that_names_no_valid_identity_is_a_bad_answer(void **state)
{
    static const char *const bodies[] = {
        "",
        "{",
        "null",
        "[]",
        "\"" ID "\"",
        "{}",
        "{\"id\":\"" ID "\"}",
        "{\"identity\":\"" ID "\"}",
        "{\"identity\":{}}",
        "{\"identity\":{\"id\":null}}",
        "{\"identity\":{\"id\":1}}",
        "{\"identity\":{\"id\":\"\"}}",
        "{\"identity\":{\"id\":\"sanitized\"}}",
        "{\"identity\":{\"id\":\"" ID "0\"}}",
        "{\"identity\":{\"id\":\"" ID "\\u0000\"}}",
        "{\"identity\":{\"id\":\"" ID "\",\"id\":\"" ID "\"}}",
        "{\"identity\":{\"id\":\"" ID "\"}",
        "{\"identity\":{\"id\":\"" ID "\"}}}",
        "{\"identity\":{\"id\":\"\xFF\"}}",
        "<html>",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        read_answer(ACTION_PROVISION, false, 201, bodies[i]);
        check(ACS_TRANSIENT, "bad_answer");
        assert_string_equal(answer.identity, "");
        assert_true(acs_create_is_in_doubt(&answer));
    }
}

static const char *const bad_tokens[] = {
    "null",
    "\"" TOKEN "\"",
    "{}",
    "{\"token\":\"" TOKEN "\"}",
    "{\"expiresOn\":\"2022-02-10T03:45:58Z\"}",
    "{\"token\":1,\"expiresOn\":\"2022-02-10T03:45:58Z\"}",
    "{\"token\":\"\",\"expiresOn\":\"2022-02-10T03:45:58Z\"}",
    "{\"token\":\"a b\",\"expiresOn\":\"2022-02-10T03:45:58Z\"}",
    "{\"token\":\"a\\nb\",\"expiresOn\":\"2022-02-10T03:45:58Z\"}",
    "{\"token\":\"\xC3\xA9\",\"expiresOn\":\"2022-02-10T03:45:58Z\"}",
    "{\"token\":\"" TOKEN "\",\"expiresOn\":1}",
    "{\"token\":\"" TOKEN "\",\"expiresOn\":\"tomorrow\"}",
    "{\"token\":\"" TOKEN "\",\"expiresOn\":\"2022-02-30T03:45:58Z\"}",
};

static void a_create_without_a_readable_token_keeps_its_identity(void **state)
{
    char body[1024];

    (void)state;
    read_answer(ACTION_PROVISION, true, 201, IDENTITY "}");
    check(ACS_DONE, "no_token");
    assert_string_equal(answer.identity, ID);
    for (size_t i = 0; i < sizeof bad_tokens / sizeof *bad_tokens; i++) {
        snprintf(body, sizeof body, "%s,\"accessToken\":%s}", IDENTITY, bad_tokens[i]);
        read_answer(ACTION_PROVISION, true, 201, body);
        check(ACS_DONE, "no_token");
        assert_string_equal(answer.identity, ID);
        assert_true(answer.message[0] != '\0');
        check_no_token();
        assert_false(acs_create_is_in_doubt(&answer));
    }
}

static void a_token_that_nobody_asked_for_is_not_kept(void **state)
{
    (void)state;
    read_answer(ACTION_PROVISION, false, 201,
                IDENTITY ",\"accessToken\":{\"token\":\"" TOKEN "\",\"expiresOn\":\"2022-02-10T03:45:58Z\"}}");
    check(ACS_DONE, "");
    check_no_token();
}

static void an_issue_without_a_readable_token_is_a_bad_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_tokens / sizeof *bad_tokens; i++) {
        read_answer(ACTION_ISSUE, true, 200, bad_tokens[i]);
        check(ACS_TRANSIENT, "bad_answer");
        check_no_token();
    }
}

/* An issue's answer with a token of the given length. */
static char *token_body(size_t token_length)
{
    static const char start[] = "{\"token\":\"";
    static const char end[] = "\",\"expiresOn\":\"2022-02-10T03:45:58Z\"}";
    char *body = malloc(sizeof start + token_length + sizeof end);

    assert_non_null(body);
    memcpy(body, start, sizeof start - 1);
    memset(body + sizeof start - 1, 'a', token_length);
    memcpy(body + sizeof start - 1 + token_length, end, sizeof end);
    return body;
}

static void a_token_has_a_largest_size(void **state)
{
    char *body = token_body(ACS_TOKEN_MAX);

    (void)state;
    read_answer(ACTION_ISSUE, true, 200, body);
    check(ACS_DONE, "");
    assert_int_equal(answer.token.length, ACS_TOKEN_MAX);
    free(body);
    body = token_body(ACS_TOKEN_MAX + 1);
    read_answer(ACTION_ISSUE, true, 200, body);
    check(ACS_TRANSIENT, "bad_answer");
    free(body);
    body = token_body(1024 * 1024);
    read_answer(ACTION_ISSUE, true, 200, body);
    check(ACS_TRANSIENT, "bad_answer");
    free(body);
}

static void an_error_of_another_shape_is_judged_by_its_status(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "[]",
        "null",
        "{\"error\":null}",
        "{\"error\":\"IdentityNotOwned\"}",
        "{\"code\":\"IdentityNotOwned\"}",
        "{\"error\":{\"code\":[\"IdentityNotOwned\"]}}",
        "{\"error\":{\"code\":\"IdentityNotOwned\",\"code\":\"IdentityNotOwned\"}}",
        "{\"error\":{\"code\":\"IdentityNotOwned\"}",
        "{\"error\":{\"code\":\"Identity NotOwned\"}}",
        "{\"error\":{\"code\":\"\"}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        read_answer(ACTION_ISSUE, true, 401, bodies[i]);
        check(ACS_CREDENTIAL, "http_401");
        assert_true(answer.message[0] != '\0');
    }
}

static void a_deeply_nested_body_does_no_harm(void **state)
{
    char body[60001];

    (void)state;
    memset(body, '[', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    read_answer(ACTION_PROVISION, false, 201, body);
    check(ACS_TRANSIENT, "bad_answer");
    read_answer(ACTION_PROVISION, false, 500, body);
    check(ACS_TRANSIENT, "http_500");
}

static int allocations_left;

static void *scarce_malloc(size_t size)
{
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* The identity of a create is right, in doubt, or an error: it is never dropped in silence. */
static void a_lack_of_memory_is_never_taken_for_an_answer(void **state)
{
    static const char body[] =
        IDENTITY ",\"accessToken\":{\"token\":\"" TOKEN "\",\"expiresOn\":\"2022-02-10T03:45:58.3138475+00:00\"}}";
    struct error error = {0};
    int failed = 0;
    bool done = false;

    (void)state;
    json_set_alloc_funcs(scarce_malloc, free);
    for (int count = 0; !done && count < 1000; count++) {
        allocations_left = count;
        const bool ok = acs_answer_read(ACTION_PROVISION, true, 201, body, sizeof body - 1, &answer, &error);
        failed += !ok;
        done = ok && answer.class == ACS_DONE;
        assert_true(done || acs_create_is_in_doubt(&answer));
        if (done)
            check_token();
        acs_answer_clear(&answer);
    }
    json_set_alloc_funcs(malloc, free);
    assert_true(done);
    assert_true(failed > 0);
    assert_int_equal(error.code, ERROR_SYSTEM);
}

/* --- messages --- */

static void message_of(const char *message, const char *expected)
{
    char body[2048];

    snprintf(body, sizeof body, "{\"error\":{\"code\":\"X\",\"message\":\"%s\"}}", message);
    read_answer(ACTION_ISSUE, true, 409, body);
    assert_string_equal(answer.message, expected);
}

static void a_message_is_one_printable_line(void **state)
{
    (void)state;
    message_of("a\\nb\\r\\tc\\u001b[31m\\u007f", "a b  c [31m ");
    message_of("J\xC3\xB6rg \xE2\x82\xAC \xF0\x9F\x98\x80", "J\xC3\xB6rg \xE2\x82\xAC \xF0\x9F\x98\x80");
    message_of("a\\u0085b\\u009bc\\u00a0d", "a b c\xC2\xA0"
                                            "d");
    message_of("a\\u2028b\\u202ec\\u2066d\\u2069e", "a b c d e");
}

static void a_message_never_shows_a_token(void **state)
{
    (void)state;
    message_of("the token " TOKEN " is bad", "the token *** is bad");
    message_of("token=" TOKEN, "token=***");
    message_of("(" TOKEN ")" TOKEN, "(***)***");
}

static void a_message_too_long_ends_with_a_whole_character(void **state)
{
    char message[1200] = "";

    (void)state;
    for (int i = 0; i < 256; i++)
        strcat(message, "\xE2\x82\xAC");
    char body[2048];
    snprintf(body, sizeof body, "{\"error\":{\"code\":\"X\",\"message\":\"%s\"}}", message);
    read_answer(ACTION_ISSUE, true, 409, body);
    assert_int_equal(strlen(answer.message), 510);
    assert_memory_equal(answer.message, message, 510);
}

static void a_code_that_is_no_word_is_not_shown(void **state)
{
    char body[256];

    (void)state;
    read_answer(ACTION_ISSUE, true, 409, "{\"error\":{\"code\":\"a\\nb\"}}");
    check(ACS_USER, "http_409");
    snprintf(body, sizeof body, "{\"error\":{\"code\":\"%064d\"}}", 0);
    read_answer(ACTION_ISSUE, true, 409, body);
    check(ACS_USER, "http_409");
    snprintf(body, sizeof body, "{\"error\":{\"code\":\"%063d\"}}", 0);
    read_answer(ACTION_ISSUE, true, 409, body);
    assert_int_equal(strlen(answer.code), 63);
    read_answer(ACTION_ISSUE, true, 409, "{\"error\":{\"code\":\"eyJhbGci.eyJl.adM\"}}");
    check(ACS_USER, "http_409");
    read_answer(ACTION_ISSUE, true, 409, "{\"error\":{\"code\":\"Bad-eyJhbGci.eyJl.adM\"}}");
    check(ACS_USER, "http_409");
}

/* --- what follows from an answer --- */

static void a_503_with_a_delay_is_a_throttle(void **state)
{
    (void)state;
    read_answer(ACTION_ISSUE, true, 503, "");
    acs_answer_set_headers(&answer, "", -1);
    check(ACS_TRANSIENT, "http_503");
    acs_answer_set_headers(&answer, "", 0);
    check(ACS_THROTTLED, "http_503");
    read_answer(ACTION_ISSUE, true, 500, "");
    acs_answer_set_headers(&answer, "", 1000);
    check(ACS_TRANSIENT, "http_500");
}

/* One that every request gets must not write off every identity. */
static void a_404_that_is_not_the_services_says_nothing_of_an_identity(void **state)
{
    static const char *const pages[] = {"<html>404 Not Found</html>", "404 page not found",
                                        "{\"statusCode\":404,\"message\":\"Resource not found\"}"};
    static const enum action actions[] = {ACTION_ISSUE, ACTION_REVOKE, ACTION_DELETE};

    (void)state;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        for (size_t page = 0; page < sizeof pages / sizeof *pages; page++) {
            read_answer(actions[i], true, 404, pages[page]);
            acs_answer_set_headers(&answer, "ZVCfY9DAZkuyG1riqtK9Ug.0", -1);
            check(ACS_CREDENTIAL, "http_404");
        }
        read_answer(actions[i], true, 404, "");
        acs_answer_set_headers(&answer, "", -1);
        check(ACS_CREDENTIAL, "http_404");
        assert_string_equal(answer.message, "what answered is not the service");
        read_answer(actions[i], true, 404, "");
        acs_answer_set_headers(&answer, "ZVCfY9DAZkuyG1riqtK9Ug.0", -1);
        check(actions[i] == ACTION_DELETE ? ACS_DONE : ACS_GONE, "http_404");
        read_answer(actions[i], true, 404, CODE("IdentityNotFound"));
        acs_answer_set_headers(&answer, "", -1);
        check(actions[i] == ACTION_DELETE ? ACS_DONE : ACS_GONE, "IdentityNotFound");
    }
    read_answer(ACTION_DELETE, false, 410, "gone");
    check(ACS_CREDENTIAL, "http_410");
}

static void a_create_is_in_doubt_when_it_may_have_acted(void **state)
{
    static const int in_doubt[] = {0, 202, 408, 500, 502, 503, 504};
    static const int certain[] = {301, 400, 401, 403, 404, 409, 429, 501};

    (void)state;
    for (size_t i = 0; i < sizeof in_doubt / sizeof *in_doubt; i++) {
        read_answer(ACTION_PROVISION, false, in_doubt[i], "");
        acs_answer_set_headers(&answer, "", 1000);
        assert_true(acs_create_is_in_doubt(&answer));
    }
    for (size_t i = 0; i < sizeof certain / sizeof *certain; i++) {
        read_answer(ACTION_PROVISION, false, certain[i], "");
        assert_false(acs_create_is_in_doubt(&answer));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_teardown(each_answer_has_its_class, clear),
    cmocka_unit_test_teardown(an_answer_without_a_code_gets_one_of_ours, clear),
    cmocka_unit_test_teardown(a_recorded_create_gives_the_identity, clear),
    cmocka_unit_test_teardown(a_create_in_the_cloud_of_a_government_gives_the_identity, clear),
    cmocka_unit_test_teardown(a_recorded_create_with_token_gives_both, clear),
    cmocka_unit_test_teardown(a_recorded_create_with_custom_id_gives_the_identity, clear),
    cmocka_unit_test_teardown(a_recorded_issue_gives_the_token, clear),
    cmocka_unit_test_teardown(an_escaped_plus_in_the_expiry_is_read, clear),
    cmocka_unit_test_teardown(a_token_is_read_however_it_is_written, clear),
    cmocka_unit_test_teardown(a_token_from_elsewhere_in_the_answer_is_not_taken, clear),
    cmocka_unit_test_teardown(a_body_with_much_around_its_token_is_read_too, clear),
    cmocka_unit_test_teardown(a_recorded_lifetime_error_is_ours, clear),
    cmocka_unit_test_teardown(a_recorded_scopes_error_is_ours, clear),
    cmocka_unit_test_teardown(a_recorded_foreign_identity_is_gone_and_never_deleted, clear),
    cmocka_unit_test_teardown(a_denied_signature_is_about_the_credential, clear),
    cmocka_unit_test_teardown(a_create_that_names_no_valid_identity_is_a_bad_answer, clear),
    cmocka_unit_test_teardown(a_create_without_a_readable_token_keeps_its_identity, clear),
    cmocka_unit_test_teardown(a_token_that_nobody_asked_for_is_not_kept, clear),
    cmocka_unit_test_teardown(an_issue_without_a_readable_token_is_a_bad_answer, clear),
    cmocka_unit_test_teardown(a_token_has_a_largest_size, clear),
    cmocka_unit_test_teardown(an_error_of_another_shape_is_judged_by_its_status, clear),
    cmocka_unit_test_teardown(a_deeply_nested_body_does_no_harm, clear),
    cmocka_unit_test_teardown(a_lack_of_memory_is_never_taken_for_an_answer, clear),
    cmocka_unit_test_teardown(a_message_is_one_printable_line, clear),
    cmocka_unit_test_teardown(a_message_never_shows_a_token, clear),
    cmocka_unit_test_teardown(a_message_too_long_ends_with_a_whole_character, clear),
    cmocka_unit_test_teardown(a_code_that_is_no_word_is_not_shown, clear),
    cmocka_unit_test_teardown(a_503_with_a_delay_is_a_throttle, clear),
    cmocka_unit_test_teardown(a_404_that_is_not_the_services_says_nothing_of_an_identity, clear),
    cmocka_unit_test_teardown(a_create_is_in_doubt_when_it_may_have_acted, clear),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
