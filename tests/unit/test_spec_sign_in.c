/* resource.credential: a word, or a mapping with what the word needs. */
#include "spec_fixture.h"

#define ENDPOINT "resource:\n  endpoint: https://contoso.communication.azure.com\n"
#define JOB TOP LEDGER ROSTER RULES ENDPOINT /* 10 lines; the credential stands in line 11 */

static const struct spec_sign_in *sign_in(void **state, const char *yaml)
{
    return &load(state, yaml)->resources[0].credential;
}

static void a_word_is_enough(void **state)
{
    static const struct {
        const char *word;
        enum spec_credential kind;
    } cases[] = {
        {"default", CREDENTIAL_DEFAULT},
        {"client_secret", CREDENTIAL_CLIENT_SECRET},
        {"client_certificate", CREDENTIAL_CLIENT_CERTIFICATE},
        {"workload_identity", CREDENTIAL_WORKLOAD_IDENTITY},
        {"managed_identity", CREDENTIAL_MANAGED_IDENTITY},
        {"azure_cli", CREDENTIAL_AZURE_CLI},
        {"environment", CREDENTIAL_ENVIRONMENT},
        {"{ kind: environment }", CREDENTIAL_ENVIRONMENT},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml, JOB "  credential: %s\n", cases[i].word);
        const struct spec_sign_in *credential = sign_in(state, yaml);
        assert_int_equal(credential->kind, cases[i].kind);
        assert_null(credential->tenant_id);
        assert_false(credential->send_certificate_chain);
    }
}

static void a_mapping_says_what_the_word_needs(void **state)
{
    setenv("SECRET", "s~e.c+ret", 1);
    setenv("TENANT", "contoso.onmicrosoft.com", 1);
    const struct spec_sign_in *credential =
        sign_in(state, JOB "  credential: { kind: client_secret, tenant_id: { env: TENANT }, client_id: app-1,\n"
                           "    client_secret: { env: SECRET }, authority_host: https://login.microsoftonline.us,\n"
                           "    ca_file: cert.pem }\n");

    assert_string_equal(credential->tenant_id, "contoso.onmicrosoft.com");
    assert_string_equal(credential->client_id, "app-1");
    assert_string_equal(secret_reveal(&credential->client_secret), "s~e.c+ret");
    assert_string_equal(credential->authority_host, "https://login.microsoftonline.us");
    assert_string_equal(credential->ca_file, "cert.pem");

    credential = sign_in(state, JOB "  credential:\n    kind: client_certificate\n    certificate: cert.pem\n"
                                    "    certificate_password: { env: SECRET }\n    send_certificate_chain: true\n");
    assert_string_equal(credential->certificate, "cert.pem");
    assert_string_equal(secret_reveal(&credential->certificate_password), "s~e.c+ret");
    assert_true(credential->send_certificate_chain);

    credential = sign_in(state, JOB "  credential: { kind: workload_identity, token_file: cert.pem }\n");
    assert_string_equal(credential->token_file, "cert.pem");
    credential = sign_in(state, JOB "  credential: { kind: managed_identity, object_id: o1 }\n");
    assert_string_equal(credential->object_id, "o1");
    credential = sign_in(state, JOB "  credential: { kind: managed_identity, resource_id: /subscriptions/1 }\n");
    assert_string_equal(credential->resource_id, "/subscriptions/1");
}

static void a_slip_is_guessed(void **state)
{
    refuses(state, JOB "  credential: client_secrte\n",
            "job.yaml:11:15: resource.credential cannot be \"client_secrte\"\n"
            "  hint: did you mean \"client_secret\"?\n");
    refuses(state, JOB "  credential: { kind: client_secret, tenantid: x }\n",
            "job.yaml:11:38: unknown key \"tenantid\" in resource.credential\n"
            "  hint: did you mean \"tenant_id\"?\n");
    refuses(state, JOB "  credential: { kind: managedidentity }\n",
            "job.yaml:11:23: resource.credential.kind cannot be \"managedidentity\"\n"
            "  hint: did you mean \"managed_identity\"?\n");
}

