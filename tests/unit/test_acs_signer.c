#include "acs/acs.h"

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

struct vector {
    const char *key;
    const char *target;
    const char *body;
    int64_t now_s;
    const char *date;
    const char *content_hash;
    const char *signature;
};

static const struct vector create_without_body = {
    key1,
    "/identities?api-version=2023-10-01",
    "",
    1767600550,
    "Mon, 05 Jan 2026 08:09:10 GMT",
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "b+IBD/3yc5tps3AJh8TyOZkcuDGF8kPnj4kjS1qF2/o=",
};
static const struct vector create_with_token = {
    key2,
    "/identities?api-version=2025-06-30",
    "{\"createTokenWithScopes\":[\"chat\",\"voip\"],\"expiresInMinutes\":60}",
    1770940799,
    "Thu, 12 Feb 2026 23:59:59 GMT",
    "jENEeifYNCidF9FcfXJ54WzhK3ED/2UrQyA4+oWOZKc=",
    "10Dth89wACfxI6rvkWCwtnUWbRqlec9LlNTFAimxUss=",
};
static const struct vector issue = {
    key2,
    "/identities/8%3Aacs%3A5f4c1e2a-0b7d-4c1e-9a53-2d6f8b90c417_0000001c-8f4e-2ab7-69ff-9c3a0d00b41e/"
    ":issueAccessToken?api-version=2023-10-01",
    "{\"scopes\":[\"chat\"],\"expiresInMinutes\":1440}",
    1772323200,
    "Sun, 01 Mar 2026 00:00:00 GMT",
    "dioGSJOuqxCwYy6G5sacqxAMnZ33OJ262ovndkkrQYM=",
    "4l+u2tKMgm+cYp6hQtBp19PoTFXCMFCwNuNs+wdBI7U=",
};

static struct acs_signer *new_signer(const char *key)
{
    struct acs_resource resource;
    struct error error;
    char text[256];

    snprintf(text, sizeof text, "endpoint=https://contoso.communication.azure.com;accesskey=%s", key);
    assert_true(acs_resource_parse(text, &resource, &error));
    struct acs_signer *signer = acs_signer_new(&resource, &error);
    assert_non_null(signer);
    acs_resource_clear(&resource); /* the signer keeps what it needs */
    return signer;
}

static void check(struct acs_signer *signer, const struct vector *vector)
{
    struct acs_signature signature;
    struct error error;
    char authorization[sizeof signature.authorization];

    assert_true(acs_sign(signer, "POST", vector->target, vector->body, strlen(vector->body), vector->now_s, &signature,
                         &error));
    snprintf(authorization, sizeof authorization,
             "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=%s", vector->signature);
    assert_string_equal(signature.date, vector->date);
    assert_string_equal(signature.content_hash, vector->content_hash);
    assert_string_equal(signature.authorization, authorization);
}

static void check_alone(const struct vector *vector)
{
    struct acs_signer *signer = new_signer(vector->key);

    check(signer, vector);
    acs_signer_free(signer);
}

static void a_create_without_body_has_the_reference_signature(void **state)
{
    (void)state;
    check_alone(&create_without_body);
}

static void a_create_with_token_has_the_reference_signature(void **state)
{
    (void)state;
    check_alone(&create_with_token);
}

static void an_issue_has_the_reference_signature(void **state)
{
    (void)state;
    check_alone(&issue);
}

static void what_is_kept_from_one_request_does_not_show_in_the_next(void **state)
{
    struct acs_signer *signer = new_signer(key2);
    struct vector empty = issue;

    (void)state;
    for (int round = 0; round < 3; round++) {
        check(signer, &issue);
        check(signer, &issue);
        check(signer, &create_with_token);
    }
    empty.body = "";
    empty.content_hash = create_without_body.content_hash;
    empty.signature = "JRf7PIKu+Rb5CAz8snO5/4Fh4Cg/c225QycEXPXU3vk=";
    check(signer, &empty);
    check(signer, &issue);
    acs_signer_free(signer);
}

