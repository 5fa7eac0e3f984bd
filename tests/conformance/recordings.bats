# Recorded exchanges with the real service (recordings.json), held against the emulator and against the official SDK. Our own
# client is held against them by tests/unit/test_acs_recordings.c.

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

@test "the emulator answers every recorded request as the service did" {
    emulator_start --bearer-token a.bearer.token --bearer-lifetime 86399s
    run "$PYTHON" "$CONFORMANCE/replay.py" "$CONNECTION_STRING" a.bearer.token
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"14 recordings, 30 exchanges, 0 differences" ]]
}

@test "every operation is there in the api-versions that the table of README.md says" {
    emulator_start
    run "$PYTHON" "$CONFORMANCE/operations.py" "$CONNECTION_STRING"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"143 cells, 0 differences" ]]
}

@test "the SDK makes every recorded request and understands its answer" {
    node_tests replay.mjs
}
