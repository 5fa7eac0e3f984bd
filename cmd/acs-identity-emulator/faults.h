/* faults.h - what goes wrong on purpose: a script of rules, and the choice of what befalls a request.
 *
 * Only requests that are let in are counted and befallen: what a wrong signature or the quota refuses passes by.
 */
#ifndef EMULATOR_FAULTS_H
#define EMULATOR_FAULTS_H

#include "operation.h"
#include "random.h"

#include <stdbool.h>

enum fault_kind {
    FAULT_CLOSE_BEFORE,     /* the connection is closed, nothing was done */
    FAULT_CLOSE_AFTER,      /* it was done, and then the connection is closed without an answer */
    FAULT_REFUSE,           /* closed, nothing was done, and for a while new connections are refused, */
    FAULT_TLS_CUT,          /* or closed within their TLS handshake, */
    FAULT_CERT_EXPIRED,     /* or shown a certificate that has expired, */
    FAULT_CERT_OTHER_NAME,  /* or is for another name, */
    FAULT_CERT_SELF_SIGNED, /* or that nobody vouches for */
    FAULT_RESET_HEADER,     /* reset in the middle of the header */
    FAULT_RESET_BODY,       /* reset in the middle of the body */
    FAULT_WRONG_LENGTH,     /* Content-Length is half of the body */
    FAULT_STALL,            /* the answer comes late */
    FAULT_STALL_BODY,       /* the second half of the body comes late */
    FAULT_TRICKLE,          /* the body comes a byte at a time */
    FAULT_STATUS,           /* an error */
    FAULT_HTML,             /* a page in place of JSON, with the status of a success */
    FAULT_TRUNCATED,        /* half of the JSON, as if it were all */
    FAULT_HUGE,             /* the right answer, and 16 MiB of white space */
    FAULT_WRONG_TYPE,       /* numbers and lists where there should be texts */
    FAULT_DUPLICATE_KEYS,   /* a second value for the most important key */
    FAULT_BAD_ID,           /* an id that is none; of a token: an empty one */
    FAULT_GZIP,             /* the right answer, compressed although nobody asked for it */
    FAULT_REDIRECT,         /* 307 to some other place */
    FAULT_CLOCK,            /* the right answer, with a Date that is off */
};

enum { FAULT_COUNT = FAULT_CLOCK + 1 };

enum fault_body { FAULT_BODY_JSON, FAULT_BODY_HTML, FAULT_BODY_NONE };

struct fault {
    enum fault_kind kind;
    bool acts;            /* the operation is done before it goes wrong */
    unsigned status;      /* of FAULT_STATUS */
    enum fault_body body; /* of FAULT_STATUS */
    char code[32];        /* of FAULT_STATUS; "": the usual one */
    int retry_after_s;    /* of FAULT_STATUS; -1: no such header */
    int64_t lasts_us;     /* of those that are slow */
    int64_t clock_us;     /* added to Date; of FAULT_STATUS and FAULT_CLOCK */
};

enum { FAULT_NTH_MAX = 64 };

struct fault_rule {
    unsigned operations;         /* bits, 1 << operation */
    uint64_t nth[FAULT_NTH_MAX]; /* these occurrences, from 1; none: all */
    size_t nth_count;
    uint64_t from; /* both ends included */
    uint64_t until;
    double share;  /* of the occurrences that are left, drawn at random: 0 to 1 */
    uint64_t seen; /* occurrences so far */
    struct fault fault;
};

struct faults {
    struct fault_rule *rules;
    size_t count;
    struct random random;
    uint64_t played[FAULT_COUNT];
};

/* Reads the script of --faults; a NULL path is a script without rules. Errors name file and line. */
bool faults_load(struct faults *faults, const char *path, const char *seed, struct error *error);
void faults_clear(struct faults *faults);
/* What befalls this request: by the first rule that fits; NULL: nothing. Counts it. */
const struct fault *faults_draw(struct faults *faults, enum operation operation);

/* Those that befall the connections after the one that is closed. */
bool fault_is_of_connections(enum fault_kind kind);
/* The first rule that is only for TLS; NULL: there is none. */
const struct fault *faults_of_tls(const struct faults *faults);

/* The words of the script and of the statistics. */
const char *fault_name(enum fault_kind kind);

/* The parser (fault_script.c). Appends the rules of the file. */
bool fault_script_read(struct faults *faults, const char *path, struct error *error);

#endif
