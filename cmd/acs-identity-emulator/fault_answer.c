#include "fault_answer.h"

#include "entra_error.h"

#include <stdio.h>
#include <string.h>

/* No identity has this id, although it looks like one. */
#define FOREIGN_ID "8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000"

static const char page[] = "<!DOCTYPE html>\n<html><head><title>Welcome</title></head>"
                           "<body><h1>Please log in to this network</h1></body></html>\n";

static void set_body(struct answer *answer, enum answer_kind kind, const char *text)
{
    answer->kind = kind;
    buffer_reset(&answer->body);
    buffer_append_text(&answer->body, text);
}

/* Where the right answer has no body there is nothing to spoil: it gets one. */
static void give_body(struct answer *answer)
{
    if (answer->kind != ANSWER_EMPTY)
        return;
    answer->status = 200;
    set_body(answer, ANSWER_JSON, "{}");
}

static void spoil_status(const struct fault *fault, struct answer *answer)
{
    const struct entra_error *known = answer->form == FORM_ENTRA ? entra_error_find(fault->code) : NULL;
    const char *code = fault->code[0] != '\0' ? fault->code : fault->status == 401 ? "Denied" : "Fault";

    answer_error(answer, FROM_FRONT, fault->status, code, NULL, "%s",
                 known != NULL ? known->text : "This fault is part of the script.");
    if (fault->body == FAULT_BODY_HTML)
        set_body(answer, ANSWER_HTML, page);
    else if (fault->body == FAULT_BODY_NONE)
        set_body(answer, ANSWER_EMPTY, "");
    if (fault->retry_after_s < 0)
        return;
    answer->retry_header = "Retry-After";
    snprintf(answer->retry_value, sizeof answer->retry_value, "%d", fault->retry_after_s);
}

static bool answers_with_token(enum operation operation)
{
    return operation == OPERATION_ISSUE || operation == OPERATION_EXCHANGE;
}

static void spoil_types(enum operation operation, struct answer *answer)
{
    give_body(answer);
    if (operation == OPERATION_CREATE)
        set_body(answer, ANSWER_JSON, "{\"identity\":{\"id\":42},\"accessToken\":[\"token\"]}");
    else if (answers_with_token(operation))
        set_body(answer, ANSWER_JSON, "{\"token\":{\"token\":1},\"expiresOn\":1735689600}");
    else if (answer->form != FORM_SERVICE)
        set_body(answer, ANSWER_JSON, "{\"access_token\":{\"token\":1},\"expires_in\":[],\"expires_on\":{}}");
    else
        set_body(answer, ANSWER_JSON, "[null]");
}

static void spoil_id(enum operation operation, struct answer *answer)
{
    give_body(answer);
    if (operation == OPERATION_CREATE)
        set_body(answer, ANSWER_JSON, "{\"identity\":{\"id\":\"../etc/passwd\"}}");
    else if (answers_with_token(operation))
        set_body(answer, ANSWER_JSON, "{\"token\":\"\",\"expiresOn\":\"2030-01-01T00:00:00+00:00\"}");
    else if (answer->form != FORM_SERVICE)
        set_body(answer, ANSWER_JSON, "{\"access_token\":\"\",\"expires_in\":3599,\"expires_on\":\"4102444800\"}");
}

static void add_duplicate(enum operation operation, struct answer *answer)
{
    give_body(answer);
    if (answer->body.length > 0)
        answer->body.length--; /* the brace at its end */
    if (operation == OPERATION_CREATE)
        buffer_append_text(&answer->body, ",\"identity\":{\"id\":\"" FOREIGN_ID "\"}}");
    else if (answers_with_token(operation))
        buffer_append_text(&answer->body, ",\"token\":\"e30.e30.Zm9yZWlnbg\"}");
    else if (answer->form != FORM_SERVICE)
        buffer_append_text(&answer->body, ",\"access_token\":\"e30.e30.Zm9yZWlnbg\"}");
    else
        buffer_append_text(&answer->body, "\"a\":1,\"a\":2}");
}

static void truncate_body(struct answer *answer)
{
    char half[8192];

    give_body(answer);
    const size_t length = answer->body.length / 2 < sizeof half ? answer->body.length / 2 : sizeof half - 1;
    memcpy(half, answer->body.data, length);
    half[length] = '\0';
    set_body(answer, answer->kind, half);
}

static uint32_t crc32_of(const char *bytes, size_t length)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < length; i++) {
        crc ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return ~crc;
}

static void append_little(struct buffer *buffer, uint32_t number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buffer_append_char(buffer, (char)(number >> 8 * i & 0xff));
}

/* RFC 1952 with one stored block (RFC 1951, 3.2.4), which is all that a body of less than 64 KiB needs. */
static void compress(struct answer *answer)
{
    struct buffer packed;

    give_body(answer);
    const uint32_t length = (uint32_t)answer->body.length;
    buffer_init(&packed, answer->body.cap);
    buffer_append(&packed, "\x1f\x8b\x08\0\0\0\0\0\0\xff\x01", 11);
    append_little(&packed, length, 2);
    append_little(&packed, ~length, 2);
    buffer_append(&packed, answer->body.data, length);
    append_little(&packed, crc32_of(answer->body.data, length), 4);
    append_little(&packed, length, 4);
    buffer_reset(&answer->body);
    buffer_append(&answer->body, packed.data, packed.length);
    buffer_clear(&packed);
    answer->content_encoding = "gzip";
}

static void show_page(enum operation operation, struct answer *answer)
{
    answer->status = operation == OPERATION_CREATE ? 201 : 200;
    set_body(answer, ANSWER_HTML, page);
}

static void redirect(struct answer *answer)
{
    answer->status = 307;
    answer->location = "http://127.0.0.1:9/elsewhere";
    set_body(answer, ANSWER_EMPTY, "");
}

void fault_spoil(const struct fault *fault, enum operation operation, struct moment now, struct answer *answer)
{
    if (!fault->acts && fault->kind != FAULT_CLOSE_BEFORE && !fault_is_of_connections(fault->kind))
        answer_error(answer, FROM_FRONT, 503, "Fault", NULL, "This fault is part of the script; nothing was done.");
    if (fault->clock_us != 0)
        answer->date_s = moment_wall_s(now) + fault->clock_us / 1000000;
    switch (fault->kind) {
    case FAULT_STATUS: spoil_status(fault, answer); break;
    case FAULT_HTML: show_page(operation, answer); break;
    case FAULT_TRUNCATED: truncate_body(answer); break;
    case FAULT_WRONG_TYPE: spoil_types(operation, answer); break;
    case FAULT_BAD_ID: spoil_id(operation, answer); break;
    case FAULT_DUPLICATE_KEYS: add_duplicate(operation, answer); break;
    case FAULT_GZIP: compress(answer); break;
    case FAULT_REDIRECT: redirect(answer); break;
    case FAULT_RESET_BODY:
    case FAULT_WRONG_LENGTH:
    case FAULT_STALL_BODY:
    case FAULT_TRICKLE:
    case FAULT_HUGE: give_body(answer); break; /* the rest is done to the wire */
    case FAULT_CLOSE_BEFORE:
    case FAULT_CLOSE_AFTER:
    case FAULT_REFUSE:
    case FAULT_TLS_CUT:
    case FAULT_CERT_EXPIRED:
    case FAULT_CERT_OTHER_NAME:
    case FAULT_CERT_SELF_SIGNED:
    case FAULT_RESET_HEADER:
    case FAULT_STALL:
    case FAULT_CLOCK: break;
    }
}
