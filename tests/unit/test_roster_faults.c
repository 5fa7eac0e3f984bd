#include "roster_reading.h"

/* ---- The header ------------------------------------------------------------------------------------------------- */

static void an_empty_file_is_refused(void **state)
{
    (void)state;
    read_text("");
    expect_only_problem(0, 0, "the file is empty");
    expect_hint("the first row must name the columns");
    assert_string_equal(reading.error.message, "users.csv has 1 fault");
}

static void a_file_of_empty_lines_is_refused(void **state)
{
    (void)state;
    read_text("\n\r\n\n");
    expect_only_problem(0, 0, "the file has no header");
    read_text("\xEF\xBB\xBF");
    expect_only_problem(0, 0, "the file has no header");
}

static void a_missing_key_column_is_refused_and_the_columns_are_listed(void **state)
{
    (void)state;
    read_text("user,mail\nanna,a@contoso.example\n");
    expect_only_problem(1, 0, "the key column \"id\" is not in the header");
    expect_hint("the columns are: user, mail");
    assert_string_equal(reading.rows.data, "");
    assert_string_equal(reading.header.data, "");
}

static void a_column_name_in_other_case_is_suggested(void **state)
{
    (void)state;
    reading.options.key = "user_id";
    read_text("name,mail,User_ID\n");
    expect_only_problem(1, 0, "the key column \"user_id\" is not in the header");
    expect_hint("did you mean \"User_ID\"? the columns are: name, mail, User_ID");
}

static void a_misspelt_column_name_is_suggested(void **state)
{
    (void)state;
    reading.options.key = "user_id";
    read_text("name,userid,used\n");
    expect_hint("did you mean \"userid\"?");
}

static void white_space_around_a_column_name_is_pointed_out(void **state)
{
    (void)state;
    reading.options.key = "user_id";
    read_text("name, user_id\nanna,1\n");
    expect_hint("did you mean \" user_id\", which has white space around it in the file?");
}

static void a_long_list_of_columns_is_cut_at_a_name(void **state)
{
    (void)state;
    struct buffer file;

    buffer_init(&file, SIZE_MAX / 2);
    buffer_append_text(&file, "erste Spalte ");
    for (int i = 0; i < 100; i++)
        buffer_append_text(&file, "größer als ");
    for (int i = 1; i < 40; i++)
        buffer_append_format(&file, ",column number %d", i);
    read_bytes(file.data, file.length);
    expect_only_problem(1, 0, "the key column \"id\" is not in the header");
    expect_hint("größer als grö, column number 1, column number 2,");
    expect_hint(", ...");
    buffer_clear(&file);
}

static void a_key_too_long_to_compare_gets_the_list_alone(void **state)
{
    (void)state;
    reading.options.key = "a very long name that no column has, and that nobody would have meant";
    read_text("id,name \n");
    assert_int_equal(reading.problems.total, 1);
    expect_hint("the columns are: id, name ");
}

static void a_wrong_delimiter_is_pointed_out_once(void **state)
{
    (void)state;
    read_text("id;name\nanna;A, B\nbert;B, C\n");
    expect_only_problem(1, 0, "the key column \"id\" is not in the header");
    expect_hint("the columns seem to be separated by \";\": set roster.delimiter");
    read_text("id\tname\nanna\tA\n");
    expect_hint("the columns seem to be separated by tabs: set roster.delimiter");
}

static void every_missing_column_is_named_with_its_use(void **state)
{
    (void)state;
    const char *const watch[] = {"changed_at", "name"};
    const char *const values[] = {"yes"};
    const struct roster_filter filter = {.column = "active", .values = values, .value_count = 1};

    reading.options.watch = watch;
    reading.options.watch_count = 2;
    reading.options.filters = &filter;
    reading.options.filter_count = 1;
    read_text("key,name\nanna,A\n");
    assert_int_equal(reading.problems.total, 3);
    expect_problem(0, 1, 0, "the key column \"id\" is not in the header");
    expect_problem(1, 1, 0, "the watched column \"changed_at\" is not in the header");
    expect_problem(2, 1, 0, "the column of the filter \"active\" is not in the header");
}

