/* answer.h - what is answered, before it becomes HTTP. */
#ifndef EMULATOR_ANSWER_H
#define EMULATOR_ANSWER_H

#include "encoding.h"
#include "version.h"

#include "core/buffer.h"

#include <stddef.h>
#include <stdint.h>

enum answer_kind {
    ANSWER_EMPTY,      /* no body and no Content-Type: 204 */
    ANSWER_JSON,       /* with charset and Content-Length */
    ANSWER_ERROR,      /* without charset, chunked */
    ANSWER_HTML,       /* a page that is not the service's: faults only */
    ANSWER_IDENTITIES, /* the list of identities, made while it is sent */
};

/* Who found the fault. Recorded answers of the controllers have api-supported-versions; those of model validation and
 * of what stands in front (authentication) have not. */
enum answer_origin { FROM_FRONT, FROM_CONTROLLER };

/* Whose errors: each has a form of its own. */
enum answer_form { FORM_SERVICE, FORM_ENTRA, FORM_IMDS, FORM_APP_SERVICE, FORM_SERVICE_FABRIC };

struct fault;

enum { ANSWER_CHALLENGE_SIZE = 512 };

struct answer {
    unsigned status;
    enum answer_kind kind;
    struct buffer body;
    enum era era;             /* what its headers look like */
    const char *versions;     /* of api-supported-versions, borrowed; NULL: without the header */
    bool accepts_ranges;      /* GET */
    bool at_once;             /* whatever --latency says */
    bool preflight;           /* the answer to a browser's question what it may send */
    const char *retry_header; /* of a 429; NULL: none */
    char retry_value[48];

    /* Of places where one signs in. */
    enum answer_form form;
    char trace_id[GUID_LENGTH + 1];        /* of FORM_ENTRA */
    int64_t at_s;                          /* of FORM_ENTRA */
    char challenge[ANSWER_CHALLENGE_SIZE]; /* WWW-Authenticate; "": none */

    /* Of faults only. */
    const struct fault *fault;    /* that befell the request, borrowed; NULL: none */
    const char *content_encoding; /* NULL: none */
    const char *location;         /* NULL: none */
    int64_t date_s;               /* of the Date header; 0: the right one */
};

void answer_init(struct answer *answer);
void answer_clear(struct answer *answer);
/* Forgets an answer, keeping its memory for the next one. */
void answer_reset(struct answer *answer);

/* An error in the form of the answer. `versions` is dropped for FROM_FRONT. target may be NULL. The code of FORM_ENTRA
 * may be a number of entra_error.h. Returns false, so that a check can end with it. */
bool answer_error(struct answer *answer, enum answer_origin origin, unsigned status, const char *code,
                  const char *target, const char *format, ...) PRINTF_LIKE(6, 7);
/* 400 ValidationError. */
bool answer_invalid(struct answer *answer, enum answer_origin origin, const char *target, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* 503: memory ran out in the middle. */
bool answer_no_memory(struct answer *answer);

/* A quoted JSON string; a byte that is not UTF-8 becomes U+FFFD. */
void json_append_string(struct buffer *buffer, const char *text);

#endif
