/* A managed identity: the machine's own, or one that was assigned to it, asked for at an endpoint of its host [S 6]. */
#include "entra/entra_internal.h"

#include "core/body.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    PROBE_MS = 1000,
    CONNECT_MS = 2000, /* it is the machine itself, or its host */
    LONGEST_WAIT_MS = 60 * 1000,
};

/* --- asking --- */

/* Digits only, as some write it with colons. */
static bool copy_thumbprint(const char *text, char thumbprint[ENTRA_THUMBPRINT_SIZE])
{
    size_t length = 0;

    for (; *text != '\0'; text++) {
        if (*text == ':' || *text == ' ')
            continue;
        if (!isxdigit((unsigned char)*text) || length + 1 == ENTRA_THUMBPRINT_SIZE)
            return false;
        thumbprint[length++] = (char)tolower((unsigned char)*text);
    }
    thumbprint[length] = '\0';
    return length + 1 == ENTRA_THUMBPRINT_SIZE;
}

static bool check_endpoint(const struct identity_source *source, struct entra_request *request, const char **path,
                           struct error *error)
{
    if (!split_url(source->endpoint, request->origin, path))
        return error_set(error, ERROR_REJECTED, "%s: the address of its endpoint cannot be used", source->name);
    if (source->thumbprint != NULL &&
        (strncmp(request->origin, "https:", 6) != 0 || !copy_thumbprint(source->thumbprint, request->thumbprint)))
        return error_set(error, ERROR_REJECTED,
                         "%s: its endpoint must be a https:// address, and IDENTITY_SERVER_THUMBPRINT a SHA-1 "
                         "thumbprint",
                         source->name);
    if (strncmp(request->origin, "http:", 5) == 0 && !is_near_address(request->origin)) {
        error_set(error, ERROR_REJECTED, "%s: plain HTTP to %s could be read on the way", source->name,
                  request->origin);
        return error_hint(error, "the endpoints of managed identities are on the machine itself or next to it");
    }
    return true;
}

static const char *chosen_identity(const struct entra_credential *credential, const struct identity_source *source,
                                   const char **parameter)
{
    const bool is_usual = credential->selector == SELECT_NONE && source->usual != NULL;

    *parameter = source->selectors[is_usual ? SELECT_CLIENT_ID : credential->selector];
    return is_usual ? value_of(credential->variable, source->usual) : credential->identity;
}

static bool append_parameters(const struct entra_credential *credential, const struct identity_source *source,
                              struct buffer *to, struct error *error)
{
    const char *parameter;
    const char *identity = chosen_identity(credential, source, &parameter);

    buffer_append_text(to, "resource=");
    append_encoded(to, ENTRA_RESOURCE);
    if (identity == NULL || (parameter == NULL && !credential->identity_is_asked_for))
        return true;
    if (parameter == NULL) {
        error_set(error, ERROR_REJECTED, "%s does not let one choose an identity in this way", source->name);
        return error_hint(error,
                          "remove client_id, object_id and resource_id: it gives tokens for the identity that its "
                          "host was set up with, or use client_id where it takes that");
    }
    buffer_append_format(to, "&%s=", parameter);
    append_encoded(to, identity);
    return true;
}

bool identity_ask(struct entra_credential *credential, struct error *error)
{
    struct identity_source *source = &credential->source;
    struct entra_request *request = &credential->request;
    const char *path;

    identity_source_find(source, credential->variable);
    if (!source->is_imds && credential->phase == PHASE_PROBE)
        credential->phase = PHASE_ASK; /* a host that announces its endpoint has one */
    const bool is_probe = credential->phase == PHASE_PROBE;
    request_start(request, source->version != NULL ? "GET" : "POST",
                  source->thumbprint != NULL ? ENTRA_PINNED : ENTRA_LOCAL);
    request->connect_timeout_ms = is_probe ? PROBE_MS : CONNECT_MS;
    request->timeout_ms = is_probe ? PROBE_MS : 0;
    if (!check_endpoint(source, request, &path, error))
        return false;
    buffer_append_format(&request->target, "%s%s", path, source->path);
    if (is_probe) /* without the header: any answer at all is what is asked for */
        return true;
    request_add_header(request, source->secret_header != NULL ? source->secret_header : "Metadata",
                       source->secret_header != NULL ? source->secret : "true");
    if (source->version == NULL) {
        request_add_header(request, "Content-Type", "application/x-www-form-urlencoded");
        return append_parameters(credential, source, &request->body, error);
    }
    buffer_append_format(&request->target, "%sapi-version=%s&", strchr(path, '?') != NULL ? "&" : "?", source->version);
    if (!append_parameters(credential, source, &request->target, error))
        return false;
    return credential->phase != PHASE_CHALLENGE || arc_add_proof(credential, error);
}

/* --- reading --- */

static enum link_end read_no_answer(struct entra_credential *credential, const struct entra_answer *answer)
{
    const struct identity_source *source = &credential->source;

    error_set(&credential->error, ERROR_REJECTED, "%s does not answer at %s: %s", source->name,
              credential->request.origin, answer->detail);
    if (answer->end == ENTRA_DISTRUSTED) {
        error_hint(&credential->error, "IDENTITY_SERVER_THUMBPRINT is not that of the certificate there");
        return REFUSED;
    }
    if (source->is_imds)
        error_hint(&credential->error,
                   "this is no virtual machine of Azure, or its metadata service is blocked: choose "
                   "another kind of credential");
    return credential->has_succeeded ? TROUBLE : NOT_THERE;
}

/* Docker Desktop answers in the place of a metadata service that is not there. */
static bool is_unreachable(const struct entra_answer *answer)
{
    return answer->status == 403 && memmem(answer->body, answer->body_length, "unreachable", 11) != NULL;
}

