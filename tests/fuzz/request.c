/* Requests to the emulator, one after the other, each as a client would write it:
 *
 *     POST /identities?api-version=2023-10-01
 *     Host: contoso.communication.azure.com
 *     Authorization: sign
 *
 *     {"createTokenWithScopes":["chat"]}
 *
 * A line of two hyphens ends a request. "Authorization: sign" has it signed by the client's own signer, and
 * "Authorization: Bearer own" gets a token of the emulator's own Entra ID: the fuzzer lacks the keys. Another bearer
 * token that is taken is "letmein". "From: x" comes from another machine, "Via: x" without TLS. The clock stands still,
 * and the first identity is always the same.
 *
 * What is denied changes nothing; every answer is JSON that the client understands; what was created is found again.
 */
#include "fuzz.h"

#include "acs/acs.h"
#include "core/clock.h"
#include "form.h"
#include "service.h"

#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

/* Small, so that a few bytes reach what happens beyond. */
enum { REQUESTS_MAX = 16, BODY_MAX = 2048, QUOTA = 12 };

static const char seed[] = "fuzz";
static const char now_text[] = "Mon, 05 Jan 2026 08:09:10 GMT";

/* "ISSUER,SUBJECT,FILE" of a federated credential; nobody has the key to it. */
static char federated[64];

static struct resource resource;
static struct service service;
static struct acs_signer *signer;
static char authority[256];
static const struct moment now = {.wall_ticks = INT64_C(1767600550) * TICKS_PER_SECOND, .monotonic_us = 1000000};

static void make_federated(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *memory = BIO_new(BIO_s_mem());
    char *pem;

    MUST(key != NULL && memory != NULL && PEM_write_bio_PUBKEY(memory, key) == 1);
    const long length = BIO_get_mem_data(memory, &pem);
    snprintf(federated, sizeof federated, "i,s,/proc/self/fd/%d", fuzz_file(pem, (size_t)length));
    BIO_free(memory);
    EVP_PKEY_free(key);
}

int LLVMFuzzerInitialize(int *count, char ***arguments);

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    struct service_options options = {.seed = seed, .bearer_token = "letmein", .remember_request_ids = true};
    struct acs_resource known;
    struct error error;
    char connection[1024];

    (void)count;
    (void)arguments;
    quota_limits_published(&options.limits);
    options.limits.of[OPERATION_CREATE].count = QUOTA;
    entra_options_default(&options.entra);
    make_federated();
    options.entra.federated = federated;
    options.entra.user_assigned = "client,object,id";
    options.entra.arc_keys = "/dev/null"; /* no challenge can be written */
    MUST(resource_init(&resource, seed, false, NULL, &error) && service_init(&service, &resource, &options, &error));
    snprintf(connection, sizeof connection, "endpoint=https://contoso.communication.azure.com;accesskey=%s",
             resource.key_text);
    MUST(acs_resource_parse(connection, &known, &error));
    snprintf(authority, sizeof authority, "%s", known.origin.authority);
    signer = acs_signer_new(&known, &error);
    MUST(signer != NULL);
    acs_resource_clear(&known);
    store_clear(&service.store);
    MUST(store_init(&service.store, &resource, true, now));
    return 0;
}

/* The service as it was at its start. A store takes long to make, and an empty one can be used again. */
static void begin(void)
{
    struct error error;

    if (service.store.identities.count > 0) {
        store_clear(&service.store);
        MUST(store_init(&service.store, &resource, true, now));
    }
    quota_clear(&service.quota);
    quota_init(&service.quota, &service.options.limits, service.options.window);
    MUST(random_init(&service.random, seed, "answers", &error));
    MUST(random_init(&service.entra.random, seed, "entra", &error));
    free(service.entra.bearer.known_good);
    service.entra.bearer.known_good = NULL;
}

/* Ends the next line with a NUL and returns it; NULL at the end. */
static char *take_line(char **rest, char *end)
{
    char *line = *rest;

    if (line >= end)
        return NULL;
    char *newline = memchr(line, '\n', (size_t)(end - line));
    *rest = newline != NULL ? newline + 1 : end;
    *(newline != NULL ? newline : end) = '\0';
    return line;
}

