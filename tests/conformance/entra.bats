# The SDKs' own Entra credentials, against the emulator's Entra ID over TLS.

USER_ASSIGNED=44444444-4444-4444-8444-444444444444

setup_file() {
    load conformance_helper.bash
    load ../cli/entra_helper.bash
    install_sdk
    cd "$BATS_FILE_TMPDIR" || return 1
    make_certificate app
    make_certificate other
    make_certificate issuer
    federated_token issuer.key >federated.jwt
}

setup() {
    load conformance_helper.bash
    load ../cli/entra_helper.bash
    emulator_start --tls --client-certificate "$BATS_FILE_TMPDIR/app.crt" \
        --federated "$FEDERATED_ISSUER,$FEDERATED_SUBJECT,$BATS_FILE_TMPDIR/issuer.pub" \
        --user-assigned $USER_ASSIGNED,55555555-5555-4555-8555-555555555555,/subscriptions/s/providers/i
    export NODE_EXTRA_CA_CERTS=$CERTIFICATE
}

teardown() {
    emulator_stop_all
}

# managed_identity [CLIENT_ID]
managed_identity() {
    run node "$CONFORMANCE/managed_identity.mjs" "$CONNECTION_STRING" "$@"
    echo "$output"
}

@test "secrets, certificates, federated tokens and the default chain sign in, and fail with their messages" {
    node_tests entra.mjs "$CONNECTION_STRING" "$BATS_FILE_TMPDIR"
}

@test "the managed identity of a virtual machine signs in" {
    AZURE_POD_IDENTITY_AUTHORITY_HOST=$ENDPOINT managed_identity
    [ "$status" -eq 0 ]
    AZURE_POD_IDENTITY_AUTHORITY_HOST=$ENDPOINT managed_identity "$USER_ASSIGNED"
    [ "$status" -eq 0 ]
    is "$(stats '.requests.managed_identity["200"]')" 2
}

@test "the managed identity of an App Service signs in with the endpoint's secret alone" {
    export IDENTITY_ENDPOINT=$ENDPOINT/managed-identity/app-service
    IDENTITY_HEADER=$IDENTITY_HEADER_VALUE managed_identity
    [ "$status" -eq 0 ]
    IDENTITY_HEADER=wrong managed_identity
    [ "$status" -eq 1 ]
    is "$(stats '.requests.managed_identity["200"]')" 1
}
