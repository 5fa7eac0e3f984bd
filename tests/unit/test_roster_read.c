#include "roster_reading.h"

#include <csv.h>
#include <fcntl.h>

static void rows_come_in_file_order_with_their_lines(void **state)
{
    (void)state;
    read_text("id,name\nanna,Anna\nbert,Bert\n");
    expect_rows("0 2 anna:anna|Anna\n1 3 bert:bert|Bert\n");
    assert_string_equal(reading.header.data, "0:id|name");
}

static void the_key_may_be_any_column(void **state)
{
    (void)state;
    read_text("name,id\nAnna,a1\n");
    expect_rows("0 2 a1:Anna|a1\n");
    assert_string_equal(reading.header.data, "1:name|id");
}

static void the_last_line_needs_no_line_feed(void **state)
{
    (void)state;
    read_text("id,name\nanna,Anna\nbert,Bert");
    expect_rows("0 2 anna:anna|Anna\n1 3 bert:bert|Bert\n");
    read_text("id,name\nanna,\"Anna\"");
    expect_rows("0 2 anna:anna|Anna\n");
    read_text("id,name\nanna,");
    expect_rows("0 2 anna:anna|\n");
    read_text("id");
    expect_rows("");
    assert_string_equal(reading.header.data, "0:id");
}

static void quotes_hold_delimiters_and_doubled_quotes(void **state)
{
    (void)state;
    read_text("id,name\n\"a,1\",\"the \"\"big\"\" one\"\n\"\"\"\",\"\"\n");
    expect_rows("0 2 a,1:a,1|the \"big\" one\n1 3 \":\"|\n");
}

static void line_breaks_in_quotes_belong_to_the_value_and_count_as_lines(void **state)
{
    (void)state;
    read_text("id,\"first\nsecond\"\nanna,\"1\n2\r\n3\"\nbert,\"\n\"\ncarl,x\n");
    expect_rows("0 3 anna:anna|1\n2\r\n3\n1 6 bert:bert|\n\n2 8 carl:carl|x\n");
    assert_string_equal(reading.header.data, "0:id|first\nsecond");
}

static void a_lone_carriage_return_in_quotes_belongs_to_the_value(void **state)
{
    (void)state;
    read_text("id,name\r\nanna,\"1\r2\"\r\nbert,\"\r\"\r\n");
    expect_rows("0 2 anna:anna|1\r2\n1 3 bert:bert|\r\n");
}

static void lines_may_end_with_crlf(void **state)
{
    (void)state;
    read_text("id,name\r\nanna,Anna\r\nbert,\r\ncarl,\"C\"\r\n");
    expect_rows("0 2 anna:anna|Anna\n1 3 bert:bert|\n2 4 carl:carl|C\n");
}

static void empty_lines_are_skipped_and_counted(void **state)
{
    (void)state;
    read_text("\n\r\nid,name\n\nanna,Anna\n\r\n\n\nbert,Bert\n\n");
    expect_rows("0 5 anna:anna|Anna\n1 9 bert:bert|Bert\n");
}

static void a_byte_order_mark_is_skipped(void **state)
{
    (void)state;
    read_text("\xEF\xBB\xBFid,name\nanna,Anna\n");
    expect_rows("0 2 anna:anna|Anna\n");
    read_text("\xEF\xBB\xBF\"id\",name\nanna,Anna\n");
    expect_rows("0 2 anna:anna|Anna\n");
}

static void white_space_is_part_of_a_value(void **state)
{
    (void)state;
    read_text("id, name \n anna ,\tAnna B.\t\n  , \n");
    expect_rows("0 2  anna : anna |\tAnna B.\t\n1 3   :  | \n");
    read_text("id,name\nanna,\" Anna \"\nbert,x");
    expect_rows("0 2 anna:anna| Anna \n1 3 bert:bert|x\n");
    read_text("id,name\nanna,Anna ");
    expect_rows("0 2 anna:anna|Anna \n");
}

