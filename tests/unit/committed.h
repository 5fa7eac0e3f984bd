/* committed.h - files in the repository that are made from tables in the code.  With ROLLCALL_UPDATE=1 in the
 * environment they are written anew instead of compared. */
#ifndef ROLLCALL_TESTS_COMMITTED_H
#define ROLLCALL_TESTS_COMMITTED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The lines between which a manual page holds what is made. */
#define COMMITTED_BEGIN \
    ".\\\" Made from a table in the code, up to the end mark: see the unit tests named *document*.\n"
#define COMMITTED_END ".\\\" End mark.\n"

static char *committed_read(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;

    if (file == NULL)
        return strdup("");
    if (getdelim(&text, &size, '\0', file) < 0)
        fail_msg("%s is empty", path);
    fclose(file);
    return text;
}

static void committed_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_not_equal(fputs(text, file), EOF);
    assert_int_equal(fclose(file), 0);
}

/* Frees `made`. */
static void committed_is(const char *path, char *made)
{
    assert_non_null(made);
    if (getenv("ROLLCALL_UPDATE") != NULL)
        committed_write(path, made);
    char *text = committed_read(path);
    if (strcmp(text, made) != 0)
        fail_msg("%s is stale: run this test with ROLLCALL_UPDATE=1 and commit the file", path);
    free(text);
    free(made);
}

/* The same for what stands between the marks. */
static __attribute__((unused)) void committed_part_is(const char *path, char *part)
{
    char *text = committed_read(path);
    char *begin = strstr(text, COMMITTED_BEGIN);
    char *end = strstr(text, COMMITTED_END);
    char *whole = NULL;

    assert_non_null(part);
    if (begin == NULL || end == NULL || end < begin)
        fail_msg("%s has no marks", path);
    begin += strlen(COMMITTED_BEGIN);
    assert_true(asprintf(&whole, "%.*s%s%s", (int)(begin - text), text, part, end) >= 0);
    free(text);
    free(part);
    committed_is(path, whole);
}

#endif
