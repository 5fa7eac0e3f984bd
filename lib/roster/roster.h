/* roster.h - reading the CSV list of users, row by row, in bounded memory.
 *
 * RFC 4180: quoted fields, doubled quotes, line breaks inside quotes, LF or CRLF; a UTF-8 byte order mark is skipped.
 * White space is part of a field.  Empty lines are skipped (and counted as lines).  The header row is required, its
 * names unlike and not empty; a row that is the same is a fault.  A roster with a fault is refused as a whole: the
 * reader goes on after a fault only to find the others, and the caller sends nothing.  After a misplaced or
 * unterminated quote, a field that is too long or a carriage return without a line feed it stops: what follows would be
 * a guess.
 */
#ifndef ROLLCALL_ROSTER_ROSTER_H
#define ROLLCALL_ROSTER_ROSTER_H

#include "core/buffer.h"
#include "core/error.h"
#include "core/problems.h"

#include <stddef.h>
#include <stdint.h>

enum {
    ROSTER_FIELD_MAX = 64 * 1024, /* bytes in one field */
    ROSTER_COLUMNS_MAX = 1024,
    ROSTER_WATCH_MAX = 16 * 1024 * 1024, /* bytes in a watch text, with the columns of all jobs */
    ROSTER_KEY_MAX = 1024, /* bytes in a key; it holds no control characters (below 0x20, 0x7F) and is not trimmed */
};

struct roster_filter { /* selects rows whose `column` is equal to one of `values`; all filters must agree */
    const char *column;
    const char *const *values;
    size_t value_count;
};

struct roster_column { /* one more column that the header must have */
    const char *role;  /* for messages: "the column of the resource" */
    const char *name;
};

enum { ROSTER_EXTRAS_MAX = 3 };

struct roster_options {
    const char *name; /* as the user wrote it, for messages ("standard input" for "-") */
    int fd;           /* read from its start (offset 0) when seekable; stays the caller's */
    char delimiter;
    const char *key; /* column name */
    const char *const *watch;
    size_t watch_count;
    bool watch_may_be_missing; /* a watched column that the header lacks: a value of its own instead of a fault */
    const struct roster_filter *filters;
    size_t filter_count;
    size_t chunk_size; /* bytes read and looked at in one go, 4 or more; 0: what is fast */
    struct roster_column extras[ROSTER_EXTRAS_MAX];
    size_t extra_count;
};

struct roster_field {
    const char *bytes; /* terminated by NUL, which is not counted; never holds another NUL */
    size_t length;
};

/* All of it is borrowed until the visitor returns. */
struct roster_row {
    uint64_t index; /* 0 for the first row after the header, counting rows that the filters leave out too */
    uint64_t line;  /* 1-based line on which the row starts */
    bool selected;  /* by the filters; a user outside of them is in the roster all the same */
    struct roster_field key;
    const struct roster_field *fields; /* header->count of them */
    const struct roster_field *extras; /* of the columns in options.extras, by their index */
    /* The watched columns as the ledger stores them: "name=<state>" joined by ';' in the spec's order, where state is
     * 16 hex digits (XXH3 64 of the value), "blank" or "missing", and % ; = in names are written %25 %3B %3D.
     * "" when nothing is watched. */
    const char *watch;
    size_t watch_length;
};

struct roster_header {
    const struct roster_field *fields;
    size_t count;
    size_t key_column;
};

struct roster_visitor {
    /* Called once, before the first row; may be NULL. */
    bool (*header)(void *context, const struct roster_header *header, struct error *error);
    /* Called for each row without a fault, in file order. False stops the reading; error is then filled. */
    bool (*row)(void *context, const struct roster_row *row, struct error *error);
    void *context;
};

struct roster_summary {
    uint64_t rows;     /* in the file, without the header */
    uint64_t selected; /* by the filters; equal to rows without any */
    uint64_t bytes;
    unsigned char digest[16]; /* XXH3 128 of the bytes read: did the file change between two readings? */
};

/* Reads the roster once. False with ERROR_INPUT when `problems` (initialised by the caller) got any, when the file
 * changed while it was read (size, time of change, or inode), or when a visitor stopped it. A file without rows is
 * no fault here: the caller judges summary->rows. */
bool roster_read(const struct roster_options *options, const struct roster_visitor *visitor, struct problems *problems,
                 struct roster_summary *summary, struct error *error);

/* Opens a roster for roster_read(): a regular file as it is; standard input ("-"), a pipe or any other stream is
 * copied to a scratch file first, so that it can be read twice; one whose last line has no line end is refused
 * (ERROR_INPUT), for it may be the half of one. Returns a seekable descriptor, -1 with the error. */
int roster_open(const char *path, struct error *error);
/* The same for a roster that holds tokens: a file of mode 0600 that is ours, or standard input, which is then copied to
 * memory and not to a disk. Anything else is refused (ERROR_INPUT). */
int roster_open_secret(const char *path, struct error *error);

/* One field of a watch text (see struct roster_row): finds the state of column `name`. False when it is not there. */
bool roster_watch_find(const char *watch, const char *name, const char **state, size_t *state_length);
/* Appends the columns of a watch text that are named, in that order: a watch text again. False when one is missing. */
bool roster_watch_select(const char *watch, const char *const *names, size_t count, struct buffer *selected);
/* Appends what is applied once `now` is: its columns, and those of `applied` that it does not have. These are of
 * another job with the same ledger, which watches other columns. */
void roster_watch_merge(const char *now, const char *applied, struct buffer *merged);

#endif
