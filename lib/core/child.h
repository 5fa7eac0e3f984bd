/* child.h - running another program: input, a time limit, no shell, and nothing of ours but what it is given.
 *
 * The program is in a process group of its own, so that an interrupt at the terminal does not reach it and a time limit
 * reaches what it has started itself. It inherits no file but its three streams, and signals are as they are by
 * default. Its environment lacks the variables that are known to hold secrets of ours, and those of `without`.
 */
#ifndef ROLLCALL_CORE_CHILD_H
#define ROLLCALL_CORE_CHILD_H

#include "core/buffer.h"
#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

struct child_options {
    char *const *argv;     /* argv[0] without a slash is looked for in PATH; with one it starts at `directory` */
    const char *directory; /* where it runs; NULL: where we do */
    char *const *without;  /* names of further variables that its environment does not get */
    size_t without_count;
    const void *input; /* its standard input; empty with a length of 0 */
    size_t input_length;
    struct buffer *output; /* gets its standard output; more than the cap is a fault. NULL: goes to `words` */
    uint32_t time_limit_ms;
    int stop_fd; /* readable when it is to be ended before; 0: never */
};

enum child_end {
    CHILD_NOT_STARTED, /* error says why */
    CHILD_EXITED,
    CHILD_KILLED,     /* by a signal that was not ours */
    CHILD_TIMED_OUT,  /* and was ended */
    CHILD_STOPPED,    /* stop_fd asked for it, and it was ended */
    CHILD_OVERFLOWED, /* wrote more than `output` takes, and was ended */
};

enum { CHILD_WORDS_SIZE = 512 };

struct child_result {
    enum child_end end;
    int status;                   /* CHILD_EXITED: its exit status; CHILD_KILLED: the signal */
    size_t unread_bytes;          /* of the input, when it was gone: it did not want, or did not get to, all of it */
    char words[CHILD_WORDS_SIZE]; /* the end of what it said on standard error, as one printable line without tokens and
                                   * longer pieces of those in its input */
};

/* Whether a program is there and may be run, as argv[0] with this directory; otherwise `error` says why not. */
bool child_find(const char *program, const char *directory, struct error *error);

/* Runs it to its end. True when it exited with status 0; otherwise `error` says in one sentence how it ended, with its
 * last words. */
bool child_run(const struct child_options *options, struct child_result *result, struct error *error);

#endif
