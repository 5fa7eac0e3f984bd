/* body.h - the members of request bodies: type and range, with the service's own messages.
 *
 * Two kinds of fault are told apart, as the recordings do: what model validation finds (a missing member, a wrong
 * type), answered without api-supported-versions, and what the controllers find (a value that is not allowed).
 * Unknown members are ignored.
 */
#ifndef EMULATOR_BODY_H
#define EMULATOR_BODY_H

#include "answer.h"
#include "request.h"
#include "token.h"
#include "version.h"

#include <jansson.h>

struct scopes {
    bool given;                  /* neither missing nor null */
    bool valid;                  /* each of them is known to the api-version */
    size_t count;                /* without repetitions */
    char text[SCOPES_TEXT_SIZE]; /* joined by commas */
};

struct create_body {
    json_t *root; /* owns the custom id; NULL for an empty body */
    struct scopes scopes;
    int64_t minutes;
    const char *custom_id; /* NULL: none */
};

struct issue_body {
    struct scopes scopes;
    int64_t minutes;
};

struct exchange_body {
    json_t *root;        /* owns the texts */
    const char *token;   /* NULL when missing */
    const char *app_id;  /* "" when missing */
    const char *user_id; /* as app_id */
};

/* Each returns false with the answer filled: 400. They stop before what a controller checks. */
bool create_body_read(struct create_body *body, const struct request *request, const struct version *version,
                      struct answer *answer);
void create_body_clear(struct create_body *body);
bool issue_body_read(struct issue_body *body, const struct request *request, const struct version *version,
                     struct answer *answer);
bool exchange_body_read(struct exchange_body *body, const struct request *request, struct answer *answer);
void exchange_body_clear(struct exchange_body *body);

/* What a controller checks. */
bool scopes_check(const struct scopes *scopes, struct answer *answer);
bool minutes_check(int64_t minutes, struct answer *answer);

#endif
