#include "roster/join.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Keys are "user-<number>"; what join_run() reports is noted under that number, which `extra` carries. */
enum { KEYS_MAX = 1000000 };

struct noted {
    unsigned char matches;
    unsigned char sides;             /* bit of each side that had an entry in the match */
    uint32_t ref[JOIN_SIDES];        /* of that entry */
    unsigned char again[JOIN_SIDES]; /* duplicates reported */
};

static struct join *join;
static struct error error;
static struct noted *noted;
static uint64_t matches;
static uint64_t duplicates;

static int begin(void **state)
{
    (void)state;
    error = (struct error){.code = ERROR_NONE};
    matches = duplicates = 0;
    noted = calloc(KEYS_MAX, sizeof *noted);
    join = join_new(&error);
    return join != NULL && noted != NULL ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    join_free(join);
    free(noted);
    return 0;
}

static void add(enum join_side side, uint64_t number, uint64_t ref)
{
    char key[32];
    const int length = snprintf(key, sizeof key, "user-%llu", (unsigned long long)number);

    if (!join_add(join, side, key, (size_t)length, number * 3, ref, number, &error))
        fail_msg("%s", error.message);
}

static bool note_match(void *context, const struct join_entry *const entries[JOIN_SIDES], struct error *fault)
{
    const struct join_entry *any = NULL;

    (void)context;
    (void)fault;
    for (int side = 0; side < JOIN_SIDES; side++)
        any = entries[side] != NULL ? entries[side] : any;
    assert_non_null(any);
    struct noted *note = &noted[any->extra];
    note->matches++;
    matches++;
    for (int side = 0; side < JOIN_SIDES; side++) {
        if (entries[side] == NULL)
            continue;
        assert_int_equal(entries[side]->extra, any->extra);
        assert_int_equal(entries[side]->watch, any->extra * 3);
        note->sides |= (unsigned char)(1 << side);
        note->ref[side] = (uint32_t)entries[side]->ref;
    }
    return true;
}

/* The refs of one side grow with each entry added, so the first one has the least. */
static bool note_duplicate(void *context, enum join_side side, const struct join_entry *first,
                           const struct join_entry *again, struct error *fault)
{
    (void)context;
    (void)fault;
    assert_int_equal(first->extra, again->extra);
    assert_true(first->ref < again->ref);
    noted[first->extra].again[side]++;
    duplicates++;
    return true;
}

static const struct join_visitor visitor = {.match = note_match, .duplicate = note_duplicate};

static void run(void)
{
    if (!join_run(join, &visitor, &error))
        fail_msg("%s", error.message);
}

/* ---- What is reported ------------------------------------------------------------------------------------------- */

static void a_join_of_nothing_reports_nothing(void **state)
{
    (void)state;
    run();
    assert_int_equal(matches, 0);
}

static void every_combination_of_sides_is_reported_once(void **state)
{
    (void)state;
    for (uint64_t sides = 1; sides < 8; sides++)
        for (int side = 0; side < JOIN_SIDES; side++)
            if ((sides & (1U << side)) != 0)
                add((enum join_side)side, sides, 100 * sides + (uint64_t)side);
    run();
    assert_int_equal(matches, 7);
    assert_int_equal(duplicates, 0);
    for (uint64_t sides = 1; sides < 8; sides++) {
        assert_int_equal(noted[sides].matches, 1);
        assert_int_equal(noted[sides].sides, sides);
        for (int side = 0; side < JOIN_SIDES; side++)
            if ((sides & (1U << side)) != 0)
                assert_int_equal(noted[sides].ref[side], 100 * sides + (uint64_t)side);
    }
}

static void a_repeated_key_is_reported_with_the_first_one_and_matched_once(void **state)
{
    (void)state;
    add(JOIN_ROSTER, 7, 1);
    add(JOIN_ROSTER, 8, 2);
    add(JOIN_ROSTER, 7, 3);
    add(JOIN_ROSTER, 7, 4);
    add(JOIN_LEDGER, 7, 5);
    add(JOIN_PREVIOUS, 7, 6);
    add(JOIN_PREVIOUS, 7, 9);
    run();
    assert_int_equal(matches, 2);
    assert_int_equal(duplicates, 3);
    assert_int_equal(noted[7].again[JOIN_ROSTER], 2);
    assert_int_equal(noted[7].again[JOIN_LEDGER], 0);
    assert_int_equal(noted[7].again[JOIN_PREVIOUS], 1);
    assert_int_equal(noted[7].ref[JOIN_ROSTER], 1);
    assert_int_equal(noted[7].ref[JOIN_LEDGER], 5);
    assert_int_equal(noted[7].ref[JOIN_PREVIOUS], 6);
    assert_int_equal(noted[8].sides, 1 << JOIN_ROSTER);
}

