/* sign_in.h - how the requests to one resource are authorised: signed with its access key, or with a bearer token of
 * Microsoft Entra ID that is fetched through the pool and renewed while the run goes on.
 *
 * Owned by the executor's thread.  Times are microseconds of the monotonic clock.
 */
#ifndef ROLLCALL_RUN_SIGN_IN_H
#define ROLLCALL_RUN_SIGN_IN_H

#include "acs/acs.h"
#include "core/clock.h"
#include "entra/entra.h"
#include "http/pool.h"
#include "spec/spec.h"

struct sign_in;

/* The credential that a spec's resource names; NULL for an access key, and with an error. ERROR_INPUT where it lacks
 * something. The secrets in the spec may be cleared afterwards. */
bool sign_in_credential(const struct spec_resource *resource, struct entra_credential **credential,
                        struct error *error);

struct sign_in_options {                  /* all borrowed */
    const struct acs_resource *address;   /* its key signs where there is no credential */
    struct entra_credential *credential;  /* NULL: none */
    const char *ca_file;                  /* to trust for the authority; NULL: the usual ones */
    const struct http_options *transport; /* time limits and the like */
    const struct clock *clock;
    const struct text_list *secret_variables; /* that no other program gets to see */
};

struct sign_in *sign_in_new(const struct sign_in_options *options, struct http_pool *pool, struct error *error);
/* One that has signed in, with a pool of its own: for a single request, or to see whether it works. *lifetime_ms: how
 * long the token lives; 0 for an access key. NULL where there is no token to be had. */
struct sign_in *sign_in_now(const struct sign_in_options *options, int64_t *lifetime_ms, struct error *error);
/* Waits for a program that it has started. */
void sign_in_free(struct sign_in *sign_in);

enum sign_in_state {
    SIGN_IN_READY,   /* requests may leave */
    SIGN_IN_WAITING, /* for a token */
    SIGN_IN_TROUBLE, /* for a token from a place that does not work at the moment */
    SIGN_IN_REFUSED, /* there will be none; the error says why */
};

/* Goes on with a renewal that is due or under way. *silence_us: for how long SIGN_IN_TROUBLE already, with the error.
 */
enum sign_in_state sign_in_go_on(struct sign_in *sign_in, int64_t now_us, int64_t *silence_us, struct error *error);
/* When it is to be called again at the latest; INT64_MAX: when the pool has something. */
int64_t sign_in_next_us(const struct sign_in *sign_in, int64_t now_us);

enum { SIGN_IN_HEADERS = 3 };

/* The headers that authorise a request that leaves now; sensitive, and borrowed until the next call. `generation` is to
 * be told with the answer. */
struct sign_in_headers {
    const char *headers[SIGN_IN_HEADERS];
    size_t count;
    uint64_t generation;
};

bool sign_in_authorize(struct sign_in *sign_in, const struct acs_request *request, struct sign_in_headers *headers,
                       struct error *error);

/* What the service said to it. A rejection of a bearer token: true when a new one is to be tried, false when that was
 * the second one in a row, or there is none to renew. */
void sign_in_accepted(struct sign_in *sign_in, uint64_t generation);
bool sign_in_rejected(struct sign_in *sign_in, uint64_t generation, int64_t now_us);

#endif
