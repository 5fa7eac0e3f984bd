/* Sign-ins, driven by hand: what each kind asks for, what it makes of the answers, and in which order the chain goes.
 */
#include "entra_keys.h"
#include "scratch.h"

#include "entra/entra_internal.h"

enum { NOW_S = 1767600550 };

#define GOOD "{\"access_token\":\"a.b.c\",\"expires_in\":3599}"

static struct entra_credential *credential;
static struct entra_settings settings;

/* --- an environment of the test's own --- */

static struct {
    const char *name;
    const char *value;
} variables[64];
static size_t variable_count;

static const char *variable(const char *name)
{
    for (size_t i = variable_count; i > 0; i--)
        if (strcmp(variables[i - 1].name, name) == 0)
            return variables[i - 1].value;
    return NULL;
}

static void set(const char *name, const char *value)
{
    assert_true(variable_count < sizeof variables / sizeof *variables);
    variables[variable_count].name = name;
    variables[variable_count++].value = value;
}

static int begin(void **state)
{
    (void)state;
    variable_count = 0;
    settings = (struct entra_settings){.variable = variable};
    return scratch_enter();
}

static int end(void **state)
{
    (void)state;
    entra_credential_free(credential);
    credential = NULL;
    return scratch_leave();
}

static void make(enum entra_kind kind)
{
    settings.kind = kind;
    entra_credential_free(credential);
    credential = entra_credential_new(&settings, &error);
    works(credential != NULL);
    entra_begin(credential, NOW_S);
}

static void is_refused(enum entra_kind kind, const char *message, const char *hint)
{
    settings.kind = kind;
    entra_credential_free(credential);
    credential = entra_credential_new(&settings, &error);
    assert_null(credential);
    assert_int_equal(error.code, ERROR_INPUT);
    says(message);
    hints(hint);
}

static void application(void)
{
    set("AZURE_TENANT_ID", "t1");
    set("AZURE_CLIENT_ID", "app-1");
}

/* --- what is asked for --- */

static void sends(const char *method, const char *url)
{
    const struct entra_request *request = entra_request(credential);
    char whole[2048];

    if (entra_step(credential) != ENTRA_SEND) {
        int64_t ignored;
        entra_failure(credential, &error, &ignored);
        fail_msg("step %d: %s", entra_step(credential), error.message);
    }
    snprintf(whole, sizeof whole, "%s%s", request->origin, request->target.data);
    assert_string_equal(request->method, method);
    assert_string_equal(whole, url);
}

static void sends_header(const char *header)
{
    const struct entra_request *request = entra_request(credential);

    for (size_t i = 0; i < request->header_count; i++)
        if (strcmp(request->headers[i].data, header) == 0)
            return;
    fail_msg("no header %s", header);
}

static bool sends_headers_named(const char *name)
{
    const struct entra_request *request = entra_request(credential);

    for (size_t i = 0; i < request->header_count; i++)
        if (strncasecmp(request->headers[i].data, name, strlen(name)) == 0)
            return true;
    return false;
}

/* --- what comes of it --- */

static struct entra_answer answer_of(int status, const char *body)
{
    return (struct entra_answer){
        .end = ENTRA_ANSWERED,
        .status = status,
        .body = body,
        .body_length = strlen(body),
        .challenge = "",
        .date_s = NOW_S,
        .retry_after_ms = -1,
        .detail = "",
    };
}

static void answer(int status, const char *body)
{
    const struct entra_answer answer = answer_of(status, body);

    entra_answered(credential, &answer, NOW_S);
}

static void no_answer(enum entra_end how)
{
    const struct entra_answer answer = {
        .end = how, .body = "", .challenge = "", .retry_after_ms = -1, .detail = "Connection refused"};

    entra_answered(credential, &answer, NOW_S);
}

static void waits(int64_t wait_ms)
{
    assert_int_equal(entra_step(credential), ENTRA_WAIT);
    assert_int_equal(entra_wait_ms(credential), wait_ms);
    entra_waited(credential, NOW_S);
    assert_int_equal(entra_step(credential), ENTRA_SEND);
}

static void has_token(const char *text)
{
    struct entra_token token;

    if (entra_step(credential) == ENTRA_FAILED) {
        int64_t ignored;
        entra_failure(credential, &error, &ignored);
        fail_msg("failed: %s", error.message);
    }
    assert_int_equal(entra_step(credential), ENTRA_DONE);
    entra_take(credential, &token);
    assert_string_equal(secret_reveal(&token.text), text);
    entra_token_clear(&token);
    assert_int_equal(entra_step(credential), ENTRA_IDLE);
}

static void fails(enum entra_failure failure, const char *message, const char *hint)
{
    int64_t retry_after_ms;

    assert_int_equal(entra_step(credential), ENTRA_FAILED);
    assert_int_equal(entra_failure(credential, &error, &retry_after_ms), failure);
    assert_int_equal(error.code, ERROR_REJECTED);
    says(message);
    hints(hint);
}

/* --- applications --- */

