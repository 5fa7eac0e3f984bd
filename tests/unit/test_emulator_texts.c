#include "encoding.h"
#include "moment.h"
#include "route.h"
#include "token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void base64_round_trips_at_every_length(void **state)
{
    unsigned char bytes[100];
    unsigned char decoded[sizeof bytes + 3];
    char text[BASE64_LENGTH(sizeof bytes)];
    size_t length;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 37 + 250);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        assert_int_equal(base64_encode(bytes, n, text), BASE64_LENGTH(n));
        assert_true(base64_decode(text, BASE64_LENGTH(n), decoded, &length));
        assert_int_equal(length, n);
        assert_memory_equal(bytes, decoded, n);
        const size_t short_length = base64url_encode(bytes, n, text);
        assert_true(base64url_decode(text, short_length, decoded, &length));
        assert_int_equal(length, n);
        assert_memory_equal(bytes, decoded, n);
    }
}

static void strict_base64_refuses_what_it_did_not_make(void **state)
{
    static const char *const wrong[] = {"QQ", "QQ=", "Q===", "QR==", "QUJ=", "QUI=QUI=", "QU-_", "QU I", "===="};
    unsigned char decoded[16];
    size_t length;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (base64_decode(wrong[i], strlen(wrong[i]), decoded, &length))
            fail_msg("\"%s\" was taken", wrong[i]);
}

static void ticks_are_shown_as_dotnet_shows_them(void **state)
{
    const int64_t second = INT64_C(1644464758) * TICKS_PER_SECOND; /* 2022-02-10T03:45:58Z */
    char text[MOMENT_TEXT_SIZE];

    (void)state;
    moment_format_ticks(second + 3138475, text);
    assert_string_equal(text, "2022-02-10T03:45:58.3138475");
    moment_format_ticks(second + 3138400, text);
    assert_string_equal(text, "2022-02-10T03:45:58.31384");
    moment_format_ticks(second + 75, text);
    assert_string_equal(text, "2022-02-10T03:45:58.0000075");
    moment_format_ticks(second, text);
    assert_string_equal(text, "2022-02-10T03:45:58");
}

