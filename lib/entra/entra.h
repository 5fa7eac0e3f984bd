/* entra.h - signing in with Microsoft Entra ID: bearer tokens for the service, from whatever credential there is.
 *
 * This module knows the messages, the order and the rules, and nothing of sockets, processes or threads: a credential
 * is driven by its caller.  entra_begin() starts a sign-in; entra_step() then says what is to be done (send this
 * request, run this program, wait); the caller does it and tells what came of it, until there is a token or a failure.
 * A cache knows when a token is good, when it is to be renewed, and what a rejection means.
 *
 * Each rule names where it comes from: [S n] is section n of the facts about Entra credentials, gathered from the
 * official SDKs.
 */
#ifndef ROLLCALL_ENTRA_ENTRA_H
#define ROLLCALL_ENTRA_ENTRA_H

#include "core/buffer.h"
#include "core/error.h"
#include "core/secret.h"

#include <stddef.h>
#include <stdint.h>

/* --- what to sign in with (settings.c) --- */

enum entra_kind {
    ENTRA_CLIENT_SECRET,
    ENTRA_CLIENT_CERTIFICATE,
    ENTRA_WORKLOAD_IDENTITY,
    ENTRA_MANAGED_IDENTITY,
    ENTRA_AZURE_CLI,
    ENTRA_ENVIRONMENT, /* a secret or a certificate, whichever the variables have */
    ENTRA_DEFAULT,     /* environment, workload identity, managed identity, Azure CLI: the first that is there [S 8] */
};

/* The word of the job spec: "client_secret". */
const char *entra_kind_name(enum entra_kind kind);

/* What was given; NULL or not set where nothing was, then the variables of the SDKs count. Borrowed for the call. */
struct entra_settings {
    enum entra_kind kind;
    const char *tenant_id;
    const char *client_id;
    const struct secret *client_secret;
    const char *certificate; /* PEM or PKCS#12, with its key */
    const struct secret *certificate_password;
    bool send_certificate_chain;
    const char *token_file;
    const char *object_id;
    const char *resource_id;
    const char *authority_host;
    const char *(*variable)(const char *name); /* getenv(); a test has its own */
};

struct entra_credential;

/* Reads the variables and, of a certificate, the file. ERROR_INPUT with the fix in the hint where a kind that was
 * chosen by name lacks something, or something that was given cannot be used. */
struct entra_credential *entra_credential_new(const struct entra_settings *settings, struct error *error);
void entra_credential_free(struct entra_credential *credential);
/* When the certificate ends that it signs in with, wall time; 0: there is none. */
int64_t entra_certificate_end_s(const struct entra_credential *credential);

/* --- one sign-in (credential.c) --- */

enum entra_step {
    ENTRA_IDLE,   /* nothing was begun, or the token was taken */
    ENTRA_SEND,   /* send entra_request(), then entra_answered() */
    ENTRA_RUN,    /* run entra_command(), then entra_ran() */
    ENTRA_WAIT,   /* for entra_wait_ms(), then entra_waited() */
    ENTRA_DONE,   /* entra_take() */
    ENTRA_FAILED, /* entra_failure() */
};

void entra_begin(struct entra_credential *credential, int64_t now_s);
enum entra_step entra_step(const struct entra_credential *credential);

/* How a request travels. */
enum entra_route {
    ENTRA_BY_NETWORK, /* as every other: by proxies, with authorities of the credential's own */
    ENTRA_LOCAL,      /* a service of this machine or its host: never through a proxy; plain HTTP is what it speaks */
    ENTRA_PINNED,     /* likewise, over TLS, and known by the thumbprint of its certificate alone */
};

enum { ENTRA_HEADERS_MAX = 4, ENTRA_ORIGIN_SIZE = 280, ENTRA_THUMBPRINT_SIZE = 41 };

struct entra_request {
    const char *method;
    char origin[ENTRA_ORIGIN_SIZE];           /* "https://login.microsoftonline.com" */
    struct buffer target;                     /* "/tenant/oauth2/v2.0/token" */
    struct buffer headers[ENTRA_HEADERS_MAX]; /* "Name: value"; may be sensitive */
    size_t header_count;
    struct buffer body; /* sensitive */
    enum entra_route route;
    char thumbprint[ENTRA_THUMBPRINT_SIZE]; /* of ENTRA_PINNED: SHA-1 in hexadecimal digits */
    uint32_t connect_timeout_ms;            /* 0: as usual; likewise the next one */
    uint32_t timeout_ms;
};

