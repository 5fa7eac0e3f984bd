/* What to do about the errors of Entra ID [S 2]. */
#include "entra/entra_internal.h"

#include <ctype.h>
#include <string.h>

static const struct {
    const char *code; /* of AADSTSnnnnn */
    const char *advice;
} advices[] = {
    {"7000215",
     "the client secret is not one of the application's: give its value, not its id (the portal shows the value "
     "only once, when it is made)"},
    {"7000222", "the client secret has expired: make a new one for the application, and give it to this job"},
    {"7000218", "give the application's client secret or certificate"},
    {"7000112", "the application is disabled in its tenant: enable it"},
    {"700016", "check client_id and tenant_id: this tenant has no such application (another cloud has another "
               "AZURE_AUTHORITY_HOST)"},
    {"700027",
     "upload the certificate to the application, or renew it where it has expired; the private key must be that "
     "certificate's"},
    {"700021", "check client_id: the assertion names another application"},
    {"700023", "check tenant_id and AZURE_AUTHORITY_HOST: the assertion is meant for another place"},
    {"700024", "set the clock of this machine; a federated token may also have ended without being replaced"},
    {"700211", "the federated credential of the application names another issuer than the token"},
    {"700212",
     "the federated token must be for the audience that the application's federated credential names, usually "
     "api://AzureADTokenExchange"},
    {"700213", "the federated credential of the application names another subject than the token, such as "
               "system:serviceaccount:NAMESPACE:NAME"},
    {"70021", "make a federated credential for the application that fits the token's issuer, subject and audience"},
    {"50027", "what was sent in place of a secret is no valid JWT: check the federated token's file"},
    {"900023", "tenant_id is neither a tenant's id nor a domain"},
    {"90002", "there is no such tenant in this cloud: check tenant_id and AZURE_AUTHORITY_HOST"},
    {"50001", "the tenant does not know Azure Communication Services yet: it gets to with its first resource"},
    {"500011", "the tenant does not know Azure Communication Services yet: it gets to with its first resource"},
    {"53003", "conditional access of the tenant blocks this sign-in: ask who administers it"},
    {"50076", "a person's account needs a second factor: sign in again with `az login`, or use an application"},
    {"700082", "the sign-in of the Azure CLI has expired: run `az login`"},
    {"50173", "the sign-in of the Azure CLI was revoked: run `az login`"},
};

const char *advice_for(const char *text)
{
    static const char prefix[] = "AADSTS";
    const char *code = strstr(text, prefix);

    if (code == NULL)
        return NULL;
    code += sizeof prefix - 1;
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++) {
        const size_t length = strlen(advices[i].code);
        if (strncmp(code, advices[i].code, length) == 0 && !isdigit((unsigned char)code[length]))
            return advices[i].advice;
    }
    return NULL;
}