static void a_column_that_stands_twice_is_refused(void **state)
{
    (void)state;
    read_text("id,name,mail,name\nanna,A,a,B\n");
    expect_only_problem(1, 0, "column \"name\" stands twice in the header, as column 2 and column 4");
}

static void a_column_without_a_name_is_refused(void **state)
{
    (void)state;
    read_text("\n\nid,,\"\"\nanna,A,\n");
    assert_int_equal(reading.problems.total, 2);
    expect_problem(0, 3, 0, "column 2 has no name");
    expect_problem(1, 3, 0, "column 3 has no name");
}

static void more_columns_than_can_be_kept_are_refused(void **state)
{
    (void)state;
    struct buffer file;

    buffer_init(&file, SIZE_MAX / 2);
    buffer_append_text(&file, "id");
    for (int i = 1; i < ROSTER_COLUMNS_MAX; i++)
        buffer_append_format(&file, ",c%d", i);
    read_bytes(file.data, file.length);
    assert_true(reading.ok);
    assert_int_equal(reading.columns, ROSTER_COLUMNS_MAX);
    buffer_append_text(&file, ",one more");
    read_bytes(file.data, file.length);
    expect_only_problem(1, 0, "the header has 1025 columns; the most is 1024");
    buffer_append_text(&file, "\nanna\n");
    read_bytes(file.data, file.length);
    expect_only_problem(1, 0, "the header has 1025 columns; the most is 1024");
    buffer_clear(&file);
}

static void names_cannot_upset_a_terminal(void **state)
{
    (void)state;
    read_text("i\x1B[2Jd,b\x7F,c\xE9\nx,y,z\n");
    assert_int_equal(reading.problems.total, 2);
    expect_problem(0, 1, 0, "column 3 is not UTF-8: byte 2 of the value is 0xE9");
    expect_problem(1, 1, 0, "the key column \"id\" is not in the header");
    assert_non_null(strstr(reading.problems.list[1].hint, "the columns are: i?[2Jd, b?, c?"));
}

/* ---- Rows ------------------------------------------------------------------------------------------------------- */

static void a_row_with_too_few_or_too_many_fields_is_refused(void **state)
{
    (void)state;
    read_text("id,name,mail\nanna,A,a\nbert,B\ncarl,\"C\n\",c\ndora,D,d,x\nemil\nfred,F,f\n");
    assert_int_equal(reading.problems.total, 3);
    expect_problem(0, 3, 0, "2 fields where the header has 3");
    expect_problem(1, 6, 0, "4 fields where the header has 3");
    expect_problem(2, 7, 0, "1 field where the header has 3");
    assert_non_null(strstr(reading.problems.list[1].hint, "between double quotes"));
    assert_string_equal(reading.error.message, "users.csv has 3 faults");
}

static void a_header_in_the_middle_is_refused(void **state)
{
    (void)state;
    read_text("id,name\nanna,Anna\n\"id\",name\nbert,Bert\n\xEF\xBB\xBFid,name\n");
    assert_int_equal(reading.problems.total, 2);
    expect_problem(0, 3, 0, "the header stands here again");
    expect_problem(1, 5, 0, "the header stands here again");
    expect_hint("two files were put together");
    read_text("id,name\nid,Ida\nname,name\n"); /* users all the same */
    expect_rows("0 2 id:id|Ida\n1 3 name:name|name\n");
}

static void rows_after_a_fault_are_still_shown(void **state)
{
    (void)state;
    read_text("id,name\nanna\nbert,B\n,C\ndora,D\n");
    assert_int_equal(reading.problems.total, 2);
    assert_string_equal(reading.rows.data, "1 3 bert:bert|B\n3 5 dora:dora|D\n");
    assert_int_equal(reading.summary.rows, 4);
}

