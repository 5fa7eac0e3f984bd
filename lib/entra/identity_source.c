/* Which endpoint gives this machine its managed identity's tokens: the hosts announce theirs by variables [S 6]. */
#include "entra/entra_internal.h"

#include <string.h>
#include <unistd.h>

static const struct identity_source service_fabric = {
    .name = "Service Fabric",
    .path = "",
    .version = "2019-07-01-preview",
    .secret_header = "Secret",
};
static const struct identity_source app_service = {
    .name = "App Service",
    .path = "",
    .version = "2019-08-01",
    .secret_header = "X-IDENTITY-HEADER",
    .selectors = {NULL, "client_id", "principal_id", "mi_res_id"},
    .retries_404 = true,
};
static const struct identity_source machine_learning = {
    .name = "Azure Machine Learning",
    .path = "",
    .version = "2017-09-01",
    .secret_header = "secret",
    .selectors = {NULL, "clientid", NULL, NULL},
    .usual = "DEFAULT_IDENTITY_CLIENT_ID",
    .retries_404 = true,
};
static const struct identity_source cloud_shell = {
    .name = "Cloud Shell",
    .path = "",
    .retries_404 = true,
};
static const struct identity_source arc = {
    .name = "Azure Arc",
    .endpoint = "http://127.0.0.1:40342/metadata/identity/oauth2/token",
    .path = "",
    .version = "2020-06-01",
    .selectors = {NULL, "client_id", "object_id", "msi_res_id"},
    .challenges = true,
    .retries_404 = true,
};
static const struct identity_source imds = {
    .name = "the virtual machine's metadata service",
    .endpoint = "http://169.254.169.254",
    .path = "/metadata/identity/oauth2/token",
    .version = "2018-02-01",
    .selectors = {NULL, "client_id", "object_id", "msi_res_id"},
    .is_imds = true,
    .retries_404 = true,
};

static bool has_arc_agent(void)
{
    static const char *const agents[] = {"/opt/azcmagent/bin/himds", "/var/opt/azcmagent/bin/himds"};

    return access(agents[0], F_OK) == 0 || access(agents[1], F_OK) == 0;
}

void identity_source_find(struct identity_source *source, const char *(*variable)(const char *name))
{
    const char *endpoint = value_of(variable, "IDENTITY_ENDPOINT");
    const char *header = value_of(variable, "IDENTITY_HEADER");
    const char *thumbprint = value_of(variable, "IDENTITY_SERVER_THUMBPRINT");
    const char *old_endpoint = value_of(variable, "MSI_ENDPOINT");
    const char *old_secret = value_of(variable, "MSI_SECRET");

    if (endpoint != NULL && header != NULL) {
        *source = thumbprint != NULL ? service_fabric : app_service;
        source->secret = header;
        source->thumbprint = thumbprint;
    } else if (old_endpoint != NULL) {
        *source = old_secret != NULL ? machine_learning : cloud_shell;
        source->secret = old_secret;
        endpoint = old_endpoint;
    } else if ((endpoint != NULL && value_of(variable, "IMDS_ENDPOINT") != NULL) || has_arc_agent()) {
        *source = arc;
    } else {
        *source = imds;
        endpoint = value_of(variable, "AZURE_POD_IDENTITY_AUTHORITY_HOST");
    }
    if (endpoint != NULL)
        source->endpoint = endpoint;
}