static void a_client_secret_is_sent_form_encoded(void **state)
{
    (void)state;
    application();
    set("AZURE_CLIENT_SECRET", "s~e.c+r/e=t &%\xc3\xa4");
    make(ENTRA_CLIENT_SECRET);
    sends("POST", "https://login.microsoftonline.com/t1/oauth2/v2.0/token");
    sends_header("Content-Type: application/x-www-form-urlencoded");
    assert_int_equal(entra_request(credential)->route, ENTRA_BY_NETWORK);
    assert_string_equal(
        entra_request(credential)->body.data,
        "grant_type=client_credentials&client_id=app-1&scope=https%3A%2F%2Fcommunication.azure.com%2F%2F"
        ".default&client_secret=s~e.c%2Br%2Fe%3Dt%20%26%25%C3%A4");
    answer(200, GOOD);
    has_token("a.b.c");
    assert_int_equal(entra_request(credential)->body.length, 0); /* nothing of it is kept */
}

static void what_is_given_wins_over_the_variables(void **state)
{
    struct secret secret = {0};

    (void)state;
    application();
    set("AZURE_CLIENT_SECRET", "of the environment");
    set("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/");
    works(secret_set(&secret, "given", 5, &error));
    settings.tenant_id = "contoso.example";
    settings.client_id = "app-2";
    settings.client_secret = &secret;
    make(ENTRA_CLIENT_SECRET);
    sends("POST", "https://login.microsoftonline.us/contoso.example/oauth2/v2.0/token");
    assert_non_null(strstr(entra_request(credential)->body.data, "client_id=app-2&"));
    assert_non_null(strstr(entra_request(credential)->body.data, "client_secret=given"));
    settings.authority_host = "login.chinacloudapi.cn";
    make(ENTRA_CLIENT_SECRET);
    sends("POST", "https://login.chinacloudapi.cn/contoso.example/oauth2/v2.0/token");
    settings.client_secret = NULL;
    secret_clear(&secret);
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    is_refused(ENTRA_CLIENT_SECRET,
               "client_secret: AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET are not set",
               "give it beside kind in resource.credential");
    application();
    is_refused(ENTRA_CLIENT_SECRET, "client_secret: AZURE_CLIENT_SECRET is not set", "set what is missing");
    is_refused(ENTRA_CLIENT_CERTIFICATE, "client_certificate: AZURE_CLIENT_CERTIFICATE_PATH is not set", "");
    is_refused(ENTRA_WORKLOAD_IDENTITY, "workload_identity: AZURE_FEDERATED_TOKEN_FILE is not set", "");
    is_refused(ENTRA_ENVIRONMENT, "environment: AZURE_CLIENT_SECRET (or AZURE_CLIENT_CERTIFICATE_PATH) is not set",
               "set what is missing");
    set("AZURE_CLIENT_SECRET", "");
    is_refused(ENTRA_CLIENT_SECRET, "AZURE_CLIENT_SECRET is not set", "");
}

static void what_cannot_be_part_of_a_request_is_refused(void **state)
{
    static const char *const authorities[] = {"http://login.example",       "https://",
                                              "https://login.example/path", "ftp://x",
                                              "https://me@login.example",   "http://10.0.0.1"};

    (void)state;
    application();
    set("AZURE_CLIENT_SECRET", "s");
    set("AZURE_TENANT_ID", "t/../x");
    is_refused(ENTRA_CLIENT_SECRET, "the tenant id may hold only", "AZURE_TENANT_ID");
    set("AZURE_TENANT_ID", "t1");
    set("AZURE_CLIENT_ID", "a\"b");
    is_refused(ENTRA_CLIENT_SECRET, "the client id holds characters", "AZURE_CLIENT_ID");
    set("AZURE_CLIENT_ID", "app-1");
    for (size_t i = 0; i < sizeof authorities / sizeof *authorities; i++) {
        settings.authority_host = authorities[i];
        is_refused(ENTRA_CLIENT_SECRET, "is not a https:// address without a path", "AZURE_AUTHORITY_HOST");
    }
    settings.authority_host = "http://127.0.0.1:10110";
    make(ENTRA_CLIENT_SECRET); /* the emulator */
    sends("POST", "http://127.0.0.1:10110/t1/oauth2/v2.0/token");
}

static void adfs_has_a_path_and_a_scope_of_its_own(void **state)
{
    (void)state;
    set("AZURE_TENANT_ID", "adfs");
    set("AZURE_CLIENT_ID", "app-1");
    set("AZURE_CLIENT_SECRET", "s");
    settings.authority_host = "https://adfs.contoso.example";
    make(ENTRA_CLIENT_SECRET);
    sends("POST", "https://adfs.contoso.example/adfs/oauth2/token");
    assert_non_null(strstr(entra_request(credential)->body.data, "&scope=https%3A%2F%2Fcommunication.azure.com%2F&"));
}

static void a_certificate_signs_each_request_anew(void **state)
{
    char first[4096];

    (void)state;
    application();
    write_file("app.pem", rsa_key);
    FILE *file = fopen("app.pem", "a");
    fputs(rsa_certificate, file);
    fclose(file);
    settings.certificate = "app.pem";
    make(ENTRA_CLIENT_CERTIFICATE);
    sends("POST", "https://login.microsoftonline.com/t1/oauth2/v2.0/token");
    snprintf(first, sizeof first, "%s", entra_request(credential)->body.data);
    assert_non_null(strstr(first,
                           "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
                           "&client_assertion=eyJ"));
    assert_null(strstr(first, "client_secret"));
    entra_begin(credential, NOW_S);
    assert_string_not_equal(first, entra_request(credential)->body.data);
    answer(200, GOOD);
    has_token("a.b.c");
    settings.certificate = "gone.pem";
    is_refused(ENTRA_CLIENT_CERTIFICATE, "gone.pem", "");
}