static void the_delimiter_may_be_a_semicolon_a_tab_or_a_bar(void **state)
{
    (void)state;
    reading.options.delimiter = ';';
    read_text("id;name\nanna;\"a;b\"\nb,c;Bert, B.\n");
    expect_rows("0 2 anna:anna|a;b\n1 3 b,c:b,c|Bert, B.\n");
    reading.options.delimiter = '\t';
    read_text("id\tname\nanna\t\nbert\t B \n");
    expect_rows("0 2 anna:anna|\n1 3 bert:bert| B \n");
    reading.options.delimiter = '|';
    read_text("id|name\nanna|A\n");
    expect_rows("0 2 anna:anna|A\n");
    reading.options.delimiter = ' ';
    read_text("id name\nanna \nbert \tB\t\n");
    expect_rows("0 2 anna:anna|\n1 3 bert:bert|\tB\t\n");
}

static void a_delimiter_that_csv_needs_itself_is_refused(void **state)
{
    (void)state;
    const char wrong[] = {'"', '\n', '\r', '\0', (char)0xC3};

    for (size_t i = 0; i < sizeof wrong; i++) {
        reading.options.delimiter = wrong[i];
        read_text("id,name\nanna,A\n");
        assert_int_equal(reading.error.code, ERROR_INPUT);
    }
}

static void text_beyond_ascii_is_passed_on(void **state)
{
    (void)state;
    read_text("id,größe\nänne,日本\n\xF0\x9F\x99\x82,x\n");
    expect_rows("0 2 änne:änne|日本\n1 3 \xF0\x9F\x99\x82:\xF0\x9F\x99\x82|x\n");
}

static void a_file_without_rows_is_the_callers_to_judge(void **state)
{
    (void)state;
    read_text("id,name\n");
    expect_rows("");
    assert_int_equal(reading.summary.rows, 0);
    assert_string_equal(reading.header.data, "0:id|name");
}

static void the_summary_counts_rows_and_bytes(void **state)
{
    (void)state;
    read_text("\xEF\xBB\xBFid\n\nanna\nbert\n");
    expect_rows("0 3 anna:anna\n1 4 bert:bert\n");
    assert_int_equal(reading.summary.rows, 2);
    assert_int_equal(reading.summary.selected, 2);
    assert_int_equal(reading.summary.bytes, 17);
}

static void the_digest_tells_one_content_from_another(void **state)
{
    (void)state;
    unsigned char first[16];

    read_text("id\nanna\n");
    memcpy(first, reading.summary.digest, sizeof first);
    read_again();
    assert_memory_equal(reading.summary.digest, first, sizeof first);
    read_text("id\r\nanna\n");
    assert_memory_not_equal(reading.summary.digest, first, sizeof first);
}

static void a_roster_is_read_from_its_start_and_its_position_stays(void **state)
{
    (void)state;
    read_text("id\nanna\n");
    assert_int_equal(lseek(reading.options.fd, 5, SEEK_SET), 5);
    read_again();
    expect_rows("0 2 anna:anna\n");
    assert_int_equal(lseek(reading.options.fd, 0, SEEK_CUR), 5);
}

static void a_pipe_can_be_read_once(void **state)
{
    (void)state;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_true(file_write_all(ends[1], "id\nanna\n", 8));
    close(ends[1]);
    reading.options.fd = ends[0];
    read_again();
    expect_rows("0 2 anna:anna\n");
}

static bool stop_at_bert(const struct roster_row *row, struct error *error)
{
    if (strcmp(row->key.bytes, "bert") != 0)
        return true;
    error_set(error, ERROR_LIMIT, "enough");
    return error_hint(error, "no more");
}

static void a_visitor_that_stops_has_the_last_word(void **state)
{
    (void)state;
    reading.on_row = stop_at_bert;
    read_text("id\nanna\nbert\ncarl\n");
    assert_false(reading.ok);
    assert_int_equal(reading.error.code, ERROR_LIMIT);
    assert_string_equal(reading.error.message, "enough");
    assert_string_equal(reading.error.hint, "no more");
    assert_string_equal(reading.rows.data, "0 2 anna:anna\n1 3 bert:bert\n");
    read_text("id\nbert");
    assert_int_equal(reading.error.code, ERROR_LIMIT);
    assert_string_equal(reading.error.message, "enough");
}

