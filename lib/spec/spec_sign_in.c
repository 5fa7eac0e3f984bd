/* The keys of resource.credential: which of them go with which kind, and what they may hold. */
#include "spec/spec_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define KIND(name) (1U << CREDENTIAL_##name)

enum {
    APPLICATION = KIND(CLIENT_SECRET) | KIND(CLIENT_CERTIFICATE) | KIND(WORKLOAD_IDENTITY),
    AT_AUTHORITY = APPLICATION | KIND(ENVIRONMENT) | KIND(DEFAULT),
};

static const struct {
    const char *key;
    unsigned kinds;   /* that make use of it */
    const char *kind; /* the one that it is made for, for the hint; NULL: there are several */
} uses[] = {
    {"tenant_id", APPLICATION | KIND(AZURE_CLI), NULL},
    {"client_id", APPLICATION | KIND(MANAGED_IDENTITY), NULL},
    {"client_secret", KIND(CLIENT_SECRET), "client_secret"},
    {"certificate", KIND(CLIENT_CERTIFICATE), "client_certificate"},
    {"certificate_password", KIND(CLIENT_CERTIFICATE), "client_certificate"},
    {"send_certificate_chain", KIND(CLIENT_CERTIFICATE), "client_certificate"},
    {"token_file", KIND(WORKLOAD_IDENTITY), "workload_identity"},
    {"object_id", KIND(MANAGED_IDENTITY), "managed_identity"},
    {"resource_id", KIND(MANAGED_IDENTITY), "managed_identity"},
    {"authority_host", AT_AUTHORITY, NULL},
    {"ca_file", AT_AUTHORITY, NULL},
};

static const char *word_of(enum spec_credential kind)
{
    const struct spec_choice *choice = spec_key_find("resource.credential", "kind")->choices;

    while (choice->value != (int)kind)
        choice++;
    return choice->word;
}

static void check_uses(struct spec_reader *reader, const struct spec_node *section, enum spec_credential kind)
{
    char hint[SPEC_HINT_SIZE];

    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        const struct spec_node *node = spec_node_child(section, uses[i].key);
        if (node == NULL || (uses[i].kinds & 1U << kind) != 0)
            continue;
        snprintf(hint, sizeof hint, "remove %s%s%s", uses[i].key, uses[i].kind != NULL ? ", or write kind: " : "",
                 uses[i].kind != NULL ? uses[i].kind : "");
        spec_fault(reader, node->key, hint, "%s.credential: %s does not go with kind: %s", reader->place, uses[i].key,
                   word_of(kind));
    }
}

static void check_one_identity(struct spec_reader *reader, const struct spec_node *section)
{
    static const char *const names[] = {"client_id", "object_id", "resource_id"};
    const char *first = NULL;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct spec_node *node = spec_node_child(section, names[i]);
        if (node != NULL && first != NULL)
            spec_fault(reader, node->key, "one is enough to tell which identity", "%s.credential has both %s and %s",
                       reader->place, first, names[i]);
        else if (node != NULL)
            first = names[i];
    }
}

/* It becomes a part of an address (reference: entra-credentials.md, section 2). */
static bool is_tenant(const char *text)
{
    for (; *text != '\0'; text++)
        if (!isalnum((unsigned char)*text) && *text != '.' && *text != '-')
            return false;
    return true;
}

static void check_values(struct spec_reader *reader, const struct spec_node *section,
                         const struct spec_sign_in *sign_in)
{
    const struct spec_node *tenant = spec_node_child(section, "tenant_id");

    if (tenant != NULL && !tenant->bad && sign_in->tenant_id != NULL && !is_tenant(sign_in->tenant_id))
        spec_fault(reader, tenant, "write the tenant's id or its domain, such as contoso.onmicrosoft.com",
                   "%s.credential.tenant_id may hold only letters, digits, dots and hyphens", reader->place);
    spec_check_address(reader, ".credential.authority_host", sign_in->authority_host,
                       "write for example https://login.microsoftonline.us");
}

bool spec_check_sign_in(struct spec_reader *reader)
{
    const struct spec_resource *resource = reader->fields;
    const struct spec_sign_in *sign_in = &resource->credential;
    const struct spec_node *section = spec_node_child(reader->section, "credential");
    const struct spec_node *kind = spec_node_child(section, "kind");

    if (kind == NULL || kind->bad)
        return true;
    check_uses(reader, section, sign_in->kind);
    if (sign_in->kind == CREDENTIAL_MANAGED_IDENTITY)
        check_one_identity(reader, section);
    check_values(reader, section, sign_in);
    return true;
}
