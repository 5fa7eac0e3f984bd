/* What token endpoints, hosts and the Azure CLI write, in every spelling; and complaints with what to do about them. */
#include "scratch.h"

#include "entra/entra_internal.h"

enum { NOW_S = 1767600550 };

static struct entra_token token;

static int end(void **state)
{
    (void)state;
    entra_token_clear(&token);
    return 0;
}

static bool read_as(enum token_form form, const char *body)
{
    entra_token_clear(&token);
    error = (struct error){0};
    return token_read(form, body, strlen(body), NOW_S, &token, &error);
}

static void the_end_of_a_token_is_understood_in_every_spelling(void **state)
{
    static const struct {
        enum token_form form;
        const char *end;
        int64_t lifetime_s;
    } rows[] = {
        {FORM_ENTRA, "\"expires_in\":3599", 3599},
        {FORM_ENTRA, "\"expires_in\":\"3599\"", 3599},
        {FORM_ENTRA, "\"expires_in\":3599.7", 3599},
        {FORM_ENTRA, "\"expires_in\":3599,\"expires_on\":1767600560", 3599}, /* our clock may be wrong */
        {FORM_ENTRA, "\"expires_on\":1767604150", 3600},
        {FORM_IDENTITY, "\"expires_in\":\"3599\",\"expires_on\":\"1767604150\"", 3599},
        {FORM_IDENTITY, "\"expires_in\":\"86399\",\"expires_on\":\"1767604150\"", 3600}, /* made long ago */
        {FORM_IDENTITY, "\"expires_on\":\"1767604150\"", 3600},
        {FORM_IDENTITY, "\"expires_on\":1767604150", 3600},
        {FORM_IDENTITY, "\"expires_on\":\"2026-01-05T09:09:10Z\"", 3600},
        {FORM_IDENTITY, "\"expires_on\":\"2026-01-05T10:09:10+01:00\"", 3600},
        {FORM_IDENTITY, "\"expires_on\":\"Mon, 05 Jan 2026 09:09:10 GMT\"", 3600},
        {FORM_CLI, "\"expires_on\":1767604150,\"expiresOn\":\"2031-01-01 00:00:00.000000\"", 3600},
        {FORM_CLI, "\"expiresOn\":\"2026-01-05 09:09:10.123456\"", 3600}, /* local time, which is UTC here */
        {FORM_ENTRA, "\"expires_in\":99999999999", 10 * 365 * 24 * 3600L},
    };

    (void)state;
    setenv("TZ", "UTC", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[256];
        snprintf(body, sizeof body, "{\"%s\":\"a.b.c\",%s}", rows[i].form == FORM_CLI ? "accessToken" : "access_token",
                 rows[i].end);
        works(read_as(rows[i].form, body));
        if (token.lifetime_ms != rows[i].lifetime_s * 1000)
            fail_msg("%s: %lld ms", rows[i].end, (long long)token.lifetime_ms);
        assert_string_equal(secret_reveal(&token.text), "a.b.c");
        assert_int_equal(token.refresh_in_ms, -1);
    }
}

static void a_token_may_say_when_it_wants_to_be_renewed(void **state)
{
    (void)state;
    works(read_as(FORM_ENTRA, "{\"access_token\":\"t\",\"expires_in\":86399,\"refresh_in\":43199}"));
    assert_int_equal(token.refresh_in_ms, 43199000);
    works(read_as(FORM_ENTRA, "{\"access_token\":\"t\",\"expires_in\":\"86399\",\"refresh_in\":\"43199\"}"));
    assert_int_equal(token.refresh_in_ms, 43199000);
}

static void the_recorded_answers_are_understood(void **state)
{
    (void)state;
    works(read_as(FORM_ENTRA, "{\"token_type\":\"Bearer\",\"expires_in\":86399,\"ext_expires_in\":86399,"
                              "\"access_token\":\"Sanitized\"}"));
    works(read_as(FORM_IDENTITY, "{\"access_token\":\"eyJ0eXAi.x.y\",\"refresh_token\":\"\",\"expires_in\":\"3599\","
                                 "\"expires_on\":\"1767604149\",\"not_before\":\"1767600250\",\"resource\":"
                                 "\"https://management.azure.com/\",\"token_type\":\"Bearer\"}"));
    assert_int_equal(token.lifetime_ms, 3599000);
    works(read_as(FORM_CLI, "{\n  \"accessToken\": \"x.y.z\",\n  \"expiresOn\": \"2026-01-05 09:09:10.000000\",\n  "
                            "\"expires_on\": 1767604150,\n  \"subscription\": \"s\",\n  \"tenant\": \"t\",\n  "
                            "\"tokenType\": \"Bearer\"\n}\n"));
}

