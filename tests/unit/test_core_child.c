#include "scratch.h"

#include "core/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

static struct child_options options;
static struct child_result result;
static struct buffer output;
static char *arguments[8];

static int begin(void **state)
{
    (void)state;
    options = (struct child_options){.argv = arguments, .time_limit_ms = 20000};
    buffer_init(&output, 64 * 1024);
    return scratch_enter();
}

static int end(void **state)
{
    (void)state;
    buffer_clear(&output);
    return scratch_leave();
}

static bool run_program(const char *program, const char *first, const char *second)
{
    arguments[0] = (char *)program;
    arguments[1] = (char *)first;
    arguments[2] = (char *)second;
    return child_run(&options, &result, &error);
}

static bool run_script(const char *script)
{
    return run_program("sh", "-c", script);
}

static void give(const char *text)
{
    options.input = text;
    options.input_length = strlen(text);
}

static void a_program_gets_its_input_and_its_output_comes_back(void **state)
{
    (void)state;
    give("one\ntwo\n");
    options.output = &output;
    works(run_script("cat; echo three; echo aside >&2"));
    assert_string_equal(output.data, "one\ntwo\nthree\n");
    assert_int_equal(result.end, CHILD_EXITED);
    assert_int_equal(result.unread_bytes, 0);
    assert_string_equal(result.words, "aside");
}

static void input_that_is_larger_than_any_pipe_arrives_whole(void **state)
{
    enum { SIZE = 3 * 1024 * 1024 };
    char *large = malloc(SIZE);

    (void)state;
    memset(large, 'x', SIZE);
    options.input = large;
    options.input_length = SIZE;
    options.output = &output;
    works(run_script("wc -c"));
    assert_int_equal(atoi(output.data), SIZE);
    free(large);
}

static void a_status_other_than_0_is_told_with_the_last_words(void **state)
{
    (void)state;
    assert_false(run_script("echo out; printf 'the disk\\nis full\\n' >&2; exit 3"));
    assert_int_equal(result.end, CHILD_EXITED);
    assert_int_equal(result.status, 3);
    assert_string_equal(error.message, "sh ended with status 3: out the disk is full");
    assert_false(run_script("exit 1"));
    assert_string_equal(error.message, "sh ended with status 1");
}

static void a_signal_is_told(void **state)
{
    (void)state;
    assert_false(run_script("kill -SEGV $$"));
    assert_int_equal(result.end, CHILD_KILLED);
    assert_int_equal(result.status, SIGSEGV);
    says("sh was ended by signal 11 (Segmentation fault)");
}

static void a_program_that_is_not_there_is_told(void **state)
{
    (void)state;
    if (getenv("ROLLCALL_VALGRIND") != NULL)
        skip(); /* posix_spawn() cannot tell there */
    assert_false(run_program("./not-there", NULL, NULL));
    assert_int_equal(result.end, CHILD_NOT_STARTED);
    says("cannot start ./not-there: No such file or directory");
    write_file("not-executable", "x");
    assert_false(run_program("./not-executable", NULL, NULL));
    says("cannot start ./not-executable: Permission denied");
    options.directory = "nowhere";
    assert_false(run_script("true"));
    assert_int_equal(result.end, CHILD_NOT_STARTED);
}

static void a_program_is_found_where_it_would_be_started(void **state)
{
    (void)state;
    works(child_find("sh", ".", &error));
    works(child_find("/bin/sh", "nowhere", &error));
    assert_int_equal(mkdir("inner", 0700), 0);
    write_file("inner/program", "#!/bin/sh\n");
    assert_false(child_find("./program", "inner", &error));
    says("cannot run ./program: Permission denied");
    hints("chmod +x");
    assert_int_equal(chmod("inner/program", 0700), 0);
    works(child_find("./program", "inner", &error));
    assert_false(child_find("./program", ".", &error));
    says("cannot run ./program: No such file or directory");
    assert_false(child_find("program", "inner", &error));
    hints("it was looked for in PATH: ");
    assert_false(child_find("inner/", ".", &error));
    assert_false(child_find("./inner", ".", &error));
    char long_name[5000] = "./";
    memset(long_name + 2, 'x', sizeof long_name - 3);
    assert_false(child_find(long_name, ".", &error));
    says("File name too long");
}

static void only_the_end_of_many_words_is_told_from_the_beginning_of_a_line(void **state)
{
    (void)state;
    assert_false(run_script("for i in $(seq 1 2000); do echo line $i; done; exit 1"));
    assert_non_null(strstr(result.words, "line 2000"));
    assert_true(strlen(result.words) < CHILD_WORDS_SIZE);
    /* One line without an end: what is left of it could be half a token. */
    assert_false(run_script("head -c 100000 /dev/zero | tr '\\0' a; exit 1"));
    assert_string_equal(result.words, "");
}

