#include "run/sign_in.h"

#include "core/child.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { OUTPUT_MAX = 64 * 1024, ONCE_MS = 120 * 1000 };

/* A program that is run beside the executor, which must not wait for it. */
struct helper {
    struct child_options options;
    struct child_result result;
    struct buffer output;
    struct error error;
    bool ok;
    int done_fd;
    int stop_fd; /* of both, eventfd(2) */
    bool running;
    pthread_t thread;
};

struct sign_in {
    struct sign_in_options options;
    struct http_pool *pool;
    bool owns_pool;
    struct acs_signer *signer; /* of an access key */
    struct entra_cache cache;
    bool sending; /* a request of the credential's is under way */
    int64_t wait_until_us;
    struct helper helper;
    bool refused;
    struct error error; /* of the last failure */
    struct acs_signature signature;
    char date[HTTP_HEADER_SIZE];
    char hash[HTTP_HEADER_SIZE];
    struct buffer authorization;
};

/* --- settings --- */

bool sign_in_credential(const struct spec_resource *resource, struct entra_credential **credential, struct error *error)
{
    static const enum entra_kind kinds[] = {
        [CREDENTIAL_DEFAULT] = ENTRA_DEFAULT,
        [CREDENTIAL_MANAGED_IDENTITY] = ENTRA_MANAGED_IDENTITY,
        [CREDENTIAL_ENVIRONMENT] = ENTRA_ENVIRONMENT,
        [CREDENTIAL_WORKLOAD_IDENTITY] = ENTRA_WORKLOAD_IDENTITY,
        [CREDENTIAL_AZURE_CLI] = ENTRA_AZURE_CLI,
        [CREDENTIAL_CLIENT_SECRET] = ENTRA_CLIENT_SECRET,
        [CREDENTIAL_CLIENT_CERTIFICATE] = ENTRA_CLIENT_CERTIFICATE,
    };
    const struct spec_sign_in *given = &resource->credential;

    *credential = NULL;
    if (given->kind == CREDENTIAL_ACCESS_KEY)
        return true;
    const struct entra_settings settings = {
        .kind = kinds[given->kind],
        .tenant_id = given->tenant_id,
        .client_id = given->client_id,
        .client_secret = &given->client_secret,
        .certificate = given->certificate,
        .certificate_password = &given->certificate_password,
        .send_certificate_chain = given->send_certificate_chain,
        .token_file = given->token_file,
        .object_id = given->object_id,
        .resource_id = given->resource_id,
        .authority_host = given->authority_host,
        .variable = (const char *(*)(const char *))getenv,
    };
    *credential = entra_credential_new(&settings, error);
    return *credential != NULL;
}

/* --- life --- */

struct sign_in *sign_in_new(const struct sign_in_options *options, struct http_pool *pool, struct error *error)
{
    struct sign_in *sign_in = calloc(1, sizeof *sign_in);

    if (sign_in == NULL) {
        error_no_memory(error);
        return NULL;
    }
    sign_in->options = *options;
    sign_in->pool = pool;
    sign_in->helper.done_fd = sign_in->helper.stop_fd = -1;
    buffer_init(&sign_in->authorization, OUTPUT_MAX);
    buffer_init(&sign_in->helper.output, OUTPUT_MAX);
    if (options->credential == NULL) {
        sign_in->signer = acs_signer_new(options->address, error);
        if (sign_in->signer != NULL)
            return sign_in;
    } else {
        sign_in->helper.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        sign_in->helper.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (sign_in->helper.done_fd < 0 || sign_in->helper.stop_fd < 0)
            error_errno(error, "cannot make an event descriptor");
        else if (http_pool_watch(pool, sign_in->helper.done_fd, error))
            return sign_in;
    }
    sign_in_free(sign_in);
    return NULL;
}

/* A program that is still running is not waited for. */
static void end_helper(struct helper *helper)
{
    if (helper->running) {
        eventfd_write(helper->stop_fd, 1);
        pthread_join(helper->thread, NULL);
    }
    if (helper->done_fd >= 0)
        close(helper->done_fd);
    if (helper->stop_fd >= 0)
        close(helper->stop_fd);
}

