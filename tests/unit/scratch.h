/* scratch.h - for tests that need a folder: one of its own for each test, entered, and removed afterwards. */
#ifndef ROLLCALL_TESTS_SCRATCH_H
#define ROLLCALL_TESTS_SCRATCH_H

#include "core/buffer.h"
#include "core/child.h"
#include "core/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESOURCE_PART "8:acs:987bcf3f-e830-40de-8e15-a91e0ccccb49_"

static char scratch_folder[64];
static struct error error;

static inline int scratch_enter(void)
{
    strcpy(scratch_folder, "/tmp/rollcall-test-XXXXXX");
    umask(022);
    memset(&error, 0, sizeof error);
    return mkdtemp(scratch_folder) != NULL ? chdir(scratch_folder) : -1;
}

static inline int scratch_remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static inline int scratch_leave(void)
{
    return chdir("/") == 0 ? nftw(scratch_folder, scratch_remove_entry, 8, FTW_DEPTH | FTW_PHYS) : -1;
}

/* Fails with the message of `error` when an operation that must work did not. */
#define works(condition)                                   \
    do {                                                   \
        if (!(condition))                                  \
            fail_msg("%s: %s", #condition, error.message); \
    } while (0)

static inline void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The whole file; "" when it is not there. Valid until the next call. */
static inline const char *read_file(const char *path)
{
    static char text[256 * 1024];
    FILE *file = fopen(path, "r");

    text[0] = '\0';
    if (file == NULL)
        return text;
    const size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    fclose(file);
    return text;
}

static inline bool is_there(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

static inline mode_t mode_of(const char *path)
{
    struct stat status;

    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode & 07777;
}

/* An identity of the form that the service makes; different for different numbers. Valid until the fourth call after.
 */
static inline const char *identity_id(unsigned number)
{
    static char ids[4][80];
    static unsigned turn;
    char *id = ids[turn++ % 4];

    snprintf(id, sizeof ids[0], RESOURCE_PART "0000000f-7c78-2611-f40f-%012u", number);
    return id;
}

#define says(part)                                         \
    do {                                                   \
        if (strstr(error.message, part) == NULL)           \
            fail_msg("the message is: %s", error.message); \
    } while (0)

#define hints(part)                                  \
    do {                                             \
        if (strstr(error.hint, part) == NULL)        \
            fail_msg("the hint is: %s", error.hint); \
    } while (0)

/* A shell's commands, which must work. `output`: what they print; NULL: nothing is kept. */
static inline void run_shell(const char *script, struct buffer *output)
{
    char *const arguments[] = {(char[]){"sh"}, (char[]){"-ec"}, (char *)script, NULL};
    const struct child_options options = {.argv = arguments, .output = output, .time_limit_ms = 60000};
    struct child_result result;

    works(child_run(&options, &result, &error));
}

#endif
