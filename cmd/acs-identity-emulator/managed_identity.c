/* The endpoints that give a machine its managed identity's tokens, one for each kind of host (reference:
 * entra-credentials.md, section 6). */
#include "operations.h"

#include "form.h"

#include "core/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* The system-assigned identity. */
static const char system_client_id[] = "33333333-3333-4333-8333-333333333333";
static const char system_object_id[] = "44444444-4444-4444-8444-444444444444";

/* What sets the hosts apart. */
static const struct host {
    enum place place;
    const char *version;         /* api-version; NULL: none is needed */
    bool wants_metadata;         /* the header Metadata: true */
    const char *bad_header_code; /* where the header that is wanted is missing or wrong */
    bool selects;                /* one of several identities can be asked for */
} hosts[] = {
    {PLACE_IMDS, "2018-02-01", true, "bad_request_102", true},
    {PLACE_ARC, "2020-06-01", true, "bad_request_102", true},
    {PLACE_APP_SERVICE, "2019-08-01", false, "Forbidden", true},
    {PLACE_SERVICE_FABRIC, "2019-07-01-preview", false, "SecretHeaderNotFound", false},
    {PLACE_MACHINE_LEARNING, "2017-09-01", false, "Forbidden", true},
    {PLACE_CLOUD_SHELL, NULL, true, "bad_request_102", false},
};

static const struct host *host_of(const struct call *call)
{
    for (size_t i = 0; i + 1 < sizeof hosts / sizeof *hosts; i++)
        if (hosts[i].place == call->route.place)
            return &hosts[i];
    return &hosts[sizeof hosts / sizeof *hosts - 1];
}

/* A parameter of the query or, for Cloud Shell, of the form; malloc'd, NULL for none. */
static char *parameter(const struct call *call, const char *name)
{
    const char *query = strchr(call->request->target, '?');

    if (call->route.place == PLACE_CLOUD_SHELL)
        return form_value(call->request->body, call->request->body_length, name);
    return query == NULL ? NULL : form_value(query + 1, strlen(query + 1), name);
}

static bool equals(const char *given, const char *expected)
{
    return given != NULL && strcmp(given, expected) == 0;
}

static bool check_headers(const struct service *service, const struct call *call, const struct host *host,
                          struct answer *answer)
{
    const struct request *request = call->request;
    const char *expected = service->entra.options.identity_header;
    const char *given = host->place == PLACE_APP_SERVICE ? request->identity_header : request->secret;

    if (host->wants_metadata ? equals(request->metadata, "true") : equals(given, expected))
        return true;
    return answer_error(answer, FROM_FRONT, host->wants_metadata || given == NULL ? 400 : 401, host->bad_header_code,
                        NULL,
                        host->wants_metadata ? "Required metadata header not specified"
                                             : "The secret header is missing or not the right one");
}

/* --- Azure Arc --- */

