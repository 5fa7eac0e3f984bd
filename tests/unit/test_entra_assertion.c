/* Certificates as they come, and what is signed with them; the signatures are verified by OpenSSL directly. */
#include "entra_keys.h"
#include "scratch.h"

#include "entra/entra_internal.h"

#include <jansson.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>

static struct certificate certificate;

static void write_pem(const char *first, const char *second)
{
    FILE *file = fopen("app.pem", "w");

    assert_non_null(file);
    fputs(first, file);
    fputs(second, file);
    assert_int_equal(fclose(file), 0);
}

static bool load(const char *password)
{
    struct secret secret = {0};

    certificate_clear(&certificate);
    if (password != NULL)
        assert_true(secret_set(&secret, password, strlen(password), &error));
    error = (struct error){0};
    const bool ok = certificate_load(&certificate, "app.pem", &secret, &error);
    secret_clear(&secret);
    return ok;
}

static void refuses(const char *password, const char *message, const char *hint)
{
    assert_false(load(password));
    assert_int_equal(error.code, ERROR_INPUT);
    says(message);
    hints(hint);
    assert_null(certificate.key);
}

static int begin(void **state)
{
    (void)state;
    return scratch_enter();
}

static int end(void **state)
{
    (void)state;
    certificate_clear(&certificate);
    return scratch_leave();
}

/* --- files --- */

static void key_and_certificate_stand_in_any_order(void **state)
{
    (void)state;
    write_pem(rsa_key, rsa_certificate);
    works(load(NULL));
    write_pem(rsa_certificate, rsa_key);
    works(load(NULL));
    works(load("a password that is not needed"));
}

static void the_certificate_of_the_key_is_found_among_others(void **state)
{
    char others[8192];

    (void)state;
    snprintf(others, sizeof others, "%s%s%s", ec_certificate, rsa_certificate, rsa_key);
    write_pem(others, ec384_certificate);
    works(load(NULL));
    assert_int_equal(sk_X509_num(certificate.chain), 3);
    assert_int_equal(X509_check_private_key(sk_X509_value(certificate.chain, 0), certificate.key), 1);
}

static void what_does_not_belong_together_is_refused(void **state)
{
    (void)state;
    write_pem(rsa_key, ec_certificate);
    refuses(NULL, "app.pem has no certificate that belongs to its private key", "same file");
    write_pem(rsa_key, "");
    refuses(NULL, "app.pem has no certificate that belongs to its private key", "same file");
    write_pem(rsa_certificate, "");
    refuses(NULL, "the private key in app.pem cannot be read", "must hold the private key and the certificate");
    write_pem("nothing", "");
    refuses(NULL, "the private key in app.pem cannot be read", "AZURE_CLIENT_CERTIFICATE_PASSWORD");
    write_pem(ec384_key, ec384_certificate);
    refuses(NULL, "of a kind that cannot sign", "RSA key, or an EC key on P-256");
    unlink("app.pem");
    assert_false(load(NULL));
    says("app.pem");
}

static EVP_PKEY *key_of(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    assert_non_null(key);
    BIO_free(bio);
    return key;
}

static void an_encrypted_key_takes_its_password(void **state)
{
    EVP_PKEY *key = key_of(ec_key);
    FILE *file = fopen("app.pem", "w");

    (void)state;
    assert_int_equal(PEM_write_PrivateKey(file, key, EVP_aes_256_cbc(), (unsigned char *)"open", 4, NULL, NULL), 1);
    fputs(ec_certificate, file);
    fclose(file);
    EVP_PKEY_free(key);
    refuses(NULL, "the private key in app.pem cannot be read", "certificate_password");
    refuses("wrong", "the private key in app.pem cannot be read", "check its password");
    works(load("open"));
}

