# rollcall and the official SDK on the same identities, both with the access key or both with Entra ID.

setup_file() {
    load conformance_helper.bash
    install_sdk
}

setup() {
    load conformance_helper.bash
    load ../cli/helper.bash
    load ../cli/entra_helper.bash
    unset "${!AZURE_@}"
    job_setup
    write_roster 5
    resource='{ connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING } }'
}

# with_entra: from now on both sign in with the client secret of the environment; the SDK's bearer tokens want TLS.
with_entra() {
    use_emulator --tls
    unset COMMUNICATION_SERVICES_CONNECTION_STRING
    export NODE_EXTRA_CA_CERTS=$CERTIFICATE AZURE_AUTHORITY_HOST=$ENDPOINT
    export AZURE_TENANT_ID=$TENANT AZURE_CLIENT_ID=$CLIENT_ID AZURE_CLIENT_SECRET=$CLIENT_SECRET
    resource="{ endpoint: '$ENDPOINT', ca_file: '$CERTIFICATE', credential: { kind: client_secret, ca_file: '$CERTIFICATE' } }"
    write_job resource="$resource"
}

# without_key: nothing was signed with an access key. (Tokens were asked for, and every request was let in.)
without_key() {
    [ "$(stats '.requests.token["200"]')" -ge 2 ]
    is "$(grep -c connection_string job.yaml)" 0
}

teardown() {
    job_teardown
}

# sdk ACTION: on the names of standard input.
sdk() {
    node "$CONFORMANCE/users.mjs" "$CONNECTION_STRING" "$1"
}

# identities KEY...: their ids, by the mapping.
identities() {
    local key
    for key in "$@"; do
        awk -F, -v key="$key" '$1 == key { print $2 }' out/mapping.csv
    done
}

# user NUMBER: its key.
user() {
    printf 'user%06d@contoso.example' "$1"
}

what_the_sdk_creates_rollcall_takes_over() {
    column 1 users.csv | sdk create >mapping.csv
    "$ROLLCALL" import job.yaml mapping.csv
    write_job resource="$resource" rules='{ expiring: { within: 6h, do: issue }, removed: delete }' limits='{ delete: 50%, shrink: 50% }'
    run_job
    [ "$status" -eq 0 ]
    is "$(stats '"\(.identities.created) \(.tokens.live)"')" '5 5'
    is "$(column 1,2 out/mapping.csv | sort)" "$(rows mapping.csv | sort)"
    while IFS=, read -r _ identity token _; do
        is "8:$(claims "$token" | jq -r .skypeid)" "$identity"
    done < <(rows out/tokens.csv)

    write_roster 3
    run_job --yes
    [ "$status" -eq 0 ]
    is "$(stats '"\(.identities.active) \(.identities.deleted) \(.tokens.live)"')" '3 2 3'
    is "$(identities "$(user 3)" "$(user 4)" "$(user 5)" | sdk token | tr '\n' ' ')" 'done IdentityNotFound IdentityNotFound '
}

what_rollcall_creates_the_sdk_takes_over() {
    run_job
    [ "$status" -eq 0 ]
    is "$(column 2 out/mapping.csv | sdk token | uniq -c | tr -s ' ')" ' 5 done'
    is "$(identities "$(user 1)" | sdk revoke)" 'done'
    is "$(identities "$(user 2)" | sdk delete)" 'done'
    is "$(stats '"\(.identities.deleted) \(.tokens.live)"')" '1 6'

    write_job resource="$resource" rules='{ expiring: { within: 6h, do: issue } }'
    run_job --reissue-all
    [ "$status" -eq 1 ]
    is "$(column 1 out/failures.csv)" "$(user 2)"
    is "$(awk -F, '$3 == "lost" { print $1 }' out/mapping.csv)" "$(user 2)"
    is "$(stats .tokens.live)" 10
}

@test "what the SDK creates rollcall imports, rotates and deletes" {
    what_the_sdk_creates_rollcall_takes_over
}

@test "with Entra ID, what the SDK creates rollcall imports, rotates and deletes" {
    with_entra
    what_the_sdk_creates_rollcall_takes_over
    without_key
}

@test "what rollcall creates the SDK uses, revokes and deletes, and rollcall finds out" {
    what_rollcall_creates_the_sdk_takes_over
}

@test "with Entra ID, what rollcall creates the SDK uses, revokes and deletes, and rollcall finds out" {
    with_entra
    what_rollcall_creates_the_sdk_takes_over
    without_key
}

# same_of TOKEN: what two tokens for one user have in common.
same_of() {
    claims "$1" | jq -ec '[.skypeid, .resourceId, .exp] | select(all(. != null))'
}

@test "a Teams user's token exchanged by rollcall is the one that the SDK gets" {
    local app=1b2c3d4e-0000-4000-8000-00000000000a user=00000000-0000-4000-8000-000000000001 token
    token=$(entra_token "{\"oid\":\"$user\",\"appid\":\"$app\",\"exp\":$(($(date +%s) + 3600))}")
    with_entra
    printf 'user_id,object_id,entra_token\nanna,%s,%s\n' $user "$token" >users.csv
    chmod 600 users.csv
    write_job resource="$resource" rules='{ added: exchange }' token="{ teams_app_id: $app }" \
        roster='{ csv: users.csv, key: user_id, teams_token_column: entra_token, teams_user_column: object_id }'
    run_job
    [ "$status" -eq 0 ]
    is "$(same_of "$(column 3 out/tokens.csv)")" "$(same_of "$(sdk exchange <<<"$user,$app,$token")")"
    is "$(stats '.requests.exchange | tostring')" '{"200":2}'
    without_key
}