static void keys_are_compared_byte_by_byte(void **state)
{
    (void)state;
    const char *const keys[] = {"a", "A", " a", "a ", "a\0b"};
    const size_t lengths[] = {1, 1, 2, 2, 3};

    for (size_t i = 0; i < 5; i++)
        assert_true(join_add(join, JOIN_ROSTER, keys[i], lengths[i], 3 * i, i, i, &error));
    run();
    assert_int_equal(matches, 5);
    assert_int_equal(duplicates, 0);
}

static void the_hash_of_a_watch_text_is_the_same_in_every_run(void **state)
{
    (void)state;
    assert_true(join_watch_hash("v=blank", 7) == join_watch_hash("v=blank;", 7));
    assert_true(join_watch_hash("v=blank", 7) != join_watch_hash("v=missing", 9));
    assert_int_equal(join_watch_hash("rollcall", 8), 0x41606aadb804b00f);
}

/* ---- Visitors that stop ----------------------------------------------------------------------------------------- */

static bool refuse_match(void *context, const struct join_entry *const entries[JOIN_SIDES], struct error *fault)
{
    (void)context;
    (void)entries;
    return error_set(fault, ERROR_LIMIT, "no match");
}

static bool refuse_duplicate(void *context, enum join_side side, const struct join_entry *first,
                             const struct join_entry *again, struct error *fault)
{
    (void)context;
    (void)side;
    (void)first;
    (void)again;
    return error_set(fault, ERROR_BUSY, "no duplicate");
}

static void a_visitor_that_stops_at_a_match_has_the_last_word(void **state)
{
    (void)state;
    const struct join_visitor stops = {.match = refuse_match, .duplicate = note_duplicate};

    add(JOIN_ROSTER, 1, 1);
    assert_false(join_run(join, &stops, &error));
    assert_int_equal(error.code, ERROR_LIMIT);
    assert_string_equal(error.message, "no match");
}

static void a_visitor_that_stops_at_a_duplicate_has_the_last_word(void **state)
{
    (void)state;
    const struct join_visitor stops = {.match = note_match, .duplicate = refuse_duplicate};

    add(JOIN_LEDGER, 1, 1);
    add(JOIN_LEDGER, 1, 2);
    assert_false(join_run(join, &stops, &error));
    assert_int_equal(error.code, ERROR_BUSY);
    assert_string_equal(error.message, "no duplicate");
}

/* ---- Many entries ----------------------------------------------------------------------------------------------- */

static void entries_that_went_to_disk_are_joined_as_well(void **state)
{
    (void)state;
    enum { ROWS = 600000, SHIFT = 1000 }; /* enough for the table of a partition to grow, too */

    for (uint64_t i = 0; i < ROWS; i++)
        add(JOIN_ROSTER, i, i);
    for (uint64_t i = ROWS + SHIFT; i-- > SHIFT;)
        add(JOIN_LEDGER, i, i);
    run();
    assert_int_equal(matches, ROWS + SHIFT);
    assert_int_equal(duplicates, 0);
    for (uint64_t i = 0; i < ROWS + SHIFT; i++) {
        assert_int_equal(noted[i].matches, 1);
        assert_int_equal(noted[i].sides, i < SHIFT ? 1 : i < ROWS ? 3 : 2);
    }
}

static void duplicates_far_apart_are_found_with_the_first_one_added(void **state)
{
    (void)state;
    enum { ROWS = 400000 };

    for (uint64_t i = 0; i < ROWS; i++)
        add(JOIN_ROSTER, i, i);
    for (uint64_t i = 0; i < ROWS; i += 1000)
        add(JOIN_ROSTER, i, ROWS + i);
    run();
    assert_int_equal(matches, ROWS);
    assert_int_equal(duplicates, ROWS / 1000);
    for (uint64_t i = 0; i < ROWS; i++) {
        assert_int_equal(noted[i].again[JOIN_ROSTER], i % 1000 == 0);
        assert_int_equal(noted[i].ref[JOIN_ROSTER], i);
    }
}

