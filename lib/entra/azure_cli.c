/* The Azure CLI: whoever is logged in there [S 7]. */
#include "entra/entra_internal.h"

#include <string.h>

void cli_ask(struct entra_credential *credential)
{
    static const char *const words[] = {"az",   "account",    "get-access-token", "--output",
                                        "json", "--resource", ENTRA_RESOURCE};
    const size_t count = sizeof words / sizeof words[0];

    memcpy(credential->command, words, sizeof words);
    if (credential->tenant_id != NULL && !credential->is_default) {
        credential->command[count] = "--tenant";
        credential->command[count + 1] = credential->tenant_id;
    }
}

static bool says(const struct entra_run *run, const char *text)
{
    return strstr(run->words, text) != NULL;
}

static enum link_end read_failure(struct entra_credential *credential, const struct entra_run *run)
{
    struct error *error = &credential->error;

    if (!run->started || run->status == 127 || says(run, "az: not found") || says(run, "is not recognized")) {
        error_set(error, ERROR_REJECTED, "the Azure CLI is not installed: %s", run->how);
        error_hint(error, "install it, so that `az` is found in PATH, or choose another kind of credential");
        return NOT_THERE;
    }
    if (run->timed_out) {
        error_set(error, ERROR_REJECTED, "the Azure CLI: %s", run->how);
        error_hint(error, "see how long `az account get-access-token` takes by hand");
        return credential->has_succeeded ? TROUBLE : NOT_THERE;
    }
    const char *advice = advice_for(run->words);
    error_set(error, ERROR_REJECTED, "the Azure CLI gives no token: %s", run->words[0] != '\0' ? run->words : run->how);
    error_hint(error, "%s", advice != NULL ? advice : "log in with `az login`, as the user that runs rollcall");
    return says(run, "az login") || says(run, "az account set") ? NOT_THERE : REFUSED;
}

enum link_end cli_read(struct entra_credential *credential, const struct entra_run *run, int64_t now_s)
{
    if (!run->started || run->timed_out || run->status != 0)
        return read_failure(credential, run);
    if (token_read(FORM_CLI, run->output, run->output_length, now_s, &credential->token, &credential->error))
        return GOT_TOKEN;
    error_context(&credential->error, "the Azure CLI");
    error_hint(&credential->error, "see what `az account get-access-token --output json` writes");
    return REFUSED;
}
