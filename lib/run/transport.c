#include "run/transport.h"

#include <string.h>

enum { ANSWER_MAX = 256 * 1024 };

/* Does the job make identities that a repeated request would make a second time? */
static bool makes_identities_once(const struct spec *spec, const struct spec_resource *resource)
{
    return !resource->custom_id && (action_list_has(&spec->rules.added, ACTION_PROVISION) ||
                                    action_list_has(&spec->rules.lost, ACTION_PROVISION));
}

/* A server that ends a connection of HTTP/2 takes all requests on it along, and libcurl does not tell which of them it
 * had not begun: every create among them is in doubt. Over HTTP/1.1 it is one at the most, and the end is announced
 * before. */
static enum http_version choose_version(const struct spec *spec, const struct spec_resource *resource)
{
    switch (spec->engine.http) {
    case SPEC_HTTP_1_1: return HTTP_VERSION_1_1;
    case SPEC_HTTP_2: return HTTP_VERSION_2;
    case SPEC_HTTP_AUTO: break;
    }
    return makes_identities_once(spec, resource) ? HTTP_VERSION_1_1 : HTTP_VERSION_AUTO;
}

bool transport_address(const struct spec_resource *resource, struct acs_resource *address, struct error *error)
{
    return resource->credential.kind == CREDENTIAL_ACCESS_KEY
               ? acs_resource_parse(secret_reveal(&resource->connection_string), address, error)
               : acs_resource_from_endpoint(resource->endpoint, address, error);
}

struct http_options transport_options(const struct spec *spec, const struct spec_resource *resource,
                                      const struct acs_resource *address)
{
    return (struct http_options){
        .base_url = address->origin.url,
        .ca_file = resource->ca_file,
        .connect_to = (const char *const *)spec->engine.connect_to.items,
        .connect_to_count = spec->engine.connect_to.count,
        .concurrency = spec->engine.concurrency,
        .version = choose_version(spec, resource),
        .connect_timeout_ms = spec->engine.connect_timeout_ms,
        .request_timeout_ms = spec->engine.request_timeout_ms,
        .stall_timeout_ms = spec->engine.stall_timeout_ms,
        .body_max = ANSWER_MAX,
    };
}

/* By the words of OpenSSL and libcurl. */
static const char *trust_hint(const char *detail)
{
    if (strstr(detail, "expired") != NULL || strstr(detail, "not yet valid") != NULL)
        return "look at this machine's clock; if it is right, the service needs a new certificate";
    if (strstr(detail, "target host name") != NULL)
        return "check the endpoint's name: the certificate is for another one";
    if (strstr(detail, "wrong version number") != NULL)
        return "check the endpoint, and the proxy where there is one: what answers does not speak TLS";
    if (strstr(detail, "SSL routines") != NULL)
        return "check the endpoint, and what stands before it: TLS 1.2 or newer is needed";
    return "if the service has a certificate of its own authority, name it in resource.ca_file";
}

const char *transport_hint(const struct http_answer *answer)
{
    switch (answer->end) {
    case HTTP_NO_HOST: return "check the endpoint's name in the connection string";
    case HTTP_UNTRUSTED: return trust_hint(answer->detail);
    case HTTP_NO_PROXY:
        return "check the proxy that https_proxy or HTTPS_PROXY names, its user and password, or list the host in "
               "no_proxy";
    case HTTP_ANSWERED:
    case HTTP_NOT_SENT:
    case HTTP_LOST: break;
    }
    return "";
}