void sign_in_free(struct sign_in *sign_in)
{
    if (sign_in == NULL)
        return;
    if (sign_in->owns_pool)
        http_pool_abort(sign_in->pool);
    end_helper(&sign_in->helper);
    buffer_wipe(&sign_in->helper.output);
    buffer_wipe(&sign_in->authorization);
    explicit_bzero(&sign_in->signature, sizeof sign_in->signature);
    entra_cache_clear(&sign_in->cache);
    acs_signer_free(sign_in->signer);
    if (sign_in->owns_pool)
        http_pool_free(sign_in->pool);
    free(sign_in);
}

/* --- a sign-in, step by step --- */

static int64_t now_s(const struct sign_in *sign_in)
{
    return clock_wall_ms(sign_in->options.clock) / 1000;
}

static void on_answer(void *context, void *unused, struct http_answer *http)
{
    static const enum entra_end ends[] = {
        [HTTP_ANSWERED] = ENTRA_ANSWERED, [HTTP_NOT_SENT] = ENTRA_UNREACHED,   [HTTP_LOST] = ENTRA_LOST,
        [HTTP_NO_HOST] = ENTRA_NO_HOST,   [HTTP_UNTRUSTED] = ENTRA_DISTRUSTED, [HTTP_NO_PROXY] = ENTRA_NO_PROXY,
    };
    struct sign_in *sign_in = context;
    int64_t date_s = 0;

    (void)unused;
    if (!time_parse_http(http->date, &date_s))
        date_s = 0;
    const struct entra_answer answer = {
        .end = ends[http->end],
        .status = http->status,
        .body = http->body,
        .body_length = http->body_length,
        .challenge = http->www_authenticate,
        .date_s = date_s,
        .retry_after_ms =
            acs_retry_after_ms(http->retry_after_ms, http->x_ms_retry_after_ms, http->retry_after, now_s(sign_in)),
        .detail = http->detail,
    };
    sign_in->sending = false;
    entra_answered(sign_in->options.credential, &answer, now_s(sign_in));
}

/* A request that cannot even be made counts as one that reached nobody. */
static void send_request(struct sign_in *sign_in)
{
    const struct entra_request *request = entra_request(sign_in->options.credential);
    struct http_options options = *sign_in->options.transport;
    struct error error;

    options.base_url = request->origin;
    options.ca_file = request->route == ENTRA_BY_NETWORK ? sign_in->options.ca_file : NULL;
    options.direct = request->route != ENTRA_BY_NETWORK;
    options.thumbprint = request->route == ENTRA_PINNED ? request->thumbprint : NULL;
    options.version = HTTP_VERSION_1_1;
    if (request->connect_timeout_ms > 0)
        options.connect_timeout_ms = request->connect_timeout_ms;
    if (request->timeout_ms > 0)
        options.request_timeout_ms = request->timeout_ms;
    struct http_request http = {
        .method = request->method,
        .target = request->target.data,
        .body = request->body.data,
        .body_length = request->body.length,
    };
    for (size_t i = 0; i < request->header_count; i++)
        http.headers[http.header_count++] = request->headers[i].data;
    http.headers[http.header_count++] = "User-Agent: rollcall/" ROLLCALL_VERSION;
    sign_in->sending = http_pool_send_elsewhere(sign_in->pool, &options, &http, on_answer, sign_in, &error);
    if (sign_in->sending)
        return;
    const struct entra_answer answer = {
        .end = ENTRA_UNREACHED, .body = "", .challenge = "", .retry_after_ms = -1, .detail = error.message};
    entra_answered(sign_in->options.credential, &answer, now_s(sign_in));
}

static void *run_helper(void *context)
{
    struct helper *helper = context;
    const uint64_t one = 1;

    helper->ok = child_run(&helper->options, &helper->result, &helper->error);
    if (write(helper->done_fd, &one, sizeof one) != (ssize_t)sizeof one)
        helper->ok = false;
    return NULL;
}

