#include "service.h"

#include "admin.h"
#include "fault_answer.h"
#include "operations.h"

#include "core/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool service_init(struct service *service, const struct resource *resource, const struct service_options *options,
                  struct error *error)
{
    *service = (struct service){.resource = resource, .options = *options, .started = moment_now()};
    if (!random_init(&service->random, options->seed, "answers", error) ||
        !entra_init(&service->entra, &options->entra, options->bearer_token, options->seed, error))
        return false;
    if (!auth_init(&service->auth, resource, &service->entra.bearer, error)) {
        entra_clear(&service->entra);
        return false;
    }
    token_maker_init(&service->tokens, resource, &service->random);
    quota_init(&service->quota, &options->limits, options->window);
    for (int era = 0; era < ERA_COUNT; era++) {
        version_list((enum era)era, 0, service->versions[era]);
        version_list((enum era)era, FEATURE_TEAMS, service->teams_versions[era]);
    }
    if (faults_load(&service->faults, options->faults, options->seed, error)) {
        if (store_init(&service->store, resource, options->remember_request_ids, service->started))
            return true;
        error_no_memory(error);
    }
    service_clear(service);
    return false;
}

void service_clear(struct service *service)
{
    store_clear(&service->store);
    faults_clear(&service->faults);
    quota_clear(&service->quota);
    auth_clear(&service->auth);
    entra_clear(&service->entra);
}

bool service_preload(struct service *service, uint64_t count, struct error *error)
{
    const struct moment now = moment_now();
    uint32_t identity;

    for (uint64_t i = 0; i < count; i++)
        if (!store_create(&service->store, NULL, NULL, now, &identity))
            return error_no_memory(error);
    return true;
}

/* The texts are those of ASP.NET's versioning library, which the one recorded message belongs to. */
static bool check_version(const struct service *service, const struct call *call, struct answer *answer)
{
    const struct request *request = call->request;
    const struct route *route = &call->route;
    const bool teams = route->place == PLACE_EXCHANGE;
    char uri[1024];

    answer->versions = teams ? service->teams_versions[answer->era] : service->versions[answer->era];
    snprintf(uri, sizeof uri, "%s://%s%.*s", request->over_tls ? "https" : "http",
             request->host == NULL ? "" : request->host, (int)strcspn(request->target, "?"), request->target);
    if (route->version[0] == '\0')
        return answer_error(answer, FROM_CONTROLLER, 400, "ApiVersionUnspecified", NULL,
                            "An API version is required, but was not specified.");
    if (call->version == NULL || (teams && (call->version->features & FEATURE_TEAMS) == 0))
        return answer_error(answer, FROM_CONTROLLER, 400, "UnsupportedApiVersion", NULL,
                            "The HTTP resource that matches the request URI '%s' does not support the API version "
                            "'%s'.",
                            uri, route->version);
    const bool has_get = (call->version->features & FEATURE_CUSTOM_ID) != 0;
    if (!route->method_fits || (route->operation == OPERATION_GET && !has_get))
        return answer_error(answer, FROM_CONTROLLER, 405, "UnsupportedApiVersion", NULL,
                            "The HTTP resource that matches the request URI '%s' with API version '%s' does not "
                            "support HTTP method '%s'.",
                            uri, route->version, request->method);
    return true;
}

static bool check_signature(struct service *service, const struct call *call, struct answer *answer)
{
    static const char *const reasons[] = {
        [AUTH_DENIED] = "Denied by the resource provider.",
        [AUTH_HASH_DIFFERS] = "Request 'x-ms-content-sha256' differs from generated content hash.",
        [AUTH_BEARER_EXPIRED] = "The bearer token has expired.",
        [AUTH_BEARER_OTHER_AUDIENCE] = "The audience of the bearer token is not this service.",
        [AUTH_BEARER_FORGED] = "The signature of the bearer token is not valid.",
    };
    const enum auth_verdict verdict = auth_check(&service->auth, call->request);

    return verdict == AUTH_ALLOWED || answer_error(answer, FROM_FRONT, 401, "Denied", NULL, "%s", reasons[verdict]);
}

/* No recording of a 429 is known; the header's forms are those that the SDKs read. A wait is rounded up: who keeps to
 * it is let in. */
static void answer_throttled(const struct service *service, const struct call *call, int64_t wait_us,
                             struct answer *answer)
{
    const int64_t seconds = (wait_us + 999999) / 1000000;
    const int64_t arrived_ms = moment_wall_ms(call->request->arrived);
    char date[TIME_TEXT_SIZE];

