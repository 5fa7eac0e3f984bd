/* uuid.h - ids that are unique because they are random (RFC 9562, version 4). */
#ifndef ROLLCALL_CORE_UUID_H
#define ROLLCALL_CORE_UUID_H

enum { UUID_BYTES = 16, UUID_LENGTH = 36 };

/* Of random bytes, of which some bits are not used. */
void uuid_format(const unsigned char random[UUID_BYTES], char text[UUID_LENGTH + 1]);

#endif