static void tell_run(struct sign_in *sign_in)
{
    struct helper *helper = &sign_in->helper;
    const struct entra_run run = {
        .started = helper->result.end != CHILD_NOT_STARTED,
        .timed_out = helper->result.end == CHILD_TIMED_OUT,
        .status = helper->ok                           ? 0
                  : helper->result.end == CHILD_EXITED ? helper->result.status
                                                       : -1,
        .output = helper->output.data,
        .output_length = helper->output.length,
        .words = helper->result.words,
        .how = helper->error.message,
    };

    entra_ran(sign_in->options.credential, &run, now_s(sign_in));
    buffer_wipe(&helper->output);
}

static void start_helper(struct sign_in *sign_in)
{
    struct helper *helper = &sign_in->helper;

    helper->options = (struct child_options){
        .argv = entra_command(sign_in->options.credential),
        .directory = "/",
        .without = sign_in->options.secret_variables->items,
        .without_count = sign_in->options.secret_variables->count,
        .output = &helper->output,
        .time_limit_ms = ENTRA_COMMAND_MS,
        .stop_fd = helper->stop_fd,
    };
    helper->ok = false;
    helper->result = (struct child_result){.end = CHILD_NOT_STARTED};
    error_set(&helper->error, ERROR_SYSTEM, "cannot start a thread");
    helper->running = pthread_create(&helper->thread, NULL, run_helper, helper) == 0;
    if (!helper->running)
        tell_run(sign_in);
}

static void take_helper(struct sign_in *sign_in)
{
    uint64_t ignored;

    if (read(sign_in->helper.done_fd, &ignored, sizeof ignored) != (ssize_t)sizeof ignored)
        return;
    pthread_join(sign_in->helper.thread, NULL);
    sign_in->helper.running = false;
    tell_run(sign_in);
}

static void take_failure(struct sign_in *sign_in, int64_t now_us)
{
    int64_t retry_after_ms;
    const enum entra_failure failure = entra_failure(sign_in->options.credential, &sign_in->error, &retry_after_ms);

    sign_in->refused = entra_cache_fail(&sign_in->cache, failure, retry_after_ms, now_us) == ENTRA_STOP;
}

/* One step; false when it has to be waited for. */
static bool step(struct sign_in *sign_in, int64_t now_us)
{
    struct entra_credential *credential = sign_in->options.credential;
    struct entra_token token;

    if (sign_in->sending)
        return false;
    if (sign_in->helper.running) {
        take_helper(sign_in);
        return !sign_in->helper.running;
    }
    switch (entra_step(credential)) {
    case ENTRA_SEND: send_request(sign_in); return !sign_in->sending;
    case ENTRA_RUN: start_helper(sign_in); return !sign_in->helper.running;
    case ENTRA_WAIT:
        if (sign_in->wait_until_us == 0)
            sign_in->wait_until_us = now_us + entra_wait_ms(credential) * 1000;
        if (now_us < sign_in->wait_until_us)
            return false;
        sign_in->wait_until_us = 0;
        entra_waited(credential, now_s(sign_in));
        return true;
    case ENTRA_DONE:
        entra_take(credential, &token);
        entra_cache_take(&sign_in->cache, &token, now_us);
        return false;
    case ENTRA_FAILED: take_failure(sign_in, now_us); return false;
    case ENTRA_IDLE: break;
    }
    return false;
}

enum sign_in_state sign_in_go_on(struct sign_in *sign_in, int64_t now_us, int64_t *silence_us, struct error *error)
{
    struct entra_cache *cache = &sign_in->cache;

    *silence_us = 0;
    if (sign_in->options.credential == NULL)
        return SIGN_IN_READY;
    if (entra_cache_wants_token(cache, now_us)) {
        entra_cache_begin(cache);
        entra_begin(sign_in->options.credential, now_s(sign_in));
    }
    while (cache->renewing && step(sign_in, now_us))
        continue;
    if (entra_cache_is_good(cache, now_us))
        return SIGN_IN_READY;
    *error = sign_in->error;
    if (sign_in->refused)
        return SIGN_IN_REFUSED;
    *silence_us = entra_cache_silence_us(cache, now_us);
    return *silence_us > 0 ? SIGN_IN_TROUBLE : SIGN_IN_WAITING;
}

int64_t sign_in_next_us(const struct sign_in *sign_in, int64_t now_us)
{
    if (sign_in->options.credential == NULL)
        return INT64_MAX;
    const int64_t next_us = entra_cache_next_us(&sign_in->cache, now_us);
    return sign_in->wait_until_us > 0 && sign_in->wait_until_us < next_us ? sign_in->wait_until_us : next_us;
}

