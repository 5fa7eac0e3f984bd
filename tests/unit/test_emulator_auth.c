#include "auth.h"
#include "random.h"

#include "core/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

/* The vectors of the reference (acs-identity.md, section 3). */
static const char key1[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";
static const char key2[] = "AwoRGB8mLTQ7QklQV15lbHN6gYiPlp2kq7K5wMfO1dw=";

static const struct request create_without_body = {
    .method = "POST",
    .target = "/identities?api-version=2023-10-01",
    .host = "contoso.communication.azure.com",
    .ms_date = "Mon, 05 Jan 2026 08:09:10 GMT",
    .content_hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    .authorization = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
                     "b+IBD/3yc5tps3AJh8TyOZkcuDGF8kPnj4kjS1qF2/o=",
    .body = "",
};

static const struct request create_with_token = {
    .method = "POST",
    .target = "/identities?api-version=2025-06-30",
    .host = "contoso.communication.azure.com",
    .ms_date = "Thu, 12 Feb 2026 23:59:59 GMT",
    .content_hash = "jENEeifYNCidF9FcfXJ54WzhK3ED/2UrQyA4+oWOZKc=",
    .authorization = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
                     "10Dth89wACfxI6rvkWCwtnUWbRqlec9LlNTFAimxUss=",
    .body = "{\"createTokenWithScopes\":[\"chat\",\"voip\"],\"expiresInMinutes\":60}",
    .body_length = 63,
};

static const struct request issue = {
    .method = "POST",
    .target = "/identities/8%3Aacs%3A5f4c1e2a-0b7d-4c1e-9a53-2d6f8b90c417_0000001c-8f4e-2ab7-69ff-9c3a0d00b41e/"
              ":issueAccessToken?api-version=2023-10-01",
    .host = "contoso.communication.azure.com",
    .ms_date = "Sun, 01 Mar 2026 00:00:00 GMT",
    .content_hash = "dioGSJOuqxCwYy6G5sacqxAMnZ33OJ262ovndkkrQYM=",
    .authorization = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
                     "4l+u2tKMgm+cYp6hQtBp19PoTFXCMFCwNuNs+wdBI7U=",
    .body = "{\"scopes\":[\"chat\"],\"expiresInMinutes\":1440}",
    .body_length = 43,
};

/* The verdict on a request that arrives so many seconds after its date. */
static enum auth_verdict verdict(const char *key, struct request request, int64_t late_s)
{
    struct resource resource;
    struct bearer bearer = {0};
    struct auth auth;
    struct error error = {0};
    int64_t dated_s;

    assert_true(time_parse_http(request.ms_date != NULL ? request.ms_date : request.date, &dated_s));
    request.arrived.wall_ticks = (dated_s + late_s) * TICKS_PER_SECOND;
    assert_true(resource_init(&resource, "seed", false, key, &error));
    assert_true(auth_init(&auth, &resource, &bearer, &error));
    const enum auth_verdict result = auth_check(&auth, &request);
    auth_clear(&auth);
    return result;
}

static void published_vectors_are_allowed(void **state)
{
    (void)state;
    assert_int_equal(verdict(key1, create_without_body, 0), AUTH_ALLOWED);
    assert_int_equal(verdict(key2, create_with_token, 0), AUTH_ALLOWED);
    assert_int_equal(verdict(key2, issue, 0), AUTH_ALLOWED);
}

static void another_key_is_denied(void **state)
{
    (void)state;
    assert_int_equal(verdict(key2, create_without_body, 0), AUTH_DENIED);
}

static void every_signed_part_counts(void **state)
{
    struct request request;

    (void)state;
    request = create_without_body;
    request.method = "PUT";
    assert_int_equal(verdict(key1, request, 0), AUTH_DENIED);
    request = create_without_body;
    request.target = "/identities?api-version=2025-06-30";
    assert_int_equal(verdict(key1, request, 0), AUTH_DENIED);
    request = create_without_body;
    request.ms_date = "Mon, 05 Jan 2026 08:09:11 GMT";
    assert_int_equal(verdict(key1, request, 0), AUTH_DENIED);
    request = create_without_body;
    request.host = "fabrikam.communication.azure.com";
    assert_int_equal(verdict(key1, request, 0), AUTH_DENIED);
}

static void the_target_counts_as_received_and_not_decoded(void **state)
{
    struct request request = issue;

    (void)state;
    request.target = "/identities/8:acs:5f4c1e2a-0b7d-4c1e-9a53-2d6f8b90c417_0000001c-8f4e-2ab7-69ff-9c3a0d00b41e/"
                     ":issueAccessToken?api-version=2023-10-01";
    assert_int_equal(verdict(key2, request, 0), AUTH_DENIED);
}

static void fifteen_minutes_are_allowed_either_way(void **state)
{
    (void)state;
    assert_int_equal(verdict(key1, create_without_body, 15 * 60), AUTH_ALLOWED);
    assert_int_equal(verdict(key1, create_without_body, -15 * 60), AUTH_ALLOWED);
    assert_int_equal(verdict(key1, create_without_body, 15 * 60 + 1), AUTH_DENIED);
    assert_int_equal(verdict(key1, create_without_body, -15 * 60 - 1), AUTH_DENIED);
}

static void another_body_than_the_hashed_one_is_told_apart(void **state)
{
    struct request request = create_with_token;

    (void)state;
    request.body = "{\"createTokenWithScopes\":[\"chat\",\"voip\"],\"expiresInMinutes\":61}";
    assert_int_equal(verdict(key2, request, 0), AUTH_HASH_DIFFERS);
    request.body_length = 0;
    assert_int_equal(verdict(key2, request, 0), AUTH_HASH_DIFFERS);
}

static void the_date_header_does_without_x_ms_date(void **state)
{
    struct request request = create_without_body;

    (void)state;
    request.date = request.ms_date;
    request.ms_date = NULL;
    assert_int_equal(verdict(key1, request, 0), AUTH_ALLOWED);
}

static void missing_and_broken_headers_are_denied(void **state)
{
    static const char *const broken[] = {
        "",
        "HMAC-SHA256",
        "HMAC-SHA256 ",
        "HMAC-SHA256 Signature=b+IBD/3yc5tps3AJh8TyOZkcuDGF8kPnj4kjS1qF2/o=",
        "HMAC-SHA256 SignedHeaders=host&Signature=b+IBD/3yc5tps3AJh8TyOZkcuDGF8kPnj4kjS1qF2/o=",
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=",
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=b+IBD/3yc5tps3AJh8TyOZkcuDGF8kPnj4kj",
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
        "b+IBD/3yc5tps3AJh8TyOZkcuDGF8kPnj4kjS1qF2/o",
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
        "b+IBD/3yc5tps3AJh8TyOZkcuDGF8kPnj4kjS1qF2/p=",
        "SharedKey b+IBD/3yc5tps3AJh8TyOZkcuDGF8kPnj4kjS1qF2/o=",
        "Bearer b+IBD/3yc5tps3AJh8TyOZkcuDGF8kPnj4kjS1qF2/o=",
    };
    struct request request = create_without_body;

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        request.authorization = broken[i];
        assert_int_equal(verdict(key1, request, 0), AUTH_DENIED);
    }
    request.authorization = NULL;
    assert_int_equal(verdict(key1, request, 0), AUTH_DENIED);
    request = create_without_body;
    request.content_hash = NULL;
    assert_int_equal(verdict(key1, request, 0), AUTH_DENIED);
    request = create_without_body;
    request.host = NULL;
    assert_int_equal(verdict(key1, request, 0), AUTH_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors_are_allowed),
        cmocka_unit_test(another_key_is_denied),
        cmocka_unit_test(every_signed_part_counts),
        cmocka_unit_test(the_target_counts_as_received_and_not_decoded),
        cmocka_unit_test(fifteen_minutes_are_allowed_either_way),
        cmocka_unit_test(another_body_than_the_hashed_one_is_told_apart),
        cmocka_unit_test(the_date_header_does_without_x_ms_date),
        cmocka_unit_test(missing_and_broken_headers_are_denied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
