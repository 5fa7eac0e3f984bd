/* uuid.h - ids that are unique because they are random (RFC 9562, version 4). */
#ifndef ROLLCALL_CORE_UUID_H
#define ROLLCALL_CORE_UUID_H

#include "core/error.h"

enum { UUID_LENGTH = 36 };

bool uuid_random(char text[UUID_LENGTH + 1], struct error *error);

#endif
