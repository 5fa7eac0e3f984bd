/* address.h - where the emulator listens. */
#ifndef EMULATOR_ADDRESS_H
#define EMULATOR_ADDRESS_H

#include "core/error.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t length;
};

enum { ADDRESS_TEXT_SIZE = 64 };

/* "127.0.0.1:8080", "[::1]:0", "localhost:8080" (which is 127.0.0.1). */
bool address_parse(const char *text, struct address *address, struct error *error);
/* Opens a listening socket; address receives the port that was picked for port 0. -1 with the error filled. */
int address_listen(struct address *address, struct error *error);
/* "127.0.0.1:8080", as a client would name it: an address of all interfaces is shown as loopback. */
void address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE]);
bool address_is_loopback(const struct sockaddr *address);

#endif