static void a_token_in_its_words_is_not_told(void **state)
{
    (void)state;
    assert_false(run_script("printf 'bad row: anna,eyJhbGciOi.J9.c2ln,2026\\0end' >&2; exit 1"));
    assert_string_equal(result.words, "bad row: anna,***,2026 end");
}

/* The tokens of two users who have the beginning in common. */
#define TOKEN "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJza3lwZWlkIjoiYWNzOjAwMDAwMDAxIn0."
static const char two_tokens[] =
    "{\"user_id\":\"anna.long.name@contoso\",\"identity\":\"8:acs:11111111_22222222\",\"token\":\"" TOKEN
    "Q1w2e3r4t5Y6u7i8o9P0a1S2d3F4g5H6j7K8l9Z0\"}\n"
    "{\"user_id\":\"berta.long.name@contoso\",\"identity\":\"8:acs:11111111_33333333\",\"token\":\"" TOKEN
    "M1n2B3v4C5x6Z7l8K9j0H1g2F3d4S5a6P7o8I9u0\"}\n";

static void a_piece_of_a_token_of_its_input_is_not_told(void **state)
{
    (void)state;
    give(two_tokens);
    assert_false(run_script("tail -c 34; exit 1"));
    assert_string_equal(result.words, "***\"}");
    assert_false(run_script("head -1 | tail -c 34 | sed 's/^/no row: nQ/'; exit 1"));
    assert_string_equal(result.words, "no row: nQ***\"}");
    assert_false(run_script("tail -1 | cut -d'\"' -f12 | fold -w 30; echo failed; exit 1"));
    assert_string_equal(result.words, "*** failed");
    assert_false(run_script("tail -1 | cut -d'\"' -f12 | fold -w 30 | sed 's/^/> /'; exit 1"));
    assert_string_equal(result.words, "> *** > *** > *** > ***");
    /* The rest of the input helps, and is told. */
    assert_false(run_script("cut -d'\"' -f4,8; exit 1"));
    assert_string_equal(result.words, "anna.long.name@contoso\"8:acs:11111111_22222222 "
                                      "berta.long.name@contoso\"8:acs:11111111_33333333");
}

static void a_token_of_whatever_origin_is_not_told_when_it_is_wrapped(void **state)
{
    (void)state;
    assert_false(run_script(
        "printf 'got eyJhbGciOiJSUzI1NiJ9\\r\\n  Q1w2e3r4t5Y6u7i8o9P0\\n\\tM1n2B3v4C5x6Z7l8\\nand failed'; exit 1"));
    assert_string_equal(result.words, "got *** and failed");
    assert_false(run_script("echo 'got eyJhbGciOiJSUzI1NiJ9: authorization-is-missing'; exit 1"));
    assert_string_equal(result.words, "got ***: authorization-is-missing");
}

static void unread_input_is_counted(void **state)
{
    (void)state;
    give("one\ntwo\n");
    works(run_script("true"));
    assert_int_equal(result.unread_bytes, 8);
    works(run_script("exec <&-; sleep 0.1"));
    assert_int_equal(result.unread_bytes, 8);
    works(run_script("head -c 4 >/dev/null"));
    assert_int_equal(result.unread_bytes, 4);

    char *large = malloc(1024 * 1024);
    memset(large, 'x', 1024 * 1024);
    options.input = large;
    options.input_length = 1024 * 1024;
    works(run_script("head -c 4096 >/dev/null"));
    assert_true(result.unread_bytes > 900 * 1024 && result.unread_bytes <= 1024 * 1024 - 4096);
    free(large);
}

