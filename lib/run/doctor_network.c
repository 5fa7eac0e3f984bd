/* What one request tells: the way to the service, its certificate and its clock, and whether we are let in. */
#include "http/look.h"
#include "run/doctor_internal.h"
#include "run/sign_in.h"
#include "run/transport.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

enum { SKEW_GOOD_S = 60, SKEW_MAX_S = 15 * 60, CERTIFICATE_SOON_DAYS = 14, ADDRESSES_SHOWN = 3 };

/* Belongs to no resource; to sign in is all that it takes to be told so. */
static const char nobody[] = "8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000";

struct question {
    struct doctor *doctor;
    const struct acs_resource *address;
    bool bearer;          /* signs in with Microsoft Entra ID, otherwise with an access key */
    bool signed_in;       /* and the question was asked in that name */
    int64_t lifetime_ms;  /* of the bearer token */
    int64_t end_s;        /* of the certificate to sign in with; 0: none */
    struct error refusal; /* of not signed in */
    struct http_look look;
    enum http_end end;
    struct acs_answer answer; /* of HTTP_ANSWERED */
    int64_t server_s;         /* its Date; 0: none */
    char detail[256];
    const char *fix; /* of an end that is no answer; "" for those that say nothing */
    bool read;       /* false when memory ran out over the answer */
};

/* --- the name --- */

static void append_address(const struct addrinfo *found, char *text, size_t size)
{
    char address[INET6_ADDRSTRLEN] = "";

    getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof address, NULL, 0, NI_NUMERICHOST);
    snprintf(text + strlen(text), size - strlen(text), "%s%s", text[0] != '\0' ? ", " : "", address);
}

/* Where a proxy or engine.connect_to leads elsewhere, the name need not be known here. */
static void check_name(const struct question *question)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    const char *host = question->address->origin.host;
    char bare[sizeof question->address->origin.host];
    char addresses[ADDRESSES_SHOWN * INET6_ADDRSTRLEN + 8] = "";
    struct addrinfo *found = NULL;

    snprintf(bare, sizeof bare, "%s", host + (host[0] == '['));
    bare[strcspn(bare, "]")] = '\0';
    const int code = getaddrinfo(bare, NULL, &wanted, &found);
    int shown = 0;
    for (const struct addrinfo *next = found; next != NULL && shown < ADDRESSES_SHOWN; next = next->ai_next, shown++)
        append_address(next, addresses, sizeof addresses);
    if (found != NULL)
        freeaddrinfo(found);
    if (code == 0)
        doctor_say(question->doctor, DOCTOR_GOOD, "name", NULL, "%s is %s", host, addresses);
    else if (question->end != HTTP_NO_HOST)
        doctor_say(question->doctor, DOCTOR_GOOD, "name", NULL, "%s is not known here, but the way leads over %s", host,
                   question->look.peer[0] != '\0' ? question->look.peer : "a proxy or engine.connect_to");
    else
        doctor_say(question->doctor, DOCTOR_BAD, "name", "check the endpoint's name", "%s: %s", host,
                   gai_strerror(code));
}

/* --- the connection --- */

static int64_t days_until(const struct question *question, int64_t moment_s)
{
    return (moment_s - clock_wall_ms(question->doctor->clock) / 1000) / (24 * 60 * 60);
}

static void check_certificate(const struct question *question)
{
    const struct http_look *look = &question->look;
    const int64_t days = days_until(question, look->not_after_s);
    const bool soon = days < CERTIFICATE_SOON_DAYS;

    doctor_say(question->doctor, soon ? DOCTOR_WARNING : DOCTOR_GOOD, "tls",
               soon ? "have the certificate renewed before it ends: then nothing is sent any more" : NULL,
               "%s with %s; its certificate is for %s and ends in %" PRId64 " days", look->tls, look->peer, look->names,
               days);
}

