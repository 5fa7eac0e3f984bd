/* What the official libraries read before they ask for a token. */
#include "operations.h"

#include <string.h>

static void append_origin(struct buffer *buffer, const struct request *request)
{
    buffer_append_text(buffer, request->over_tls ? "https://" : "http://");
    buffer_append_text(buffer, request->host == NULL ? "" : request->host);
}

/* ,"name":"scheme://host/{tenant}path" */
static void append_url(const struct call *call, struct buffer *body, const char *name, const char *path)
{
    struct buffer url;

    buffer_init(&url, 4096);
    append_origin(&url, call->request);
    buffer_append_format(&url, "/%s%s", call->route.id, path);
    buffer_append_format(body, ",\"%s\":", name);
    json_append_string(body, url.data);
    buffer_clear(&url);
}

static void append_configuration(const struct call *call, struct buffer *body)
{
    buffer_append_text(body, "{\"token_endpoint_auth_methods_supported\":[\"client_secret_post\",\"private_key_jwt\"],"
                             "\"response_types_supported\":[\"code\"],\"subject_types_supported\":[\"pairwise\"],"
                             "\"id_token_signing_alg_values_supported\":[\"ES256\"]");
    append_url(call, body, "issuer", "/v2.0");
    append_url(call, body, "authorization_endpoint", "/oauth2/v2.0/authorize");
    append_url(call, body, "token_endpoint", "/oauth2/v2.0/token");
    append_url(call, body, "device_authorization_endpoint", "/oauth2/v2.0/devicecode");
    append_url(call, body, "end_session_endpoint", "/oauth2/v2.0/logout");
    append_url(call, body, "jwks_uri", "/discovery/v2.0/keys");
    buffer_append_char(body, '}');
}

static void append_instances(const struct call *call, struct buffer *body)
{
    const char *host = call->request->host == NULL ? "" : call->request->host;

    buffer_append_text(body, "{\"api-version\":\"1.1\"");
    append_url(call, body, "tenant_discovery_endpoint", "common/v2.0/.well-known/openid-configuration");
    buffer_append_text(body, ",\"metadata\":[{\"preferred_network\":");
    json_append_string(body, host);
    buffer_append_text(body, ",\"preferred_cache\":");
    json_append_string(body, host);
    buffer_append_text(body, ",\"aliases\":[");
    json_append_string(body, host);
    buffer_append_text(body, "]}]}");
}

static void append_keys(const struct service *service, struct buffer *body)
{
    const struct bearer *bearer = &service->entra.bearer;
    char x[BEARER_COORDINATE_SIZE];
    char y[BEARER_COORDINATE_SIZE];

    if (bearer_public_key(bearer, x, y))
        buffer_append_format(body,
                             "{\"keys\":[{\"kty\":\"EC\",\"use\":\"sig\",\"alg\":\"ES256\",\"crv\":\"P-256\","
                             "\"kid\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"}]}",
                             bearer->key_id, x, y);
}

void operation_discovery(struct service *service, const struct call *call, struct answer *answer)
{
    answer->status = 200;
    answer->kind = ANSWER_JSON;
    if (call->route.place == PLACE_OPENID_CONFIGURATION)
        append_configuration(call, &answer->body);
    else if (call->route.place == PLACE_INSTANCE_DISCOVERY)
        append_instances(call, &answer->body);
    else
        append_keys(service, &answer->body);
}