/* --- requests of the service --- */

static bool authorize_by_key(struct sign_in *sign_in, const struct acs_request *request,
                             struct sign_in_headers *headers, struct error *error)
{
    struct acs_signature *signature = &sign_in->signature;

    if (!acs_sign(sign_in->signer, request->method, request->target, request->body, request->body_length,
                  now_s(sign_in), signature, error))
        return false;
    snprintf(sign_in->date, sizeof sign_in->date, "x-ms-date: %s", signature->date);
    snprintf(sign_in->hash, sizeof sign_in->hash, "x-ms-content-sha256: %s", signature->content_hash);
    buffer_append_text(&sign_in->authorization, signature->authorization);
    headers->headers[headers->count++] = sign_in->date;
    headers->headers[headers->count++] = sign_in->hash;
    return true;
}

bool sign_in_authorize(struct sign_in *sign_in, const struct acs_request *request, struct sign_in_headers *headers,
                       struct error *error)
{
    *headers = (struct sign_in_headers){.generation = sign_in->cache.generation};
    buffer_reset(&sign_in->authorization);
    buffer_append_text(&sign_in->authorization, "Authorization: ");
    if (sign_in->signer != NULL) {
        if (!authorize_by_key(sign_in, request, headers, error))
            return false;
    } else {
        buffer_append_text(&sign_in->authorization, "Bearer ");
        buffer_append_text(&sign_in->authorization, secret_reveal(&sign_in->cache.token));
    }
    headers->headers[headers->count++] = sign_in->authorization.data;
    return !buffer_failed(&sign_in->authorization) ||
           buffer_error(&sign_in->authorization, "the authorisation of a request", error);
}

void sign_in_accepted(struct sign_in *sign_in, uint64_t generation)
{
    entra_cache_accepted(&sign_in->cache, generation);
}

bool sign_in_rejected(struct sign_in *sign_in, uint64_t generation, int64_t now_us)
{
    return sign_in->options.credential != NULL &&
           entra_cache_rejected(&sign_in->cache, generation, now_us) == ENTRA_GO_ON;
}

/* --- once --- */

static void on_nothing(void *context, void *unused, struct http_answer *http)
{
    (void)context, (void)unused, (void)http;
}

static bool wait_for_token(struct sign_in *sign_in, struct error *error)
{
    const struct clock *clock = sign_in->options.clock;
    const int64_t end_us = clock_monotonic_us(clock) + (int64_t)ONCE_MS * 1000;
    int64_t silence_us;

    for (;;) {
        const int64_t now_us = clock_monotonic_us(clock);
        const enum sign_in_state state = sign_in_go_on(sign_in, now_us, &silence_us, error);
        if (state == SIGN_IN_READY)
            return true;
        if (state == SIGN_IN_REFUSED || sign_in->cache.failures > 0 || now_us >= end_us)
            return error->message[0] == '\0' ? error_set(error, ERROR_REJECTED, "no token came in %d s", ONCE_MS / 1000)
                                             : false;
        const int64_t next_us = sign_in_next_us(sign_in, now_us);
        const int64_t wait_ms = next_us == INT64_MAX || next_us - now_us > 100000 ? 100 : (next_us - now_us) / 1000 + 1;
        if (!http_pool_wait(sign_in->pool, (int)(wait_ms > 0 ? wait_ms : 0), error))
            return false;
    }
}

struct sign_in *sign_in_now(const struct sign_in_options *options, int64_t *lifetime_ms, struct error *error)
{
    struct http_pool *pool = http_pool_new(options->transport, on_nothing, NULL, error);
    struct sign_in *sign_in = pool != NULL ? sign_in_new(options, pool, error) : NULL;

    if (sign_in == NULL) {
        http_pool_free(pool);
        return NULL;
    }
    sign_in->owns_pool = true;
    if (!wait_for_token(sign_in, error)) {
        sign_in_free(sign_in);
        return NULL;
    }
    *lifetime_ms = sign_in->cache.lifetime_ms;
    return sign_in;
}
