#include "output/failures.h"

#include "core/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_CAP = 80 * 1024 * 1024 };

static const char *const error_columns[] = {
    FAILURES_CATEGORY_COLUMN, "error_action",     "error_code",     "error_message",
    "error_request_id",       "error_first_code", "error_attempts",
};

enum { ERROR_COLUMNS = sizeof error_columns / sizeof *error_columns };

struct failures {
    struct atomic_file *file;
    struct csv_style style;
    struct buffer line;
    size_t columns;              /* of the roster, without error columns */
    size_t key_column;           /* its place among them */
    enum buffer_failure failure; /* of the first line that could not be made */
};

static bool is_error_column(const struct roster_field *name)
{
    for (size_t i = 0; i < ERROR_COLUMNS; i++)
        if (strlen(error_columns[i]) == name->length && memcmp(error_columns[i], name->bytes, name->length) == 0)
            return true;
    return false;
}

void failures_encode_row(struct buffer *line, const struct csv_style *style, const struct roster_header *header,
                         const struct roster_field *fields, size_t secret)
{
    bool first = true;

    for (size_t i = 0; i < header->count; i++) {
        if (is_error_column(&header->fields[i]))
            continue;
        csv_append(line, style, first, fields[i].bytes, i == secret ? 0 : fields[i].length);
        first = false;
    }
}

static void write_line(struct failures *failures)
{
    csv_end_line(&failures->line);
    if (buffer_failed(&failures->line) && failures->failure == BUFFER_OK)
        failures->failure = failures->line.failure;
    atomic_file_write(failures->file, failures->line.data, failures->line.length);
}

struct failures *failures_open(const char *path, const struct csv_style *style, const struct roster_header *header,
                               struct error *error)
{
    struct failures *failures = calloc(1, sizeof *failures);

    if (failures == NULL) {
        error_no_memory(error);
        return NULL;
    }
    failures->style = *style;
    buffer_init(&failures->line, LINE_CAP);
    /* Rows hold what the roster holds, which may be personal: for the operator alone. */
    failures->file = atomic_file_open(path, 0600, error);
    if (failures->file == NULL) {
        free(failures);
        return NULL;
    }
    for (size_t i = 0; i < header->count; i++) {
        if (is_error_column(&header->fields[i]))
            continue;
        if (i == header->key_column)
            failures->key_column = failures->columns;
        failures->columns++;
    }
    failures_encode_row(&failures->line, style, header, header->fields, SIZE_MAX);
    for (size_t i = 0; i < ERROR_COLUMNS; i++)
        csv_append_text(&failures->line, style, false, error_columns[i]);
    write_line(failures);
    return failures;
}

void failures_add(struct failures *failures, const struct failure *failure)
{
    struct buffer *line = &failures->line;
    const bool has_one_cause = strcmp(failure->first_code, failure->code) == 0;
    char attempts[16];

    buffer_reset(line);
    if (failure->row != NULL)
        buffer_append(line, failure->row, failure->row_length);
    else
        for (size_t i = 0; i < failures->columns; i++)
            csv_append_text(line, &failures->style, i == 0, i == failures->key_column ? failure->key : "");
    snprintf(attempts, sizeof attempts, "%u", (unsigned)failure->attempts);
    const char *const values[ERROR_COLUMNS] = {
        failure->category, failure->action,     failure->code,
        failure->message,  failure->request_id, has_one_cause ? "" : failure->first_code,
        attempts};
    for (size_t i = 0; i < ERROR_COLUMNS; i++)
        csv_append_text(line, &failures->style, false, values[i]);
    write_line(failures);
}

bool failures_commit(struct failures *failures, struct error *error)
{
    bool ok = failures->failure == BUFFER_OK;

    if (ok) {
        ok = atomic_file_commit(failures->file, error);
    } else {
        failures->line.failure = failures->failure;
        buffer_error(&failures->line, "a line of the failures file", error);
        atomic_file_discard(failures->file);
    }
    buffer_clear(&failures->line);
    free(failures);
    return ok;
}

void failures_discard(struct failures *failures)
{
    if (failures == NULL)
        return;
    atomic_file_discard(failures->file);
    buffer_clear(&failures->line);
    free(failures);
}
