/* An application signs in at the token endpoint: with a secret, with an assertion of its certificate, or with a token
 * that somebody whom Entra ID trusts has given it [S 2 to 5]. */
#include "entra/entra_internal.h"

#include "core/uuid.h"

#include <stdio.h>
#include <string.h>

enum { URL_SIZE = ENTRA_ORIGIN_SIZE + 160, RETRY_MS = 1000 };

static const char jwt_bearer[] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/* --- asking --- */

static bool is_adfs(const struct entra_credential *credential)
{
    return strcmp(credential->tenant_id, "adfs") == 0;
}

static void append_field(struct buffer *body, const char *name, const char *value)
{
    if (body->length > 0)
        buffer_append_char(body, '&');
    buffer_append_text(body, name);
    buffer_append_char(body, '=');
    append_encoded(body, value);
}

static bool append_own_assertion(struct entra_credential *credential, int64_t now_s, struct error *error)
{
    char id[UUID_LENGTH + 1];
    char url[URL_SIZE];
    struct buffer text;

    if (!uuid_random(id, error))
        return false;
    snprintf(url, sizeof url, "%s%s", credential->request.origin, credential->request.target.data);
    const struct assertion assertion = {
        .audience = url,
        .client_id = credential->client_id,
        .id = id,
        .now_s = now_s,
        .for_adfs = is_adfs(credential),
        .sends_chain = credential->sends_chain,
    };
    buffer_init(&text, BODY_MAX);
    const bool ok = assertion_append(&text, &credential->certificate, &assertion, error);
    append_field(&credential->request.body, "client_assertion_type", jwt_bearer);
    append_field(&credential->request.body, "client_assertion", text.data);
    buffer_wipe(&text);
    return ok;
}

/* The file is replaced now and then: it is read for each request. */
static bool append_federated(struct entra_credential *credential, struct error *error)
{
    struct secret token = {0};

    if (!secret_read_mounted(&token, credential->token_file, FILE_MAX, error))
        return error_hint(error,
                          "the file of the federated token is named by token_file or AZURE_FEDERATED_TOKEN_FILE");
    while (token.length > 0 && strchr(" \t\r\n", token.bytes[token.length - 1]) != NULL)
        token.bytes[--token.length] = '\0';
    const bool ok = token.length > 0 && strlen(secret_reveal(&token)) == token.length;
    append_field(&credential->request.body, "client_assertion_type", jwt_bearer);
    append_field(&credential->request.body, "client_assertion", secret_reveal(&token));
    secret_clear(&token);
    return ok || error_set(error, ERROR_REJECTED, "%s holds no token", credential->token_file);
}

bool application_ask(struct entra_credential *credential, int64_t now_s, struct error *error)
{
    struct entra_request *request = &credential->request;
    struct buffer *body = &request->body;
    bool ok = true;

    request_start(request, "POST", ENTRA_BY_NETWORK);
    snprintf(request->origin, sizeof request->origin, "%s", credential->authority);
    buffer_append_format(&request->target, "/%s/%s", credential->tenant_id,
                         is_adfs(credential) ? "oauth2/token" : "oauth2/v2.0/token");
    request_add_header(request, "Content-Type", "application/x-www-form-urlencoded");
    append_field(body, "grant_type", "client_credentials");
    append_field(body, "client_id", credential->client_id);
    append_field(body, "scope", is_adfs(credential) ? ENTRA_RESOURCE : ENTRA_SCOPE);
    switch (credential->links[credential->link]) {
    case ENTRA_CLIENT_CERTIFICATE: ok = append_own_assertion(credential, now_s, error); break;
    case ENTRA_WORKLOAD_IDENTITY: ok = append_federated(credential, error); break;
    default: append_field(body, "client_secret", secret_reveal(&credential->client_secret)); break;
    }
    return ok && (!buffer_failed(body) || buffer_error(body, "the request for a token", error));
}

/* --- reading --- */

static const char *host_of(const struct entra_credential *credential)
{
    return strstr(credential->authority, "://") + 3;
}

static enum link_end read_no_answer(struct entra_credential *credential, const struct entra_answer *answer)
{
    const char *hint = "";
    bool is_final = !credential->has_succeeded;

    switch (answer->end) {
    case ENTRA_NO_HOST: hint = "check AZURE_AUTHORITY_HOST, and this machine's name server"; break;
    case ENTRA_NO_PROXY:
        hint = "check the proxy that https_proxy or HTTPS_PROXY names, or list the host in no_proxy";
        break;
    case ENTRA_DISTRUSTED:
        hint = "it must speak TLS 1.2 or newer; if it has a certificate of its own authority, name that in "
               "resource.credential.ca_file";
        is_final = true;
        break;
    default: is_final = false; break;
    }
    error_set(&credential->error, ERROR_REJECTED, "cannot reach %s: %s", host_of(credential), answer->detail);
    error_hint(&credential->error, "%s", hint);
    return is_final ? REFUSED : TROUBLE;
}

static bool is_trouble(int status, const struct complaint *complaint)
{
    return status >= 500 || status == 408 || status == 429 || strcmp(complaint->code, "temporarily_unavailable") == 0 ||
           strcmp(complaint->code, "server_error") == 0;
}

static enum link_end read_refusal(struct entra_credential *credential, const struct entra_answer *answer)
{
    struct complaint complaint;
    char reason[COMPLAINT_TEXT_SIZE + COMPLAINT_CODE_SIZE];

    complaint_read(answer->body, answer->body_length, &complaint);
    snprintf(reason, sizeof reason, "%s%s", complaint.text[0] != '\0' ? complaint.text : complaint.code,
             complaint.text[0] == '\0' && complaint.code[0] == '\0' ? "no reason was given" : "");
    if (is_trouble(answer->status, &complaint)) {
        error_set(&credential->error, ERROR_REJECTED, "%s answered %d: %s", host_of(credential), answer->status,
                  reason);
        return TROUBLE;
    }
    const char *advice = advice_for(complaint.text);
    error_set(&credential->error, ERROR_REJECTED, "%s does not sign in %s (%d): %s%s%s", host_of(credential),
              credential->client_id, answer->status, reason, complaint.trace[0] != '\0' ? " Trace ID: " : "",
              complaint.trace);
    error_hint(&credential->error, "%s", advice != NULL ? advice : "check tenant_id, client_id and the authority");
    return REFUSED;
}

enum link_end application_read(struct entra_credential *credential, const struct entra_answer *answer, int64_t now_s)
{
    const int64_t date_s = answer->date_s > 0 ? answer->date_s : now_s;

    if (answer->end != ENTRA_ANSWERED)
        return read_no_answer(credential, answer);
    if (answer->status != 200)
        return read_refusal(credential, answer);
    if (token_read(FORM_ENTRA, answer->body, answer->body_length, date_s, &credential->token, &credential->error))
        return GOT_TOKEN;
    error_context(&credential->error, "%s", host_of(credential));
    return TROUBLE;
}

/* Once more after a second, unless the answer names a time itself [S 2]. */
int64_t application_retry_ms(const struct entra_credential *credential, const struct entra_answer *answer)
{
    const bool may_help = answer->end == ENTRA_ANSWERED ? answer->status >= 500 && answer->retry_after_ms < 0
                                                        : answer->end == ENTRA_UNREACHED || answer->end == ENTRA_LOST;

    return may_help && credential->tries == 0 ? RETRY_MS : -1;
}
