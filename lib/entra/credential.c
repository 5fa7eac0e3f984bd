/* One sign-in, step by step: which link of the chain is asked, what its answers lead to, and what is told when none of
 * them has a token. */
#include "entra/entra_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- requests --- */

void request_init(struct entra_request *request)
{
    *request = (struct entra_request){0};
    buffer_init(&request->target, TARGET_MAX);
    buffer_init(&request->body, BODY_MAX);
    for (size_t i = 0; i < ENTRA_HEADERS_MAX; i++)
        buffer_init(&request->headers[i], HEADER_MAX);
}

void request_clear(struct entra_request *request)
{
    buffer_wipe(&request->target);
    buffer_wipe(&request->body);
    for (size_t i = 0; i < ENTRA_HEADERS_MAX; i++)
        buffer_wipe(&request->headers[i]);
}

void request_start(struct entra_request *request, const char *method, enum entra_route route)
{
    request_clear(request);
    request->method = method;
    request->route = route;
    request->origin[0] = '\0';
    request->thumbprint[0] = '\0';
    request->header_count = 0;
    request->connect_timeout_ms = 0;
    request->timeout_ms = 0;
    request_add_header(request, "Accept", "application/json");
}

void request_add_header(struct entra_request *request, const char *name, const char *value)
{
    struct buffer *header = &request->headers[request->header_count++];

    buffer_append_text(header, name);
    buffer_append_text(header, ": ");
    buffer_append_text(header, value);
}

/* --- ends --- */

static const char *link_name(const struct entra_credential *credential, size_t link)
{
    return entra_kind_name(credential->names[link]);
}

/* "environment: AZURE_TENANT_ID is not set; managed_identity: ...": what each link of the chain said. */
static void tell_chain(struct entra_credential *credential)
{
    char message[sizeof credential->error.message];
    size_t length = (size_t)snprintf(message, sizeof message, "cannot sign in");

    for (size_t i = 0; i <= credential->link && i < credential->link_count && length < sizeof message; i++)
        length += (size_t)snprintf(message + length, sizeof message - length, "%s %s: %s", i == 0 ? ":" : ";",
                                   link_name(credential, i), credential->said[i]);
    memcpy(credential->error.message, message, sizeof message);
}

/* The error is that of the link at hand. */
static void fail(struct entra_credential *credential, enum entra_failure failure)
{
    credential->step = ENTRA_FAILED;
    credential->failure = failure;
    credential->error.code = ERROR_REJECTED;
    request_clear(&credential->request);
    if (credential->is_default && !credential->has_succeeded)
        tell_chain(credential);
}

static void note_said(struct entra_credential *credential)
{
    snprintf(credential->said[credential->link], SAID_SIZE, "%.*s", SAID_SIZE - 1, credential->error.message);
}

static void begin_link(struct entra_credential *credential, int64_t now_s);

/* The link at hand is not there: on to the next, or nothing is left. */
static void go_on(struct entra_credential *credential, int64_t now_s)
{
    note_said(credential);
    if (!credential->has_succeeded && credential->link + 1 < credential->link_count) {
        credential->link++;
        begin_link(credential, now_s);
        return;
    }
    if (credential->is_default)
        error_hint(&credential->error, "set the variables of one of them, log in with `az login`, or name one kind of "
                                       "credential and what it needs in resource.credential");
    fail(credential, ENTRA_REFUSED);
}

static void ask(struct entra_credential *credential, int64_t now_s)
{
    bool ok = true;

    credential->step = ENTRA_SEND;
    switch (credential->links[credential->link]) {
    case ENTRA_AZURE_CLI:
        cli_ask(credential);
        credential->step = ENTRA_RUN;
        break;
    case ENTRA_MANAGED_IDENTITY: ok = identity_ask(credential, &credential->error); break;
    default: ok = application_ask(credential, now_s, &credential->error); break;
    }
    if (ok)
        return;
    note_said(credential);
    fail(credential, ENTRA_REFUSED);
}

