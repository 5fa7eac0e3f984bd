#include "core/problems.h"

#include "core/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* For people, on a terminal: files are quoted in messages, and may hold anything. malloc'd. */
static char *as_line(const char *text)
{
    const size_t size = strlen(text) + 1; /* it does not become longer */
    char *line = malloc(size);

    if (line != NULL)
        text_print(text, line, size);
    return line;
}

bool problems_init(struct problems *problems, const char *file, struct error *error)
{
    *problems = (struct problems){.file = as_line(file)};
    return problems->file != NULL ? true : error_no_memory(error);
}

void problems_clear(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->list[i].message);
        free(problems->list[i].hint);
    }
    free(problems->list);
    free(problems->file);
    *problems = (struct problems){0};
}

static struct problem *next_slot(struct problems *problems)
{
    if (problems->count == problems->capacity) {
        const size_t capacity = problems->capacity == 0 ? 8 : problems->capacity * 2;
        struct problem *list = realloc(problems->list, capacity * sizeof *list);
        if (list == NULL)
            return NULL;
        problems->list = list;
        problems->capacity = capacity;
    }
    return &problems->list[problems->count];
}

void problems_add(struct problems *problems, uint64_t line, uint64_t column, const char *hint, const char *format, ...)
{
    char message[1024];
    va_list arguments;

    problems->total++;
    if (problems->count == PROBLEMS_KEPT)
        return;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);

    char *shown = as_line(message);
    struct problem *slot = shown != NULL ? next_slot(problems) : NULL;
    if (slot == NULL) {
        free(shown);
        problems->no_memory = true;
        return;
    }
    *slot = (struct problem){.line = line, .column = column, .message = shown};
    if (hint != NULL && hint[0] != '\0')
        slot->hint = as_line(hint);
    problems->count++;
}

static int by_place(const void *left, const void *right)
{
    const struct problem *a = left;
    const struct problem *b = right;

    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return (a->column > b->column) - (a->column < b->column);
}

void problems_sort(struct problems *problems)
{
    if (problems->count > 1)
        qsort(problems->list, problems->count, sizeof *problems->list, by_place);
}

const char *problem_place(const struct problems *problems, const struct problem *problem,
                          char place[PROBLEM_PLACE_SIZE])
{
    if (problem->column > 0)
        snprintf(place, PROBLEM_PLACE_SIZE, "%s:%" PRIu64 ":%" PRIu64, problems->file, problem->line, problem->column);
    else if (problem->line > 0)
        snprintf(place, PROBLEM_PLACE_SIZE, "%s:%" PRIu64, problems->file, problem->line);
    else
        snprintf(place, PROBLEM_PLACE_SIZE, "%s", problems->file);
    return place;
}

void problems_print(struct problems *problems, FILE *stream)
{
    char place[PROBLEM_PLACE_SIZE];

    problems_sort(problems);
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->list[i];
        fprintf(stream, "%s: %s\n", problem_place(problems, problem, place), problem->message);
        if (problem->hint != NULL)
            fprintf(stream, "  hint: %s\n", problem->hint);
    }
    if (problems->total > problems->count)
        fprintf(stream, "%s: and %" PRIu64 " more of these\n", problems->file,
                problems->total - (uint64_t)problems->count);
}