static bool refuse_header(void *context, const struct roster_header *header, struct error *error)
{
    (void)context;
    (void)header;
    return error_set(error, ERROR_BUSY, "not now");
}

static void a_visitor_may_stop_at_the_header(void **state)
{
    (void)state;
    const struct roster_visitor visitor = {.header = refuse_header, .row = note_row};

    reading.options.fd = file_with("id\nanna\n", 8);
    assert_true(problems_init(&reading.problems, "users.csv", &reading.error));
    assert_false(roster_read(&reading.options, &visitor, &reading.problems, &reading.summary, &reading.error));
    assert_int_equal(reading.error.code, ERROR_BUSY);
    assert_string_equal(reading.error.message, "not now");
    assert_string_equal(reading.rows.data, "");
}

static void a_visitor_needs_no_header_function(void **state)
{
    (void)state;
    const struct roster_visitor visitor = {.row = note_row};

    reading.columns = 1;
    reading.options.fd = file_with("id\nanna\n", 8);
    assert_true(problems_init(&reading.problems, "users.csv", &reading.error));
    assert_true(roster_read(&reading.options, &visitor, &reading.problems, &reading.summary, &reading.error));
    assert_string_equal(reading.rows.data, "0 2 anna:anna\n");
}

static bool append_to_file(const struct roster_row *row, struct error *error)
{
    (void)error;
    if (row->index == 0)
        assert_true(file_write_all(reading.options.fd, "more\n", 5));
    return true;
}

static void a_file_that_grows_while_it_is_read_is_refused(void **state)
{
    (void)state;
    reading.on_row = append_to_file;
    read_text("id\nanna\nbert\n");
    assert_int_equal(reading.error.code, ERROR_INPUT);
    assert_string_equal(reading.error.message, "users.csv changed while it was read (13 bytes before, 18 now)");
    assert_non_null(strstr(reading.error.hint, "rename"));
}

static bool overwrite_file(const struct roster_row *row, struct error *error)
{
    (void)error;
    if (row->index == 0) {
        usleep(20000); /* the clock of the file system is coarse */
        assert_int_equal(pwrite(reading.options.fd, "B", 1, 8), 1);
    }
    return true;
}

static void a_file_rewritten_in_its_old_size_is_refused(void **state)
{
    (void)state;
    reading.on_row = overwrite_file;
    read_text("id\nanna\nbert\n");
    assert_int_equal(reading.error.code, ERROR_INPUT);
    assert_non_null(strstr(reading.error.message, "users.csv changed while it was read"));
}

static bool truncate_file(const struct roster_row *row, struct error *error)
{
    (void)error;
    if (row->index == 0)
        assert_int_equal(ftruncate(reading.options.fd, 3), 0);
    return true;
}

static void a_file_cut_off_while_it_is_read_is_refused(void **state)
{
    (void)state;
    reading.on_row = truncate_file;
    read_text("id\nanna\nbert\n");
    assert_non_null(strstr(reading.error.message, "users.csv changed while it was read (13 bytes before, 3 now)"));
}

static void a_descriptor_that_cannot_be_read_is_an_error_of_the_system(void **state)
{
    (void)state;
    reading.options.fd = -1;
    read_again();
    assert_int_equal(reading.error.code, ERROR_SYSTEM);
    reading.options.fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    read_again();
    assert_int_equal(reading.error.code, ERROR_SYSTEM);
    assert_non_null(strstr(reading.error.message, "cannot read users.csv"));
}

/* ---- Chunks: what holds in a short file must hold where the reader cuts a long one ------------------------------- */

enum { LONG_FILE = 3 * 128 * 1024 };

