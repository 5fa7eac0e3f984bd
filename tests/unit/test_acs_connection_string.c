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
    assert_string_equal(resource.url, url);
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
    assert_string_equal(resource.url, "");
}

static void endpoint_accepts(const char *endpoint, const char *host, const char *authority, const char *url)
{
    struct acs_resource resource;
    struct error error = {0};

    if (!acs_resource_from_endpoint(endpoint, &resource, &error))
        fail_msg("%s: refused: %s", endpoint, error.message);
    assert_string_equal(resource.host, host);
    assert_string_equal(resource.authority, authority);
    assert_string_equal(resource.url, url);
    assert_int_equal(resource.secure, strncmp(url, "https", 5) == 0);
    assert_false(secret_is_set(&resource.key));
    acs_resource_clear(&resource);
}

static void endpoint_refuses(const char *endpoint, const char *message)
{
    struct acs_resource resource;
    struct error error = {0};

    if (acs_resource_from_endpoint(endpoint, &resource, &error))
        fail_msg("%s: accepted", endpoint);
    assert_int_equal(error.code, ERROR_INPUT);
    if (strstr(error.message, message) == NULL)
        fail_msg("%s: refused with: %s", endpoint, error.message);
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

static void a_default_port_is_dropped_and_another_one_kept(void **state)
{
    (void)state;
    endpoint_accepts("https://" HOST ":443", HOST, HOST, "https://" HOST);
    endpoint_accepts("https://" HOST ":0443/", HOST, HOST, "https://" HOST);
    endpoint_accepts("https://" HOST ":8443/", HOST, HOST ":8443", "https://" HOST ":8443");
    endpoint_accepts("http://localhost:80", "localhost", "localhost", "http://localhost");
    endpoint_accepts("http://localhost:443", "localhost", "localhost:443", "http://localhost:443");
}

static void plain_http_is_only_for_this_machine(void **state)
{
    (void)state;
    endpoint_accepts("http://127.0.0.1:8080", "127.0.0.1", "127.0.0.1:8080", "http://127.0.0.1:8080");
    endpoint_accepts("http://127.255.1.2", "127.255.1.2", "127.255.1.2", "http://127.255.1.2");
    endpoint_accepts("http://[::1]:8080/", "[::1]", "[::1]:8080", "http://[::1]:8080");
    endpoint_accepts("HTTP://LocalHost:1", "localhost", "localhost:1", "http://localhost:1");
    endpoint_refuses("http://" HOST, "http://");
    endpoint_refuses("http://127.0.0.1.example.com", "http://");
    endpoint_refuses("http://localhost.example.com", "http://");
    endpoint_refuses("http://128.0.0.1", "http://");
    endpoint_refuses("http://127.1", "http://");
    endpoint_refuses("http://[::2]", "http://");
    endpoint_refuses("http://0.0.0.0", "http://");
}

static void an_endpoint_is_a_scheme_a_host_and_a_port(void **state)
{
    (void)state;
    endpoint_accepts(" https://[2001:db8::1] ", "[2001:db8::1]", "[2001:db8::1]", "https://[2001:db8::1]");
    endpoint_refuses("", "https://");
    endpoint_refuses(HOST, "https://");
    endpoint_refuses("ftp://" HOST, "https://");
    endpoint_refuses("https://" HOST "/identities", "more to it");
    endpoint_refuses("https://" HOST "//", "more to it");
    endpoint_refuses("https://" HOST "?x=1", "more to it");
    endpoint_refuses("https://" HOST "#x", "more to it");
    endpoint_refuses("https://user:password@" HOST, "more to it");
    endpoint_refuses("https://" HOST "\\x", "more to it");
}

static void a_host_name_or_port_that_is_none_is_refused(void **state)
{
    char host[400] = "https://";

    (void)state;
    endpoint_refuses("https://", "host name");
    endpoint_refuses("https:///", "host name");
    endpoint_refuses("https://:443", "host name");
    endpoint_refuses("https://a..b", "host name");
    endpoint_refuses("https://.a", "host name");
    endpoint_refuses("https://a.", "host name");
    endpoint_refuses("https://a b", "host name");
    endpoint_refuses("https://a\nb", "host name");
    endpoint_refuses("https://\xC3\xA9.example", "host name");
    endpoint_refuses("https://[::1", "host name");
    endpoint_refuses("https://[]", "host name");
    endpoint_refuses("https://[::1]x", "host name");
    endpoint_refuses("https://[fe80::1%eth0]", "host name");
    endpoint_refuses("https://::1", "host name");
    memset(host + 8, 'a', 64);
    endpoint_refuses(host, "host name");
    for (size_t i = 8; i < sizeof host - 1; i++)
        host[i] = i % 2 == 0 ? 'a' : '.';
    endpoint_refuses(host, "host name");
    host[8 + 255] = '\0'; /* too long for a name, though not for its place */
    endpoint_refuses(host, "host name");
    endpoint_refuses("https://" HOST ":", "port");
    endpoint_refuses("https://" HOST ":0", "port");
    endpoint_refuses("https://" HOST ":65536", "port");
    endpoint_refuses("https://" HOST ":443443", "port");
    endpoint_refuses("https://" HOST ":44a", "port");
    endpoint_refuses("https://" HOST ":-1", "port");
}

static void a_connection_string_given_as_an_endpoint_is_recognised(void **state)
{
    struct acs_resource resource;
    struct error error;

    (void)state;
    assert_false(acs_resource_from_endpoint("endpoint=https://" HOST "/;AccessKey=" KEY, &resource, &error));
    assert_non_null(strstr(error.hint, "resource.connection_string"));
}

static void an_identity_has_one_form(void **state)
{
    static const char good[] = "8:acs:1bdaa2b9-9507-4542-bb64-a7b22c00a8d4_0000001b-7774-a97e-eef0-8b3a0d001bcf";
    char bad[sizeof good + 1];

    (void)state;
    assert_int_equal(strlen(good), ACS_IDENTITY_LENGTH);
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
        cmocka_unit_test(a_default_port_is_dropped_and_another_one_kept),
        cmocka_unit_test(plain_http_is_only_for_this_machine),
        cmocka_unit_test(an_endpoint_is_a_scheme_a_host_and_a_port),
        cmocka_unit_test(a_host_name_or_port_that_is_none_is_refused),
        cmocka_unit_test(a_connection_string_given_as_an_endpoint_is_recognised),
        cmocka_unit_test(an_identity_has_one_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