/* Of ENTRA_SEND; borrowed until the answer is told. */
const struct entra_request *entra_request(const struct entra_credential *credential);
/* Of ENTRA_RUN: the arguments, NULL at the end. The program runs in "/" for at most ENTRA_COMMAND_MS. */
char *const *entra_command(const struct entra_credential *credential);
enum { ENTRA_COMMAND_MS = 10 * 1000 }; /* [S 7] */
int64_t entra_wait_ms(const struct entra_credential *credential);

enum entra_end {
    ENTRA_ANSWERED,
    ENTRA_UNREACHED,  /* no byte left */
    ENTRA_NO_HOST,    /* the name is not known */
    ENTRA_DISTRUSTED, /* the certificate, or the TLS, was refused */
    ENTRA_NO_PROXY,   /* the proxy does not let us through */
    ENTRA_LOST,       /* it left, and no whole answer came */
};

struct entra_answer {
    enum entra_end end;
    int status;
    const char *body; /* the caller wipes it */
    size_t body_length;
    const char *challenge;  /* WWW-Authenticate; "" for none */
    int64_t date_s;         /* of the answer; 0: not told */
    int64_t retry_after_ms; /* -1: not told */
    const char *detail;     /* why there is no answer */
};

/* A token whose answer has another time than this machine by more than 15 minutes is refused: now_s is its clock. */
void entra_answered(struct entra_credential *credential, const struct entra_answer *answer, int64_t now_s);

struct entra_run {
    bool started;
    bool timed_out;
    int status;         /* its exit status */
    const char *output; /* the caller wipes it */
    size_t output_length;
    const char *words; /* what it said on standard error */
    const char *how;   /* how it ended, in a sentence */
};

void entra_ran(struct entra_credential *credential, const struct entra_run *run, int64_t now_s);
void entra_waited(struct entra_credential *credential, int64_t now_s);

struct entra_token {
    struct secret text;
    int64_t lifetime_ms;   /* from the answer on */
    int64_t refresh_in_ms; /* when it asks to be renewed; -1: not told */
};

/* Of ENTRA_DONE: moves the token out. */
void entra_take(struct entra_credential *credential, struct entra_token *token);
void entra_token_clear(struct entra_token *token);

enum entra_failure {
    ENTRA_REFUSED, /* it will not get better by itself */
    ENTRA_TROUBLE, /* the place where one signs in does not work at the moment */
};

/* Of ENTRA_FAILED: the error says who, why, and what to do; ERROR_REJECTED. retry_after_ms: -1 when nothing was told.
 */
enum entra_failure entra_failure(const struct entra_credential *credential, struct error *error,
                                 int64_t *retry_after_ms);

/* --- a token and its time (cache.c); times are microseconds of the monotonic clock --- */

struct entra_cache {
    struct secret token;
    uint64_t generation;    /* of the token; 0: there has been none */
    int64_t lifetime_ms;    /* of the token, when it came */
    int64_t refresh_at_us;  /* from then on it is renewed while it is used */
    int64_t unusable_at_us; /* from then on it is not used any more */
    bool renewing;          /* one at a time */
    int64_t next_try_us;    /* not before: the last one failed */
    unsigned failures;      /* in a row */
    int64_t failing_since_us;
    unsigned rejections; /* tokens in a row that the service did not take */
};

void entra_cache_clear(struct entra_cache *cache);
/* May a request leave with the token? */
bool entra_cache_is_good(const struct entra_cache *cache, int64_t now_us);
/* Is a new token to be fetched now? Then the caller does so, after entra_cache_begin(). */
bool entra_cache_wants_token(const struct entra_cache *cache, int64_t now_us);
/* When one of the two answers may change by itself; INT64_MAX: not before a token comes. */
int64_t entra_cache_next_us(const struct entra_cache *cache, int64_t now_us);

void entra_cache_begin(struct entra_cache *cache);
/* Takes the token over. */
void entra_cache_take(struct entra_cache *cache, struct entra_token *token, int64_t now_us);

enum entra_verdict {
    ENTRA_GO_ON, /* with the token there is, or with the next one */
    ENTRA_STOP,
};

/* It could not be had. While the old token is good that is no error; without one, what will not get better stops the
 * run, and what may is tried again: entra_cache_silence_us() tells for how long already. */
enum entra_verdict entra_cache_fail(struct entra_cache *cache, enum entra_failure failure, int64_t retry_after_ms,
                                    int64_t now_us);
/* For how long there has been no good token, and none to be had; 0: it is not so. */
int64_t entra_cache_silence_us(const struct entra_cache *cache, int64_t now_us);

/* What the service said to a request with the token of that generation. A rejection drops the token, once for all
 * requests that carried it; a second token in a row that is rejected stops the run [S 9]. */
void entra_cache_accepted(struct entra_cache *cache, uint64_t generation);
enum entra_verdict entra_cache_rejected(struct entra_cache *cache, uint64_t generation, int64_t now_us);

#endif
