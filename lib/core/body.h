/* body.h - JSON from a server that may hold one token.
 *
 * The token is cut out of the text before the JSON reader sees it: the reader's buffers are freed and not wiped, and it
 * would spend two thirds of its time on the one string that needs no reading.
 */
#ifndef ROLLCALL_CORE_BODY_H
#define ROLLCALL_CORE_BODY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct body {
    json_t *document;  /* NULL when the body is not JSON */
    const char *name;  /* of the token; borrowed */
    const char *token; /* the value that was cut out, in the caller's bytes; NULL for none */
    size_t token_length;
};

/* `name` is that of the member which may be a token. False only when out of memory. Duplicate members are not JSON
 * here: which one counts would be a guess. */
bool body_load(struct body *body, const char *name, const char *bytes, size_t length);
/* Wipes what the JSON reader lets go of. */
void body_free(struct body *body);

/* The string under a name, NULL when there is none; borrowed. */
const char *body_string(const json_t *object, const char *name);
/* The token of an object, not terminated, NULL when there is none; borrowed. */
const char *body_token(const struct body *body, const json_t *object, size_t *length);

#endif