static void pkcs12_is_read_as_well(void **state)
{
    EVP_PKEY *key = key_of(rsa_key);
    BIO *bio = BIO_new_mem_buf(rsa_certificate, -1);
    X509 *own = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    PKCS12 *store = PKCS12_create("open", "name", key, own, NULL, 0, 0, 0, 0, 0);
    FILE *file = fopen("app.pem", "w");

    (void)state;
    assert_int_equal(i2d_PKCS12_fp(file, store), 1);
    fclose(file);
    PKCS12_free(store);
    X509_free(own);
    BIO_free(bio);
    EVP_PKEY_free(key);
    works(load("open"));
    assert_int_equal(sk_X509_num(certificate.chain), 1);
    refuses("wrong", "the private key in app.pem cannot be read", "openssl pkcs12");
    refuses(NULL, "the private key in app.pem cannot be read", "certificate_password");
}

static void a_file_that_all_may_write_is_not_believed(void **state)
{
    (void)state;
    write_pem(rsa_key, rsa_certificate);
    assert_int_equal(chmod("app.pem", 0606), 0);
    refuses(NULL, "app.pem can be written to by others", "chmod o-w app.pem");
    assert_int_equal(chmod("app.pem", 0600), 0);
    assert_int_equal(rename("app.pem", "..data"), 0);
    assert_int_equal(symlink("..data", "app.pem"), 0); /* as Kubernetes mounts it */
    works(load(NULL));
}

/* --- assertions --- */

static struct assertion wanted = {
    .audience = "https://login.microsoftonline.com/t/oauth2/v2.0/token",
    .client_id = "app-1",
    .id = "00000000-0000-4000-8000-000000000001",
    .now_s = 1767600550,
};

static size_t decode(const char *text, size_t length, unsigned char *bytes)
{
    char padded[8192];

    for (size_t i = 0; i < length; i++)
        padded[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
    size_t total = length;
    while (total % 4 != 0)
        padded[total++] = '=';
    assert_true(EVP_DecodeBlock(bytes, (unsigned char *)padded, (int)total) >= 0);
    return length * 3 / 4;
}

/* Takes an assertion apart, verifies its signature, and returns header or claims. */
static json_t *part_of(const char *jwt, int part)
{
    const char *first = strchr(jwt, '.');
    const char *second = strchr(first + 1, '.');
    unsigned char bytes[8192];
    const char *start = part == 0 ? jwt : first + 1;
    const size_t length = decode(start, (size_t)((part == 0 ? first : second) - start), bytes);
    json_t *object = json_loadb((const char *)bytes, length, 0, NULL);

    assert_non_null(object);
    return object;
}

static bool is_signed(const char *jwt, bool is_pss)
{
    const char *second = strrchr(jwt, '.');
    EVP_PKEY *key = X509_get0_pubkey(sk_X509_value(certificate.chain, 0));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_context;
    unsigned char raw[1024];
    unsigned char der[128];
    unsigned char *signature = raw;
    size_t length = decode(second + 1, strlen(second + 1), raw);

    if (EVP_PKEY_is_a(key, "EC")) {
        ECDSA_SIG *pair = ECDSA_SIG_new();
        assert_int_equal(length, 64);
        ECDSA_SIG_set0(pair, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL));
        signature = der;
        length = (size_t)i2d_ECDSA_SIG(pair, &(unsigned char *){der});
        ECDSA_SIG_free(pair);
    }
    assert_int_equal(EVP_DigestVerifyInit(context, &key_context, EVP_sha256(), NULL, key), 1);
    if (is_pss) {
        EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, 32);
    }
    const int ok = EVP_DigestVerify(context, signature, length, (const unsigned char *)jwt, (size_t)(second - jwt));
    EVP_MD_CTX_free(context);
    return ok == 1;
}

static void is_text(json_t *object, const char *name, const char *value)
{
    assert_string_equal(json_string_value(json_object_get(object, name)), value);
}

static void make(struct buffer *jwt)
{
    buffer_init(jwt, BODY_MAX);
    works(assertion_append(jwt, &certificate, &wanted, &error));
}