static void the_form_is_a_word_or_a_mapping_with_kind(void **state)
{
    refuses(state, JOB "  credential: [default]\n",
            "job.yaml:11:15: resource.credential must be one word, or a mapping with kind, not a list\n"
            "  hint: write for example credential: default\n");
    refuses(state, JOB "  credential:\n",
            "job.yaml:11:14: resource.credential has no value\n"
            "  hint: write for example credential: default, or remove the key\n");
    refuses(state, JOB "  credential: { client_id: x }\n",
            "job.yaml:11:15: resource.credential is missing its key \"kind\"\n"
            "  hint: write for example kind: client_secret\n");
}

static void a_secret_is_not_written_into_the_file(void **state)
{
    refuses(state, JOB "  credential: { kind: client_secret, client_secret: abc~def }\n",
            "job.yaml:11:53: resource.credential.client_secret: a secret is not written into the job spec\n"
            "  hint: write client_secret: { env: NAME } or { file: PATH }; if others have seen this file, renew the "
            "secret too\n");
    unsetenv("NOT_SET");
    refuses(state, JOB "  credential: { kind: client_secret, client_secret: { env: NOT_SET } }\n",
            "job.yaml:11:60: resource.credential.client_secret: the environment variable NOT_SET is not set\n"
            "  hint: export NOT_SET='...'\n");
}

static void a_key_goes_with_the_kinds_that_make_use_of_it(void **state)
{
    setenv("SECRET", "secret", 1);
    refuses(state, JOB "  credential: { kind: managed_identity, client_secret: { env: SECRET } }\n",
            "job.yaml:11:41: resource.credential: client_secret does not go with kind: managed_identity\n"
            "  hint: remove client_secret, or write kind: client_secret\n");
    refuses(state, JOB "  credential: { kind: azure_cli, client_id: x, ca_file: cert.pem }\n",
            "job.yaml:11:34: resource.credential: client_id does not go with kind: azure_cli\n"
            "  hint: remove client_id\n"
            "job.yaml:11:48: resource.credential: ca_file does not go with kind: azure_cli\n"
            "  hint: remove ca_file\n");
    refuses(state, JOB "  credential: { kind: managed_identity, client_id: x, object_id: y }\n",
            "job.yaml:11:55: resource.credential has both client_id and object_id\n"
            "  hint: one is enough to tell which identity\n");
}

static void what_becomes_part_of_an_address_is_looked_at(void **state)
{
    refuses(state, JOB "  credential: { kind: client_secret, tenant_id: a/b }\n",
            "job.yaml:11:49: resource.credential.tenant_id may hold only letters, digits, dots and hyphens\n"
            "  hint: write the tenant's id or its domain, such as contoso.onmicrosoft.com\n");
    refuses(
        state, JOB "  credential: { kind: client_secret, authority_host: http://login.example }\n",
        "job.yaml:11:54: resource.credential.authority_host: the address uses http://, which would send secrets in the "
        "clear\n"
        "  hint: use https://; http:// is only for 127.0.0.0/8, [::1] and localhost\n");
    refuses(state, JOB "  credential: { kind: client_secret, authority_host: login.microsoftonline.us }\n",
            "job.yaml:11:54: resource.credential.authority_host: the address does not begin with https://\n"
            "  hint: write for example https://login.microsoftonline.us\n");
    load(state, JOB "  credential: { kind: client_secret, authority_host: 'http://127.0.0.1:1' }\n");
}

static void a_certificate_is_not_written_over(void **state)
{
    refuses(state,
            JOB "  credential: { kind: client_certificate, certificate: cert.pem }\n"
                "outputs: { mapping: cert.pem }\n",
            "job.yaml:12:21: outputs.mapping and resource.credential.certificate are the same file, \"cert.pem\"\n"
            "  hint: give each a file of its own\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_word_is_enough),
        TEST(a_mapping_says_what_the_word_needs),
        TEST(a_slip_is_guessed),
        TEST(the_form_is_a_word_or_a_mapping_with_kind),
        TEST(a_secret_is_not_written_into_the_file),
        TEST(a_key_goes_with_the_kinds_that_make_use_of_it),
        TEST(what_becomes_part_of_an_address_is_looked_at),
        TEST(a_certificate_is_not_written_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