static void begin_link(struct entra_credential *credential, int64_t now_s)
{
    const enum entra_kind kind = credential->links[credential->link];
    const char *missing = credential->missing[credential->link];

    credential->tries = 0;
    credential->phase =
        kind == ENTRA_MANAGED_IDENTITY && credential->probes && !credential->has_succeeded ? PHASE_PROBE : PHASE_ASK;
    if (missing[0] == '\0') {
        ask(credential, now_s);
        return;
    }
    error_set(&credential->error, ERROR_REJECTED, "%s", missing);
    go_on(credential, now_s);
}

static void settle(struct entra_credential *credential, enum link_end end, int64_t now_s)
{
    switch (end) {
    case GOT_TOKEN:
        credential->step = ENTRA_DONE;
        credential->has_succeeded = true;
        request_clear(&credential->request);
        break;
    case NEXT_PHASE:
        credential->tries = 0;
        ask(credential, now_s);
        break;
    case NOT_THERE: go_on(credential, now_s); break;
    case REFUSED:
    case TROUBLE:
        note_said(credential);
        fail(credential, end == REFUSED ? ENTRA_REFUSED : ENTRA_TROUBLE);
        break;
    }
}

/* With an access key the service itself refuses a wrong clock, by which grace periods are counted too. */
static bool agrees_on_time(struct entra_credential *credential, int64_t date_s, int64_t now_s)
{
    enum { SKEW_MAX_S = 15 * 60 }; /* as for an access key: acs_stop_hint() */
    const int64_t ahead_s = date_s > 0 ? now_s - date_s : 0;

    if (ahead_s <= SKEW_MAX_S && ahead_s >= -SKEW_MAX_S)
        return true;
    entra_token_clear(&credential->token);
    error_set(&credential->error, ERROR_REJECTED, "the clock of this machine is %" PRId64 " min %s that of %s",
              (ahead_s < 0 ? -ahead_s : ahead_s) / 60, ahead_s < 0 ? "behind" : "ahead of", credential->request.origin);
    return error_hint(&credential->error, "set it");
}

/* --- driven by the caller --- */

/* The link that has had a token once is used alone from then on [S 8]. */
void entra_begin(struct entra_credential *credential, int64_t now_s)
{
    entra_token_clear(&credential->token);
    credential->error = (struct error){0};
    credential->retry_after_ms = -1;
    if (!credential->has_succeeded)
        credential->link = 0;
    begin_link(credential, now_s);
}

enum entra_step entra_step(const struct entra_credential *credential)
{
    return credential->step;
}

const struct entra_request *entra_request(const struct entra_credential *credential)
{
    return &credential->request;
}

char *const *entra_command(const struct entra_credential *credential)
{
    return (char *const *)credential->command; /* who runs programs does not change their arguments */
}

int64_t entra_wait_ms(const struct entra_credential *credential)
{
    return credential->wait_ms;
}

void entra_answered(struct entra_credential *credential, const struct entra_answer *answer, int64_t now_s)
{
    const bool is_identity = credential->links[credential->link] == ENTRA_MANAGED_IDENTITY;

    credential->error = (struct error){0};
    credential->retry_after_ms = answer->retry_after_ms;
    const int64_t retry_ms =
        is_identity ? identity_retry_ms(credential, answer) : application_retry_ms(credential, answer);
    if (retry_ms >= 0) {
        credential->tries++;
        credential->wait_ms = retry_ms;
        credential->step = ENTRA_WAIT;
        return;
    }
    const enum link_end end =
        is_identity ? identity_read(credential, answer, now_s) : application_read(credential, answer, now_s);
    const bool is_off = end == GOT_TOKEN && !agrees_on_time(credential, answer->date_s, now_s);
    settle(credential, is_off ? REFUSED : end, now_s);
}

void entra_ran(struct entra_credential *credential, const struct entra_run *run, int64_t now_s)
{
    credential->error = (struct error){0};
    settle(credential, cli_read(credential, run, now_s), now_s);
}

void entra_waited(struct entra_credential *credential, int64_t now_s)
{
    ask(credential, now_s);
}

void entra_take(struct entra_credential *credential, struct entra_token *token)
{
    *token = credential->token;
    credential->token = (struct entra_token){0};
    credential->step = ENTRA_IDLE;
}

enum entra_failure entra_failure(const struct entra_credential *credential, struct error *error,
                                 int64_t *retry_after_ms)
{
    *error = credential->error;
    *retry_after_ms = credential->retry_after_ms;
    return credential->failure;
}