static void a_federated_token_is_read_again_each_time(void **state)
{
    (void)state;
    application();
    set("AZURE_FEDERATED_TOKEN_FILE", "token");
    write_file("token", "first.to.ken\n");
    make(ENTRA_WORKLOAD_IDENTITY);
    assert_non_null(strstr(entra_request(credential)->body.data, "&client_assertion=first.to.ken"));
    assert_string_equal(strstr(entra_request(credential)->body.data, "first.to.ken"), "first.to.ken");
    answer(200, GOOD);
    has_token("a.b.c");
    write_file("token", "second.to.ken");
    entra_begin(credential, NOW_S);
    assert_non_null(strstr(entra_request(credential)->body.data, "&client_assertion=second.to.ken"));
    unlink("token");
    entra_begin(credential, NOW_S);
    fails(ENTRA_REFUSED, "token", "AZURE_FEDERATED_TOKEN_FILE");
    write_file("token", "\n");
    entra_begin(credential, NOW_S);
    fails(ENTRA_REFUSED, "token holds no token", "");
}

static void secret(void)
{
    application();
    set("AZURE_CLIENT_SECRET", "s");
    make(ENTRA_CLIENT_SECRET);
}

static void a_refusal_has_its_code_and_what_to_do(void **state)
{
    (void)state;
    secret();
    answer(401,
           "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: The provided client secret keys are "
           "expired. Trace ID: 12-34 Correlation ID: 5\",\"trace_id\":\"12-34\"}");
    fails(ENTRA_REFUSED,
          "login.microsoftonline.com does not sign in app-1 (401): AADSTS7000222: The provided client secret keys are "
          "expired. Trace ID: 12-34",
          "the client secret has expired: make a new one");
    secret();
    answer(403, "");
    fails(ENTRA_REFUSED, "does not sign in app-1 (403): no reason was given", "check tenant_id");
    secret();
    answer(302, "");
    fails(ENTRA_REFUSED, "(302)", "");
}

static void trouble_at_the_authority_is_tried_once_more_after_a_second(void **state)
{
    int64_t retry_after_ms;

    (void)state;
    secret();
    answer(503, "");
    waits(1000);
    sends("POST", "https://login.microsoftonline.com/t1/oauth2/v2.0/token");
    answer(200, GOOD);
    has_token("a.b.c");
    secret();
    answer(500, "");
    waits(1000);
    answer(500, "{\"error\":\"server_error\",\"error_description\":\"AADSTS90033: busy\"}");
    fails(ENTRA_TROUBLE, "answered 500: AADSTS90033: busy", "");
    /* Not where it says itself how long to wait, and not where it is about too many requests. */
    secret();
    struct entra_answer busy = answer_of(503, "");
    busy.retry_after_ms = 7000;
    entra_answered(credential, &busy, NOW_S);
    fails(ENTRA_TROUBLE, "answered 503", "");
    entra_failure(credential, &error, &retry_after_ms);
    assert_int_equal(retry_after_ms, 7000);
    secret();
    answer(429, "");
    fails(ENTRA_TROUBLE, "answered 429", "");
    secret();
    answer(400, "{\"error\":\"temporarily_unavailable\"}");
    fails(ENTRA_TROUBLE, "answered 400: temporarily_unavailable", "");
    secret();
    answer(200, "<html>");
    fails(ENTRA_TROUBLE, "login.microsoftonline.com: the answer is not a JSON object", "");
}

static void an_authority_that_cannot_be_reached_is_told_by_its_cause(void **state)
{
    (void)state;
    secret();
    no_answer(ENTRA_UNREACHED);
    waits(1000);
    no_answer(ENTRA_UNREACHED);
    fails(ENTRA_TROUBLE, "cannot reach login.microsoftonline.com: Connection refused", "");
    secret();
    no_answer(ENTRA_NO_HOST);
    fails(ENTRA_REFUSED, "cannot reach login.microsoftonline.com", "AZURE_AUTHORITY_HOST");
    secret();
    no_answer(ENTRA_DISTRUSTED);
    fails(ENTRA_REFUSED, "cannot reach", "resource.credential.ca_file");
    secret();
    no_answer(ENTRA_NO_PROXY);
    fails(ENTRA_REFUSED, "cannot reach", "HTTPS_PROXY");
    /* Once it worked, a name that is not found is an accident. */
    secret();
    answer(200, GOOD);
    has_token("a.b.c");
    entra_begin(credential, NOW_S);
    no_answer(ENTRA_NO_HOST);
    fails(ENTRA_TROUBLE, "cannot reach", "");
}

/* --- managed identities --- */

#define RESOURCE "resource=https%3A%2F%2Fcommunication.azure.com%2F"
#define IMDS "http://169.254.169.254/metadata/identity/oauth2/token"

