/* admin.h - /_emulator/...: what the emulator knows, for tests. Loopback only, unsigned. */
#ifndef EMULATOR_ADMIN_H
#define EMULATOR_ADMIN_H

#include "service.h"

void admin_handle(struct service *service, const struct call *call, struct answer *answer);

/* The list of identities, made piece by piece while it is sent: one JSON object a line. */
struct listing {
    struct service *service;
    uint32_t next;
    uint32_t end; /* identities made later are not listed */
    struct buffer line;
    size_t sent; /* of the line */
};

struct listing *listing_new(struct service *service);
void listing_free(struct listing *listing);
/* Fills at most `room` bytes and returns how many; 0 at the end, -1 when out of memory. */
ptrdiff_t listing_read(struct listing *listing, char *bytes, size_t room);

#endif