static void an_empty_key_is_refused(void **state)
{
    (void)state;
    read_text("id,name\nanna,A\n,B\n\"\",C\n");
    assert_int_equal(reading.problems.total, 2);
    expect_problem(0, 3, 0, "the key (column \"id\") is empty");
    expect_problem(1, 4, 0, "the key (column \"id\") is empty");
}

static void a_control_character_in_a_key_is_refused(void **state)
{
    (void)state;
    read_text("id,name\nan\tna,A\n\"b\nert\",B\n\x7F,C\nd\xC3\xA9,\x1B\n");
    assert_int_equal(reading.problems.total, 3);
    expect_problem(0, 2, 0, "the key (column \"id\") holds a control character");
    expect_problem(1, 3, 0, "the key (column \"id\") holds a control character");
    expect_problem(2, 5, 0, "the key (column \"id\") holds a control character");
}

static void a_key_longer_than_the_ledger_takes_is_refused(void **state)
{
    (void)state;
    char file[ROSTER_KEY_MAX + 8];
    int length = sprintf(file, "id\n%0*d\n", ROSTER_KEY_MAX, 0);

    read_bytes(file, (size_t)length);
    assert_true(reading.ok);
    length = sprintf(file, "id\n%0*d\n", ROSTER_KEY_MAX + 1, 0);
    read_bytes(file, (size_t)length);
    expect_only_problem(2, 0, "the key (column \"id\") has 1025 bytes; the most is 1024");
}

static void a_nul_byte_is_refused_on_its_line(void **state)
{
    (void)state;
    read_text("id,name\nanna,\"A\nb\0c\"\nbe\0rt,B\ncarl,C\n");
    assert_int_equal(reading.problems.total, 2);
    expect_problem(0, 3, 0, "column \"name\" holds a NUL byte");
    expect_problem(1, 4, 0, "column \"id\" holds a NUL byte");
    assert_string_equal(reading.rows.data, "2 5 carl:carl|C\n");
}

static void text_that_is_not_utf8_is_refused_on_its_line(void **state)
{
    (void)state;
    read_text("id,name,city\nanna,Andr\xE9,Paris\nbert,\"B\n\xC3\xA9\n\xC3\",\xFF\nc,\xC0\xAF,\xED\xA0\x80\n");
    assert_int_equal(reading.problems.total, 5);
    expect_problem(0, 2, 0, "column \"name\" is not UTF-8: byte 5 of the value is 0xE9");
    expect_problem(1, 5, 0, "column \"name\" is not UTF-8: byte 6 of the value is 0xC3");
    expect_problem(2, 5, 0, "column \"city\" is not UTF-8: byte 1 of the value is 0xFF");
    expect_problem(3, 6, 0, "column \"name\" is not UTF-8: byte 1 of the value is 0xC0");
    expect_problem(4, 6, 0, "column \"city\" is not UTF-8: byte 1 of the value is 0xED");
    expect_hint("iconv -f WINDOWS-1252 -t UTF-8");
}

static void utf16_is_named_as_such(void **state)
{
    (void)state;
    read_text("\xFF\xFEi\0d\0\n\0a\0");
    expect_only_problem(1, 0, "this is UTF-16, not UTF-8");
    read_text("\xFE\xFF\0i\0d\0\n\0a");
    expect_only_problem(1, 0, "this is UTF-16, not UTF-8");
    expect_hint("iconv -f UTF-16 -t UTF-8");
}

static void no_fault_hides_behind_another(void **state)
{
    (void)state;
    read_text("id,name,name\nanna,A,\n,B,\nbert,\xFF,\n");
    assert_int_equal(reading.problems.total, 3);
    expect_problem(0, 1, 0, "column \"name\" stands twice in the header, as column 2 and column 3");
    expect_problem(1, 3, 0, "the key (column \"id\") is empty");
    expect_problem(2, 4, 0, "column \"name\" is not UTF-8: byte 1 of the value is 0xFF");
    assert_string_equal(reading.rows.data, "");
}