static void a_program_that_does_not_end_is_ended_with_all_that_it_started(void **state)
{
    char text[64];

    (void)state;
    options.time_limit_ms = 200;
    assert_false(run_script("sleep 600 & echo $! >pid; echo waiting; wait"));
    assert_int_equal(result.end, CHILD_TIMED_OUT);
    assert_string_equal(error.message, "sh took longer than 0.2 s and was ended: waiting");
    strcpy(text, read_file("pid"));
    const pid_t grandchild = (pid_t)atoi(text);
    for (int i = 0; i < 500 && kill(grandchild, 0) == 0; i++) { /* until somebody has reaped it */
        snprintf(text, sizeof text, "/proc/%d/stat", (int)grandchild);
        if (strstr(read_file(text), ") Z ") != NULL)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    assert_int_equal(kill(grandchild, 0), -1);
}

static void a_program_that_will_not_end_is_killed(void **state)
{
    (void)state;
    options.time_limit_ms = 100;
    assert_false(run_script("trap '' TERM; while :; do sleep 0.05; done"));
    assert_int_equal(result.end, CHILD_TIMED_OUT);
}

static void a_program_is_ended_when_somebody_asks_for_it(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    options.stop_fd = ends[0];
    works(run_script("exit 0"));
    assert_int_equal(write(ends[1], "!", 1), 1);
    assert_false(run_script("sleep 600"));
    assert_int_equal(result.end, CHILD_STOPPED);
    assert_string_equal(error.message, "sh was interrupted");
    assert_false(run_script("trap '' TERM; while :; do sleep 0.05; done"));
    assert_int_equal(result.end, CHILD_STOPPED);
    close(ends[0]);
    close(ends[1]);
}

static void a_program_that_leaves_another_behind_has_ended(void **state)
{
    (void)state;
    works(run_script("sleep 5 & exit 0"));
    assert_int_equal(result.end, CHILD_EXITED);
}

static void output_without_end_is_cut_off(void **state)
{
    (void)state;
    options.output = &output;
    assert_false(run_program("yes", NULL, NULL));
    assert_int_equal(result.end, CHILD_OVERFLOWED);
    assert_string_equal(error.message, "yes wrote more than 65536 bytes and was ended");
    buffer_reset(&output);
    output.cap = 4;
    assert_false(run_program("echo", "a line", NULL));
    assert_int_equal(result.end, CHILD_OVERFLOWED);
}

static void variables_with_secrets_stay_with_us(void **state)
{
    char names[2][16] = {"HIDDEN", "HIDDEN_TOO"};
    char *without[] = {names[0], names[1]};

    (void)state;
    setenv("HIDDEN", "secret", 1);
    setenv("HIDDEN_TOO", "secret", 1);
    setenv("COMMUNICATION_SERVICES_CONNECTION_STRING", "secret", 1); /* known without being named */
    setenv("HIDDEN_NOT", "seen", 1);
    options.without = without;
    options.without_count = 2;
    options.output = &output;
    works(run_program("env", NULL, NULL));
    assert_null(strstr(output.data, "secret"));
    assert_non_null(strstr(output.data, "HIDDEN_NOT=seen\n"));
}

static void it_inherits_no_file_and_no_signal_that_is_ignored_or_blocked(void **state)
{
    sigset_t blocked;

    (void)state;
    const int file = open("/dev/null", O_RDONLY); /* not to be closed on exec */
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    options.output = &output;
    works(run_script("ls /proc/self/fd"));
    assert_false(run_script("kill -PIPE $$"));
    assert_int_equal(result.status, SIGPIPE);
    assert_false(run_script("kill -TERM $$"));
    assert_int_equal(result.status, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
    signal(SIGPIPE, SIG_DFL);
    close(file);
    assert_string_equal(output.data, "0\n1\n2\n3\n"); /* the last is that of the directory itself */
}

static void it_runs_where_it_is_told_to(void **state)
{
    (void)state;
    assert_int_equal(mkdir("inner", 0700), 0);
    write_file("inner/program", "#!/bin/sh\ncat file\n");
    write_file("inner/file", "found");
    assert_int_equal(chmod("inner/program", 0700), 0);
    options.directory = "inner";
    options.output = &output;
    works(run_program("./program", NULL, NULL));
    assert_string_equal(output.data, "found");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_program_gets_its_input_and_its_output_comes_back),
        TEST(input_that_is_larger_than_any_pipe_arrives_whole),
        TEST(a_status_other_than_0_is_told_with_the_last_words),
        TEST(a_signal_is_told),
        TEST(a_program_that_is_not_there_is_told),
        TEST(a_program_is_found_where_it_would_be_started),
        TEST(only_the_end_of_many_words_is_told_from_the_beginning_of_a_line),
        TEST(a_token_in_its_words_is_not_told),
        TEST(a_piece_of_a_token_of_its_input_is_not_told),
        TEST(a_token_of_whatever_origin_is_not_told_when_it_is_wrapped),
        TEST(unread_input_is_counted),
        TEST(a_program_that_does_not_end_is_ended_with_all_that_it_started),
        TEST(a_program_that_will_not_end_is_killed),
        TEST(a_program_is_ended_when_somebody_asks_for_it),
        TEST(a_program_that_leaves_another_behind_has_ended),
        TEST(output_without_end_is_cut_off),
        TEST(variables_with_secrets_stay_with_us),
        TEST(it_inherits_no_file_and_no_signal_that_is_ignored_or_blocked),
        TEST(it_runs_where_it_is_told_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
