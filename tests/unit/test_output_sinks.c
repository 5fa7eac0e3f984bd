/* Several sinks, and patience with those that are away. */
#include "ledger_writing.h"

#include "output/sinks.h"

static struct spec_sink list[SPEC_SINKS_MAX];
static struct spec spec;
static struct sinks *sinks;
static int64_t now_us;
static struct error why;

static int64_t wall_ms(void *context)
{
    (void)context;
    return WHEN_MS;
}

static int64_t monotonic_us(void *context)
{
    (void)context;
    return now_us;
}

static const struct clock clock_here = {wall_ms, monotonic_us, NULL};

static int begin(void **state)
{
    static char key[] = "user_id";
    static char directory[] = ".";
    static char ledger_path[] = "the.ledger";

    memset(list, 0, sizeof list);
    spec = (struct spec){.ledger = ledger_path, .roster.key = key, .directory = directory, .outputs.sinks = list};
    now_us = 1000000;
    return ledger_begin_test(state);
}

static int end(void **state)
{
    sinks_close(sinks);
    sinks = NULL;
    return ledger_end_test(state);
}

/* A program NAME with this script. */
static void add_command(const char *name, const char *script, bool required)
{
    struct spec_sink *sink = &list[spec.outputs.sink_count++];
    char path[64];
    char text[512];

    snprintf(path, sizeof path, "./%s", name);
    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", script);
    write_file(path, text);
    assert_int_equal(chmod(path, 0700), 0);
    *sink = (struct spec_sink){.kind = SINK_COMMAND,
                               .command = {calloc(1, sizeof(char *)), 1},
                               .time_limit_ms = 20000,
                               .batch = 500,
                               .required = required};
    sink->command.items[0] = strdup(path);
    sink->name = sink->command.items[0];
}

static void free_commands(void)
{
    for (size_t i = 0; i < spec.outputs.sink_count; i++) {
        if (list[i].command.count == 0)
            continue;
        free(list[i].command.items[0]);
        free(list[i].command.items);
    }
}

static void open_sinks(void)
{
    sinks = sinks_open(&spec, ledger, &clock_here, &error);
    works(sinks != NULL);
    works(sinks_connect(sinks, &error));
}

/* Delivers one token; whether it was. */
static bool deliver(const char *key)
{
    struct secret value = {0};
    bool delivered;

    works(secret_set(&value, "token", 5, &error));
    const struct token token = {.key = key,
                                .key_length = strlen(key),
                                .identity = identity_id(1),
                                .value = &value,
                                .expires_at_s = WHEN_MS / 1000 + 3600};
    sinks_deliver(sinks, &token, 1, &delivered, &why);
    secret_clear(&value);
    return delivered;
}

