#include "core/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define HOST "contoso.communication.azure.com"

static void accepts(const char *text, const char *host, const char *authority, const char *url)
{
    struct origin origin;
    struct error error = {0};

    if (!origin_parse(text, strlen(text), &origin, &error))
        fail_msg("%s: refused: %s", text, error.message);
    assert_string_equal(origin.host, host);
    assert_string_equal(origin.authority, authority);
    assert_string_equal(origin.url, url);
    assert_int_equal(origin.secure, strncmp(url, "https", 5) == 0);
}

/* `message` is a part of the expected message. */
static void refuses(const char *text, const char *message)
{
    struct origin origin;
    struct error error = {0};

    if (origin_parse(text, strlen(text), &origin, &error))
        fail_msg("%s: accepted", text);
    assert_int_equal(error.code, ERROR_INPUT);
    assert_string_equal(origin.url, "");
    if (strstr(error.message, message) == NULL)
        fail_msg("%s: refused with: %s", text, error.message);
}

static void a_default_port_is_dropped_and_another_one_kept(void **state)
{
    (void)state;
    accepts("https://" HOST ":443", HOST, HOST, "https://" HOST);
    accepts("https://" HOST ":0443/", HOST, HOST, "https://" HOST);
    accepts("https://" HOST ":8443/", HOST, HOST ":8443", "https://" HOST ":8443");
    accepts("http://localhost:80", "localhost", "localhost", "http://localhost");
    accepts("http://localhost:443", "localhost", "localhost:443", "http://localhost:443");
}

static void plain_http_is_only_for_this_machine(void **state)
{
    (void)state;
    accepts("http://127.0.0.1:8080", "127.0.0.1", "127.0.0.1:8080", "http://127.0.0.1:8080");
    accepts("http://127.255.1.2", "127.255.1.2", "127.255.1.2", "http://127.255.1.2");
    accepts("http://[::1]:8080/", "[::1]", "[::1]:8080", "http://[::1]:8080");
    accepts("HTTP://LocalHost:1", "localhost", "localhost:1", "http://localhost:1");
    refuses("http://" HOST, "http://");
    refuses("http://127.0.0.1.example.com", "http://");
    refuses("http://localhost.example.com", "http://");
    refuses("http://128.0.0.1", "http://");
    refuses("http://127.1", "http://");
    refuses("http://[::2]", "http://");
    refuses("http://0.0.0.0", "http://");
}

static void an_address_is_a_scheme_a_host_and_a_port(void **state)
{
    (void)state;
    accepts("https://[2001:db8::1]", "[2001:db8::1]", "[2001:db8::1]", "https://[2001:db8::1]");
    refuses("", "https://");
    refuses(" https://" HOST, "https://");
    refuses(HOST, "https://");
    refuses("ftp://" HOST, "https://");
    refuses("https://" HOST "/identities", "more to it");
    refuses("https://" HOST "//", "more to it");
    refuses("https://" HOST "?x=1", "more to it");
    refuses("https://" HOST "#x", "more to it");
    refuses("https://user:password@" HOST, "more to it");
    refuses("https://" HOST "\\x", "more to it");
}

static void a_host_name_or_port_that_is_none_is_refused(void **state)
{
    char host[400] = "https://";

    (void)state;
    refuses("https://", "host name");
    refuses("https:///", "host name");
    refuses("https://:443", "host name");
    refuses("https://a..b", "host name");
    refuses("https://.a", "host name");
    refuses("https://a.", "host name");
    refuses("https://a b", "host name");
    refuses("https://a\nb", "host name");
    refuses("https://\xC3\xA9.example", "host name");
    refuses("https://[::1", "host name");
    refuses("https://[]", "host name");
    refuses("https://[::1]x", "host name");
    refuses("https://[fe80::1%eth0]", "host name");
    refuses("https://::1", "host name");
    memset(host + 8, 'a', 64);
    refuses(host, "host name");
    for (size_t i = 8; i < sizeof host - 1; i++)
        host[i] = i % 2 == 0 ? 'a' : '.';
    refuses(host, "host name");
    host[8 + 255] = '\0'; /* too long for a name, though not for its place */
    refuses(host, "host name");
    refuses("https://" HOST ":", "port");
    refuses("https://" HOST ":0", "port");
    refuses("https://" HOST ":65536", "port");
    refuses("https://" HOST ":443443", "port");
    refuses("https://" HOST ":44a", "port");
    refuses("https://" HOST ":-1", "port");
}

static void only_the_given_length_is_read(void **state)
{
    struct origin origin;
    struct error error;

    (void)state;
    assert_true(origin_parse("https://a;x", strlen("https://a"), &origin, &error));
    assert_string_equal(origin.url, "https://a");
    assert_false(origin_parse("https://a", strlen("https:/"), &origin, &error));
    assert_false(origin_parse("https://a\0b", sizeof "https://a\0b" - 1, &origin, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_default_port_is_dropped_and_another_one_kept),
        cmocka_unit_test(plain_http_is_only_for_this_machine),
        cmocka_unit_test(an_address_is_a_scheme_a_host_and_a_port),
        cmocka_unit_test(a_host_name_or_port_that_is_none_is_refused),
        cmocka_unit_test(only_the_given_length_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
