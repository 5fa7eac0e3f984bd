# conformance_helper.bash - the official SDK for JavaScript, as it comes from npm in the locked versions.

# shellcheck source=tests/cli/emulator_helper.bash
source "${BASH_SOURCE[0]%/*}/../cli/emulator_helper.bash"
# shellcheck disable=SC2034 # for those who load this
CONFORMANCE=$ROLLCALL_SOURCE/tests/conformance

# install_sdk: what package-lock.json names, unless it is there. For setup_file(). The files of this folder may run side by
# side: one of them installs, the others wait.
install_sdk() {
    local lock
    cd "$ROLLCALL_SOURCE/tests/conformance" || return 1
    exec {lock}<package.json
    flock "$lock"
    [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent 3>&-
    exec {lock}<&-
}

# node_tests FILE [ARGUMENT...]: runs a file of node:test; none of its tests may fail or be skipped.
node_tests() {
    run node "$CONFORMANCE/$1" "${@:2}"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"# fail 0"* ]]
    [[ $output == *"# skipped ${SKIPPED:-0}"* ]]
}