static size_t lines_of(const char *path)
{
    size_t lines = 0;

    for (const char *text = read_file(path); *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

static void a_token_is_delivered_when_every_required_sink_has_it(void **state)
{
    (void)state;
    add_command("one", "cat >>one.out", true);
    add_command("two", "cat >>two.out; test ! -e refuse", true);
    open_sinks();
    assert_true(sinks_have_others(sinks));
    assert_true(deliver("anna"));
    write_file("refuse", "");
    assert_false(deliver("bert"));
    assert_string_equal(why.message, "./two ended with status 1");
    assert_int_equal(sinks_report(sinks, 0).delivered, 2);
    assert_int_equal(sinks_report(sinks, 1).delivered, 1);
    assert_int_equal(sinks_report(sinks, 1).missed, 1);
    assert_string_equal(sinks_report(sinks, 1).message, "./two ended with status 1");
    free_commands();
}

static void a_sink_that_is_not_required_does_not_decide(void **state)
{
    (void)state;
    add_command("one", "exit 1", false);
    open_sinks();
    assert_true(deliver("anna"));
    assert_int_equal(sinks_report(sinks, 0).missed, 1);
    assert_false(sinks_report(sinks, 0).required);
    free_commands();
}

static void a_sink_that_refuses_is_asked_with_every_batch(void **state)
{
    (void)state;
    add_command("one", "echo >>asked; exit 1", true);
    open_sinks();
    for (int i = 0; i < 5; i++)
        assert_false(deliver("anna"));
    assert_int_equal(lines_of("asked"), 5);
    assert_int_equal(sinks_report(sinks, 0).missed, 5);
    free_commands();
}

static void a_sink_that_is_away_is_asked_three_times_and_then_now_and_then(void **state)
{
    (void)state;
    add_command("one", "echo >>asked; test -e back || exit 75; cat >/dev/null", true);
    open_sinks();
    assert_false(deliver("anna"));
    assert_int_equal(lines_of("asked"), 3);
    assert_string_equal(why.message, "./one ended with status 75");
    /* Not before half a minute has passed. */
    now_us += INT64_C(29) * 1000000;
    assert_false(deliver("anna"));
    assert_string_equal(why.message, "./one ended with status 75");
    assert_int_equal(lines_of("asked"), 3);
    /* Then once, and not before a minute has passed. */
    now_us += INT64_C(2) * 1000000;
    assert_false(deliver("anna"));
    assert_int_equal(lines_of("asked"), 4);
    now_us += INT64_C(59) * 1000000;
    assert_false(deliver("anna"));
    assert_int_equal(lines_of("asked"), 4);
    /* At last every ten minutes. */
    for (int i = 0; i < 10; i++) {
        now_us += INT64_C(601) * 1000000;
        assert_false(deliver("anna"));
    }
    assert_int_equal(lines_of("asked"), 14);
    write_file("back", "");
    now_us += INT64_C(601) * 1000000;
    assert_true(deliver("anna"));
    assert_true(deliver("anna"));
    assert_int_equal(sinks_report(sinks, 0).missed, 14);
    free_commands();
}

static void who_is_in_a_hurry_asks_once(void **state)
{
    (void)state;
    add_command("one", "echo >>asked; exit 75", true);
    open_sinks();
    sinks_hurry(sinks);
    assert_false(deliver("anna"));
    assert_false(deliver("anna"));
    assert_int_equal(lines_of("asked"), 1);
    free_commands();
}

static void a_program_that_cannot_be_started_is_away(void **state)
{
    (void)state;
    if (getenv("ROLLCALL_VALGRIND") != NULL)
        skip(); /* posix_spawn() cannot tell there */
    add_command("one", "true", true);
    open_sinks();
    assert_int_equal(unlink("one"), 0);
    sinks_hurry(sinks);
    assert_false(deliver("anna"));
    assert_string_equal(why.message, "cannot start ./one: No such file or directory");
    free_commands();
}

static void a_file_beside_others_is_written_and_the_others_are_asked(void **state)
{
    static char path[] = "out/t.csv";
    struct secret value = {0};

    (void)state;
    list[spec.outputs.sink_count++] =
        (struct spec_sink){.kind = SINK_CSV, .name = path, .path = path, .required = true};
    open_sinks();
    assert_false(sinks_have_others(sinks));
    works(secret_set(&value, "token", 5, &error));
    const struct token token = {.key = "anna", .key_length = 4, .identity = identity_id(1), .value = &value};
    works(sinks_write(sinks, &token, 1, &error));
    sinks_note_end(sinks);
    works(sinks_finish(sinks, ledger, &error));
    assert_string_equal(sinks_report(sinks, 0).shown, path);
    assert_true(sinks_report(sinks, 0).is_file);
    assert_non_null(strstr(read_file(path), "anna,"));
    secret_clear(&value);
}

/* A file that fails stops what needs it, and nothing else. */
static void a_file_that_cannot_be_written_matters_where_it_is_required(void **state)
{
    static char path[] = "out/t.csv";
    struct secret value = {0};
    const struct token token = {.key = "anna", .key_length = 4, .identity = identity_id(1), .value = &value};

    (void)state;
    works(secret_set(&value, "token", 5, &error));
    list[spec.outputs.sink_count++] =
        (struct spec_sink){.kind = SINK_CSV, .name = path, .path = path, .required = true};
    provision("anna", 1, "", 0);
    for (int required = 1; required >= 0; required--) {
        list[0].required = required != 0;
        open_sinks();
        /* The journal cannot be renamed to a directory. */
        assert_true(unlink(path) == 0 || required);
        assert_int_equal(mkdir(path, 0700), 0);
        works(sinks_write(sinks, &token, 1, &error));
        assert_int_equal(sinks_finish(sinks, ledger, &error), !required);
        assert_non_null(strstr(required ? error.message : sinks_report(sinks, 0).message, path));
        assert_int_equal(rmdir(path), 0);
        sinks_close(sinks);
        sinks = NULL;
    }
    secret_clear(&value);
}

static void a_database_that_is_away_matters_where_it_is_required(void **state)
{
    static char path[] = "/proc/nowhere/t.db";

    (void)state;
    list[spec.outputs.sink_count++] = (struct spec_sink){
        .kind = SINK_SQLITE, .name = path, .path = path, .table = path, .columns = {path, NULL, path, NULL}};
    sinks = sinks_open(&spec, ledger, &clock_here, &error);
    works(sinks != NULL);
    works(sinks_connect(sinks, &error));
    assert_true(deliver("anna"));
    assert_int_equal(sinks_report(sinks, 0).missed, 1);
    sinks_close(sinks);
    list[0].required = true;
    sinks = sinks_open(&spec, ledger, &clock_here, &error);
    assert_false(sinks_connect(sinks, &error));
    says("/proc/nowhere/t.db: cannot make the directory /proc/nowhere");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_is_delivered_when_every_required_sink_has_it),
        TEST(a_sink_that_is_not_required_does_not_decide),
        TEST(a_sink_that_refuses_is_asked_with_every_batch),
        TEST(a_sink_that_is_away_is_asked_three_times_and_then_now_and_then),
        TEST(who_is_in_a_hurry_asks_once),
        TEST(a_program_that_cannot_be_started_is_away),
        TEST(a_file_beside_others_is_written_and_the_others_are_asked),
        TEST(a_file_that_cannot_be_written_matters_where_it_is_required),
        TEST(a_database_that_is_away_matters_where_it_is_required),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
