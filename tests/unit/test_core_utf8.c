#include "core/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define VALID(text) assert_int_equal(utf8_valid_length(text, sizeof(text) - 1), sizeof(text) - 1)
#define VALID_UP_TO(place, text) assert_int_equal(utf8_valid_length(text, sizeof(text) - 1), place)

static void well_formed_text_is_valid(void **state)
{
    (void)state;
    VALID("");
    VALID("plain ASCII that is longer than a word\x01\x7F");
    VALID("\xC2\x80 \xDF\xBF");
    VALID("\xE0\xA0\x80 \xEC\x80\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF");
    VALID("\xF0\x90\x80\x80 \xF3\x80\x80\x80 \xF4\x8F\xBF\xBF");
    VALID("1234567\xC3\xA9"
          "12345678\xE6\x97\xA5\xE6\x9C\xAC");
}

static void malformed_text_is_valid_up_to_the_fault(void **state)
{
    (void)state;
    VALID_UP_TO(0, "\x80");
    VALID_UP_TO(2, "ab\xC3");
    VALID_UP_TO(2, "ab\xC3g");
    VALID_UP_TO(9, "123456789\xFF");
    VALID_UP_TO(8, "12345678\xC0\x80"); /* overlong */
    VALID_UP_TO(0, "\xC1\xBF");         /* overlong */
    VALID_UP_TO(0, "\xE0\x9F\xBF");     /* overlong */
    VALID_UP_TO(0, "\xF0\x8F\xBF\xBF"); /* overlong */
    VALID_UP_TO(1, "x\xED\xA0\x80");    /* surrogate */
    VALID_UP_TO(0, "\xF4\x90\x80\x80"); /* beyond U+10FFFF */
    VALID_UP_TO(0, "\xF5\x80\x80\x80");
    VALID_UP_TO(0, "\xE6\x97");
    VALID_UP_TO(0, "\xE6\x97g");
    VALID_UP_TO(0, "\xF0\x90\x80");
    VALID_UP_TO(0, "\xF0\x90\x80g");
}

static void a_nul_byte_is_a_fault(void **state)
{
    (void)state;
    VALID_UP_TO(0, "\0");
    VALID_UP_TO(3, "abc\0efghijkl");
    VALID_UP_TO(10, "abcdefghij\0");
}

static void plain_text_is_ascii_without_nul(void **state)
{
    (void)state;
    char text[40];

    assert_true(utf8_is_plain("", 0));
    for (size_t length = 1; length < sizeof text; length++) {
        for (size_t place = 0; place < length; place++) {
            memset(text, 'a', sizeof text);
            text[place] = '\x7F';
            assert_true(utf8_is_plain(text, length));
            text[place] = '\x01';
            assert_true(utf8_is_plain(text, length));
            text[place] = '\0';
            assert_false(utf8_is_plain(text, length));
            text[place] = '\x80';
            assert_false(utf8_is_plain(text, length));
        }
    }
}

static void characters_are_counted_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(utf8_count("", 0), 0);
    assert_int_equal(utf8_count("a\xC3\xA9\xE6\x97\xA5\xF0\x9F\x99\x82", 10), 4);
    assert_int_equal(utf8_count("\xFF\xC3", 2), 2);
}

static void a_cut_character_is_told_from_a_malformed_one(void **state)
{
    (void)state;
    assert_int_equal(utf8_cut_length("", 0), 0);
    assert_int_equal(utf8_cut_length("ab", 2), 0);
    assert_int_equal(utf8_cut_length("a\xC3", 2), 1);
    assert_int_equal(utf8_cut_length("a\xC3\xA9", 3), 0);
    assert_int_equal(utf8_cut_length("\xE6\x97", 2), 2);
    assert_int_equal(utf8_cut_length("a\xF0\x9F\x99", 4), 3);
    assert_int_equal(utf8_cut_length("\xF0\x9F\x99\x82", 4), 0);
    assert_int_equal(utf8_cut_length("\x9F\x99", 2), 0);
    assert_int_equal(utf8_cut_length("\xC1", 1), 0);
    assert_int_equal(utf8_cut_length("\x80\x80\x80\x80", 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_text_is_valid),
        cmocka_unit_test(malformed_text_is_valid_up_to_the_fault),
        cmocka_unit_test(a_nul_byte_is_a_fault),
        cmocka_unit_test(plain_text_is_ascii_without_nul),
        cmocka_unit_test(characters_are_counted_not_bytes),
        cmocka_unit_test(a_cut_character_is_told_from_a_malformed_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