/* Rows with quotes, line breaks, CRLF and two-byte characters, of lengths that put the cuts anywhere. */
static void rows_are_the_same_wherever_a_chunk_ends(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 40; shift++) {
        struct buffer file;
        struct buffer rows;
        uint64_t line = 2;
        buffer_init(&file, SIZE_MAX / 2);
        buffer_init(&rows, SIZE_MAX / 2);
        buffer_append_text(&file, "id,text,more\n");
        for (uint64_t i = 0; file.length < LONG_FILE; i++) {
            const int width = i == 0 ? (int)shift + 1 : 7;
            buffer_append_format(&file, "%0*" PRIu64 ", éé,\"a\r\nb \"\"é\"\"\"\r\n", width, i);
            buffer_append_format(&rows, "%" PRIu64 " %" PRIu64 " %0*" PRIu64 ":%0*" PRIu64 "| éé|a\r\nb \"é\"\n", i,
                                 line, width, i, width, i);
            line += 2;
        }
        read_bytes(file.data, file.length);
        expect_rows(rows.data);
        assert_int_equal(reading.summary.bytes, file.length);
        buffer_clear(&file);
        buffer_clear(&rows);
    }
}

static void a_row_may_be_longer_than_a_chunk(void **state)
{
    (void)state;
    struct buffer file;
    struct buffer row;

    buffer_init(&file, SIZE_MAX / 2);
    buffer_init(&row, SIZE_MAX / 2);
    buffer_append_text(&file, "id,a,b,c,d,e,f,g,h\r\nanna");
    buffer_append_text(&row, "0 2 anna:anna");
    for (char column = 'a'; column <= 'h'; column++) {
        buffer_append_text(&file, ",");
        buffer_append_text(&row, "|");
        for (int i = 0; i < ROSTER_FIELD_MAX / 8; i++) {
            buffer_append_text(&file, "xä y\tz ");
            buffer_append_text(&row, "xä y\tz ");
        }
    }
    buffer_append_text(&file, "\r\nbert,,,,,,,,\r\n");
    buffer_append_text(&row, "\n1 3 bert:bert||||||||\n");
    assert_true(file.length > LONG_FILE);
    read_bytes(file.data, file.length);
    expect_rows(row.data);
    buffer_clear(&file);
    buffer_clear(&row);
}

static void crlf_may_be_cut_between_its_two_bytes(void **state)
{
    (void)state;
    enum { CHUNK = 128 * 1024, FIELD = 60000 };
    char *file = malloc(CHUNK + 100);
    size_t length = 0;

    assert_non_null(file);
    length += (size_t)sprintf(file, "id,b,c\n");
    for (int shift = -2; shift <= 12; shift++) { /* the line ends about where a chunk that begins with it ends */
        size_t at = length;
        at += (size_t)sprintf(file + at, "anna,");
        memset(file + at, 'x', FIELD);
        at += FIELD;
        file[at++] = ',';
        memset(file + at, 'y', ROSTER_FIELD_MAX);
        at += ROSTER_FIELD_MAX;
        file[at++] = ',';
        while (at < (size_t)(CHUNK + shift)) /* a fourth field: the row is refused, the next one must be whole */
            file[at++] = 'z';
        at += (size_t)sprintf(file + at, "\r\nbert,,\r\n");
        read_bytes(file, at);
        expect_only_problem(2, 0, "4 fields where the header has 3");
        assert_string_equal(reading.rows.data, "1 3 bert:bert||\n");
    }
    free(file);
}

/* Found by fuzzing: a character of several bytes that a chunk cut counted as several, and what stood before a carriage
 * return in a line longer than a chunk counted twice. */
static void a_fault_has_its_place_wherever_a_chunk_ends(void **state)
{
    (void)state;
    for (size_t chunk_size = 4; chunk_size < 40; chunk_size++) {
        reading.options.chunk_size = chunk_size;
        read_text("id,text\nanna,a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 5\" pipe\n");
        expect_only_problem(2, 12, "a double quote inside a value that does not begin with one");
        read_text("id,text\nanna,\"a\rb\r\" c\n");
        expect_only_problem(2, 12, "text after the closing double quote");
        read_text("id,text\nanna,\"a\r\n\xE6\x97\xA5\r\nb\" c\nbert,d\n");
        expect_only_problem(4, 3, "text after the closing double quote of a value that begins in line 2");
    }
}