static void each_host_is_asked_in_its_own_way(void **state)
{
    (void)state;
    make(ENTRA_MANAGED_IDENTITY);
    sends("GET", IMDS "?api-version=2018-02-01&" RESOURCE);
    sends_header("Metadata: true");
    assert_int_equal(entra_request(credential)->route, ENTRA_LOCAL);

    set("MSI_ENDPOINT", "http://127.0.0.1:50342/oauth2/token");
    make(ENTRA_MANAGED_IDENTITY);
    sends("POST", "http://127.0.0.1:50342/oauth2/token");
    sends_header("Metadata: true");
    assert_string_equal(entra_request(credential)->body.data, RESOURCE);

    set("MSI_SECRET", "m1");
    make(ENTRA_MANAGED_IDENTITY);
    sends("GET", "http://127.0.0.1:50342/oauth2/token?api-version=2017-09-01&" RESOURCE);
    sends_header("secret: m1");
    set("DEFAULT_IDENTITY_CLIENT_ID", "ml-1");
    make(ENTRA_MANAGED_IDENTITY);
    sends("GET", "http://127.0.0.1:50342/oauth2/token?api-version=2017-09-01&" RESOURCE "&clientid=ml-1");

    set("IDENTITY_ENDPOINT", "http://172.16.0.5:8081/msi/token?x=1");
    set("IDENTITY_HEADER", "h1");
    make(ENTRA_MANAGED_IDENTITY);
    sends("GET", "http://172.16.0.5:8081/msi/token?x=1&api-version=2019-08-01&" RESOURCE);
    sends_header("X-IDENTITY-HEADER: h1");
    assert_false(sends_headers_named("Metadata"));

    set("IDENTITY_ENDPOINT", "https://10.0.0.4:2377/metadata/identity/oauth2/token");
    set("IDENTITY_SERVER_THUMBPRINT", "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD");
    make(ENTRA_MANAGED_IDENTITY);
    sends("GET", "https://10.0.0.4:2377/metadata/identity/oauth2/token?api-version=2019-07-01-preview&" RESOURCE);
    sends_header("Secret: h1");
    assert_int_equal(entra_request(credential)->route, ENTRA_PINNED);
    assert_string_equal(entra_request(credential)->thumbprint, "aabbccddeeff00112233445566778899aabbccdd");
    answer(200, "{\"access_token\":\"a.b.c\",\"expires_on\":1767604150}");
    has_token("a.b.c");
}

static void an_identity_is_named_as_the_host_wants_it(void **state)
{
    (void)state;
    settings.client_id = "c/1";
    make(ENTRA_MANAGED_IDENTITY);
    sends("GET", IMDS "?api-version=2018-02-01&" RESOURCE "&client_id=c%2F1");
    settings.client_id = NULL;
    settings.object_id = "o1";
    make(ENTRA_MANAGED_IDENTITY);
    sends("GET", IMDS "?api-version=2018-02-01&" RESOURCE "&object_id=o1");
    settings.object_id = NULL;
    settings.resource_id = "/subscriptions/1";
    make(ENTRA_MANAGED_IDENTITY);
    sends("GET", IMDS "?api-version=2018-02-01&" RESOURCE "&msi_res_id=%2Fsubscriptions%2F1");
    set("IDENTITY_ENDPOINT", "http://127.0.0.1/t");
    set("IDENTITY_HEADER", "h");
    make(ENTRA_MANAGED_IDENTITY);
    sends("GET", "http://127.0.0.1/t?api-version=2019-08-01&" RESOURCE "&mi_res_id=%2Fsubscriptions%2F1");
    set("IDENTITY_SERVER_THUMBPRINT", "aabbccddeeff00112233445566778899aabbccdd");
    set("IDENTITY_ENDPOINT", "https://127.0.0.1/t");
    make(ENTRA_MANAGED_IDENTITY);
    fails(ENTRA_REFUSED, "Service Fabric does not let one choose an identity", "remove client_id");
}

static void the_variable_chooses_an_identity_in_the_chain_alone(void **state)
{
    (void)state;
    set("AZURE_CLIENT_ID", "c1");
    set("AZURE_TOKEN_CREDENTIALS", " managedidentitycredential ");
    make(ENTRA_DEFAULT);
    sends("GET", IMDS "?api-version=2018-02-01&" RESOURCE "&client_id=c1");
    make(ENTRA_MANAGED_IDENTITY);
    sends("GET", IMDS "?api-version=2018-02-01&" RESOURCE);
    /* A host that knows no other identity than its own does not mind there. */
    set("IDENTITY_ENDPOINT", "https://127.0.0.1/t");
    set("IDENTITY_HEADER", "h");
    set("IDENTITY_SERVER_THUMBPRINT", "aabbccddeeff00112233445566778899aabbccdd");
    make(ENTRA_DEFAULT);
    sends("GET", "https://127.0.0.1/t?api-version=2019-07-01-preview&" RESOURCE);
}