static void bodies_of_the_same_length_are_told_apart(void **state)
{
    struct acs_signer *signer = new_signer(key2);
    struct acs_signature one;
    struct acs_signature other;
    struct error error;

    (void)state;
    assert_true(acs_sign(signer, "POST", "/", "{\"a\":1}", 7, 0, &one, &error));
    assert_true(acs_sign(signer, "POST", "/", "{\"a\":2}", 7, 0, &other, &error));
    assert_string_not_equal(one.content_hash, other.content_hash);
    assert_string_not_equal(one.authorization, other.authorization);
    acs_signer_free(signer);
}

static void a_body_larger_than_any_of_ours_is_signed_too(void **state)
{
    static char body[ACS_BODY_MAX + 1];
    struct acs_signer *signer = new_signer(key2);
    struct acs_signature one;
    struct acs_signature again;
    struct error error;

    (void)state;
    assert_true(acs_sign(signer, "POST", "/", body, sizeof body, 0, &one, &error));
    assert_true(acs_sign(signer, "POST", "/", body, sizeof body, 0, &again, &error));
    assert_string_equal(one.authorization, again.authorization);
    acs_signer_free(signer);
}

static void method_host_and_second_are_part_of_what_is_signed(void **state)
{
    struct acs_signer *signer = new_signer(key2);
    struct acs_signature post;
    struct acs_signature delete;
    struct acs_signature later;
    struct acs_signature elsewhere;
    struct acs_resource resource;
    struct error error;

    (void)state;
    assert_true(acs_sign(signer, "POST", "/", "", 0, 1000, &post, &error));
    assert_true(acs_sign(signer, "DELETE", "/", "", 0, 1000, &delete, &error));
    assert_true(acs_sign(signer, "POST", "/", "", 0, 1001, &later, &error));
    acs_signer_free(signer);
    assert_true(acs_resource_parse(
        "endpoint=http://localhost:8080;accesskey=AwoRGB8mLTQ7QklQV15lbHN6gYiPlp2kq7K5wMfO1dw=", &resource, &error));
    signer = acs_signer_new(&resource, &error);
    assert_true(acs_sign(signer, "POST", "/", "", 0, 1000, &elsewhere, &error));
    acs_signer_free(signer);
    acs_resource_clear(&resource);

    assert_string_not_equal(post.authorization, delete.authorization);
    assert_string_not_equal(post.authorization, later.authorization);
    assert_string_not_equal(post.authorization, elsewhere.authorization);
}

static void a_target_that_does_not_fit_is_an_error(void **state)
{
    char target[2000];
    struct acs_signer *signer = new_signer(key2);
    struct acs_signature signature;
    struct error error;

    (void)state;
    memset(target, 'a', sizeof target);
    target[sizeof target - 1] = '\0';
    assert_false(acs_sign(signer, "POST", target, "", 0, 0, &signature, &error));
    assert_int_equal(error.code, ERROR_INPUT);
    acs_signer_free(signer);
}

static void without_a_key_there_is_no_signer(void **state)
{
    struct acs_resource resource;
    struct error error;

    (void)state;
    assert_true(acs_resource_from_endpoint("https://contoso.communication.azure.com", &resource, &error));
    assert_null(acs_signer_new(&resource, &error));
    assert_int_equal(error.code, ERROR_INPUT);
    acs_resource_clear(&resource);
    acs_signer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_create_without_body_has_the_reference_signature),
        cmocka_unit_test(a_create_with_token_has_the_reference_signature),
        cmocka_unit_test(an_issue_has_the_reference_signature),
        cmocka_unit_test(what_is_kept_from_one_request_does_not_show_in_the_next),
        cmocka_unit_test(bodies_of_the_same_length_are_told_apart),
        cmocka_unit_test(a_body_larger_than_any_of_ours_is_signed_too),
        cmocka_unit_test(method_host_and_second_are_part_of_what_is_signed),
        cmocka_unit_test(a_target_that_does_not_fit_is_an_error),
        cmocka_unit_test(without_a_key_there_is_no_signer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
