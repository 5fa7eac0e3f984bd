/* Connection strings and endpoints: what is accepted is canonical and accepted again, and no message repeats any of it.
 */
#include "fuzz.h"

#include "acs/acs.h"

#include <openssl/evp.h>

static bool is_lower_authority(const char *text)
{
    for (; *text != '\0'; text++)
        if (!islower((unsigned char)*text) && !isdigit((unsigned char)*text) && strchr(".-_:[]", *text) == NULL)
            return false;
    return true;
}

static void check_endpoint(const struct acs_resource *resource)
{
    const size_t host_length = strlen(resource->origin.host);
    const char *scheme = resource->origin.secure ? "https://" : "http://";

    MUST(host_length > 0 && strncmp(resource->origin.authority, resource->origin.host, host_length) == 0);
    MUST(resource->origin.authority[host_length] == '\0' || resource->origin.authority[host_length] == ':');
    MUST(is_lower_authority(resource->origin.authority));
    MUST(strncmp(resource->origin.url, scheme, strlen(scheme)) == 0);
    MUST(strcmp(resource->origin.url + strlen(scheme), resource->origin.authority) == 0);
    MUST(resource->origin.secure || strcmp(resource->origin.host, "localhost") == 0 ||
         strncmp(resource->origin.host, "127.", 4) == 0 || resource->origin.host[0] == '[');
}

static void check_same_endpoint(const struct acs_resource *resource, const struct acs_resource *other)
{
    MUST(resource->origin.secure == other->origin.secure && strcmp(resource->origin.host, other->origin.host) == 0);
    MUST(strcmp(resource->origin.authority, other->origin.authority) == 0 &&
         strcmp(resource->origin.url, other->origin.url) == 0);
}

/* Written out in the portal's form it is the same resource; so is its endpoint alone, but for the key. */
static void check_written_out(const struct acs_resource *resource)
{
    char text[4096];
    unsigned char key[2048];
    struct acs_resource again;
    struct error error;

    MUST(secret_is_set(&resource->key) && resource->key.length > 0 && resource->key.length <= 768);
    EVP_EncodeBlock(key, (const unsigned char *)secret_reveal(&resource->key), (int)resource->key.length);
    snprintf(text, sizeof text, "endpoint=%s/;accesskey=%s", resource->origin.url, (const char *)key);
    MUST(acs_resource_parse(text, &again, &error));
    check_same_endpoint(resource, &again);
    MUST(again.key.length == resource->key.length &&
         memcmp(again.key.bytes, resource->key.bytes, again.key.length) == 0);
    acs_resource_clear(&again);
    MUST(acs_resource_from_endpoint(resource->origin.url, &again, &error));
    check_same_endpoint(resource, &again);
    MUST(!secret_is_set(&again.key));
    acs_resource_clear(&again);
}

static void check_refusal(const struct acs_resource *resource, const struct error *error, const char *text)
{
    MUST(error->code == ERROR_INPUT && error->message[0] != '\0');
    MUST(fuzz_is_line(error->message) && fuzz_is_line(error->hint));
    MUST(!fuzz_repeats(error->message, text, strlen(text)) && !fuzz_repeats(error->hint, text, strlen(text)));
    MUST(!secret_is_set(&resource->key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct acs_resource resource;
    struct error error = {0};

    if (acs_resource_parse(text, &resource, &error)) {
        check_endpoint(&resource);
        check_written_out(&resource);
    } else {
        check_refusal(&resource, &error, text);
    }
    acs_resource_clear(&resource);
    error = (struct error){0};
    if (acs_resource_from_endpoint(text, &resource, &error))
        check_endpoint(&resource);
    else
        check_refusal(&resource, &error, text);
    acs_resource_clear(&resource);
    free(text);
    return 0;
}
