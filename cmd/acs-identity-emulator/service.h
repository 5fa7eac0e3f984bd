/* service.h - one request in, one answer out: the ACS Identity service, and where one signs in to it, without their
 * wires.
 *
 * A request passes these steps, in this order:
 *
 *     arrive    its operation is found and counted
 *     admit     body size, signature (not where one signs in), path, api-version, quota
 *     befall    a fault of the script, if there is one (faults.h)
 *     act       the operation itself (operations.c), unless the fault prevents it
 *     spoil     what the fault does to the answer (fault_answer.h)
 *     account   the answer is counted
 *
 * service_handle() is nothing but that list. What a fault does to the connection is done by the server.
 */
#ifndef EMULATOR_SERVICE_H
#define EMULATOR_SERVICE_H

#include "answer.h"
#include "auth.h"
#include "entra.h"
#include "faults.h"
#include "quota.h"
#include "random.h"
#include "request.h"
#include "route.h"
#include "store.h"
#include "token.h"
#include "version.h"

enum retry_form {
    RETRY_SECONDS, /* Retry-After: 3 */
    RETRY_DATE,    /* Retry-After: Mon, 05 Jan 2026 08:09:10 GMT */
    RETRY_MS,      /* retry-after-ms: 2750 */
    RETRY_X_MS,    /* x-ms-retry-after-ms: 2750 */
    RETRY_NONE,
};

/* How an identity of this resource that does not exist (any more) is answered: the real answer is not recorded. */
enum gone_form {
    GONE_404, /* 404 IdentityNotFound: our assumption */
    GONE_401, /* 401 IdentityNotOwned: the nearest recorded case */
};

struct service_options {
    const char *seed;
    const char *bearer_token; /* taken as well as the tokens of our own Entra ID; NULL: none */
    struct entra_options entra;
    struct quota_limits limits;
    enum quota_kind window;
    enum retry_form retry;
    enum gone_form gone;
    bool create_counts_as_issue; /* a create with a token uses the quota of issue, too */
    bool remember_request_ids;
    const char *faults; /* the path of the script; NULL: none */
};

enum { STATUS_MAX = 600 };

struct service {
    const struct resource *resource;
    struct service_options options;
    struct entra entra;
    struct auth auth;
    struct quota quota;
    struct store store;
    struct random random;
    struct token_maker tokens;
    struct faults faults;
    uint64_t answered[OPERATION_COUNT][STATUS_MAX];
    uint64_t connections_open; /* kept by the server */
    uint64_t connections_total;
    struct moment started;
    char versions[ERA_COUNT][VERSION_LIST_SIZE];
    char teams_versions[ERA_COUNT][VERSION_LIST_SIZE];
};

/* A request on its way through the steps. */
struct call {
    const struct request *request;
    struct route route;
    const struct version *version; /* NULL: none that is known */
};

/* Borrows the resource and the texts of the options. */
bool service_init(struct service *service, const struct resource *resource, const struct service_options *options,
                  struct error *error);
void service_clear(struct service *service);
/* Makes `count` identities, as if created now. */
bool service_preload(struct service *service, uint64_t count, struct error *error);
void service_handle(struct service *service, const struct request *request, struct answer *answer);
/* Whether the quota lets the call pass as `operation`; false with 429 in the answer otherwise. */
bool service_take_quota(struct service *service, const struct call *call, enum operation operation,
                        struct answer *answer);

#endif
