#include "acs/acs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static const char identity[] = "8:acs:1bdaa2b9-9507-4542-bb64-a7b22c00a8d4_0000001b-7774-a97e-eef0-8b3a0d001bcf";
static const char *const scopes[] = {"chat", "voip"};

static struct acs_request_options options(void)
{
    return (struct acs_request_options){
        .api_version = "2023-10-01", .scopes = scopes, .scope_count = 2, .lifetime_min = 60};
}

static void builds(enum action action, const struct acs_request_options *given, const char *custom_id,
                   const char *target, const char *body)
{
    struct acs_request request;
    struct error error = {0};

    if (!acs_request_build(action, given, action == ACTION_PROVISION ? NULL : identity, custom_id, &request, &error))
        fail_msg("refused: %s", error.message);
    assert_string_equal(request.method, action == ACTION_DELETE ? "DELETE" : "POST");
    assert_string_equal(request.target, target);
    assert_int_equal(request.body_length, strlen(body));
    assert_string_equal(request.body, body);
    assert_int_equal(request.has_content_type, action == ACTION_PROVISION || action == ACTION_ISSUE);
}

static void refuses(enum action action, const struct acs_request_options *given, const char *id, const char *custom_id,
                    const char *message)
{
    struct acs_request request;
    struct error error = {0};

    assert_false(acs_request_build(action, given, id, custom_id, &request, &error));
    assert_int_equal(error.code, ERROR_INPUT);
    if (strstr(error.message, message) == NULL)
        fail_msg("refused with: %s", error.message);
}

static void a_create_with_scopes_asks_for_a_token(void **state)
{
    const struct acs_request_options given = options();

    (void)state;
    builds(ACTION_PROVISION, &given, NULL, "/identities?api-version=2023-10-01",
           "{\"createTokenWithScopes\":[\"chat\",\"voip\"],\"expiresInMinutes\":60}");
}

static void a_create_without_scopes_has_no_body(void **state)
{
    struct acs_request_options given = options();

    (void)state;
    given.scope_count = 0;
    given.lifetime_min = 0;
    builds(ACTION_PROVISION, &given, NULL, "/identities?api-version=2023-10-01", "");
}

static void a_custom_id_comes_first(void **state)
{
    struct acs_request_options given = options();

    (void)state;
    given.api_version = "2025-03-02-preview";
    builds(
        ACTION_PROVISION, &given, "alice@contoso.com", "/identities?api-version=2025-03-02-preview",
        "{\"customId\":\"alice@contoso.com\",\"createTokenWithScopes\":[\"chat\",\"voip\"],\"expiresInMinutes\":60}");
    given.scope_count = 0;
    builds(ACTION_PROVISION, &given, "alice@contoso.com", "/identities?api-version=2025-03-02-preview",
           "{\"customId\":\"alice@contoso.com\"}");
}

static void an_issue_has_scopes_and_a_lifetime(void **state)
{
    struct acs_request_options given = options();

    (void)state;
    given.scope_count = 1;
    given.lifetime_min = 1440;
    builds(ACTION_ISSUE, &given, "not sent",
           "/identities/8%3Aacs%3A1bdaa2b9-9507-4542-bb64-a7b22c00a8d4_0000001b-7774-a97e-eef0-8b3a0d001bcf/"
           ":issueAccessToken?api-version=2023-10-01",
           "{\"scopes\":[\"chat\"],\"expiresInMinutes\":1440}");
}

static void revoke_and_delete_have_no_body(void **state)
{
    const struct acs_request_options given = options();

    (void)state;
    builds(ACTION_REVOKE, &given, NULL,
           "/identities/8%3Aacs%3A1bdaa2b9-9507-4542-bb64-a7b22c00a8d4_0000001b-7774-a97e-eef0-8b3a0d001bcf/"
           ":revokeAccessTokens?api-version=2023-10-01",
           "");
    builds(ACTION_DELETE, &given, NULL,
           "/identities/8%3Aacs%3A1bdaa2b9-9507-4542-bb64-a7b22c00a8d4_0000001b-7774-a97e-eef0-8b3a0d001bcf"
           "?api-version=2023-10-01",
           "");
}

static void an_identity_keeps_its_cloud(void **state)
{
    const struct acs_request_options given = options();
    struct acs_request request;
    struct error error;

    (void)state;
    assert_true(acs_request_build(
        ACTION_DELETE, &given, "8:gcch-acs:1bdaa2b9-9507-4542-bb64-a7b22c00a8d4_0000001b-7774-a97e-eef0-8b3a0d001bcf",
        NULL, &request, &error));
    assert_string_equal(request.target, "/identities/8%3Agcch-acs%3A1bdaa2b9-9507-4542-bb64-a7b22c00a8d4_"
                                        "0000001b-7774-a97e-eef0-8b3a0d001bcf?api-version=2023-10-01");
}