static void plain_http_goes_to_the_neighbourhood_alone(void **state)
{
    static const char *const far[] = {"http://contoso.example/t", "http://8.8.8.8/t", "http://172.32.0.1/t",
                                      "http://[2001:db8::1]/t", "http://localhost.evil.example/t"};
    static const char *const near[] = {
        "http://localhost:1/t", "http://127.9.9.9/t",          "http://10.1.1.1/t", "http://172.31.0.1/t",
        "http://192.168.1.1/t", "http://169.254.130.1:8081/t", "http://[::1]:1/t",  "http://[fe80::1]/t",
        "http://[fd00::1]/t",   "https://contoso.example/t"};

    (void)state;
    set("IDENTITY_HEADER", "h");
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        set("IDENTITY_ENDPOINT", far[i]);
        make(ENTRA_MANAGED_IDENTITY);
        fails(ENTRA_REFUSED, "App Service: plain HTTP to http://", "on the machine itself");
        variable_count--;
    }
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        set("IDENTITY_ENDPOINT", near[i]);
        make(ENTRA_MANAGED_IDENTITY);
        assert_int_equal(entra_step(credential), ENTRA_SEND);
        variable_count--;
    }
    set("IDENTITY_ENDPOINT", "nonsense");
    make(ENTRA_MANAGED_IDENTITY);
    fails(ENTRA_REFUSED, "App Service: the address of its endpoint cannot be used", "");
    set("IDENTITY_ENDPOINT", "https://127.0.0.1/t");
    set("IDENTITY_SERVER_THUMBPRINT", "1234");
    make(ENTRA_MANAGED_IDENTITY);
    fails(ENTRA_REFUSED, "Service Fabric: its endpoint must be a https:// address", "");
}

static void the_metadata_service_is_tried_as_documented(void **state)
{
    static const int64_t delays_ms[] = {2000, 4000, 8000, 16000};
    static const int statuses[] = {404, 429, 500, 503};

    (void)state;
    for (size_t s = 0; s < sizeof statuses / sizeof *statuses; s++) {
        make(ENTRA_MANAGED_IDENTITY);
        for (size_t i = 0; i < sizeof delays_ms / sizeof *delays_ms; i++) {
            answer(statuses[s], "{\"error\":\"unknown\"}");
            waits(delays_ms[i]);
        }
        answer(statuses[s], "{\"error\":\"unknown\",\"error_description\":\"Failed\"}");
        fails(ENTRA_TROUBLE, "unknown: Failed", "");
    }
    make(ENTRA_MANAGED_IDENTITY);
    for (int i = 0; i < 7; i++) { /* an update is under way */
        answer(410, "");
        waits(10000);
    }
    answer(410, "");
    fails(ENTRA_TROUBLE, "answered 410", "");
    make(ENTRA_MANAGED_IDENTITY);
    struct entra_answer later = answer_of(429, "");
    later.retry_after_ms = 9000;
    entra_answered(credential, &later, NOW_S);
    waits(9000);
    answer(200, "{\"access_token\":\"a.b.c\",\"expires_in\":\"3599\",\"expires_on\":\"1767604149\"}");
    has_token("a.b.c");
}

static void answer_at(int64_t date_s)
{
    struct entra_answer dated = answer_of(200, GOOD);

    dated.date_s = date_s;
    entra_answered(credential, &dated, NOW_S);
}

static void a_clock_that_is_off_does_not_sign_in(void **state)
{
    (void)state;
    secret();
    answer_at(NOW_S - 15 * 60);
    assert_int_equal(entra_step(credential), ENTRA_DONE);
    secret();
    answer_at(NOW_S + 15 * 60);
    assert_int_equal(entra_step(credential), ENTRA_DONE);
    secret();
    answer_at(0); /* not told */
    assert_int_equal(entra_step(credential), ENTRA_DONE);
    secret();
    answer_at(NOW_S - 40 * 24 * 3600);
    fails(ENTRA_REFUSED, "the clock of this machine is 57600 min ahead of that of https://login.microsoftonline.com",
          "set it");
    secret();
    answer_at(NOW_S + 15 * 60 + 1);
    fails(ENTRA_REFUSED, "the clock of this machine is 15 min behind that of", "set it");
}

static void other_hosts_are_tried_three_times_a_second_apart(void **state)
{
    (void)state;
    set("IDENTITY_ENDPOINT", "http://127.0.0.1/t");
    set("IDENTITY_HEADER", "h");
    make(ENTRA_MANAGED_IDENTITY);
    for (int i = 0; i < 3; i++) {
        answer(404, "");
        waits(1000);
    }
    answer(404, "{\"statusCode\":404,\"message\":\"No identity\"}");
    fails(ENTRA_TROUBLE, "App Service answered 404: No identity", "");
    make(ENTRA_MANAGED_IDENTITY);
    answer(401, "");
    fails(ENTRA_REFUSED, "App Service answered 401: no reason was given", "");
    set("IDENTITY_SERVER_THUMBPRINT", "aabbccddeeff00112233445566778899aabbccdd");
    set("IDENTITY_ENDPOINT", "https://127.0.0.1/t");
    make(ENTRA_MANAGED_IDENTITY);
    answer(404, "{\"error\":{\"code\":\"ManagedIdentityNotFound\",\"message\":\"not there\"}}");
    fails(ENTRA_REFUSED, "Service Fabric answered 404 ManagedIdentityNotFound: not there", "");
    make(ENTRA_MANAGED_IDENTITY);
    no_answer(ENTRA_DISTRUSTED);
    fails(ENTRA_REFUSED, "Service Fabric does not answer", "IDENTITY_SERVER_THUMBPRINT");
}

