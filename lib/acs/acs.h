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
#include "core/secret.h"

#include <stdint.h>

/* --- connection string (connection_string.c) --- */

struct acs_resource {
    bool secure;        /* https */
    char host[256];     /* lower case, without port */
    char authority[264]; /* host, and ":port" unless it is the scheme's default: the Host header, and what is signed */
    char url[280];      /* "https://authority", no trailing slash */
    struct secret key;  /* the decoded access key; not set when only an endpoint is known */
};

/* "endpoint=https://...;accesskey=<base64>", as the official SDKs read it: any order, names without regard to case,
 * white space around parts trimmed, empty and trailing segments and unknown names ignored, '=' kept in values,
 * duplicates refused. http:// is refused unless the host is 127.0.0.0/8, [::1] or localhost. No message ever quotes the
 * key. ERROR_INPUT on failure. */
bool acs_resource_parse(const char *connection_string, struct acs_resource *resource, struct error *error);
/* The same rules for an endpoint alone. */
bool acs_resource_from_endpoint(const char *endpoint, struct acs_resource *resource, struct error *error);
void acs_resource_clear(struct acs_resource *resource);

/* True for "8:acs:<guid>_<guid>" in lower case; the length of every identity id seen [REC 02, 03]. */
bool acs_identity_is_valid(const char *id);
enum { ACS_IDENTITY_LENGTH = 79 };

/* --- requests (request.c, signer.c) --- */

enum { ACS_TARGET_MAX = 256, ACS_REQUEST_ID_LENGTH = 36, ACS_BODY_MAX = 1024 };

struct acs_request_options { /* what is the same for every request of a run; borrowed */
    const char *api_version;
    const char *const *scopes;
    size_t scope_count;
    uint32_t lifetime_min;
};

struct acs_request {
    const char *method; /* static */
    char target[ACS_TARGET_MAX];
    char body[ACS_BODY_MAX];
    size_t body_length;
    bool has_content_type; /* issue and create send application/json even without a body [REC 01] */
};

/* identity is needed for all but ACTION_PROVISION; custom_id may be NULL (then none is sent). The ':' of an id is written
 * %3A in the target, as the SDKs do. A create with scopes asks for a token in the same request. expiresInMinutes
 * is sent from 2022-10-01 on. ERROR_INPUT when a text does not fit or the custom id is not 1 to 256 characters. */
bool acs_request_build(enum action action, const struct acs_request_options *options, const char *identity,
                       const char *custom_id, struct acs_request *request, struct error *error);

/* Signs many requests with one key: contexts are kept. One per thread. */
struct acs_signer;
struct acs_signer *acs_signer_new(const struct acs_resource *resource, struct error *error);
void acs_signer_free(struct acs_signer *signer);

struct acs_signature {
    char date[40];           /* x-ms-date */
    char content_hash[48];   /* x-ms-content-sha256 */
    char authorization[160]; /* Authorization; sensitive */
};

/* now_s: wall time in seconds. */
bool acs_sign(struct acs_signer *signer, const char *method, const char *target, const char *body, size_t body_length,
              int64_t now_s, struct acs_signature *signature, struct error *error);

/* --- answers (answer.c) --- */

enum acs_class {
    ACS_DONE,         /* what was asked for is so */
    ACS_GONE,         /* the service does not know this identity for this resource (any more) */
    ACS_USER,         /* about this user: repeating will not help */
    ACS_THROTTLED,    /* 429, or 503 with a delay: everyone waits */
    ACS_TRANSIENT,    /* worth repeating: 408, 5xx, broken transport, an answer that cannot be read */
    ACS_CREDENTIAL,   /* the credential or the resource is rejected: stop the run */
    ACS_OURS,         /* the service does not understand our request (api-version, method): stop the run */
};

const char *acs_class_name(enum acs_class class);

enum { ACS_CODE_SIZE = 64, ACS_MESSAGE_SIZE = 512 };

struct acs_answer {
    enum acs_class class;
    char code[ACS_CODE_SIZE];       /* error.code of the service, or our own word when it gave none ("http_503") */
    char message[ACS_MESSAGE_SIZE]; /* one line of printable text, never part of a token */
    char identity[ACS_IDENTITY_LENGTH + 1]; /* of a create; else "" */
    struct secret token;                    /* of an issue, or of a create with scopes; cleared by acs_answer_clear() */
    int64_t token_expires_at_ms;            /* wall time; 0 without a token */
};

/* Judges an answer by status and error code together, from the one table in answer.c; body need not be terminated and is
 * not trusted: wrong types, duplicate members, a bad id or a truncated document is ACS_TRANSIENT with code
 * "bad_answer". False only when out of memory. */
bool acs_answer_read(enum action action, bool wants_token, int status, const char *body, size_t body_length,
                     struct acs_answer *answer, struct error *error);
void acs_answer_clear(struct acs_answer *answer);

/* The delay an answer asks for, in milliseconds from now: retry-after-ms, then x-ms-retry-after-ms, then Retry-After
 * as seconds or as an HTTP date (a past date is 0) [SDK]. -1 when there is none or it cannot be read. Any argument may be
 * NULL. More than 24 h counts as 24 h. */
int64_t acs_retry_after_ms(const char *retry_after_ms, const char *x_ms_retry_after_ms, const char *retry_after,
                           int64_t now_s);

#endif
