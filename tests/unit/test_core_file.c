#include "core/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOMEBODY_ELSE = 12345 };

static char directory[64]; /* made anew for each test */
static mode_t old_mask;

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/rollcall-file.XXXXXX");
    old_mask = umask(022);
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

static int remove_directory(void **state)
{
    (void)state;
    umask(old_mask);
    return nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* A path in the directory; valid until the fourth call after. */
static const char *in_directory(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_true(file_write_all(fd, text, strlen(text)));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void check_content(const char *path, const char *expected)
{
    char text[256];
    const int fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    const ssize_t length = read(fd, text, sizeof text - 1);
    assert_true(length >= 0);
    text[length] = '\0';
    close(fd);
    assert_string_equal(text, expected);
}

static mode_t mode_of(const char *path)
{
    struct stat info;

    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 07777;
}

static int count_entries(void)
{
    DIR *stream = opendir(directory);
    int count = -2; /* "." and ".." */

    assert_non_null(stream);
    while (readdir(stream) != NULL)
        count++;
    closedir(stream);
    return count;
}

static struct atomic_file *open_atomic(const char *path, mode_t mode)
{
    struct error error = {0};
    struct atomic_file *file = atomic_file_open(path, mode, &error);

    if (file == NULL)
        fail_msg("%s: %s", path, error.message);
    return file;
}

static void commit(struct atomic_file *file)
{
    struct error error = {0};

    if (!atomic_file_commit(file, &error))
        fail_msg("%s", error.message);
}

static void refuses_target(const char *path, enum error_code code, const char *message)
{
    struct error error = {0};

    assert_null(atomic_file_open(path, 0600, &error));
    assert_int_equal(error.code, code);
    if (strstr(error.message, message) == NULL)
        fail_msg("refused with: %s", error.message);
}

/* --- atomic files --- */

static void a_file_appears_whole_when_it_is_committed(void **state)
{
    const char *path = in_directory("mapping.csv");
    struct atomic_file *file = open_atomic(path, 0644);

    (void)state;
    atomic_file_write(file, "one,", 4);
    atomic_file_write(file, "", 0);
    atomic_file_write(file, "two\n", 4);
    assert_int_equal(access(path, F_OK), -1);
    commit(file);
    check_content(path, "one,two\n");
    assert_int_equal(mode_of(path), 0644);
    assert_int_equal(count_entries(), 1);
}

static void until_the_commit_a_reader_sees_the_old_file(void **state)
{
    const char *path = in_directory("mapping.csv");

    (void)state;
    write_file(path, "old", 0600);
    struct atomic_file *file = open_atomic(path, 0600);
    atomic_file_write(file, "new", 3);
    check_content(path, "old");
    commit(file);
    check_content(path, "new");
}

static void a_discarded_file_leaves_no_trace(void **state)
{
    const char *path = in_directory("mapping.csv");

    (void)state;
    write_file(path, "old", 0600);
    struct atomic_file *file = open_atomic(path, 0600);
    atomic_file_write(file, "new", 3);
    assert_int_equal(count_entries(), 2);
    atomic_file_discard(file);
    check_content(path, "old");
    assert_int_equal(count_entries(), 1);
    atomic_file_discard(NULL);
}

/* Finds the temporary file and returns its mode. */
static mode_t temporary_mode(const char *prefix)
{
    DIR *stream = opendir(directory);
    mode_t mode = 0;

    assert_non_null(stream);
    for (const struct dirent *entry; (entry = readdir(stream)) != NULL;)
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            mode = mode_of(in_directory(entry->d_name));
    closedir(stream);
    return mode;
}

static void a_secret_file_is_private_from_its_first_byte(void **state)
{
    const char *path = in_directory("tokens.csv");

    (void)state;
    write_file(path, "old and readable", 0644);
    umask(0);
    struct atomic_file *file = open_atomic(path, 0600);
    assert_int_equal(temporary_mode(".tokens.csv."), 0600);
    atomic_file_write(file, "new", 3);
    commit(file);
    assert_int_equal(mode_of(path), 0600);
}

static void many_writes_are_all_there(void **state)
{
    const char *path = in_directory("large");
    struct atomic_file *file = open_atomic(path, 0600);
    const size_t count = 100000;
    struct stat info;
    char line[32];

    (void)state;
    for (size_t i = 0; i < count; i++) {
        snprintf(line, sizeof line, "%09zu\n", i);
        atomic_file_write(file, line, 10);
    }
    commit(file);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, count * 10);
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    for (size_t i = 0; i < count; i++) {
        size_t number;
        assert_int_equal(fscanf(stream, "%zu\n", &number), 1);
        assert_int_equal(number, i);
    }
    fclose(stream);
}

static void a_write_that_fails_leaves_the_old_file(void **state)
{
    const char *path = in_directory("mapping.csv");
    struct rlimit old_limit;
    struct error error;

    (void)state;
    write_file(path, "old", 0600);
    struct atomic_file *file = open_atomic(path, 0600);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
    const struct rlimit small = {.rlim_cur = 2, .rlim_max = old_limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    atomic_file_write(file, "new", 3);
    const bool ok = atomic_file_commit(file, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
    assert_false(ok);
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_non_null(strstr(error.message, strerror(EFBIG)));
    check_content(path, "old");
    assert_int_equal(count_entries(), 1);
}

static void a_rename_that_fails_leaves_no_temporary_file(void **state)
{
    const char *path = in_directory("mapping.csv");
    struct atomic_file *file = open_atomic(path, 0600);
    struct error error;

    (void)state;
    assert_int_equal(mkdir(path, 0700), 0); /* somebody puts a directory in its place meanwhile */
    assert_false(atomic_file_commit(file, &error));
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_int_equal(count_entries(), 1);
}

static void a_symbolic_link_is_not_followed_and_not_replaced(void **state)
{
    const char *target = in_directory("target");
    const char *link = in_directory("link");

    (void)state;
    write_file(target, "old", 0600);
    assert_int_equal(symlink(target, link), 0);
    refuses_target(link, ERROR_INPUT, "symbolic link");
    unlink(target);
    refuses_target(link, ERROR_INPUT, "symbolic link");
    assert_int_equal(count_entries(), 1);
}

static void a_directory_or_pipe_in_the_place_is_refused(void **state)
{
    const char *folder = in_directory("folder");
    const char *pipe_path = in_directory("pipe");

    (void)state;
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    refuses_target(folder, ERROR_INPUT, "not a regular file");
    refuses_target(pipe_path, ERROR_INPUT, "not a regular file");
    assert_int_equal(count_entries(), 2);
}

static void what_somebody_else_put_where_we_write_first_is_refused(void **state)
{
    char temporary[PATH_MAX];

    (void)state;
    snprintf(temporary, sizeof temporary, "%s", in_directory(".mapping.csv.tmp"));
    write_file(in_directory("precious"), "precious", 0600);
    assert_int_equal(link(in_directory("precious"), temporary), 0);
    refuses_target(in_directory("mapping.csv"), ERROR_INPUT, ".mapping.csv.tmp is not ours to write");
    check_content(in_directory("precious"), "precious");
    assert_int_equal(unlink(temporary), 0);
    if (geteuid() != 0)
        return; /* cannot give files away */
    write_file(temporary, "", 0600);
    assert_int_equal(chown(temporary, SOMEBODY_ELSE, (gid_t)-1), 0);
    refuses_target(in_directory("mapping.csv"), ERROR_INPUT, ".mapping.csv.tmp is not ours to write");
}

static void two_cannot_write_a_file_at_one_time(void **state)
{
    struct atomic_file *file = open_atomic(in_directory("mapping.csv"), 0600);

    (void)state;
    atomic_file_write(file, "first", 5);
    refuses_target(in_directory("mapping.csv"), ERROR_BUSY, "another process is writing ");
    commit(file);
    check_content(in_directory("mapping.csv"), "first");
    commit(open_atomic(in_directory("mapping.csv"), 0600));
}

static void a_directory_that_others_can_write_is_refused_unless_sticky(void **state)
{
    const char *path = in_directory("mapping.csv");

    (void)state;
    assert_int_equal(chmod(directory, 0777), 0);
    refuses_target(path, ERROR_INPUT, "can be written to by others (mode 0777)");
    assert_int_equal(chmod(directory, 0770), 0);
    refuses_target(path, ERROR_INPUT, "can be written to by others (mode 0770)");
    assert_int_equal(chmod(directory, 01777), 0);
    commit(open_atomic(path, 0600));
    assert_int_equal(chmod(directory, 0755), 0);
    commit(open_atomic(path, 0600));
}

/* Refused where it stands, and by way of a link that could be put elsewhere. */
static void a_directory_below_one_that_everybody_can_write_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_directory("open"), 0700), 0);
    assert_int_equal(mkdir(in_directory("open/ours"), 0700), 0);
    assert_int_equal(mkdir(in_directory("safe"), 0700), 0);
    assert_int_equal(symlink("../safe", in_directory("open/link")), 0);
    assert_int_equal(symlink("open/ours", in_directory("link")), 0);
    commit(open_atomic(in_directory("open/ours/x"), 0600));
    commit(open_atomic(in_directory("open/link/x"), 0600));
    assert_int_equal(chmod(in_directory("open"), 0777), 0);
    refuses_target(in_directory("open/ours/x"), ERROR_INPUT, "everybody can write to the directory ");
    refuses_target(in_directory("open/link/x"), ERROR_INPUT, "everybody can write to the directory ");
    refuses_target(in_directory("link/x"), ERROR_INPUT, "everybody can write to the directory ");
    assert_int_equal(chmod(in_directory("open"), 01777), 0);
    commit(open_atomic(in_directory("open/ours/x"), 0600));
    assert_int_equal(chdir(directory), 0);
    assert_int_equal(chmod(directory, 0777), 0);
    refuses_target("safe//x", ERROR_INPUT, "everybody can write to the directory ");
    assert_int_equal(chdir("/"), 0);
}