static void an_identity_that_is_not_assigned_is_named(void **state)
{
    (void)state;
    settings.client_id = "c1";
    make(ENTRA_MANAGED_IDENTITY);
    answer(400, "{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}");
    fails(ENTRA_REFUSED, "answered 400 invalid_request: Identity not found", "assign the managed identity c1");
    settings.client_id = NULL;
    make(ENTRA_MANAGED_IDENTITY);
    answer(400, "{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}");
    fails(ENTRA_REFUSED, "Identity not found", "give this machine a system-assigned managed identity");
    make(ENTRA_MANAGED_IDENTITY);
    answer(400, "{\"error\":\"invalid_resource\",\"error_description\":\"AADSTS50001: not found\"}");
    fails(ENTRA_REFUSED, "AADSTS50001: not found", "the tenant does not know Azure Communication Services");
}

static void a_machine_without_one_is_told_soon(void **state)
{
    (void)state;
    make(ENTRA_MANAGED_IDENTITY);
    assert_in_range(entra_request(credential)->connect_timeout_ms, 1, 3000);
    no_answer(ENTRA_UNREACHED);
    waits(1000);
    no_answer(ENTRA_UNREACHED);
    fails(ENTRA_REFUSED, "does not answer at http://169.254.169.254: Connection refused",
          "no virtual machine of Azure");
    /* One that has answered before comes back. */
    make(ENTRA_MANAGED_IDENTITY);
    answer(200, "{\"access_token\":\"a.b.c\",\"expires_in\":\"3599\"}");
    has_token("a.b.c");
    entra_begin(credential, NOW_S);
    no_answer(ENTRA_UNREACHED);
    waits(1000);
    no_answer(ENTRA_UNREACHED);
    fails(ENTRA_TROUBLE, "does not answer", "");
}

/* --- Azure Arc --- */

static void arc(void)
{
    set("IDENTITY_ENDPOINT", "http://127.0.0.1:40342/metadata/identity/oauth2/token");
    set("IMDS_ENDPOINT", "http://127.0.0.1:40342");
    make(ENTRA_MANAGED_IDENTITY);
}

static void challenge(const char *text)
{
    struct entra_answer answer = answer_of(401, "");

    answer.challenge = text;
    entra_answered(credential, &answer, NOW_S);
}

static void arc_asks_for_proof(void **state)
{
    (void)state;
    arc();
    sends("GET", "http://127.0.0.1:40342/metadata/identity/oauth2/token?api-version=2020-06-01&" RESOURCE);
    sends_header("Metadata: true");
    answer(200, GOOD);
    fails(ENTRA_REFUSED, "Azure Arc gave a token without asking for proof", "what listens at http://127.0.0.1:40342");
}

/* Whoever listens there must not be able to make us send any other file. */
static void arc_gets_nothing_but_its_own_keys(void **state)
{
    static const char *const challenges[] = {
        "",
        "Basic",
        "Bearer realm=/var/opt/azcmagent/tokens/a.key",
        "Basic realm=/etc/shadow",
        "Basic realm=/var/opt/azcmagent/tokens/../../../../etc/shadow.key",
        "Basic realm=/var/opt/azcmagent/tokens/a/b.key",
        "Basic realm=/var/opt/azcmagent/tokens/a.txt",
        "Basic realm=/var/opt/azcmagent/tokens/.key",
        "Basic realm=/var/opt/azcmagent/tokensx/a.key",
        "Basic realm=a.key",
        "Basic realm=/var/opt/azcmagent/tokens/a=b.key",
        "Basic realm=\"/var/opt/azcmagent/tokens/a.key\"",
        "Basic realm=/var/opt/azcmagent/tokens/surely-not-there.key",
    };

    (void)state;
    for (size_t i = 0; i < sizeof challenges / sizeof *challenges; i++) {
        arc();
        challenge(challenges[i]);
        fails(ENTRA_REFUSED, "Azure Arc", "check what listens at");
        variable_count = 0;
    }
}

static void a_key_that_is_there_but_elsewhere_is_not_sent(void **state)
{
    char text[256];

    (void)state;
    assert_int_equal(mkdir("a-directory-with-a-name-of-that-length", 0700), 0);
    write_file("a-directory-with-a-name-of-that-length/a.key", "secret of somebody else");
    snprintf(text, sizeof text, "Basic realm=%s/a-directory-with-a-name-of-that-length/a.key", scratch_folder);
    arc();
    challenge(text);
    fails(ENTRA_REFUSED, "Azure Arc asked for a file that is not one of its keys", "check what listens at");
    write_file("a.key", "secret of somebody else");
    snprintf(text, sizeof text, "Basic realm=%s/a.key", scratch_folder);
    arc();
    challenge(text);
    fails(ENTRA_REFUSED, "Azure Arc asked for a file that is not one of its keys", "check what listens at");
}

/* --- the Azure CLI --- */

static void ran(bool started, int status, const char *output, const char *words)
{
    const struct entra_run run = {
        .started = started,
        .status = status,
        .output = output,
        .output_length = strlen(output),
        .words = words,
        .how = started ? "az ended with status 1" : "cannot start az: No such file or directory",
    };

    entra_ran(credential, &run, NOW_S);
}