static void what_is_no_token_is_refused(void **state)
{
    static const struct {
        const char *body;
        const char *says;
    } rows[] = {
        {"", "not a JSON object"},
        {"<html>", "not a JSON object"},
        {"[]", "not a JSON object"},
        {"{\"access_token\":\"t\",\"access_token\":\"u\",\"expires_in\":1}", "not a JSON object"},
        {"{\"expires_in\":3599}", "no token"},
        {"{\"access_token\":\"\",\"expires_in\":3599}", "no token"},
        {"{\"access_token\":7,\"expires_in\":3599}", "no token"},
        {"{\"access_token\":\"a b\",\"expires_in\":3599}", "no token"},
        {"{\"access_token\":\"a\\r\\nX: y\",\"expires_in\":3599}", "no token"},
        {"{\"access_token\":\"t\"}", "does not say when"},
        {"{\"access_token\":\"t\",\"expires_in\":\"soon\"}", "does not say when"},
        {"{\"access_token\":\"t\",\"expires_in\":-5}", "does not say when"},
        {"{\"access_token\":\"t\",\"expires_in\":[]}", "does not say when"},
        {"{\"access_token\":\"t\",\"expires_in\":0}", "has ended already"},
        {"{\"access_token\":\"t\",\"expires_on\":1767600549}", "has ended already"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (read_as(FORM_IDENTITY, rows[i].body))
            fail_msg("taken: %s", rows[i].body);
        says(rows[i].says);
        assert_false(secret_is_set(&token.text));
    }
}

static struct complaint complaint;

static const char *text_of(const char *body)
{
    complaint_read(body, strlen(body), &complaint);
    return complaint.text;
}

static void complaints_come_in_many_forms(void **state)
{
    (void)state;
    assert_string_equal(text_of("{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client "
                                "secret provided. Trace ID: 1234 Correlation ID: 5678 Timestamp: x\",\"error_codes\":"
                                "[7000215],\"trace_id\":\"1234\"}"),
                        "AADSTS7000215: Invalid client secret provided.");
    assert_string_equal(complaint.code, "invalid_client");
    assert_string_equal(complaint.trace, "1234");
    assert_string_equal(
        text_of("{\"error\":\"invalid_client\",\"error_description\":\"AADSTS70021: No match.\\r\\nTrace "
                "ID: 1\"}"),
        "AADSTS70021: No match.");
    assert_string_equal(text_of("{\"statusCode\":404,\"message\":\"No MSI found\"}"), "No MSI found");
    assert_string_equal(complaint.code, "");
    assert_string_equal(text_of("{\"error\":{\"code\":\"SecretHeaderNotFound\",\"message\":\"missing\"}}"), "missing");
    assert_string_equal(complaint.code, "SecretHeaderNotFound");
    assert_string_equal(text_of("connecting: network is unreachable\n"), "connecting: network is unreachable");
    assert_string_equal(text_of("<html>a page</html>"), "");
    assert_string_equal(text_of(""), "");
    assert_string_equal(text_of("{\"error\":7}"), "");
}

static void a_token_in_a_complaint_is_not_repeated(void **state)
{
    (void)state;
    assert_string_equal(text_of("{\"error_description\":\"bad eyJhbGciOiJub25lIn0.e30.c2ln here\"}"), "bad *** here");
}

static void every_documented_code_has_its_advice(void **state)
{
    static const char *const codes[] = {"7000215", "7000222", "700016", "700027", "700021", "700023",
                                        "50027",   "900023",  "700213", "50001",  "90002",  "700024"};

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char text[64];
        snprintf(text, sizeof text, "AADSTS%s: something", codes[i]);
        if (advice_for(text) == NULL)
            fail_msg("no advice for %s", text);
    }
    assert_non_null(strstr(advice_for("AADSTS7000215: x"), "its value, not its id"));
    assert_non_null(strstr(advice_for("AADSTS700021: x"), "client_id")); /* a number is read to its end */
    assert_null(advice_for("AADSTS1: x"));
    assert_null(advice_for("7000215"));
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_end_of_a_token_is_understood_in_every_spelling),
        TEST(a_token_may_say_when_it_wants_to_be_renewed),
        TEST(the_recorded_answers_are_understood),
        TEST(what_is_no_token_is_refused),
        TEST(complaints_come_in_many_forms),
        TEST(a_token_in_a_complaint_is_not_repeated),
        TEST(every_documented_code_has_its_advice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