/* ---- Against a plain model -------------------------------------------------------------------------------------- */

/* Random tables, written with csv_write() of libcsv or bare, must come back as they were. */
static void random_tables_come_back_as_they_were(void **state)
{
    (void)state;
    const char *const pieces[] = {"a", "é", "\"", ",", "\n", "\r\n", "\r", " ", "\t", "", "日", "x y", ";"};
    const char *given = getenv("TEST_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)getpid();

    print_message("TEST_SEED=%u\n", seed);
    for (int round = 0; round < 300; round++) {
        struct buffer file;
        struct buffer rows;
        uint64_t line = 2;
        buffer_init(&file, SIZE_MAX / 2);
        buffer_init(&rows, SIZE_MAX / 2);
        buffer_append_text(&file, "id,a,b\n");
        for (int row = 0; row < 20; row++) {
            const uint64_t row_line = line;
            buffer_append_format(&file, "k%d", row);
            buffer_append_format(&rows, "%d %" PRIu64 " k%d:k%d", row, row_line, row, row);
            for (int column = 0; column < 2; column++) {
                char value[64] = "";
                char written[140];
                for (int i = (int)(rand_r(&seed) % 5); i > 0; i--)
                    strcat(value, pieces[(size_t)rand_r(&seed) % (sizeof pieces / sizeof *pieces)]);
                for (const char *at = value; *at != '\0'; at++)
                    line += *at == '\n';
                const bool bare = strpbrk(value, "\",\r\n") == NULL && rand_r(&seed) % 2 == 0;
                const size_t length = csv_write(written, sizeof written, value, strlen(value));
                buffer_append_char(&file, ',');
                buffer_append(&file, bare ? value : written, bare ? strlen(value) : length);
                buffer_append_format(&rows, "|%s", value);
            }
            buffer_append_text(&file, rand_r(&seed) % 2 == 0 ? "\n" : "\r\n");
            buffer_append_char(&rows, '\n');
            line++;
        }
        read_bytes(file.data, file.length);
        expect_rows(rows.data);
        buffer_clear(&file);
        buffer_clear(&rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        reading_test(rows_come_in_file_order_with_their_lines),
        reading_test(the_key_may_be_any_column),
        reading_test(the_last_line_needs_no_line_feed),
        reading_test(quotes_hold_delimiters_and_doubled_quotes),
        reading_test(line_breaks_in_quotes_belong_to_the_value_and_count_as_lines),
        reading_test(a_lone_carriage_return_in_quotes_belongs_to_the_value),
        reading_test(lines_may_end_with_crlf),
        reading_test(empty_lines_are_skipped_and_counted),
        reading_test(a_byte_order_mark_is_skipped),
        reading_test(white_space_is_part_of_a_value),
        reading_test(the_delimiter_may_be_a_semicolon_a_tab_or_a_bar),
        reading_test(a_delimiter_that_csv_needs_itself_is_refused),
        reading_test(text_beyond_ascii_is_passed_on),
        reading_test(a_file_without_rows_is_the_callers_to_judge),
        reading_test(the_summary_counts_rows_and_bytes),
        reading_test(the_digest_tells_one_content_from_another),
        reading_test(a_roster_is_read_from_its_start_and_its_position_stays),
        reading_test(a_pipe_can_be_read_once),
        reading_test(a_visitor_that_stops_has_the_last_word),
        reading_test(a_visitor_may_stop_at_the_header),
        reading_test(a_visitor_needs_no_header_function),
        reading_test(a_file_that_grows_while_it_is_read_is_refused),
        reading_test(a_file_rewritten_in_its_old_size_is_refused),
        reading_test(a_file_cut_off_while_it_is_read_is_refused),
        reading_test(a_descriptor_that_cannot_be_read_is_an_error_of_the_system),
        reading_test(rows_are_the_same_wherever_a_chunk_ends),
        reading_test(a_row_may_be_longer_than_a_chunk),
        reading_test(a_fault_has_its_place_wherever_a_chunk_ends),
        reading_test(crlf_may_be_cut_between_its_two_bytes),
        reading_test(random_tables_come_back_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
