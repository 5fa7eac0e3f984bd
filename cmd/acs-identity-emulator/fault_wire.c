#include "fault_wire.h"

#include "moment.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { HUGE_SIZE = 16 * 1024 * 1024, BLOCK_SIZE = 64 * 1024, MESSAGE_MAX = 128 * 1024 };

/* --- below HTTP --- */

static int socket_of(const struct fault_wire *wire)
{
    return MHD_get_connection_info(wire->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/* Sends RST at once and drops what is not yet sent. MHD would shut the connection down in an orderly way before it
 * closes it, which is why SO_LINGER alone is too late. */
static void reset(int fd)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    (void)connect(fd, &nobody, sizeof nobody);
}

/* The first bytes of an answer. What does not fit into the socket's buffer is cut off: that is what a fault is for. */
static void send_raw(int fd, const struct buffer *message, size_t length)
{
    send(fd, message->data, length < message->length ? length : message->length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The answer as text, with this Content-Length. Returns the length of the header. */
static size_t write_message(struct buffer *message, const struct answer *answer, size_t content_length)
{
    buffer_append_format(message,
                         "HTTP/1.1 %u %s\r\nContent-Type: application/json; charset=utf-8\r\n"
                         "Content-Length: %zu\r\nX-Cache: CONFIG_NOCACHE\r\n\r\n",
                         answer->status, MHD_get_reason_phrase_for(answer->status), content_length);
    const size_t header = message->length;
    buffer_append(message, answer->body.data, answer->body.length);
    return header;
}

bool fault_cuts(const struct fault *fault, const struct fault_wire *wire, const struct answer *answer)
{
    const size_t body = answer->body.length;
    const int fd = socket_of(wire);
    struct buffer message;

    if (fault->kind == FAULT_CLOSE_BEFORE || fault->kind == FAULT_CLOSE_AFTER || fault_is_of_connections(fault->kind))
        return true;
    if (fault->kind != FAULT_RESET_HEADER && fault->kind != FAULT_RESET_BODY && fault->kind != FAULT_WRONG_LENGTH)
        return false;
    if (fault->kind == FAULT_RESET_BODY && wire->over_tls)
        return false; /* only MHD can encrypt the first half: see read_paced() */
    buffer_init(&message, MESSAGE_MAX);
    if (!wire->over_tls) {
        const size_t header = write_message(&message, answer, fault->kind == FAULT_WRONG_LENGTH ? body / 2 : body);
        send_raw(fd, &message,
                 fault->kind == FAULT_RESET_HEADER ? header / 2
                 : fault->kind == FAULT_RESET_BODY ? header + body / 2
                                                   : message.length);
    }
    buffer_wipe(&message);
    if (fault->kind != FAULT_WRONG_LENGTH)
        reset(fd);
    return true;
}

/* --- the pace of a body --- */

struct paced {
    struct fault_wire wire;
    enum fault_kind kind;
    int64_t pause_us;
    bool paused; /* the pause before the next bytes is over */
    size_t length;
    char bytes[];
};

bool fault_paces(const struct fault *fault)
{
    return fault->kind == FAULT_STALL_BODY || fault->kind == FAULT_TRICKLE || fault->kind == FAULT_HUGE ||
           fault->kind == FAULT_RESET_BODY;
}

/* MHD asks again when the connection is woken. */
static bool wait_first(struct paced *paced)
{
    if (paced->paused || *paced->wire.stopping ||
        !timers_add(paced->wire.timers, moment_now().monotonic_us + paced->pause_us, paced->wire.connection)) {
        paced->paused = false;
        return false;
    }
    paced->paused = true;
    MHD_suspend_connection(paced->wire.connection);
    return true;
}

static ssize_t read_paced(void *context, uint64_t position, char *bytes, size_t room)
{
    struct paced *paced = context;
    const size_t half = paced->length / 2;
    size_t end = paced->length;

    if (position >= paced->length) {
        memset(bytes, ' ', room); /* of FAULT_HUGE: the others end here */
        return (ssize_t)room;
    }
    if (paced->kind == FAULT_TRICKLE) {
        if (wait_first(paced))
            return 0;
        end = (size_t)position + 1;
    } else if (position < half && paced->kind != FAULT_HUGE) {
        end = half;
    } else if (paced->kind == FAULT_RESET_BODY) {
        reset(socket_of(&paced->wire));
        return MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (paced->kind == FAULT_STALL_BODY && wait_first(paced)) {
        return 0;
    }
    const size_t now = end - (size_t)position < room ? end - (size_t)position : room;
    memcpy(bytes, paced->bytes + position, now);
    return (ssize_t)now;
}

struct MHD_Response *fault_response(const struct fault *fault, const struct fault_wire *wire,
                                    const struct answer *answer)
{
    const size_t length = answer->body.length;
    struct paced *paced = malloc(sizeof *paced + length);

    if (paced == NULL)
        return NULL;
    *paced = (struct paced){.wire = *wire, .kind = fault->kind, .pause_us = fault->lasts_us, .length = length};
    if (fault->kind == FAULT_TRICKLE)
        paced->pause_us /= (int64_t)(length > 0 ? length : 1);
    memcpy(paced->bytes, answer->body.data, length);
    struct MHD_Response *response = MHD_create_response_from_callback(
        fault->kind == FAULT_HUGE ? length + HUGE_SIZE : length, BLOCK_SIZE, read_paced, paced, free);
    if (response == NULL)
        free(paced);
    return response;
}
