#include "acs/acs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SKEW_MAX_S = 15 * 60 };

/* The service names it when the body that it got is not the one that was signed. */
static const char hash_header[] = "x-ms-content-sha256";
static const char bearer_hint[] =
    "the service takes no token of this credential: check that the endpoint is that of a resource in its tenant, and "
    "that the identity has a role on it (such as Contributor)";

static const char ours_hint[] =
    "check resource.api_version, token.scopes and token.lifetime, and that the endpoint is the service's";

static const struct hint {
    int from; /* status, both ends included */
    int to;
    const char *says; /* part of the service's message; NULL: any */
    const char *text;
} hints[] = {
    /* Azure/azure-rest-api-specs issue 11767 */
    {401, 401, hash_header, "something between this machine and the service changes the bodies of requests"},
    /* Azure/azure-sdk-for-js issues 22312, 31604, 34633 */
    {401, 401, "Denied by the resource provider",
     "the access key is wrong, of another resource, or was regenerated: copy the connection string anew"},
    {401, 401, NULL, "check that the access key is of this resource and has not been replaced"},
    {402, 402, NULL, "check the state of the Azure subscription"},
    {403, 403, NULL, "give the credential a role on the resource (such as Contributor), and check its network rules"},
    {407, 407, NULL, "give the proxy's user and password in HTTPS_PROXY, or go round it with NO_PROXY"},
    {404, 410, NULL, "check the endpoint and what stands before it: a gateway or proxy answers in the service's place"},
    {300, 399, NULL, "check the endpoint: redirects are not followed"},
    {511, 511, NULL, "log this machine in to its network"},
};

static void describe_skew(int64_t ahead_s, char text[ACS_HINT_SIZE])
{
    const int64_t minutes = (ahead_s < 0 ? -ahead_s : ahead_s) / 60;

    snprintf(text, ACS_HINT_SIZE, "the clock of this machine is %" PRId64 " min %s the service's: set it", minutes,
             ahead_s < 0 ? "behind" : "ahead of");
}

void acs_stop_hint(const struct acs_answer *answer, bool by_bearer, int64_t server_date_s, int64_t now_s,
                   char text[ACS_HINT_SIZE])
{
    const int64_t ahead_s = server_date_s > 0 ? now_s - server_date_s : 0;

    text[0] = '\0';
    if (answer->class == ACS_OURS)
        snprintf(text, ACS_HINT_SIZE, "%s", ours_hint);
    if (answer->class != ACS_CREDENTIAL)
        return;
    if (answer->status == 401 && by_bearer) {
        snprintf(text, ACS_HINT_SIZE, "%s", bearer_hint);
        return;
    }
    if (answer->status == 401 && strstr(answer->message, hash_header) == NULL &&
        (ahead_s > SKEW_MAX_S || ahead_s < -SKEW_MAX_S)) {
        describe_skew(ahead_s, text);
        return;
    }
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        const struct hint *hint = &hints[i];
        if (answer->status < hint->from || answer->status > hint->to ||
            (hint->says != NULL && strstr(answer->message, hint->says) == NULL))
            continue;
        snprintf(text, ACS_HINT_SIZE, "%s", hint->text);
        return;
    }
}