static void an_rsa_key_signs_as_current_libraries_do(void **state)
{
    struct buffer jwt;

    (void)state;
    write_pem(rsa_key, rsa_certificate);
    works(load(NULL));
    make(&jwt);
    json_t *header = part_of(jwt.data, 0);
    json_t *claims = part_of(jwt.data, 1);
    is_text(header, "alg", "PS256");
    is_text(header, "typ", "JWT");
    is_text(header, "x5t#S256", rsa_x5t_s256);
    assert_int_equal(json_object_size(header), 3);
    is_text(claims, "aud", wanted.audience);
    is_text(claims, "iss", "app-1");
    is_text(claims, "sub", "app-1");
    is_text(claims, "jti", wanted.id);
    assert_int_equal(json_integer_value(json_object_get(claims, "nbf")), 1767600550);
    assert_int_equal(json_integer_value(json_object_get(claims, "exp")), 1767600550 + 600);
    assert_true(is_signed(jwt.data, true));
    jwt.data[30] ^= 1;
    assert_false(is_signed(jwt.data, true));
    json_decref(header);
    json_decref(claims);
    buffer_clear(&jwt);
}

static void adfs_gets_the_older_form_which_is_always_the_same(void **state)
{
    struct buffer jwt;

    (void)state;
    write_pem(rsa_key, rsa_certificate);
    works(load(NULL));
    wanted.for_adfs = true;
    wanted.audience = "https://adfs.contoso.example/adfs/oauth2/token";
    make(&jwt);
    assert_string_equal(jwt.data, rs256_for_adfs);
    json_t *header = part_of(jwt.data, 0);
    is_text(header, "x5t", rsa_x5t);
    json_decref(header);
    buffer_clear(&jwt);
    wanted.for_adfs = false;
    wanted.audience = "https://login.microsoftonline.com/t/oauth2/v2.0/token";
}

static void an_ec_key_signs_with_es256(void **state)
{
    struct buffer jwt;

    (void)state;
    write_pem(ec_key, ec_certificate);
    works(load(NULL));
    for (int i = 0; i < 20; i++) { /* numbers of every length */
        make(&jwt);
        json_t *header = part_of(jwt.data, 0);
        is_text(header, "alg", "ES256");
        assert_true(is_signed(jwt.data, false));
        json_decref(header);
        buffer_clear(&jwt);
    }
}

static void the_chain_is_sent_when_it_is_wanted(void **state)
{
    struct buffer jwt;
    unsigned char der[4096];

    (void)state;
    write_pem(rsa_key, ec_certificate);
    FILE *file = fopen("app.pem", "a");
    fputs(rsa_certificate, file);
    fclose(file);
    works(load(NULL));
    wanted.sends_chain = true;
    make(&jwt);
    json_t *header = part_of(jwt.data, 0);
    const json_t *chain = json_object_get(header, "x5c");
    assert_int_equal(json_array_size(chain), 2);
    const char *own = json_string_value(json_array_get(chain, 0));
    const unsigned char *next = der;
    const int length = EVP_DecodeBlock(der, (const unsigned char *)own, (int)strlen(own));
    X509 *sent = d2i_X509(NULL, &next, length);
    assert_int_equal(X509_cmp(sent, sk_X509_value(certificate.chain, 0)), 0);
    X509_free(sent);
    json_decref(header);
    buffer_clear(&jwt);
    wanted.sends_chain = false;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(key_and_certificate_stand_in_any_order),
        TEST(the_certificate_of_the_key_is_found_among_others),
        TEST(what_does_not_belong_together_is_refused),
        TEST(an_encrypted_key_takes_its_password),
        TEST(pkcs12_is_read_as_well),
        TEST(a_file_that_all_may_write_is_not_believed),
        TEST(an_rsa_key_signs_as_current_libraries_do),
        TEST(adfs_gets_the_older_form_which_is_always_the_same),
        TEST(an_ec_key_signs_with_es256),
        TEST(the_chain_is_sent_when_it_is_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
