# The official SDK for JavaScript, as it comes from npm, against the emulator.

setup_file() {
    cd "$ROLLCALL_SOURCE/tests/conformance" || return
    [ -d node_modules ] || npm ci --silent
}

setup() {
    load ../cli/emulator_helper.bash
}

teardown() {
    emulator_stop_all
}

@test "the SDK works over plain HTTP" {
    emulator_start --limits revoke=1/1s
    run node "$ROLLCALL_SOURCE/tests/conformance/identity.mjs" "$CONNECTION_STRING"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"# fail 0"* ]]
    [[ $output == *"# skipped 1"* ]]
}

@test "the SDK works over TLS, and with a bearer token" {
    emulator_start --limits revoke=1/1s --tls --bearer-token a.bearer.token
    NODE_EXTRA_CA_CERTS=$CERTIFICATE run node "$ROLLCALL_SOURCE/tests/conformance/identity.mjs" "$CONNECTION_STRING" \
        a.bearer.token
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"# fail 0"* ]]
    [[ $output == *"# skipped 0"* ]]
}

@test "without trust in the certificate the SDK does not connect" {
    emulator_start --tls
    run node "$ROLLCALL_SOURCE/tests/conformance/identity.mjs" "$CONNECTION_STRING"
    [ "$status" -ne 0 ]
    [[ $output == *"self-signed certificate"* ]]
}
