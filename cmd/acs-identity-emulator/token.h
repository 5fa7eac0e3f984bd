/* token.h - access tokens that look like the service's: a JWT whose signature is of the right length, and no more.
 *
 * Header members and claims as in the reference, section 7. Nobody can check the signature without the service's
 * key, so that random bytes stand in for it; an RSA signature would cost more than everything else together.
 */
#ifndef EMULATOR_TOKEN_H
#define EMULATOR_TOKEN_H

#include "random.h"
#include "resource.h"

#include "core/buffer.h"

enum { TOKEN_HEADER_SIZE = 256, SCOPES_TEXT_SIZE = 64 };

struct token_maker {
    const struct resource *resource;
    struct random *random;
    char header[TOKEN_HEADER_SIZE]; /* encoded, with the dot after it */
    size_t header_length;
};

/* Borrows both. */
void token_maker_init(struct token_maker *maker, const struct resource *resource, struct random *random);
/* Appends a token. `user` is the identity without its "8:"; `scopes` are joined by commas. */
void token_append(struct token_maker *maker, struct buffer *buffer, const char *user, const char *scopes,
                  int64_t issued_s, int64_t expires_s);

/* The claims of a Teams user's Entra token that are looked at. */
struct entra_claims {
    char app_id[GUID_LENGTH + 1];
    char object_id[GUID_LENGTH + 1];
    int64_t expires_ticks;
};

/* False when it has not the shape of a JWT or lacks one of the claims. The signature is not checked. */
bool token_read_entra(const char *token, struct entra_claims *claims);

#endif