static bool make_challenge(struct service *service, struct answer *answer)
{
    struct entra *entra = &service->entra;
    unsigned char bytes[ARC_KEY_LENGTH / 2];

    if (entra->arc_path[0] == '\0') {
        random_bytes(&entra->random, bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++)
            snprintf(entra->arc_key + 2 * i, 3, "%02x", bytes[i]);
        snprintf(entra->arc_path, sizeof entra->arc_path, "%s/%.16s.key", entra->options.arc_keys, entra->arc_key);
        const int fd = open(entra->arc_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        const bool ok = fd >= 0 && file_write_all(fd, entra->arc_key, ARC_KEY_LENGTH);
        if (fd >= 0)
            close(fd);
        if (!ok)
            return answer_error(answer, FROM_FRONT, 500, "unknown", NULL, "The emulator cannot write %s.",
                                entra->arc_path);
    }
    snprintf(answer->challenge, sizeof answer->challenge, "Basic realm=%s", entra->arc_path);
    return answer_error(answer, FROM_FRONT, 401, "unauthorized", NULL, "Send the content of the file that is named.");
}

/* Who can read the file has shown that it may have the token. */
static bool check_challenge(struct service *service, const struct call *call, struct answer *answer)
{
    static const char basic[] = "Basic ";
    struct entra *entra = &service->entra;
    const char *given = call->request->authorization;

    if (given == NULL || entra->arc_path[0] == '\0')
        return make_challenge(service, answer);
    if (strncmp(given, basic, sizeof basic - 1) != 0 || strcmp(given + sizeof basic - 1, entra->arc_key) != 0)
        return answer_error(answer, FROM_FRONT, 403, "forbidden", NULL, "That is not the content of the file.");
    unlink(entra->arc_path);
    entra->arc_path[0] = '\0';
    return true;
}

/* --- who and what for --- */

/* The names by which the hosts know the three ways to name an identity, in the order of --user-assigned. */
static const struct {
    const char *name;
    int part;
} selectors[] = {
    {"client_id", 0}, {"clientid", 0}, {"object_id", 1}, {"principal_id", 1}, {"msi_res_id", 2}, {"mi_res_id", 2},
};

static bool choose_identity(struct service *service, const struct call *call, const struct host *host,
                            struct bearer_subject *subject, struct answer *answer)
{
    const struct entra_trio *assigned = &service->entra.user_assigned;
    bool ok = true;

    *subject = (struct bearer_subject){service->entra.options.tenant, system_client_id, system_object_id};
    for (size_t i = 0; host->selects && ok && i < sizeof selectors / sizeof *selectors; i++) {
        char *wanted = parameter(call, selectors[i].name);
        if (wanted != NULL) {
            ok = assigned->copy != NULL && strcasecmp(wanted, assigned->parts[selectors[i].part]) == 0;
            subject->client_id = assigned->parts[0];
            subject->object_id = assigned->parts[1];
        }
        free(wanted);
    }
    return ok || answer_error(answer, FROM_FRONT, 400, "invalid_request", NULL, "Identity not found");
}

static bool choose_audience(const struct call *call, const char **audience, struct answer *answer)
{
    char *resource = parameter(call, "resource");

    *audience = resource == NULL ? NULL : entra_audience(resource);
    if (resource == NULL)
        answer_error(answer, FROM_FRONT, 400, "invalid_request", NULL, "Required query variable 'resource' is missing");
    else if (*audience == NULL)
        answer_error(answer, FROM_FRONT, 400, "invalid_resource", NULL,
                     "AADSTS50001: The resource principal named in the request was not found in the tenant.");
    free(resource);
    return *audience != NULL;
}

static void give_token(struct service *service, const struct call *call, const struct bearer_subject *subject,
                       const char *audience, struct answer *answer)
{
    struct buffer *body = &answer->body;
    const struct moment now = call->request->arrived;
    const int64_t lifetime_us = service->entra.options.lifetime_us;
    const int64_t now_s = moment_wall_s(now);
    const int64_t end_s = (moment_wall_ms(now) + lifetime_us / 1000) / 1000;
    const enum place place = call->route.place;

    answer->status = 200;
    answer->kind = ANSWER_JSON;
    buffer_append_text(body, "{\"access_token\":\"");
    if (!bearer_append(&service->entra.bearer, body, subject, audience, now, lifetime_us)) {
        answer_no_memory(answer);
        return;
    }
    buffer_append_format(body, "\",\"resource\":\"%s\",\"token_type\":\"Bearer\"", audience);
    if (place == PLACE_SERVICE_FABRIC) /* a number, where all others write texts */
        buffer_append_format(body, ",\"expires_on\":%" PRId64, end_s);
    else
        buffer_append_format(body, ",\"client_id\":\"%s\",\"expires_on\":\"%" PRId64 "\"", subject->client_id, end_s);
    if (place == PLACE_IMDS || place == PLACE_ARC || place == PLACE_CLOUD_SHELL)
        buffer_append_format(body,
                             ",\"refresh_token\":\"\",\"expires_in\":\"%" PRId64 "\",\"ext_expires_in\":\"%" PRId64
                             "\",\"not_before\":\"%" PRId64 "\"",
                             lifetime_us / 1000000, lifetime_us / 1000000, now_s);
    buffer_append_char(body, '}');
}

void operation_managed_identity(struct service *service, const struct call *call, struct answer *answer)
{
    const struct host *host = host_of(call);
    struct bearer_subject subject;
    const char *audience;

    if (!check_headers(service, call, host, answer))
        return;
    if (host->version != NULL && strcmp(call->route.version, host->version) != 0) {
        answer_error(answer, FROM_FRONT, 400, "bad_request", NULL,
                     "api-version is invalid or was not specified in the request; it is %s", host->version);
        return;
    }
    if (choose_audience(call, &audience, answer) && choose_identity(service, call, host, &subject, answer) &&
        (host->place != PLACE_ARC || check_challenge(service, call, answer)))
        give_token(service, call, &subject, audience, answer);
}