/* A column with few values, taken for the key: all entries fall into few partitions. */
static void few_keys_repeated_over_and_over_are_joined_as_well(void **state)
{
    (void)state;
    enum { ROWS = 300000 };

    for (uint64_t i = 0; i < ROWS; i++)
        add(JOIN_ROSTER, i % 2, i);
    run();
    assert_int_equal(matches, 2);
    assert_int_equal(duplicates, ROWS - 2);
    assert_int_equal(noted[0].ref[JOIN_ROSTER], 0);
    assert_int_equal(noted[1].ref[JOIN_ROSTER], 1);
}

/* Random sides with random repetitions, against a table that simply has a row for each key. */
static void random_sides_are_joined_as_a_plain_table_would(void **state)
{
    (void)state;
    const char *given = getenv("TEST_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)getpid();
    enum { KEYS = 60000 };
    struct noted *model = calloc(KEYS, sizeof *model);

    assert_non_null(model);
    print_message("TEST_SEED=%u\n", seed);
    for (uint64_t i = 1; i <= 400000; i++) {
        const enum join_side side = (enum join_side)(rand_r(&seed) % JOIN_SIDES);
        const uint64_t key = (uint64_t)rand_r(&seed) % (side == JOIN_PREVIOUS ? KEYS / 2 : KEYS);
        if ((model[key].sides & (1 << side)) != 0)
            model[key].again[side]++;
        else
            model[key].ref[side] = (uint32_t)i;
        model[key].sides |= (unsigned char)(1 << side);
        model[key].matches = 1;
        add(side, key, i);
    }
    run();
    assert_memory_equal(noted, model, KEYS * sizeof *model);
    free(model);
}

enum { FILLED = 300000 };

static void *fill_ledger(void *context)
{
    (void)context;
    for (uint64_t i = 0; i < FILLED; i++)
        add(JOIN_LEDGER, i, i);
    return NULL;
}

static void two_threads_may_fill_two_sides(void **state)
{
    (void)state;
    pthread_t other;

    assert_int_equal(pthread_create(&other, NULL, fill_ledger, NULL), 0);
    for (uint64_t i = FILLED; i-- > 0;)
        add(JOIN_ROSTER, i, i);
    assert_int_equal(pthread_join(other, NULL), 0);
    run();
    assert_int_equal(matches, FILLED);
    for (uint64_t i = 0; i < FILLED; i++)
        assert_int_equal(noted[i].sides, 3);
}

/* ---- A disk that is full ---------------------------------------------------------------------------------------- */

static void a_scratch_file_that_cannot_grow_is_an_error_with_a_hint(void **state)
{
    (void)state;
    struct rlimit before;
    bool ok = true;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {.rlim_cur = 1024 * 1024, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (uint64_t i = 0; ok && i < 400000; i++)
        ok = join_add(join, JOIN_ROSTER, (const char *)&i, sizeof i, 0, i, 0, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(ok);
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_string_equal(error.message,
                        "cannot write the temporary file for comparing roster and ledger: File too large");
    assert_non_null(strstr(error.hint, "TMPDIR"));
}

#define join_test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        join_test(a_join_of_nothing_reports_nothing),
        join_test(every_combination_of_sides_is_reported_once),
        join_test(a_repeated_key_is_reported_with_the_first_one_and_matched_once),
        join_test(keys_are_compared_byte_by_byte),
        join_test(the_hash_of_a_watch_text_is_the_same_in_every_run),
        join_test(a_visitor_that_stops_at_a_match_has_the_last_word),
        join_test(a_visitor_that_stops_at_a_duplicate_has_the_last_word),
        join_test(entries_that_went_to_disk_are_joined_as_well),
        join_test(duplicates_far_apart_are_found_with_the_first_one_added),
        join_test(few_keys_repeated_over_and_over_are_joined_as_well),
        join_test(random_sides_are_joined_as_a_plain_table_would),
        join_test(two_threads_may_fill_two_sides),
        join_test(a_scratch_file_that_cannot_grow_is_an_error_with_a_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
