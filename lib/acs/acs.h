/* acs.h - the messages of Azure Communication Services Identity: built and read here, sent elsewhere.
 *
 * This module knows the service's rules and nothing of sockets, users or ledgers.  Each rule names where it comes
 * from: [REST] the published API specification 2021-03-07 to 2025-06-30, [SDK] the official SDKs' pipelines,
 * [REC n] a recorded answer of the real service.
 */
#ifndef ROLLCALL_ACS_ACS_H
#define ROLLCALL_ACS_ACS_H

#include "core/action.h"
#include "core/buffer.h"
#include "core/error.h"
#include "core/origin.h"
#include "core/secret.h"

#include <stdint.h>

/* --- connection string (connection_string.c) --- */

struct acs_resource {
    struct origin origin; /* its authority is what is signed (reference: acs-identity.md, section 3) */
    struct secret key;    /* the decoded access key; not set when only an endpoint is known */
};

/* "endpoint=https://...;accesskey=<base64>", as the official SDKs read it: any order, names without regard to case,
 * white space around parts trimmed, empty and trailing segments and unknown names ignored, '=' kept in values,
 * duplicates refused. No message ever quotes the key. ERROR_INPUT on failure. */
bool acs_resource_parse(const char *connection_string, struct acs_resource *resource, struct error *error);
/* An endpoint alone. */
bool acs_resource_from_endpoint(const char *endpoint, struct acs_resource *resource, struct error *error);
void acs_resource_clear(struct acs_resource *resource);

/* True for "8:acs:<guid>_<guid>" in lower case [REC 02, 03], and for the same of the clouds of governments, which begin
 * with "8:gcch-acs:" or "8:dod-acs:" [SDK]. */
bool acs_identity_is_valid(const char *id);
enum { ACS_IDENTITY_MAX = 84 }; /* the longest has so many characters */

/* --- requests (request.c, signer.c) --- */

enum { ACS_TARGET_MAX = 256, ACS_REQUEST_ID_LENGTH = 36, ACS_BODY_MAX = 20 * 1024 };

struct acs_request_options { /* what is the same for every request of a run; borrowed */
    const char *api_version;
    const char *const *scopes;
    size_t scope_count;
    uint32_t lifetime_min;
    const char *teams_app_id; /* for exchanges; else NULL */
};

struct acs_request {
    const char *method; /* static */
    char target[ACS_TARGET_MAX];
    char body[ACS_BODY_MAX]; /* terminated by a NUL that body_length does not count; "" for no body */
    size_t body_length;
    bool has_content_type; /* issue and create send application/json even without a body [REC 01] */
};

/* identity is needed for all but ACTION_PROVISION; custom_id may be NULL (then none is sent). The ':' of an id is
 * written %3A in the target, as the SDKs do. A create with scopes asks for a token in the same request.
 * expiresInMinutes is sent from 2022-10-01 on. ERROR_INPUT when a text does not fit, the custom id is not 1 to 256
 * characters of UTF-8, the identity or the api-version is not of its form, a token's lifetime is not 60 to 1440
 * minutes, or an issue has no scopes. */
bool acs_request_build(enum action action, const struct acs_request_options *options, const char *identity,
                       const char *custom_id, struct acs_request *request, struct error *error);

/* The rawId of a Teams user, "8:orgid:<guid>": what its tokens are said to be for, though the service has no identity
 * of its own for it. False when the object id is no GUID; it is written in lower case. */
bool acs_teams_identity(const char *object_id, char identity[ACS_IDENTITY_MAX + 1]);
/* Is it one of these, and none that the service has made? */
bool acs_identity_is_teams(const char *id);
/* POST /teamsUser/:exchangeAccessToken [REST 2022-06-01]: the Entra token of a Teams user for one of the service's. The
 * body holds the token: the caller wipes it. ERROR_INPUT when it does not fit, or the identity is none of the above. */
bool acs_exchange_build(const struct acs_request_options *options, const char *identity, const char *token,
                        struct acs_request *request, struct error *error);

/* Signs many requests with one key: contexts are kept. One per thread. */
struct acs_signer;
struct acs_signer *acs_signer_new(const struct acs_resource *resource, struct error *error);
void acs_signer_free(struct acs_signer *signer);

struct acs_signature {
    char date[40];           /* x-ms-date */
    char content_hash[48];   /* x-ms-content-sha256 */
    char authorization[160]; /* Authorization; sensitive */
};

/* now_s: wall time in seconds. Every attempt is signed anew, so that its date is fresh. ERROR_SYSTEM when OpenSSL
 * fails, ERROR_INPUT when method and target together have more than about 600 bytes. */
bool acs_sign(struct acs_signer *signer, const char *method, const char *target, const char *body, size_t body_length,
              int64_t now_s, struct acs_signature *signature, struct error *error);

/* --- answers (answer.c) --- */