static void take_header(struct request *request, char *line)
{
    char *colon = strchr(line, ':');

    if (colon == NULL)
        return;
    *colon++ = '\0';
    while (*colon == ' ')
        colon++;
    request_take_header(request, line, colon);
    if (strcmp(line, "From") == 0) /* none that a server looks at */
        request->from_loopback = false;
    if (strcmp(line, "Via") == 0)
        request->over_tls = false;
}

static void take_target(struct request *request, char *line)
{
    char *space = strchr(line, ' ');

    request->method = line;
    request->target = "";
    if (space == NULL)
        return;
    *space = '\0';
    request->target = space + 1;
}

/* As the client would: false when its signer refuses the request. */
static bool sign(struct request *request, struct acs_signature *signature)
{
    struct error error;

    if (!acs_sign(signer, request->method, request->target, request->body, request->body_length, moment_wall_s(now),
                  signature, &error))
        return false;
    MUST(strcmp(signature->date, now_text) == 0);
    if (request->host == NULL)
        request->host = authority;
    request->ms_date = signature->date;
    request->content_hash = signature->content_hash;
    request->authorization = signature->authorization;
    return true;
}

/* "Bearer " and a token as the emulator's Entra ID gives it out. */
static void take_own_token(struct request *request, struct buffer *authorization)
{
    const struct entra_options *options = &service.options.entra;
    const struct bearer_subject subject = {options->tenant, options->client_id, options->client_id};

    buffer_append_text(authorization, "Bearer ");
    MUST(bearer_append(&service.entra.bearer, authorization, &subject, BEARER_AUDIENCE, now, options->lifetime_us));
    request->authorization = authorization->data;
}

static bool has_text(const json_t *object, const char *name)
{
    return json_is_string(json_object_get(object, name));
}

/* Each place has errors of its own form. */
static bool is_error_body(const json_t *document, enum answer_form form)
{
    const json_t *error = json_object_get(document, "error");

    switch (form) {
    case FORM_SERVICE:
    case FORM_SERVICE_FABRIC: return has_text(error, "code") && has_text(error, "message");
    case FORM_ENTRA:
    case FORM_IMDS: return has_text(document, "error") && has_text(document, "error_description");
    case FORM_APP_SERVICE: return has_text(document, "message");
    }
    return false;
}

static void check_body(const struct answer *answer)
{
    json_t *document = NULL;

    switch (answer->kind) {
    case ANSWER_JSON:
    case ANSWER_ERROR:
        document = json_loadb(answer->body.data, answer->body.length, JSON_REJECT_DUPLICATES, NULL);
        MUST(document != NULL && is_error_body(document, answer->form) == (answer->status >= 400));
        MUST(answer->form != FORM_SERVICE || (answer->status >= 400) == (answer->kind == ANSWER_ERROR));
        break;
    case ANSWER_EMPTY:
    case ANSWER_IDENTITIES: MUST(answer->body.length == 0 && answer->status < 300); break;
    case ANSWER_HTML: MUST(answer->kind != ANSWER_HTML); break; /* faults only */
    }
    json_decref(document);
}

/* Nobody gets in without one of the keys, and nobody gets a token without the secret. */
static void check_allowed(const struct request *request, const struct route *route)
{
    if (route->operation == OPERATION_TOKEN) {
        char *secret = form_value(request->body, request->body_length, "client_secret");
        MUST(secret != NULL && strcmp(secret, service.options.entra.client_secret) == 0);
        free(secret);
    } else if (!route_is_sign_in(route) && route->place < PLACE_STATS) {
        MUST(auth_check(&service.auth, request) == AUTH_ALLOWED);
    }
}

static enum action action_of(enum operation operation)
{
    return operation == OPERATION_CREATE   ? ACTION_PROVISION
           : operation == OPERATION_ISSUE  ? ACTION_ISSUE
           : operation == OPERATION_REVOKE ? ACTION_REVOKE
                                           : ACTION_DELETE;
}