/* What keeps requests from leaving at all. False when there was no answer. */
static bool check_connection(const struct question *question)
{
    if (question->look.tls[0] != '\0')
        check_certificate(question);
    else if (question->look.peer[0] != '\0')
        doctor_say(question->doctor, DOCTOR_WARNING, "tls", "use https:// for anything but the emulator",
                   "plain HTTP with %s", question->look.peer);
    if (question->end == HTTP_ANSWERED)
        return true;
    doctor_say(question->doctor, DOCTOR_BAD, question->end == HTTP_UNTRUSTED ? "tls" : "connection",
               question->fix[0] != '\0' ? question->fix
                                        : "check the network, its firewall, and the state of the service",
               "%s: %s", question->address->origin.authority, question->detail);
    return false;
}

/* --- the answer --- */

static void check_clock(const struct question *question)
{
    const int64_t ahead_s = clock_wall_ms(question->doctor->clock) / 1000 - question->server_s;
    const int64_t off_s = ahead_s < 0 ? -ahead_s : ahead_s;
    const enum doctor_grade grade = off_s > SKEW_MAX_S    ? DOCTOR_BAD
                                    : off_s > SKEW_GOOD_S ? DOCTOR_WARNING
                                                          : DOCTOR_GOOD;

    if (question->server_s == 0)
        doctor_say(question->doctor, DOCTOR_WARNING, "clock", "compare it with another clock by hand",
                   "the service did not tell its time");
    else if (off_s == 0)
        doctor_say(question->doctor, grade, "clock", NULL, "this machine and the service agree to the second");
    else
        doctor_say(question->doctor, grade, "clock",
                   grade == DOCTOR_GOOD ? NULL : "set the clock of this machine, and keep it set (NTP)",
                   "this machine is %" PRId64 " s %s the service", off_s, ahead_s < 0 ? "behind" : "ahead of");
}

static void check_credential(const struct question *question)
{
    struct doctor *doctor = question->doctor;
    const int64_t days = days_until(question, question->end_s);
    const bool soon = days < CERTIFICATE_SOON_DAYS;

    if (question->end_s != 0)
        doctor_say(doctor, soon ? DOCTOR_WARNING : DOCTOR_GOOD, "credential",
                   soon ? "upload a new certificate to the application, and give it to this job before the old one ends"
                        : NULL,
                   "the certificate to sign in with ends in %" PRId64 " days", days);
    if (!question->signed_in)
        doctor_say_error(doctor, DOCTOR_BAD, "credential", &question->refusal);
    else if (question->bearer)
        doctor_say(doctor, DOCTOR_GOOD, "credential", NULL,
                   "signed in with Microsoft Entra ID; the token is good for %" PRId64 " min, and is renewed by itself",
                   question->lifetime_ms / 60000);
}

/* A signature is looked at before what it may do; with a bearer token, the authority has had its say already. */
static void check_access(const struct question *question)
{
    struct doctor *doctor = question->doctor;
    const struct acs_answer *answer = &question->answer;
    const bool is_of_key = answer->class == ACS_CREDENTIAL && answer->status != 403 && !question->bearer;
    char hint[ACS_HINT_SIZE];

    switch (answer->class) {
    case ACS_GONE:
    case ACS_DONE:
        if (!question->bearer)
            doctor_say(doctor, DOCTOR_GOOD, "credential", NULL, "the access key is accepted; it does not expire");
        doctor_say(doctor, DOCTOR_GOOD, "permission", NULL, "requests are let in with api-version %s",
                   doctor->spec->resources[doctor->resource].api_version);
        return;
    case ACS_CREDENTIAL:
    case ACS_OURS:
        acs_stop_hint(answer, question->bearer, question->server_s, clock_wall_ms(doctor->clock) / 1000, hint);
        doctor_say(doctor, DOCTOR_BAD, is_of_key ? "credential" : "permission", hint, "the service answered %d %s: %s",
                   answer->status, answer->code, answer->message);
        return;
    case ACS_THROTTLED:
        doctor_say(doctor, DOCTOR_WARNING, "permission", "ask again when other runs have ended",
                   "the service is throttling, so whether we are let in is not known");
        return;
    case ACS_USER:
        doctor_say(doctor, DOCTOR_BAD, "permission", "check resource.api_version and the endpoint",
                   "the service answered %d %s: %s", answer->status, answer->code, answer->message);
        return;
    case ACS_TRANSIENT: break;
    }
    doctor_say(doctor, DOCTOR_BAD, "connection", "look at the state of the service, and ask again",
               "the service answered %d %s: %s", answer->status, answer->code, answer->message);
}