static void targets_are_routed(void **state)
{
    static const struct {
        const char *method;
        const char *target;
        enum place place;
        enum operation operation;
        const char *id;
        const char *version;
    } rows[] = {
        {"POST", "/identities?api-version=1", PLACE_IDENTITIES, OPERATION_CREATE, "", "1"},
        {"POST", "/identities/?api-version=1", PLACE_IDENTITIES, OPERATION_CREATE, "", "1"},
        {"GET", "/identities?api-version=1", PLACE_IDENTITIES, OPERATION_OTHER, "", "1"},
        {"DELETE", "/identities/8%3Aacs%3aA?x=y&api-version=1&z", PLACE_IDENTITY, OPERATION_DELETE, "8:acs:A", "1"},
        {"DELETE", "/identities/8:acs:A?API-Version=1", PLACE_IDENTITY, OPERATION_DELETE, "8:acs:A", "1"},
        {"GET", "/identities/8:acs:A", PLACE_IDENTITY, OPERATION_GET, "8:acs:A", ""},
        {"POST", "/identities/A/:issueAccessToken", PLACE_ISSUE, OPERATION_ISSUE, "A", ""},
        {"POST", "/identities/A/%3AissueAccessToken", PLACE_ISSUE, OPERATION_ISSUE, "A", ""},
        {"POST", "/identities/A/:revokeAccessTokens", PLACE_REVOKE, OPERATION_REVOKE, "A", ""},
        {"POST", "/identities/A/:forgeAccessTokens", PLACE_UNKNOWN, OPERATION_OTHER, "", ""},
        {"POST", "/identities/A%2F:issueAccessToken", PLACE_IDENTITY, OPERATION_OTHER, "A/:issueAccessToken", ""},
        {"POST", "/identities//:issueAccessToken", PLACE_UNKNOWN, OPERATION_OTHER, "", ""},
        {"POST", "/teamsUser/:exchangeAccessToken", PLACE_EXCHANGE, OPERATION_EXCHANGE, "", ""},
        {"GET", "/_emulator/stats", PLACE_STATS, OPERATION_OTHER, "", ""},
        {"POST", "/contoso.example/oauth2/v2.0/token", PLACE_TOKEN, OPERATION_TOKEN, "contoso.example", ""},
        {"GET", "/contoso.example/oauth2/v2.0/token", PLACE_TOKEN, OPERATION_OTHER, "contoso.example", ""},
        {"POST", "//oauth2/v2.0/token", PLACE_UNKNOWN, OPERATION_OTHER, "", ""},
        {"POST", "/adfs/oauth2/token", PLACE_ADFS_TOKEN, OPERATION_TOKEN, "", ""},
        {"GET", "/metadata/identity/oauth2/token?api-version=2018-02-01", PLACE_IMDS, OPERATION_MANAGED_IDENTITY, "",
         "2018-02-01"},
        {"GET", "/t/v2.0/.well-known/openid-configuration", PLACE_OPENID_CONFIGURATION, OPERATION_DISCOVERY, "t", ""},
        {"POST", "/identities/A%", PLACE_IDENTITY, OPERATION_OTHER, "A%", ""},
        {"POST", "/identities/A%zz", PLACE_IDENTITY, OPERATION_OTHER, "A%zz", ""},
        {"POST", "/identities/A%00B", PLACE_UNKNOWN, OPERATION_OTHER, "", ""},
        {"POST", "/a/b/c/d", PLACE_UNKNOWN, OPERATION_OTHER, "", ""},
        {"POST", "/", PLACE_UNKNOWN, OPERATION_OTHER, "", ""},
        {"OPTIONS", "*", PLACE_UNKNOWN, OPERATION_OTHER, "", ""},
        {"POST", "", PLACE_UNKNOWN, OPERATION_OTHER, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct route route;
        route_parse(rows[i].method, rows[i].target, &route);
        if (route.place != rows[i].place || route.operation != rows[i].operation || strcmp(route.id, rows[i].id) != 0 ||
            strcmp(route.version, rows[i].version) != 0)
            fail_msg("%s %s: place %d, operation %d, id \"%s\", version \"%s\"", rows[i].method, rows[i].target,
                     route.place, route.operation, route.id, route.version);
    }
}

static void a_path_longer_than_any_is_unknown(void **state)
{
    char target[2 * ROUTE_ID_SIZE] = "/identities/";
    struct route route;

    (void)state;
    memset(target + strlen(target), 'a', sizeof target - strlen(target) - 1);
    target[sizeof target - 1] = '\0';
    route_parse("DELETE", target, &route);
    assert_int_equal(route.place, PLACE_UNKNOWN);
}

static void an_entra_token_is_read(void **state)
{
    static const char claims[] = "{\"appid\":\"9b1f6a52-5c55-4a7e-8d5e-53d1d7a6f4a0\","
                                 "\"oid\":\"0F9B4F43-6A1C-4A6E-9C3B-2F5E7A1B9C11\",\"exp\":1767600550.5}";
    char token[512] = "e30.";
    struct entra_claims read;

    (void)state;
    strcpy(token + 4 + base64url_encode(claims, sizeof claims - 1, token + 4), ".c2ln");
    assert_true(token_read_entra(token, &read));
    assert_string_equal(read.app_id, "9b1f6a52-5c55-4a7e-8d5e-53d1d7a6f4a0");
    assert_string_equal(read.object_id, "0F9B4F43-6A1C-4A6E-9C3B-2F5E7A1B9C11");
    assert_true(read.expires_ticks == INT64_C(17676005505000000));
}

static void what_is_no_entra_token_is_refused(void **state)
{
    static const char *const wrong[] = {"", ".", "..", "a.b", "a.b.c.d", "e30.e30.e30", "e30.!!!.c2ln", "e30.W10.c2ln"};
    static const char *const claims[] = {
        "{\"appid\":\"9b1f6a52-5c55-4a7e-8d5e-53d1d7a6f4a0\",\"oid\":\"0f9b4f43-6a1c-4a6e-9c3b-2f5e7a1b9c11\"}",
        "{\"appid\":\"9b1f6a52-5c55-4a7e-8d5e-53d1d7a6f4a0\",\"oid\":\"0f9b4f43-6a1c-4a6e-9c3b-2f5e7a1b9c11\","
        "\"exp\":1e300}",
        "{\"appid\":\"9b1f6a52\",\"oid\":\"0f9b4f43-6a1c-4a6e-9c3b-2f5e7a1b9c11\",\"exp\":1767600550}",
        "{\"appid\":7,\"oid\":\"0f9b4f43-6a1c-4a6e-9c3b-2f5e7a1b9c11\",\"exp\":1767600550}",
    };
    struct entra_claims read;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (token_read_entra(wrong[i], &read))
            fail_msg("\"%s\" was taken", wrong[i]);
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        char token[512] = "e30.";
        strcpy(token + 4 + base64url_encode(claims[i], strlen(claims[i]), token + 4), ".c2ln");
        if (token_read_entra(token, &read))
            fail_msg("%s was taken", claims[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_round_trips_at_every_length),
        cmocka_unit_test(strict_base64_refuses_what_it_did_not_make),
        cmocka_unit_test(ticks_are_shown_as_dotnet_shows_them),
        cmocka_unit_test(targets_are_routed),
        cmocka_unit_test(a_path_longer_than_any_is_unknown),
        cmocka_unit_test(an_entra_token_is_read),
        cmocka_unit_test(what_is_no_entra_token_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