static void refuses_database(const char *message)
{
    struct error error = {0};

    assert_false(file_check_database(in_directory("ledger"), &error));
    assert_int_equal(error.code, ERROR_INPUT);
    if (strstr(error.message, message) == NULL)
        fail_msg("refused with: %s", error.message);
}

static void a_database_is_not_where_others_can_make_side_files_of_it(void **state)
{
    struct error error;

    (void)state;
    write_file(in_directory("ledger-wal"), "", 0600);
    assert_true(file_check_database(in_directory("ledger"), &error));
    assert_int_equal(chmod(directory, 01777), 0);
    refuses_database("can be written to by others (mode 1777)");
    assert_int_equal(chmod(directory, 0700), 0);
    assert_int_equal(chmod(in_directory("ledger-wal"), 0660), 0);
    refuses_database("ledger-wal is not ours");
    assert_int_equal(unlink(in_directory("ledger-wal")), 0);
    assert_int_equal(symlink("nowhere", in_directory("ledger-journal")), 0);
    refuses_database("ledger-journal is not ours");
    assert_int_equal(unlink(in_directory("ledger-journal")), 0);
    write_file(in_directory("ledger-shm"), "", 0600);
    if (geteuid() != 0)
        return; /* cannot give files away */
    assert_int_equal(chown(in_directory("ledger-shm"), SOMEBODY_ELSE, (gid_t)-1), 0);
    refuses_database("ledger-shm is not ours");
}

