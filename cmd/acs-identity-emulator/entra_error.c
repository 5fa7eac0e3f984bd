#include "entra_error.h"

#include <stddef.h>
#include <string.h>

static const struct entra_error errors[] = {
    {"50001", "invalid_resource", "The resource principal named in the request was not found in the tenant."},
    {"50027", "invalid_request", "JWT token is invalid or malformed."},
    {"70003", "unsupported_grant_type", "The app requested an unsupported grant type."},
    {"700016", "unauthorized_client", "Application with the identifier was not found in the directory."},
    {"700021", "invalid_client", "Client assertion application identifier doesn't match 'client_id' parameter."},
    {"700023", "invalid_client", "Client assertion audience claim does not match Realm issuer."},
    {"700024", "invalid_client", "Client assertion is not within its valid time range."},
    {"700027", "invalid_client",
     "The certificate with identifier used to sign the client assertion is not registered on application, or the "
     "signature is not valid."},
    {"70011", "invalid_scope", "The provided value for the input parameter 'scope' is not valid."},
    {"700211", "invalid_client", "No matching federated identity record found for presented assertion issuer."},
    {"700212", "invalid_client", "No matching federated identity record found for presented assertion audience."},
    {"700213", "invalid_client", "No matching federated identity record found for presented assertion subject."},
    {"7000215", "invalid_client",
     "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the "
     "client secret ID, for a secret added to the app."},
    {"7000218", "invalid_client",
     "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."},
    {"7000222", "invalid_client", "The provided client secret keys for the app are expired."},
    {"90002", "invalid_request", "Tenant not found. Check to make sure you have the correct tenant ID."},
    {"900144", "invalid_request",
     "The request body must contain the parameters of the grant: 'grant_type', 'client_id' "
     "and 'scope'."},
    {"900023", "invalid_request",
     "Specified tenant identifier is neither a valid DNS name, nor a valid external domain."},
};

const struct entra_error *entra_error_find(const char *code)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (strcmp(errors[i].code, code) == 0)
            return &errors[i];
    return NULL;
}