static void the_cli_is_run_with_a_list_of_arguments(void **state)
{
    static const char *const words[] = {
        "az", "account", "get-access-token", "--output", "json", "--resource", "https://communication.azure.com/"};

    (void)state;
    set("AZURE_TENANT_ID", "of an application");
    make(ENTRA_AZURE_CLI);
    assert_int_equal(entra_step(credential), ENTRA_RUN);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_string_equal(entra_command(credential)[i], words[i]);
    assert_null(entra_command(credential)[7]);
    settings.tenant_id = "t2";
    make(ENTRA_AZURE_CLI);
    assert_string_equal(entra_command(credential)[7], "--tenant");
    assert_string_equal(entra_command(credential)[8], "t2");
    assert_null(entra_command(credential)[9]);
    ran(true, 0, "{\"accessToken\":\"a.b.c\",\"expires_on\":1767604150}", "");
    has_token("a.b.c");
}

static void what_the_cli_says_is_told(void **state)
{
    const struct entra_run slow = {
        .started = true, .timed_out = true, .output = "", .words = "", .how = "az took longer"};

    (void)state;
    make(ENTRA_AZURE_CLI);
    ran(false, 0, "", "");
    fails(ENTRA_REFUSED, "the Azure CLI is not installed: cannot start az", "install it");
    make(ENTRA_AZURE_CLI);
    ran(true, 127, "", "sh: 1: az: not found");
    fails(ENTRA_REFUSED, "the Azure CLI is not installed", "install it");
    make(ENTRA_AZURE_CLI);
    ran(true, 1, "", "ERROR: Please run 'az login' to setup account.");
    fails(ENTRA_REFUSED, "the Azure CLI gives no token: ERROR: Please run 'az login'", "log in with `az login`");
    make(ENTRA_AZURE_CLI);
    ran(true, 1, "", "ERROR: AADSTS700082: The refresh token has expired.");
    fails(ENTRA_REFUSED, "AADSTS700082", "run `az login`");
    make(ENTRA_AZURE_CLI);
    ran(true, 0, "nonsense", "");
    fails(ENTRA_REFUSED, "the Azure CLI: the answer is not a JSON object", "see what `az account");
    make(ENTRA_AZURE_CLI);
    entra_ran(credential, &slow, NOW_S);
    fails(ENTRA_REFUSED, "the Azure CLI: az took longer", "by hand");
}

/* --- the chain --- */

static void the_chain_goes_in_the_order_of_the_sdks(void **state)
{
    (void)state;
    make(ENTRA_DEFAULT);
    sends("GET", IMDS); /* the probe: without the header, and for a second at the most */
    assert_false(sends_headers_named("Metadata"));
    assert_in_range(entra_request(credential)->timeout_ms, 1, 1000);
    assert_in_range(entra_request(credential)->connect_timeout_ms, 1, 1000);
    no_answer(ENTRA_UNREACHED);
    assert_int_equal(entra_step(credential), ENTRA_RUN); /* at once: a probe is not repeated */
    ran(false, 0, "", "");
    fails(ENTRA_REFUSED,
          "cannot sign in: environment: AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or "
          "AZURE_CLIENT_CERTIFICATE_PATH) are not set; workload_identity: AZURE_TENANT_ID, AZURE_CLIENT_ID and "
          "AZURE_FEDERATED_TOKEN_FILE are not set; managed_identity: no managed identity: nothing answers at "
          "http://169.254.169.254; azure_cli: the Azure CLI is not installed: cannot start az",
          "resource.credential");
}

static void the_first_that_is_there_is_taken_and_kept(void **state)
{
    (void)state;
    make(ENTRA_DEFAULT);
    answer(400, ""); /* the probe: any answer means that it is there */
    sends("GET", IMDS "?api-version=2018-02-01&" RESOURCE);
    answer(200, "{\"access_token\":\"a.b.c\",\"expires_in\":\"3599\"}");
    has_token("a.b.c");
    entra_begin(credential, NOW_S);
    sends("GET", IMDS "?api-version=2018-02-01&" RESOURCE); /* no probe, and nothing before it */
    answer(400, "{\"error\":\"invalid_request\"}");
    assert_int_equal(entra_step(credential), ENTRA_FAILED); /* and nothing after it */
    application();
    set("AZURE_CLIENT_SECRET", "s");
    set("AZURE_FEDERATED_TOKEN_FILE", "token");
    make(ENTRA_DEFAULT);
    assert_non_null(strstr(entra_request(credential)->body.data, "client_secret=s"));
}

static void what_is_configured_and_refused_ends_the_chain(void **state)
{
    (void)state;
    application();
    set("AZURE_CLIENT_SECRET", "s");
    make(ENTRA_DEFAULT);
    answer(401, "{\"error_description\":\"AADSTS7000215: Invalid client secret provided.\"}");
    fails(ENTRA_REFUSED,
          "cannot sign in: environment: login.microsoftonline.com does not sign in app-1 (401): "
          "AADSTS7000215: Invalid client secret provided.",
          "its value, not its id");
}

