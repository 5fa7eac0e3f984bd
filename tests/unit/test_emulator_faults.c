#include "faults.h"

#include "core/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Reads a script; the error's message without the name of the file, "" for none. */
static const char *fault_of(const char *script, struct faults *faults)
{
    static struct error error;
    char path[64];
    const int fd = memfd_create("script", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_true(file_write_all(fd, script, strlen(script)));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const bool ok = faults_load(faults, path, "seed", &error);
    close(fd);
    if (ok)
        return "";
    assert_memory_equal(error.message, path, strlen(path));
    return error.message + strlen(path);
}

/* Found by fuzzing: an escape in the script went on to the terminal. */
static void a_message_repeats_words_only(void **state)
{
    struct faults faults;

    (void)state;
    assert_string_equal(fault_of("- falt: html\n", &faults), ":1: there is no key \"falt\"");
    assert_string_equal(fault_of("- fault: hmtl\n", &faults), ":1: there is no fault \"hmtl\"");
    assert_string_equal(fault_of("- \"a\\e[2J\": html\n", &faults), ":1: there is no key \"\"");
    assert_string_equal(fault_of("- fault: \"a\\e[2J\"\n", &faults), ":1: there is no fault \"\"");
}

static void seconds_beyond_every_number_are_refused(void **state)
{
    struct faults faults;

    (void)state;
    assert_string_equal(fault_of("- { fault: stall, seconds: 1e400 }\n", &faults),
                        ":1: seconds must be more than 0 and at most 3600");
    assert_string_equal(fault_of("- { fault: stall, seconds: 0.5 }\n", &faults), "");
    assert_int_equal(faults.rules[0].fault.lasts_us, 500000);
    faults_clear(&faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_repeats_words_only),
        cmocka_unit_test(seconds_beyond_every_number_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
