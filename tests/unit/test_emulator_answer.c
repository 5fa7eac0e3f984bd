#include "answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

static void writes(const char *text, const char *expected)
{
    struct buffer buffer;

    buffer_init(&buffer, 1024);
    json_append_string(&buffer, text);
    assert_string_equal(buffer.data, expected);
    buffer_clear(&buffer);
}

static void a_text_is_quoted_and_escaped(void **state)
{
    (void)state;
    writes("", "\"\"");
    writes("anna", "\"anna\"");
    writes("a\"b\\c", "\"a\\\"b\\\\c\"");
    writes("a\nb\x7F", "\"a\\u000ab\\u007f\"");
    writes("J\xC3\xB6rg", "\"J\xC3\xB6rg\"");
}

/* Found by fuzzing: an api-version of %FF made an answer that was no JSON. */
static void what_is_not_utf8_is_replaced(void **state)
{
    (void)state;
    writes("\xFF", "\"\\ufffd\"");
    writes("a\xC3\x28z", "\"a\\ufffd(z\"");
    writes("\xE2\x82", "\"\\ufffd\\ufffd\"");
}

static void a_message_that_is_cut_in_the_middle_of_a_character_is_json(void **state)
{
    struct answer answer;

    (void)state;
    answer_init(&answer);
    for (int width = 2040; width < 2050; width++) {
        answer_error(&answer, FROM_FRONT, 400, "Code", NULL, "%0*d\xE2\x82\xAC", width, 0);
        json_t *document = json_loadb(answer.body.data, answer.body.length, 0, NULL);
        assert_non_null(document);
        json_decref(document);
    }
    answer_clear(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_quoted_and_escaped),
        cmocka_unit_test(what_is_not_utf8_is_replaced),
        cmocka_unit_test(a_message_that_is_cut_in_the_middle_of_a_character_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
