/* problems.h - every fault of one input file, found in one pass, each with its place and its fix. */
#ifndef ROLLCALL_CORE_PROBLEMS_H
#define ROLLCALL_CORE_PROBLEMS_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct problem {
    uint64_t line;   /* 1-based; 0: about the file as a whole */
    uint64_t column; /* 1-based, in characters; 0: about the line as a whole */
    char *message;
    char *hint; /* NULL where there is none */
};

struct problems {
    char *file; /* as the user wrote it; owned */
    struct problem *list;
    size_t count;    /* kept in list */
    size_t capacity; /* of list */
    uint64_t total;  /* found; the first PROBLEMS_KEPT of them are kept */
    bool no_memory;
};

enum { PROBLEMS_KEPT = 100 };

bool problems_init(struct problems *problems, const char *file, struct error *error);
void problems_clear(struct problems *problems);
/* hint may be NULL or "". */
void problems_add(struct problems *problems, uint64_t line, uint64_t column, const char *hint, const char *format, ...)
    PRINTF_LIKE(5, 6);
/* In the order of their place. */
void problems_sort(struct problems *problems);
/* "file:line:column", as far as that is known. Returns `place`. */
enum { PROBLEM_PLACE_SIZE = 4096 + 64 };
const char *problem_place(const struct problems *problems, const struct problem *problem,
                          char place[PROBLEM_PLACE_SIZE]);
/* "file:line:column: message" and "hint: ..." lines in the order of their place, then how many more there are. */
void problems_print(struct problems *problems, FILE *stream);

#endif
