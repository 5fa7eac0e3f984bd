#include "acs/acs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define KEY "AwoRGB8mLTQ7QklQV15lbHN6gYiPlp2kq7K5wMfO1dw="
#define HOST "contoso.communication.azure.com"

static void accepts(const char *text, const char *url)
{
    struct acs_resource resource;
    struct error error = {0};

    if (!acs_resource_parse(text, &resource, &error))
        fail_msg("%s: refused: %s", text, error.message);
    assert_string_equal(resource.origin.url, url);
    assert_int_equal(resource.key.length, 32);
    assert_memory_equal(secret_reveal(&resource.key), "\x03\x0a\x11\x18", 4);
    acs_resource_clear(&resource);
    assert_false(secret_is_set(&resource.key));
}

/* `message` is a part of the expected message. */
static void refuses(const char *text, const char *message)
{
    struct acs_resource resource;
    struct error error = {0};

    if (acs_resource_parse(text, &resource, &error))
        fail_msg("%s: accepted", text);
    assert_int_equal(error.code, ERROR_INPUT);
    if (strstr(error.message, message) == NULL)
        fail_msg("%s: refused with: %s", text, error.message);
    assert_false(secret_is_set(&resource.key));
    assert_string_equal(resource.origin.url, "");
}

static void the_portals_form_is_read(void **state)
{
    (void)state;
    accepts("endpoint=https://" HOST "/;accesskey=" KEY, "https://" HOST);
}

static void order_case_and_white_space_do_not_matter(void **state)
{
    (void)state;
    accepts("accesskey=" KEY ";endpoint=https://" HOST, "https://" HOST);
    accepts("EndPoint=HTTPS://Contoso.Communication.AZURE.com;AccessKey=" KEY, "https://" HOST);
    accepts(" endpoint = https://" HOST "/ ;\taccesskey = " KEY " \r\n", "https://" HOST);
}

static void empty_trailing_and_unknown_parts_are_ignored(void **state)
{
    (void)state;
    accepts("endpoint=https://" HOST ";accesskey=" KEY ";", "https://" HOST);
    accepts(";; endpoint=https://" HOST "; ;accesskey=" KEY ";;", "https://" HOST);
    accepts("endpoint=https://" HOST ";colour=blue=green;accesskey=" KEY ";x=", "https://" HOST);
}

static void the_padding_of_a_key_is_part_of_its_value(void **state)
{
    struct acs_resource resource;
    struct error error;

    (void)state;
    assert_true(acs_resource_parse("endpoint=https://" HOST ";accesskey=AAEC", &resource, &error));
    assert_int_equal(resource.key.length, 3);
    acs_resource_clear(&resource);
    assert_true(acs_resource_parse("endpoint=https://" HOST ";accesskey=AA==", &resource, &error));
    assert_int_equal(resource.key.length, 1);
    acs_resource_clear(&resource);
}

static void duplicates_are_refused(void **state)
{
    (void)state;
    refuses("endpoint=https://" HOST ";endpoint=https://" HOST ";accesskey=" KEY, "two parts named endpoint");
    refuses("endpoint=https://" HOST ";accesskey=" KEY ";ACCESSKEY=" KEY, "two parts named accesskey");
    refuses("endpoint=;endpoint=https://" HOST ";accesskey=" KEY, "two parts named endpoint");
}

static void missing_parts_are_refused(void **state)
{
    (void)state;
    refuses("", "no endpoint");
    refuses(" ; ", "no endpoint");
    refuses("accesskey=" KEY, "no endpoint");
    refuses("endpoint=;accesskey=" KEY, "no endpoint");
    refuses("endpoint=https://" HOST, "no access key");
    refuses("endpoint=https://" HOST ";accesskey= ", "no access key");
    refuses("https://" HOST, "not name=value");
    refuses("\"endpoint=https://" HOST ";accesskey=" KEY "\"", "no endpoint");
}

static void a_key_that_is_not_base64_is_refused(void **state)
{
    (void)state;
    refuses("endpoint=https://" HOST ";accesskey=abc", "not valid base64");
    refuses("endpoint=https://" HOST ";accesskey=ab=d", "not valid base64");
    refuses("endpoint=https://" HOST ";accesskey=a===", "not valid base64");
    refuses("endpoint=https://" HOST ";accesskey=====", "not valid base64");
    refuses("endpoint=https://" HOST ";accesskey=ab-_", "not valid base64");
    refuses("endpoint=https://" HOST ";accesskey=ab c", "not valid base64");
    refuses("endpoint=https://" HOST ";accesskey=ab\xC3\xA9", "not valid base64");
}

