/* POST /{tenant}/oauth2/v2.0/token: the client credentials grant (RFC 6749, 4.4; RFC 7523), and the same of ADFS. */
#include "operations.h"

#include "entra_error.h"
#include "form.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { URL_SIZE = 512 };

struct grant {
    char *type;
    char *client_id;
    char *secret;
    char *assertion;
    char *assertion_type;
    char *scope;
};

static void read_grant(struct grant *grant, const struct request *request)
{
    const struct {
        const char *name;
        char **value;
    } fields[] = {
        {"grant_type", &grant->type},
        {"client_id", &grant->client_id},
        {"client_secret", &grant->secret},
        {"client_assertion_type", &grant->assertion_type},
        {"client_assertion", &grant->assertion},
        {"scope", &grant->scope},
    };

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        *fields[i].value = form_value(request->body, request->body_length, fields[i].name);
}

static void clear_grant(struct grant *grant)
{
    free(grant->type);
    free(grant->client_id);
    free(grant->secret);
    free(grant->assertion);
    free(grant->assertion_type);
    free(grant->scope);
}

static bool refuse(struct answer *answer, unsigned status, const char *code)
{
    return answer_error(answer, FROM_FRONT, status, code, NULL, "%s", entra_error_find(code)->text);
}

static bool check_tenant(const struct service *service, const struct call *call, struct answer *answer)
{
    const char *tenant = call->route.id;

    if (call->route.place == PLACE_ADFS_TOKEN)
        return true;
    for (const char *c = tenant; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-')
            return refuse(answer, 400, "900023");
    return strcasecmp(tenant, service->entra.options.tenant) == 0 || refuse(answer, 400, "90002");
}

/* Where this very request went: what an assertion is for. Clients write a host as it stands in their authority. */
static void list_audiences(const struct call *call, char url[2][URL_SIZE])
{
    const struct request *request = call->request;
    const char *scheme = request->over_tls ? "https" : "http";
    const char *host = request->host == NULL ? "" : request->host;

    snprintf(url[0], URL_SIZE, "%s://%s%.*s", scheme, host, (int)strcspn(request->target, "?"), request->target);
    snprintf(url[1], URL_SIZE, "%s://%s/%s/v2.0", scheme, host, call->route.id);
}

static bool check_client(const struct service *service, const struct call *call, const struct grant *grant,
                         struct answer *answer)
{
    static const char jwt_bearer[] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    const struct entra *entra = &service->entra;
    char url[2][URL_SIZE];
    const char *const audiences[] = {url[0], url[1], NULL};

    if (strcasecmp(grant->client_id, entra->options.client_id) != 0)
        return refuse(answer, 400, "700016");
    if (grant->secret != NULL)
        return strcmp(grant->secret, entra->options.client_secret) == 0 || refuse(answer, 401, "7000215");
    if (grant->assertion == NULL || grant->assertion_type == NULL || strcmp(grant->assertion_type, jwt_bearer) != 0)
        return refuse(answer, 401, "7000218");
    list_audiences(call, url);
    const char *fault = entra_assertion_fault(entra, grant->assertion, grant->client_id, audiences,
                                              (double)moment_wall_ms(call->request->arrived) / 1000);
    return fault == NULL || refuse(answer, 401, fault);
}

static void give_token(struct service *service, const struct call *call, const char *audience, struct answer *answer)
{
    const struct entra_options *options = &service->entra.options;
    const struct bearer_subject subject = {options->tenant, options->client_id, options->client_id};
    const int64_t lifetime_s = options->lifetime_us / 1000000;

    answer->status = 200;
    answer->kind = ANSWER_JSON;
    buffer_append_format(&answer->body,
                         "{\"token_type\":\"Bearer\",\"expires_in\":%" PRId64 ",\"ext_expires_in\":%" PRId64,
                         lifetime_s, lifetime_s);
    if (options->refresh_in_us > 0)
        buffer_append_format(&answer->body, ",\"refresh_in\":%" PRId64, options->refresh_in_us / 1000000);
    buffer_append_text(&answer->body, ",\"access_token\":\"");
    if (!bearer_append(&service->entra.bearer, &answer->body, &subject, audience, call->request->arrived,
                       options->lifetime_us))
        answer_no_memory(answer);
    else
        buffer_append_text(&answer->body, "\"}");
}

void operation_token(struct service *service, const struct call *call, struct answer *answer)
{
    struct grant grant;
    const char *audience = NULL;

    read_grant(&grant, call->request);
    if (!check_tenant(service, call, answer))
        goto out;
    if (grant.type == NULL || grant.client_id == NULL || grant.scope == NULL) {
        refuse(answer, 400, "900144");
        goto out;
    }
    if (strcmp(grant.type, "client_credentials") != 0) {
        refuse(answer, 400, "70003");
        goto out;
    }
    if (!check_client(service, call, &grant, answer))
        goto out;
    /* ADFS takes the resource as it is. */
    if (call->route.place == PLACE_TOKEN && strstr(grant.scope, "/.default") == NULL)
        refuse(answer, 400, "70011");
    else if ((audience = entra_audience(grant.scope)) == NULL)
        refuse(answer, 400, "50001");
    else
        give_token(service, call, audience, answer);
out:
    clear_grant(&grant);
}