static void a_directory_of_another_user_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(directory, SOMEBODY_ELSE, (gid_t)-1), 0);
    refuses_target(in_directory("mapping.csv"), ERROR_INPUT, "belongs to another user");
    assert_int_equal(chown(directory, 0, (gid_t)-1), 0);
}

static void parents_are_made_and_private_for_secrets(void **state)
{
    (void)state;
    commit(open_atomic(in_directory("out/today/mapping.csv"), 0644));
    assert_int_equal(mode_of(in_directory("out")), 0755);
    assert_int_equal(mode_of(in_directory("out/today")), 0755);
    commit(open_atomic(in_directory("private//today/tokens.csv"), 0600));
    assert_int_equal(mode_of(in_directory("private")), 0700);
    assert_int_equal(mode_of(in_directory("private/today")), 0700);
}

static void a_file_where_a_parent_should_be_is_an_error(void **state)
{
    struct error error;

    (void)state;
    write_file(in_directory("out"), "a file", 0600);
    assert_null(atomic_file_open(in_directory("out/mapping.csv"), 0600, &error));
    assert_null(atomic_file_open(in_directory("out/today/mapping.csv"), 0600, &error));
    check_content(in_directory("out"), "a file");
}

static void a_path_too_long_is_refused(void **state)
{
    char path[PATH_MAX + 10];
    struct error error;

    (void)state;
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_null(atomic_file_open(path, 0600, &error));
    assert_int_equal(error.code, ERROR_INPUT);
    assert_false(file_check_directory(path, &error));
    assert_int_equal(error.code, ERROR_INPUT);
    assert_false(file_sync_directory(path, &error));
}

/* --- private files --- */

static void refuses_private(const char *path, const char *message, const char *hint)
{
    struct error error = {0};

    assert_int_equal(file_open_private(path, &error), -1);
    assert_int_equal(error.code, ERROR_INPUT);
    if (strstr(error.message, message) == NULL || strstr(error.hint, hint) == NULL)
        fail_msg("refused with: %s (%s)", error.message, error.hint);
}