enum acs_class {
    ACS_DONE,       /* what was asked for is so */
    ACS_GONE,       /* the service does not know this identity for this resource (any more) */
    ACS_USER,       /* about this user: repeating will not help */
    ACS_THROTTLED,  /* 429, or 503 with a delay: everyone waits */
    ACS_TRANSIENT,  /* worth repeating: 408, 5xx, broken transport, an answer that cannot be read. Whether what was
                       asked for was done is not known: see acs_create_is_in_doubt() */
    ACS_CREDENTIAL, /* the credential or the resource is rejected: stop the run */
    ACS_OURS,       /* the service does not understand what all requests of the run have in common (api-version,
                       method, scopes, lifetime): stop the run */
};

enum { ACS_CODE_SIZE = 64, ACS_MESSAGE_SIZE = 512 };

struct acs_answer {
    enum acs_class class;
    int status;                     /* as given to acs_answer_read() */
    char code[ACS_CODE_SIZE];       /* error.code of the service, or our own word when it gave none ("http_503",
                                       "bad_answer", "no_answer", "no_token"); "" for a plain success */
    char message[ACS_MESSAGE_SIZE]; /* one line of printable UTF-8, never part of a token; "" for a plain success */
    char identity[ACS_IDENTITY_MAX + 1]; /* of a create; else "" */
    struct secret token;                 /* of an issue, or of a create with scopes; cleared by acs_answer_clear() */
    int64_t token_expires_at_ms;         /* wall time; 0 without a token */
};

enum {
    ACS_TOKEN_MAX = 16 * 1024
}; /* of the service's or of Entra's: some 800 bytes have been seen, 8 KiB is to be allowed for [REC 03, 04] */

/* Judges an answer by status and error code together, from the one table in answer.c; body need not be terminated and
 * is not trusted: wrong types, duplicate members, a bad id or a truncated document is ACS_TRANSIENT with code
 * "bad_answer". status 0: no answer came. wants_token: the create asked for one (an issue always does).
 *
 * A create that names its identity is ACS_DONE whatever else is wrong with it, because an identity that is not
 * written down is lost for good: where a token was asked for and none can be read, code is "no_token", the token is not
 * set, and the caller issues one.
 *
 * `answer` is overwritten without being cleared first. False only when out of memory: nothing is known then, and a
 * create is in doubt. The token is copied once, into `answer`; the caller wipes `body`. (A token with escapes, which
 * the service has never sent, also passes through the JSON reader, whose own text buffer is freed and not wiped.) */
bool acs_answer_read(enum action action, bool wants_token, int status, const char *body, size_t body_length,
                     struct acs_answer *answer, struct error *error);
void acs_answer_clear(struct acs_answer *answer);

/* Tells the answer what its headers say; to be called for every answer. A 503 with a delay (what acs_retry_after_ms()
 * found: 0 or more) is ACS_THROTTLED, as for the SDK for JavaScript. A 404 or 410 that has neither an error code nor
 * the MS-CV of the service's own answers [REC] is somebody else's, and says nothing about an identity: ACS_CREDENTIAL.
 * Other answers stay what they are. ms_cv: "" for none. */
void acs_answer_set_headers(struct acs_answer *answer, const char *ms_cv, int64_t retry_after_ms);

/* True when a create with this answer may have made an identity that nobody knows: after ACS_TRANSIENT, and after a 503
 * even where it is a throttle. A create is not idempotent, and a gateway may give up on a service that does not. */
bool acs_create_is_in_doubt(const struct acs_answer *answer);

/* --- what to do about an answer that stops the run (stop_hint.c) --- */

enum { ACS_HINT_SIZE = 256 };

/* The likely cause of an ACS_CREDENTIAL or ACS_OURS and what to do about it, one line; "" for other classes. by_bearer:
 * it was asked with a token of Microsoft Entra ID, otherwise with a signature. server_date_s is the answer's Date
 * header, 0 when it had none; a clock that is more than 15 minutes off is the first suspect of a signature (the limit
 * of the sibling scheme of App Configuration; the service documents none). */
void acs_stop_hint(const struct acs_answer *answer, bool by_bearer, int64_t server_date_s, int64_t now_s,
                   char text[ACS_HINT_SIZE]);

/* --- delays (retry_after.c) --- */

enum { ACS_DELAY_MAX_MS = 24 * 60 * 60 * 1000 };

/* The delay an answer asks for, in milliseconds from now: retry-after-ms, then x-ms-retry-after-ms, then Retry-After
 * as seconds or as an HTTP date (a past date is 0) [SDK]. -1 when there is none or it cannot be read. Any argument may
 * be NULL. More than ACS_DELAY_MAX_MS counts as that. */
int64_t acs_retry_after_ms(const char *retry_after_ms, const char *x_ms_retry_after_ms, const char *retry_after,
                           int64_t now_s);

#endif