static void a_machine_that_only_seems_to_have_an_identity_is_passed_by(void **state)
{
    (void)state;
    make(ENTRA_DEFAULT);
    answer(403, "connecting to 169.254.169.254:80: network is unreachable"); /* Docker Desktop */
    assert_int_equal(entra_step(credential), ENTRA_RUN);
    make(ENTRA_DEFAULT);
    answer(400, "");
    answer(400, "{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}");
    assert_int_equal(entra_step(credential), ENTRA_RUN); /* no system-assigned identity */
    ran(true, 0, "{\"accessToken\":\"a.b.c\",\"expires_on\":1767604150}", "");
    has_token("a.b.c");
    entra_begin(credential, NOW_S);
    assert_int_equal(entra_step(credential), ENTRA_RUN);
}

static void a_host_that_announces_its_endpoint_needs_no_probe(void **state)
{
    (void)state;
    set("IDENTITY_ENDPOINT", "http://127.0.0.1/t");
    set("IDENTITY_HEADER", "h");
    make(ENTRA_DEFAULT);
    sends("GET", "http://127.0.0.1/t?api-version=2019-08-01&" RESOURCE);
}

static void a_variable_chooses_links_of_the_chain(void **state)
{
    (void)state;
    set("AZURE_TOKEN_CREDENTIALS", "dev");
    make(ENTRA_DEFAULT);
    assert_int_equal(entra_step(credential), ENTRA_RUN);
    set("AZURE_TOKEN_CREDENTIALS", "PROD");
    make(ENTRA_DEFAULT);
    sends("GET", IMDS);
    no_answer(ENTRA_UNREACHED);
    fails(ENTRA_REFUSED, "managed_identity: no managed identity", "");
    set("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential");
    make(ENTRA_DEFAULT);
    sends("GET", IMDS "?api-version=2018-02-01&" RESOURCE); /* without the probe, and with its retries */
    answer(404, "");
    waits(2000);
    set("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential");
    make(ENTRA_DEFAULT);
    assert_int_equal(entra_step(credential), ENTRA_RUN);
    set("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential");
    make(ENTRA_DEFAULT);
    fails(ENTRA_REFUSED, "environment: AZURE_TENANT_ID", "");
    set("AZURE_TOKEN_CREDENTIALS", "WorkloadIdentityCredential");
    make(ENTRA_DEFAULT);
    fails(ENTRA_REFUSED, "workload_identity: AZURE_TENANT_ID", "");
    set("AZURE_TOKEN_CREDENTIALS", "AzurePowerShellCredential");
    is_refused(ENTRA_DEFAULT, "AZURE_TOKEN_CREDENTIALS is \"AzurePowerShellCredential\"", "AzureCliCredential");
}

static void the_environment_takes_a_certificate_where_there_is_no_secret(void **state)
{
    (void)state;
    application();
    write_file("app.pem", ec_key);
    FILE *file = fopen("app.pem", "a");
    fputs(ec_certificate, file);
    fclose(file);
    set("AZURE_CLIENT_CERTIFICATE_PATH", "app.pem");
    set("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "True");
    make(ENTRA_ENVIRONMENT);
    assert_non_null(strstr(entra_request(credential)->body.data, "client_assertion="));
    assert_true(credential->sends_chain);
    set("AZURE_CLIENT_SECRET", "s");
    make(ENTRA_ENVIRONMENT);
    assert_non_null(strstr(entra_request(credential)->body.data, "client_secret=s"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_secret_is_sent_form_encoded),
        TEST(what_is_given_wins_over_the_variables),
        TEST(what_is_missing_is_named),
        TEST(what_cannot_be_part_of_a_request_is_refused),
        TEST(adfs_has_a_path_and_a_scope_of_its_own),
        TEST(a_certificate_signs_each_request_anew),
        TEST(a_federated_token_is_read_again_each_time),
        TEST(a_refusal_has_its_code_and_what_to_do),
        TEST(trouble_at_the_authority_is_tried_once_more_after_a_second),
        TEST(an_authority_that_cannot_be_reached_is_told_by_its_cause),
        TEST(each_host_is_asked_in_its_own_way),
        TEST(an_identity_is_named_as_the_host_wants_it),
        TEST(the_variable_chooses_an_identity_in_the_chain_alone),
        TEST(plain_http_goes_to_the_neighbourhood_alone),
        TEST(the_metadata_service_is_tried_as_documented),
        TEST(a_clock_that_is_off_does_not_sign_in),
        TEST(other_hosts_are_tried_three_times_a_second_apart),
        TEST(an_identity_that_is_not_assigned_is_named),
        TEST(a_machine_without_one_is_told_soon),
        TEST(arc_asks_for_proof),
        TEST(arc_gets_nothing_but_its_own_keys),
        TEST(a_key_that_is_there_but_elsewhere_is_not_sent),
        TEST(the_cli_is_run_with_a_list_of_arguments),
        TEST(what_the_cli_says_is_told),
        TEST(the_chain_goes_in_the_order_of_the_sdks),
        TEST(the_first_that_is_there_is_taken_and_kept),
        TEST(what_is_configured_and_refused_ends_the_chain),
        TEST(a_machine_that_only_seems_to_have_an_identity_is_passed_by),
        TEST(a_host_that_announces_its_endpoint_needs_no_probe),
        TEST(a_variable_chooses_links_of_the_chain),
        TEST(the_environment_takes_a_certificate_where_there_is_no_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
