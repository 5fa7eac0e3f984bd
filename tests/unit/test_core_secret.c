#include "core/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST = 64 * 1024 };

/* The program is linked so that what it allocates and frees comes here. Blocks begin as zeros, so that all of one can
 * be read. Volatile: the compiler knows of free() that it changes nothing. */
static volatile size_t freed_with_a_secret;

void __real_free(void *block);
void *__wrap_malloc(size_t size);
void __wrap_free(void *block);

/* cppcheck-suppress unusedFunction ; the linker has it called */
void *__wrap_malloc(size_t size)
{
    return calloc(1, size);
}

/* cppcheck-suppress unusedFunction ; likewise */
void __wrap_free(void *block)
{
    if (block != NULL && memmem(block, malloc_usable_size(block), "s3cret", 6) != NULL)
        freed_with_a_secret = freed_with_a_secret + 1;
    __real_free(block);
}

static char directory[] = "/tmp/rollcall-secret.XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/secret", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static void write_file(const char *bytes, size_t length, mode_t mode)
{
    unlink(path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void reads(const char *content, size_t length, const char *expected)
{
    struct secret secret = {0};
    struct error error;

    write_file(content, length, 0600);
    assert_true(secret_read_file(&secret, path, &error));
    assert_string_equal(secret_reveal(&secret), expected);
    assert_int_equal(secret.length, strlen(expected));
    secret_clear(&secret);
}

static void a_secret_is_shown_only_to_who_asks_for_it(void **state)
{
    struct secret secret = {0};
    struct error error;

    (void)state;
    assert_false(secret_is_set(&secret));
    assert_string_equal(secret_reveal(&secret), "");
    assert_true(secret_set(&secret, "s3cret", 6, &error));
    assert_true(secret_is_set(&secret));
    assert_string_equal(secret_reveal(&secret), "s3cret");
    secret_clear(&secret);
    assert_false(secret_is_set(&secret));
    secret_clear(&secret);
}

static void what_is_freed_holds_no_secret(void **state)
{
    static const char text[] = "the s3cret";
    struct secret secret = {0};
    struct error error;
    char *copy = malloc(sizeof text);

    (void)state;
    assert_non_null(copy);
    memcpy(copy, text, sizeof text);
    assert_string_equal(copy, text); /* or the compiler leaves it all out */
    freed_with_a_secret = 0;
    free(copy);
    assert_int_equal(freed_with_a_secret, 1); /* or this test would see nothing */

    freed_with_a_secret = 0;
    write_file(text, strlen(text), 0600);
    assert_true(secret_set(&secret, text, strlen(text), &error));
    assert_true(secret_set(&secret, text, strlen(text), &error));
    assert_true(secret_read_file(&secret, path, &error));
    assert_true(secret_read_mounted(&secret, path, strlen(text), &error));
    assert_false(secret_read_mounted(&secret, path, strlen(text) - 1, &error));
    assert_string_equal(secret_reveal(&secret), text);
    secret_clear(&secret);
    assert_int_equal(freed_with_a_secret, 0);
}

static void a_secret_can_be_set_again_even_from_itself(void **state)
{
    struct secret secret = {0};
    struct error error;

    (void)state;
    assert_true(secret_set(&secret, "a\0b", 3, &error));
    assert_int_equal(secret.length, 3);
    assert_memory_equal(secret_reveal(&secret), "a\0b", 4);
    assert_true(secret_set(&secret, "something longer", 16, &error));
    assert_true(secret_set(&secret, secret_reveal(&secret) + 10, 6, &error));
    assert_string_equal(secret_reveal(&secret), "longer");
    secret_clear(&secret);
}

static void a_file_is_read_without_its_last_newline(void **state)
{
    (void)state;
    reads("s3cret", 6, "s3cret");
    reads("s3cret\n", 7, "s3cret");
    reads("s3cret\r\n", 8, "s3cret");
    reads("s3cret\n\n", 8, "s3cret\n");
    reads(" s3cret ", 8, " s3cret ");
    reads("\n", 1, "");
    reads("", 0, "");
}

static void a_file_may_hold_64_kib_and_no_more(void **state)
{
    static char bytes[LARGEST + 1];
    struct secret secret = {0};
    struct error error;

    (void)state;
    memset(bytes, 'a', sizeof bytes);
    write_file(bytes, LARGEST, 0400);
    assert_true(secret_read_file(&secret, path, &error));
    assert_int_equal(secret.length, LARGEST);
    secret_clear(&secret);
    write_file(bytes, LARGEST + 1, 0400);
    assert_false(secret_read_file(&secret, path, &error));
    assert_int_equal(error.code, ERROR_INPUT);
    assert_false(secret_is_set(&secret));
}

static void a_file_that_others_can_write_is_refused_with_the_fix(void **state)
{
    static const mode_t modes[] = {0620, 0602, 0666};
    struct secret secret = {0};
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        write_file("s3cret", 6, modes[i]);
        assert_false(secret_read_file(&secret, path, &error));
        assert_int_equal(error.code, ERROR_INPUT);
        assert_non_null(strstr(error.hint, "chmod 600"));
        assert_null(strstr(error.message, "s3cret"));
    }
}

static void a_file_that_is_not_there_is_an_error_of_the_input(void **state)
{
    struct secret secret = {0};
    struct error error;

    (void)state;
    unlink(path);
    assert_false(secret_read_file(&secret, path, &error));
    assert_int_equal(error.code, ERROR_INPUT);
    assert_non_null(strstr(error.message, path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_shown_only_to_who_asks_for_it),
        cmocka_unit_test(what_is_freed_holds_no_secret),
        cmocka_unit_test(a_secret_can_be_set_again_even_from_itself),
        cmocka_unit_test(a_file_is_read_without_its_last_newline),
        cmocka_unit_test(a_file_may_hold_64_kib_and_no_more),
        cmocka_unit_test(a_file_that_others_can_write_is_refused_with_the_fix),
        cmocka_unit_test(a_file_that_is_not_there_is_an_error_of_the_input),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
