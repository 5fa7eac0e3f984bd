#include "output/json_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static struct error error;

static void appends(json_t *value, const char *expected)
{
    struct buffer text;

    buffer_init(&text, 1024);
    assert_true(json_out_append(&text, value, JSON_COMPACT, &error));
    assert_string_equal(text.data, expected);
    buffer_clear(&text);
}

static void a_value_is_written_as_it_was_made(void **state)
{
    json_t *list = json_array();
    json_t *object = json_object();

    (void)state;
    json_out_item(&list, json_integer(1));
    json_out_item(&list, json_out_text("two"));
    json_out_item(&list, json_out_text(""));
    json_out_item(&list, json_out_text(NULL));
    json_out_member(&object, "list", list);
    appends(object, "{\"list\":[1,\"two\",null,null]}");
}

/* As when a piece could not be had. */
static void what_lacks_a_piece_is_not_written_at_all(void **state)
{
    json_t *object = json_pack("{s:i}", "whole", 1);
    json_t *list = json_array();
    struct buffer text;

    (void)state;
    json_out_member(&object, "lost", NULL);
    assert_null(object);
    json_out_member(&object, "later", json_integer(2));
    json_out_item(&list, NULL);
    json_out_item(&list, json_integer(2));
    assert_null(list);
    buffer_init(&text, 1024);
    buffer_append_text(&text, "before");
    assert_false(json_out_append(&text, object, JSON_COMPACT, &error));
    assert_string_equal(error.message, "out of memory");
    assert_string_equal(text.data, "before");
    buffer_clear(&text);
}

static void what_does_not_fit_is_an_error(void **state)
{
    struct buffer text;

    (void)state;
    buffer_init(&text, 8);
    assert_false(json_out_append(&text, json_string("longer than that"), JSON_ENCODE_ANY, &error));
    assert_non_null(strstr(error.message, "a JSON text"));
    buffer_clear(&text);
}

static void a_line_is_printed_and_a_stream_that_takes_none_is_an_error(void **state)
{
    char *written = NULL;
    size_t length;
    FILE *stream = open_memstream(&written, &length);

    (void)state;
    assert_true(json_out_print(stream, json_pack("{s:b}", "a", 1), JSON_COMPACT, &error));
    assert_false(json_out_print(stream, NULL, JSON_COMPACT, &error));
    fclose(stream);
    assert_string_equal(written, "{\"a\":true}\n");
    free(written);

    FILE *full = fopen("/dev/full", "we");
    setvbuf(full, NULL, _IONBF, 0);
    assert_false(json_out_print(full, json_pack("{s:b}", "a", 1), JSON_COMPACT, &error));
    assert_string_equal(error.message, "cannot write to standard output: No space left on device");
    fclose(full);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_value_is_written_as_it_was_made),
    cmocka_unit_test(what_lacks_a_piece_is_not_written_at_all),
    cmocka_unit_test(what_does_not_fit_is_an_error),
    cmocka_unit_test(a_line_is_printed_and_a_stream_that_takes_none_is_an_error),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
