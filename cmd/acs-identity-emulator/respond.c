#include "respond.h"

#include "admin.h"

#include "core/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 1024, LISTING_BLOCK_SIZE = 256 * 1024 };

bool responder_init(struct responder *responder, const char *seed, struct error *error)
{
    char edge[AZURE_REF_TAIL_LENGTH / 4 * 3 + 1];
    unsigned char bytes[16];
    char guid[GUID_LENGTH + 1];

    if (!random_init(&responder->random, seed, "headers", error))
        return false;
    random_bytes(&responder->random, bytes, sizeof bytes);
    guid_format(bytes, guid);
    const int length = snprintf(edge, sizeof edge, "LOCALEDGE01%c%s", 0, guid);
    responder->azure_ref_tail[base64_encode(edge, (size_t)length, responder->azure_ref_tail)] = '\0';
    return true;
}

/* 22 base64 characters and ".0": a correlation vector. */
static void add_correlation(struct responder *responder, struct MHD_Response *response)
{
    unsigned char bytes[16];
    char text[BASE64_LENGTH(sizeof bytes) + 1];

    random_bytes(&responder->random, bytes, sizeof bytes);
    base64_encode(bytes, sizeof bytes, text);
    memcpy(text + 22, ".0", 3);
    MHD_add_response_header(response, "MS-CV", text);
}

/* "0", then base64 of the time (little-endian), four zeros, 16 random bytes, and the edge's name: as recorded. */
static void add_azure_ref(struct responder *responder, struct MHD_Response *response, struct moment now)
{
    unsigned char bytes[24] = {0};
    char text[1 + BASE64_LENGTH(sizeof bytes) + AZURE_REF_TAIL_LENGTH + 1];
    const uint32_t seconds = (uint32_t)moment_wall_s(now);

    for (int i = 0; i < 4; i++)
        bytes[i] = (unsigned char)(seconds >> 8 * i);
    random_bytes(&responder->random, bytes + 8, 16);
    text[0] = '0';
    const size_t length = 1 + base64_encode(bytes, sizeof bytes, text + 1);
    memcpy(text + length, responder->azure_ref_tail, sizeof responder->azure_ref_tail);
    MHD_add_response_header(response, "X-Azure-Ref", text);
}

static void add_browser_headers(struct MHD_Response *response, const struct request *request,
                                const struct answer *answer)
{
    MHD_add_response_header(response, "Access-Control-Allow-Origin", "*");
    if (!answer->preflight)
        return;
    MHD_add_response_header(response, "Access-Control-Allow-Methods", "GET, POST, DELETE");
    MHD_add_response_header(response, "Access-Control-Allow-Headers",
                            request->preflight_headers == NULL ? "*" : request->preflight_headers);
    MHD_add_response_header(response, "Access-Control-Max-Age", "3600");
}

static void add_service_headers(struct responder *responder, struct MHD_Response *response,
                                const struct request *request, const struct answer *answer, int64_t busy_us)
{
    char milliseconds[32];

    snprintf(milliseconds, sizeof milliseconds, "%" PRId64 "ms", busy_us / 1000);
    MHD_add_response_header(response, "Request-Context", "appId=");
    add_correlation(responder, response);
    MHD_add_response_header(response, "Strict-Transport-Security", era_transport_security(answer->era));
    if (request->client_request_id != NULL)
        MHD_add_response_header(response, "x-ms-client-request-id", request->client_request_id);
    if (answer->versions != NULL)
        MHD_add_response_header(response, "api-supported-versions", answer->versions);
    MHD_add_response_header(response, "X-Processing-Time", milliseconds);
    add_azure_ref(responder, response, request->arrived);
    MHD_add_response_header(response, "X-Cache", "CONFIG_NOCACHE");
    if (answer->accepts_ranges)
        MHD_add_response_header(response, "Accept-Ranges", "bytes");
}

/* As recorded, but for NEL and Report-To: they have browsers tell Microsoft of failures. */
static void add_entra_headers(struct MHD_Response *response, const struct answer *answer)
{
    static const char *const recorded[][2] = {
        {"Expires", "-1"},
        {"P3P", "CP=\"DSP CUR OTPi IND OTRi ONL FIN\""},
        {"Pragma", "no-cache"},
        {"Referrer-Policy", "strict-origin-when-cross-origin"},
        {"Strict-Transport-Security", "max-age=31536000; includeSubDomains"},
        {"X-Content-Type-Options", "nosniff"},
        {"x-ms-ests-server", "2.1.12470.11 - EUS ProdSlices"},
    };

    for (size_t i = 0; i < sizeof recorded / sizeof *recorded; i++)
        MHD_add_response_header(response, recorded[i][0], recorded[i][1]);
    MHD_add_response_header(response, "x-ms-request-id", answer->trace_id);
}

