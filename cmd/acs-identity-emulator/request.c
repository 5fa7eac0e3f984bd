#include "request.h"

#include <strings.h>

void request_take_header(struct request *request, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **place;
    } wanted[] = {
        {"Host", &request->host},
        {"Authorization", &request->authorization},
        {"x-ms-date", &request->ms_date},
        {"Date", &request->date},
        {"x-ms-content-sha256", &request->content_hash},
        {"x-ms-client-request-id", &request->client_request_id},
        {"Origin", &request->origin},
        {"Access-Control-Request-Headers", &request->preflight_headers},
        {"Metadata", &request->metadata},
        {"X-IDENTITY-HEADER", &request->identity_header},
        {"Secret", &request->secret},
    };

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (strcasecmp(name, wanted[i].name) == 0)
            *wanted[i].place = value;
}