static enum link_end read_probe(struct entra_credential *credential, const struct entra_answer *answer)
{
    if (answer->end == ENTRA_ANSWERED && !is_unreachable(answer)) {
        credential->phase = PHASE_ASK;
        return NEXT_PHASE;
    }
    error_set(&credential->error, ERROR_REJECTED, "no managed identity: nothing answers at %s",
              credential->request.origin);
    return NOT_THERE;
}

static enum link_end read_refusal(struct entra_credential *credential, const struct entra_answer *answer)
{
    const struct identity_source *source = &credential->source;
    struct complaint complaint;

    complaint_read(answer->body, answer->body_length, &complaint);
    const char *advice = advice_for(complaint.text);
    const bool is_missing = answer->status == 400 && advice == NULL && strcmp(complaint.code, "invalid_resource") != 0;
    error_set(&credential->error, ERROR_REJECTED, "%s answered %d%s%s: %s", source->name, answer->status,
              complaint.code[0] != '\0' ? " " : "", complaint.code,
              complaint.text[0] != '\0' ? complaint.text : "no reason was given");
    if (is_missing && credential->identity != NULL)
        error_hint(&credential->error, "assign the managed identity %.80s to this machine, or check its id",
                   credential->identity);
    else if (is_missing)
        error_hint(&credential->error, "give this machine a system-assigned managed identity, or name a user-assigned "
                                       "one by client_id");
    else
        error_hint(&credential->error, "%s", advice != NULL ? advice : "see the messages of the host's own agent");
    if (answer->status >= 500 || answer->status == 404 || answer->status == 408 || answer->status == 410 ||
        answer->status == 429)
        return source->retries_404 || answer->status != 404 ? TROUBLE : REFUSED;
    return (is_missing && credential->identity == NULL) || is_unreachable(answer) ? NOT_THERE : REFUSED;
}

/* Where Azure Arc was asked for one identity, its answer must be about that. */
static bool is_about_other(const struct entra_credential *credential, const struct entra_answer *answer)
{
    const char *name = credential->source.selectors[credential->selector];
    struct body body;
    bool is_other = false;

    if (!credential->source.challenges || credential->identity == NULL || name == NULL)
        return false;
    if (body_load(&body, "access_token", answer->body, answer->body_length)) {
        const char *told = body_string(body.document, name);
        is_other = told == NULL || strcasecmp(told, credential->identity) != 0;
    }
    body_free(&body);
    return is_other;
}

static enum link_end read_token(struct entra_credential *credential, const struct entra_answer *answer, int64_t now_s)
{
    const int64_t date_s = answer->date_s > 0 ? answer->date_s : now_s;

    if (credential->source.challenges && (credential->phase != PHASE_CHALLENGE || is_about_other(credential, answer))) {
        error_set(&credential->error, ERROR_REJECTED, "%s gave a token %s", credential->source.name,
                  credential->phase != PHASE_CHALLENGE ? "without asking for proof" : "for another identity");
        error_hint(&credential->error, "check what listens at %s", credential->request.origin);
        return REFUSED;
    }
    if (token_read(FORM_IDENTITY, answer->body, answer->body_length, date_s, &credential->token, &credential->error))
        return GOT_TOKEN;
    error_context(&credential->error, "%s", credential->source.name);
    return TROUBLE;
}

enum link_end identity_read(struct entra_credential *credential, const struct entra_answer *answer, int64_t now_s)
{
    if (credential->phase == PHASE_PROBE)
        return read_probe(credential, answer);
    if (answer->end != ENTRA_ANSWERED)
        return read_no_answer(credential, answer);
    if (answer->status == 200)
        return read_token(credential, answer, now_s);
    if (answer->status != 401 || !credential->source.challenges || credential->phase == PHASE_CHALLENGE)
        return read_refusal(credential, answer);
    if (!arc_read_challenge(credential, answer->challenge))
        return REFUSED;
    credential->phase = PHASE_CHALLENGE;
    return NEXT_PHASE;
}

/* --- trying again --- */

static int64_t imds_delay_ms(int status, unsigned tries)
{
    static const int64_t delays_ms[] = {2000, 4000, 8000, 16000};
    enum { UPDATE_TRIES = 7, UPDATE_MS = 10000 };

    if (status == 410) /* an update is under way: up to 70 s */
        return tries < UPDATE_TRIES ? UPDATE_MS : -1;
    if (status != 404 && status != 429 && status < 500)
        return -1;
    return tries < sizeof delays_ms / sizeof delays_ms[0] ? delays_ms[tries] : -1;
}

static int64_t other_delay_ms(const struct identity_source *source, int status, unsigned tries)
{
    enum { TRIES = 3, DELAY_MS = 1000 };
    const bool may_help = (status == 404 && source->retries_404) || status == 408 || status == 429 || status == 500 ||
                          (status >= 502 && status <= 504);

    return may_help && tries < TRIES ? DELAY_MS : -1;
}

int64_t identity_retry_ms(const struct entra_credential *credential, const struct entra_answer *answer)
{
    const struct identity_source *source = &credential->source;
    int64_t delay_ms;

    if (credential->phase == PHASE_PROBE || answer->end == ENTRA_DISTRUSTED)
        return -1;
    if (answer->end != ENTRA_ANSWERED)
        return credential->tries == 0 ? 1000 : -1;
    delay_ms = source->is_imds ? imds_delay_ms(answer->status, credential->tries)
                               : other_delay_ms(source, answer->status, credential->tries);
    if (delay_ms >= 0 && answer->retry_after_ms > delay_ms)
        delay_ms = answer->retry_after_ms < LONGEST_WAIT_MS ? answer->retry_after_ms : LONGEST_WAIT_MS;
    return delay_ms;
}