static void a_file_of_our_own_is_opened(void **state)
{
    const char *path = in_directory("key");
    struct error error;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        unlink(path);
        write_file(path, "x", i == 0 ? 0400 : 0644);
        const int fd = file_open_private(path, &error);
        assert_true(fd >= 0);
        assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        close(fd);
    }
}

static void what_others_could_have_put_there_is_refused(void **state)
{
    const char *path = in_directory("key");
    const char *link = in_directory("link");

    (void)state;
    refuses_private(path, "cannot open", "");
    write_file(path, "x", 0620);
    refuses_private(path, "can be written to by others (mode 0620)", "chmod 600");
    assert_int_equal(chmod(path, 0602), 0);
    refuses_private(path, "can be written to by others (mode 0602)", "chmod 600");
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(symlink(path, link), 0);
    refuses_private(link, "cannot open", "symbolic link");
}

static void a_file_where_others_could_replace_it_is_refused(void **state)
{
    const char *path = in_directory("key");

    (void)state;
    write_file(path, "x", 0600);
    assert_int_equal(chmod(directory, 0770), 0);
    refuses_private(path, "can be written to by others (mode 0770)", "chmod go-w");
    assert_int_equal(chmod(directory, 0777), 0);
    refuses_private(path, "can be written to by others (mode 0777)", "chmod go-w");
}

static void refuses_shared(const char *path, const char *message, const char *hint)
{
    struct error error = {0};

    assert_int_equal(file_open_shared(path, &error), -1);
    assert_int_equal(error.code, ERROR_INPUT);
    if (strstr(error.message, message) == NULL || strstr(error.hint, hint) == NULL)
        fail_msg("refused with: %s (%s)", error.message, error.hint);
}

static void others_may_have_a_hand_in_a_shared_file_but_not_everybody(void **state)
{
    const char *path = in_directory("job.yaml");
    const char *link = in_directory("link");
    struct error error;

    (void)state;
    write_file(path, "x", 0664);
    assert_int_equal(symlink(path, link), 0);
    if (geteuid() == 0)
        assert_int_equal(chown(path, SOMEBODY_ELSE, (gid_t)-1), 0);
    const int fd = file_open_shared(link, &error);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(chmod(path, 0666), 0);
    refuses_shared(link, "can be written to by others (mode 0666)", "chmod o-w");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(chmod(directory, 0777), 0);
    refuses_shared(path, "everybody can write to the directory ", "chmod o-w");
}

static void what_is_no_file_is_refused_without_waiting(void **state)
{
    const char *pipe_path = in_directory("pipe");

    (void)state;
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    refuses_private(pipe_path, "not a regular file", "");
    refuses_private(directory, "not a regular file", "");
}

static void a_file_of_another_user_is_refused(void **state)
{
    const char *path = in_directory("key");

    (void)state;
    if (geteuid() != 0)
        skip();
    write_file(path, "x", 0600);
    assert_int_equal(chown(path, SOMEBODY_ELSE, (gid_t)-1), 0);
    refuses_private(path, "belongs to another user", "chown");
}

/* --- the rest --- */

static void a_directory_is_checked_for_its_own_faults(void **state)
{
    struct error error;

    (void)state;
    assert_true(file_check_directory(in_directory("x"), &error));
    assert_true(file_check_directory("x", &error));
    assert_false(file_check_directory(in_directory("none/x"), &error));
    assert_int_equal(error.code, ERROR_INPUT);
    write_file(in_directory("file"), "", 0600);
    assert_false(file_check_directory(in_directory("file/x"), &error));
    assert_int_equal(error.code, ERROR_INPUT);
    assert_true(file_sync_directory(in_directory("x"), &error));
    assert_false(file_sync_directory(in_directory("none/x"), &error));
}

static void a_scratch_file_has_no_name_and_is_private(void **state)
{
    struct error error;
    struct stat info;

    (void)state;
    assert_int_equal(setenv("TMPDIR", directory, 1), 0);
    const int fd = file_open_scratch(&error);
    assert_true(fd >= 0);
    assert_int_equal(count_entries(), 0);
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_nlink, 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_true(file_write_all(fd, "x", 1));
    close(fd);
    assert_int_equal(setenv("TMPDIR", in_directory("none"), 1), 0);
    const int elsewhere = file_open_scratch(&error);
    assert_true(elsewhere >= 0);
    close(elsewhere);
    unsetenv("TMPDIR");
}

