/* roster_reading.h - for tests of roster_read(): gives it a text as a file, and writes down what it makes of it. */
#ifndef ROLLCALL_TESTS_ROSTER_READING_H
#define ROLLCALL_TESTS_ROSTER_READING_H

#include "core/buffer.h"
#include "core/file.h"
#include "roster/roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct reading {
    struct roster_options options;
    bool (*on_row)(const struct roster_row *row, struct error *error); /* NULL, or called after the row is noted */
    struct problems problems;
    struct roster_summary summary;
    struct error error;
    bool ok;
    struct buffer header; /* "<key column>:<name>|<name>" */
    struct buffer rows;   /* "<index> <line> <key>:<field>|<field>\n" for each row, then its watch text */
    size_t columns;
};

static struct reading reading;

/* Before each test: a comma-separated roster named users.csv whose key is the column "id". */
static inline int begin(void **state)
{
    (void)state;
    reading = (struct reading){.options = {.name = "users.csv", .fd = -1, .delimiter = ',', .key = "id"}};
    buffer_init(&reading.header, SIZE_MAX / 2);
    buffer_init(&reading.rows, SIZE_MAX / 2);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    if (reading.options.fd >= 0)
        close(reading.options.fd);
    problems_clear(&reading.problems);
    buffer_clear(&reading.header);
    buffer_clear(&reading.rows);
    return 0;
}

static inline void note_fields(struct buffer *buffer, const struct roster_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(fields[i].bytes[fields[i].length], '\0');
        assert_int_equal(strlen(fields[i].bytes), fields[i].length);
        if (i > 0)
            buffer_append_char(buffer, '|');
        buffer_append(buffer, fields[i].bytes, fields[i].length);
    }
}

static inline bool note_header(void *context, const struct roster_header *header, struct error *error)
{
    (void)context;
    (void)error;
    reading.columns = header->count;
    buffer_append_format(&reading.header, "%zu:", header->key_column);
    note_fields(&reading.header, header->fields, header->count);
    return true;
}

static inline bool note_row(void *context, const struct roster_row *row, struct error *error)
{
    (void)context;
    assert_int_equal(strlen(row->watch), row->watch_length);
    buffer_append_format(&reading.rows, "%" PRIu64 " %" PRIu64 " %s:", row->index, row->line, row->key.bytes);
    note_fields(&reading.rows, row->fields, reading.columns);
    if (row->watch_length > 0)
        buffer_append_format(&reading.rows, " %s", row->watch);
    buffer_append_text(&reading.rows, row->selected ? "\n" : " (not selected)\n");
    return reading.on_row == NULL || reading.on_row(row, error);
}

static inline int file_with(const void *bytes, size_t length)
{
    const int fd = memfd_create("roster", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_true(file_write_all(fd, bytes, length));
    return fd;
}

static inline void read_again(void)
{
    const struct roster_visitor visitor = {.header = note_header, .row = note_row};

    problems_clear(&reading.problems);
    buffer_reset(&reading.header);
    buffer_reset(&reading.rows);
    reading.error = (struct error){.code = ERROR_NONE};
    assert_true(problems_init(&reading.problems, "users.csv", &reading.error));
    reading.ok = roster_read(&reading.options, &visitor, &reading.problems, &reading.summary, &reading.error);
    assert_int_equal(reading.ok, reading.error.code == ERROR_NONE);
}

static inline void read_bytes(const void *bytes, size_t length)
{
    if (reading.options.fd >= 0)
        close(reading.options.fd);
    reading.options.fd = file_with(bytes, length);
    read_again();
}

/* A string literal, which may hold NULs. */
#define read_text(text) read_bytes(text, sizeof(text) - 1)

static inline void expect_rows(const char *rows)
{
    if (!reading.ok) {
        problems_print(&reading.problems, stderr);
        fail_msg("refused: %s", reading.error.message);
    }
    assert_int_equal(reading.problems.total, 0);
    assert_string_equal(reading.rows.data, rows);
}

static inline void expect_problem(size_t index, uint64_t line, uint64_t column, const char *message)
{
    assert_false(reading.ok);
    assert_int_equal(reading.error.code, ERROR_INPUT);
    assert_true(index < reading.problems.count);
    assert_string_equal(reading.problems.list[index].message, message);
    assert_int_equal(reading.problems.list[index].line, line);
    assert_int_equal(reading.problems.list[index].column, column);
}

static inline void expect_only_problem(uint64_t line, uint64_t column, const char *message)
{
    if (reading.problems.total != 1)
        problems_print(&reading.problems, stderr);
    assert_int_equal(reading.problems.total, 1);
    expect_problem(0, line, column, message);
}

static inline void expect_hint(const char *part)
{
    assert_true(reading.problems.count > 0);
    assert_non_null(reading.problems.list[0].hint);
    if (strstr(reading.problems.list[0].hint, part) == NULL)
        fail_msg("the hint is: %s", reading.problems.list[0].hint);
}

#define reading_test(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