static void the_lifetime_is_sent_from_2022_10_01_on(void **state)
{
    struct acs_request_options given = options();

    (void)state;
    given.scope_count = 1;
    given.api_version = "2022-06-01";
    builds(ACTION_PROVISION, &given, NULL, "/identities?api-version=2022-06-01",
           "{\"createTokenWithScopes\":[\"chat\"]}");
    given.api_version = "2021-10-31-preview";
    builds(ACTION_PROVISION, &given, NULL, "/identities?api-version=2021-10-31-preview",
           "{\"createTokenWithScopes\":[\"chat\"]}");
    given.api_version = "2022-10-01";
    builds(ACTION_PROVISION, &given, NULL, "/identities?api-version=2022-10-01",
           "{\"createTokenWithScopes\":[\"chat\"],\"expiresInMinutes\":60}");
    given.api_version = "2025-03-02-preview";
    builds(ACTION_PROVISION, &given, NULL, "/identities?api-version=2025-03-02-preview",
           "{\"createTokenWithScopes\":[\"chat\"],\"expiresInMinutes\":60}");
}

static void custom_ids_and_scopes_are_escaped_for_json(void **state)
{
    static const char *const odd[] = {"a\"b"};
    struct acs_request_options given = options();

    (void)state;
    given.scope_count = 0;
    builds(ACTION_PROVISION, &given, "\"\\/\b\f\n\r\t\x01\x1f\x7f", "/identities?api-version=2023-10-01",
           "{\"customId\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"}");
    builds(ACTION_PROVISION, &given, "J\xC3\xB6rg \xE2\x82\xAC \xF0\x9F\x98\x80", "/identities?api-version=2023-10-01",
           "{\"customId\":\"J\xC3\xB6rg \xE2\x82\xAC \xF0\x9F\x98\x80\"}");
    given.scopes = odd;
    given.scope_count = 1;
    builds(ACTION_PROVISION, &given, NULL, "/identities?api-version=2023-10-01",
           "{\"createTokenWithScopes\":[\"a\\\"b\"],\"expiresInMinutes\":60}");
}

static void a_custom_id_has_1_to_256_characters(void **state)
{
    struct acs_request_options given = options();
    struct acs_request request;
    struct error error;
    char id[3 * 257 + 1] = "";

    (void)state;
    given.scope_count = 0;
    refuses(ACTION_PROVISION, &given, NULL, "", "1 to 256 characters");
    for (int i = 0; i < 256; i++)
        strcat(id, "\xE2\x82\xAC");
    assert_true(acs_request_build(ACTION_PROVISION, &given, NULL, id, &request, &error));
    strcat(id, "\xE2\x82\xAC");
    refuses(ACTION_PROVISION, &given, NULL, id, "1 to 256 characters");
}

static void a_custom_id_must_be_utf_8(void **state)
{
    static const char *const bad[] = {
        "\x80",             /* a continuation first */
        "a\xFFz",           /* no such byte */
        "\xC0\xAF",         /* overlong '/' */
        "\xE0\x80\xAF",     /* the same in three */
        "\xF0\x80\x80\xAF", /* and in four */
        "\xED\xA0\x80",     /* a surrogate */
        "\xF4\x90\x80\x80", /* beyond U+10FFFF */
        "\xF5\x80\x80\x80", /* likewise */
        "\xC3",             /* cut off */
        "\xE2\x82",         /* likewise */
        "\xE2\x82z",        /* interrupted */
    };
    struct acs_request_options given = options();

    (void)state;
    given.scope_count = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuses(ACTION_PROVISION, &given, NULL, bad[i], "UTF-8");
}

static void the_ends_of_utf_8_are_let_through(void **state)
{
    static const char *const good[] = {
        "\xC2\x80",     "\xDF\xBF",         "\xE0\xA0\x80", "\xED\x9F\xBF",     "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\x7F",         "\xF4\x8F\xBF\xBF",
    };
    struct acs_request_options given = options();
    struct acs_request request;
    struct error error;

    (void)state;
    given.scope_count = 0;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(acs_request_build(ACTION_PROVISION, &given, NULL, good[i], &request, &error));
}

static void a_body_that_does_not_fit_is_refused(void **state)
{
    static char long_scope[ACS_BODY_MAX];
    const char *const long_scopes[] = {long_scope};
    struct acs_request_options given = options();
    struct acs_request request;
    struct error error;
    const size_t around = strlen("{\"scopes\":[\"\"],\"expiresInMinutes\":60}");

    (void)state;
    given.scopes = long_scopes;
    given.scope_count = 1;
    memset(long_scope, 'a', ACS_BODY_MAX - 1 - around);
    assert_true(acs_request_build(ACTION_ISSUE, &given, identity, NULL, &request, &error));
    assert_int_equal(request.body_length, ACS_BODY_MAX - 1);
    long_scope[ACS_BODY_MAX - 1 - around] = 'a';
    refuses(ACTION_ISSUE, &given, identity, NULL, "more than");
}

static void what_the_service_would_refuse_for_everyone_is_not_built(void **state)
{
    struct acs_request_options given = options();

    (void)state;
    given.lifetime_min = 59;
    refuses(ACTION_PROVISION, &given, NULL, NULL, "60 to 1440 minutes");
    given.lifetime_min = 1441;
    refuses(ACTION_ISSUE, &given, identity, NULL, "60 to 1440 minutes");
    given = options();
    given.scope_count = 0;
    refuses(ACTION_ISSUE, &given, identity, NULL, "at least one scope");
}

