#include "token.h"

#include "jwt.h"
#include "moment.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLAIMS_MAX = 768, SIGNATURE_BYTES = 256 };

static const double latest_expiry_s = 253402300800.0; /* the year 10000: what .NET cannot show either */

void token_maker_init(struct token_maker *maker, const struct resource *resource, struct random *random)
{
    unsigned char thumbprint[20];
    char kid[2 * sizeof thumbprint + 1];
    char x5t[BASE64_LENGTH(sizeof thumbprint) + 1];
    char json[TOKEN_HEADER_SIZE];

    *maker = (struct token_maker){.resource = resource, .random = random};
    random_bytes(random, thumbprint, sizeof thumbprint);
    for (size_t i = 0; i < sizeof thumbprint; i++)
        snprintf(kid + 2 * i, 3, "%02X", thumbprint[i]);
    x5t[base64url_encode(thumbprint, sizeof thumbprint, x5t)] = '\0';
    const int length =
        snprintf(json, sizeof json, "{\"alg\":\"RS256\",\"kid\":\"%s\",\"x5t\":\"%s\",\"typ\":\"JWT\"}", kid, x5t);
    maker->header_length = base64url_encode(json, (size_t)length, maker->header);
    maker->header[maker->header_length++] = '.';
}

void token_append(struct token_maker *maker, struct buffer *buffer, const char *user, const char *scopes,
                  int64_t issued_s, int64_t expires_s)
{
    char claims[CLAIMS_MAX];
    unsigned char signature[SIGNATURE_BYTES];

    const int length = snprintf(claims, sizeof claims,
                                "{\"skypeid\":\"%s\",\"scp\":1792,\"csi\":\"%" PRId64 "\",\"exp\":%" PRId64
                                ",\"rgn\":\"emea\",\"acsScope\":\"%s\",\"resourceId\":\"%s\","
                                "\"resourceLocation\":\"europe\",\"iat\":%" PRId64 "}",
                                user, issued_s, expires_s, scopes, maker->resource->guid, issued_s);
    buffer_append(buffer, maker->header, maker->header_length);
    char *room = buffer_reserve(buffer, BASE64_LENGTH((size_t)length) + 1 + BASE64_LENGTH(sizeof signature));
    if (room == NULL)
        return;
    random_bytes(maker->random, signature, sizeof signature);
    size_t written = base64url_encode(claims, (size_t)length, room);
    room[written++] = '.';
    written += base64url_encode(signature, sizeof signature, room + written);
    buffer_commit(buffer, written);
}

static bool copy_guid(const json_t *claims, const char *name, char guid[GUID_LENGTH + 1])
{
    const char *text = json_string_value(json_object_get(claims, name));

    if (text == NULL || !guid_is_valid(text))
        return false;
    memcpy(guid, text, GUID_LENGTH + 1);
    return true;
}

bool token_read_entra(const char *token, struct entra_claims *claims)
{
    json_t *root = jwt_claims(token);
    const json_t *expires = json_object_get(root, "exp");
    bool ok = false;

    if (json_is_number(expires) && json_number_value(expires) >= 0 && json_number_value(expires) < latest_expiry_s) {
        claims->expires_ticks = (int64_t)(json_number_value(expires) * TICKS_PER_SECOND);
        ok = copy_guid(root, "appid", claims->app_id) && copy_guid(root, "oid", claims->object_id);
    }
    json_decref(root);
    return ok;
}