    answer_error(answer, FROM_FRONT, 429, "TooManyRequests", NULL, "Too many requests. Try again in %" PRId64 " s.",
                 seconds);
    switch (service->options.retry) {
    case RETRY_SECONDS:
        answer->retry_header = "Retry-After";
        snprintf(answer->retry_value, sizeof answer->retry_value, "%" PRId64, seconds);
        break;
    case RETRY_DATE:
        answer->retry_header = "Retry-After";
        time_format_http((arrived_ms + wait_us / 1000 + 1000) / 1000, date);
        snprintf(answer->retry_value, sizeof answer->retry_value, "%s", date);
        break;
    case RETRY_MS:
    case RETRY_X_MS:
        answer->retry_header = service->options.retry == RETRY_MS ? "retry-after-ms" : "x-ms-retry-after-ms";
        snprintf(answer->retry_value, sizeof answer->retry_value, "%" PRId64, (wait_us + 999) / 1000);
        break;
    case RETRY_NONE: break;
    }
}

bool service_take_quota(struct service *service, const struct call *call, enum operation operation,
                        struct answer *answer)
{
    const int64_t now_us = call->request->arrived.monotonic_us;
    int64_t wait_us;

    if (!quota_allows(&service->quota, operation, now_us, &wait_us)) {
        answer_throttled(service, call, wait_us, answer);
        return false;
    }
    quota_use(&service->quota, operation, now_us);
    return true;
}

/* Whose errors they are shows in their form. */
static void choose_form(struct service *service, const struct call *call, struct answer *answer)
{
    unsigned char bytes[16];

    switch (call->route.operation) {
    case OPERATION_TOKEN:
    case OPERATION_DISCOVERY:
        answer->form = FORM_ENTRA;
        answer->at_s = moment_wall_s(call->request->arrived);
        random_bytes(&service->entra.random, bytes, sizeof bytes);
        guid_format(bytes, answer->trace_id);
        break;
    case OPERATION_MANAGED_IDENTITY:
        answer->form = call->route.place == PLACE_APP_SERVICE      ? FORM_APP_SERVICE
                       : call->route.place == PLACE_SERVICE_FABRIC ? FORM_SERVICE_FABRIC
                                                                   : FORM_IMDS;
        break;
    default: break;
    }
}

static bool admit(struct service *service, const struct call *call, struct answer *answer)
{
    if (call->request->body_too_large)
        return answer_error(answer, FROM_FRONT, 413, "RequestBodyTooLarge", NULL,
                            "The request body is larger than %d bytes.", REQUEST_BODY_MAX);
    if (route_is_sign_in(&call->route)) {
        if (!call->route.method_fits)
            return answer_error(answer, FROM_FRONT, 405, "invalid_request", NULL, "The method does not fit.");
        return service_take_quota(service, call, call->route.operation, answer);
    }
    if (!check_signature(service, call, answer))
        return false;
    if (call->route.place == PLACE_UNKNOWN)
        return answer_error(answer, FROM_FRONT, 404, "NotFound", NULL, "The resource does not exist.");
    return check_version(service, call, answer) && service_take_quota(service, call, call->route.operation, answer);
}

static void act(struct service *service, const struct call *call, struct answer *answer)
{
    switch (call->route.operation) {
    case OPERATION_CREATE: operation_create(service, call, answer); break;
    case OPERATION_ISSUE: operation_issue(service, call, answer); break;
    case OPERATION_REVOKE: operation_revoke(service, call, answer); break;
    case OPERATION_DELETE: operation_delete(service, call, answer); break;
    case OPERATION_GET: operation_get(service, call, answer); break;
    case OPERATION_EXCHANGE: operation_exchange(service, call, answer); break;
    case OPERATION_TOKEN: operation_token(service, call, answer); break;
    case OPERATION_MANAGED_IDENTITY: operation_managed_identity(service, call, answer); break;
    case OPERATION_DISCOVERY: operation_discovery(service, call, answer); break;
    case OPERATION_OTHER: break; /* was not admitted */
    }
    if (buffer_failed(&answer->body))
        answer_no_memory(answer);
}

static void befall(struct service *service, const struct call *call, struct answer *answer)
{
    const struct fault *fault = faults_draw(&service->faults, call->route.operation);

    if (fault == NULL || fault->acts)
        act(service, call, answer);
    if (fault == NULL)
        return;
    fault_spoil(fault, call->route.operation, call->request->arrived, answer);
    answer->fault = fault;
}

/* A browser asks first, without a signature, whether it may send one. */
static bool is_preflight(const struct request *request)
{
    return strcmp(request->method, "OPTIONS") == 0 && request->origin != NULL;
}

void service_handle(struct service *service, const struct request *request, struct answer *answer)
{
    struct call call = {.request = request};

    answer_reset(answer);
    route_parse(request->method, request->target, &call.route);
    call.version = version_find(call.route.version);
    answer->era = call.version == NULL ? ERA_TODAY : call.version->era;
    if (call.route.place == PLACE_STATS || call.route.place == PLACE_LIST) {
        admin_handle(service, &call, answer);
        answer->at_once = true;
        return;
    }
    choose_form(service, &call, answer);
    quota_arrive(&service->quota, call.route.operation, request->arrived.monotonic_us);
    if (is_preflight(request)) {
        answer->status = 204;
        answer->preflight = true;
    } else if (admit(service, &call, answer)) {
        befall(service, &call, answer);
    }
    service->answered[call.route.operation][answer->status]++;
}