static void nothing_but_an_identity_goes_into_the_path(void **state)
{
    const struct acs_request_options given = options();

    (void)state;
    refuses(ACTION_DELETE, &given, NULL, NULL, "8:acs:");
    refuses(ACTION_DELETE, &given, "", NULL, "8:acs:");
    refuses(ACTION_REVOKE, &given, "../teamsUser", NULL, "8:acs:");
    refuses(ACTION_ISSUE, &given, "8:acs:1bdaa2b9", NULL, "8:acs:");
}

static void nothing_but_a_version_goes_into_the_query(void **state)
{
    struct acs_request_options given = options();
    char version[ACS_TARGET_MAX];

    (void)state;
    given.api_version = "";
    refuses(ACTION_PROVISION, &given, NULL, NULL, "api-version");
    given.api_version = "2023-10-01&x=1";
    refuses(ACTION_PROVISION, &given, NULL, NULL, "api-version");
    given.api_version = "2023\r\nHost: x";
    refuses(ACTION_PROVISION, &given, NULL, NULL, "api-version");
    memset(version, '1', sizeof version);
    version[sizeof version - 1] = '\0';
    given.api_version = version;
    refuses(ACTION_PROVISION, &given, NULL, NULL, "target would have more");
}

static void an_exchange_sends_the_token_the_application_and_the_user(void **state)
{
    struct acs_request_options given = options();
    char user[ACS_IDENTITY_MAX + 1];
    struct acs_request request;
    struct error error;

    (void)state;
    given.teams_app_id = "1B2C";
    assert_true(acs_teams_identity("0F9E8D7C-0000-4000-8000-00000000000a", user));
    assert_string_equal(user, "8:orgid:0f9e8d7c-0000-4000-8000-00000000000a");
    assert_true(acs_exchange_build(&given, user, "eyJ.\"x\"", &request, &error));
    assert_string_equal(request.method, "POST");
    assert_string_equal(request.target, "/teamsUser/:exchangeAccessToken?api-version=2023-10-01");
    assert_string_equal(request.body, "{\"token\":\"eyJ.\\\"x\\\"\",\"appId\":\"1B2C\","
                                      "\"userId\":\"0f9e8d7c-0000-4000-8000-00000000000a\"}");
    assert_int_equal(request.body_length, strlen(request.body));
    assert_true(request.has_content_type);
}

static void an_exchange_is_for_a_teams_user_and_a_token_that_fits(void **state)
{
    static char long_token[ACS_BODY_MAX];
    static const char *const wrong[] = {"", "0f9e8d7c", "0f9e8d7c-0000-4000-8000-00000000000g",
                                        "0f9e8d7c-0000-4000-8000-00000000000a0",
                                        "0f9e8d7c+0000-4000-8000-00000000000a"};
    struct acs_request_options given = options();
    char user[ACS_IDENTITY_MAX + 1];
    struct acs_request request;
    struct error error;

    (void)state;
    given.teams_app_id = "1b2c";
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(acs_teams_identity(wrong[i], user));
    assert_false(acs_exchange_build(&given, identity, "eyJ", &request, &error));
    assert_string_equal(error.message, "the identity is not of the form 8:orgid:<guid>");
    memset(long_token, 'a', sizeof long_token - 1);
    assert_false(acs_exchange_build(&given, "8:orgid:x", long_token, &request, &error));
    assert_non_null(strstr(error.message, "body would have more than"));
    given.api_version = "a&b";
    assert_false(acs_exchange_build(&given, "8:orgid:x", "eyJ", &request, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_create_with_scopes_asks_for_a_token),
        cmocka_unit_test(a_create_without_scopes_has_no_body),
        cmocka_unit_test(a_custom_id_comes_first),
        cmocka_unit_test(an_issue_has_scopes_and_a_lifetime),
        cmocka_unit_test(revoke_and_delete_have_no_body),
        cmocka_unit_test(an_identity_keeps_its_cloud),
        cmocka_unit_test(the_lifetime_is_sent_from_2022_10_01_on),
        cmocka_unit_test(custom_ids_and_scopes_are_escaped_for_json),
        cmocka_unit_test(a_custom_id_has_1_to_256_characters),
        cmocka_unit_test(a_custom_id_must_be_utf_8),
        cmocka_unit_test(the_ends_of_utf_8_are_let_through),
        cmocka_unit_test(a_body_that_does_not_fit_is_refused),
        cmocka_unit_test(what_the_service_would_refuse_for_everyone_is_not_built),
        cmocka_unit_test(nothing_but_an_identity_goes_into_the_path),
        cmocka_unit_test(nothing_but_a_version_goes_into_the_query),
        cmocka_unit_test(an_exchange_sends_the_token_the_application_and_the_user),
        cmocka_unit_test(an_exchange_is_for_a_teams_user_and_a_token_that_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
