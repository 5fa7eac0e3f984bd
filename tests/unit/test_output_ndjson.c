#include "output/ndjson.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <string.h>

static struct buffer line;

static int begin(void **state)
{
    (void)state;
    buffer_init(&line, 4096);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buffer_clear(&line);
    return 0;
}

static void what_is_written_is_json_for_others(void **state)
{
    char text[0x30];

    (void)state;
    for (char c = 1; c < 0x30; c++)
        text[c - 1] = c;
    memcpy(text + 0x2f - 4, "\\\xc3\xa9", 4);
    ndjson_append(&line, text, 0x2f - 1);
    json_t *json = json_loads(line.data, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    assert_int_equal(json_string_length(json), 0x2f - 1);
    assert_memory_equal(json_string_value(json), text, 0x2f - 1);
    json_decref(json);
}

static void what_was_written_is_read_back(void **state)
{
    static const char *const texts[] = {"",           "plain",    "a \"quote\"", "back\\slash",
                                        "\b\f\n\r\t", "\x01\x1f", "caf\xc3\xa9"};
    size_t length;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        buffer_reset(&line);
        ndjson_append(&line, texts[i], strlen(texts[i]));
        buffer_append_text(&line, ",next");
        char *next = line.data;
        const char *text = ndjson_take(&next, &length);
        assert_non_null(text);
        assert_string_equal(text, texts[i]);
        assert_int_equal(length, strlen(texts[i]));
        assert_string_equal(next, ",next");
    }
}

static void what_is_no_string_of_ours_is_not_read(void **state)
{
    static const char *const texts[] = {"",         "plain",      "\"open",      "\"open\\",    "\"\\x\"",
                                        "\"\\u0\"", "\"\\u00\"",  "\"\\u00g0\"", "\"\\u0000\"", "\"\\u0041\"",
                                        "\"\\u\"",  "\"\\u001\"", "\"\\u00zz\"", "\"\\u1234\"", "\"\\u001"};
    char copy[32];
    size_t length;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        snprintf(copy, sizeof copy, "%s", texts[i]);
        char *next = copy;
        if (ndjson_take(&next, &length) != NULL)
            fail_msg("%s was read", texts[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_json_for_others),
        TEST(what_was_written_is_read_back),
        TEST(what_is_no_string_of_ours_is_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
