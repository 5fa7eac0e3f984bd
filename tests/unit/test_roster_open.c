#include "core/file.h"
#include "roster/roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOMEBODY_ELSE = 65534, NAME_SIZE = 300 };

static char directory[NAME_SIZE];
static struct error error;

static int make_directory(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");

    snprintf(directory, sizeof directory, "%.200s/roster.XXXXXX", base != NULL ? base : "/tmp");
    error = (struct error){.code = ERROR_NONE};
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    char path[NAME_SIZE + 16];
    const char *const names[] = {"users.csv", "pipe"};

    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        unlink(path);
    }
    return rmdir(directory);
}

static const char *inside(const char *name)
{
    static char path[NAME_SIZE + 16];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void write_roster(const char *text)
{
    const int fd = open(inside("users.csv"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_true(file_write_all(fd, text, strlen(text)));
    close(fd);
}

static void expect_content(int fd, const char *text)
{
    char bytes[100];

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, bytes, sizeof bytes, 0), strlen(text));
    assert_memory_equal(bytes, text, strlen(text));
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);
}

static void a_regular_file_is_opened_as_it_is(void **state)
{
    (void)state;
    struct stat by_name;
    struct stat by_descriptor;

    write_roster("id\nanna\n");
    const int fd = roster_open(inside("users.csv"), &error);
    assert_int_equal(fstat(fd, &by_descriptor), 0);
    assert_int_equal(stat(inside("users.csv"), &by_name), 0);
    assert_int_equal(by_descriptor.st_ino, by_name.st_ino);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    expect_content(fd, "id\nanna\n");
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    assert_int_equal(roster_open(inside("nobody.csv"), &error), -1);
    assert_int_equal(error.code, ERROR_INPUT);
    assert_non_null(strstr(error.message, "cannot open "));
    assert_non_null(strstr(error.message, "/nobody.csv: No such file or directory"));
    assert_non_null(strstr(error.hint, "correct the path"));
}

static void a_file_that_may_not_be_read_is_named(void **state)
{
    (void)state;
    const uid_t ours = geteuid();

    write_roster("id\n");
    assert_int_equal(chmod(inside("users.csv"), 0), 0);
    if (ours == 0) /* who may read everything */
        assert_int_equal(seteuid(SOMEBODY_ELSE), 0);
    const int fd = roster_open(inside("users.csv"), &error);
    assert_int_equal(seteuid(ours), 0);
    assert_int_equal(fd, -1);
    assert_int_equal(error.code, ERROR_INPUT);
    assert_non_null(strstr(error.message, "/users.csv: Permission denied"));
    assert_non_null(strstr(error.hint, "the user that runs rollcall needs to read it"));
}

static void a_directory_is_refused(void **state)
{
    (void)state;
    assert_int_equal(roster_open(directory, &error), -1);
    assert_int_equal(error.code, ERROR_INPUT);
    assert_non_null(strstr(error.message, "is a directory"));
}

static void a_name_too_long_is_the_users_fault(void **state)
{
    (void)state;
    char path[5000];

    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(roster_open(path, &error), -1);
    assert_int_equal(error.code, ERROR_INPUT);
}

static void *write_pipe(void *context)
{
    const int fd = open(context, O_WRONLY | O_CLOEXEC);

    assert_true(file_write_all(fd, "id\nanna\n", 8));
    close(fd);
    return NULL;
}

static void a_pipe_is_copied_so_that_it_can_be_read_twice(void **state)
{
    (void)state;
    char path[NAME_SIZE + 16];
    pthread_t writer;

    snprintf(path, sizeof path, "%s", inside("pipe"));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_pipe, path), 0);
    const int fd = roster_open(path, &error);
    pthread_join(writer, NULL);
    assert_true(fd >= 0);
    assert_true(lseek(fd, 0, SEEK_SET) == 0);
    expect_content(fd, "id\nanna\n");
}

/* Puts `fd` in the place of standard input while it opens `path`. */
static int open_with_input(int fd, const char *path)
{
    const int saved = dup(STDIN_FILENO);

    assert_true(dup2(fd, STDIN_FILENO) >= 0);
    const int opened = roster_open(path, &error);
    assert_true(dup2(saved, STDIN_FILENO) >= 0);
    close(saved);
    return opened;
}

static void standard_input_is_copied_by_either_name(void **state)
{
    (void)state;
    const char *const names[] = {"-", "/dev/stdin"};

    for (size_t i = 0; i < 2; i++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        assert_true(file_write_all(ends[1], "id\nbert\n", 8));
        close(ends[1]);
        const int fd = open_with_input(ends[0], names[i]);
        close(ends[0]);
        expect_content(fd, "id\nbert\n");
    }
}

static int open_text_on_a_pipe(const char *text)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_true(file_write_all(ends[1], text, strlen(text)));
    close(ends[1]);
    const int fd = open_with_input(ends[0], "-");
    close(ends[0]);
    return fd;
}

static void a_pipe_whose_last_line_has_no_line_end_is_refused(void **state)
{
    (void)state;
    assert_int_equal(open_text_on_a_pipe("id\nanna\nbert@cont"), -1);
    assert_int_equal(error.code, ERROR_INPUT);
    assert_non_null(strstr(error.message, "standard input:3: the last line has no line end"));
    assert_non_null(strstr(error.hint, "if it is whole, "));
    expect_content(open_text_on_a_pipe(""), "");
    expect_content(open_text_on_a_pipe("id\r\nanna\r\n"), "id\r\nanna\r\n");
    /* Not so a file, whichever way it comes. */
    write_roster("id\nanna");
    expect_content(roster_open(inside("users.csv"), &error), "id\nanna");
    const int file = open(inside("users.csv"), O_RDONLY | O_CLOEXEC);
    expect_content(open_with_input(file, "-"), "id\nanna");
    close(file);
}

static void standard_input_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(open_with_input(fd, "-"), -1);
    close(fd);
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_string_equal(error.message, "cannot read standard input: Is a directory");
}

static void *write_much(void *context)
{
    static const char zeros[64 * 1024];
    const int fd = *(int *)context;

    for (int i = 0; i < 32; i++)
        assert_true(file_write_all(fd, zeros, sizeof zeros) || errno == EPIPE);
    close(fd);
    return NULL;
}

static void a_stream_that_does_not_fit_on_the_disk_is_an_error_with_a_hint(void **state)
{
    (void)state;
    struct rlimit before;
    pthread_t writer;
    int ends[2];

    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {.rlim_cur = 100 * 1024, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_much, &ends[1]), 0);
    const int fd = open_with_input(ends[0], "-");
    close(ends[0]);
    pthread_join(writer, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(fd, -1);
    assert_string_equal(error.message, "cannot copy standard input to a temporary file: File too large");
    assert_non_null(strstr(error.hint, "TMPDIR"));
}

#define directory_test(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        directory_test(a_regular_file_is_opened_as_it_is),
        directory_test(a_missing_file_is_named),
        directory_test(a_file_that_may_not_be_read_is_named),
        directory_test(a_directory_is_refused),
        directory_test(a_name_too_long_is_the_users_fault),
        directory_test(a_pipe_is_copied_so_that_it_can_be_read_twice),
        directory_test(standard_input_is_copied_by_either_name),
        directory_test(a_pipe_whose_last_line_has_no_line_end_is_refused),
        directory_test(standard_input_that_cannot_be_read_is_an_error),
        directory_test(a_stream_that_does_not_fit_on_the_disk_is_an_error_with_a_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