static void writing_to_what_cannot_be_written_fails(void **state)
{
    const int fd = open("/dev/null", O_RDONLY);

    (void)state;
    assert_false(file_write_all(fd, "x", 1));
    assert_true(file_write_all(fd, "", 0));
    close(fd);
}

static void resolves(const char *base, const char *path, const char *expected)
{
    char *resolved = file_resolve(base, path);

    assert_string_equal(resolved, expected);
    free(resolved);
}

static void a_relative_path_is_relative_to_the_file_that_names_it(void **state)
{
    (void)state;
    resolves("job.yaml", "users.csv", "users.csv");
    resolves("jobs/job.yaml", "users.csv", "jobs/users.csv");
    resolves("/etc/no-such-folder/job.yaml", "../users.csv", "/etc/no-such-folder/../users.csv");
    resolves("jobs/job.yaml", "/var/users.csv", "/var/users.csv");
    resolves("/job.yaml", "users.csv", "/users.csv");
    resolves("/job.yaml", "../users.csv", "/../users.csv");
}

static void a_path_makes_no_detour_through_a_folder_that_it_leaves(void **state)
{
    (void)state;
    assert_int_equal(chdir(directory), 0);
    assert_int_equal(mkdir("jobs", 0700), 0);
    assert_int_equal(mkdir("jobs/day", 0700), 0);
    assert_int_equal(symlink("jobs/day", "link"), 0);
    resolves("jobs/job.yaml", "../out/users.csv", "out/users.csv");
    resolves("jobs/day/job.yaml", "../../users.csv", "users.csv");
    resolves("jobs/day/job.yaml", "../../../users.csv", "../users.csv");
    resolves("jobs/day/../job.yaml", "../users.csv", "jobs/day/../../users.csv");
    resolves("./job.yaml", "../users.csv", "./../users.csv");
    resolves("link/job.yaml", "../users.csv", "link/../users.csv"); /* jobs/users.csv */
    resolves("jobs/job.yaml", "..//users.csv", "jobs/..//users.csv");
    resolves("jobs/job.yaml", "../", "jobs/../");
    resolves("jobs/job.yaml", "../-", "jobs/../-");
    assert_int_equal(chdir("/"), 0);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(a_path_makes_no_detour_through_a_folder_that_it_leaves),
        FILE_TEST(a_file_appears_whole_when_it_is_committed),
        FILE_TEST(until_the_commit_a_reader_sees_the_old_file),
        FILE_TEST(a_discarded_file_leaves_no_trace),
        FILE_TEST(a_secret_file_is_private_from_its_first_byte),
        FILE_TEST(many_writes_are_all_there),
        FILE_TEST(a_write_that_fails_leaves_the_old_file),
        FILE_TEST(a_rename_that_fails_leaves_no_temporary_file),
        FILE_TEST(a_symbolic_link_is_not_followed_and_not_replaced),
        FILE_TEST(a_directory_or_pipe_in_the_place_is_refused),
        FILE_TEST(what_somebody_else_put_where_we_write_first_is_refused),
        FILE_TEST(two_cannot_write_a_file_at_one_time),
        FILE_TEST(a_directory_that_others_can_write_is_refused_unless_sticky),
        FILE_TEST(a_directory_below_one_that_everybody_can_write_is_refused),
        FILE_TEST(a_database_is_not_where_others_can_make_side_files_of_it),
        FILE_TEST(a_directory_of_another_user_is_refused),
        FILE_TEST(parents_are_made_and_private_for_secrets),
        FILE_TEST(a_file_where_a_parent_should_be_is_an_error),
        FILE_TEST(a_path_too_long_is_refused),
        FILE_TEST(a_file_of_our_own_is_opened),
        FILE_TEST(what_others_could_have_put_there_is_refused),
        FILE_TEST(a_file_where_others_could_replace_it_is_refused),
        FILE_TEST(others_may_have_a_hand_in_a_shared_file_but_not_everybody),
        FILE_TEST(what_is_no_file_is_refused_without_waiting),
        FILE_TEST(a_file_of_another_user_is_refused),
        FILE_TEST(a_directory_is_checked_for_its_own_faults),
        FILE_TEST(a_scratch_file_has_no_name_and_is_private),
        FILE_TEST(writing_to_what_cannot_be_written_fails),
        FILE_TEST(a_relative_path_is_relative_to_the_file_that_names_it),
    };

    signal(SIGXFSZ, SIG_IGN); /* a file too large is an error like any other */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
