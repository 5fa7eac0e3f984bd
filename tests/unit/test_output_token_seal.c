/* Sealed files: their parts, their names, and what `openssl cms -decrypt` makes of them. */
#include "scratch.h"

#include "output/token_seal.h"

#include "core/buffer.h"

#include <glob.h>
#include <sys/wait.h>

#define HEADER "user_id,token\n"
#define NOW_S INT64_C(1700000000) /* 2023-11-14T22:13:20Z */
#define NAME "out/tokens-20231114T221320Z.csv.cms"

static struct token_seal *seal;
static char certificate[] = "me.pem";
static char *certificates[] = {certificate};
static const struct text_list recipients = {certificates, 1};

static int begin(void **state)
{
    (void)state;
    if (scratch_enter() != 0 || mkdir("out", 0700) != 0)
        return -1;
    run_shell("openssl req -x509 -newkey rsa:2048 -nodes -keyout me.key -out me.pem -subj /CN=me 2>/dev/null", NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    token_seal_free(seal);
    seal = NULL;
    return scratch_leave();
}

static void open_seal(uint64_t part_bytes)
{
    seal = token_seal_new("out/tokens.csv", &recipients, HEADER, part_bytes, &error);
    works(seal != NULL);
    works(token_seal_clear("out/tokens.csv", &error));
}

static void add(const char *lines)
{
    works(token_seal_add(seal, lines, strlen(lines), &error));
}

static const char *finish(void)
{
    static char shown[256];

    shown[0] = '\0';
    works(token_seal_finish(seal, NOW_S, shown, sizeof shown, &error));
    return shown;
}

static void holds(const char *path, const char *text)
{
    char script[256];
    struct buffer output;

    buffer_init(&output, 16 * 1024 * 1024);
    snprintf(script, sizeof script, "openssl cms -decrypt -inform DER -in %s -inkey me.key", path);
    run_shell(script, &output);
    assert_string_equal(output.data, text);
    assert_int_equal(mode_of(path), 0600);
    buffer_clear(&output);
}

static size_t count_files(void)
{
    glob_t found;
    const int reason = glob("out/{.[!.]*,*}", GLOB_BRACE, NULL, &found);
    const size_t count = reason == 0 ? found.gl_pathc : 0;

    if (reason == 0)
        globfree(&found);
    return count;
}

static void what_was_added_is_what_is_decrypted(void **state)
{
    (void)state;
    open_seal(TOKEN_SEAL_PART_BYTES);
    add("anna,t1\n");
    add("bert,t2\n");
    assert_int_equal(mode_of("out/.tokens.csv.cms.partial-1"), 0600);
    assert_string_equal(finish(), NAME);
    assert_int_equal(count_files(), 1);
    holds(NAME, HEADER "anna,t1\nbert,t2\n");
}

static void without_tokens_there_is_no_file(void **state)
{
    (void)state;
    open_seal(TOKEN_SEAL_PART_BYTES);
    assert_string_equal(finish(), "");
    assert_int_equal(count_files(), 0);
}

static void more_than_a_part_holds_goes_into_the_next_one(void **state)
{
    (void)state;
    open_seal(strlen(HEADER) + 20);
    add("anna,t1\nbert,t2\n");
    add("carl,t3\n");
    add("dora,t4\n");
    add("emil,with-a-token-that-fills-a-part-alone\n");
    assert_string_equal(finish(), NAME);
    holds(NAME, HEADER "anna,t1\nbert,t2\n");
    holds("out/tokens-20231114T221320Z-2.csv.cms", HEADER "carl,t3\ndora,t4\n");
    holds("out/tokens-20231114T221320Z-3.csv.cms", HEADER "emil,with-a-token-that-fills-a-part-alone\n");
    assert_int_equal(count_files(), 3);
}

static void a_name_that_is_taken_is_left_alone(void **state)
{
    (void)state;
    write_file(NAME, "of an earlier run");
    open_seal(TOKEN_SEAL_PART_BYTES);
    add("anna,t1\n");
    assert_string_equal(finish(), "out/tokens-20231114T221320Z-2.csv.cms");
    assert_string_equal(read_file(NAME), "of an earlier run");
}

static void what_a_killed_run_left_is_removed(void **state)
{
    (void)state;
    open_seal(strlen(HEADER) + 10);
    add("anna,t1\n");
    add("bert,t2\n");
    token_seal_free(seal);
    assert_int_equal(count_files(), 2);
    open_seal(TOKEN_SEAL_PART_BYTES);
    assert_int_equal(count_files(), 0);
}

#ifdef ROLLCALL_CRASH_POINTS
/* Makes three parts and gives them their names, in a process that is killed at a point. False: it came to its end. */
static bool finish_killed_at(int point)
{
    char at[16];
    int status;
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        snprintf(at, sizeof at, "%d", point);
        setenv("ROLLCALL_CRASH_AT", at, 1);
        open_seal(strlen(HEADER) + 10);
        add("anna,t1\n");
        add("bert,t2\n");
        add("carl,t3\n");
        finish();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static void whenever_a_run_is_killed_the_next_one_finds_all_its_parts(void **state)
{
    int point = 1;

    (void)state;
    for (; finish_killed_at(point); point++) {
        open_seal(TOKEN_SEAL_PART_BYTES);
        for (size_t part = 1; part <= 3; part++) {
            char name[64];
            snprintf(name, sizeof name, "out/.tokens.csv.cms.partial-%zu", part);
            assert_false(is_there(name));
        }
        token_seal_free(seal);
    }
    assert_true(point > 6);
    seal = NULL;
}
#endif

static void a_large_file_is_streamed(void **state)
{
    enum { LINES = 40000 };
    struct buffer expected;
    char line[128];

    (void)state;
    buffer_init(&expected, 16 * 1024 * 1024);
    buffer_append_text(&expected, HEADER);
    open_seal(TOKEN_SEAL_PART_BYTES);
    for (unsigned i = 0; i < LINES; i++) {
        snprintf(line, sizeof line, "user%u,%0*u\n", i, 100, i);
        add(line);
        buffer_append_text(&expected, line);
    }
    holds(finish(), expected.data);
    buffer_clear(&expected);
}

static void a_part_that_cannot_be_written_is_told_and_nothing_more_is_added(void **state)
{
    (void)state;
    open_seal(TOKEN_SEAL_PART_BYTES);
    write_file("out/.tokens.csv.cms.partial-1", "");
    assert_false(token_seal_add(seal, "a\n", 2, &error));
    says("out/tokens.csv: cannot write out/.tokens.csv.cms.partial-1: File exists");
    assert_false(token_seal_add(seal, "b\n", 2, &error));
    says("cannot encrypt for out/tokens.csv any more");
    char shown[64];
    assert_false(token_seal_finish(seal, NOW_S, shown, sizeof shown, &error));
}

static void names_without_an_ending_get_one(void **state)
{
    (void)state;
    seal = token_seal_new("out/tokens", &recipients, HEADER, TOKEN_SEAL_PART_BYTES, &error);
    works(seal != NULL);
    add("anna,t1\n");
    assert_string_equal(finish(), "out/tokens-20231114T221320Z.cms");
}

static void a_certificate_that_is_not_there_or_none_is_refused(void **state)
{
    static char gone[] = "gone.pem";
    static char key[] = "me.key";
    char *list[] = {certificate, gone};

    (void)state;
    assert_null(token_seal_new("out/t", &(struct text_list){list, 2}, HEADER, 1, &error));
    assert_int_equal(error.code, ERROR_INPUT);
    says("cannot open gone.pem");
    list[1] = key;
    assert_null(token_seal_new("out/t", &(struct text_list){list, 2}, HEADER, 1, &error));
    assert_int_equal(error.code, ERROR_INPUT);
    says("me.key holds no certificate in PEM form");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_added_is_what_is_decrypted),
        TEST(without_tokens_there_is_no_file),
        TEST(more_than_a_part_holds_goes_into_the_next_one),
        TEST(a_name_that_is_taken_is_left_alone),
        TEST(what_a_killed_run_left_is_removed),
#ifdef ROLLCALL_CRASH_POINTS
        TEST(whenever_a_run_is_killed_the_next_one_finds_all_its_parts),
#endif
        TEST(a_large_file_is_streamed),
        TEST(a_part_that_cannot_be_written_is_told_and_nothing_more_is_added),
        TEST(names_without_an_ending_get_one),
        TEST(a_certificate_that_is_not_there_or_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