static void a_key_that_is_far_too_long_is_refused(void **state)
{
    char text[2048] = "endpoint=https://" HOST ";accesskey=";

    (void)state;
    memset(text + strlen(text), 'A', 1028);
    refuses(text, "not valid base64");
}

static void no_message_quotes_what_was_given(void **state)
{
    static const char *const texts[] = {
        "endpoint=" KEY ";accesskey=https://" HOST,
        "endpoint=https://" KEY ";accesskey=" HOST,
        "endpoint=https://" HOST ";accesskey=" KEY "!",
        "endpoint=https://" HOST ":" KEY ";accesskey=" KEY,
        KEY,
        KEY "=" KEY,
        "accesskey=" KEY,
        "accesskey=" KEY ";accesskey=" KEY,
        "endpoint=http://" HOST ";accesskey=" KEY,
    };
    struct acs_resource resource;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct error error = {0};
        assert_false(acs_resource_parse(texts[i], &resource, &error));
        assert_null(strstr(error.message, "AwoRGB8m"));
        assert_null(strstr(error.hint, "AwoRGB8m"));
        assert_null(strstr(error.message, "contoso"));
        assert_false(acs_resource_from_endpoint(texts[i], &resource, &error));
        assert_null(strstr(error.message, "AwoRGB8m"));
        assert_null(strstr(error.hint, "AwoRGB8m"));
    }
}

static void an_endpoint_alone_is_read_as_well(void **state)
{
    struct acs_resource resource;
    struct error error;

    (void)state;
    assert_true(acs_resource_from_endpoint(" https://" HOST "/ ", &resource, &error));
    assert_string_equal(resource.origin.url, "https://" HOST);
    assert_false(secret_is_set(&resource.key));
    assert_false(acs_resource_from_endpoint(HOST, &resource, &error));
    assert_string_equal(error.hint, "it looks like https://<resource name>.communication.azure.com");
}

static void an_identity_has_one_form(void **state)
{
    static const char good[] = "8:acs:1bdaa2b9-9507-4542-bb64-a7b22c00a8d4_0000001b-7774-a97e-eef0-8b3a0d001bcf";
    char bad[sizeof good + 1];

    (void)state;
    assert_true(acs_identity_is_valid(good));
    for (size_t i = 0; i < sizeof good - 1; i++) {
        memcpy(bad, good, sizeof good);
        bad[i] = good[i] == ':' ? ';' : 'G';
        assert_false(acs_identity_is_valid(bad));
        bad[i] = '\0';
        assert_false(acs_identity_is_valid(bad));
    }
    snprintf(bad, sizeof bad, "%s0", good);
    assert_false(acs_identity_is_valid(bad));
    assert_false(
        acs_identity_is_valid("8:acs:1BDAA2B9-9507-4542-BB64-A7B22C00A8D4_0000001b-7774-a97e-eef0-8b3a0d001bcf"));
    assert_false(acs_identity_is_valid("sanitized"));
}

static void the_clouds_of_governments_have_identities_too(void **state)
{
#define GUIDS ":1bdaa2b9-9507-4542-bb64-a7b22c00a8d4_0000001b-7774-a97e-eef0-8b3a0d001bcf"
    static const char longest[] = "8:gcch-acs" GUIDS;

    (void)state;
    assert_int_equal(strlen(longest), ACS_IDENTITY_MAX);
    assert_true(acs_identity_is_valid(longest));
    assert_true(acs_identity_is_valid("8:dod-acs" GUIDS));
    assert_false(acs_identity_is_valid("8:gcch" GUIDS));
    assert_false(acs_identity_is_valid("8:spool" GUIDS));
    assert_false(acs_identity_is_valid("8:gcch-acs" GUIDS "0"));
#undef GUIDS
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_portals_form_is_read),
        cmocka_unit_test(order_case_and_white_space_do_not_matter),
        cmocka_unit_test(empty_trailing_and_unknown_parts_are_ignored),
        cmocka_unit_test(the_padding_of_a_key_is_part_of_its_value),
        cmocka_unit_test(duplicates_are_refused),
        cmocka_unit_test(missing_parts_are_refused),
        cmocka_unit_test(a_key_that_is_not_base64_is_refused),
        cmocka_unit_test(a_key_that_is_far_too_long_is_refused),
        cmocka_unit_test(no_message_quotes_what_was_given),
        cmocka_unit_test(an_endpoint_alone_is_read_as_well),
        cmocka_unit_test(an_identity_has_one_form),
        cmocka_unit_test(the_clouds_of_governments_have_identities_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