static void faults_beyond_what_is_kept_are_counted(void **state)
{
    (void)state;
    struct buffer file;

    buffer_init(&file, SIZE_MAX / 2);
    buffer_append_text(&file, "id,name\n");
    for (int i = 0; i < 100000; i++)
        buffer_append_text(&file, "x\n");
    read_bytes(file.data, file.length);
    assert_int_equal(reading.problems.total, 100000);
    assert_int_equal(reading.problems.count, PROBLEMS_KEPT);
    assert_string_equal(reading.error.message, "users.csv has 100000 faults");
    buffer_clear(&file);
}

/* ---- Faults that end the reading -------------------------------------------------------------------------------- */

static void a_quote_inside_a_bare_value_is_refused_with_its_column(void **state)
{
    (void)state;
    read_text("id,name\nanna,A\nbärt,5\" pipe\ncarl\n");
    expect_only_problem(3, 7, "a double quote inside a value that does not begin with one");
    expect_hint("double it");
}

static void text_after_a_closing_quote_is_refused_with_its_column(void **state)
{
    (void)state;
    read_text("id,name\nanna,\"A\" x\n");
    expect_only_problem(2, 9, "text after the closing double quote");
    read_text("id,name\n\"anna\"a,A\n");
    expect_only_problem(2, 7, "text after the closing double quote");
    read_text("id,name\nanna,\"A\" ,\n");
    expect_only_problem(2, 9, "text after the closing double quote");
}

static void a_quote_that_ends_in_the_wrong_line_names_where_it_began(void **state)
{
    (void)state;
    read_text("id,name\nanna,\"A\nbert,B\ncarl,\"C\"\n");
    expect_only_problem(4, 7, "text after the closing double quote of a value that begins in line 2");
}

static void an_unterminated_quote_names_the_line_where_it_opened(void **state)
{
    (void)state;
    read_text("id,name\nanna,A\n\nbert,\"B\ncarl,C\ndora,D\n");
    expect_only_problem(4, 0, "a double quote is opened in this line and never closed");
    read_text("id,name\n\"anna\n\",\"");
    expect_only_problem(3, 0, "a double quote is opened in this line and never closed");
    read_text("id,\"name\nanna,A\n");
    expect_only_problem(1, 0, "a double quote is opened in this line and never closed");
}

static void faults_before_a_bad_quote_are_kept(void **state)
{
    (void)state;
    read_text("id,name\n,A\nbert,\"B\"x\n,C\n");
    assert_int_equal(reading.problems.total, 2);
    expect_problem(0, 2, 0, "the key (column \"id\") is empty");
    expect_problem(1, 3, 9, "text after the closing double quote");
}

static void a_lone_carriage_return_is_refused(void **state)
{
    (void)state;
    read_text("id,name\ranna,A\rbert,B\r");
    expect_only_problem(1, 8, "a carriage return without a line feed after it");
    expect_hint("save the file with LF or CRLF line ends");
    read_text("id,name\r\nä,b\rc,d\r\n");
    expect_only_problem(2, 4, "a carriage return without a line feed after it");
    read_text("id,name\n\"a\rb\",\"c\r\"\r\r\n");
    expect_problem(0, 2, 0, "the key (column \"id\") holds a control character");
    expect_problem(1, 2, 11, "a carriage return without a line feed after it");
    read_text("id,name\na,b\n\r\r\n");
    expect_only_problem(3, 1, "a carriage return without a line feed after it");
    read_text("id,name\na,\"b\"x\ry\n");
    expect_only_problem(2, 6, "text after the closing double quote");
    read_text("id,name\na,b\r");
    expect_only_problem(2, 4, "a carriage return without a line feed after it");
}

/* A value of `length` bytes in line 2, begun by `quote`; `close` is the rest of the file. */
static void read_value_of(size_t length, const char *quote, const char *close)
{
    struct buffer file;

    buffer_init(&file, SIZE_MAX / 2);
    buffer_append_format(&file, "id,name\nanna,%s", quote);
    for (size_t i = 0; i < length; i++)
        buffer_append_char(&file, quote[0] != '\0' && i % 100 == 99 ? '\n' : 'x');
    buffer_append_format(&file, "%s", close);
    read_bytes(file.data, file.length);
    buffer_clear(&file);
}

