#include "bearer.h"
#include "encoding.h"
#include "jwt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <string.h>

/* RFC 7515, appendix A.3: the key and what it signed. */
static const char key_x[] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
static const char key_y[] = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
static const char published[] =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
    "fQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

static EVP_PKEY *published_key(void)
{
    unsigned char point[65] = {4};
    size_t length;
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);

    assert_true(base64url_decode(key_x, strlen(key_x), point + 1, &length));
    assert_true(base64url_decode(key_y, strlen(key_y), point + 33, &length));
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){"P-256"}, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end(),
    };
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters), 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

static bool is_signed_by(const char *text, EVP_PKEY *key)
{
    struct jwt jwt;

    assert_true(jwt_read(&jwt, text));
    const bool ok = jwt_verify(&jwt, key);
    jwt_clear(&jwt);
    return ok;
}

static void the_published_signature_is_verified(void **state)
{
    EVP_PKEY *key = published_key();
    char changed[sizeof published];

    (void)state;
    assert_true(is_signed_by(published, key));
    memcpy(changed, published, sizeof published);
    changed[sizeof published - 4] ^= 1;
    assert_false(is_signed_by(changed, key));
    memcpy(changed, published, sizeof published);
    changed[40] ^= 1; /* in a name of the claims */
    assert_false(is_signed_by(changed, key));
    EVP_PKEY_free(key);
}

static void a_token_without_a_signature_is_nobodys(void **state)
{
    EVP_PKEY *key = published_key();
    struct jwt jwt;

    (void)state;
    assert_false(is_signed_by("eyJhbGciOiJub25lIn0.e30.AA", key)); /* alg: none */
    assert_false(is_signed_by("e30.e30.AA", key));
    assert_false(jwt_read(&jwt, "e30.e30"));
    assert_false(jwt_read(&jwt, "e30.W10.AA")); /* a list is no claims */
    assert_false(jwt_read(&jwt, "e30.e30.A A"));
    EVP_PKEY_free(key);
}

static const struct bearer_subject subject = {"tenant", "client", "object"};

static enum bearer_verdict verdict(struct bearer *bearer, const char *audience, int64_t age_us)
{
    const struct moment now = {.wall_ticks = INT64_C(17676005500000000)};
    const struct moment later = {.wall_ticks = now.wall_ticks + age_us * 10};
    struct buffer token;

    buffer_init(&token, 4096);
    assert_true(bearer_append(bearer, &token, &subject, audience, now, 2000000));
    const enum bearer_verdict result = bearer_check(bearer, token.data, later);
    assert_int_equal(bearer_check(bearer, token.data, later), result); /* also from memory */
    buffer_clear(&token);
    return result;
}

static void a_bearer_token_is_good_for_its_audience_and_its_time(void **state)
{
    struct bearer bearer;
    struct bearer other;
    struct error error;
    struct buffer token;

    (void)state;
    assert_true(bearer_init(&bearer, "fixed", "seed", &error));
    assert_true(bearer_init(&other, NULL, "seed", &error));
    assert_int_equal(verdict(&bearer, BEARER_AUDIENCE, 1999000), BEARER_GOOD);
    assert_int_equal(verdict(&bearer, BEARER_AUDIENCE, 2000000), BEARER_EXPIRED);
    assert_int_equal(verdict(&bearer, "https://communication.azure.com", 0), BEARER_OTHER_AUDIENCE);
    buffer_init(&token, 4096);
    assert_true(bearer_append(&other, &token, &subject, BEARER_AUDIENCE, moment_now(), 2000000));
    assert_int_equal(bearer_check(&bearer, token.data, moment_now()), BEARER_FORGED);
    assert_int_equal(bearer_check(&bearer, "fixed", moment_now()), BEARER_GOOD);
    assert_int_equal(bearer_check(&bearer, "other", moment_now()), BEARER_MALFORMED);
    buffer_clear(&token);
    bearer_clear(&bearer);
    bearer_clear(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_signature_is_verified),
        cmocka_unit_test(a_token_without_a_signature_is_nobodys),
        cmocka_unit_test(a_bearer_token_is_good_for_its_audience_and_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