/* The client makes the same of the answer. */
static void check_understood(const struct route *route, const struct answer *answer)
{
    struct acs_answer understood;
    struct error error;
    uint32_t identity;

    if (route->operation > OPERATION_DELETE)
        return;
    MUST(acs_answer_read(action_of(route->operation), false, (int)answer->status, answer->body.data,
                         answer->body.length, &understood, &error));
    MUST((understood.class == ACS_DONE) ==
         (answer->status < 300 || (route->operation == OPERATION_DELETE && answer->status == 404)));
    if (route->operation == OPERATION_CREATE && understood.class == ACS_DONE)
        MUST(store_find(&service.store, understood.identity, &identity) == STORE_OK);
    if (route->operation == OPERATION_DELETE && answer->status == 204)
        MUST(store_find(&service.store, route->id, &identity) == STORE_DELETED);
    acs_answer_clear(&understood);
}

static void check_route(const struct request *request, const struct route *route)
{
    MUST(memchr(route->id, '\0', sizeof route->id) != NULL);
    MUST(memchr(route->version, '\0', sizeof route->version) != NULL);
    MUST(route->method_fits || route->operation == OPERATION_OTHER);
    MUST(route->operation == OPERATION_OTHER || strlen(request->target) > 0);
    if (route->place == PLACE_IDENTITY || route->place == PLACE_ISSUE || route->place == PLACE_REVOKE)
        MUST(strlen(route->id) <= strlen(request->target));
}

static void handle(struct request *request)
{
    struct acs_signature signature;
    struct buffer authorization;
    struct answer answer;
    struct route route;
    const uint64_t created = service.store.identities.count;
    const uint64_t deleted = service.store.deleted;
    const uint64_t issued = service.store.issued;

    if (request->authorization != NULL && strcmp(request->authorization, "sign") == 0 && !sign(request, &signature))
        return;
    buffer_init(&authorization, 4096);
    if (request->authorization != NULL && strcmp(request->authorization, "Bearer own") == 0)
        take_own_token(request, &authorization);
    answer_init(&answer);
    route_parse(request->method, request->target, &route);
    check_route(request, &route);
    service_handle(&service, request, &answer);
    MUST(answer.status >= 200 && answer.status < STATUS_MAX && answer.fault == NULL);
    check_body(&answer);
    if (answer.status >= 300)
        MUST(service.store.identities.count == created && service.store.deleted == deleted &&
             service.store.issued == issued);
    else if (!answer.preflight)
        check_allowed(request, &route);
    check_understood(&route, &answer);
    answer_clear(&answer);
    buffer_clear(&authorization);
}

/* The bytes before the line of hyphens that ends a request, or all. */
static size_t body_length(const char *body, const char *end, size_t *used)
{
    const size_t left = (size_t)(end - body);
    const char *hyphens = left >= 3 && memcmp(body, "--\n", 3) == 0 ? body : memmem(body, left, "\n--\n", 4);

    *used = hyphens == NULL ? left : (size_t)(hyphens - body) + (hyphens == body ? 3 : 4);
    return hyphens == NULL ? left : (size_t)(hyphens - body);
}

/* Takes one request off the input. */
static void take_request(char **rest, char *end)
{
    struct request request = {
        .method = "", .target = "", .body = "", .from_loopback = true, .over_tls = true, .arrived = now};
    char *body = NULL;
    char *line = take_line(rest, end);

    take_target(&request, line);
    while ((line = take_line(rest, end)) != NULL && line[0] != '\0' && strcmp(line, "--") != 0)
        take_header(&request, line);
    if (line != NULL && line[0] == '\0') {
        size_t used;
        const size_t length = body_length(*rest, end, &used);
        body = malloc(length > 0 ? length : 1); /* exact: a byte read too far is noticed */
        MUST(body != NULL);
        memcpy(body, *rest, length);
        request.body_too_large = length > BODY_MAX;
        request.body = request.body_too_large ? "" : body;
        request.body_length = request.body_too_large ? 0 : length;
        *rest += used;
    }
    handle(&request);
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *input = malloc(size + 1);

    MUST(input != NULL);
    memcpy(input, data, size);
    begin();
    char *rest = input;
    for (int i = 0; i < REQUESTS_MAX && rest < input + size; i++)
        take_request(&rest, input + size);
    free(input);
    return 0;
}