/* Of Entra ID, and of the hosts that give out managed identities. */
static void add_sign_in_headers(struct MHD_Response *response, const struct answer *answer)
{
    MHD_add_response_header(response, "Cache-Control", "no-store, no-cache");
    if (answer->form == FORM_ENTRA)
        add_entra_headers(response, answer);
    if (answer->challenge[0] != '\0')
        MHD_add_response_header(response, "WWW-Authenticate", answer->challenge);
}

static void add_fault_headers(struct MHD_Response *response, const struct answer *answer)
{
    char date[TIME_TEXT_SIZE];

    if (answer->content_encoding != NULL)
        MHD_add_response_header(response, "Content-Encoding", answer->content_encoding);
    if (answer->location != NULL)
        MHD_add_response_header(response, "Location", answer->location);
    if (answer->date_s == 0)
        return;
    time_format_http(answer->date_s, date);
    MHD_add_response_header(response, "Date", date);
}

static void add_headers(struct responder *responder, struct MHD_Response *response, const struct request *request,
                        const struct answer *answer, int64_t busy_us)
{
    if (answer->kind == ANSWER_JSON)
        MHD_add_response_header(response, "Content-Type", "application/json; charset=utf-8");
    else if (answer->kind == ANSWER_ERROR)
        MHD_add_response_header(response, "Content-Type", "application/json");
    else if (answer->kind == ANSWER_HTML)
        MHD_add_response_header(response, "Content-Type", "text/html; charset=utf-8");
    else if (answer->kind == ANSWER_IDENTITIES)
        MHD_add_response_header(response, "Content-Type", "application/x-ndjson");
    if (answer->form == FORM_SERVICE)
        add_service_headers(responder, response, request, answer, busy_us);
    else
        add_sign_in_headers(response, answer);
    if (answer->retry_header != NULL)
        MHD_add_response_header(response, answer->retry_header, answer->retry_value);
    if (answer->fault != NULL)
        add_fault_headers(response, answer);
    if (request->origin != NULL)
        add_browser_headers(response, request, answer);
}

/* A body that goes out chunked although its length is known: how the service sends its errors. */
struct chunked {
    size_t length;
    char bytes[];
};

static ssize_t read_chunked(void *context, uint64_t position, char *bytes, size_t room)
{
    const struct chunked *body = context;

    if (position >= body->length)
        return MHD_CONTENT_READER_END_OF_STREAM;
    const size_t rest = body->length - (size_t)position;
    const size_t now = rest < room ? rest : room;
    memcpy(bytes, body->bytes + position, now);
    return (ssize_t)now;
}

static struct MHD_Response *chunked_response(const struct buffer *buffer)
{
    struct chunked *body = malloc(sizeof *body + buffer->length);

    if (body == NULL)
        return NULL;
    body->length = buffer->length;
    memcpy(body->bytes, buffer->data, buffer->length);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, CHUNK_SIZE, read_chunked, body, free);
    if (response == NULL)
        free(body);
    return response;
}

static ssize_t read_listing(void *context, uint64_t position, char *bytes, size_t room)
{
    (void)position;
    const ptrdiff_t filled = listing_read(context, bytes, room);
    if (filled < 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    return filled == 0 ? MHD_CONTENT_READER_END_OF_STREAM : filled;
}

static void free_listing(void *context)
{
    listing_free(context);
}

static struct MHD_Response *listing_response(struct service *service)
{
    struct listing *listing = listing_new(service);

    if (listing == NULL)
        return NULL;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, LISTING_BLOCK_SIZE, read_listing, listing, free_listing);
    if (response == NULL)
        listing_free(listing);
    return response;
}

static struct MHD_Response *with_body(struct service *service, const struct answer *answer,
                                      const struct fault_wire *wire)
{
    if (answer->fault != NULL && fault_paces(answer->fault))
        return fault_response(answer->fault, wire, answer);
    switch (answer->kind) {
    case ANSWER_ERROR: return chunked_response(&answer->body);
    case ANSWER_IDENTITIES: return listing_response(service);
    case ANSWER_HTML:
    case ANSWER_JSON:
        return MHD_create_response_from_buffer(answer->body.length, answer->body.data, MHD_RESPMEM_MUST_COPY);
    case ANSWER_EMPTY: break;
    }
    return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
}

struct MHD_Response *respond(struct responder *responder, struct service *service, const struct request *request,
                             const struct answer *answer, int64_t busy_us, const struct fault_wire *wire)
{
    struct MHD_Response *response = with_body(service, answer, wire);

    if (response != NULL)
        add_headers(responder, response, request, answer, busy_us);
    return response;
}