static void note_answer(void *context, void *request_context, struct http_answer *http)
{
    struct question *question = context;
    struct error error;

    (void)request_context;
    question->end = http->end;
    question->fix = transport_hint(http);
    snprintf(question->detail, sizeof question->detail, "%s", http->detail);
    time_parse_http(http->date, &question->server_s);
    question->read = http->end != HTTP_ANSWERED || acs_answer_read(ACTION_REVOKE, false, http->status, http->body,
                                                                   http->body_length, &question->answer, &error);
    acs_answer_set_headers(&question->answer, http->ms_cv, -1);
}

/* --- the question --- */

/* Without a sign-in in nobody's name, which tells of the way and the clock all the same. */
static bool ask(struct question *question, const struct http_options *transport, struct sign_in *sign_in,
                struct error *error)
{
    const struct doctor *doctor = question->doctor;
    const struct acs_request_options wanted = {.api_version = doctor->spec->resources[doctor->resource].api_version};
    struct acs_request request;
    struct sign_in_headers authorization = {.count = 0};

    if (!acs_request_build(ACTION_REVOKE, &wanted, nobody, NULL, &request, error) ||
        (sign_in != NULL && !sign_in_authorize(sign_in, &request, &authorization, error)))
        return false;
    struct http_request http = {
        .method = request.method,
        .target = request.target,
        .headers = {"Accept: application/json", "User-Agent: rollcall/" ROLLCALL_VERSION, "Content-Type:"},
        .header_count = 3,
        .body = request.body,
    };
    for (size_t i = 0; i < authorization.count; i++)
        http.headers[http.header_count++] = authorization.headers[i];
    return http_look(transport, &http, &question->look, note_answer, question, error) &&
           (question->read || error_no_memory(error));
}

static bool sign_in_and_ask(struct question *question, struct error *error)
{
    const struct spec *spec = question->doctor->spec;
    const struct spec_resource *resource = &spec->resources[question->doctor->resource];
    struct http_options transport = transport_options(spec, resource, question->address);
    struct sign_in_options options = {
        .address = question->address,
        .ca_file = resource->credential.ca_file,
        .transport = &transport,
        .clock = question->doctor->clock,
        .secret_variables = &spec->secret_variables,
    };
    struct sign_in *sign_in = NULL;

    transport.concurrency = 1;
    if (sign_in_credential(resource, &options.credential, &question->refusal))
        sign_in = sign_in_now(&options, &question->lifetime_ms, &question->refusal);
    question->bearer = resource->credential.kind != CREDENTIAL_ACCESS_KEY;
    question->signed_in = sign_in != NULL;
    question->end_s = options.credential != NULL ? entra_certificate_end_s(options.credential) : 0;
    const bool ok = ask(question, &transport, sign_in, error);
    sign_in_free(sign_in);
    entra_credential_free(options.credential);
    return ok;
}

bool doctor_check_service(struct doctor *doctor, struct error *error)
{
    struct question question = {.doctor = doctor, .address = &doctor->addresses[doctor->resource]};

    if (!sign_in_and_ask(&question, error))
        return false;
    check_name(&question);
    const bool answered = check_connection(&question);
    if (answered)
        check_clock(&question);
    check_credential(&question);
    if (answered && question.signed_in)
        check_access(&question);
    acs_answer_clear(&question.answer);
    return true;
}
