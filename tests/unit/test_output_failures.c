#include "scratch.h"

#include "output/failures.h"

#define PATH "out/failures.csv"
#define ERROR_COLUMNS \
    "error_category,error_action,error_code,error_message,error_request_id,error_first_code,error_attempts"

static int enter(void **state)
{
    (void)state;
    return scratch_enter();
}

static int leave(void **state)
{
    (void)state;
    return scratch_leave();
}

#define FIELD(text)                                 \
    {                                               \
        .bytes = (text), .length = sizeof(text) - 1 \
    }

static const struct roster_field names[] = {FIELD("mail"), FIELD("user_id"), FIELD("department")};
static const struct roster_header header = {.fields = names, .count = 3, .key_column = 1};

static const struct failure failure = {
    .row = "anna@contoso.example,anna,\"sales, east\"",
    .row_length = sizeof "anna@contoso.example,anna,\"sales, east\"" - 1,
    .key = "anna",
    .category = "added",
    .action = "provision",
    .code = "ValidationError",
    .message = "not, valid",
    .request_id = "5a3c0f00",
    .first_code = "http_503",
    .attempts = 3,
};

static struct failures *open_failures(const struct csv_style *style, const struct roster_header *of)
{
    struct failures *failures = failures_open(PATH, style, of, &error);

    works(failures != NULL);
    return failures;
}

static void a_failed_user_stands_with_its_row_and_the_reason(void **state)
{
    struct failures *failures = open_failures(&csv_plain, &header);

    (void)state;
    failures_add(failures, &failure);
    works(failures_commit(failures, &error));
    assert_string_equal(read_file(PATH), "mail,user_id,department," ERROR_COLUMNS "\n"
                                         "anna@contoso.example,anna,\"sales, east\",added,provision,ValidationError,"
                                         "\"not, valid\",5a3c0f00,http_503,3\n");
    assert_int_equal(mode_of(PATH), 0600);
}

static void a_cause_that_is_the_first_and_the_last_is_said_once(void **state)
{
    struct failure same = failure;
    struct failures *failures = open_failures(&csv_plain, &header);

    (void)state;
    same.first_code = same.code;
    failures_add(failures, &same);
    works(failures_commit(failures, &error));
    assert_non_null(strstr(read_file(PATH), ",ValidationError,\"not, valid\",5a3c0f00,,3\n"));
}

static void a_removed_user_has_only_its_key(void **state)
{
    struct failure removed = failure;
    struct failures *failures = open_failures(&csv_plain, &header);

    (void)state;
    removed.row = NULL;
    removed.key = "bert, the";
    removed.category = FAILURES_REMOVED;
    failures_add(failures, &removed);
    works(failures_commit(failures, &error));
    assert_non_null(strstr(read_file(PATH), "\n,\"bert, the\",,removed,provision,"));
}

static void nobody_failed_leaves_the_header_alone(void **state)
{
    (void)state;
    works(failures_commit(open_failures(&csv_plain, &header), &error));
    assert_string_equal(read_file(PATH), "mail,user_id,department," ERROR_COLUMNS "\n");
}

static void the_error_columns_of_a_failures_file_are_written_anew(void **state)
{
    static const struct roster_field again[] = {FIELD("error_code"), FIELD("mail"), FIELD("user_id"),
                                                FIELD("error_attempts")};
    static const struct roster_header of = {.fields = again, .count = 4, .key_column = 2};
    static const struct roster_field row[] = {FIELD("old"), FIELD("a@b"), FIELD("anna"), FIELD("9")};
    struct failure one = failure;
    struct buffer text;

    (void)state;
    buffer_init(&text, 1024);
    failures_encode_row(&text, &csv_plain, &of, row, SIZE_MAX);
    assert_string_equal(text.data, "a@b,anna");
    struct failures *failures = open_failures(&csv_plain, &of);
    one.row = text.data;
    one.row_length = text.length;
    failures_add(failures, &one);
    one.row = NULL;
    failures_add(failures, &one);
    works(failures_commit(failures, &error));
    assert_string_equal(read_file(PATH), "mail,user_id," ERROR_COLUMNS "\n"
                                         "a@b,anna,added,provision,ValidationError,\"not, valid\",5a3c0f00,http_503,3\n"
                                         ",anna,added,provision,ValidationError,\"not, valid\",5a3c0f00,http_503,3\n");
    buffer_clear(&text);
}

static void the_rosters_delimiter_is_kept(void **state)
{
    static const struct csv_style semicolon = {.delimiter = ';'};
    struct failure removed = failure;
    struct failures *failures = open_failures(&semicolon, &header);

    (void)state;
    removed.row = NULL;
    failures_add(failures, &removed);
    works(failures_commit(failures, &error));
    assert_non_null(strstr(read_file(PATH), "mail;user_id;department;error_category;"));
    assert_non_null(strstr(read_file(PATH), "\n;anna;;added;provision;ValidationError;not, valid;"));
}

static void what_was_there_stays_until_the_commit(void **state)
{
    (void)state;
    works(failures_commit(open_failures(&csv_plain, &header), &error));
    struct failures *failures = open_failures(&csv_plain, &header);
    failures_add(failures, &failure);
    assert_null(strstr(read_file(PATH), "anna"));
    failures_discard(failures);
    assert_null(strstr(read_file(PATH), "anna"));
    failures_discard(NULL);
}

/* A row that cannot be written whole must not stand there in part: the file is a roster. */
static void a_row_that_does_not_fit_refuses_the_file(void **state)
{
    struct failure large = failure;
    struct failures *failures = open_failures(&csv_plain, &header);

    (void)state;
    large.row_length = (size_t)81 * 1024 * 1024;
    char *row = malloc(large.row_length);
    assert_non_null(row);
    memset(row, 'x', large.row_length);
    large.row = row;
    failures_add(failures, &large);
    failures_add(failures, &failure);
    assert_false(failures_commit(failures, &error));
    assert_false(is_there(PATH));
    free(row);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

static const struct CMUnitTest tests[] = {
    TEST(a_failed_user_stands_with_its_row_and_the_reason),
    TEST(a_cause_that_is_the_first_and_the_last_is_said_once),
    TEST(a_removed_user_has_only_its_key),
    TEST(nobody_failed_leaves_the_header_alone),
    TEST(the_error_columns_of_a_failures_file_are_written_anew),
    TEST(the_rosters_delimiter_is_kept),
    TEST(what_was_there_stays_until_the_commit),
    TEST(a_row_that_does_not_fit_refuses_the_file),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