static void a_value_over_64_kib_is_refused(void **state)
{
    (void)state;
    const size_t beyond[] = {ROSTER_FIELD_MAX + 2, ROSTER_FIELD_MAX + 100, 2 * 128 * 1024, 3 * 1024 * 1024};

    read_value_of(ROSTER_FIELD_MAX, "", "\n");
    assert_true(reading.ok);
    read_value_of(ROSTER_FIELD_MAX, "\"", "\"\n");
    assert_true(reading.ok);
    read_value_of(ROSTER_FIELD_MAX, "\"", "\"");
    assert_true(reading.ok);
    read_value_of(ROSTER_FIELD_MAX + 1, "", "");
    expect_only_problem(2, 0, "the value of column \"name\" is larger than 64 KiB");
    read_value_of(ROSTER_FIELD_MAX + 1, "\"", "\"");
    expect_only_problem(2, 0, "the value of column \"name\" is larger than 64 KiB");
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        read_value_of(beyond[i], "", "\nbert\n");
        expect_only_problem(2, 0, "the value of column \"name\" is larger than 64 KiB");
        read_value_of(beyond[i], "", "");
        expect_only_problem(2, 0, "the value of column \"name\" is larger than 64 KiB");
        read_value_of(beyond[i], "\"", "\",x,y\nbert\n");
        expect_only_problem(2, 0, "the value of column \"name\" is larger than 64 KiB");
        read_value_of(beyond[i], "\"", "");
        expect_only_problem(2, 0, "the value of column \"name\" is larger than 64 KiB");
        expect_hint("is a closing double quote missing?");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        reading_test(an_empty_file_is_refused),
        reading_test(a_file_of_empty_lines_is_refused),
        reading_test(a_missing_key_column_is_refused_and_the_columns_are_listed),
        reading_test(a_column_name_in_other_case_is_suggested),
        reading_test(a_misspelt_column_name_is_suggested),
        reading_test(white_space_around_a_column_name_is_pointed_out),
        reading_test(a_long_list_of_columns_is_cut_at_a_name),
        reading_test(a_key_too_long_to_compare_gets_the_list_alone),
        reading_test(a_wrong_delimiter_is_pointed_out_once),
        reading_test(every_missing_column_is_named_with_its_use),
        reading_test(a_column_that_stands_twice_is_refused),
        reading_test(a_column_without_a_name_is_refused),
        reading_test(more_columns_than_can_be_kept_are_refused),
        reading_test(names_cannot_upset_a_terminal),
        reading_test(a_row_with_too_few_or_too_many_fields_is_refused),
        reading_test(a_header_in_the_middle_is_refused),
        reading_test(rows_after_a_fault_are_still_shown),
        reading_test(an_empty_key_is_refused),
        reading_test(a_control_character_in_a_key_is_refused),
        reading_test(a_key_longer_than_the_ledger_takes_is_refused),
        reading_test(a_nul_byte_is_refused_on_its_line),
        reading_test(text_that_is_not_utf8_is_refused_on_its_line),
        reading_test(utf16_is_named_as_such),
        reading_test(no_fault_hides_behind_another),
        reading_test(faults_beyond_what_is_kept_are_counted),
        reading_test(a_quote_inside_a_bare_value_is_refused_with_its_column),
        reading_test(text_after_a_closing_quote_is_refused_with_its_column),
        reading_test(a_quote_that_ends_in_the_wrong_line_names_where_it_began),
        reading_test(an_unterminated_quote_names_the_line_where_it_opened),
        reading_test(faults_before_a_bad_quote_are_kept),
        reading_test(a_lone_carriage_return_is_refused),
        reading_test(a_value_over_64_kib_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
