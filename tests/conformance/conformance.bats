# The official SDK for JavaScript against the emulator.

setup_file() {
    load conformance_helper.bash
    install_sdk
}

setup() {
    load conformance_helper.bash
}

teardown() {
    emulator_stop_all
}

@test "the locked packages run on Debian 12's Node" {
    cd "$CONFORMANCE"
    run node -e 'const { satisfies } = require("semver");
        for (const [name, { engines }] of Object.entries(require("./package-lock.json").packages))
            if (!satisfies("18.19.0", engines?.node ?? "*")) console.log(name, engines.node);'
    is "$output" ""
}

@test "the lock names no registry" {
    run grep -c '"resolved"' "$CONFORMANCE/package-lock.json"
    is "$output" 0
}

@test "the SDK works over plain HTTP" {
    emulator_start --limits revoke=1/1s
    SKIPPED=1 node_tests identity.mjs "$CONNECTION_STRING"
}

@test "the SDK works over TLS, and with a bearer token" {
    emulator_start --limits revoke=1/1s --tls --bearer-token a.bearer.token
    NODE_EXTRA_CA_CERTS=$CERTIFICATE node_tests identity.mjs "$CONNECTION_STRING" a.bearer.token
}

@test "the SDK works signed in with Entra ID" {
    load ../cli/entra_helper.bash
    emulator_start --limits revoke=1/1s --tls
    export AZURE_TENANT_ID=$TENANT AZURE_CLIENT_ID=$CLIENT_ID AZURE_CLIENT_SECRET=$CLIENT_SECRET
    NODE_EXTRA_CA_CERTS=$CERTIFICATE SKIPPED=1 node_tests identity.mjs "$CONNECTION_STRING"
    is "$(stats '.requests.token["200"]')" 1
}

@test "without trust in the certificate the SDK does not connect" {
    emulator_start --tls
    run node "$CONFORMANCE/identity.mjs" "$CONNECTION_STRING"
    [ "$status" -ne 0 ]
    [[ $output == *"self-signed certificate"* ]]
}
